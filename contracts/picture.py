"""Boxes in columns with arrows between them, as an SVG picture in light and dark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_WIDE, _HIGH, _GAP, _BETWEEN, _EDGE, _HEAD = 212, 34, 8, 76, 16, 40
_STYLE = """
svg{font:12px system-ui,sans-serif;background:#fff;color:#1b1f24}
rect{fill:#f4f6f8;stroke:#8a94a0}.restricted rect{fill:#fdecea;stroke:#b3261e}
text{fill:currentColor}.small{font-size:10px;opacity:.75}.head{font-weight:600}
path{fill:none;stroke:#8a94a0;stroke-opacity:.45}path.restricted{stroke:#b3261e}
@media (prefers-color-scheme:dark){svg{background:#14171a;color:#e6e9ec}rect{fill:#1f2429;stroke:#6b7680}
.restricted rect{fill:#3a1d1b;stroke:#f2938c}path.restricted{stroke:#f2938c}}
"""


@dataclass(frozen=True)
class Box:
    """One box.

    Attributes:
        column: In which column it stands, from 0.
        name: Its first line.
        below: Its second line.
        is_restricted: Whether it and its arrows are drawn in red.
    """

    column: int
    name: str
    below: str
    is_restricted: bool


def drawn(heads: Sequence[str], boxes: Mapping[str, Box], arrows: Sequence[tuple[str, str]], title: str) -> str:
    """Draw a picture.

    Args:
        heads: What stands above each column.
        boxes: By a name that the arrows use, in the order from top to bottom.
        arrows: From which box to which; within a column they bow out to the right.
        title: Is read out in place of the picture.
    """
    columns = [[name for name, box in boxes.items() if box.column == number] for number in range(len(heads))]
    places = {
        name: (_EDGE + number * (_WIDE + _BETWEEN), _HEAD + place * (_HIGH + _GAP))
        for number, names in enumerate(columns)
        for place, name in enumerate(names)
    }
    width = 2 * _EDGE + len(heads) * _WIDE + (len(heads) - 1) * _BETWEEN
    height = _HEAD + max(len(names) for names in columns) * (_HIGH + _GAP) + _EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img"><title>{escape(title)}</title><style>{_STYLE}</style>'
    ]
    for number, head in enumerate(heads):
        parts.append(f'<text class="head" x="{_EDGE + number * (_WIDE + _BETWEEN)}" y="24">{escape(head)}</text>')
    for start, end in arrows:
        kind = ' class="restricted"' if boxes[start].is_restricted else ""
        parts.append(f'<path{kind} d="{_bow(places[start], places[end])}"/>')
    for name, (x, y) in places.items():
        box = boxes[name]
        kind = ' class="restricted"' if box.is_restricted else ""
        parts.append(
            f'<g{kind}><rect x="{x}" y="{y}" width="{_WIDE}" height="{_HIGH}" rx="4"/>'
            f'<text x="{x + 8}" y="{y + 14}">{escape(box.name)}</text>'
            f'<text class="small" x="{x + 8}" y="{y + 27}">{escape(_short(box.below))}</text></g>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bow(start: tuple[int, int], end: tuple[int, int]) -> str:
    """A curve from the right of one box to the left of another; between two of one column, on their right."""
    x, y = start[0] + _WIDE, start[1] + _HIGH // 2
    there, down = end[0], end[1] + _HIGH // 2
    if end[0] == start[0]:
        there += _WIDE
        return f"M{x} {y}C{x + 48} {y} {there + 48} {down} {there} {down}"
    middle = (x + there) // 2
    return f"M{x} {y}C{middle} {y} {middle} {down} {there} {down}"


def _short(text: str) -> str:
    return text if len(text) <= 38 else text[:37] + "…"
