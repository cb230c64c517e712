"""`clew replay`: everything built again from bronze, beside the live tables, and compared with them."""

import datetime
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clew.commands.doctor import require
from clew.output import note, print_json, print_section, print_table, results
from clew.screen import StepScreen
from clew.workspace import existing_lake
from clew.workspace import settings as workspace
from lakehouse.errors import UsageError
from lakehouse.lake import Lake

if TYPE_CHECKING:
    from clew.replay import Compared, Replay

SHOWN = 5


def replay(
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="Only what landed in runs of this date, as 2017-12-31, and later."),
    ] = None,
    each_run: Annotated[
        bool, typer.Option("--each-run", help="Replay run after run, and compare since when a belief is held, too.")
    ] = False,
    without_marts: Annotated[
        bool, typer.Option("--without-marts", help="Leave out what dbt builds, which takes the longest.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the replayed tables in .clew/replay.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Build all tables again from bronze, beside the live ones, and compare what they say."""
    date = _date(since)
    settings = workspace()
    existing_lake()
    require(settings)
    from clew.pipeline import only_run, own_terminal
    from clew.replay import replay as replay_lake

    clock = time.monotonic()
    with only_run(settings), own_terminal(settings.state / "logs" / "replay.log") as terminal:
        screen = StepScreen(terminal)
        try:
            made = replay_lake(
                Lake(settings),
                since=date,
                each_run=each_run,
                with_marts=not without_marts,
                keep=keep,
                progress=screen,
            )
        finally:
            screen.finish()
            sys.stderr.flush()
    with results():
        if as_json:
            print_json(_told(made, time.monotonic() - clock))
        else:
            _show(made)
    if made.differing:
        note(f"{len(made.differing)} of {len(made.tables)} tables differ; what to do: docs/runbooks/replay-differs.md")
        raise typer.Exit(1)
    note(f"all {len(made.tables)} tables are equal, in {time.monotonic() - clock:.0f} s")


def _date(text: str | None) -> datetime.date | None:
    try:
        return None if text is None else datetime.date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--from {text} is not a date", "", "write it as 2017-12-31") from error


def _told(made: "Replay", seconds: float) -> dict[str, Any]:
    tables = [_row(item) for item in made.tables]
    first = None
    if made.differing:
        keys = [asdict(item) for item in made.first[:SHOWN]]
        first = {"table": made.differing[0].table, "rows": made.unlike, "keys": keys}
    return {
        "landings": made.landings,
        "seconds": round(seconds, 1),
        "equal": not made.differing,
        "tables": tables,
        "first_difference": first,
    }


def _row(item: "Compared") -> dict[str, Any]:
    return {
        "table": item.table,
        "rows": item.live and item.live.rows,
        "live_hash": item.live and item.live.hash,
        "replayed_rows": item.replayed and item.replayed.rows,
        "replayed_hash": item.replayed and item.replayed.hash,
        "equal": item.is_equal,
    }


def _show(made: "Replay") -> None:
    heads = ("table", "rows", "live", "replayed", "equal")
    shown = [
        (
            item.table,
            item.live and item.live.rows,
            item.live.hash[:16] if item.live else "no such table",
            item.replayed.hash[:16] if item.replayed else "not made",
            "yes" if item.is_equal else "NO",
        )
        for item in made.tables
    ]
    print_table(heads, shown)
    if made.differing and not made.first:
        print(f"\nthe first difference: {made.differing[0].table}: the table is missing, or its columns are others")
    elif made.differing:
        where = {"left": "only in the live table", "right": "only in the replayed table"}
        print_section(
            f"the first difference: {made.differing[0].table}, {made.unlike:,} rows",
            ("key", "differs in"),
            [
                (
                    ", ".join(f"{name} {value}" for name, value in item.key.items()),
                    where[item.only_in] if item.only_in else ", ".join(item.columns),
                )
                for item in made.first[:SHOWN]
            ],
        )
