"""Attribution by rule: a step of a journey with an outcome gets the part that its weight is of the journey's."""

from fractions import Fraction
from typing import TYPE_CHECKING

from contracts.attribution import Attribution, Position
from measures.attribution.paths import Period

if TYPE_CHECKING:
    import duckdb

RULES = ("first", "last", "linear", "time_decay", "position")
PARTS = 10_000
"""Orders are credited in parts of this size, as value is in cents."""
_FINE = 1_000_000
"""Into how many pieces a cent, or a part of an order, is divided. Sums of whole pieces do not depend on their order."""
_WEIGHT = 1_000_000_000_000
"""The weight of the last step by time decay."""

Credit = dict[int, tuple[Fraction, Fraction]]
"""By player: parts of orders, and cents."""


def credits_by_rule(
    connection: "duckdb.DuckDBPyConnection", declared: Attribution, period: Period
) -> dict[str, Credit]:
    """What each player is credited with by each rule, for the outcomes of a period; exact but for less than a cent."""
    weights = _weights(declared)
    shares = ", ".join(
        f"sum(orders::HUGEINT * {PARTS * _FINE} * {name} // {name}_of_all) AS {name}_orders, "
        f"sum(cents::HUGEINT * {_FINE} * {name} // {name}_of_all) AS {name}_cents"
        for name in RULES
    )
    of_all = ", ".join(f"sum({name}) OVER (PARTITION BY journey) AS {name}_of_all" for name in RULES)
    each = ", ".join(f"CAST({weights[name]} AS HUGEINT) AS {name}" for name in RULES)
    rows = connection.execute(
        f"""WITH won AS (
                SELECT s.journey, s.player, j.orders, j.cents, {each}
                FROM step AS s JOIN journey AS j USING (journey)
                WHERE j.is_won AND j.ended_at >= ? AND j.ended_at < ?
            )
            SELECT player, {shares} FROM (SELECT *, {of_all} FROM won) GROUP BY player ORDER BY player""",
        list(period),
    ).fetchall()
    found: dict[str, Credit] = {}
    for place, name in enumerate(RULES):
        column = 1 + 2 * place
        found[name] = {row[0]: (Fraction(row[column], _FINE), Fraction(row[column + 1], _FINE)) for row in rows}
    return found


def _weights(declared: Attribution) -> dict[str, str]:
    """SQL for the weight of a step, from place, steps, at and last_at: a whole number."""
    seconds = declared.half_life_days * 86400
    return {
        "first": "place = 1",
        "last": "place = steps",
        "linear": "1",
        "time_decay": f"round({_WEIGHT} * pow(0.5, epoch(last_at - moment) / {seconds!r}))",
        "position": _position(declared.position),
    }


def _position(given: Position) -> str:
    first, last = (round(share * _FINE) for share in (given.first, given.last))
    between = max(_FINE - first - last, 0)
    ends = (first, last) if first + last else (1, 1)
    return f"""CASE WHEN steps = 1 THEN 1
                    WHEN steps = 2 THEN CASE place WHEN 1 THEN {ends[0]} ELSE {ends[1]} END
                    WHEN place = 1 THEN {first} * (steps - 2)
                    WHEN place = steps THEN {last} * (steps - 2)
                    ELSE {between} END"""
