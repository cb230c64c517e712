"""How a profile was built, merge by merge, and what was refused or awaits review around it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from contracts.identity import IdentityRules
from contracts.link import FIRMEST_FIRST
from identity.edges import STEWARD
from identity.evidence import TABLES, Edge, Record, edges_where, profile_of, records_in, records_of
from identity.explain import record_of

if TYPE_CHECKING:
    from lakehouse.lake import Lake


@dataclass(frozen=True)
class Merge:
    """One edge that joined two parts of a profile.

    Attributes:
        number: Its place in the order of joining, from 1.
        edge: The evidence.
        left_part: How many records were joined to the edge's left record before, itself among them.
        right_part: The same of the right record.
        records: How many there are in the part that came of it.
        left_sources: The sources of the left record.
        right_sources: The sources of the right record.
    """

    number: int
    edge: Edge
    left_part: int
    right_part: int
    records: int
    left_sources: tuple[str, ...]
    right_sources: tuple[str, ...]


@dataclass(frozen=True)
class BuildUp:
    """A profile, the merges that made it, and the evidence around it that was not used.

    Attributes:
        asked: The record that was asked for, the founder where the profile was.
        link_kind: The weakest kind of its records.
        probability: The least of its records.
        records: Its records, the founder first.
        merges: In the order in which clustering joined them: kinds from the firmest, in them the contract's priority,
            then the weight.
        around: Edges at its records that a constraint refused, or that await review.
        outside: The records of other profiles at the far ends of these.
    """

    profile_id: str
    asked: str
    link_kind: str
    probability: float
    records: tuple[Record, ...]
    merges: tuple[Merge, ...]
    around: tuple[Edge, ...]
    outside: tuple[Record, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def build_up(lake: "Lake", name: str, release: int | Literal["live"] = "live") -> BuildUp:
    """Explain how the profile that ``name`` means was built.

    Args:
        lake: The lake.
        name: A profile id, or anything else that ``explain.record_of`` knows.
        release: The release that is explained, or the tables as the last run left them.

    Raises:
        DataError: If it names nobody who is in the lake.
        UsageError: If it is no name.
    """
    with lake.duck(release, only=TABLES) as connection:
        asked = record_of(connection, lake, name)
        profile = profile_of(connection, asked)
        records = records_in(connection, profile)
        linked = edges_where(connection, "state = 'linked' AND l.profile_id = $profile", profile=profile)
        around = edges_where(
            connection,
            "state IN ('blocked', 'review') AND $profile IN (l.profile_id, r.profile_id)",
            profile=profile,
        )
        inside = {record.record_id for record in records}
        outside = records_of(connection, {end for edge in around for end in edge.ends if end not in inside})
    return BuildUp(
        profile,
        asked,
        max((record.link_kind for record in records), key=list[str](FIRMEST_FIRST).index),
        min(record.probability for record in records),
        records,
        tuple(merges(linked, {record.record_id: record.sources for record in records}, lake.contracts.identity)),
        tuple(around),
        outside,
    )


def merges(linked: Sequence[Edge], sources: Mapping[str, tuple[str, ...]], rules: IdentityRules) -> list[Merge]:
    """The merges that linked edges made, in the order of ``cluster.in_order``."""
    part_of = {record: {record} for edge in linked for record in edge.ends}
    made = []
    for number, edge in enumerate(sorted(linked, key=lambda edge: _place(edge, rules)), 1):
        left, right = part_of[edge.left_record], part_of[edge.right_record]
        together = left | right
        made.append(
            Merge(
                number,
                edge,
                len(left),
                len(right),
                len(together),
                sources.get(edge.left_record, ()),
                sources.get(edge.right_record, ()),
            )
        )
        for record in together:
            part_of[record] = together
    return made


def _place(edge: Edge, rules: IdentityRules) -> tuple[Any, ...]:
    """The model, and a rule that the contract no longer has, come last among edges of their kind."""
    declared = rules.identifiers.get(edge.rule)
    priority = 0 if edge.rule == STEWARD else declared.priority if declared else float("inf")
    return edge.kind, priority, -edge.match_weight, edge.ends, edge.rule
