"""The paths as they are published: by channel, repeats told once, those of few people together."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from contracts.attribution import NO_PERSON, NO_TOUCHPOINT, NOT_YET, OTHER
from measures.attribution.rounding import too_few

if TYPE_CHECKING:
    import duckdb

OPEN = "open"
BETWEEN = " > "
_COUNTED = """count(DISTINCT person) AS people, count(*) AS journeys, count_if(is_won) AS won,
              CAST(sum(orders) AS BIGINT) AS orders, CAST(sum(cents) AS BIGINT) AS cents"""


def rows(connection: "duckdb.DuckDBPyConnection", channels: list[str], late: tuple[int, int]) -> list[dict[str, Any]]:
    """The rows of gold.attribution_paths, in the order of their paths.

    Args:
        connection: With what ``paths.prepare`` made.
        channels: By number.
        late: Orders after the run's date, and their cents.
    """
    connection.execute(
        f"""CREATE TEMP TABLE way AS
            SELECT CASE WHEN is_open THEN '{OPEN}' ELSE shown END AS way, person, is_won, orders, cents FROM journey
            UNION ALL
            SELECT CASE WHEN o.person IS NULL THEN '{NO_PERSON}' ELSE '{NO_TOUCHPOINT}' END, o.person, true, o.orders,
                   o.cents
            FROM outcome AS o
            ANTI JOIN (FROM journey WHERE is_won) AS j ON j.person = o.person AND j.ended_at = o.moment"""
    )
    counted = connection.execute(f"SELECT way, {_COUNTED} FROM way GROUP BY way").fetchall()
    few = too_few({way: people for way, people, *_ in counted if way != NO_PERSON})
    told = [row for row in counted if row[0] not in few]
    if few:
        connection.execute("CREATE TEMP TABLE few (way VARCHAR)")
        connection.execute("INSERT INTO few SELECT unnest(?)", [sorted(few)])
        told += connection.execute(f"SELECT '{OTHER}', {_COUNTED} FROM way SEMI JOIN few USING (way)").fetchall()
    if late[0]:
        told.append((NOT_YET, None, late[0], late[0], *late))
    letters = {chr(0x100 + number): channel for number, channel in enumerate(channels)}
    found = [
        {
            "path": way if way[0] not in letters else BETWEEN.join(letters[letter] for letter in way),
            "people": None if way == NO_PERSON else people,
            "journeys": journeys,
            "journeys_with_order": won,
            "orders": orders,
            "value": Decimal(cents).scaleb(-2),
        }
        for way, people, journeys, won, orders, cents in told
    ]
    return sorted(found, key=lambda row: str(row["path"]))
