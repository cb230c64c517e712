"""A graph and a waterfall as inline SVG. Sizes depend on the content alone, so the same answer gives the same bytes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from clew.explained.graph import Graph, Line, Node
from clew.explained.markup import Markup, element
from clew.explained.words import bars, sources_text

if TYPE_CHECKING:
    from identity.evidence import Edge

ROW, INDENT, LANE, MARGIN = 46, 24, 9, 14
ID_WIDTH, TEXT_WIDTH = 7.9, 6.3
"""Of a letter in the drawing's two fonts, on the generous side: text must not leave the drawing."""

LONGEST_ID = 40
MOST_LANES = 8
SHAPES = {
    "account": "circle",
    "anonymous": "ring",
    "crm": "square",
    "loyalty": "diamond",
    "mailbox": "envelope",
    "phone": "triangle",
}
STYLES = ("linked", "review", "blocked")
_SAYS = {"linked": "", "review": ", awaits review", "blocked": ", blocked"}


def drawn(graph: Graph, title: str) -> Markup:
    """The graph, one row a record."""
    arcs = [line for line in graph.lines if not line.is_branch]
    gutter = MARGIN + LANE * min(len(arcs), MOST_LANES)
    at = {node.record.record_id: (gutter + INDENT * node.column, MARGIN + ROW * node.row) for node in graph.nodes}
    captions = {node.record.record_id: _caption(node, graph.lines) for node in graph.nodes}
    width = max(
        at[name][0] + 18 + max(len(shortened(name)) * ID_WIDTH, sum(len(text) for text, _ in caption) * TEXT_WIDTH)
        for name, caption in captions.items()
    )
    height = ROW * len(graph.nodes) + 4
    counts = {style: sum(line.edge.state == style for line in graph.lines) for style in STYLES}
    told = (
        f"{len(graph.nodes)} records; edges: {counts['linked']} linked, {counts['review']} awaiting review, "
        f"{counts['blocked']} blocked. The tables below say the same in words."
    )
    return element(
        "svg",
        element("title", title, id="graph-title"),
        element("desc", told, id="graph-desc"),
        [_branch(line, at) for line in sorted(graph.lines, key=lambda line: line.edge.is_used) if line.is_branch],
        [_arc(line, at, gutter, lane) for lane, line in enumerate(arcs)],
        [_node(node, captions[node.record.record_id], *at[node.record.record_id]) for node in graph.nodes],
        role="img",
        aria_labelledby="graph-title graph-desc",
        viewBox=f"0 0 {width:.0f} {height}",
        width=f"{width:.0f}",
        height=height,
        class_="graph",
    )


def legend_mark(kind: str) -> Markup:
    """The mark of a kind of record, or the line of a state, alone."""
    if kind in STYLES:
        line = element("path", d="M1 8H29", class_=f"edge {kind}")
        return element("svg", line, viewBox="0 0 30 16", width=30, height=16, aria_hidden="true")
    return element("svg", _shape(kind, 8, 8), viewBox="0 0 16 16", width=16, height=16, aria_hidden="true")


def waterfall(edge: "Edge", title: str) -> Markup:
    """The weights of a comparison, each from where the one before it ended; the last bar is their sum."""
    return waterfall_of(bars(edge.evidence, edge.match_weight), title)


def waterfall_of(steps: Sequence[tuple[str, str, float]], title: str) -> Markup:
    """See ``waterfall``: steps are what was compared, the level, and the weight; the last is the sum of the others."""
    width, row = 340, 34
    ends: list[tuple[float, float]] = []
    at = 0.0
    for _, _, weight in steps[:-1]:
        ends.append((at, at + weight))
        at += weight
    ends.append((0.0, steps[-1][2]))
    low, high = min(min(pair) for pair in ends), max(max(pair) for pair in ends)
    scale = (width - 4) / ((high - low) or 1.0)

    def across(weight: float) -> float:
        return 2 + (weight - low) * scale

    rows = []
    for number, ((name, level, weight), (start, end)) in enumerate(zip(steps, ends, strict=True)):
        top = number * row
        what = f"{name}: {level}" if level else name
        tone = "sum" if number == len(steps) - 1 else "for" if weight >= 0 else "against"
        bar = {"x": f"{across(min(start, end)):.1f}", "width": f"{max(abs(end - start) * scale, 1):.1f}"}
        rows += [
            element("text", what, x=2, y=top + 13, class_="small"),
            element("text", f"{weight:+.2f}", x=width - 2, y=top + 13, class_="small weight", text_anchor="end"),
            element("rect", **bar, y=top + 18, height=10, class_=f"bar {tone}"),
        ]
    height = len(steps) * row
    zero = element("path", d=f"M{across(0):.1f} 16V{height}", class_="zero")
    told = "; ".join(f"{name} {level} {weight:+.2f}".replace("  ", " ") for name, level, weight in steps)
    return element(
        "svg", element("title", title), element("desc", told), zero, rows, role="img", aria_label=f"{title}: {told}",
        viewBox=f"0 0 {width} {height}", width=width, height=height, class_="waterfall",
    )  # fmt: skip


