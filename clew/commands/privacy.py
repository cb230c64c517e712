"""`clew privacy`: what landed since is looked through for withdrawals, and they are retracted, in this process."""

import datetime
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clew.output import note, print_json, print_table, results

if TYPE_CHECKING:
    from contracts.errors import EnvironmentFault
    from lakehouse.lake import Lake
    from lakehouse.settings import Settings


def privacy(
    retract_only: Annotated[
        bool, typer.Option("--retract-only", help="Go by what is conformed; land nothing, start no Spark.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count whom --retract-only would retract; write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Land and conform what is new, and have every destination remove whom it may keep no longer."""
    from activation.withdrawals import due_now
    from clew.workspace import existing_lake, settings
    from lakehouse.lake import Lake

    existing_lake()
    lake = Lake(settings())
    fault: EnvironmentFault | None = None
    if dry_run:
        counts = due_now(lake)
    else:
        counts, fault = _retracted(lake, lake.settings, retract_only)
    with results():
        if as_json:
            destinations: list[dict[str, Any]] = [{"destination": name, "people": n} for name, n in counts.items()]
            print_json({"dry_run": dry_run, "destinations": destinations})
        elif counts:
            print_table(("destination", "people"), list(counts.items()))
    people = sum(counts.values())
    if dry_run:
        note(f"{people} would be retracted; nothing was written")
    else:
        note(f"{people} retracted; see: clew export retractions" if people else "nobody is to be retracted")
    if fault is not None:
        raise fault


def _retracted(
    lake: "Lake", configured: "Settings", retract_only: bool
) -> "tuple[dict[str, int], EnvironmentFault | None]":
    """What was retracted; and why nothing was landed, where another run needs silver to stand still."""
    from activation.withdrawals import retract
    from clew.pipeline import own_terminal
    from clew.screen import StepScreen
    from contracts.errors import EnvironmentFault
    from lakehouse.hold import HOURLY
    from lakehouse.run import Run

    now = datetime.datetime.now(datetime.UTC)
    fault = None
    with own_terminal(configured.state / "logs" / "privacy.log") as terminal:
        screen = StepScreen(terminal)
        run = Run(f"{HOURLY}{now:%Y%m%dT%H%M%S.%fZ}", now.date(), screen)
        try:
            if not retract_only:
                try:
                    _conform(lake, run, configured)
                except EnvironmentFault as error:  # what is conformed already is looked through all the same
                    fault = error
            return retract(lake, run), fault
        finally:
            screen.finish()
            sys.stderr.flush()


def _conform(lake: "Lake", run: Any, configured: "Settings") -> None:
    from clew.commands.doctor import require
    from spark_jobs.bronze.land import land
    from spark_jobs.silver.conform import conform

    require(configured)
    land(lake, run)
    conform(lake, run)
