"""A question to a steward: are these two records one person? Both side by side, with the evidence for them.

Values of records are personal: they are in ``Question.fields`` for the terminal of the steward who asked, and in
nothing else.
"""

import datetime
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from contracts.identity import NameLikeness
from identity.agree import birth_dates_agree, first_names_agree, last_names_agree
from identity.decisions import Pair

if TYPE_CHECKING:
    import duckdb

Verdict = Literal["agree", "alike", "differ", "unknown"]
_FIELDS = (
    "first_name", "last_name", "birth_date", "email", "phone", "street", "city", "postcode", "loyalty_id",
)  # fmt: skip
"""The fields that are compared."""


@dataclass(frozen=True)
class Field:
    """One field of both records, in standard form, and what they have in common."""

    name: str
    left: str | None
    right: str | None
    verdict: Verdict


@dataclass(frozen=True)
class Side:
    """One of the two records, without its values."""

    record: str
    profile: str
    records: int
    sources: str
    events: int
    first_seen: datetime.datetime
    last_seen: datetime.datetime


@dataclass(frozen=True)
class Question:
    """Are these two records one person?

    Attributes:
        left, right: The records; ``records`` counts those of their profiles.
        match_weight, probability, model_version, evidence: Of the edge; the evidence is the model's waterfall.
        stakes: people, records, events, value and edges, as in identity.review_queue; none for a sampled pair.
        against: Why other evidence between the two profiles was refused, if some was.
        fields: Side by side. Personal.
    """

    left: Side
    right: Side
    match_weight: float
    probability: float
    model_version: str
    evidence: dict[str, Any]
    stakes: dict[str, Any]
    against: str | None
    fields: tuple[Field, ...]

    @property
    def pair(self) -> Pair:
        """The two records that it is about."""
        return self.left.record, self.right.record

    def as_dict(self) -> dict[str, Any]:
        """For JSON: without the values of the fields, which are personal."""
        return {
            "left_record": self.left.record,
            "right_record": self.right.record,
            "left_profile": self.left.profile,
            "right_profile": self.right.profile,
            "match_weight": self.match_weight,
            "probability": self.probability,
            "model_version": self.model_version,
            **self.stakes,
            "against": self.against,
            "fields": {item.name: item.verdict for item in self.fields},
            "evidence": self.evidence,
        }


def compare(left: Mapping[str, str | None], right: Mapping[str, str | None], alike: NameLikeness) -> tuple[Field, ...]:
    """Two records field by field; what neither says is left out."""
    agreeing: dict[str, Callable[[str, str], bool]] = {
        "first_name": partial(first_names_agree, alike=alike),
        "birth_date": birth_dates_agree,
        "loyalty_id": lambda left, right: False,  # a card is another card by one digit
    }
    fields = []
    for name in _FIELDS:
        are_alike = agreeing.get(name, partial(last_names_agree, alike=alike))
        one, other = left.get(name), right.get(name)
        if one is None and other is None:
            continue
        verdict: Verdict = "unknown"
        if one is not None and other is not None:
            verdict = "agree" if one == other else "alike" if are_alike(one, other) else "differ"
        fields.append(Field(name, one, other, verdict))
    return tuple(fields)


def evidence_of(
    connection: "duckdb.DuckDBPyConnection", pairs: Sequence[Pair]
) -> dict[Pair, tuple[float, float, str, dict[str, Any]]]:
    """Weight, probability, model version and waterfall of the pairs that the model weighed."""
    rows = connection.execute(
        """SELECT left_record, right_record, match_weight, probability, model_version, evidence
           FROM identity.edges JOIN (SELECT unnest(?) AS left_record, unnest(?) AS right_record)
               USING (left_record, right_record)
           WHERE kind = 'probabilistic'""",
        [[left for left, _ in pairs], [right for _, right in pairs]],
    ).fetchall()
    return {(left, right): (weight, sure, model, json.loads(said)) for left, right, weight, sure, model, said in rows}


def sides_of(
    connection: "duckdb.DuckDBPyConnection", records: Iterable[str]
) -> dict[str, tuple[Side, dict[str, str | None]]]:
    """The records that are there, and their values by field."""
    columns = ", ".join(f"r.{name}::VARCHAR" for name in _FIELDS)
    rows = connection.execute(
        f"""SELECT record_id, profile_id, a.records, sources, events, first_seen, last_seen, {columns}
            FROM identity.records AS r JOIN identity.assignments AS a USING (record_id)
            JOIN (SELECT unnest(?) AS record_id) USING (record_id)""",
        [sorted(records)],
    ).fetchall()
    return {row[0]: (Side(*row[:7]), dict(zip(_FIELDS, row[7:], strict=True))) for row in rows}
