"""Every step of a run as OpenLineage events, for lineage tools: what began, what it read and wrote, how it ended.

OpenLineage (openlineage.io), specification 2-0-2: a run event names a job, a run and its datasets, each described by
facets. Datasets are named as its naming conventions ask: namespace ``file`` and the absolute path, or ``s3://bucket``
and the key. What a step wrote are the tables whose version it changed; what it read follows from their declarations.
Nothing of this may fail a run, and no event holds a value of a row.
"""

import datetime
import os
import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.commits_on_disk import versions_on_disk
from lakehouse.lineage_facets import exported, input_of, job, output_of, producer, run_of
from lakehouse.lineage_sink import deliver

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

    from contracts.lineage import Lineage
    from lakehouse.lake import Lake
    from lakehouse.run import Run, Step

OFF = "off"
_GATE, _RELEASE, _EXPORT = "gate_", "release", "export"
_RELEASED = ("silver", "identity", "gold")
_QUIET = ("ops.runs",)
"""Written by every step, about itself."""


@dataclass
class Announced:
    """A step whose START was sent.

    Attributes:
        run_id: The id of the step's run, a UUID.
        began: When.
        versions: The newest version of every table then.
        exports: The exports that were published then.
    """

    run_id: str
    began: datetime.datetime
    versions: dict[str, int]
    exports: frozenset[Path]
    told: list["Future[None]"] = field(default_factory=list)


def begin(lake: "Lake", run: "Run", step: "Step") -> Announced | None:
    """Send the START of a step; None where events are switched off, or the lake cannot be looked at."""
    if lake.settings.openlineage == OFF:
        return None
    try:
        versions, exports = versions_on_disk(lake.settings.places), _exports(lake)
    except OSError as error:
        _say(step, f"{error.filename}: {error.strerror}")
        return None
    announced = Announced(str(uuid.uuid4()), datetime.datetime.now(datetime.UTC), versions, exports)
    announced.told.append(_worker().submit(_send, lake, step, lambda: [_started(lake, run, step.name, announced)]))
    return announced


def end(lake: "Lake", run: "Run", step: "Step", announced: Announced | None, error: BaseException | None) -> None:
    """Send the COMPLETE or FAIL of a step, and wait until its events are kept."""
    if announced is None:
        return
    at = datetime.datetime.now(datetime.UTC)
    try:
        ended = Ended(at, versions_on_disk(lake.settings.places), _exports(lake) - announced.exports, error)
    except OSError as refused:
        _say(step, f"{refused.filename}: {refused.strerror}")
        return
    told = _worker().submit(_send, lake, step, lambda: _ended(lake, run, step.name, announced, ended))
    for waited in (*announced.told, told):
        waited.result()


@dataclass(frozen=True)
class Ended:
    """How a step ended: when, the versions of the tables then, the exports it published, and what stopped it."""

    at: datetime.datetime
    versions: dict[str, int]
    exports: frozenset[Path]
    error: BaseException | None


def _send(lake: "Lake", step: "Step", make: Any) -> None:
    """Make events and deliver them; whatever goes wrong is said once and stops nothing."""
    try:
        from openlineage.client.event_v2 import set_producer

        set_producer(producer())
        reason = deliver(lake.settings, make())
    except Exception as error:  # noqa: BLE001 - lineage is told beside the work, and may never stop it
        reason = f"{type(error).__name__} while they were made"
    if reason:
        _say(step, reason)


def _say(step: "Step", reason: str) -> None:
    """Say once in this process why events are not kept."""
    with _LOCK:
        known = reason in _SAID
        _SAID.add(reason)
    if not known:
        step.say(f"OpenLineage events are not kept: {reason}")


def _started(lake: "Lake", run: "Run", name: str, announced: Announced) -> "RunEvent":
    from openlineage.client.event_v2 import RunEvent, RunState

    return RunEvent(
        eventTime=announced.began.isoformat(),
        eventType=RunState.START,
        producer=producer(),
        job=job(name, f"Step {name} of a run of Clew."),
        run=run_of(lake, run, announced.run_id),
        inputs=[],
        outputs=[],
    )


