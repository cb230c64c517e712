"""`clew requeue`: quarantined messages get a second chance under the contracts as they are now."""

import datetime
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clew.output import note, print_json, print_table, results
from contracts.errors import UsageError

if TYPE_CHECKING:
    from clew.workspace import Reading

_WAITING = """
    SELECT source, reason, count(*) AS messages
    FROM (SELECT DISTINCT source, position, part, split_part(unnest(reasons), ':', 1) AS reason FROM silver.quarantine)
    WHERE (source = $source OR $source IS NULL) AND (reason = $reason OR $reason IS NULL)
    GROUP BY source, reason
    ORDER BY messages DESC, source, reason
"""
_COUNT = """
    SELECT count(*) AS messages FROM silver.quarantine
    WHERE (source = $source OR $source IS NULL)
      AND ($reason IS NULL OR len(list_filter(reasons, lambda r: split_part(r, ':', 1) = $reason)) > 0)
"""


def requeue(
    source: Annotated[str | None, typer.Option(help="Only messages of this source.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only messages with this reason code.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go again; change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Send quarantined messages through again."""
    from clew.workspace import newest_date, read

    reading = read("live", only=["silver.quarantine"])
    waiting, messages = _waiting(reading, source, reason)
    counts: dict[str, int] = {}
    if not dry_run and (messages or _is_unfinished()):
        counts = _requeued(newest_date(), source, reason)
    with results():
        if as_json:
            print_json(
                {
                    "dry_run": dry_run,
                    "messages": messages,
                    "reasons": waiting,
                    "counts": None if dry_run else counts,
                }
            )
        elif dry_run and waiting:
            print_table(("source", "reason", "messages"), [tuple(item.values()) for item in waiting])
        elif counts:
            print_table(("count", "messages"), list(counts.items()))
    if not messages and not counts:
        others, _ = _waiting(reading, None, None)
        there = sorted({f"{row['source']} {row['reason']}" for row in others})
        note("nothing is quarantined that this selects" + (f"; there is: {', '.join(there)}" if there else ""))
    elif dry_run:
        counted = f"{messages:,} message{'s' * (messages != 1)}"
        note(f"{counted} would go again (one may have several reasons); nothing was changed")
    else:
        note("the release is as before; make the next one: clew run")


def _waiting(reading: "Reading", source: str | None, reason: str | None) -> tuple[list[dict[str, Any]], int]:
    if "silver.quarantine" not in reading.tables:
        return [], 0
    sources = sorted(table.removeprefix("bronze.") for table in reading.tables if table.startswith("bronze."))
    if source is not None and source not in sources:
        raise UsageError(f"there is no source {source}", "--source", f"use one of: {', '.join(sources)}")
    selected = {"source": source, "reason": reason}
    cursor = reading.connection.execute(_WAITING, selected)
    waiting = [dict(zip(("source", "reason", "messages"), row, strict=True)) for row in cursor.fetchall()]
    counted = reading.connection.execute(_COUNT, selected).fetchone()
    return waiting, counted[0] if counted else 0


def _is_unfinished() -> bool:
    from clew.workspace import settings
    from lakehouse.lake import Lake
    from spark_jobs.silver.requeue import is_unfinished

    return is_unfinished(Lake(settings()))


def _requeued(as_of: datetime.date, source: str | None, reason: str | None) -> dict[str, int]:
    from clew.commands.doctor import require
    from clew.pipeline import own_terminal
    from clew.screen import StepScreen
    from clew.workspace import settings
    from lakehouse.lake import Lake
    from lakehouse.run import Run
    from spark_jobs.silver.requeue import requeue as send_again

    configured = settings()
    require(configured)
    lake = Lake(configured)
    run_id = f"requeue-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
    with own_terminal(configured.state / "logs" / "requeue.log") as terminal:
        screen = StepScreen(terminal)
        try:
            return send_again(lake, Run(run_id, as_of, screen), source, reason)
        finally:
            screen.finish()
            sys.stderr.flush()
