"""`clew demo`: real purchases under synthetic people, or a declared scenario, through the whole line, twice."""

import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from clew.commands.doctor import require
from clew.outcome import outcome_of
from clew.output import print_json
from clew.scenario import MARK, Scenario, mark, scenario_of, settled
from clew.screen import StepScreen, show_outcome
from clew.workspace import settings as workspace
from lakehouse.audit import head_of
from lakehouse.errors import UsageError
from lakehouse.lake import Lake
from lakehouse.settings import Settings


def demo(
    households: Annotated[
        str | None, typer.Option(help="How many real households of the retailer, or all (2,469).", show_default="400")
    ] = None,
    scenario: Annotated[
        str,
        typer.Option(
            help="retailer, bank, telecom, or a folder of your own with contracts/ and sandbox.yml. A workspace is of "
            "one scenario: set CLEW_HOME to another folder for another."
        ),
    ] = "retailer",
    people: Annotated[
        int | None, typer.Option(min=1, help="How many people of a generated scenario; its sandbox.yml has a default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came of it as JSON.")] = False,
) -> None:
    """Write the sandbox's landing files for a year up to its last day, run; write that day, run again."""
    shown = scenario_of(scenario)
    number = _number(shown, households, people)
    settings = workspace()
    _refuse_to_overwrite(settings)
    settings = settled(settings, shown)
    require(settings)
    from clew.landing import LandingFiles, truth_of
    from clew.pipeline import Pipeline, only_run, own_terminal

    days = []
    clock = time.monotonic()
    with only_run(settings), own_terminal(settings.state / "logs" / "demo.log") as terminal:
        mark(settings, shown)
        _clear(settings)
        screen = StepScreen(terminal)
        try:
            pipeline = None
            eve = shown.last_day - timedelta(days=1)
            for since, until in ((shown.first_day, eve), (shown.last_day, shown.last_day)):
                begin = time.monotonic()
                screen.begin(
                    f"landing files of {since} to {until}" if since < until else f"landing files of {since}", []
                )
                files = LandingFiles(settings, number, since, until, shown.folder)
                screen.started("sandbox")
                if pipeline is None:
                    pipeline = Pipeline(settings)
                    pipeline.load()
                lines = files.wait(lambda source, n: screen.said("sandbox", source, n, None))
                screen.ended("sandbox", "done", lines, time.monotonic() - begin, "")
                days.append(pipeline.run(until, screen))
        finally:
            screen.finish()
    outcome = outcome_of(Lake(settings), days, time.monotonic() - clock, truth_of(settings))
    if as_json:
        print_json(outcome)
    else:
        show_outcome(Console(file=sys.stdout, highlight=False), outcome)


def _number(shown: Scenario, households: str | None, people: int | None) -> int | None:
    """How many there are to be: households of the retailer, people of another; None for all, or what is declared."""
    if shown.folder is None:
        if people is not None:
            raise UsageError("--people is for generated scenarios", do="say how many households: --households 400")
        return _households(households or "400")
    if households is not None:
        raise UsageError(f"the scenario {shown.name} has no households", do="say how many people: --people 400")
    return people


def _households(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--households {text} is neither a number nor all", "", "clew demo --households 400")
    return int(text)


def _refuse_to_overwrite(settings: Settings) -> None:
    if (settings.lake / MARK).exists():
        return
    for folder, held in ((settings.lake, "a lake that no demo made"), (settings.exports, "exports that no demo wrote")):
        if _children(folder):
            raise UsageError(
                f"this workspace has {held}",
                str(folder),
                "run the demo in another folder: CLEW_HOME=/tmp/clew-demo clew demo",
            )


def _clear(settings: Settings) -> None:
    """Remove a former demo's tables, exports and checkpoints. The mark, which went in first, stays to the end."""
    restricted = _children(settings.places.restricted)
    for place in [*restricted, *settings.lake.iterdir(), *_children(settings.exports), settings.state / "checkpoints"]:
        if place.is_dir():
            shutil.rmtree(place)
        elif place.name != MARK:
            place.unlink(missing_ok=True)
    head_of(settings).unlink(missing_ok=True)  # the audit that it is of went with the lake


def _children(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
