"""Blocking rules: which pairs of records are compared at all, and how they are chosen.

Each rule is a set of columns that must be equal. Values that stopped identifying are NULL in the columns, so that a
kiosk's phone number cannot make a block of a million pairs.

Training chooses among the candidates by what each reaches of the matches that are known without the model, and by how
many pairs it makes compare: greedily, as in Michelson and Knoblock, "Learning Blocking Schemes for Record Linkage"
(2006, AAAI-06). We differ in that a known match must be reached twice where the candidates can, because matches that
nobody knows have one slip more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from splink import block_on
from splink.internals.blocking_rule_creator import BlockingRuleCreator

from identity.sql import query

Rule = tuple[str, ...]

BLOCKING_RULES: tuple[Rule, ...] = (
    ("email",),
    ("phone",),
    ("first_name", "last_name"),
    ("last_name", "birth_date"),
    ("formal_name", "birth_date"),
    ("formal_name", "postcode"),
    ("street", "postcode", "birth_year"),
    ("street", "birth_date"),
    ("postcode", "birth_date"),
    ("street", "formal_name"),
    ("street", "last_start"),
    ("last_start", "birth_date"),
    ("first_name", "last_start", "birth_year"),
)
"""The candidates. A model is scored with those that were chosen when it was trained."""

SAID = ("first_name", "last_name", "birth_date", "email", "phone", "street", "postcode")
"""What the report says of a pair that no rule reaches: in which of these the two records differ."""

REACHED_ENOUGH = 2
ENOUGH_MATCHES = 100
"""With fewer known matches, nothing is known of the rules, and all are kept."""

MOST_PAIRS_PER_MATCH = 10_000
"""A rule that makes compare more pairs than this for each match that it adds is not worth them: at a million pairs in
two seconds, which DuckDB does here, a match costs 20 ms."""


@dataclass(frozen=True)
class RuleFigures:
    """What one rule costs and finds.

    Attributes:
        columns: What must be equal.
        pairs: Pairs that it makes compare, whether or not other rules do.
        matches: Known matches among them.
        added: Known matches that no rule chosen before it reaches.
        is_chosen: Whether the model compares by it.
    """

    columns: Rule
    pairs: int
    matches: int
    added: int
    is_chosen: bool


@dataclass(frozen=True)
class Unseen:
    """Known matches that no chosen rule reaches, by what the two records differ in and what one of them lacks."""

    differ: tuple[str, ...]
    lacking: tuple[str, ...]
    pairs: int


@dataclass(frozen=True)
class Blocking:
    """The choice.

    Attributes:
        rules: Figures of each candidate: the chosen ones in the order of choice, then the others.
        matches: Known matches.
        reached: Those that a chosen rule reaches.
        reachable: Those that any candidate reaches.
        unseen: The others, the most frequent kind first.
    """

    rules: tuple[RuleFigures, ...]
    matches: int
    reached: int
    reachable: int
    unseen: tuple[Unseen, ...]

    @property
    def chosen(self) -> tuple[Rule, ...]:
        """The rules that the model compares by."""
        return tuple(rule.columns for rule in self.rules if rule.is_chosen)

    @property
    def dropped(self) -> tuple[Rule, ...]:
        """The other candidates."""
        return tuple(rule.columns for rule in self.rules if not rule.is_chosen)


def splink_rules(rules: Sequence[Rule] = BLOCKING_RULES) -> list[BlockingRuleCreator]:
    """The rules as Splink wants them."""
    return [block_on(*columns) for columns in rules]


def equal_in(columns: Rule, left: str = "l", right: str = "r") -> str:
    """The SQL condition of a rule."""
    return "(" + " AND ".join(f"{left}.{name} = {right}.{name}" for name in columns) + ")"


def choose_rules(people: pa.Table, matches: pa.Table, candidates: Sequence[Rule] = BLOCKING_RULES) -> Blocking:
    """Choose the rules that reach the known matches at the least cost.

    Args:
        people: ``model.compared_people``.
        matches: left_record and right_record of pairs known to be one person, by other means than these rules.
        candidates: The rules to choose from.
    """
    finds = _finds(people, matches, candidates)
    pairs = [_cost(people, columns) for columns in candidates]
    if len(finds) < ENOUGH_MATCHES:
        order = list(range(len(candidates)))
        chosen = set(order)
    else:
        order = _greedy(finds, pairs)
        chosen = set(order)
        order += [at for at in range(len(candidates)) if at not in chosen]
    figures, reached = [], np.zeros(len(finds), dtype=bool)
    for at in order:
        added = int((finds[:, at] & ~reached).sum())
        figures.append(RuleFigures(candidates[at], pairs[at], int(finds[:, at].sum()), added, at in chosen))
        if at in chosen:
            reached |= finds[:, at]
    unseen = _unseen(people, matches, [candidates[at] for at in order if at in chosen])
    return Blocking(tuple(figures), len(finds), int(reached.sum()), int(finds.any(axis=1).sum()), unseen)


def _greedy(finds: np.ndarray, pairs: list[int]) -> list[int]:
    """The places of the chosen rules: each time the one that reaches most for its pairs, until nothing is added."""
    wanted = np.minimum(finds.sum(axis=1), REACHED_ENOUGH)
    price = np.maximum(np.array(pairs, dtype=float), 1.0)
    chosen: list[int] = []
    while True:
        lacking = finds[:, chosen].sum(axis=1) < wanted
        gain = finds[lacking].sum(axis=0).astype(float)
        gain[chosen] = 0
        gain[price > MOST_PAIRS_PER_MATCH * gain] = 0
        if not gain.any():
            return chosen
        chosen.append(int(np.argmax(gain / price)))


def _finds(people: pa.Table, matches: pa.Table, rules: Sequence[Rule]) -> np.ndarray:
    """For each known match and rule, whether the rule brings the two together."""
    met = ", ".join(f"coalesce({equal_in(columns)}, false) AS met_{at}" for at, columns in enumerate(rules))
    found = query(
        f"""SELECT {met} FROM matches JOIN people AS l ON l.record_id = left_record
            JOIN people AS r ON r.record_id = right_record ORDER BY left_record, right_record""",
        people=people,
        matches=matches,
    )
    return np.column_stack([column.to_numpy(zero_copy_only=False) for column in found.combine_chunks().columns])


def _cost(people: pa.Table, columns: Rule) -> int:
    given = " AND ".join(f"{name} IS NOT NULL" for name in columns)
    row = query(
        f"""SELECT coalesce(sum(n * (n - 1) // 2), 0)::BIGINT AS pairs
            FROM (SELECT count(*) AS n FROM people WHERE {given} GROUP BY {", ".join(columns)})""",
        people=people,
    ).to_pylist()[0]
    return int(row["pairs"])


def _unseen(people: pa.Table, matches: pa.Table, rules: Sequence[Rule]) -> tuple[Unseen, ...]:
    met = " OR ".join(equal_in(columns) for columns in rules) or "false"
    differ = ", ".join(f"CASE WHEN l.{name} <> r.{name} THEN '{name}' END" for name in SAID)
    lacking = ", ".join(f"CASE WHEN l.{name} IS NULL OR r.{name} IS NULL THEN '{name}' END" for name in SAID)
    rows = query(
        f"""SELECT list_filter([{differ}], lambda name: name IS NOT NULL) AS differ,
                   list_filter([{lacking}], lambda name: name IS NOT NULL) AS lacking, count(*) AS pairs
            FROM matches JOIN people AS l ON l.record_id = left_record JOIN people AS r ON r.record_id = right_record
            WHERE NOT coalesce({met}, false) GROUP BY ALL ORDER BY pairs DESC, differ, lacking""",
        people=people,
        matches=matches,
    ).to_pylist()
    return tuple(Unseen(tuple(row["differ"]), tuple(row["lacking"]), row["pairs"]) for row in rows)
