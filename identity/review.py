"""Questions to stewards, and what becomes of the answers.

A question shows two records side by side with the evidence for them. An answer becomes a decision, and so a label.
Values of records are personal: they are in ``Question.fields`` for the terminal of the steward who asked, and in
nothing else.
"""

import datetime
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from contracts.identity import NameLikeness
from identity.agree import birth_dates_agree, first_names_agree, last_names_agree
from identity.decisions import Decision, Pair, decide, read_decisions, standing
from identity.labels import FROM_QUEUE, FROM_SAMPLE
from lakehouse.errors import DataError, UsageError

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake

TABLES = ("identity.review_queue", "identity.edges", "identity.assignments", "identity.records")
Verdict = Literal["agree", "alike", "differ", "unknown"]
Action = Literal["link", "unlink", "skip"]
ANSWERS: dict[str, Action] = {"y": "link", "yes": "link", "n": "unlink", "no": "unlink", "s": "skip", "skip": "skip"}


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


@dataclass(frozen=True)
class Waiting:
    """A pair of records to ask about, before it is shown."""

    pair: Pair
    profiles: Pair
    stakes: dict[str, Any]
    against: str | None


@dataclass
class Settled:
    """Which pairs of profiles decisions have answered since the last run, those by way of others included."""

    profile_of: dict[str, str]
    leader: dict[str, str] = field(default_factory=dict)
    apart: set[frozenset[str]] = field(default_factory=set)

    def add(self, action: Literal["link", "unlink"], pair: Pair) -> None:
        """Take a decision into account; one about a record that is not there waits for it."""
        if not all(record in self.profile_of for record in pair):
            return
        one, other = (self._leader(self.profile_of[record]) for record in pair)
        if action == "unlink":
            self.apart.add(frozenset((one, other)))
        elif one != other:
            self.leader[other] = one
            self.apart = {frozenset(one if profile == other else profile for profile in both) for both in self.apart}

    def covers(self, profiles: Pair) -> bool:
        """Whether it is known if the two profiles are one."""
        one, other = (self._leader(profile) for profile in profiles)
        return one == other or frozenset((one, other)) in self.apart

    def _leader(self, profile: str) -> str:
        while profile in self.leader:
            profile = self.leader[profile]
        return profile


@dataclass(frozen=True)
class Answer:
    """What a steward says about a pair, and why, where more is to be said than yes or no."""

    pair: Pair
    action: Action
    reason: str = ""


