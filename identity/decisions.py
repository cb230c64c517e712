"""What stewards decide: two records are one person, or are not, until somebody takes it back.

Decisions are facts like landed lines: appended, never changed, and replayed by every run, a rebuild included. No
model and no rule overrules one; a person who refuses that their records are put together overrules a link. Two
decisions that contradict each other never stand together, because the second is refused when it is made.
"""

import datetime
import json
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.edges import EDGE_COLUMNS, STEWARD, edge_table, odds_weight
from lakehouse import audit
from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from lakehouse.lake import Lake

TABLE = "identity.decisions"
Pair = tuple[str, str]


@dataclass(frozen=True)
class Decision:
    """One row of identity.decisions; ``decision`` is its number, and an undo has the records of what it takes back."""

    decision: int
    action: Literal["link", "unlink", "undo"]
    left_record: str
    right_record: str
    undoes: int | None
    until: datetime.date | None
    reason: str
    author: str
    decided_at: datetime.datetime

    @property
    def pair(self) -> Pair:
        """The two records that it is about."""
        return self.left_record, self.right_record

    @property
    def what(self) -> str:
        """What was decided, in words."""
        return f"undo {self.undoes}" if self.action == "undo" else f"{self.action} {' '.join(self.pair)}"

    def __str__(self) -> str:
        """The decision in one line, without its reason, which may hold personal values."""
        until = f" until {self.until}" if self.until else ""
        return f"decision {self.decision} ({self.author}, {self.decided_at:%Y-%m-%d}): {self.what}{until}"


def read_decisions(lake: "Lake") -> list[Decision]:
    """All decisions ever made, in their order."""
    if not lake.exists(TABLE):
        return []
    names = ", ".join(field.name for field in fields(Decision))
    with lake.quick(TABLE) as connection:
        rows = connection.execute(f"SELECT {names} FROM {TABLE} ORDER BY decision").fetchall()
    return [Decision(*row) for row in rows]


def undone(decisions: Iterable[Decision]) -> set[int]:
    """The numbers of the decisions that were taken back; to take back an undo restores what it took."""
    taken: set[int] = set()
    for item in sorted(decisions, key=lambda item: item.decision, reverse=True):
        if item.undoes is not None and item.decision not in taken:
            taken.add(item.undoes)
    return taken


def in_force(decisions: Iterable[Decision]) -> list[Decision]:
    """The links and unlinks that nobody took back, expired or not, in their order."""
    known = sorted(decisions, key=lambda item: item.decision)
    taken = undone(known)
    return [item for item in known if item.action != "undo" and item.decision not in taken]


def standing(decisions: Iterable[Decision], as_of: datetime.date) -> list[Decision]:
    """The links and unlinks that a run for ``as_of`` goes by, in their order."""
    return [item for item in in_force(decisions) if item.until is None or as_of <= item.until]


def kept_apart(decisions: Iterable[Decision]) -> dict[Pair, int]:
    """The pairs of the unlinks, each with its decision's number."""
    return {item.pair: item.decision for item in decisions if item.action == "unlink"}


def among(decisions: Iterable[Decision], records: pa.Table) -> list[Decision]:
    """The decisions about records that are there.

    One about a record that is not (it was erased, or the lake is rebuilt up to an earlier landing) waits until it is.
    """
    there = set(records["record_id"].to_pylist())
    return [item for item in decisions if there.issuperset(item.pair)]


def decided_edges(decisions: Iterable[Decision], rules: IdentityRules) -> pa.Table:
    """The decisions as evidence, with EDGE_COLUMNS: a link joins before all others, an unlink is a blocked edge."""
    sure = rules.decisions.reliability
    columns: dict[str, list[Any]] = {name: [] for name in EDGE_COLUMNS}
    for item in decisions:
        is_link = item.action == "link"
        probability = sure if is_link else round(1 - sure, 12)
        cells = (
            *item.pair, "deterministic", STEWARD, 0, odds_weight(probability), probability,
            json.dumps({"action": item.action, "decision": item.decision}), f"rules-{rules.version}",
            None if is_link else f"cannot_link: decision {item.decision} says that they are two people",
        )  # fmt: skip
        for column, cell in zip(columns.values(), cells, strict=True):
            column.append(cell)
    return edge_table(columns)


def contradiction(decisions: Iterable[Decision]) -> list[Decision]:
    """An unlink and the links that join its two records all the same; empty where all can stand together."""
    around: dict[str, list[Decision]] = {}
    unlinks = []
    for item in decisions:
        if item.action == "unlink":
            unlinks.append(item)
        else:
            for record in item.pair:
                around.setdefault(record, []).append(item)
    for unlink in unlinks:
        path = _path(around, *unlink.pair)
        if path:
            return [unlink, *path]
    return []


