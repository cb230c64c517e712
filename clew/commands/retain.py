"""`clew retain`: what is past its declared period goes, as clew_maintenance does it."""

import datetime
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clew.output import note, print_json, print_table, results

if TYPE_CHECKING:
    from spark_jobs.privacy.retention import Retained

Day = datetime.datetime | None


def retain(
    as_of: Annotated[
        Day, typer.Option("--date", formats=["%Y-%m-%d"], help="Count periods back from this; else the newest run's.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Remove what is past its declared period and under no hold."""
    from clew.screen import StepScreen
    from clew.workspace import existing_lake, settings
    from lakehouse.lake import Lake
    from lakehouse.run import Run
    from rights.meant import as_of as newest
    from rights.retain import retain as retained

    existing_lake()
    lake = Lake(settings())
    run_id = f"retain-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
    screen = StepScreen(sys.stderr)
    try:
        run = Run(run_id, as_of.date() if as_of else newest(lake), screen)
        found = retained(lake, run, dry_run=dry_run)
    finally:
        screen.finish()
    with results():
        if as_json:
            print_json(_told(found, dry_run))
        elif found.past:
            rows = [(one.table, one.source, one.days, one.removed, one.held, one.kept) for one in found.past]
            print_table(("from", "source", "days", "removed", "held", "kept for consent"), rows)
    if dry_run:
        note(f"periods counted back from {found.as_of}; nothing was changed")
    else:
        note(
            "the release is as before; make the next one: clew run" if found.removed() else "nothing is past its period"
        )


def _told(found: "Retained", dry_run: bool) -> dict[str, Any]:
    from spark_jobs.privacy.retention import EXPORTS

    tables, folders = [], []
    for one in found.past:
        counted = {"days": one.days, "held": one.held}
        if one.table.startswith(EXPORTS):
            folders.append({"destination": one.table.removeprefix(EXPORTS), "folders": one.removed} | counted)
        else:
            tables.append({"table": one.table, "rows": one.removed, "kept": one.kept} | counted)
    return {"dry_run": dry_run, "removed": tables, "exports": folders, "unknown": list(found.unknown)}
