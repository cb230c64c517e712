"""What every page of ours is made of: a document that loads nothing, and tables that fit a phone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clew.explained.markup import Markup, element

_STYLE = Path(__file__).with_name("page.css")
_NOTHING_LOADS = "default-src 'none'; style-src 'unsafe-inline'"


def whole_page(title: str, parts: Sequence[Any], foot: str) -> str:
    """One HTML document: no script, nothing fetched, light and dark."""
    body = element("body", element("main", element("h1", title), parts), element("footer", element("p", foot)))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", http_equiv="Content-Security-Policy", content=_NOTHING_LOADS),
        element("title", title),
        element("style", Markup(_STYLE.read_text(encoding="utf-8"))),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> Markup:
    """A table with its caption; "None." where it has no row."""
    if not rows:
        return element("p", "None.", class_="faint")
    numbers = ["number" if _is_number(value) else None for value in rows[0]]
    columns = [element("th", name, scope="col", class_=kind) for name, kind in zip(heads, numbers, strict=True)]
    head = element("thead", element("tr", columns))
    body = element("tbody", [element("tr", [_cell(value) for value in row]) for row in rows])
    return scrolled(element("table", element("caption", caption), head, body), caption)


def _cell(value: Any) -> Markup:
    if isinstance(value, Markup) and value.startswith("<td"):
        return value
    return element("td", f"{value:,}", class_="number") if _is_number(value) else element("td", value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def scrolled(content: Markup, name: str) -> Markup:
    """What is wider than a phone is moved sideways within its own frame, by the keyboard too."""
    return element("div", content, class_="scroll", tabindex="0", role="region", aria_label=name)
