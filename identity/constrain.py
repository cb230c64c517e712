"""One conflicted component: edges strongest first, a union refused where it breaks a constraint.

``join_component`` is a pure function of one component, so that any engine can call it on each of many at a
time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
import pyarrow as pa

from contracts.identity import IdentityRules
from identity.agree import birth_dates_agree, first_names_agree, first_names_confirm
from identity.sql import query

ALREADY_JOINED = "its records are joined by stronger edges"
Believed = Literal["always", "though names differ", "unless contradicted"]
"""How far an edge goes: a decision joins whatever the records say; a one_person identifier joins records with other
names and birth dates, within the limits; any other edge joins nobody who contradicts each other."""


@dataclass(frozen=True)
class Attribute:
    """An attribute of which a person has one, and what records say of it.

    Attributes:
        name: The attribute.
        of_record: What each record says.
        agree: Whether two values can be of one person.
        confirm: Whether they also speak for one person: an initial agrees with many names and confirms none.
    """

    name: str
    of_record: dict[str, str]
    agree: Callable[[str, str], bool]
    confirm: Callable[[str, str], bool]


@dataclass(frozen=True)
class Facts:
    """What the constraints need to know of records.

    Attributes:
        limits: How many values of an identifier a profile may hold.
        limited: The values that records hold of those identifiers: record_id, identifier, value.
        attributes: First name and birth date.
        cannot_link: Pairs of records kept apart, each with the number of the decision.
    """

    limits: dict[str, int]
    limited: pd.DataFrame
    attributes: tuple[Attribute, ...]
    cannot_link: Mapping[tuple[str, str], int]
    held: dict[str, list[tuple[str, str]]] = field(init=False)
    apart: dict[str, dict[str, int]] = field(init=False)

    def __post_init__(self) -> None:
        """Index the facts by record."""
        held: dict[str, list[tuple[str, str]]] = {}
        for record, identifier, value in self.limited[["record_id", "identifier", "value"]].itertuples(index=False):
            held.setdefault(record, []).append((identifier, value))
        apart: dict[str, dict[str, int]] = {}
        for (one, other), decision in self.cannot_link.items():
            apart.setdefault(one, {})[other] = decision
            apart.setdefault(other, {})[one] = decision
        object.__setattr__(self, "held", held)
        object.__setattr__(self, "apart", apart)

    @classmethod
    def of(
        cls,
        records: pa.Table,
        identifiers: pa.Table,
        rules: IdentityRules,
        wanted: Iterable[str],
        cannot_link: Mapping[tuple[str, str], int],
    ) -> "Facts":
        """The facts of the wanted records."""
        limits = {
            name: rule.limit_per_profile
            for name, rule in rules.identifiers.items()
            if rule.limit_per_profile is not None
        }
        chosen = pa.table({"record_id": pa.array(list(wanted), pa.string())})
        limited = query(
            """SELECT DISTINCT record_id, identifier, value FROM identifiers
               JOIN chosen USING (record_id) JOIN limited USING (identifier)
               WHERE is_usable ORDER BY ALL""",
            identifiers=identifiers,
            chosen=chosen,
            limited=pa.table({"identifier": pa.array(list(limits), pa.string())}),
        ).to_pandas()
        said = query(
            """SELECT record_id, first_name, strftime(birth_date, '%Y-%m-%d') AS birth_date
               FROM records JOIN chosen USING (record_id)
               WHERE first_name IS NOT NULL OR birth_date IS NOT NULL ORDER BY record_id""",
            records=records,
            chosen=chosen,
        ).to_pylist()
        first_names = {row["record_id"]: row["first_name"] for row in said if row["first_name"]}
        birth_dates = {row["record_id"]: row["birth_date"] for row in said if row["birth_date"]}
        known = (
            (rules.attributes.first_name, Attribute("first_name", first_names, first_names_agree, first_names_confirm)),
            (rules.attributes.birth_date, Attribute("birth_date", birth_dates, birth_dates_agree, birth_dates_agree)),
        )
        attributes = tuple(attribute for declared, attribute in known if declared is not None)
        return cls(limits, limited, attributes, cannot_link)


@dataclass
class _Cluster:
    """A cluster under construction: its records, what they hold, and how many of them say what."""

    records: set[str]
    held: dict[str, set[str]]
    said: tuple[Counter[str], ...]


def join_component(ends: Sequence[tuple[str, str, Believed]], facts: Facts) -> list[tuple[str, str] | None]:
    """Join the records of one component along its edges.

    Args:
        ends: The two records of each edge, strongest edge first, and what is believed of it.
        facts: What the constraints need to know of these records.

    Returns:
        For each edge None if it joined two clusters, else its state (blocked or redundant) and the reason.
    """
    clusters: dict[str, _Cluster] = {}
    outcome: list[tuple[str, str] | None] = []
    for left, right, believed in ends:
        one = clusters.setdefault(left, _single(left, facts)) if left not in clusters else clusters[left]
        other = clusters.setdefault(right, _single(right, facts)) if right not in clusters else clusters[right]
        if one is other:
            outcome.append(("redundant", ALREADY_JOINED))
            continue
        refusal = _refusal(one, other, facts, believed)
        if refusal is not None:
            outcome.append(("blocked", refusal))
            continue
        small, large = sorted((one, other), key=lambda item: len(item.records))
        for record in small.records:
            clusters[record] = large
        _absorb(large, small)
        outcome.append(None)
    return outcome


def _single(record: str, facts: Facts) -> _Cluster:
    held: dict[str, set[str]] = {}
    for identifier, value in facts.held.get(record, ()):
        held.setdefault(identifier, set()).add(value)
    said = tuple(
        Counter([attribute.of_record[record]] if record in attribute.of_record else ())
        for attribute in facts.attributes
    )
    return _Cluster({record}, held, said)


def _absorb(large: _Cluster, small: _Cluster) -> None:
    large.records |= small.records
    for identifier, values in small.held.items():
        large.held.setdefault(identifier, set()).update(values)
    for mine, theirs in zip(large.said, small.said, strict=True):
        mine.update(theirs)


def _refusal(one: _Cluster, other: _Cluster, facts: Facts, believed: Believed) -> str | None:
    """The constraint that a union would break, if any: decisions, then limits, then attributes."""
    small, large = sorted((one, other), key=lambda item: len(item.records))
    against = [
        decision
        for record in small.records
        for kept_apart, decision in facts.apart.get(record, {}).items()
        if kept_apart in large.records
    ]
    if against:
        return f"cannot_link: decision {min(against)} keeps a record on one side apart from one on the other"
    if believed == "always":
        return None
    for identifier in sorted(set(one.held) & set(other.held)):
        together = len(one.held[identifier] | other.held[identifier])
        allowed = facts.limits[identifier]
        if together > allowed:
            return f"limit: one profile would hold {together} values of {identifier}, {allowed} allowed"
    if believed == "though names differ":
        return None
    for attribute, mine, theirs in zip(facts.attributes, one.said, other.said, strict=True):
        if refusal := _contradiction(attribute, mine, theirs):
            return refusal
    return None


def _contradiction(attribute: Attribute, mine: Counter[str], theirs: Counter[str]) -> str | None:
    """Why what the two sides say cannot be of one person, if so.

    A single go-between that agrees with both sides must not join what contradicts itself, nor a single slip split a
    profile of ten: so the pairs of records are counted. A value that both sides say settles it.
    """
    pairs = [(a, b, mine[a] * theirs[b]) for a in mine for b in theirs]
    against = sum(count for a, b, count in pairs if not attribute.agree(a, b))
    in_favour = sum(count for a, b, count in pairs if attribute.confirm(a, b))
    if not against or against < in_favour or any(a == b and attribute.confirm(a, b) for a, b, _ in pairs):
        return None
    if all(not attribute.agree(a, b) for a, b, _ in pairs):
        return f"{attribute.name}: no value on one side agrees with one on the other"
    return f"{attribute.name}: {against} pairs of records across the two sides contradict each other, {in_favour} agree"
