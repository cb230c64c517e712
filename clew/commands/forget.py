"""`clew forget`: erase people for good, and prove it."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from clew.output import note, print_json, print_table, results
from contracts.errors import UsageError
from rights.who import WHO

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from rights.meant import Meant

PERSON = "person"


class _PersonFirst(TyperGroup):
    """`clew forget WHO` is `clew forget person WHO`: what is no command names a person."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = [PERSON, *args]
        return super().parse_args(ctx, args)


forget = typer.Typer(
    cls=_PersonFirst,
    add_completion=False,
    rich_markup_mode=None,
    help="Erase people for good, from every table, its history, its files and the exports; and prove it.",
)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@forget.command(name=PERSON)
def person(
    who: Annotated[list[str] | None, typer.Argument(metavar="WHO...", help=WHO)] = None,
    reason: Annotated[str, typer.Option(help="Why; it is kept for ever, so without names.")] = "",
    given: Annotated[
        Path | None,
        typer.Option(
            "--input", metavar="FILE", exists=True, dir_okay=False, help="A file that names people, one a line."
        ),
    ] = None,
    without_release: Annotated[
        bool, typer.Option("--without-release", help="Even if readers then have no release until the next run.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase the people named, for good, or finish an erasure that died. To prove it: clew forget verify CERT."""
    from rights.erase import is_unfinished
    from rights.meant import meant
    from spark_jobs.privacy.forget import preview

    lake = _lake()
    names = [*(who or ()), *_listed(given)]
    if not names and not is_unfinished(lake):
        raise UsageError("nobody is named", "clew forget", "name whom to erase: clew forget WHO --reason …")
    people = meant(lake, names)
    if dry_run:
        counts = preview(lake, people.profiles, people.strangers, reason)
        with results():
            if as_json:
                print_json({"dry_run": True, "people": people.people, "counts": counts})
            else:
                rows = [(name, _text(value)) for name, value in counts.items()]
                print_table(("what would go", "count"), [("people", people.people), *rows])
        note("nothing was changed")
        return
    document = _erased(lake, people, reason, without_release)
    with results():
        if as_json:
            print_json(document)
        else:
            _print(document)
    file = f"certificates/erasure-{document['erasure']:06d}.json"
    note(f"erasure {document['erasure']}; its certificate: {file}; prove it: clew forget verify {file}")
    if document["release"]["release"] is None:
        note("no release stands in for the ones that held them: publish one: clew run")


@forget.command()
def verify(
    certificate: Annotated[Path, typer.Argument(metavar="CERT", help="A file of certificates/.")],
    identifier: Annotated[
        list[str] | None, typer.Option(metavar="VALUE", help="Search for these; else for what has a hash of its list.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a certificate's seal, then search every byte for the people; exit code 1 if anything is found."""
    from spark_jobs.privacy import certificate as certificates
    from spark_jobs.privacy import search

    lake = _lake()
    document = certificates.read(certificate, lake)
    finder = (
        search.for_values(identifier, _spellings)
        if identifier
        else search.for_hashes(
            lake.settings.privacy_key, document["hashes"], lake.contracts.sources, lake.contracts.identity
        )
    )
    found = search.search(lake, finder, _searched)
    places = [{"file": place.file, "where": place.where, "what": place.what} for place in found.places]
    with results():
        if as_json:
            print_json({"erasure": document["erasure"], "files": found.files, "bytes": found.bytes, "places": places})
        elif places:
            print_table(("file", "where", "what"), [tuple(place.values()) for place in places])
    looked = "the values given" if identifier else f"{sum(map(len, document['hashes'].values())):,} hashes"
    note(f"the seal holds; {found.files:,} files searched for {looked}: found in {len(places)} places")
    if places:
        raise typer.Exit(1)


def _searched(done: int, total: int) -> None:
    import sys

    if sys.stderr.isatty():
        print(f"\rsearched {done:,} of {total:,} files", end="" if done < total else "\n", file=sys.stderr, flush=True)
    elif done % 200 == 0:
        note(f"searched {done:,} of {total:,} files")


def _spellings(text: str) -> tuple[str, ...]:
    """What may stand somewhere for somebody who is named as other commands want it, or by a bare value."""
    from contracts.errors import UsageError
    from rights.who import parse
    from spark_jobs.privacy.cells import may_be_time, time_forms

    if may_be_time(text):  # a colon in it parts hours and minutes
        return time_forms(text)
    try:
        return parse(text).forms or (text.partition(":")[2] or text,)
    except UsageError:  # a value with a colon in it
        return (text,)


def _lake() -> "Lake":
    from clew.workspace import lake_for

    return lake_for("ops.erased", "silver.identifiers")


def _listed(path: Path | None) -> list[str]:
    from rights.erase import named_in

    return named_in(path.read_text(encoding="utf-8")) if path else []


def _erased(lake: "Lake", people: "Meant", reason: str, without_release: bool) -> dict[str, Any]:
    import sys

    from clew.screen import StepScreen
    from lakehouse.run import Run
    from rights.erase import erase, finish
    from rights.meant import as_of

    run_id = f"forget-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
    screen = StepScreen(sys.stderr)
    try:
        run = Run(run_id, as_of(lake), screen)
        how: dict[str, Any] = {"reason": reason, "without_release": without_release}
        document = (
            erase(lake, run, people.profiles, people.strangers, people=people.people, **how)
            if people.is_anybody
            else finish(lake, run)
        )
    finally:
        screen.finish()
    assert document is not None  # noqa: S101 - without a name there is an erasure to finish, or we are not here
    return document


def _print(document: dict[str, Any]) -> None:
    heads = ("table", "rows", "files_removed", "log_files_removed", "version_before", "version_after")
    print_table(heads, [tuple(row[name] for name in heads) for row in document["tables"]])
    landing, shared = document["landing"], document["kept_because_shared"]
    print_table(
        ("what", "count"),
        [
            ("people", document["people"]),
            ("messages in bronze", document["messages_in_bronze"]),
            ("lines in landing/", landing["lines"]),
            ("rows in exports", sum(document["exports"].get("redacted", {}).values())),
            ("values kept because others hold them", shared["values"]),
        ],
    )


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count:,}" for name, count in value.items()) or "0"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else f"{value:,}"
