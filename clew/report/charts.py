"""Charts as options of Apache ECharts, in JSON without a function: the page's script only fills in size and colours.

A text that begins with ``$`` names a colour of the style sheet. Colour is never the only sign: what differs in colour
differs in its mark or its text too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Option = dict[str, Any]
_COLOURS = ("$mark", "$second", "$third", "$fourth", "$fifth", "$faint")
ROW = 34
"""Height of a row of a chart, in pixels."""


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        option: What ECharts draws.
        height: In pixels.
        about: What a reader of the screen is told in its place; the figures are in the table beside it.
    """

    option: Option
    height: int
    about: str


@dataclass(frozen=True)
class Interval:
    """A figure with its interval; without a value it is a label only."""

    label: str
    value: float | None
    low: float | None
    high: float | None


def intervals(
    groups: Sequence[tuple[str, Sequence[Interval]]], about: str, unit: str = "", line: float | None = None,
    span: tuple[float | None, float | None] = (None, None),
) -> Chart:  # fmt: skip
    """Points with their intervals, one row each.

    Args:
        groups: Name and rows of each kind of point; kinds have the same rows in the same order.
        about: As of a chart.
        unit: Is written beside the axis.
        line: Where a line is drawn, such as at no difference.
        span: The ends of the axis; None is found by the figures.
    """
    labels = [item.label for item in groups[0][1]]
    series: list[Option] = []
    for number, (name, rows) in enumerate(groups):
        shift = 0.0 if len(groups) == 1 else (-0.2 + 0.4 * number / (len(groups) - 1))
        colour = ("$mark", "$second", "$faint")[number % 3]
        whiskers: list[Any] = []
        for place, item in enumerate(rows):
            if item.low is not None and item.high is not None:
                whiskers += [[item.low, place + shift], [item.high, place + shift], [None, None]]
        series.append(
            {"type": "line", "name": name, "data": whiskers, "symbol": "none", "yAxisIndex": 1, "silent": True,
             "lineStyle": {"width": 4 if number == 0 else 2, "color": colour, "opacity": 0.55, "cap": "round"}}
        )  # fmt: skip
        points = [[item.value, place + shift] for place, item in enumerate(rows) if item.value is not None]
        series.append(
            {"type": "scatter", "name": name, "data": points, "yAxisIndex": 1, "symbolSize": 11 if number == 0 else 9,
             "symbol": ("circle", "diamond", "rect")[number % 3], "itemStyle": {"color": colour}}
        )  # fmt: skip
    if line is not None:
        series[0]["markLine"] = {
            "silent": True, "symbol": "none", "label": {"show": False}, "data": [{"xAxis": line}],
            "lineStyle": {"color": "$ink", "type": "dashed", "width": 1},
        }  # fmt: skip
    option: Option = {
        "grid": {"left": 16, "right": 24, "top": 36 if len(groups) > 1 else 8, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "item"},
        "xAxis": _scale(unit) | {"min": span[0], "max": span[1], "scale": True}
        | ({"interval": 25} if span == (0, 100) else {}),
        "yAxis": [_rows(labels), {"type": "value", "min": -0.5, "max": len(labels) - 0.5, "inverse": True,
                                  "show": False}],
        "series": series,
    }  # fmt: skip
    if unit:
        option["grid"]["bottom"] = 24
    if len(groups) > 1:
        option["legend"] = {
            "top": 0, "left": 0,
            "data": [{"name": name, "icon": ("circle", "diamond", "rect")[place % 3]}
                     for place, (name, _) in enumerate(groups)],
        }  # fmt: skip
    return Chart(option, ROW * len(labels) + 40 + (28 if len(groups) > 1 else 0) + (20 if unit else 0), about)


