"""The tables of attribution: credits of every model beside what was measured, and the paths they come from."""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from contracts.attribution import NO_PERSON, NO_TOUCHPOINT, NOT_YET, OTHER, Attribution
from measures.attribution import published
from measures.attribution.lifts import CAMPAIGN_LIFT, EXPERIMENTS, Measured, measured
from measures.attribution.paths import NO_CAMPAIGN, Paths, Period, Player, paths_of, prepare
from measures.attribution.removal import removal_effects
from measures.attribution.rounding import to_whole, too_few
from measures.attribution.rules import PARTS, Credit, credits_by_rule
from measures.attribution.shapley import shapley, within_channels
from measures.measure import Asked, Measure

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from numpy.typing import NDArray

TABLE = "gold.attribution"
PATHS = "gold.attribution_paths"
ALL = "all"
_BEGIN = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)

Cell = tuple[str, str]
"""A channel and a campaign."""
Counted = dict[Cell, tuple[int, int]]
"""By cell: parts of orders, and cents."""


def compute(asked: Asked) -> "dict[str, pa.Table]":
    """Every row of both tables; none where no attribution is declared or there is no mart yet."""
    declared = asked.contracts.attribution
    credited: list[dict[str, Any]] = []
    gone: list[dict[str, Any]] = []
    if declared is not None and _has_marts(asked.connection, declared):
        end = datetime.datetime.combine(asked.as_of, datetime.time(), datetime.UTC) + datetime.timedelta(1)
        players = prepare(asked.connection, declared, end)
        lifts = measured(asked.connection, asked.contracts, asked.as_of)
        late = _late(asked.connection, declared, end)
        for name, period in _periods(asked.connection, lifts, end):
            after = late if name == ALL else (0, 0)
            credited += _rows(asked.connection, declared, players, name, period, lifts, after)
        gone = published.rows(asked.connection, list(declared.channels), late)
    return {TABLE: _table(asked, TABLE, credited), PATHS: _table(asked, PATHS, gone)}


def _has_marts(connection: "duckdb.DuckDBPyConnection", declared: Attribution) -> bool:
    rows = connection.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables").fetchall()
    return {declared.outcome.table, "gold.touchpoints"} <= {name for (name,) in rows}


def _table(asked: Asked, table: str, rows: list[dict[str, Any]]) -> "pa.Table":
    import pyarrow as pa

    from lakehouse.schema import arrow_schema

    return pa.Table.from_pylist(rows, schema=arrow_schema(asked.contracts.table(table)))


def _periods(
    connection: "duckdb.DuckDBPyConnection", lifts: Iterable[Measured], end: datetime.datetime
) -> Iterator[tuple[str, Period]]:
    """Everything until now, and each period that something was measured in and that is over."""
    first = connection.execute(
        "SELECT min(moment) FROM (SELECT moment FROM outcome UNION ALL SELECT moment FROM touch)"
    ).fetchall()[0][0]
    begin = first if first is not None else end - datetime.timedelta(1)
    yield ALL, (begin, end)
    for since, until in sorted({(lift.since, lift.until) for lift in lifts}):
        period = (_midnight(since), _midnight(until + datetime.timedelta(1)))
        if period[1] <= end:
            yield f"{since}/{until}", period


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def _late(connection: "duckdb.DuckDBPyConnection", declared: Attribution, end: datetime.datetime) -> tuple[int, int]:
    """Orders that are dated after the run's date, and their cents."""
    told = declared.outcome
    (row,) = connection.execute(
        f"""SELECT count(*), coalesce(sum(CAST("{told.value}" * 100 AS BIGINT)), 0)
            FROM {told.table} WHERE "{told.at}" >= ? OR "{told.at}" IS NULL""",
        [end],
    ).fetchall()
    return int(row[0]), int(row[1])


@dataclass(frozen=True)
class Totals:
    """Orders and cents of a period: those led to by touchpoints, those without any, and those of nobody known."""

    won: tuple[int, int]
    untouched: tuple[int, int]
    nobody: tuple[int, int]
    untouched_people: int


