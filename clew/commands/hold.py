"""`clew hold`: data that may not be deleted for now."""

import datetime
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clew.output import note, print_json, print_table, results
from contracts.errors import DataError, UsageError
from rights.who import WHO

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from spark_jobs.privacy.holds import Hold

hold = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Data that may not be deleted for now: neither retention nor an erasure touches them.",
)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept for ever, so without names.")]
Day = datetime.datetime | None


@hold.command()
def add(
    who: Annotated[str | None, typer.Argument(metavar="WHO", help=WHO)] = None,
    source: Annotated[str | None, typer.Option(help="Hold a whole source instead of a person.")] = None,
    reason: Reason = "",
    until: Annotated[Day, typer.Option(formats=["%Y-%m-%d"], help="The last date of a run on which it holds.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put a hold on a person or a source."""
    from lakehouse.erasing import no_erasure
    from rights.meant import as_of
    from spark_jobs.privacy import holds

    if (who is None) == (source is None):
        raise UsageError("a hold is on a person or on a source", "clew hold add", "name one: WHO, or --source NAME")
    lake = _lake()
    if until is not None and until.date() < (newest := as_of(lake)):
        raise UsageError(
            f"a hold until {until.date()} holds nothing any more", "--until", f"the newest run is of {newest}"
        )
    with no_erasure(lake):  # one that is at work does not look for holds again
        profiles = _profiles(lake, who) if who is not None else ()
        made = holds.add(
            lake,
            profile_id=who if who in profiles else next(iter(profiles), None),
            with_profiles=profiles,
            source=source,
            reason=reason,
            author=lake.settings.author,
            until=until.date() if until else None,
        )
    _told(made, as_json, f"hold {made.hold} is on {made.what}")


@hold.command()
def release(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Of the hold.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Take a hold off."""
    from spark_jobs.privacy import holds

    lake = _lake()
    _told(
        holds.release(lake, number, reason=reason, author=lake.settings.author), as_json, f"hold {number} is released"
    )


@hold.command(name="list")
def listed(as_json: AsJson = False) -> None:
    """List the holds, those that were taken off, too."""
    from spark_jobs.privacy import holds

    known = holds.holds(_lake())
    with results():
        if as_json:
            print_json({"holds": [asdict(item) for item in known]})
        elif known:
            heads = ("hold", "on", "until", "released at (UTC)", "author", "reason")
            print_table(
                heads,
                [(item.hold, item.what, item.until, item.released_at, item.author, item.reason) for item in known],
            )
    standing = sum(item.released_at is None for item in known)
    note(f"{standing} of {len(known)} holds were not released" if known else "there is no hold")


def _told(item: "Hold", as_json: bool, text: str) -> None:
    if as_json:
        told: dict[str, Any] = asdict(item)
        with results():
            print_json(told)
    note(text)


def _profiles(lake: "Lake", who: str) -> tuple[str, ...]:
    """The profiles to hold: several, of who refused to be one.

    Raises:
        DataError: If nothing is held of them, or no profile knows them, which a hold could be on.
    """
    from rights.meant import meant
    from spark_jobs.privacy.whose import find

    people = meant(lake, [who])
    if not people.strangers:
        return people.profiles
    theirs = find(lake, (), people.strangers)
    sources = sorted({grave.source for grave in theirs.lines})
    each = "\n         ".join(f"clew hold add --source {source} --reason …" for source in sources)
    first = "clew run gives their records a profile, which can be held; until then " if theirs.records else ""
    raise DataError(
        "no profile knows this person, and a hold is on a profile or a source",
        "refused messages and what is not resolved yet",
        f"{first}hold the sources that have their messages:\n         {each}",
    )


def _lake() -> "Lake":
    from clew.workspace import lake_for

    return lake_for("ops.holds")
