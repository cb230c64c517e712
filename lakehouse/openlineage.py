"""Every step of a run as OpenLineage events, for lineage tools: what began, what it read and wrote, how it ended.

OpenLineage (openlineage.io), specification 2-0-2: a run event names a job, a run and its datasets, each described by
facets. Datasets are named as its naming conventions ask: namespace ``file`` and the absolute path, or ``s3://bucket``
and the key. What a step read and wrote follows from the declarations of tables: lineage_steps.
Nothing of this may fail a run, and no event holds a value of a row.
"""

import datetime
import os
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.commits_on_disk import versions_on_disk
from lakehouse.lineage_facets import handed_over, input_of, job, output_of, producer, run_of
from lakehouse.lineage_sink import deliver
from lakehouse.lineage_steps import inputs_of, outputs_of, reads_of

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

    from contracts.lineage import Lineage
    from lakehouse.lake import Lake
    from lakehouse.run import Run, Step

OFF = "off"
RETRACTED_IN = "retractions"
"""The folder, in that of a destination, of retractions apart from a release (activation.held)."""


@dataclass
class Announced:
    """A step whose START was sent.

    Attributes:
        run_id: The id of the step's run, a UUID.
        began: When.
        versions: The newest version of every table then.
        exports: The exports and retractions that were published then.
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
        exports = _exports(lake) - announced.exports
        ended = Ended(at, versions_on_disk(lake.settings.places), exports, dict(step.parts), error)
    except OSError as refused:
        _say(step, f"{refused.filename}: {refused.strerror}")
        return
    told = _worker().submit(_send, lake, step, lambda: _ended(lake, run, step.name, announced, ended))
    for waited in (*announced.told, told):
        waited.result()


@dataclass(frozen=True)
class Ended:
    """How a step ended.

    Attributes:
        at: When.
        versions: The newest version of every table then.
        exports: The exports and retractions that were published meanwhile.
        parts: Of the tables that are jobs of their own within the step, whether each was made.
        error: What stopped it.
    """

    at: datetime.datetime
    versions: dict[str, int]
    exports: frozenset[Path]
    parts: dict[str, bool]
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
    before, after = announced.versions, ended.versions
    release = max((int(folder.name) for folder in ended.exports if folder.parent.name != RETRACTED_IN), default=None)
    reads = inputs_of(lineage, lake, name, before, after, release)
    written = outputs_of(lineage, name, before, after)
    outputs = [output_of(lake, lineage, table, before, after) for table in written]
    outputs += [handed_over(lake, folder) for folder in sorted(ended.exports)]
    whole = RunEvent(
        eventTime=ended.at.isoformat(),
        eventType=RunState.COMPLETE if ended.error is None else RunState.FAIL,
        producer=producer(),
        job=job(name, f"Step {name} of a run of Clew."),
        run=run_of(lake, run, announced.run_id, error=ended.error),
        inputs=[input_of(lake, lineage, table, version) for table, version in reads.items()],
        outputs=outputs,
    )
    models = [table for table in ended.parts if table in lineage.nodes]
    return [event for table in models for event in _of_model(lake, run, name, table, announced, ended)] + [whole]


def _of_model(
    lake: "Lake", run: "Run", name: str, table: str, announced: Announced, ended: Ended
) -> "Iterator[RunEvent]":
    """A dbt model as a job of its own: its START, and how it ended."""
    from openlineage.client.event_v2 import RunEvent, RunState

    lineage = _lineage(lake.settings.contracts)
    run_id, above = str(uuid.uuid5(uuid.UUID(announced.run_id), table)), (name, announced.run_id)
    about = job(f"{name}.{table}", f"The dbt model {table.removeprefix('gold.')}.")
    yield RunEvent(
        eventTime=announced.began.isoformat(),
        eventType=RunState.START,
        producer=producer(),
        job=about,
        run=run_of(lake, run, run_id, above),
        inputs=[],
        outputs=[],
    )
    is_made = ended.parts[table] and table in ended.versions
    reads = reads_of(lineage, table, ended.versions)
    yield RunEvent(
        eventTime=ended.at.isoformat(),
        eventType=RunState.COMPLETE if is_made else RunState.FAIL,
        producer=producer(),
        job=about,
        run=run_of(lake, run, run_id, above, None if is_made else ended.error),
        inputs=[input_of(lake, lineage, read, version) for read, version in reads.items()],
        outputs=[output_of(lake, lineage, table, announced.versions, ended.versions)] if is_made else [],
    )


def _exports(lake: "Lake") -> frozenset[Path]:
    folders = ("[0-9]*", f"{RETRACTED_IN}/[0-9]*")
    found = (lake.settings.exports.glob(f"*/{folder}/manifest.json") for folder in folders)
    return frozenset(path.parent for paths in found for path in paths)


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
