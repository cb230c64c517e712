"""An erasure keeps everything away that could hand its people out, or build them anew, until its end.

While it works it holds locks: ``erase`` alone, which who hands over takes shared, and those of the steps. If it dies,
the locks are gone and half of its people is still there; then its plan keeps them all away until it is finished.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import DataError

if TYPE_CHECKING:
    from lakehouse.lake import Lake

LOCK = "erase"
PLAN = "erasure.json"
"""The file, in the state folder, that is there from an erasure's beginning to its end."""


def plan_file(lake: "Lake") -> Path:
    """Where the plan of the erasure under way is."""
    return lake.settings.state / PLAN


def refuse_half_erased(lake: "Lake") -> None:
    """Refuse to go on while an erasure is half done.

    Call it under a lock that an erasure takes, too: then the one whose plan is found is not at work, but died.

    Raises:
        DataError: If one died before its end.
    """
    if plan_file(lake).exists():
        raise DataError(
            "an erasure died before its end, and its people are still in part of the tables",
            str(plan_file(lake)),
            "finish it: clew forget",
        )


@contextmanager
def no_erasure(lake: "Lake") -> Iterator[None]:
    """Keep erasures from beginning meanwhile: what is handed over now, they find.

    Raises:
        DataError: If one died before its end.
    """
    with lake.lock(LOCK, shared=True):
        refuse_half_erased(lake)
        yield