def bars(rows: Sequence[tuple[str, float]], about: str, unit: str = "") -> Chart:
    """Lying bars, one row each."""
    option: Option = {
        "grid": {"left": 16, "right": 64, "top": 4, "bottom": 24 if unit else 8, "containLabel": True},
        "tooltip": {"trigger": "item"},
        "xAxis": _scale(unit) | {"splitNumber": 4},
        "yAxis": _rows([label for label, _ in rows]),
        "series": [
            {"type": "bar", "name": unit, "barMaxWidth": 20,
             "data": [{"value": value, "label": {"formatter": f"{value:,}"}} for _, value in rows],
             "itemStyle": {"color": "$mark", "borderRadius": [0, 3, 3, 0]},
             "label": {"show": True, "position": "right", "color": "$ink"}}
        ],
    }  # fmt: skip
    return Chart(option, ROW * len(rows) + 60, about)


def columns(
    labels: Sequence[str], kinds: Sequence[tuple[str, Sequence[float | None]]], about: str, unit: str = ""
) -> Chart:
    """Points of several kinds by row, each kind with a mark of its own, such as models beside what was measured."""
    marks = ("circle", "rect", "triangle", "diamond", "roundRect", "arrow", "pin", "circle")
    colours = ("$mark", "$second", "$third", "$fourth", "$fifth", "$faint", "$ink", "$mark")
    option: Option = {
        "grid": {"left": 16, "right": 24, "top": 64, "bottom": 24, "containLabel": True},
        "legend": {"top": 0, "left": 0},
        "tooltip": {"trigger": "item"},
        "xAxis": _scale(unit) | {"scale": True},
        "yAxis": _rows(labels),
        "series": [
            {"type": "scatter", "name": name, "symbol": marks[number % 8], "symbolSize": 12,
             "itemStyle": {"color": colours[number % 8]},
             "data": [[value, label] for label, value in zip(labels, figures, strict=True) if value is not None]}
            for number, (name, figures) in enumerate(kinds)
        ],
    }  # fmt: skip
    return Chart(option, (ROW + 12) * len(labels) + 110, about)


def sankey(links: Sequence[tuple[str, str, int]], about: str) -> Chart:
    """Ways from the left to the right.

    Args:
        links: From, to and how many; one name may stand on both sides.
        about: As of a chart.
    """
    left, right = (list(dict.fromkeys(link[side] for link in links)) for side in (0, 1))
    # a mark that no one sees tells the sides apart, since ECharts knows nodes by their names
    names = sorted({*left, *right})
    colour = {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(names)}
    nodes: list[Option] = [{"name": name, "depth": 0} for name in left]
    nodes += [{"name": f"{name}\u200b", "depth": 1} for name in right]
    for node in nodes:
        node["itemStyle"] = {"color": colour[node["name"].removesuffix("\u200b")]}
    option: Option = {
        "tooltip": {"trigger": "item"},
        "series": [
            {"type": "sankey", "left": 4, "right": 4, "top": 8, "bottom": 8, "nodeWidth": 14, "nodeGap": 14,
             "draggable": False, "layoutIterations": 0, "emphasis": {"focus": "adjacency"},
             "data": nodes,
             "links": [{"source": one, "target": f"{other}\u200b", "value": many} for one, other, many in links],
             "lineStyle": {"color": "source", "opacity": 0.28, "curveness": 0.5},
             "levels": [{"depth": 0, "label": {"position": "right"}}, {"depth": 1, "label": {"position": "left"}}],
             "label": {"color": "$ink", "textBorderColor": "$paper", "textBorderWidth": 3, "fontSize": 13}}
        ],
    }  # fmt: skip
    return Chart(option, max(220, 42 * max(len(left), len(right)) + 40), about)


def _scale(unit: str) -> Option:
    line = {"axisLine": {"show": False, "onZero": False}, "axisTick": {"show": False}, "position": "bottom"}
    return line | {"type": "value", "name": unit, "nameLocation": "middle", "nameGap": 26}


def _rows(labels: Sequence[str]) -> Option:
    return {
        "type": "category", "inverse": True, "data": list(labels), "axisTick": {"show": False},
        "axisLine": {"show": False},
        "axisLabel": {"width": min(240, 12 + 7 * max(map(len, labels), default=0)), "overflow": "break", "interval": 0,
                      "lineHeight": 14, "color": "$ink"},
    }  # fmt: skip