def edge_label(edge: "Edge") -> str:
    """Rule and weight."""
    return f"{edge.rule} {edge.match_weight:+.2f}"


def _caption(node: Node, lines: Sequence[Line]) -> list[tuple[str, str]]:
    """What stands below a record's id, in parts with their class: what leads to it from above, its sources, a note."""
    above = [line for line in lines if line.lower == node.record.record_id]
    arcs = [line for line in above if not line.is_branch]
    named = [line for line in above if line.is_branch or len(arcs) == 1]
    parts = [(edge_label(line.edge) + _SAYS[line.edge.state], f"label {line.edge.state}") for line in named]
    if len(arcs) > 1:
        parts.append((f"{len(arcs)} more, in the table", ""))
    parts += [(text, "") for text in (sources_text(node.record.sources), node.note) if text]
    return [(text if number == 0 else f" · {text}", style) for number, (text, style) in enumerate(parts)]


def shortened(record: str) -> str:
    """A long record id without its middle."""
    half = (LONGEST_ID - 1) // 2
    return record if len(record) <= LONGEST_ID else f"{record[: LONGEST_ID - 1 - half]}…{record[-half:]}"


def _node(node: Node, caption: list[tuple[str, str]], x: float, y: float) -> Markup:
    spans = [element("tspan", text, class_=style or None) for text, style in caption]
    return element(
        "g",
        element("title", f"{node.record.record_id}: {node.record.kind}, from {sources_text(node.record.sources)}"),
        _shape(node.record.kind, x, y),
        element("text", shortened(node.record.record_id), x=x + 14, y=y + 4, class_="id"),
        element("text", spans, x=x + 14, y=y + 20, class_="small"),
    )


def _shape(kind: str, x: float, y: float) -> Markup:
    names = {"class_": f"node {kind}"}
    match SHAPES.get(kind):
        case "square":
            return element("rect", x=x - 6, y=y - 6, width=12, height=12, **names)
        case "diamond":
            return element("polygon", points=f"{x},{y - 8} {x + 8},{y} {x},{y + 8} {x - 8},{y}", **names)
        case "envelope":
            return element("rect", x=x - 8, y=y - 5, width=16, height=10, rx=2, **names)
        case "triangle":
            return element("polygon", points=f"{x},{y - 7} {x + 7},{y + 6} {x - 7},{y + 6}", **names)
        case _:
            return element("circle", cx=x, cy=y, r=6, **names)


def _branch(line: Line, at: Mapping[str, tuple[float, float]]) -> Markup:
    (x, y), (to_x, to_y) = at[line.upper], at[line.lower]
    bend = f"V{to_y}" if x == to_x else f"V{to_y - 8}Q{x} {to_y} {x + 8} {to_y}H{to_x}"
    return _path(f"M{x} {y}{bend}", line)


def _arc(line: Line, at: Mapping[str, tuple[float, float]], gutter: float, lane: int) -> Markup:
    """Around the left side of the tree, each arc in a lane of its own as long as there are any."""
    (x, y), (to_x, to_y) = at[line.upper], at[line.lower]
    left = gutter - MARGIN / 2 - LANE * (1 + lane % MOST_LANES) + 4
    turns = f"Q{left} {y} {left} {y + 6}V{to_y - 6}Q{left} {to_y} {left + 6} {to_y}"
    return _path(f"M{x} {y}H{left + 6}{turns}H{to_x}", line)


def _path(shape: str, line: Line) -> Markup:
    title = f"{edge_label(line.edge)}, {line.edge.state}: {line.upper} — {line.lower}"
    return element("path", element("title", title), d=shape, class_=f"edge {line.edge.state}")
