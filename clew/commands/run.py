"""`clew run`: the daily DAG, once, for a date."""

import datetime
import sys
import time
from typing import Annotated

import typer
from rich.console import Console

from clew.commands.doctor import require
from clew.outcome import outcome_of
from clew.output import print_json
from clew.screen import StepScreen, show_outcome
from clew.workspace import settings as workspace
from contracts.check import require as require_contracts
from contracts.event import EARLIEST
from lakehouse.errors import UsageError
from lakehouse.lake import Lake


def run(
    date: Annotated[
        str | None, typer.Option(help="The date the run stands for, as 2017-12-31; today if left out.")
    ] = None,
    from_landing: Annotated[
        int | None, typer.Option(min=1, help="Build silver anew from this landing on, out of bronze.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came of it as JSON.")] = False,
) -> None:
    """Land what is new in landing/ and bring it through every gate to a release and its exports."""
    as_of = _date(date)
    settings = workspace()
    require(settings)
    require_contracts(settings.contracts)
    from clew.pipeline import Pipeline, only_run, own_terminal

    clock = time.monotonic()
    with only_run(settings), own_terminal(settings.state / "logs" / "run.log") as terminal:
        if from_landing is not None:
            from spark_jobs.silver.conform import reopen

            reopen(Lake(settings), from_landing)
        screen = StepScreen(terminal)
        try:
            screen.starting("starting Airflow and Spark")
            day = Pipeline(settings).run(as_of, screen)
        finally:
            screen.finish()
    outcome = outcome_of(Lake(settings), [day], time.monotonic() - clock)
    if as_json:
        print_json(outcome)
    else:
        show_outcome(Console(file=sys.stdout, highlight=False), outcome)


def _date(text: str | None) -> datetime.date:
    if text is None:
        return datetime.datetime.now(datetime.UTC).date()
    try:
        date = datetime.date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--date {text} is not a date", "", "write it as 2017-12-31") from error
    if not EARLIEST <= date <= datetime.datetime.now(datetime.UTC).date():
        # The release of the latest date is the one that is read, and one of the future would stay it.
        raise UsageError(f"--date {text} is before {EARLIEST} or after today (UTC)", "", "give a day that there was")
    return date
