"""An explanation as one HTML page that opens by itself: no script, nothing fetched, light and dark, any width."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from clew.explained.drawing import SHAPES, STYLES, drawn, legend_mark, waterfall, waterfall_of
from clew.explained.graph import Graph, graph_of_build_up, graph_of_path
from clew.explained.markup import Markup, element
from clew.explained.shell import scrolled, table, whole_page
from clew.explained.words import bars, comparison_text, sources_text
from identity.evidence import probability_text, walk
from identity.explain import Explanation
from identity.merges import BuildUp

if TYPE_CHECKING:
    from identity.evidence import Edge
    from identity.lacking import Lacking

_EDGE_HEADS = ("by", "weight", "probability", "kind", "version", "since")
_SAYS = {
    "linked": "linked",
    "review": "awaits review",
    "blocked": "blocked",
}


def page(found: Explanation | BuildUp, read_from: str) -> str:
    """The page of an explanation.

    Args:
        found: The explanation.
        read_from: The release that was read, in words.
    """
    if isinstance(found, Explanation):
        title, parts = _of_pair(found)
    else:
        title, parts = _of_profile(found)
    kept = "It names records, by which people can be found: keep it as their data are kept."
    return whole_page(title, parts, f"From {read_from}. Weights are log2 of the odds. {kept}")


def _of_pair(found: Explanation) -> tuple[str, list[Any]]:
    together = found.verdict == "same"
    title = f"{found.left} and {found.right}: {'one person' if together else 'kept apart'}"
    profiles = (
        ["Profile ", element("code", found.left_profile), "."]
        if together
        else ["Profiles ", element("code", found.left_profile), " and ", element("code", found.right_profile), "."]
    )
    chain = "The links that join them" if together else "The strongest chain, and where it is stopped"
    sources = {record.record_id: record.sources for record in found.records}
    steps = [
        (number, _record(here, sources[here]), _record(there, sources[there]), _state(edge), *_edge_cells(edge))
        for number, (here, there, edge) in enumerate(walk(found.path, found.left), 1)
    ]
    heads = ("step", "from", "to", "state", *_EDGE_HEADS)
    parts = [
        element("p", found.reason[:1].upper() + found.reason[1:], ".", class_=f"verdict {found.verdict}"),
        element("p", profiles),
        _figure(graph_of_path(found), chain if found.path else "The two records, with no chain of evidence between"),
        element("h2", "Step by step"),
        table("Each link from one record to the next.", heads, steps),
    ]
    if found.beside:
        beside = [(_state(edge), *_edge_cells(edge)) for edge in found.beside]
        parts.append(table("What else was found between the two records themselves.", ("state", *_EDGE_HEADS), beside))
    parts += _waterfalls([*found.path, *found.beside])
    if found.obstacle is not None and "decision" in found.obstacle.evidence:
        parts += [
            element("h2", "What was decided"),
            element("p", f"{found.obstacle.reason}. By whom and why: ", element("code", "clew identity decisions")),
        ]
    return title, [*parts, _lacking(found.lacking)] if found.lacking else parts


def _of_profile(found: BuildUp) -> tuple[str, list[Any]]:
    many = f"{len(found.records)} record{'s' if len(found.records) != 1 else ''}"
    title = f"How profile {found.profile_id} was built"
    merges = [
        (
            item.number,
            _record(item.edge.left_record, item.left_sources),
            _record(item.edge.right_record, item.right_sources),
            element("td", f"{item.left_part} + {item.right_part} = {item.records}", class_="number"),
            *_edge_cells(item.edge),
        )
        for item in found.merges
    ]
    heads = ("merge", "left", "right", "records", *_EDGE_HEADS)
    around = [
        (_record(item.left_record), _record(item.right_record), _state(item), *_edge_cells(item))
        for item in found.around
    ]
    refused = ("left", "right", "state", *_EDGE_HEADS)
    return title, [
        element(
            "p",
            f"{many}, founded by ",
            element("code", found.records[0].record_id),
            f". As firm as its weakest link: {found.link_kind}, probability {probability_text(found.probability)}.",
            class_="verdict",
        ),
        _figure(graph_of_build_up(found), "The records, each below the one that it was joined to"),
        element("h2", "Merge by merge"),
        table("In the order in which links joined: the firmest first.", heads, merges),
        _waterfalls([item.edge for item in found.merges]),
        element("h2", "Refused, or waiting for review"),
        table("Evidence at these records that joins nothing.", refused, around),
        _waterfalls([edge for edge in found.around if edge.state == "review"][:5]),
    ]


def _figure(graph: Graph, caption: str) -> Markup:
    kinds = [kind for kind in SHAPES if any(node.record.kind == kind for node in graph.nodes)]
    states = [state for state in STYLES if any(line.edge.state == state for line in graph.lines)]
    legend = [element("li", legend_mark(name), _SAYS.get(name, name)) for name in (*kinds, *states)]
    more = f" {graph.left_out} weaker edges are in the table only." if graph.left_out else ""
    return element(
        "figure",
        element("h2", "The graph"),
        element("ul", legend, class_="legend", aria_label="What the marks mean"),
        scrolled(drawn(graph, caption), caption),
        element("figcaption", f"{caption}.{more}"),
    )


def _waterfalls(edges: Sequence["Edge"]) -> list[Markup]:
    compared = [edge for edge in edges if "waterfall" in edge.evidence]
    found = []
    for edge in compared:
        title = f"{edge.left_record} — {edge.right_record}"
        found += [element("h3", title), waterfall(edge, f"What the model compared, {title}")]
    return [element("h2", "What the model compared"), *found] if found else []


def _lacking(lacking: "Lacking") -> list[Markup]:
    parts = [element("h2", "What the two profiles share, and what not")]
    if lacking.unusable:
        rows = [(item["identifier"], element("td", item["reason"], class_="why")) for item in lacking.unusable]
        parts.append(table("Both hold these, and they do not identify.", ("identifier", "why"), rows))
    said = list(lacking.attributes.items())
    parts.append(table("What they say of themselves; the values stay in the lake.", ("attribute", "is"), said))
    if comparison_text(lacking):
        parts.append(element("p", comparison_text(lacking)))
    if lacking.comparison is not None:
        steps = bars(lacking.comparison.evidence, lacking.comparison.match_weight)
        parts.append(waterfall_of(steps, "What the model compared"))
    return parts


def _record(record: str, sources: Sequence[str] = ()) -> Markup:
    return element("td", element("code", record), f" {sources_text(sources)}" if sources else None)


def _edge_cells(edge: "Edge") -> tuple[Any, ...]:
    return (
        edge.rule,
        element("td", f"{edge.match_weight:+.2f}", class_="number"),
        element("td", probability_text(edge.probability), class_="number"),
        edge.kind,
        edge.model_version,
        (edge.since or "")[:10],
    )


def _state(edge: "Edge") -> Markup:
    why = f"{_SAYS.get(edge.state, edge.state)}: {edge.reason}" if edge.reason else _SAYS.get(edge.state, edge.state)
    return element("td", why, class_=f"{'why ' if edge.reason else ''}{edge.state}")
