"""The lines of steps that chaos is let loose on: each is what a run does, step after step, in one process."""

import datetime
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings

Step = Callable[[Lake, Run], object]

REQUEST = "chaos.txt"
"""The file in ``.clew/requests`` that the workspace of the line ``rights`` has."""
STEPS = "steps"
"""The folder of a workspace in which a file is written as each step begins, named for it."""
FINISHED = 7
"""The exit code of a process that did all its steps; 0 a library may choose, too."""


def people() -> dict[str, Step]:
    """Who is who, of silver tables that are there; no JVM."""
    from identity.resolve import resolve
    from lakehouse.maintenance import maintain

    return {"resolve": resolve, "maintain": maintain}


def restore() -> dict[str, Step]:
    """A damaged table that is computed from others begins anew, and is computed; no JVM."""
    return {"restore": _restore, **people()}


def release() -> dict[str, Step]:
    """Retractions, a release and its exports, of tables that are there and passed their gates; no JVM."""
    from activation.export import export_all
    from activation.withdrawals import retract
    from expectations.gate import check_staged
    from lakehouse.maintenance import maintain
    from lakehouse.releases import publish_release
    from tests.gates import pass_gates

    return {
        "retract": retract,
        "gates": pass_gates,
        "release": publish_release,
        "export": lambda lake, run: export_all(lake, run, check_staged),
        "maintain": maintain,
    }


def rights() -> dict[str, Step]:
    """An erasure on request, retention, and after them what ``release`` has; no JVM."""
    from rights.retain import step

    return {"forget": _forget, "retain": step, **release()}


def whole() -> dict[str, Step]:
    """The daily run as ``clew_daily`` has it, with a requeue and maintenance."""
    from activation.export import export_all
    from activation.withdrawals import retract
    from expectations.gate import check_staged, gate
    from identity.resolve import resolve
    from lakehouse.maintenance import maintain
    from lakehouse.releases import publish_release
    from measures.step import measure
    from spark_jobs.bronze.land import land
    from spark_jobs.gold.events import build_events
    from spark_jobs.gold.marts import build_marts
    from spark_jobs.silver.conform import conform
    from spark_jobs.silver.requeue import requeue

    return {
        "land": land,
        "conform": conform,
        "retract": retract,
        "requeue": requeue,
        "gate_silver": lambda lake, run: gate(lake, run, "silver"),
        "resolve": resolve,
        "gate_identity": lambda lake, run: gate(lake, run, "identity"),
        "build_events": build_events,
        "build_marts": build_marts,
        "measure": measure,
        "gate_gold": lambda lake, run: gate(lake, run, "gold"),
        "release": publish_release,
        "export": lambda lake, run: export_all(lake, run, check_staged),
        "maintain": maintain,
    }


def to_gold() -> dict[str, Step]:
    """The daily run up to gold.events, without gates: the steps that write with Spark, but for dbt's."""
    without = ("gate_silver", "gate_identity", "build_marts", "measure", "gate_gold", "release", "export", "retract")
    return {name: step for name, step in whole().items() if name not in without}


def _restore(lake: Lake, run: Run) -> None:
    from clew.restore import restore
    from lakehouse.errors import UsageError
    from lakehouse.intact import damages

    for table in sorted({damage.table for damage in damages(lake)}):
        try:
            restore(lake, table)
        except UsageError:
            if damages(lake, [table]):
                raise  # else the other of two has restored it


def _forget(lake: Lake, run: Run) -> object:
    from lakehouse.errors import UsageError
    from rights.erase import on_request
    from spark_jobs.privacy.state import REQUESTS

    try:
        return on_request(lake, run, REQUEST, "asked by letter")
    except UsageError:
        if (lake.settings.state / REQUESTS / REQUEST).exists():
            raise
        return None  # done, by a run that was killed before that was told, or by the other of two


LINES: dict[str, Callable[[], dict[str, Step]]] = {
    "people": people,
    "restore": restore,
    "release": release,
    "rights": rights,
    "to_gold": to_gold,
    "whole": whole,
}


def walk(line: str, home: Path, day: datetime.date, die_before: str | None) -> None:
    """Do all steps of a line for a day, in this process, which becomes a group of its own so that it dies whole.

    Args:
        line: Its name.
        home: The workspace.
        day: The date of the run.
        die_before: The step at whose beginning to be killed; None is none.
    """
    os.setsid()
    importlib.import_module("tests.chaos.warm")  # done already where this process is forked
    log = os.open(home / "walk.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    # As `clew run` has it: a run that is started again has another name.
    lake, run = Lake(Settings(home=home, spark_master="local[2]")), Run(f"run-{day}-{os.getpid()}", day)
    (home / STEPS).mkdir(exist_ok=True)
    for name, step in LINES[line]().items():
        (home / STEPS / name).write_bytes(b"")
        if name == die_before:
            os.killpg(0, signal.SIGKILL)
        step(lake, run)
    sys.exit(FINISHED)


def apart(line: str, home: Path, day: datetime.date) -> int:
    """Do all steps of a line in a process of its own; its exit code."""
    process = multiprocessing.get_context("spawn").Process(target=walk, args=(line, home, day, None))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode
