"""A run of the pipeline: its id, the date it stands for, and what it says while it works."""

import datetime
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lakehouse import openlineage
from lakehouse.errors import ClewError

if TYPE_CHECKING:
    from lakehouse.lake import Lake


class Progress(Protocol):
    """Hears how a run goes. Seconds are wall-clock; ``total`` is None where the end is not known."""

    def started(self, step: str) -> None: ...

    def said(self, step: str, label: str, rows: int | None, total: int | None) -> None: ...

    def ended(self, step: str, state: str, rows: int, seconds: float, message: str) -> None: ...


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
    """One step under way. ``rows`` is what it wrote, shown at its end and kept in ops.runs."""

    name: str
    progress: Progress
    rows: int = 0
    message: str = ""

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
        """Announce a step, keep its start and its end in ops.runs, and tell lineage tools of it."""
        step = Step(name, self.progress)
        self.progress.started(name)
        self._record(lake, step, "started", 0.0)
        announced = openlineage.begin(lake, self, step)
        begin = time.monotonic()
        try:
            yield step
        except BaseException as error:
            what = error.what if isinstance(error, ClewError) else type(error).__name__
            step.message = step.message or what
            self._finish(lake, step, "failed", time.monotonic() - begin)
            openlineage.end(lake, self, step, announced, error)
            raise
        self._finish(lake, step, "done", time.monotonic() - begin)
        openlineage.end(lake, self, step, announced, None)

    def _finish(self, lake: "Lake", step: Step, state: str, seconds: float) -> None:
        self._record(lake, step, state, seconds)
        self.progress.ended(step.name, state, step.rows, seconds, step.message)

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
