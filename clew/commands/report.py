"""`clew report`: pages to look at and to show around."""

from pathlib import Path
from typing import Annotated

import typer

from clew.output import note, print_json, print_table, results, size_text

report = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Pages to look at and to show around, which open by themselves.",
)


@report.callback()
def _reports() -> None:
    """Without a callback typer would take a single command for the group itself."""


@report.command()
def journeys(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the pages.")] = Path("build/report/journeys"),
    release: Annotated[str, typer.Option(help="A release's number, latest or live.")] = "latest",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Write the journeys of a release as static pages: the map, each figure with its SQL, release and declaration."""
    from clew.report.write import asked_of, site, write
    from clew.workspace import settings
    from contracts import Contracts

    asked = asked_of(release, Contracts(settings().contracts))
    if asked.reading.release is None and release != "live":
        note("there is no release yet: these are the live tables, which a run may be changing")
    files = site(asked)
    write(files, out)
    rows = [(name, len(content)) for name, content in files.items() if name.endswith(".html")]
    with results():
        if as_json:
            pages = [{"page": name, "bytes": size} for name, size in rows]
            print_json({"release": asked.reading.release, "as_of": asked.as_of, "folder": str(out), "pages": pages,
                        "bytes": sum(map(len, files.values()))})  # fmt: skip
        else:
            print_table(("page", "size"), [(str(out / name), size_text(size)) for name, size in rows])
    note(f"{asked.release_name} · {size_text(sum(map(len, files.values())))} in all · open {out / 'index.html'}")
