"""The page of an explanation: whole, escaped, readable at any size, the same bytes for the same answer."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from clew.explained.drawing import ID_WIDTH, drawn, shortened, waterfall_of
from clew.explained.graph import graph_of_build_up, graph_of_path
from clew.explained.markup import Markup, element
from clew.explained.page import page
from contracts import Contracts
from identity.evidence import Edge, Record
from identity.explain import Explanation
from identity.lacking import Comparison, Lacking
from identity.merges import BuildUp, merges

KINDS = ("crm", "account", "anonymous", "loyalty", "mailbox", "phone")
WATERFALL = {
    "prior": -10.0,
    "waterfall": [
        {"comparison": "first_name", "level": "equal", "weight": 8.0},
        {"comparison": "birth_date", "level": "different", "weight": -6.0},
    ],
}


def record(record_id: str, profile: str = "p_1", **said: Any) -> Record:
    given = {"sources": ("crm", "web"), "link_kind": "deterministic", "probability": 0.99} | said
    return Record(record_id, record_id.split(":")[0], first_seen="2017-01-01T00:00:00Z",
                  last_seen="2017-02-01T00:00:00Z", profile_id=profile, **given)  # fmt: skip


def edge(left: str, right: str, state: str = "linked", **said: Any) -> Edge:
    given = {"kind": "deterministic", "rule": "email", "match_weight": 6.63, "probability": 0.99,
             "evidence": {"identifier": "email", "values": []}, "model_version": "rules-1",
             "reason": None if state == "linked" else "the reason", "since": "2017-01-01T00:00:00Z"} | said  # fmt: skip
    return Edge(*sorted((left, right)), state=state, **given)


SHAPES = {
    "tree": lambda number: (number - 1) // 3,
    "star": lambda number: 0,
    "chain": lambda number: number - 1,
    "chain with a leaf at each record": lambda number: max(number - 2 + number % 2, 0),
}


def profile_of(size: int, around: int = 0, shape: str = "tree") -> BuildUp:
    """A profile of ``size`` records, each joined to one of those before it, with refused edges around it."""
    names = [f"{KINDS[number % 6]}:{number:036d}" for number in range(size)]
    linked = [edge(names[number], names[SHAPES[shape](number)]) for number in range(1, size)]
    far = [f"crm:far{number}" for number in range(around)]
    refused = [edge(names[n % size], name, "blocked" if n % 2 else "review") for n, name in enumerate(far)]
    records = tuple(record(name, link_kind="deterministic" if n else "founder") for n, name in enumerate(names))
    steps = tuple(merges(linked, {item.record_id: item.sources for item in records}, Contracts().identity))
    outside = tuple(record(name, "p_2") for name in far)
    return BuildUp("p_1", names[0], "deterministic", 0.99, records, steps, tuple(refused), outside)


def apart(*path: Edge, **said: Any) -> Explanation:
    ends = sorted({end for item in path for end in item.ends}) or ["crm:1", "crm:2"]
    given = {"obstacle": None, "reason": "no evidence", "beside": (), "lacking": None} | said
    records = tuple(record(name, f"p_{number}") for number, name in enumerate(ends))
    return Explanation(ends[0], ends[-1], "p_0", f"p_{len(ends) - 1}", "apart", tuple(path), None,
                       given["obstacle"], given["reason"], given["beside"], given["lacking"], records)  # fmt: skip


class Outline(HTMLParser):
    """The tags of a page, checked to be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.met: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.met.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.met.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(drawing: str) -> ET.Element:
    return ET.fromstring(drawing)  # noqa: S314 - we made it ourselves


def drawing_of(text: str) -> ET.Element:
    return parsed(re.findall(r'<svg(?: [^>]*)? class="graph".*?</svg>', text, re.DOTALL)[0])


def test_a_page_is_whole_and_fetches_nothing() -> None:
    text = page(profile_of(5, around=3), "release 1")
    assert text.startswith("<!doctype html>")
    outline = Outline(text)
    tags = [tag for tag, _ in outline.met]
    assert {"title", "h1", "h2", "table", "caption", "svg", "style"} <= set(tags)
    assert tags.count("h1") == 1
    assert not {"script", "link", "img", "iframe", "image", "use"} & set(tags)
    attributes = {name for _, given in outline.met for name in given}
    assert not {"href", "src", "srcset", "onclick", "onload"} & attributes
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert ("html", {"lang": "en"}) in outline.met
    assert any(given.get("name") == "viewport" for _, given in outline.met)


