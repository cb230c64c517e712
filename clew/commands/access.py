"""`clew access`: everything held about one person, for that person to read."""

import json
from pathlib import Path
from typing import Annotated

import typer

from clew.output import note, print_json, print_table, results
from rights.who import WHO, parse


def access(
    who: Annotated[str, typer.Argument(metavar="WHO", help=WHO)],
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as JSON, mode 600.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a page to read, mode 600.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: all of it, on stdout.")] = False,
) -> None:
    """Gather everything held about one person: what, from where, what for, and who received it."""
    from clew.held.collect import counts, everything
    from clew.held.files import refuse_unwritable
    from clew.held.person import the_person
    from clew.held.tables import ELSEWHERE, person_tables
    from clew.looked import write_down
    from clew.traced.opened import open_lineage, sources_of
    from clew.workspace import settings
    from contracts.lineage import Lineage
    from lakehouse.erasing import LOCK
    from lakehouse.lake import Lake

    for file in (output, html):
        if file is not None:
            refuse_unwritable(file)
    asked = parse(who)
    lake = Lake(settings())
    lineage = Lineage(lake.contracts)
    with lake.lock(LOCK, shared=True):  # an erasure at work takes files away that are read here
        opened = open_lineage("live", lineage, sources_of(lineage, [*person_tables(lineage), *ELSEWHERE]))
        opened.require(opened.closed)  # what is held is told whole, or not at all
        person = the_person(opened, lake, asked)
        write_down(lake, f"access: {len(person.records)} records", person.audited_as[0])
        told = everything(opened, lake, person)
    if output is not None:
        from clew.held.files import write_private

        write_private(json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n", output)
    if html is not None:
        from clew.held.files import write_private
        from clew.held.page import page

        write_private(page(told, "the tables as they are"), html)
    with results():
        if as_json:
            print_json(told)
        else:
            print(
                f"profile {person.profile_id}"
                if person.profile_id
                else "no profile: what names this person all the same"
            )
            print_table(("held", "rows"), counts(told))
    if person.withheld:
        note(f"{person.withheld} visits may be somebody else's and are withheld; whose they are, the next run tells")
    for file in (output, html):
        if file is not None:
            note(f"written for its owner only: {file}")
    if output is None and html is None and not as_json:
        note("that is how much there is; what it says: --output FILE, --html FILE or --json")