def _totals(connection: "duckdb.DuckDBPyConnection", period: Period) -> Totals:
    (row,) = connection.execute(
        """WITH o AS (
               SELECT o.*, j.journey IS NOT NULL AS is_won
               FROM outcome AS o
               LEFT JOIN (FROM journey WHERE is_won) AS j ON j.person = o.person AND j.ended_at = o.moment
               WHERE o.moment >= ? AND o.moment < ?
           )
           SELECT coalesce(sum(orders) FILTER (is_won), 0), coalesce(sum(cents) FILTER (is_won), 0),
                  coalesce(sum(orders) FILTER (person IS NOT NULL AND NOT is_won), 0),
                  coalesce(sum(cents) FILTER (person IS NOT NULL AND NOT is_won), 0),
                  coalesce(sum(orders) FILTER (person IS NULL), 0), coalesce(sum(cents) FILTER (person IS NULL), 0),
                  count(DISTINCT person) FILTER (person IS NOT NULL AND NOT is_won)
           FROM o""",
        list(period),
    ).fetchall()
    won, won_cents, untouched, untouched_cents, nobody, nobody_cents, people = map(int, row)
    return Totals((won, won_cents), (untouched, untouched_cents), (nobody, nobody_cents), people)


def _rows(
    connection: "duckdb.DuckDBPyConnection",
    declared: Attribution,
    players: list[Player],
    name: str,
    period: Period,
    lifts: Iterable[Measured],
    late: tuple[int, int],
) -> Iterator[dict[str, Any]]:
    """The rows of one period, in the order of the key."""
    totals = _totals(connection, period)
    rest = {NO_TOUCHPOINT: totals.untouched, NO_PERSON: totals.nobody, NOT_YET: late}
    cents = totals.won[1] + sum(part[1] for part in rest.values())
    until = period[1].date() - datetime.timedelta(1)
    mine = {
        (lift.channel, lift.campaign or ALL): lift
        for lift in lifts
        if (lift.since, lift.until) == (period[0].date(), until)
    }
    by_level = {level: _people(connection, period, level) for level in ("channel", "campaign")}
    for (model, level), credit in sorted(_credits(connection, declared, players, period, totals.won).items()):
        people = by_level[level]
        shown = dict(people) | {(NO_TOUCHPOINT, ALL if level == "channel" else NO_CAMPAIGN): totals.untouched_people}
        campaign = ALL if level == "channel" else NO_CAMPAIGN
        counted = credit | {(channel, campaign): (part[0] * PARTS, part[1]) for channel, part in rest.items()}
        for cell, (orders, value), count in _told_together(counted, shown, level):
            yield {
                "period": name,
                "period_from": period[0].date(),
                "period_until": until,
                "model": model,
                "level": level,
                "channel": cell[0],
                "campaign": cell[1],
                "people": None if cell[0] in (NO_PERSON, NOT_YET) else count,
                "orders": Decimal(orders).scaleb(-4),
                "value": Decimal(value).scaleb(-2),
                "share": value / cents if cents else None,
                **_beside(Decimal(value).scaleb(-2), mine.get(cell)),
            }


def _beside(value: Decimal, lift: Measured | None) -> dict[str, Any]:
    """The columns of what was measured; or that nothing was."""
    if lift is None:
        return {"status": "not_known"}
    return {
        "status": "measured",
        "measured_value": lift.value,
        "measured_low": lift.low,
        "measured_high": lift.high,
        "method": lift.method,
        "measured_by": lift.name,
        "gap": value - lift.value,
        "is_within": lift.low <= value <= lift.high,
    }


def _told_together(
    counted: Counted, people: Mapping[Cell, int], level: str
) -> Iterator[tuple[Cell, tuple[int, int], int]]:
    """Each cell with its people; those of few people as one cell, whose people are at least so many."""
    few = too_few({cell: people.get(cell, 0) for cell in counted})
    other = (OTHER, ALL if level == "channel" else OTHER)
    summed: dict[Cell, tuple[int, int]] = {}
    told: dict[Cell, int] = {}
    for cell, (orders, cents) in counted.items():
        at = other if cell in few else cell
        before = summed.get(at, (0, 0))
        summed[at] = (before[0] + orders, before[1] + cents)
        told[at] = max(told.get(at, 0), people.get(cell, 0))
    for cell in sorted(summed):
        yield cell, summed[cell], told[cell]