def test_every_drawing_is_said_in_words_too() -> None:
    text = page(apart(edge("crm:1", "crm:2", "review", evidence=WATERFALL)), "live")
    drawings = [parsed(found) for found in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    shown = [item for item in drawings if item.get("aria-hidden") != "true"]
    assert len(shown) == 2
    for item in shown:
        assert item.get("role") == "img"
        assert item.findtext("title")
        assert item.findtext("desc")


def test_records_are_drawn_by_kind_and_edges_by_what_became_of_them() -> None:
    graph = drawing_of(page(profile_of(6, around=2), "live"))
    nodes = [item.get("class") for item in graph.iter() if (item.get("class") or "").startswith("node")]
    assert sorted(nodes) == sorted([*(f"node {kind}" for kind in KINDS), "node crm", "node crm"])
    lines = [item.get("class") for item in graph.iter("path")]
    assert sorted(lines) == ["edge blocked", *["edge linked"] * 5, "edge review"]
    text = "".join(graph.itertext())
    assert "email +6.63 · crm, web" in text
    assert "email +6.63, awaits review" in text


def test_markup_in_a_record_id_or_a_reason_stays_text() -> None:
    evil = "account:<script>alert('&\")</script>"
    reason = "<img src=x onerror=alert(1)>\u202e"
    stopped = edge("crm:1", evil, "blocked", reason=reason, rule='"><b>', model_version="<i>")
    text = page(apart(stopped, obstacle=stopped, reason=reason), "<release>")
    tags = {tag for tag, _ in Outline(text).met}
    assert not {"script", "img", "b", "i", "release"} & tags
    assert "\u202e" not in text
    assert "&lt;script&gt;" in text


def test_what_is_made_here_is_escaped_once() -> None:
    assert element("p", "<&>", element("b", "x"), [Markup("<i>"), None]) == "<p>&lt;&amp;&gt;<b>x</b><i></p>"
    assert element("a", title='"', hidden=None) == '<a title="&quot;"></a>'


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [1, 2, 80, 200])
def test_a_profile_of_any_size_and_shape_is_drawn_in_rows_that_do_not_overlap(size: int, shape: str) -> None:
    graph = graph_of_build_up(profile_of(size, shape=shape))
    assert len(graph.lines) == size - 1
    assert sorted(node.row for node in graph.nodes) == list(range(size))
    drawing = parsed(drawn(graph, "a profile"))
    width, height = float(drawing.get("width", 0)), float(drawing.get("height", 0))
    tops = []
    for text in (item for item in drawing.iter("text") if item.get("class") == "id"):
        tops.append(float(text.get("y", 0)))
        assert float(text.get("x", 0)) + len(text.text or "") * ID_WIDTH <= width
    assert len(tops) == size
    assert all(later - earlier >= 40 for earlier, later in pairwise(tops))
    assert tops[-1] < height
    assert width < 560, "a deep profile is no wider than it must be"


def test_a_profile_with_many_refusals_is_drawn_with_the_strongest_and_listed_with_all() -> None:
    text = page(profile_of(80, around=300), "live")
    assert len([item for item in drawing_of(text).iter("path") if item.get("class") != "edge linked"]) == 40
    assert "260 weaker edges are in the table only" in text
    assert text.count("the reason</td>") == 300


def test_a_chain_is_drawn_straight_down_and_names_the_profiles_it_leads_through() -> None:
    graph = graph_of_path(apart(edge("crm:1", "crm:2"), edge("crm:2", "crm:3", "blocked")))
    assert [(node.record.record_id, node.row, node.column) for node in graph.nodes] == [
        ("crm:1", 0, 0), ("crm:2", 1, 0), ("crm:3", 2, 0),
    ]  # fmt: skip
    assert [node.note for node in graph.nodes] == ["profile p_0", "profile p_1", "profile p_2"]


def test_two_records_without_a_chain_stand_alone_with_what_they_lack() -> None:
    best = Comparison("crm:1", "crm:2", -8.0, 0.0, "customers-1", WATERFALL)
    lacking = Lacking({"first_name": "differ", "email": "one side only"}, ({"identifier": "email", "reason": "kiosk"},),
                      True, best)  # fmt: skip
    text = page(apart(lacking=lacking), "live")
    assert "edge" not in {item.get("class") for item in drawing_of(text).iter("path")}
    for said in ("differ", "one side only", "kiosk", "comes to -8.00; pairs below +0.00 are not kept"):
        assert said in text


def test_a_second_edge_to_a_record_is_an_arc_and_not_a_second_row() -> None:
    found = profile_of(3)
    names = [item.record_id for item in found.records]
    far = record("crm:far", "p_2")
    refused = (
        edge(names[1], "crm:far", "blocked"),
        edge(names[2], "crm:far", "review"),
        edge(names[1], names[2], "blocked"),
    )
    graph = graph_of_build_up(
        BuildUp("p_1", names[0], "deterministic", 0.99, found.records, found.merges, refused, (far,))
    )
    assert len(graph.nodes) == 4
    assert [line.is_branch for line in graph.lines] == [True, True, True, False, False]
    assert all(line.upper != line.lower for line in graph.lines)


def test_the_bars_of_a_waterfall_begin_where_the_one_before_ended_and_the_last_is_their_sum() -> None:
    steps = [("before any comparison", "", -10.0), ("first_name", "equal", 8.0), ("birth_date", "different", -6.0),
             ("together", "", -8.0)]  # fmt: skip
    drawing = parsed(waterfall_of(steps, "a comparison"))
    bars = [(float(bar.get("x", 0)), float(bar.get("width", 0))) for bar in drawing.iter("rect")]
    (prior, first, second, total) = bars
    right = [x + width for x, width in bars]
    assert first[0] == pytest.approx(prior[0], abs=0.2)  # from -10 up to -2
    assert right[2] == pytest.approx(right[1], abs=0.2)  # from -2 down to -8
    assert (total[0], right[3]) == (pytest.approx(second[0], abs=0.2), pytest.approx(right[0], abs=0.2))
    tones = [bar.get("class") for bar in drawing.iter("rect")]
    assert tones == ["bar against", "bar for", "bar against", "bar sum"]


def test_the_same_answer_gives_the_same_page() -> None:
    assert page(profile_of(30, around=20), "live") == page(profile_of(30, around=20), "live")


def test_a_long_record_id_keeps_its_beginning_and_its_end() -> None:
    assert shortened("account:" + "0" * 90 + "17") == f"account:{'0' * 12}…{'0' * 17}17"
    assert shortened("crm:17") == "crm:17"


def test_what_is_only_likely_is_never_written_as_certain() -> None:
    likely = edge("crm:1", "crm:2", "review", probability=0.9999999, evidence=WATERFALL)
    text = page(apart(likely), "live")
    assert "0.9999999" in text
    assert "1.0000" not in text