def decide(
    lake: "Lake",
    action: Literal["link", "unlink"],
    records: Pair,
    *,
    reason: str,
    author: str,
    at: datetime.datetime,
    as_of: datetime.date,
    until: datetime.date | None = None,
) -> Decision:
    """Append a decision.

    Args:
        lake: The lake.
        action: Whether the two records are one person.
        records: Their ids.
        reason: Why, for those who come after.
        author: Who decides.
        at: Now.
        as_of: The date of the newest run.
        until: The last date of a run on which it stands; it may not be over by then.

    Returns:
        The decision as it was appended.

    Raises:
        UsageError: If it has no reason, says what was decided before, contradicts decisions that nobody took back,
            expired ones among them: a run of a past date may still go by those; or links somebody who refused that.
    """
    left, right = sorted(records)
    if left == right:
        raise UsageError("the two are one record already", left, "name two records")
    if until is not None and until < as_of:
        raise UsageError(
            "the decision would never stand", f"--until {until}", f"the newest run is of {as_of}: name a later date"
        )
    if action == "link":
        _may_be_linked(lake, (left, right))
    with lake.lock("decide"):
        known = read_decisions(lake)
        made = Decision(_next(known), action, left, right, None, until, reason, author, at)
        _append(lake, known, made)
    return made


def undo(lake: "Lake", number: int, *, reason: str, author: str, at: datetime.datetime) -> Decision:
    """Take back a decision; to take back an undo makes the decision that it took stand again.

    Raises:
        UsageError: If it has no reason, there is no such decision, it was taken back before, or what would stand again
            says the same as decisions made since, or contradicts them.
    """
    with lake.lock("decide"):
        known = read_decisions(lake)
        taken = next((item for item in known if item.decision == number), None)
        if taken is None:
            raise UsageError(f"there is no decision {number}", TABLE, "clew identity decisions")
        if number in undone(known):
            raise UsageError(f"decision {number} was taken back before", TABLE, "clew identity decisions")
        made = Decision(_next(known), "undo", *taken.pair, number, None, reason, author, at)
        _append(lake, known, made)
    return made


def decision_acts(decisions: Iterable[Decision]) -> list[audit.Act]:
    """Decisions as acts for the audit, which names no record: an entry stays when a person's data are erased."""
    return [
        audit.Act("decision", f"decision {made.decision}", made.action, audit.fingerprint(asdict(made)), made.author)
        for made in decisions
    ]


def _may_be_linked(lake: "Lake", records: Pair) -> None:
    """Refuse a link of a record that the last run kept apart; a refusal that it has not seen yet stops the next."""
    table, column = "identity.assignments", "refused_by"
    if not lake.exists(table) or column not in {field.name for field in lake.delta(table).schema().fields}:
        return
    with lake.quick(table) as connection:
        found = connection.execute(
            f"SELECT record_id, {column} FROM {table} WHERE record_id IN (?, ?) AND {column} IS NOT NULL ORDER BY 1",
            list(records),
        ).fetchone()
    if found:
        record, event = found
        raise UsageError(
            f"the person refused that their records are linked: event {event}",
            record,
            "no decision overrules that; they are linked again once the person grants it",
        )


def _append(lake: "Lake", known: list[Decision], made: Decision) -> None:
    if not made.reason.strip():
        raise UsageError("a decision needs a reason", "--reason", "say why, for those who come after")
    after = in_force([*known, made])
    first_said: dict[tuple[Pair, str], Decision] = {}
    for item in after:
        first = first_said.setdefault((item.pair, item.action), item)
        if first is not item:
            do = f"to give it another end, first: clew identity undo {first.decision} --reason …"
            raise UsageError(f"that was decided: {first}", TABLE, do)
    clash = contradiction(after)
    if clash:
        raise UsageError(
            "these decisions contradict each other: "
            + "; ".join(f"this one, {item.what}" if item is made else str(item) for item in clash),
            TABLE,
            "undo one of them first: clew identity undo NUMBER --reason …",
        )
    audit.ready(lake)
    lake.append(TABLE, [asdict(made)])
    audit.note(lake, decision_acts([*known, made]))


def append_again(lake: "Lake", known: list[Decision], made: list[Decision]) -> None:
    """Append decisions that were made before, and their undos, in one commit."""
    if made:
        audit.ready(lake)
        lake.append(TABLE, [asdict(item) for item in made])
    audit.note(lake, decision_acts([*known, *made]))  # also those of a process that died here


def _next(known: list[Decision]) -> int:
    return max((item.decision for item in known), default=0) + 1


def _path(around: dict[str, list[Decision]], start: str, goal: str) -> list[Decision]:
    """The shortest chain of links between two records."""
    came_by: dict[str, tuple[str, Decision] | None] = {start: None}
    waiting = deque([start])
    while waiting and goal not in came_by:
        record = waiting.popleft()
        for item in around.get(record, ()):
            ahead = item.pair[1] if item.pair[0] == record else item.pair[0]
            if ahead not in came_by:
                came_by[ahead] = (record, item)
                waiting.append(ahead)
    path = []
    step = came_by.get(goal)
    while step is not None:
        record, item = step
        path.append(item)
        step = came_by[record]
    return path[::-1]
