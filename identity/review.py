"""A sitting with a steward: which questions are asked, and what becomes of the answers.

An answer becomes a decision, and so a label.
"""

import datetime
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from identity.decisions import Decision, Pair, decide, read_decisions, standing
from identity.evidence import IS_REFUSED
from identity.labels import FROM_QUEUE, FROM_SAMPLE
from identity.question import Question, compare, evidence_of, sides_of
from lakehouse.errors import DataError, UsageError

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake

TABLES = ("identity.review_queue", "identity.edges", "identity.assignments", "identity.records")
Action = Literal["link", "unlink", "skip"]
ANSWERS: dict[str, Action] = {"y": "link", "yes": "link", "n": "unlink", "no": "unlink", "s": "skip", "skip": "skip"}


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
        self._drawn: frozenset[Pair] | None = None

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
        settled = self._settled()
        return [item for item in waiting if not settled.covers(item.profiles)]

    def drawn(self, size: int, seed: int) -> list[Waiting]:
        """A random sample over the bands of match weight, linked pairs among them, without what is labelled.

        From then on only its pairs can be answered: another one would not be random.
        """
        from identity.labels import WEIGHED, labels
        from identity.quality import sample

        edges = self._connection.sql(
            f"SELECT {', '.join(WEIGHED)} FROM identity.edges WHERE NOT {IS_REFUSED}"
        ).to_arrow_table()
        known = labels(read_decisions(self.lake), edges)
        pairs = sample(edges, known, self.lake.contracts.identity.probabilistic, size, seed).to_pylist()
        profile_of = _profiles_of(self._connection, [record for pair in pairs for record in pair.values()])
        drawn = [(pair["left_record"], pair["right_record"]) for pair in pairs]
        self._drawn = frozenset(drawn)
        return [Waiting(pair, (profile_of[pair[0]], profile_of[pair[1]]), {}, None) for pair in drawn]

    def still_open(self, waiting: Iterable[Waiting]) -> Iterator[Waiting]:
        """One after the other, without those that answers given meanwhile, other stewards' too, have settled."""
        for item in waiting:
            if self._drawn is not None or not self._settled().covers(item.profiles):
                yield item

    def questions(self, waiting: Sequence[Waiting]) -> list[Question]:
        """Each pair with its evidence, both sides and their fields.

        Raises:
            DataError: If the tables are not of one run: a pair has no evidence, or a record is gone.
        """
        evidence = evidence_of(self._connection, [item.pair for item in waiting])
        sides = sides_of(self._connection, {record for item in waiting for record in item.pair})
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
        evidence = evidence_of(self._connection, [pair])
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
        return decide(self.lake, answer.action, pair, reason=reason, author=self.author, at=at, as_of=self.as_of)

    def _settled(self) -> Settled:
        """What the decisions that stand now settle."""
        made = standing(read_decisions(self.lake), self.as_of)
        settled = Settled(_profiles_of(self._connection, [record for item in made for record in item.pair]))
        for item in made:
            settled.add("link" if item.action == "link" else "unlink", item.pair)
        return settled


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


def _profiles_of(connection: "duckdb.DuckDBPyConnection", records: Iterable[str]) -> dict[str, str]:
    wanted = list(records)
    if not wanted:
        return {}
    rows = connection.execute(
        "SELECT record_id, profile_id FROM identity.assignments WHERE list_contains(?, record_id)", [wanted]
    ).fetchall()
    return dict(rows)
