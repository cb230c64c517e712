"""The steps stand still while somebody from outside a run changes tables: maintenance, erasure, retention, a restore.

Delta on a local folder knows no second writer, so each step holds a lock of its own meanwhile. Who takes them all takes
them in one order, and a table's lock after them; two who wait for each other would wait for ever.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.lake import Lake

STEP_LOCKS = ("land", "conform", "resolve", "gold.events", "gold.marts", "release")
"""What the steps that write tables hold meanwhile."""


@contextmanager
def steps_stand_still(lake: "Lake") -> Iterator[None]:
    """Wait for the steps at work, and keep others from beginning."""
    with ExitStack() as locks:
        for name in STEP_LOCKS:
            locks.enter_context(lake.lock(name))
        yield


def alone_with(lake: "Lake", table: str) -> AbstractContextManager[None]:
    """Keep other writers of a table away, while the steps stand still: the lock of some tables is their step's."""
    return nullcontext() if table in STEP_LOCKS else lake.lock(table)
