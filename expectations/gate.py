"""Gates: a step that lets a run go on, or stops it with the rows that are wrong.

``gate`` stands after silver, identity and gold and reads the live tables; ``check_staged`` stands before an export
becomes visible and reads the staged file and the release. Each check is a row of ops.check_results.
"""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from expectations import check, exports, gold, identity, ledgers, silver
from expectations.check import Found
from expectations.suite import Scene, Suite
from lakehouse.errors import GateClosed, UsageError
from lakehouse.export_tables import export_tables
from lakehouse.releases import note_gated, release_dates

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run import Run

SUITES: dict[str, Callable[[Scene], Suite]] = {
    "silver": silver.suite,
    "identity": identity.suite,
    "gold": gold.suite,
}


def gate(lake: "Lake", run: "Run", name: str) -> dict[str, int]:
    """Run a gate on the live tables.

    Args:
        lake: The lake.
        run: The run; its date is what freshness is measured against.
        name: ``silver``, ``identity`` or ``gold``.

    Returns:
        ``checks`` run and ``warnings`` found.

    Raises:
        GateClosed: If a check of severity fail is broken. Every result is in ops.check_results by then.
        UsageError: If there is no such gate.
    """
    if name not in SUITES:
        raise UsageError(f"there is no gate {name}", do=f"use one of: {', '.join(SUITES)}")
    with run.step(lake, f"gate_{name}") as step:
        versions = {table: lake.version(table) for table in lake.tables()}
        with lake.duck(versions=versions) as connection:
            found = check.run(connection, SUITES[name](Scene(lake.contracts, connection, run.as_of)))
        counts = _conclude(lake, run, name, found)
        note_gated(lake, run, name, versions)
        step.rows = counts["checks"]
        step.message = warnings_line(found)
    return counts


def check_staged(lake: "Lake", run: "Run", staged: Path) -> dict[str, int]:
    """Run the exports gate on a folder that activation.export.stage wrote.

    Returns:
        ``checks`` run and ``warnings`` found.

    Raises:
        GateClosed: If a check of severity fail is broken; the folder must not be published then.
    """
    manifest = json.loads((staged / "manifest.json").read_text(encoding="utf-8"))
    destination = lake.contracts.destinations[manifest["destination"]]
    release = int(manifest["release"])
    with lake.duck(release, only=export_tables(lake.contracts, destination)) as connection:
        exports.show_staged(connection, staged, destination.destination)
        ledgers.show_ledgers(connection, staged, destination, release, lake)
        scene = Scene(lake.contracts, connection, release_dates(lake)[release])
        found = check.run(connection, exports.suite(scene, destination, release))
    return _conclude(lake, run, "exports", found)


def warnings_line(found: list[Found]) -> str:
    """The warnings as one line, or nothing."""
    warned = [f for f in found if not f.success and not f.closes_the_gate]
    return "; ".join(f"warning: {f.rule.table} {f.rule.name}, {f.observed}" for f in warned)


def _conclude(lake: "Lake", run: "Run", name: str, found: list[Found]) -> dict[str, int]:
    at = datetime.datetime.now(datetime.UTC)
    lake.append(
        "ops.check_results",
        [
            {
                "run_id": run.run_id,
                "gate": name,
                "table_name": f.rule.table,
                "check_name": f.rule.name,
                "severity": f.rule.severity,
                "success": f.success,
                "observed": f.observed,
                "unexpected": f.unexpected,
                "sample_keys": f.sample_json(),
                "why": f.rule.why,
                "do": f.rule.do,
                "at": at,
            }
            for f in found
        ],
    )
    closing = [f for f in found if f.closes_the_gate]
    if closing:
        raise closed(name, closing)
    return {"checks": len(found), "warnings": sum(not f.success for f in found)}


def closed(name: str, closing: list[Found]) -> GateClosed:
    """The error of a closed gate: table, check, number of rows and their keys, and what to do."""
    what = f"the {name} gate is closed: {len(closing)} check{'s' if len(closing) != 1 else ''} failed"
    where = "\n         ".join(
        f"{f.rule.table}: {f.rule.name}, {f.observed}{_keys(f)}\n           {f.rule.says}" for f in closing
    )
    steps = dict.fromkeys(f.rule.do for f in closing)
    return GateClosed(what, where, "\n         ".join(steps))


def _keys(found: Found) -> str:
    if not found.sample:
        return ""
    shown = "; ".join(", ".join(f"{k}={v}" for k, v in row.items()) for row in found.sample)
    return (
        f" ({'first ' + str(len(found.sample)) + ' keys' if found.unexpected > len(found.sample) else 'keys'}: {shown})"
    )
