"""`clew explain`: the evidence that joins two records, or what keeps them apart."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clew.output import note, print_json, results

if TYPE_CHECKING:
    from identity.explain import Edge, Explanation

BAR = 20


def explain(
    left: Annotated[str, typer.Argument(metavar="RECORD", help="A record id, a profile id, or email:…, phone:….")],
    right: Annotated[str, typer.Argument(metavar="RECORD", help="Another one.")],
    release: Annotated[str, typer.Option(help="A release's number, latest or live.")] = "latest",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show why two records are one person, or what keeps them apart."""
    from clew.workspace import existing_lake, find_release, release_name, settings
    from identity.explain import explain as find_evidence
    from lakehouse.lake import Lake

    number, as_of, _ = find_release(existing_lake(), release)
    found = find_evidence(Lake(settings()), left, right, "live" if number is None else number)
    with results():
        if as_json:
            print_json(found.as_dict())
        else:
            print("\n".join(_lines(found)))
    note(release_name(number, as_of))


def _lines(found: "Explanation") -> Iterator[str]:
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
    for number, edge in enumerate(found.path, 1):
        yield f"\n{number}. {edge.left_record}  —  {edge.right_record}"
        yield from _edge_lines(edge)
    if found.obstacle is not None:
        edge = found.obstacle
        what = "what was decided" if "decision" in edge.evidence else "what speaks for one person, and was not used"
        yield f"\n{what}\n{edge.left_record}  —  {edge.right_record}"
        yield from _edge_lines(edge)
        yield f"   {edge.state}: {edge.reason}"
    if found.unusable:
        yield "\nwhat they share that does not identify"
        yield from (f"   {item['identifier']}: {item['reason']}" for item in found.unusable)


def _edge_lines(edge: "Edge") -> Iterator[str]:
    yield (
        f"   {edge.kind}, {edge.rule}: weight {edge.match_weight:+.2f}, probability {edge.probability:.4f}, "
        f"{edge.model_version}"
    )
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
    steps = [("before any comparison", "", evidence["prior"])]
    steps += [(item["comparison"], item["level"], item["weight"]) for item in evidence["waterfall"]]
    steps.append(("together", "", total))
    most = max(abs(weight) for _, _, weight in steps) or 1.0
    name_width = max(len(name) for name, _, _ in steps)
    for name, level, weight in steps:
        length = round(abs(weight) / most * BAR)
        left = ("█" * length).rjust(BAR) if weight < 0 else " " * BAR
        right = ("█" * length).ljust(BAR) if weight >= 0 else " " * BAR
        yield f"   {name:<{name_width}}  {weight:>+7.2f}  {left}│{right}  {level}".rstrip()
