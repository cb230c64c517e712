"""`clew tables`: what there is to read."""

import datetime
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clew.output import print_json, print_table, results, size_text, time_text
from contracts import DBT_MODELS

if TYPE_CHECKING:
    from lakehouse.places import Places


def tables(
    with_hash: Annotated[
        bool, typer.Option("--hash", help="Also hash what each table says: reads all rows, but those of ops.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the tables: rows, size, version, last change, grain."""
    from clew.role import reader
    from clew.workspace import existing_lake, settings
    from lakehouse.duck import tables_in

    lake = existing_lake()
    names = reader(settings()).readable(tables_in(lake))
    released = _released(lake)
    grains = declared_grains()
    bronze = grains.get("bronze.<source>", "")  # declared once for all sources
    listed = [
        _described(
            lake.found(name) or lake.open,
            name,
            released.get(name),
            grains.get(name, bronze if name.startswith("bronze.") else ""),
        )
        for name in names
    ]
    if with_hash:
        _add_hashes(listed)
    with results():
        if as_json:
            print_json({"lake": str(lake.open), "tables": listed})
            return
        heads = ("table", "rows", "size", "version", "released", "last change (UTC)", "grain")
        hashed = ("content hash",) if with_hash else ()
        print_table(
            (heads[0], *hashed, *heads[1:]),
            [
                (
                    item["table"],
                    *([item["content_hash"]] if with_hash else []),
                    item["rows"],
                    size_text(item["bytes"]),
                    item["version"],
                    "" if item["released_version"] is None else str(item["released_version"]),
                    time_text(item["changed_at"]),
                    item["grain"],
                )
                for item in listed
            ],
        )


def _add_hashes(listed: list[dict[str, Any]]) -> None:
    from clew.workspace import settings
    from lakehouse.content import contents
    from lakehouse.lake import Lake

    found = contents(Lake(settings()))
    for item in listed:
        item["content_hash"] = found[item["table"]].hash if item["table"] in found else None


def _described(path: Path, name: str, released: int | None, grain: str) -> dict[str, Any]:
    from deltalake import DeltaTable

    table = DeltaTable(str(path))
    files = table.get_add_actions(flatten=True)
    rows = files["num_records"].to_pylist()
    changed = next(iter(table.history(1)), {}).get("timestamp")
    return {
        "table": name,
        # a file without statistics has unknown rows; a sum without it would be wrong
        "rows": None if None in rows else sum(rows),
        "bytes": sum(files["size_bytes"].to_pylist()),
        "version": table.version(),
        "released_version": released,
        "changed_at": None if changed is None else datetime.datetime.fromtimestamp(changed / 1000, datetime.UTC),
        "grain": grain or (table.metadata().description or ""),
    }


def _released(lake: "Places") -> dict[str, int]:
    from clew.workspace import find_release

    return find_release(lake, "latest")[2] or {}


def declared_grains() -> dict[str, str]:
    """What one row of each table is: from contracts/tables; for marts, from the dbt models."""
    import yaml

    from clew.workspace import settings
    from contracts.catalog import declared_in

    def load(path: Path) -> dict[str, Any]:
        # libyaml's loader is ten times as fast as yaml.safe_load's
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader) or {}  # noqa: S506 - a safe loader

    grains: dict[str, str] = {}
    for path in declared_in(settings().contracts, "tables/*/*.yml"):
        declared = load(path)
        grains[declared["name"]] = declared["grain"]
    for path in sorted(DBT_MODELS.rglob("*.yml")):
        for model in load(path).get("models", ()):
            told = " ".join(str(model.get("description", "")).split())
            sentence = re.split(r"[.:;](?:\s|$)", told, maxsplit=1)[0]
            grains.setdefault(f"gold.{model['name']}", sentence[:1].lower() + sentence[1:])
    return grains
