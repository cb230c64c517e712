"""Folders under ``exports/`` that are past the period of their destination.

An export is as old as its release, a retraction as the day on which it was written. What a folder says is known without
it: whom it handed over, by ops.deliveries and ops.retractions; what it was, by the audit. So before one goes, what a
process that died left unwritten there is written.
"""

import datetime
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from activation.export import catch_up
from activation.files import read_manifest, sync_folder
from activation.held import Held, all_held, finish_cut_off, gone, has_rows, misnamed
from activation.named import by_id
from activation.withdrawals import make_up
from lakehouse import audit
from lakehouse.errors import DataError
from lakehouse.releases import latest_of, release_dates
from lakehouse.seal import is_sealed

if TYPE_CHECKING:
    from lakehouse.lake import Lake

Fate = Literal["goes", "held", "unknown"]


@dataclass(frozen=True)
class Old:
    """A folder that is past its period, or of which that cannot be told.

    Attributes:
        folder: The folder.
        days: The period.
        fate: ``goes``; ``held``, since it has somebody who is; ``unknown``, since it is not what was sealed, or its
            release is in ops.releases no more: what is wrong with it, ``clew export verify`` says.
    """

    folder: Held
    days: int
    fate: Fate


def find(lake: "Lake", as_of: datetime.date, days: Mapping[str, int], kept: Collection[str]) -> list[Old]:
    """The folders past their period; nothing is changed.

    The newest export of a destination is none of them, however old: the next is told apart from it, and it is what the
    destination has.

    Args:
        lake: The lake.
        as_of: The date from which periods are counted back.
        days: The period of each destination that has one.
        kept: Profile ids, retired ones too, of people who are under a legal hold.
    """
    dates, wanted = release_dates(lake), by_id(kept)
    held = all_held(lake)
    exports: dict[str, list[tuple[datetime.date, int]]] = defaultdict(list)
    for item in held:
        if item.kind == "export":
            exports[item.destination].append((dates.get(item.number, datetime.date.min), item.number))
    newest = {name: latest_of(found) for name, found in exports.items()}
    made = []
    for item in held:
        if item.destination not in days or (item.kind == "export" and item.number == newest[item.destination]):
            continue
        period = days[item.destination]
        born = _born(lake, item, dates)
        if born is None:
            made.append(Old(item, period, "unknown"))
        elif born < as_of - datetime.timedelta(days=period):
            made.append(Old(item, period, "held" if kept and has_rows(item, wanted) else "goes"))
    return made


def remove(lake: "Lake", old: Iterable[Old], as_of: datetime.date) -> None:
    """Remove the folders that go, each written down in the audit before; one that is gone already is no fault."""
    by_destination: dict[str, list[Old]] = defaultdict(list)
    for one in old:
        if one.fate == "goes":
            by_destination[one.folder.destination].append(one)
    if by_destination:
        catch_up(lake)
    for name, items in sorted(by_destination.items()):
        with lake.lock(f"export_{name}"):
            finish_cut_off(lake, name)
            make_up(lake, name)
            for one in items:
                _remove(lake, one, as_of)


def _remove(lake: "Lake", one: Old, as_of: datetime.date) -> None:
    place = one.folder.folder
    if not place.exists():
        return
    manifest = read_manifest(place)
    detail = f"removed with {manifest['rows']} rows, past its {one.days} days back from {as_of}"
    audit.note(lake, [audit.Act("retain", one.folder.subject, detail, audit.fingerprint(manifest))])
    hidden = gone(place)  # from here on a process that dies is followed up by finish_cut_off
    place.rename(hidden)
    sync_folder(place.parent)
    shutil.rmtree(hidden)


def _born(lake: "Lake", item: Held, dates: Mapping[int, datetime.date]) -> datetime.date | None:
    """The date that a folder is of; None where its manifest does not hold, or its release is not known."""
    try:
        manifest: dict[str, Any] = read_manifest(item.folder)
        if misnamed(item, manifest) or not is_sealed(lake.settings, manifest):
            return None
        if item.kind == "export":
            return dates.get(item.number)
        return datetime.datetime.fromisoformat(manifest["written_at"]).date()
    except (DataError, OSError, KeyError, TypeError, ValueError):
        return None
