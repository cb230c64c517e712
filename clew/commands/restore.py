"""`clew restore`: a damaged table that is computed from others begins anew, and the next run computes it."""

from dataclasses import asdict
from typing import Annotated

import typer

from clew.output import note, print_json, print_table, results


def restore(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table, as silver.events.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
    even_if_whole: Annotated[
        bool, typer.Option("--even-if-whole", help="Begin it anew though no file is damaged: its rows are wrong.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Set a damaged table aside and begin it anew, to be computed by the next run."""
    from clew.pipeline import only_run
    from clew.restore import restore as restore_table
    from clew.workspace import existing_lake, settings
    from lakehouse.lake import Lake

    existing_lake()
    configured = settings()
    with only_run(configured):
        made = restore_table(Lake(configured), table, even_if_whole=even_if_whole, dry_run=dry_run)
    told = asdict(made) | {"aside": made.aside and str(made.aside), "dry_run": dry_run}
    with results():
        if as_json:
            print_json(told)
        else:
            print_table(("file", "what is wrong"), [(item.file, item.what) for item in made.damages])
    if made.aside is not None:
        note(f"the damaged table is in {made.aside}; remove it when all is well, for it holds data of people")
    if not dry_run:
        note(f"compute it again: {made.do}" if made.do else "the table can be read again")
    else:
        note("nothing was changed")
