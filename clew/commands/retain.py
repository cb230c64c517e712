"""`clew retain`: what is past its declared period goes, as clew_maintenance does it."""

import datetime
import sys
from typing import Annotated

import typer

from clew.output import note, print_json, print_table, results

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
    from rights.erase import as_of as newest
    from spark_jobs.privacy.retention import retain as retained

    existing_lake()
    lake = Lake(settings())
    run_id = f"retain-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
    screen = StepScreen(sys.stderr)
    try:
        run = Run(run_id, as_of.date() if as_of else newest(lake), screen)
        counts = retained(lake, run, dry_run=dry_run)
    finally:
        screen.finish()
    with results():
        if as_json:
            print_json(
                {"dry_run": dry_run, "removed": [{"table": name, "rows": rows} for name, rows in counts.items()]}
            )
        elif counts:
            print_table(("table", "rows"), list(counts.items()))
    if dry_run:
        note("nothing was changed")
    else:
        note("the release is as before; make the next one: clew run" if counts else "nothing is past its period")
