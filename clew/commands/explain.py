"""`clew explain`: the evidence that joins two records, what keeps them apart, or how one profile was built."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clew.output import note, print_json, results

if TYPE_CHECKING:
    from identity.explain import Explanation
    from identity.merges import BuildUp


def explain(
    left: Annotated[
        str, typer.Argument(metavar="WHO", help="A record id, a profile id, or email:…, phone:…, loyalty:….")
    ],
    right: Annotated[
        str | None, typer.Argument(metavar="OTHER", help="Another one; without it, how the profile of WHO was built.")
    ] = None,
    release: Annotated[str, typer.Option(help="A release's number, latest or live.")] = "latest",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write it as a page, with the graph.")] = None,
) -> None:
    """Show why two records are one person, what keeps them apart, or how a profile was built."""
    from clew.workspace import existing_lake, find_release, release_name, settings
    from identity.explain import explain as explain_pair
    from identity.merges import build_up
    from lakehouse.lake import Lake

    number, as_of, _ = find_release(existing_lake(), release)
    lake = Lake(settings())
    wanted: int | Literal["live"] = "live" if number is None else number
    found = build_up(lake, left, wanted) if right is None else explain_pair(lake, left, right, wanted)
    if html is not None:
        from clew.explained.page import page
        from clew.held.files import write_private

        write_private(page(found, release_name(number, as_of)), html)
    with results():
        if as_json:
            print_json(found.as_dict())
        else:
            _print_text(found)
    note(release_name(number, as_of))
    if html is not None:
        note(f"the page: {html}")


def _print_text(found: "Explanation | BuildUp") -> None:
    from clew.explained.text import print_build_up, print_explanation
    from identity.explain import Explanation

    if isinstance(found, Explanation):
        print_explanation(found)
    else:
        print_build_up(found)
