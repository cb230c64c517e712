"""Declared measures and populations as SQL for DuckDB: names are held to a pattern, values are bound.

Every query is over views that ``measures.readings`` lays out: ``rows_<table>_<reading>`` has the rows of a table with
the ``person`` they are of, and ``people_<reading>`` has the people.
"""

import datetime
import re
from dataclasses import dataclass
from typing import Any, Literal

from contracts.columns import PEOPLE, PERSON
from contracts.condition import Condition, Did, Doers, Population, Rows
from contracts.metric import Measure

Reading = Literal["all", "certain"]
READINGS: tuple[Reading, ...] = ("all", "certain")
"""Who is who by all links that hold, and by certain ones only."""
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_COMPARED = ("=", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True)
class Query:
    """SQL with a question mark for each value, and the values."""

    sql: str
    values: tuple[Any, ...] = ()


def quoted(name: str) -> str:
    """A column's name as SQL.

    Raises:
        ValueError: If it is none.
    """
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is no name of a column")
    return f'"{name}"'


def rows_of(table: str, reading: Reading) -> str:
    """The view of a table's rows by one reading of who is who."""
    if table == PEOPLE:
        return f"people_{reading}"
    schema, _, name = table.partition(".")
    if not (_NAME.match(schema) and _NAME.match(name)):
        raise ValueError(f"{table!r} is no name of a table")
    return f"rows_{schema}_{name}_{reading}"


def per_person(measure: Measure, reading: Reading, as_of: datetime.date) -> Query:
    """A measure for each person who has any of its rows.

    Returns:
        Columns ``person``, ``amount`` and ``counted``: what the measure sums over people, and its rows. Of an average
        the amount is the sum; of a median and a maximum there is a row for each row of the table, in the order of
        person and amount.
    """
    where = _chosen(measure, as_of)
    column = _aggregated(measure)
    view = rows_of(measure.table, reading)
    given = f"{where.sql} AND {column} IS NOT NULL AND person IS NOT NULL"
    if measure.agg in ("median", "max"):
        sql = f"SELECT person, {column}::DOUBLE AS amount, 1.0 AS counted FROM {view} WHERE {given} ORDER BY 1, 2"
        return Query(sql, where.values)
    amount = {
        "count": f"count({column})",
        "count_distinct": "1" if measure.column == PERSON else f"count(DISTINCT {column})",
        "sum": f"sum({column})",
        "average": f"sum({column})",
    }[measure.agg]
    sql = (
        f"SELECT person, ({amount})::DOUBLE AS amount, count({column})::DOUBLE AS counted "
        f"FROM {view} WHERE {given} GROUP BY person ORDER BY person"
    )
    return Query(sql, where.values)


def _aggregated(measure: Measure) -> str:
    """What is aggregated of a row."""
    column = quoted(measure.column)
    return column if measure.since is None else f"(epoch({column} - {quoted(measure.since)}) / 3600)"


def of_nobody(measure: Measure, as_of: datetime.date) -> Query:
    """How many rows of a measure there are, how many of these name nobody, and of how many the link is not certain."""
    where = _chosen(measure, as_of)
    view, column = rows_of(measure.table, "all"), quoted(measure.column)
    unsure = "coalesce(count_if(person IS NOT NULL AND event_link_kind IN ('inferred', 'probabilistic')), 0)"
    sql = f"SELECT count(*), coalesce(count_if(person IS NULL), 0), {unsure} FROM {view} WHERE {where.sql} " + (
        "" if measure.column == PERSON else f"AND {column} IS NOT NULL"
    )
    return Query(sql, where.values)


def members(population: Population, reading: Reading, as_of: datetime.date, *more: Population) -> Query:
    """Columns ``person`` and ``profile_id`` of everybody who is of a population, and of each further one."""
    parts: list[str] = ["true"]
    values: list[Any] = []
    for asked in (population, *more):
        for query in _asked(asked, reading, as_of):
            parts.append(query.sql)
            values += query.values
    sql = f"SELECT person, {PERSON} FROM people_{reading} WHERE {' AND '.join(parts)} ORDER BY person"
    return Query(sql, tuple(values))


def _asked(population: Population, reading: Reading, as_of: datetime.date) -> list[Query]:
    found = [_condition(condition) for condition in population.conditions]
    if population.audience is not None:
        found.append(Query(f"{PERSON} IN (SELECT {PERSON} FROM gold.{quoted(population.audience)})"))
    if isinstance(population, Doers):
        found += [_did(done, reading, as_of, "IN") for done in population.did]
        found += [_did(done, reading, as_of, "NOT IN") for done in population.did_not]
    return found


def _did(done: Did, reading: Reading, as_of: datetime.date, has: str) -> Query:
    where = _chosen(done, as_of)
    view = rows_of(done.table, reading)
    sql = (
        f"person {has} (SELECT person FROM {view} WHERE person IS NOT NULL AND {where.sql} "
        "GROUP BY person HAVING count(*) >= ?)"
    )
    return Query(sql, (*where.values, done.at_least))


def _chosen(rows: Rows, as_of: datetime.date) -> Query:
    """The window and the filter of rows."""
    parts: list[str] = ["true"]
    values: list[Any] = []
    if rows.time is not None:
        end = as_of + datetime.timedelta(1 - rows.ended_days_ago)
        parts.append(f"{quoted(rows.time)} < ?")
        values.append(_instant(end))
        if rows.days is not None:
            parts.append(f"{quoted(rows.time)} >= ?")
            values.append(_instant(end - datetime.timedelta(rows.days)))
    for condition in rows.filter:
        query = _condition(condition)
        parts.append(query.sql)
        values += query.values
    return Query(" AND ".join(parts), tuple(values))


def _condition(condition: Condition) -> Query:
    column = quoted(condition.column.replace("event.", "event_"))
    if condition.op == "is_given":
        return Query(f"{column} IS NOT NULL")
    if condition.op == "is_missing":
        return Query(f"{column} IS NULL")
    if condition.op in ("in", "not_in"):
        marks = ", ".join("?" for _ in condition.values)
        return Query(f"{column} {condition.op.upper().replace('_', ' ')} ({marks})", condition.values)
    if condition.op not in _COMPARED:
        raise ValueError(f"{condition.op!r} is no operator")
    return Query(f"{column} {condition.op} ?", condition.values)


def _instant(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)
