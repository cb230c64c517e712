"""A run of the pipeline: its id, the date it stands for, and what it says while it works."""

import datetime
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from deltalake.exceptions import DeltaError

from lakehouse import openlineage
from lakehouse.faults import explained
from lakehouse.intact import RESTORE, finish_restores

if TYPE_CHECKING:
    from lakehouse.lake import Lake


class Progress(Protocol):
    """Hears how a run goes. Seconds are wall-clock; ``total`` is None where the end is not known."""

    def started(self, step: str) -> None: ...

    def said(self, step: str, label: str, rows: int | None, total: int | None) -> None: ...

    def ended(self, step: str, state: str, rows: int, seconds: float, message: str) -> None: ...


def at_work(step: str) -> str:
    """The lock that a process holds while it is in a step, by which a step under way is told from one that died."""
    return f"step_{step}"


class Silent:
    """A listener that shows nothing."""

    def started(self, step: str) -> None:
        pass

    def said(self, step: str, label: str, rows: int | None, total: int | None) -> None:
        pass

    def ended(self, step: str, state: str, rows: int, seconds: float, message: str) -> None:
        pass


@dataclass
class Step:
    """One step under way.

    Attributes:
        name: Its name.
        progress: Hears what it says.
        rows: What it wrote, shown at its end and kept in ops.runs.
        message: What else is to be said of it, kept there, too.
        parts: Tables that are jobs of their own within it, and whether each was made; for lineage tools.
    """

    name: str
    progress: Progress
    rows: int = 0
    message: str = ""
    parts: dict[str, bool] = field(default_factory=dict)

    def say(self, label: str, rows: int | None = None, total: int | None = None) -> None:
        self.progress.said(self.name, label, rows, total)


@dataclass(frozen=True)
class Run:
    """What every step is told.

    Attributes:
        run_id: Names the run in ops tables; a retry of a step keeps it.
        as_of: The date the run stands for; what a table calls "now".
        progress: Hears what goes on.
    """

    run_id: str
    as_of: datetime.date
    progress: Progress = field(default_factory=Silent)

    @contextmanager
    def step(self, lake: "Lake", name: str) -> Iterator[Step]:
        """Announce a step, keep its start and its end in ops.runs, and tell lineage tools of it.

        A restore that died is finished first: a step would make its table anew, with the numbers of old versions.

        Raises:
            EnvironmentFault: Instead of what a library raised where there was no room, or no right, to write,
                or Spark's JVM ended.
            DataError: Instead of it where a table is damaged.
        """
        step = Step(name, self.progress)
        self.progress.started(name)
        announced = openlineage.begin(lake, self, step)
        begin = time.monotonic()
        try:
            with lake.lock(RESTORE):
                finish_restores(lake)
            self._record(lake, step, "started", 0.0)
            with lake.lock(at_work(name), shared=True):
                yield step
            self._record(lake, step, "done", time.monotonic() - begin)
        except BaseException as error:
            cause = explained(lake, error)
            step.message = step.message or (cause.what if cause else type(error).__name__)
            self._fail(lake, step, time.monotonic() - begin)
            openlineage.end(lake, self, step, announced, cause or error)
            if cause is None or cause is error:
                raise
            raise cause from error
        self.progress.ended(name, "done", step.rows, time.monotonic() - begin, step.message)
        openlineage.end(lake, self, step, announced, None)

    def _fail(self, lake: "Lake", step: Step, seconds: float) -> None:
        """Keep that a step failed, if that can be: a full disk takes this row no more than it took the step's."""
        try:
            self._record(lake, step, "failed", seconds)
        except (OSError, DeltaError):
            step.message += "; ops.runs could not be written"
        self.progress.ended(step.name, "failed", step.rows, seconds, step.message)

    def _record(self, lake: "Lake", step: Step, state: str, seconds: float) -> None:
        row = {
            "run_id": self.run_id,
            "step": step.name,
            "state": state,
            "at": datetime.datetime.now(datetime.UTC),
            "as_of": self.as_of,
            "seconds": round(seconds, 3),
            "rows": step.rows,
            "message": step.message,
        }
        lake.append("ops.runs", [row])
