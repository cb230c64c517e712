"""Restoring a damaged table: one that is computed begins anew and is computed again; one that is not needs a backup."""

from dataclasses import dataclass
from pathlib import Path

from lakehouse.errors import DataError, UsageError
from lakehouse.intact import (
    RESTORE,
    Damage,
    begin_anew,
    damages,
    drop_hint,
    finish_restores,
    half_restored,
)
from lakehouse.lake import Lake
from lakehouse.remedy import ACCOUNT, is_computed, without_computing
from lakehouse.still import alone_with, steps_stand_still


@dataclass(frozen=True)
class Restored:
    """What was done about a table.

    Attributes:
        table: The table.
        damages: What was wrong.
        aside: Where the damaged table is now; None where only a note was removed.
        do: The command that computes it again; empty where it is whole already.
    """

    table: str
    damages: tuple[Damage, ...]
    aside: Path | None
    do: str


def restore(lake: Lake, table: str, *, even_if_whole: bool = False, dry_run: bool = False) -> Restored:
    """Make a damaged table whole, or ready to be computed again; the damaged files are kept.

    Args:
        lake: The lake.
        table: The table.
        even_if_whole: Begin it anew though no file of it is damaged.
        dry_run: Only tell.

    Raises:
        UsageError: If there is no such table, or nothing is wrong with it.
        DataError: If it cannot be computed again.
    """
    if dry_run:
        return _restore(lake, table, even_if_whole=even_if_whole, dry_run=True)
    # Looked at only now that nobody else does: of two at once the second would set the first one's whole table aside.
    with steps_stand_still(lake), alone_with(lake, table):
        return _restore(lake, table, even_if_whole=even_if_whole, dry_run=False)


def _restore(lake: Lake, table: str, *, even_if_whole: bool, dry_run: bool) -> Restored:
    if not lake.exists(table) and table not in half_restored(lake):
        raise UsageError(f"there is no table {table}", lake.path(table), "see what there is: clew tables")
    found = tuple(damages(lake, [table]))
    if not found and not even_if_whole:
        raise UsageError(f"nothing is wrong with the files of {table}", lake.path(table), "clew doctor --tables")
    if found and all(damage.is_hint for damage in found):
        if not dry_run:
            drop_hint(lake, table)
        return Restored(table, found, None, "")
    if not is_computed(table):
        raise DataError(
            f"{table} is computed from no other table",
            lake.path(table),
            without_computing(table),
        )
    aside = None
    if not dry_run:
        with lake.lock(RESTORE):
            finished = finish_restores(lake)
        aside = finished.get(table) or begin_anew(lake, table)
    everything = table.startswith("silver.") or table == ACCOUNT
    return Restored(table, found, aside, "clew run --from-landing 1" if everything else "clew run")