def _ended(lake: "Lake", run: "Run", name: str, announced: Announced, ended: Ended) -> "list[RunEvent]":
    from openlineage.client.event_v2 import RunEvent, RunState

    lineage = _lineage(lake.settings.contracts)
    changed = {
        table: version
        for table, version in ended.versions.items()
        if version != announced.versions.get(table) and table not in _QUIET
    }
    marts = [table for table in changed if (node := lineage.node(table)) is not None and node.is_mart]
    events = []
    for table in marts:
        for state, at in ((RunState.START, announced.began), (RunState.COMPLETE, ended.at)):
            done = state is RunState.COMPLETE
            node = lineage.nodes[table]
            events.append(
                RunEvent(
                    eventTime=at.isoformat(),
                    eventType=state,
                    producer=producer(),
                    job=job(f"{name}.{table}", f"The dbt model {table.removeprefix('gold.')}."),
                    run=run_of(lake, run, _of_model(announced.run_id, table), (name, announced.run_id)),
                    inputs=[input_of(lake, lineage, read, ended.versions) for read in node.reads] if done else [],
                    outputs=[output_of(lake, lineage, table, announced.versions, ended.versions)] if done else [],
                )
            )
    reads = _read(lineage, name, changed, ended)
    outputs = [output_of(lake, lineage, table, announced.versions, ended.versions) for table in sorted(changed)]
    outputs += [exported(lake, folder) for folder in sorted(ended.exports)]
    events.append(
        RunEvent(
            eventTime=ended.at.isoformat(),
            eventType=RunState.COMPLETE if ended.error is None else RunState.FAIL,
            producer=producer(),
            job=job(name, f"Step {name} of a run of Clew."),
            run=run_of(lake, run, announced.run_id, error=ended.error),
            inputs=[input_of(lake, lineage, table, ended.versions) for table in reads],
            outputs=outputs,
        )
    )
    return events


def _read(lineage: "Lineage", name: str, changed: dict[str, int], ended: Ended) -> list[str]:
    """What a step read: what its tables are made of; a gate and a release, what they look at."""
    if name.startswith(_GATE):
        return sorted(table for table in ended.versions if table.split(".")[0] == name.removeprefix(_GATE))
    if name == _RELEASE:
        return sorted(table for table in ended.versions if table.split(".")[0] in _RELEASED)
    if name == _EXPORT:
        return sorted(table for table in ended.versions if table.split(".")[0] == "gold" and ended.exports)
    found: set[str] = set()
    for table in changed:
        node = lineage.node(table)
        if table.startswith("bronze."):
            found.add(f"landing/{table.removeprefix('bronze.')}")
        for read in node.reads if node is not None else ():
            if read == "bronze.<source>":
                found |= {known for known in ended.versions if known.startswith("bronze.")}
            else:
                found.add(read)
    return sorted(found - set(changed))


def _of_model(run_id: str, table: str) -> str:
    return str(uuid.uuid5(uuid.UUID(run_id), table))


def _exports(lake: "Lake") -> frozenset[Path]:
    return frozenset(path.parent for path in lake.settings.exports.glob("*/[0-9]*/manifest.json"))


@lru_cache(maxsize=4)
def _lineage(contracts: Path) -> "Lineage":
    from contracts import Contracts
    from contracts.lineage import Lineage

    return Lineage(Contracts(contracts))


_LOCK = threading.Lock()
_WORKERS: dict[int, ThreadPoolExecutor] = {}
_SAID: set[str] = set()


def _worker() -> ThreadPoolExecutor:
    """One thread of this process: the client takes a second to import, which the work of a step does not wait for."""
    with _LOCK:
        if os.getpid() not in _WORKERS:  # a thread does not outlive a fork
            _WORKERS.clear()
            _WORKERS[os.getpid()] = ThreadPoolExecutor(1, thread_name_prefix="openlineage")
        return _WORKERS[os.getpid()]
