"""`clew trace`: from any row back to the raw lines behind it, or from a file or message forward to all its effects."""

from pathlib import Path
from typing import Annotated, Any

import typer

from clew.output import note, print_json, results
from contracts.errors import UsageError


def trace(
    table: Annotated[
        str | None, typer.Argument(metavar="TABLE", help="A table, or exports/DESTINATION/RELEASE.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Argument(metavar="KEY…", help="The values of its key, in their order, or column=value.")
    ] = None,
    forward: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|SOURCE:ID", help="A file as under landing/, FILE:LINE, or a message; the other way."
        ),
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="Only this value: which record's survived, and from which message.")
    ] = None,
    release: Annotated[str, typer.Option(help="A release's number, latest or live.")] = "latest",
    limit: Annotated[int, typer.Option(min=1, help="How many rows of a table, and lines of a file, are named.")] = 10,
    raw: Annotated[bool, typer.Option("--raw", help="With the raw lines, which hold personal values.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write it as a page, drawn.")] = None,
) -> None:
    """Go from any row back to the raw lines behind it, or from a file or message forward to all its effects."""
    told = _told(table, key or [], forward, column, release, limit, raw)
    from clew.workspace import release_name

    if raw:
        _write_down(told)
    number = None if told["release"] == "live" else told["release"]
    read_from = release_name(number, told["as_of"])
    if html is not None:
        from clew.held.files import write_private
        from clew.traced.page import page

        write_private(page(told, read_from), html)
    with results():
        if as_json:
            print_json(told)
        else:
            from clew.traced.text import print_back, print_forward

            (print_back if forward is None else print_forward)(told)
    note(read_from)
    if html is not None:
        note(f"the page: {html}")


def _write_down(told: dict[str, Any]) -> None:
    """Write down that raw lines are shown: of which tables, and of whom."""
    from clew.looked import write_down_if_able

    of = f"exports/{told['export']['destination']}/{told['export']['release']}" if "export" in told else told["table"]
    lines = sorted({item["table"] for item in told["tables"] if item["table"].startswith("bronze.")} - {of})
    write_down_if_able(f"trace --raw: {', '.join([of, *lines])}", {item["profile_id"] for item in told["whose"]})


def _told(
    table: str | None, key: list[str], forward: str | None, column: str | None, release: str, limit: int, raw: bool
) -> dict[str, Any]:
    from clew.workspace import settings
    from contracts.lineage import Lineage
    from lakehouse.lake import Lake

    lake = Lake(settings())
    lineage = Lineage(lake.contracts)
    if forward is not None:
        if table is not None or column is not None or raw:
            raise UsageError("--forward takes a file or a message only", "--forward", "leave out what else was given")
        from clew.traced.forward import trace_forward

        return trace_forward(lineage, lake, forward, release, limit)
    if table is None:
        raise UsageError(
            "name a row, or what to follow forward", do="clew trace TABLE KEY, or clew trace --forward FILE"
        )
    from clew.traced.exported import is_export, trace_export

    if is_export(table):
        if release != "latest":
            raise UsageError("an export is of the release in its name", "--release", "leave out --release")
        return trace_export(lineage, lake, table, key, column, limit, raw)
    from clew.traced.asked import parse
    from clew.traced.back import trace_back

    return trace_back(lineage, parse(lineage, table, key, column), release, limit, raw)
