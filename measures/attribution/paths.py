"""Journeys between touchpoints and outcomes, in DuckDB, and the one aggregation of their paths that all models read."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from contracts.attribution import Attribution

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

Period = tuple[datetime.datetime, datetime.datetime]
"""Its begin, and its end, which is not in it."""
NO_CAMPAIGN = "none"
_FIRST_LETTER = 0x100
"""A path is text while DuckDB groups it: a letter for each player, from here on in Unicode."""


@dataclass(frozen=True)
class Player:
    """Who may be credited: a campaign of a channel, or what is of no campaign in it."""

    channel: str
    campaign: str


@dataclass(frozen=True)
class Paths:
    """Distinct paths, sorted, and how many journeys went each.

    Attributes:
        steps: The players of all paths, one path after the other, as numbers from 0.
        lengths: How many steps each path has; at least one.
        journeys: How many journeys went that path.
        won: How many of these ended with an outcome.
        orders: How many orders these were.
        cents: What these were worth, in hundredths.
    """

    steps: "NDArray[np.int64]"
    lengths: "NDArray[np.int64]"
    journeys: "NDArray[np.int64]"
    won: "NDArray[np.int64]"
    orders: "NDArray[np.int64]"
    cents: "NDArray[np.int64]"

    @classmethod
    def of(cls, rows: Sequence[tuple[Sequence[int], int, int, int, int]]) -> "Paths":
        """From rows of steps, journeys, won, orders and cents, in any order."""
        ordered = sorted(rows, key=lambda row: tuple(row[0]))
        numbers = np.array([row[1:] for row in ordered], np.int64).reshape(-1, 4)
        steps = np.array([step for row in ordered for step in row[0]], np.int64)
        return cls(steps, np.array([len(row[0]) for row in ordered], np.int64), *numbers.T)

    def told_by(self, numbers: "NDArray[np.int64]") -> "Paths":
        """The same paths with other players: the number that each player has instead."""
        steps = numbers[self.steps] if self.steps.size else self.steps
        return Paths(steps, self.lengths, self.journeys, self.won, self.orders, self.cents)


def prepare(connection: "duckdb.DuckDBPyConnection", declared: Attribution, end: datetime.datetime) -> list[Player]:
    """Make the temporary tables ``outcome``, ``step`` and ``journey`` of everything before ``end``.

    ``outcome``: person, moment, orders, cents; orders of one person at one moment are one outcome, and those of nobody
    have no person. ``step``: journey, place (from 1), steps of the journey, player, moment. ``journey``: journey,
    person, is_won, is_open, ended_at (of the outcome, or of the last touchpoint), last_at (of that), orders, cents,
    path, shown (its channels, in which repeats are told once).

    Returns:
        The players, by number.
    """
    connection.execute(
        "CREATE TEMP TABLE rule (channel VARCHAR, of VARCHAR, direction VARCHAR, kind VARCHAR, told BOOLEAN)"
    )
    connection.executemany(
        "INSERT INTO rule VALUES (?, ?, ?, ?, ?)",
        [
            (name, rule.channel, rule.direction, kind, rule.campaigns)
            for name, rule in declared.channels.items()
            for kind in rule.kinds
        ],
    )
    told = declared.outcome
    connection.execute(
        f"""CREATE TEMP TABLE outcome AS
            SELECT "{told.person}" AS person, "{told.at}" AS moment, count(*) AS orders,
                   sum(CAST("{told.value}" * 100 AS BIGINT))::BIGINT AS cents
            FROM {told.table} WHERE "{told.at}" < ? GROUP BY ALL""",
        [end],
    )
    connection.execute(
        """CREATE TEMP TABLE touch AS
           SELECT t.profile_id AS person, t.occurred_at AS moment, t.touchpoint_id AS id, r.channel,
                  CASE WHEN r.told THEN coalesce(t.subject_id, ?) ELSE ? END AS campaign
           FROM gold.touchpoints AS t
           JOIN rule AS r ON r.of = t.channel AND r.direction = t.direction AND r.kind = t.kind
           WHERE t.profile_id IS NOT NULL AND t.occurred_at < ?""",
        [NO_CAMPAIGN, NO_CAMPAIGN, end],
    )
    players = _players(connection, declared)
    _journeys(connection, declared.lookback_days, end)
    return players


def _players(connection: "duckdb.DuckDBPyConnection", declared: Attribution) -> list[Player]:
    """Number the players, in the order of their channels and names; a channel that nothing touched is one too."""
    connection.execute("CREATE TEMP TABLE channel (number BIGINT, channel VARCHAR)")
    connection.executemany("INSERT INTO channel VALUES (?, ?)", list(enumerate(declared.channels)))
    connection.execute(
        f"""CREATE TEMP TABLE player AS
            SELECT row_number() OVER (ORDER BY number, campaign) - 1 AS player, channel, campaign,
                   chr(CAST({_FIRST_LETTER} + row_number() OVER (ORDER BY number, campaign) - 1 AS INTEGER)) AS letter,
                   chr(CAST({_FIRST_LETTER} + number AS INTEGER)) AS channel_letter
            FROM (SELECT DISTINCT c.number, c.channel, coalesce(t.campaign, '{NO_CAMPAIGN}') AS campaign
                  FROM channel AS c LEFT JOIN (SELECT DISTINCT channel, campaign FROM touch) AS t USING (channel))"""
    )
    rows = connection.execute("SELECT channel, campaign FROM player ORDER BY player").fetchall()
    return [Player(*row) for row in rows]


def _journeys(connection: "duckdb.DuckDBPyConnection", lookback_days: int, end: datetime.datetime) -> None:
    """Lead every touchpoint to the outcome it counts for; the others to journeys of a lookback's length at most."""
    connection.execute(
        f"""CREATE TEMP TABLE placed AS
            WITH led AS (
                SELECT t.person, t.moment, t.id, p.player, p.letter, p.channel_letter, o.moment AS outcome_at,
                       coalesce(t.moment > o.moment - to_days({lookback_days}), false) AS is_won
                FROM touch AS t JOIN player AS p USING (channel, campaign)
                ASOF LEFT JOIN (FROM outcome WHERE person IS NOT NULL) AS o
                     ON t.person = o.person AND t.moment <= o.moment
            ),
            cut AS (
                SELECT *, NOT is_won AND outcome_at IS NULL AND led.moment + to_days({lookback_days}) > $end AS is_open,
                       CASE WHEN NOT is_won THEN floor(
                           epoch(led.moment - min(led.moment) OVER (PARTITION BY person, outcome_at, is_won))
                           / {lookback_days * 86400}
                       ) END AS part
                FROM led
            )
            SELECT *, dense_rank() OVER (ORDER BY person, outcome_at, is_won, is_open, part) AS journey FROM cut""",
        {"end": end},
    )
    connection.execute(
        """CREATE TEMP TABLE step AS
           SELECT journey, player, moment, letter, channel_letter,
                  row_number() OVER w AS place, count(*) OVER (PARTITION BY journey) AS steps,
                  lag(channel_letter) OVER w IS NOT DISTINCT FROM channel_letter AS is_repeat
           FROM placed WINDOW w AS (PARTITION BY journey ORDER BY moment, id)"""
    )
    connection.execute(
        """CREATE TEMP TABLE journey AS
           WITH told AS (
               SELECT journey, any_value(person) AS person, any_value(outcome_at) AS outcome_at,
                      any_value(is_won) AS is_won, any_value(is_open) AS is_open, max(moment) AS last_at
               FROM placed GROUP BY journey
           ),
           gone AS (
               SELECT journey, string_agg(letter, '' ORDER BY place) AS path,
                      string_agg(channel_letter, '' ORDER BY place) FILTER (NOT is_repeat) AS shown
               FROM step GROUP BY journey
           )
           SELECT t.journey, t.person, t.is_won, t.is_open, g.path, g.shown,
                  CASE WHEN t.is_won THEN t.outcome_at ELSE t.last_at END AS ended_at, t.last_at,
                  coalesce(o.orders, 0) AS orders, coalesce(o.cents, 0) AS cents
           FROM told AS t JOIN gone AS g USING (journey)
           LEFT JOIN outcome AS o ON t.is_won AND o.person = t.person AND o.moment = t.outcome_at"""
    )


def paths_of(connection: "duckdb.DuckDBPyConnection", period: Period) -> Paths:
    """The distinct paths of the journeys that ended in a period, those that are still open left out."""
    found: Any = connection.sql(
        """SELECT path, length(path) AS length, count(*) AS journeys, count_if(is_won) AS won,
                  CAST(sum(orders) AS BIGINT) AS orders, CAST(sum(cents) AS BIGINT) AS cents
           FROM journey WHERE NOT is_open AND ended_at >= ? AND ended_at < ? GROUP BY path ORDER BY path""",
        params=list(period),
    ).to_arrow_table()
    text = "".join(found["path"].to_pylist()).encode("utf-32-le")
    steps = np.frombuffer(text, np.uint32).astype(np.int64) - _FIRST_LETTER
    numbers = [found[name].to_numpy().astype(np.int64) for name in ("length", "journeys", "won", "orders", "cents")]
    return Paths(steps, *numbers)