def _people(connection: "duckdb.DuckDBPyConnection", period: Period, level: str) -> dict[Cell, int]:
    """People with an order in the period that a touchpoint of the cell led to."""
    channels = level == "channel"
    rows = connection.execute(
        f"""SELECT p.channel, {"''" if channels else "p.campaign"} AS campaign, count(DISTINCT j.person)
            FROM step AS s JOIN journey AS j USING (journey) JOIN player AS p USING (player)
            WHERE j.is_won AND j.ended_at >= ? AND j.ended_at < ? GROUP BY ALL""",
        list(period),
    ).fetchall()
    return {(channel, ALL if channels else campaign): count for channel, campaign, count in rows}


def _credits(
    connection: "duckdb.DuckDBPyConnection",
    declared: Attribution,
    players: list[Player],
    period: Period,
    won: tuple[int, int],
) -> dict[tuple[str, str], Counted]:
    """By model and level; each sums to what was won, in whole parts of orders and whole cents."""
    paths = paths_of(connection, period)
    channels = list(declared.channels)
    numbers = np.array([channels.index(player.channel) for player in players], np.int64)
    cells: dict[str, list[Cell]] = {
        "campaign": [(player.channel, player.campaign) for player in players],
        "channel": [(channel, ALL) for channel in channels],
    }
    found: dict[tuple[str, str], Counted] = {}
    for model, credit in credits_by_rule(connection, declared, period).items():
        each = _whole(cells["campaign"], credit, won)
        found[model, "campaign"] = each
        summed: Counted = dict.fromkeys(cells["channel"], (0, 0))
        for (channel, _), (orders, cents) in each.items():
            before = summed[channel, ALL]
            summed[channel, ALL] = (before[0] + orders, before[1] + cents)
        found[model, "channel"] = summed
    of_channels = shapley(paths.told_by(numbers), len(channels))
    by_shapley = {"channel": of_channels, "campaign": within_channels(paths, numbers, of_channels)}
    for level, of_level in (("channel", paths.told_by(numbers)), ("campaign", paths)):
        count = len(cells[level])
        found["markov", level] = _whole(cells[level], _by_removal(of_level, count, won), won)
        found["shapley", level] = _whole(cells[level], _as_credit(*by_shapley[level]), won)
    return found


def _by_removal(paths: Paths, players: int, won: tuple[int, int]) -> Credit:
    """What was won, parted in proportion to removal effects; value by those on orders where it has none."""
    lost, lost_value = ([Fraction(float(part)) for part in effects] for effects in removal_effects(paths, players))
    of_orders = sum(lost)
    by_value, of_value = (lost_value, sum(lost_value)) if sum(lost_value) > 0 else (lost, of_orders)
    if of_orders <= 0:
        return {}
    return {
        player: (won[0] * PARTS * lost[player] / of_orders, won[1] * by_value[player] / of_value)
        for player in range(players)
    }


def _as_credit(orders: "NDArray[np.float64]", cents: "NDArray[np.float64]") -> Credit:
    return {
        player: (Fraction(float(order)) * PARTS, Fraction(float(cent)))
        for player, (order, cent) in enumerate(zip(orders, cents, strict=True))
    }


def _whole(cells: list[Cell], credit: Credit, won: tuple[int, int]) -> Counted:
    """Round to whole parts and cents with the sums of what was won; who has no credit gets none of the rounding."""
    credited = sorted(player for player, parts in credit.items() if any(parts))
    orders = to_whole([credit[player][0] for player in credited], won[0] * PARTS)
    cents = to_whole([credit[player][1] for player in credited], won[1])
    found = dict.fromkeys(cells, (0, 0))
    return found | {cells[player]: (orders[place], cents[place]) for place, player in enumerate(credited)}


MEASURE = Measure(
    "attribution",
    ("gold.orders", "gold.touchpoints", CAMPAIGN_LIFT, EXPERIMENTS),
    (TABLE, PATHS),
    compute,
)
