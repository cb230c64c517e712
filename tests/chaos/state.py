"""What a workspace holds that must not depend on how often its runs were killed, and what of it differs."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activation.deliveries import RETRACTED
from activation.deliveries import TABLE as DELIVERED
from activation.held import FILES, RETRACTED_IN, all_held, published_folders, published_retractions
from activation.verify import verify
from clew.audited import problems
from lakehouse.content import OF_LANDINGS, contents
from lakehouse.erasing import plan_file
from lakehouse.intact import SET_ASIDE
from lakehouse.lake import Lake
from lakehouse.seal import public_key
from lakehouse.settings import Settings
from spark_jobs.privacy import certificate, search

OF_RUNS = {
    "data": {"release"},
    "retractions": {"known_since", "exported_in"},
    DELIVERED: {"release", "delivered_at"},
    RETRACTED: {"number", "last_release", "landed_at", "delivered_at", "written_at"},
}
"""Columns of files and ledgers with our clock or a number: a run that died after its release is followed by another."""
KEYS = {DELIVERED: ("destination", "release", "profile_id", "address_hashes"),
        RETRACTED: ("destination", "number", "profile_id")}  # fmt: skip


@dataclass(frozen=True)
class State:
    """What an undisturbed run leaves.

    Attributes:
        tables: Rows and hash of each.
        exports: By destination, the rows of its newest export.
        retracted: By destination, the rows of all that it was told to remove, by retractions and with exports.
        ledgers: By ledger, its rows; of what was handed over those that differ, for a release may have come twice.
        counts: The accounts of lines, and what was left half done.
    """

    tables: dict[str, tuple[int, str]]
    exports: dict[str, list[str]]
    retracted: dict[str, list[str]]
    ledgers: dict[str, list[str]]
    counts: dict[str, Any]


def state(home: Path) -> State:
    """What a workspace holds."""
    lake = Lake(Settings(home=home))
    accounts: Counter[str] = Counter()
    for row in lake.arrow("ops.row_counts").to_pylist():
        for name in ("lines", "headers", "unpacked", "kept", "duplicates", "quarantined", "erased"):
            accounts[f"{row['source']} {name}"] += row[name]
    tables = {name: (item.rows, item.hash) for name, item in contents(lake, leave_out=OF_LANDINGS).items()}
    counts = {"accounts": dict(+accounts), "broken": list(_half_done(lake))}
    return State(tables, _exports(lake), _retracted(lake), _ledgers(lake), counts)


def faults(expected: State, found: State) -> list[str]:
    """What differs, in sentences."""
    told = [
        f"{table}: {found.tables.get(table)} instead of {expected.tables.get(table)}"
        for table in _unlike(expected.tables, found.tables)
    ]
    for what, its, others in (
        ("the export", expected.exports, found.exports),
        ("what was retracted from", expected.retracted, found.retracted),
        ("the ledger", expected.ledgers, found.ledgers),
    ):
        for name in _unlike(its, others):
            wanted, there = Counter(its.get(name, [])), Counter(others.get(name, []))
            lost, more = (wanted - there).total(), (there - wanted).total()
            told.append(f"{what} {name} differs: {lost} rows are missing, {more} too many")
    for name, value in expected.counts.items():
        if found.counts[name] != value:
            told.append(f"{name}: {found.counts[name]} instead of {value}")
    return told


def _unlike(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))


def _exports(lake: Lake) -> dict[str, list[str]]:
    return {folder.parent.name: _file(folder, "data") for folder in published_folders(lake)}  # the newest is the last


def _retracted(lake: Lake) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for held in all_held(lake):
        kind = "retractions" if held.kind == "export" else "data"
        rows.setdefault(held.destination, []).extend(_file(held.folder, kind))
    return {name: sorted(found) for name, found in rows.items()}


def _file(folder: Path, kind: str) -> list[str]:
    """The rows of a file of a folder that was handed over; a retraction's are laid out as those of an export's."""
    passed_over = OF_RUNS["retractions" if folder.parent.name == RETRACTED_IN else kind]
    with (folder / dict(FILES)[kind]).open(encoding="utf-8", newline="") as file:
        return [_told(row, passed_over) for row in csv.DictReader(file)]


def _ledgers(lake: Lake) -> dict[str, list[str]]:
    rows = {name: [_told(row, OF_RUNS[name]) for row in lake.arrow(name).to_pylist()] for name in KEYS}
    return {DELIVERED: sorted(set(rows[DELIVERED])), RETRACTED: sorted(rows[RETRACTED])}


def _told(row: Mapping[str, Any], passed_over: set[str]) -> str:
    """A row as text; a map of it has no order."""
    cells = {name: sorted(value) if isinstance(value, list) else value for name, value in row.items()}
    return json.dumps({name: value for name, value in cells.items() if name not in passed_over}, default=str)


def _half_done(lake: Lake) -> Iterator[str]:
    """What a kill may have left half done: a release without a table, an export not sealed, an act not written down."""
    by_release: dict[int, set[str]] = {}
    for row in lake.arrow("ops.releases").to_pylist():
        by_release.setdefault(row["release"], set()).add(row["table_name"])
    whole = {name for name in lake.tables() if name.split(".")[0] in ("silver", "identity", "gold")}
    yield from (f"release {number} lacks tables" for number, names in by_release.items() if names != whole)
    if sorted(by_release) != list(range(1, len(by_release) + 1)):
        yield f"the releases are {sorted(by_release)}"
    for folder in sorted(lake.settings.exports.glob("*/*")):
        if folder.name.startswith("_"):
            yield f"{folder.parent.name}/{folder.name} was left"
    for folder in [*published_folders(lake), *published_retractions(lake)]:
        yield from verify(folder, [public_key(lake.settings)], lake).problems
    yield from problems(lake)
    yield from _half_told(lake)
    yield from _half_erased(lake)
    yield from _half_restored(lake)


def _half_told(lake: Lake) -> Iterator[str]:
    """What a kill may have left of a ledger: a row twice, or none of somebody whom a folder names."""
    named = {}
    for table, key in KEYS.items():
        rows = lake.arrow(table).to_pylist()
        found = Counter(_told({name: row[name] for name in key}, set()) for row in rows)
        yield from (f"{table} has {row} {times} times" for row, times in found.items() if times > 1)
        named[table] = {(row["destination"], row[key[1]], row["profile_id"]) for row in rows}
    for held in all_held(lake):
        ledger = DELIVERED if held.kind == "export" else RETRACTED
        people = {json.loads(row)["profile_id"] for row in _file(held.folder, "data")}
        if not {(held.destination, held.number, one) for one in people} <= named[ledger]:
            yield f"{held.subject} names people whom {ledger} does not have"


def _half_erased(lake: Lake) -> Iterator[str]:
    """What a kill may have left of an erasure: its plan, its request, or the erased in some byte."""
    state = lake.settings.state
    yield from (
        f"{file.name} was left" for file in [*state.glob(f"{plan_file(lake).name}*"), *state.glob("requests/*")]
    )
    for path in sorted(lake.settings.certificates.glob("*.json")):
        sealed = certificate.read(path, lake)
        declared = lake.contracts
        finder = search.for_hashes(lake.settings.privacy_key, sealed["hashes"], declared.sources, declared.identity)
        yield from (f"{path.name}: found in {place.file}" for place in search.search(lake, finder).places)


def _half_restored(lake: Lake) -> Iterator[str]:
    """What a kill may have left of a restore: its draft, or a table that began again with the numbers of the old."""
    places = lake.settings.places
    for path in sorted(path for root in (places.open, places.restricted) for path in root.glob(f"{SET_ASIDE}/*/*")):
        table, first = f"{path.parent.name}.{path.stem}", path.suffix.removeprefix(".")
        if not first.isdecimal():
            yield f"{table}: {path.name} was left"
        elif lake.version(table) < int(first):
            yield f"{table} is at version {lake.version(table)}, and was to begin at {first}"
