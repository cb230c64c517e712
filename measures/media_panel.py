"""Sales and media by week and region, a head: what the media mix is computed from."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from contracts.attribution import Attribution, MediaMix
from contracts.metric import FEWEST_SHOWN

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Panel:
    """Whole weeks, Monday to Sunday, by region.

    Attributes:
        begin: The first Monday; None where there is no whole week.
        people: Of each region.
        sales: Value a head, a row for each region, a column for each week.
        media: Touchpoints a head, the same, by channel.
    """

    begin: datetime.date | None
    people: "NDArray[np.float64]"
    sales: "NDArray[np.float64]"
    media: "Mapping[str, NDArray[np.float64]]"

    @property
    def weeks(self) -> int:
        return self.sales.shape[1]

    @property
    def regions(self) -> int:
        return self.sales.shape[0]

    def total(self, a_head: "NDArray[np.float64]") -> float:
        """The sum over all people and weeks of what is given a head."""
        return float(self.people @ a_head.sum(axis=1))


def panel(
    connection: "duckdb.DuckDBPyConnection", declared: Attribution, mix: MediaMix, end: datetime.datetime
) -> Panel:
    """Count everything before ``end``; people without a region are left out, and regions of few people at last.

    Weeks begin with the first whole one after the first order. What was sent before it is left out, so the first weeks
    carry over less than they did.
    """
    told = declared.outcome
    connection.execute(
        f"""CREATE TEMP TABLE place AS
            WITH known AS (
                SELECT profile_id, "{mix.region}" AS region FROM gold.profiles WHERE "{mix.region}" IS NOT NULL
            )
            SELECT profile_id, CASE WHEN count(*) OVER (PARTITION BY region) < ? THEN ? ELSE region END AS region
            FROM known""",
        [mix.people_at_least, ELSEWHERE],
    )
    connection.execute(
        "DELETE FROM place WHERE region IN (SELECT region FROM place GROUP BY region HAVING count(*) < ?)",
        [FEWEST_SHOWN],
    )
    connection.execute(
        f"""CREATE TEMP TABLE bought AS
            SELECT p.region, CAST(date_trunc('week', o."{told.at}") AS DATE) AS week, sum(o."{told.value}") AS value
            FROM {told.table} AS o JOIN place AS p ON p.profile_id = o."{told.person}"
            WHERE o."{told.at}" < ? GROUP BY ALL""",
        [end],
    )
    connection.execute("CREATE TEMP TABLE medium (channel VARCHAR, of VARCHAR, direction VARCHAR, kind VARCHAR)")
    for name in mix.channels:
        rule = declared.channels[name]
        for kind in rule.kinds:
            connection.execute("INSERT INTO medium VALUES (?, ?, ?, ?)", [name, rule.channel, rule.direction, kind])
    connection.execute(
        """CREATE TEMP TABLE sent AS
           SELECT m.channel, p.region, CAST(date_trunc('week', t.occurred_at) AS DATE) AS week, count(*) AS touches
           FROM gold.touchpoints AS t JOIN place AS p USING (profile_id)
           JOIN medium AS m ON m.of = t.channel AND m.direction = t.direction AND m.kind = t.kind
           WHERE t.occurred_at < ? GROUP BY ALL""",
        [end],
    )
    return _shaped(connection, declared, mix, end)


def _shaped(
    connection: "duckdb.DuckDBPyConnection", declared: Attribution, mix: MediaMix, end: datetime.datetime
) -> Panel:
    regions = connection.execute("SELECT region, count(*) FROM place GROUP BY region ORDER BY region").fetchall()
    at = {region: number for number, (region, _) in enumerate(regions)}
    people = np.array([count for _, count in regions], np.float64)
    ((first,),) = connection.execute(
        f'SELECT CAST(min("{declared.outcome.at}") AS DATE) FROM {declared.outcome.table}'
    ).fetchall()
    begin = None if first is None else first + datetime.timedelta(-first.weekday() % 7)
    weeks = 0 if begin is None else max((end.date() - begin).days // 7, 0)
    if not weeks or begin is None:
        empty = np.zeros((len(regions), 0))
        return Panel(None, people, empty, dict.fromkeys(mix.channels, empty))
    sales = np.zeros((len(regions), weeks))
    for region, week, value in connection.execute("SELECT * FROM bought ORDER BY ALL").fetchall():
        number = (week - begin).days // 7
        if 0 <= number < weeks:
            sales[at[region], number] = float(value)
    media = {name: np.zeros_like(sales) for name in mix.channels}
    for channel, region, week, touches in connection.execute("SELECT * FROM sent ORDER BY ALL").fetchall():
        number = (week - begin).days // 7
        if 0 <= number < weeks:
            media[channel][at[region], number] = touches
    a_head = people[:, None]
    return Panel(begin, people, sales / a_head, {name: sent / a_head for name, sent in media.items()})
