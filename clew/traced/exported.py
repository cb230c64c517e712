"""Rows of exports: one traced back into the lake, and those of a set of people, over all exports still held."""

import csv
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from activation.files import DATA, RETRACTIONS, read_manifest
from activation.held import all_held, published_folders
from activation.held import folder as folder_of
from activation.named import Named, by_id
from clew.traced.asked import parse
from clew.traced.back import trace_back
from clew.traced.lines import places
from clew.traced.opened import Opened, open_lineage, sources_of
from contracts.errors import DataError, UsageError
from contracts.lineage import PERSON

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from contracts.lineage import Lineage
    from lakehouse.lake import Lake

_NAME = re.compile(r"exports/([a-z][a-z0-9_]*)/([0-9]+)/?")
CONSENT = "consent_event_id"


def is_export(table: str) -> bool:
    """Whether a table is named as an export."""
    return table.startswith("exports/")


def trace_export(
    lineage: "Lineage", lake: "Lake", table: str, key: "Sequence[str]", column: str | None, limit: int, raw: bool
) -> dict[str, Any]:
    """Follow an exported row back: to its profile as of that release, and to the consent that allowed it.

    Raises:
        DataError: If the person is not in that export.
        UsageError: If there is no such export.
    """
    manifest, folder = _export(lake, table)
    if len(key) != 1:
        raise UsageError("an exported row is named by its profile_id", table, f"clew trace {table} PROFILE_ID")
    profile_id = key[0].removeprefix(f"{PERSON}=")
    release = manifest["release"]
    row = next(iter(rows_of(folder / DATA, by_id([profile_id]))), None)
    if row is None:
        raise DataError(
            "this profile is not in that export", table, f"see when it was: clew trace profiles {profile_id}"
        )
    mapped = {item["name"]: item["from"] for item in manifest["data"]["columns"] if item["from"] != "receipt"}
    if column is not None and column not in mapped:
        raise UsageError(f"{table} has no column {column} of a person", "--column", f"use one of: {', '.join(mapped)}")
    of_table, _, of_column = mapped.get(column or "", "gold.profiles.").rpartition(".")
    asked = parse(lineage, of_table, [profile_id], of_column or None)
    if column is None:
        others = {of.rpartition(".")[0] for of in mapped.values()} - {asked.table}
        asked = replace(asked, also=tuple(sorted(others)))
    told = trace_back(lineage, asked, str(release), limit, raw)
    return {
        "export": {
            "destination": manifest["destination"],
            "release": release,
            "purpose": manifest["purpose"],
            "policy_version": manifest["policy_version"],
            "columns": [
                {"column": name, "from": of, **({"value": row[name]} if raw else {})} for name, of in mapped.items()
            ],
            "consent": {"event_id": row[CONSENT], "notice_version": row["notice_version"]}
            | {"messages": _consent_lines(lineage, row[CONSENT], release, raw)},
        },
        **told,
    }


def rows_of(data: "Path", who: Named) -> list[dict[str, Any]]:
    """The rows of an exported file that are of some people, as text; an empty cell is None."""
    with data.open(encoding="utf-8", newline="") as file:
        found = [dict(row) for row in csv.DictReader(file) if who.is_row(row)]
    return [{name: cell or None for name, cell in row.items()} for row in found]


def exports_with(lake: "Lake", who: Named) -> list[dict[str, Any]]:
    """What was handed over and is still held that has rows of some people, with these rows.

    Returns:
        destination, release (of a retraction apart from a release, its number), purpose, kind (``data``,
        ``retractions`` of a release, or ``retraction``), subject (as the audit calls it), rows.
    """
    found = []
    for held in all_held(lake):
        manifest = read_manifest(held.folder)
        for name, file in (("data", DATA), ("retractions", RETRACTIONS)):
            rows = rows_of(held.folder / file, who) if (held.folder / file).is_file() else []
            if rows:
                found.append(
                    {
                        "destination": held.destination,
                        "release": held.number,
                        "purpose": manifest.get("purpose"),
                        "kind": name if held.kind == "export" else "retraction",
                        "subject": held.subject,
                        "rows": rows,
                    }
                )
    return found


def _export(lake: "Lake", table: str) -> tuple[dict[str, Any], "Path"]:
    match = _NAME.fullmatch(table)
    folder = folder_of(lake, match[1], int(match[2])) if match else None
    if folder is None or not folder.is_dir():
        held = [f"exports/{path.parent.name}/{int(path.name)}" for path in published_folders(lake)]
        raise UsageError(
            f"there is no export {table}",
            str(lake.settings.exports),
            f"use one of: {', '.join(held)}" if held else "nothing was exported yet: clew run",
        )
    return read_manifest(folder), folder


def _consent_lines(lineage: "Lineage", event_id: str, release: int, raw: bool) -> list[dict[str, Any]]:
    bronze = sources_of(lineage, ["bronze.<source>"])
    opened: Opened = open_lineage(str(release), lineage, ["silver.events", *bronze])
    messages = opened.rows("SELECT source, position, part FROM silver.events WHERE event_id = ?", [event_id])
    return places(opened, messages, raw)
