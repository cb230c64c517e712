"""A model's match weights, and its m and u, as inline SVG; the same model gives the same bytes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clew.explained.markup import Markup, element

if TYPE_CHECKING:
    from identity.drift import Level

WIDTH, ROW, NAMES, NUMBERS = 640, 22, 190, 56
_BARS = WIDTH - NAMES - NUMBERS


def weight_chart(levels: Sequence["Level"], title: str) -> Markup:
    """A bar for each level, to the right for one person, to the left against; a tick is the weight in use."""
    reach = max(1.0, *(abs(weight) for level in levels for weight in (level.weight, level.weight_in_use or 0.0)))
    middle = NAMES + _BARS / 2

    def across(weight: float) -> float:
        return middle + weight / reach * (_BARS / 2 - 4)

    marks = [element("path", d=f"M{middle:.1f} 0V{len(levels) * ROW}", class_="zero")]
    for row, level in enumerate(levels):
        top, end = row * ROW, across(level.weight)
        marks += [
            _name(level, top),
            element(
                "rect", x=f"{min(middle, end):.1f}", y=top + 5, width=f"{max(abs(end - middle), 1):.1f}", height=12,
                class_="bar for" if level.weight >= 0 else "bar against",
            ),
            _number(f"{level.weight:+.2f}", top),
        ]  # fmt: skip
        if level.weight_in_use is not None:
            tick = across(level.weight_in_use)
            marks.append(element("path", d=f"M{tick:.1f} {top + 2}V{top + 20}", class_="tick"))
    told = "; ".join(f"{level.level} {level.weight:+.2f}" for level in levels)
    return _svg(title, told, marks, len(levels))


def probability_chart(levels: Sequence["Level"], title: str) -> Markup:
    """Two bars for each level: how often it occurs for one person (m, above) and for two (u, below)."""
    marks = []
    for row, level in enumerate(levels):
        top = row * ROW
        marks.append(_name(level, top))
        for share, offset, style in ((level.m, 3, "bar for"), (level.u, 11, "bar against")):
            wide = f"{max(share * (_BARS - 8), 1):.1f}"
            marks.append(element("rect", x=NAMES, y=top + offset, width=wide, height=7, class_=style))
        marks.append(_number(f"{level.m:.3f} / {level.u:.2g}", top))
    told = "; ".join(f"{level.level} m {level.m:.4g}, u {level.u:.4g}" for level in levels)
    return _svg(title, told, marks, len(levels))


def _name(level: "Level", top: int) -> Markup:
    return element("text", level.level, x=NAMES - 8, y=top + 15, class_="small", text_anchor="end")


def _number(text: str, top: int) -> Markup:
    return element("text", text, x=WIDTH - 2, y=top + 15, class_="small weight", text_anchor="end")


def _svg(title: str, told: str, marks: list[Markup], rows: int) -> Markup:
    height = rows * ROW
    return element(
        "svg", element("title", title), element("desc", told), marks, role="img", aria_label=f"{title}: {told}",
        viewBox=f"0 0 {WIDTH} {height}", width=WIDTH, height=height, class_="waterfall",
    )  # fmt: skip
