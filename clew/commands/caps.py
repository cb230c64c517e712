"""`clew caps`: how near people are to what they may get at most."""

from dataclasses import asdict
from typing import Annotated

import typer

from clew.output import note, print_json, print_table, results


def caps(
    people: Annotated[
        bool, typer.Option("--people", help="List who has got all that a cap allows, by profile id, and until when.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show how near people are to the caps on deliveries, on the date of the newest release."""
    from activation.caps import standing
    from clew.workspace import existing_lake, settings
    from lakehouse.lake import Lake

    existing_lake()
    found = standing(Lake(settings()))
    with results():
        if as_json:
            told = asdict(found)
            print_json(told if people else {name: told[name] for name in ("release", "as_of", "caps")})
        elif people:
            print_table(("profile", "cap", "until"), [(one.profile_id, one.cap, one.until) for one in found.full])
        else:
            rows = [
                (
                    one.cap,
                    f"{one.at_most} in {one.days} days",
                    ", ".join(f"{count:,} have got {got}" for got, count in one.people.items()) or "nobody got any",
                    one.full,
                    ", ".join(f"{count:,} until {until}" for until, count in one.until.items()),
                )
                for one in found.caps
            ]
            print_table(("cap", "at most", "people", "full", "who may get none"), rows)
    note(f"on {found.as_of}, the date of release {found.release}")
