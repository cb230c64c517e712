"""A trace as one HTML page that opens by itself, with the lineage drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

from clew.explained.markup import Markup, element
from clew.explained.shell import scrolled, table, whole_page
from clew.output import time_text
from clew.traced.text import EXPORT_HEADS, exports_tables, place_text, values_table, whose_table

Told = Mapping[str, Any]
ROW, INDENT, MARGIN, LETTER = 30, 26, 14, 7.9


def page(told: Told, read_from: str) -> str:
    """The page of a trace, backward or forward."""
    key = ", ".join(str(value) for value in told.get("key", {}).values())
    title = f"From {told['of']} onwards" if "of" in told else f"What {told['table']} {key} is made of"
    caption = "Each table below the one by which its rows were reached first"
    figure = element(
        "figure", element("h2", "The lineage"), scrolled(drawn(told["tables"], caption), caption),
        element("figcaption", f"{caption}."),
    )  # fmt: skip
    parts = [figure, *(_forward(told) if "of" in told else _back(told))]
    return whole_page(title, parts, f"From {read_from}. It names records, by which people can be found.")


def drawn(tables: Sequence[Told], title: str) -> Markup:
    """The tables as a tree, one row each."""
    ordered = _in_order(tables)
    width = max(MARGIN * 2 + 11 + INDENT * depth + LETTER * len(_label(item)) for item, depth, _ in ordered)
    marks = []
    for row, (item, depth, parent) in enumerate(ordered):
        x, y = MARGIN + INDENT * depth, MARGIN + ROW * row
        if parent is not None:
            style = "edge review" if item.get("is_evidence") else "edge linked"
            marks.append(element("path", d=f"M{x - INDENT} {MARGIN + ROW * parent}V{y}H{x}", class_=style))
        marks += [
            element("circle", cx=x, cy=y, r=5, class_="node"),
            element("text", _label(item), x=x + 11, y=y + 4, class_="id"),
        ]
    told = "; ".join(_label(item) for item, _, _ in ordered)
    height = ROW * len(ordered) + 4
    return element(
        "svg", element("title", title), element("desc", told), marks, role="img", aria_label=title,
        viewBox=f"0 0 {width:.0f} {height}", width=f"{width:.0f}", height=height, class_="graph",
    )  # fmt: skip


def _in_order(tables: Sequence[Told]) -> list[tuple[Told, int, int | None]]:
    """The tables depth first, each with its depth and the row of the one above it."""
    names = {item["table"] for item in tables}
    below: dict[str | None, list[Told]] = {}
    for item in tables:
        below.setdefault(next((name for name in item["through"] if name in names), None), []).append(item)
    found: list[tuple[Told, int, int | None]] = []

    def visit(name: str | None, depth: int, row: int | None) -> None:
        for item in below.get(name, []):
            found.append((item, depth, row))
            visit(item["table"], depth + 1, len(found) - 1)

    visit(None, 0, None)
    return found


def _label(item: Told) -> str:
    return f"{item['table']}: {item['rows']:,} row{'s' if item['rows'] != 1 else ''}"


def _back(told: Told) -> list[Any]:
    parts: list[Any] = []
    if "export" in told:
        made, consent = told["export"], told["export"]["consent"]
        lines = ", ".join(place_text(line) for line in consent["messages"])
        parts += [
            element("h2", "The exported row"),
            element("p", f"exports/{made['destination']}/{made['release']}, for {made['purpose']}, allowed by ",
                    element("code", consent["event_id"]), f" ({lines})."),
            table("Its columns.", ("column", "from"), [(item["column"], item["from"]) for item in made["columns"]]),
        ]  # fmt: skip
    if told["values"]:
        parts += [element("h2", "Values"), table("The messages that they are from.", *values_table(told["values"]))]
    if told["whose"]:
        parts += [element("h2", "Whose it is"), table("The records, and what links them.", *whose_table(told["whose"]))]
    files = [(item["file"], item["lines"], ", ".join(map(str, item["numbers"]))) for item in told["files"]]
    parts += [element("h2", "Landing files"), table("Where the lines lie.", ("file", "lines", "some of them"), files)]
    raw = [
        (place_text(line), element("td", element("code", line["payload"])))
        for line in told["lines"]
        if "payload" in line
    ]
    return [*parts, element("h2", "Raw lines"), table("As they came.", ("line", "text"), raw)] if raw else parts


def _forward(told: Told) -> list[Any]:
    lines = [(item["file"], item["lines"], item["landing"], time_text(item["landed_at"])) for item in told["lines"]]
    fates = [(item["fate"], item["messages"]) for item in told["fates"]]
    exports = [table(f"{title[0].upper()}{title[1:]}.", EXPORT_HEADS, rows) for title, rows in exports_tables(told)]
    return [
        element("h2", "Landed as"), table("Lines.", ("file", "lines", "landing", "at (UTC)"), lines),
        element("h2", "What became of its messages"), table("Fates.", ("fate", "messages"), fates),
        element("h2", "Exports still held"), *exports,
    ]  # fmt: skip
