"""An explanation as lines of text: links with their evidence, a bar for each comparison, tables."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from clew.explained.words import bars, comparison_text, sources_text, strength_text
from clew.output import print_section, printable
from identity.evidence import probability_text, walk

if TYPE_CHECKING:
    from identity.evidence import Edge, Record
    from identity.explain import Explanation
    from identity.lacking import Lacking
    from identity.merges import BuildUp

BAR = 20
AROUND_SHOWN = 20


def print_explanation(found: "Explanation") -> None:
    """Print why two records are one person, or what keeps them apart."""
    print("\n".join(printable(line) for text in _explanation(found) for line in text.split("\n")))


def print_build_up(found: "BuildUp") -> None:
    """Print how a profile was built."""
    one = len(found.records) == 1
    print(f"profile {found.profile_id}  {len(found.records)} record{'' if one else 's'}, founded by ", end="")
    print(printable(found.records[0].record_id))
    print(f"{found.link_kind}, probability {probability_text(found.probability)}: its weakest link")
    records = [
        (
            item.record_id,
            sources_text(item.sources),
            item.link_kind,
            probability_text(item.probability),
            item.first_seen[:10],
        )
        for item in found.records
    ]
    print_section("records", ("record", "sources", "linked", "probability", "first seen"), records)
    merges = [
        (
            item.number,
            item.edge.left_record,
            item.edge.right_record,
            f"{item.left_part} + {item.right_part}",
            f"{item.edge.kind}, {item.edge.rule}",
            f"{item.edge.match_weight:+.2f}",
            probability_text(item.edge.probability),
            item.edge.model_version,
            (item.edge.since or "")[:10],
            f"{sources_text(item.left_sources)} — {sources_text(item.right_sources)}",
        )
        for item in found.merges
    ]
    heads = ("merge", "left", "right", "records", "by", "weight", "probability", "version", "since", "sources")
    print_section("merge by merge, firmest first", heads, merges)
    for item in found.merges:
        if "waterfall" in item.edge.evidence:
            print(f"\nmerge {item.number}: what the model compared")
            print("\n".join(waterfall_lines(item.edge.evidence, item.edge.match_weight)))
    around = [
        (item.state, item.left_record, item.right_record, item.rule, f"{item.match_weight:+.2f}", item.reason or "")
        for item in found.around[:AROUND_SHOWN]
    ]
    print_section("refused, or waiting for review", ("state", "left", "right", "by", "weight", "why"), around)
    if len(found.around) > AROUND_SHOWN:
        print(f"and {len(found.around) - AROUND_SHOWN} more: --json, --html FILE")


def _explanation(found: "Explanation") -> Iterator[str]:
    records = {record.record_id: record for record in found.records}
    if found.verdict == "same":
        yield f"{found.left} and {found.right} are one person: profile {found.left_profile}"
    else:
        yield f"{found.left} and {found.right} are kept apart:"
        yield f"profile {found.left_profile} and profile {found.right_profile}"
    for retired, record, profile_id in (
        (found.left_redirected_from, found.left, found.left_profile),
        (found.right_redirected_from, found.right, found.right_profile),
    ):
        if retired:
            yield f"{retired} is retired: its founder {record} is in profile {profile_id}"
    yield found.reason
    if found.verdict == "apart" and found.path:
        yield "\nthe strongest chain from one to the other, and where it is stopped"
    for number, (here, there, edge) in enumerate(walk(found.path, found.left), 1):
        yield f"\n{number}. {_named(here, records)}  —  {_named(there, records)}"
        yield from _edge_lines(edge)
        if not edge.is_used:
            yield f"   {edge.state}: {edge.reason}"
    if found.obstacle is not None and "decision" in found.obstacle.evidence:
        yield f"\nwhat was decided\n{'  —  '.join(_named(end, records) for end in found.obstacle.ends)}"
        yield from _edge_lines(found.obstacle)
        yield f"   {found.obstacle.state}: {found.obstacle.reason}"
    if found.beside:
        yield "\nwhat else was found between the two records themselves"
    for edge in found.beside:
        yield from _edge_lines(edge)
        yield f"   {edge.state}: {edge.reason}" if edge.reason else f"   {edge.state}"
    if found.lacking is not None:
        yield from _lacking(found.lacking)


def _named(record: str, records: "Mapping[str, Record]") -> str:
    """A record with its sources, where they are known."""
    return f"{record} ({sources_text(records[record].sources)})" if record in records else record


def _lacking(lacking: "Lacking") -> Iterator[str]:
    if lacking.unusable:
        yield "\nwhat they share that does not identify"
        yield from (f"   {item['identifier']}: {item['reason']}" for item in lacking.unusable)
    yield "\nwhat the two profiles say"
    by_verdict: dict[str, list[str]] = {}
    for name, verdict in lacking.attributes.items():
        by_verdict.setdefault(verdict, []).append(name)
    yield from (f"   {verdict}: {', '.join(names)}" for verdict, names in by_verdict.items())
    said = comparison_text(lacking)
    if said:
        yield f"\n{said}"
    if lacking.comparison is not None:
        yield from waterfall_lines(lacking.comparison.evidence, lacking.comparison.match_weight)


def _edge_lines(edge: "Edge") -> Iterator[str]:
    yield f"   {edge.kind}, {edge.rule}: {strength_text(edge)}, {edge.model_version}"
    if edge.since:
        yield f"   since {edge.since[:10]}, when both were known"
    if "waterfall" in edge.evidence:
        yield from waterfall_lines(edge.evidence, edge.match_weight)
    if "decision" in edge.evidence:
        yield f"   decision {edge.evidence['decision']}; by whom and why: clew identity decisions"
    for shared in edge.evidence.get("values", ()):
        yield f"   both hold the {edge.evidence['identifier']} {shared['value_hash']} ({shared['how']})"
        for side, (first, last) in shared["seen"].items():
            yield f"      {edge.left_record if side == 'left' else edge.right_record} from {first[:10]} to {last[:10]}"


def waterfall_lines(evidence: dict[str, Any], total: float) -> Iterator[str]:
    """One bar a comparison: to the right it speaks for one person, to the left against."""
    steps = bars(evidence, total)
    most = max(abs(weight) for _, _, weight in steps) or 1.0
    name_width = max(len(name) for name, _, _ in steps)
    for name, level, weight in steps:
        length = round(abs(weight) / most * BAR)
        left = ("█" * length).rjust(BAR) if weight < 0 else " " * BAR
        right = ("█" * length).ljust(BAR) if weight >= 0 else " " * BAR
        yield f"   {name:<{name_width}}  {weight:>+7.2f}  {left}│{right}  {level}".rstrip()
