"""HTML and SVG that is escaped unless it was made here."""

import html
import unicodedata
from typing import Any

_EMPTY = frozenset({"meta", "path", "circle", "rect", "line", "polygon"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def element(tag: str, *children: Any, **attributes: Any) -> Markup:
    """An element. Children that are no Markup are escaped; None and False are left out.

    In an attribute's name ``_`` stands for ``-``, and one at its end for nothing: ``class_``, ``aria_label``.
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _EMPTY and not children:
        return Markup(f"<{tag}{given}/>")
    return Markup(f"<{tag}{given}>{joined(*children)}</{tag}>")


def joined(*children: Any) -> Markup:
    """Children in a row; lists among them are laid out."""
    return Markup(
        "".join(
            joined(*child) if isinstance(child, list | tuple) else escaped(child)
            for child in children
            if child is not None and child is not False
        )
    )


def escaped(value: Any) -> Markup:
    """A value as text of a page. Marks that would control the page's direction or a terminal are shown as codes."""
    if isinstance(value, Markup):
        return value
    shown = "".join(
        f"\\u{ord(mark):04x}" if unicodedata.category(mark) in ("Cc", "Cf", "Cs") else mark for mark in str(value)
    )
    return Markup(html.escape(shown, quote=True))
