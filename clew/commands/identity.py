"""`clew identity`: what stewards decide about who is who."""

import datetime
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clew.output import note, print_json, print_table, results

if TYPE_CHECKING:
    from identity.decisions import Decision

identity = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Decide that two records are one person, or are not; every run goes by it until it is taken back.",
)

Record = Annotated[str, typer.Argument(metavar="RECORD", help="A record id, or email:…, phone:…, loyalty:….")]
Reason = Annotated[str, typer.Option(help="Why, for those who come after.")]
Until = Annotated[
    datetime.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last date of a run on which it stands.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@identity.command()
def link(left: Record, right: Record, reason: Reason, until: Until = None, as_json: AsJson = False) -> None:
    """Decide that two records are one person."""
    _decide("link", left, right, reason, until, as_json)


@identity.command()
def unlink(left: Record, right: Record, reason: Reason, until: Until = None, as_json: AsJson = False) -> None:
    """Decide that two records are not one person."""
    _decide("unlink", left, right, reason, until, as_json)


@identity.command()
def undo(decision: Annotated[int, typer.Argument(help="Its number.")], reason: Reason, as_json: AsJson = False) -> None:
    """Take back a decision; of an undo, make what it took back stand again."""
    from clew.workspace import existing_lake, settings
    from identity.decisions import undo as take_back
    from lakehouse.lake import Lake

    existing_lake()
    configured = settings()
    now = datetime.datetime.now(datetime.UTC)
    _show(take_back(Lake(configured), decision, reason=reason, author=configured.author, at=now), as_json)


@identity.command()
def decisions(as_json: AsJson = False) -> None:
    """List every decision, and whether it stands."""
    from clew.workspace import existing_lake, newest_date, settings
    from identity.decisions import read_decisions, standing, undone
    from lakehouse.lake import Lake

    existing_lake()
    made = read_decisions(Lake(settings()))
    taken = undone(made)
    stand = {item.decision for item in standing(made, newest_date())}

    def state(item: "Decision") -> str:
        if item.decision in taken:
            return "undone"
        if item.action == "undo" or item.decision in stand:
            return "stands"
        return "expired"

    with results():
        if as_json:
            print_json([asdict(item) | {"state": state(item)} for item in made])
            return
        rows = [
            (item.decision, item.decided_at.date(), item.author, item.what, item.until or "", state(item), item.reason)
            for item in made
        ]
        print_table(("decision", "decided", "author", "what", "until", "state", "reason"), rows)


def _decide(
    action: Literal["link", "unlink"],
    left: str,
    right: str,
    reason: str,
    until: datetime.datetime | None,
    as_json: bool,
) -> None:
    from clew.workspace import existing_lake, newest_date, settings
    from identity.decisions import decide
    from identity.explain import record_of
    from lakehouse.lake import Lake

    existing_lake()
    configured = settings()
    lake = Lake(configured)
    with lake.duck(only=["identity.records", "identity.identifiers", "identity.assignments"]) as connection:
        records = (record_of(connection, lake, left), record_of(connection, lake, right))
    made = decide(
        lake,
        action,
        records,
        reason=reason,
        author=configured.author,
        at=datetime.datetime.now(datetime.UTC),
        as_of=newest_date(),
        until=until.date() if until else None,
    )
    _show(made, as_json)


def _show(made: "Decision", as_json: bool) -> None:
    with results():
        if as_json:
            print_json(asdict(made))
        else:
            print(made)
    note("every run goes by it from the next on: clew run")
