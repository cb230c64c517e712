"""Two readings of who is who: by all links that hold, as gold has it, and by certain links only.

By certain links a profile falls into *parts*: the sets of its records that deterministic edges join. Each part is a
person then. A row that names an event is of the part whose record the event speaks of; so a visit between two log-ins
of a shared browser is the browser's, since only the time says whose it was. A row that names no event, and one whose
event is another person's, stays with the part of the founder: what cannot be taken apart is not. A part is known if a
record of its own is more than anonymous; what else is known of a person is known of each part. The two readings show
what links that are likely, and not certain, do to a number; they are no interval of confidence.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from contracts.columns import EVENTS, PEOPLE, Shape
from contracts.condition import OF_LINK, Rows
from contracts.marts import marts
from measures.metric_sql import READINGS, quoted, rows_of

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

IDENTITY = ("identity.assignments", "identity.records", "identity.edges", EVENTS, PEOPLE)
"""What the readings are made of."""
_NO_LINK = ("NULL::VARCHAR AS event_link_kind", "NULL::DOUBLE AS event_link_probability")


def gold() -> tuple[str, ...]:
    """The tables of gold about which metrics may be declared."""
    return (*sorted(marts()), "gold.consent_state")


def lay_out(
    connection: "duckdb.DuckDBPyConnection", known: Mapping[str, Shape], asked: Mapping[str, Iterable[str]]
) -> None:
    """Make the views that queries of ``measures.metric_sql`` read.

    Args:
        connection: Has the tables of identity, and those asked for.
        known: The columns of each table, as declared.
        asked: The columns that are read of each table.
    """
    _parts(connection)
    _people(connection)
    for table, columns in sorted(asked.items()):
        if table != PEOPLE:
            _rows(connection, table, known[table], sorted(set(columns)))


def taken_apart(rows: Rows, known: Mapping[str, Shape]) -> bool:
    """Whether each row names what tells to which part of a profile it belongs."""
    return rows.table == PEOPLE or _event(rows.table, known[rows.table]) is not None


def columns_of(rows: Rows) -> set[str]:
    """The columns of its table that rows are chosen by."""
    own = {condition.column for condition in rows.filter if not condition.column.startswith("event.")}
    return own | ({rows.time} if rows.time else set())


def there(connection: "duckdb.DuckDBPyConnection") -> dict[str, set[str]]:
    """The columns of every table that the connection shows."""
    found = connection.execute(
        "SELECT table_schema || '.' || table_name, list(column_name) FROM information_schema.columns GROUP BY 1"
    ).fetchall()
    return {table: set(columns) for table, columns in found}


def _parts(connection: "duckdb.DuckDBPyConnection") -> None:
    """A table ``parts``: each record, its profile, the number of its part, and whether that has the founder."""
    connection.execute(
        "CREATE TEMP TABLE numbered AS SELECT record_id, profile_id, founder_record_id, "
        "row_number() OVER (ORDER BY record_id) - 1 AS number FROM identity.assignments"
    )
    # Edges of evidence that clustering did not need join the same records as those that it did.
    edges = connection.sql(
        "SELECT a.number AS one, b.number AS other FROM identity.edges AS e "
        "JOIN numbered AS a ON a.record_id = e.left_record JOIN numbered AS b ON b.record_id = e.right_record "
        "WHERE e.kind = 'deterministic' AND e.state IN ('linked', 'redundant') AND a.profile_id = b.profile_id"
    ).to_arrow_table()
    ((records,),) = connection.execute("SELECT count(*) FROM numbered").fetchall()
    part = _components(records, edges["one"].to_numpy(), edges["other"].to_numpy())
    found = pa.table({"number": pa.array(np.arange(len(part))), "part": pa.array(part)})
    connection.register("found_parts", found)
    connection.execute(
        "CREATE TEMP TABLE parts AS SELECT n.record_id, n.profile_id, f.part, "
        "bool_or(n.record_id = n.founder_record_id) OVER (PARTITION BY f.part) AS has_founder, "
        "coalesce(bool_or(r.kind <> 'anonymous') OVER (PARTITION BY f.part), false) AS is_known "
        "FROM numbered AS n JOIN found_parts AS f USING (number) LEFT JOIN identity.records AS r USING (record_id)"
    )
    connection.unregister("found_parts")


def _components(records: int, one: "NDArray[np.int64]", other: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The number of the connected component of each record."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(one)), (one.astype(np.int64), other.astype(np.int64))), shape=(records, records))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels, dtype=np.int64)


def _people(connection: "duckdb.DuckDBPyConnection") -> None:
    """Views ``people_all`` and ``people_certain``: gold.profiles with the number of the person; a row for each part."""
    connection.execute(
        "CREATE TEMP TABLE persons AS SELECT profile_id, row_number() OVER (ORDER BY profile_id) - 1 AS person "
        "FROM gold.profiles"
    )
    connection.execute(
        "CREATE TEMP TABLE founders AS SELECT DISTINCT profile_id, part AS person FROM parts WHERE has_founder"
    )
    link = ", ".join(_NO_LINK)
    connection.execute(
        f"CREATE TEMP VIEW people_all AS SELECT p.*, n.person, {link} FROM gold.profiles AS p "
        "JOIN persons AS n USING (profile_id)"
    )
    connection.execute(
        f"CREATE TEMP VIEW people_certain AS SELECT p.* REPLACE (n.is_known AS is_known), n.part AS person, {link} "
        "FROM gold.profiles AS p JOIN (SELECT DISTINCT profile_id, part, is_known FROM parts) AS n USING (profile_id)"
    )


def _rows(connection: "duckdb.DuckDBPyConnection", table: str, shape: Shape, columns: list[str]) -> None:
    """Views of a table by each reading, with the columns that are read and those of the event's link."""
    schema, _, name = table.partition(".")
    source, base = f"{quoted(schema)}.{quoted(name)}", f"base_{schema}_{name}"
    selected = [f"t.{quoted(column)}" for column in columns]
    selected += _tied(table, shape)
    joined = ""
    if schema == "gold":
        joined = "LEFT JOIN persons AS a USING (profile_id) LEFT JOIN founders AS f USING (profile_id)"
        if event := _event(table, shape):
            on = "" if table == EVENTS else f"LEFT JOIN gold.events AS e ON e.event_id = t.{quoted(event)} "
            joined += f" {on}LEFT JOIN parts AS r ON r.record_id = {'t' if table == EVENTS else 'e'}.record_id"
    connection.execute(f"CREATE TEMP TABLE {base} AS SELECT {', '.join(selected)} FROM {source} AS t {joined}")
    for reading in READINGS:
        view = rows_of(table, reading)
        connection.execute(f"CREATE TEMP VIEW {view} AS SELECT *, person_{reading} AS person FROM {base}")


def _event(table: str, shape: Shape) -> str | None:
    return "event_id" if table == EVENTS else shape.event


def _tied(table: str, shape: Shape) -> list[str]:
    """Whose a row is by each reading, and how its event is linked. Of ops each row stands for itself."""
    if table.startswith("ops."):
        persons = [f"row_number() OVER () AS person_{reading}" for reading in READINGS]
        return [*persons, *_NO_LINK]
    if _event(table, shape) is None:
        return ["a.person AS person_all", "f.person AS person_certain", *_NO_LINK]
    event = "t" if table == EVENTS else "e"
    part = f"CASE WHEN {event}.profile_id = t.profile_id AND r.part IS NOT NULL THEN r.part ELSE f.person END"
    linked = [f"{event}.{name} AS event_{name}" for name in OF_LINK]
    return ["a.person AS person_all", f"{part} AS person_certain", *linked]
