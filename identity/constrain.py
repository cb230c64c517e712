"""One conflicted component: edges strongest first, a union refused where it breaks a constraint.

``join_component`` is a pure function of one component, so that any engine can call it on each of many at a
time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import eq
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from contracts.identity import IdentityRules
from identity.agree import FullName, birth_dates_agree, names_agree, names_confirm
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
        equal: Whether they are the same, by which they settle what other values leave open.
    """

    name: str
    of_record: Mapping[str, Any]
    agree: Callable[[Any, Any], bool]
    confirm: Callable[[Any, Any], bool]
    equal: Callable[[Any, Any], bool] = eq


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
            """SELECT record_id, first_name, last_name, strftime(birth_date, '%Y-%m-%d') AS birth_date
               FROM records JOIN chosen USING (record_id)
               WHERE first_name IS NOT NULL OR birth_date IS NOT NULL ORDER BY record_id""",
            records=records,
            chosen=chosen,
        ).to_pylist()
        names = {row["record_id"]: FullName(row["first_name"], row["last_name"]) for row in said if row["first_name"]}
        birth_dates = {row["record_id"]: row["birth_date"] for row in said if row["birth_date"]}
        alike = rules.attributes.name_likeness
        agree, confirm = partial(names_agree, alike=alike), partial(names_confirm, alike=alike)
        known = (
            (rules.attributes.first_name, Attribute("first_name", names, agree, confirm, _first_names_equal)),
            (rules.attributes.birth_date, Attribute("birth_date", birth_dates, birth_dates_agree, birth_dates_agree)),
        )
        attributes = tuple(attribute for declared, attribute in known if declared is not None)
        return cls(limits, limited, attributes, cannot_link)


@dataclass
class _Part:
    """Records that evidence joined, what they hold, and how many of them say what.

    A steward's link joins parts to one cluster and leaves them parts: what it joins may contradict itself, and no
    record may be lost to either side by that.
    """

    records: set[str]
    held: dict[str, set[str]]
    said: tuple[Counter[Any], ...]


def join_component(ends: Sequence[tuple[str, str, Believed]], facts: Facts) -> list[tuple[str, str] | None]:
    """Join the records of one component along its edges.

    Args:
        ends: The two records of each edge, strongest edge first, and what is believed of it.
        facts: What the constraints need to know of these records.

    Returns:
        For each edge None if it joined two clusters, else its state (blocked or redundant) and the reason.
    """
    clusters: dict[str, set[str]] = {}
    parts: dict[str, _Part] = {}
    outcome: list[tuple[str, str] | None] = []
    for left, right, believed in ends:
        for record in (left, right):
            if record not in clusters:
                clusters[record], parts[record] = {record}, _single(record, facts)
        if clusters[left] is clusters[right]:
            outcome.append(("redundant", ALREADY_JOINED))
            continue
        refusal = _refusal_of_stewards(clusters[left], clusters[right], facts)
        if refusal is None and believed != "always":
            refusal = _refusal(parts[left], parts[right], facts, believed)
        if refusal is not None:
            outcome.append(("blocked", refusal))
            continue
        small, large = sorted((clusters[left], clusters[right]), key=len)
        large |= small
        clusters.update(dict.fromkeys(small, large))
        if believed != "always":
            few, many = sorted((parts[left], parts[right]), key=lambda part: len(part.records))
            parts.update(dict.fromkeys(few.records, many))
            _absorb(many, few)
        outcome.append(None)
    return outcome


def _single(record: str, facts: Facts) -> _Part:
    held: dict[str, set[str]] = {}
    for identifier, value in facts.held.get(record, ()):
        held.setdefault(identifier, set()).add(value)
    said = tuple(
        Counter([attribute.of_record[record]] if record in attribute.of_record else ())
        for attribute in facts.attributes
    )
    return _Part({record}, held, said)


def _absorb(large: _Part, small: _Part) -> None:
    large.records |= small.records
    for identifier, values in small.held.items():
        large.held.setdefault(identifier, set()).update(values)
    for mine, theirs in zip(large.said, small.said, strict=True):
        mine.update(theirs)


def _refusal_of_stewards(one: set[str], other: set[str], facts: Facts) -> str | None:
    """The decision that keeps two clusters apart, if any."""
    small, large = sorted((one, other), key=len)
    against = [
        decision
        for record in small
        for kept_apart, decision in facts.apart.get(record, {}).items()
        if kept_apart in large
    ]
    if against:
        return f"cannot_link: decision {min(against)} keeps a record on one side apart from one on the other"
    return None


def _refusal(one: _Part, other: _Part, facts: Facts, believed: Believed) -> str | None:
    """The constraint that a union would break, if any: limits, then attributes."""
    for identifier in sorted(set(one.held) & set(other.held)):
        together = len(one.held[identifier] | other.held[identifier])
        allowed = facts.limits[identifier]
        if together > allowed:
            return f"limit: one profile would hold {together} values of {identifier}, {allowed} allowed"
    if believed == "though names differ":
        return None
    for attribute, said, answered in zip(facts.attributes, one.said, other.said, strict=True):
        if refusal := _contradiction(attribute, said, answered):
            return refusal
    return None


def _contradiction(attribute: Attribute, mine: Counter[Any], theirs: Counter[Any]) -> str | None:
    """Why what the two sides say cannot be of one person, if so.

    A single go-between that agrees with both sides must not join what contradicts itself, nor a single slip split a
    profile of ten: so the pairs of records are counted. A value that both sides say settles it.
    """
    pairs = [(a, b, mine[a] * theirs[b]) for a in mine for b in theirs]
    against = sum(count for a, b, count in pairs if not attribute.agree(a, b))
    in_favour = sum(count for a, b, count in pairs if attribute.confirm(a, b))
    is_settled = any(attribute.equal(a, b) and attribute.confirm(a, b) for a, b, _ in pairs)
    if not against or against < in_favour or is_settled:
        return None
    if all(not attribute.agree(a, b) for a, b, _ in pairs):
        return f"{attribute.name}: no value on one side agrees with one on the other"
    return f"{attribute.name}: {against} pairs of records across the two sides contradict each other, {in_favour} agree"


def _first_names_equal(one: FullName, other: FullName) -> bool:
    return one.first == other.first