class Review:
    """The questions of one sitting.

    Args:
        lake: The lake; the live tables are read, and decisions are appended.
        author: Who answers.
        as_of: The date of the newest run.

    Raises:
        DataError: If no run has written a queue yet.
    """

    def __init__(self, lake: "Lake", author: str, as_of: datetime.date) -> None:
        if not lake.exists(TABLES[0]):
            raise DataError("there is no review queue yet", TABLES[0], "make it: clew run")
        self.lake, self.author, self.as_of = lake, author, as_of
        self._connection = lake.duck(only=TABLES)
        self._settled = self._decided()
        self._drawn: frozenset[Pair] | None = None

    def _decided(self) -> "Settled":
        """What the decisions that stand now settle."""
        made = standing(read_decisions(self.lake), self.as_of)
        settled = Settled(_profiles_of(self._connection, [record for item in made for record in item.pair]))
        for item in made:
            settled.add("link" if item.action == "link" else "unlink", item.pair)
        return settled

    def queue(self) -> list[Waiting]:
        """What waits and is not settled by decisions made since the last run, in the order of asking."""
        stakes = ("people", "records", "events", "value", "edges")
        rows = self._connection.execute(
            f"""SELECT left_record, right_record, left_profile, right_profile, against, {", ".join(stakes)}
                FROM identity.review_queue ORDER BY place"""
        ).fetchall()
        waiting = [
            Waiting((one, other), (left, right), dict(zip(stakes, at_stake, strict=True)), against)
            for one, other, left, right, against, *at_stake in rows
        ]
        return [item for item in waiting if not self._settled.covers(item.profiles)]

    def drawn(self, size: int, seed: int) -> list[Waiting]:
        """A random sample over the bands of match weight, linked pairs among them, without what is labelled.

        From then on only its pairs can be answered: another one would not be random.
        """
        from identity.labels import WEIGHED, labels
        from identity.quality import sample

        edges = self._connection.sql(f"SELECT {', '.join(WEIGHED)} FROM identity.edges").to_arrow_table()
        known = labels(read_decisions(self.lake), edges)
        pairs = sample(edges, known, self.lake.contracts.identity.probabilistic, size, seed).to_pylist()
        profile_of = _profiles_of(self._connection, [record for pair in pairs for record in pair.values()])
        drawn = [(pair["left_record"], pair["right_record"]) for pair in pairs]
        self._drawn = frozenset(drawn)
        return [Waiting(pair, (profile_of[pair[0]], profile_of[pair[1]]), {}, None) for pair in drawn]

    def still_open(self, waiting: Iterable[Waiting]) -> Iterator[Waiting]:
        """One after the other, without those that answers given meanwhile have settled."""
        for item in waiting:
            self._settled = self._decided()  # other stewards may have decided meanwhile
            if self._drawn is not None or not self._settled.covers(item.profiles):
                yield item

    def questions(self, waiting: Sequence[Waiting]) -> list[Question]:
        """Each pair with its evidence, both sides and their fields.

        Raises:
            DataError: If the tables are not of one run: a pair has no evidence, or a record is gone.
        """
        evidence = _evidence(self._connection, [item.pair for item in waiting])
        sides = _sides(self._connection, {record for item in waiting for record in item.pair})
        found = []
        for item in waiting:
            if item.pair not in evidence or not all(record in sides for record in item.pair):
                raise DataError("the queue is not of the last run", " ".join(item.pair), "run again: clew run")
            (left, left_values), (right, right_values) = (sides[record] for record in item.pair)
            fields = compare(left_values, right_values, self.lake.contracts.identity.attributes.name_likeness)
            found.append(Question(left, right, *evidence[item.pair], item.stakes, item.against, fields))
        return found

    def answer(self, answer: Answer, at: datetime.datetime) -> Decision | None:
        """Make an answer a decision; a skip leaves no trace.

        Raises:
            UsageError: If the model did not weigh the pair, it is not of the sample, it was decided, or the answer
                contradicts decisions.
        """
        if answer.action == "skip":
            return None
        pair: Pair = (min(answer.pair), max(answer.pair))
        evidence = _evidence(self._connection, [pair])
        if pair not in evidence:
            raise UsageError(
                "the model did not weigh this pair",
                " ".join(pair),
                "give two records of one question, or decide without one: clew identity link, clew identity unlink",
            )
        if self._drawn is not None and pair not in self._drawn:
            raise UsageError("the pair is not of this sample, or was decided", " ".join(pair), "leave out --sample")
        begin = FROM_QUEUE if self._drawn is None else FROM_SAMPLE
        reason = f"{begin} {answer.reason.strip() or f'match weight {evidence[pair][0]:.2f}'}"
        made = decide(self.lake, answer.action, pair, reason=reason, author=self.author, at=at, as_of=self.as_of)
        self._settled.profile_of |= _profiles_of(self._connection, pair)
        self._settled.add(answer.action, pair)
        return made


def read_answers(lines: Iterable[str], where: str) -> list[Answer]:
    """Answers as JSON lines: left_record, right_record, answer (y, n or skip) and, if wanted, reason.

    Raises:
        UsageError: With every line that is none, before any is applied.
    """
    found: list[Answer] = []
    wrong: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
            pair = (said["left_record"], said["right_record"])
            action = ANSWERS[said["answer"]]
            reason = said.get("reason") or ""
        except (ValueError, KeyError, TypeError, AttributeError):
            wrong.append(f"{where}, line {number}")
            continue
        if not all(isinstance(text, str) for text in (*pair, reason)):
            wrong.append(f"{where}, line {number}")
            continue
        found.append(Answer(pair, action, reason))
    if wrong:
        raise UsageError(
            "not an answer",
            "\n         ".join(wrong),
            'write each line as {"left_record": "…", "right_record": "…", "answer": "y", "n" or "skip"}',
        )
    return found


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


def _evidence(
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


def _sides(
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


def _profiles_of(connection: "duckdb.DuckDBPyConnection", records: Iterable[str]) -> dict[str, str]:
    wanted = list(records)
    if not wanted:
        return {}
    rows = connection.execute(
        "SELECT record_id, profile_id FROM identity.assignments WHERE list_contains(?, record_id)", [wanted]
    ).fetchall()
    return dict(rows)
