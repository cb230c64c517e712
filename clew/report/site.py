"""What every page of the site is made of: its head and its ways on, its charts with their tables, and drill-down."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clew.explained.markup import Markup, element, escaped
from clew.report.asked import Answer, Asked
from clew.report.charts import Chart
from clew.report.declared import Place

STYLE, SCRIPT, LIBRARY = "site.css", "site.js", "echarts.min.js"
HERE = Path(__file__).parent
FILES = {
    STYLE: HERE / STYLE,
    SCRIPT: HERE / SCRIPT,
    LIBRARY: HERE / "vendor" / LIBRARY,
    "LICENSE-echarts.txt": HERE / "vendor" / "LICENSE-echarts",
    "NOTICE-echarts.txt": HERE / "vendor" / "NOTICE-echarts",
    "LICENSE-d3.txt": HERE / "vendor" / "LICENSE-d3",
}
"""What is written beside the pages, and from where."""
_LOADS = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self' file:; img-src data:; base-uri 'none'"
_FOLDED = 24
"""So many lines of a declaration are shown."""


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        file: Its name.
        title: As its heading.
        short: As the way to it.
        lead: What is on it, in a sentence.
        parts: Its content, from headings of the second level on.
    """

    file: str
    title: str
    short: str
    lead: str
    parts: Sequence[Any]


def written(page: Page, ways: Sequence[tuple[str, str]], asked: Asked) -> str:
    """A page as HTML."""
    links = [
        element("li", element("a", short, href=file, aria_current="page" if file == page.file else None))
        for file, short in ways
    ]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", http_equiv="Content-Security-Policy", content=_LOADS),
        element("title", f"{page.title} · Clew"),
        Markup(f'<link rel="stylesheet" href="{STYLE}"/>'),
    )
    has_charts = any('class="chart"' in str(part) for part in page.parts)
    body = element(
        "body",
        element("a", "To the content", href="#content", class_="skip"),
        element(
            "header",
            element("p", "Clew", element("span", " journeys"), class_="brand"),
            element("p", asked.release_name, class_="release"),
            element("nav", element("ul", links), aria_label="Pages"),
            class_="top",
        ),
        element(
            "main",
            element("h1", page.title),
            element("p", page.lead, class_="lead"),
            page.parts,
            id="content",
            tabindex="-1",
        ),
        element(
            "footer",
            element(
                "p",
                f"From {asked.release_name}. People are counted, never named; no count of one to four people "
                "is printed. An interval holds the true figure in 95 of 100 such samples, unless it says otherwise.",
            ),
            element(
                "p",
                "Charts are drawn by Apache ECharts 6.1.0 (",
                element("a", "Apache-2.0", href="LICENSE-echarts.txt"),
                "), which lies beside this page.",
            ),
        ),
        element("p", id="said", class_="unseen", role="status"),
        element("script", src=LIBRARY, defer="defer") if has_charts else None,
        element("script", src=SCRIPT, defer="defer"),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def section(title: str, anchor: str, *parts: Any, level: int = 2) -> Markup:
    """A part of a page under its heading."""
    return element("section", element(f"h{level}", title, id=anchor), parts, aria_labelledby=anchor)


def table(caption: str, heads: Sequence[Any], rows: Sequence[Sequence[Any]]) -> Markup:
    """A table that is moved sideways within its frame where it is too wide; its first column names the rows."""
    if not rows:
        return element("p", "None.", class_="faint")
    numbers = ["number" if 'class="number"' in str(cell) else None for cell in rows[0]]
    top = [element("th", name, scope="col", class_=kind) for name, kind in zip(heads, numbers, strict=True)]
    body = [
        element("tr", element("th", row[0], scope="row"), [_cell(value) for value in row[1:]]) for row in rows
    ]  # fmt: skip
    made = element(
        "table", element("caption", caption), element("thead", element("tr", top)), element("tbody", body)
    )  # fmt: skip
    return element("div", made, class_="scroll", tabindex="0", role="group", aria_label=caption)


def chart(drawn: Chart | None, figures: Markup, is_open: bool = False) -> Markup:
    """A chart, and the same figures as a table."""
    if drawn is None:
        return figures
    # `<` and its like stand as escapes, so that no value ends the element that holds them
    text = json.dumps(drawn.option, ensure_ascii=True, sort_keys=True)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return element(
        "figure",
        element("div", class_="chart", role="img", aria_label=drawn.about, style=f"height:{drawn.height}px"),
        Markup(f'<script type="application/json">{text}</script>'),
        element(
            "details", element("summary", "The same figures as a table"), figures, class_="figures",
            open="open" if is_open else None,
        ),
    )  # fmt: skip


def source(
    asked: Asked, answers: Sequence[Answer], places: Sequence[Place | None], tables: Sequence[str], about: str
) -> Markup:
    """Where figures are from: the query, the release and the declarations.

    Args:
        asked: The release.
        answers: The queries.
        places: What declares the figures.
        tables: What the queries read, which are declared too.
        about: What the figures are of, to tell one drill-down from another.
    """
    parts: list[Any] = []
    for answer in answers:
        command = f"clew query --release {asked.release} {in_shell(answer.sql)}"
        parts.append(element("pre", element("code", lines(command)), class_="copy", tabindex="0", role="group",
                             aria_label=f"The query of {about}", data_what="the query"))  # fmt: skip
    found = [*places, *(asked.declarations.table(name) for name in tables)]
    kept = list({(place.file, place.first): place for place in found if place is not None}.values())
    shown = [
        element(
            "details",
            element("summary", place.name),
            element("pre", element("code", lines(_folded(place))), tabindex="0", role="group", aria_label=place.name),
        )
        for place in kept
    ]
    return element(
        "details",
        element("summary", "Where this is from", element("span", f": {about}", class_="unseen")),
        element("p", f"Read from {asked.release_name}, by:"),
        parts,
        [element("p", "Declared in:"), shown] if kept else None,
        class_="source",
    )


def absent(asked: Asked, table_name: str, what: str) -> Markup:
    """What stands in the place of figures whose table is not there."""
    return element(
        "p", element("strong", f"No {what} here. "), "Its table ", element("code", table_name),
        f" is not in {asked.release_name}, or lacks a column that this page reads. ", element("code", "clew run"),
        " makes it where its contracts are declared; tables that are newer than the last release are read by ",
        element("code", "clew report journeys --release live"), ".", class_="absent",
    )  # fmt: skip


def badge(text: str, kind: str) -> Markup:
    """A verdict: a sign and a word, with a colour. Kinds are good, bad, open and none."""
    sign = {"good": "✓", "bad": "✕", "open": "…", "warn": "!"}.get(kind, "–")
    return element("span", element("span", sign, aria_hidden="true"), f" {text}", class_=f"badge {kind}")


def lines(text: str) -> Markup:
    """Text of several lines; within a line it is escaped as all is."""
    return Markup("\n".join(escaped(line) for line in text.split("\n")))


def in_shell(sql: str) -> str:
    """SQL as one word of a shell, in double quotes where they change nothing in it: they are easier to read."""
    return shlex.quote(sql) if set(sql) & set('"$`\\!') else f'"{sql}"'


def _folded(place: Place) -> str:
    lines = place.text.split("\n")
    if len(lines) <= _FOLDED:
        return place.text
    return "\n".join([*lines[:_FOLDED], f"… {len(lines) - _FOLDED} lines more"])


def _cell(value: Any) -> Markup:
    if isinstance(value, Markup) and value.startswith("<td"):
        return value
    return element("td", escaped(value) if not isinstance(value, Markup) else value)
