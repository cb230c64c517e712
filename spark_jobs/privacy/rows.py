"""Rows of erased people out of silver, identity, gold and ops: only the files that hold them are written anew.

Rows are named by tables of keys and never by predicates, which Delta would write into its log.
Idempotence key: the keys; rows that are gone are not found a second time.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from spark_jobs.privacy.whose import Theirs, path_sql

if TYPE_CHECKING:
    import duckdb

    from contracts.source import Source
    from lakehouse.lake import Lake

PROFILE_COLUMNS = ("profile_id", "retired_profile_id", "own_profile_id", "left_profile", "right_profile")
RECORD_COLUMNS = ("record_id", "left_record", "right_record", "account_record", "founder_record_id")
EVENT_COLUMNS = ("event_id", "consent_event_id")
OTHERS_HISTORY = "identity.history"
IDENTIFIERS = "silver.identifiers"
FOUND_BY = ("silver.duplicates", "silver.quarantine", "silver.events")
"""By whose rows retention finds what is past its period. They go last, so that a try after a death finds them again."""
SEARCHED = {"ops.check_results": "sample_keys", "ops.runs": "message"}
"""Texts of ops that may name a row of the erased, by table; emptied where they do."""
Keyed = tuple[Sequence[str], pa.Table]
"""Columns of a table, and the values in them, by which rows are named."""
KEPT = ("ops.erased", "ops.erasures", "ops.holds", "ops.audit")


def remove_rows(lake: "Lake", theirs: Theirs) -> dict[str, int]:
    """Remove all rows of the erased people outside bronze.

    The caller lets the steps stand still (``lakehouse.still``).

    Returns:
        Rows removed by table, of those that held any.
    """
    tables = [table for table in lake.tables() if not table.startswith("bronze.") and table not in KEPT]
    removed = remove_from(lake, [table for table in tables if table not in FOUND_BY], theirs)
    # What was once believed of others stays, without the name of the profile that is gone.
    _blank(lake, OTHERS_HISTORY, "profile_id", theirs.profiles)
    _blank(lake, "identity.assignments", "refused_by", theirs.event_ids)
    _number_questions(lake)
    for table, column in SEARCHED.items():
        emptied = _empty_texts(lake, table, column, theirs)
        if emptied:
            removed[table] = emptied
    return removed | remove_from(lake, [table for table in FOUND_BY if table in tables], theirs)


def remove_from(lake: "Lake", tables: Collection[str], theirs: Theirs) -> dict[str, int]:
    """Remove the rows of the erased people from tables; rows removed by table, of those that held any."""
    removed: dict[str, int] = {}
    refill = _identifiers_of_shared_records(lake, theirs)
    filled = [table for table in tables if lake.delta(table).file_uris()]
    with lake.quick(*filled) as connection:
        for table in filled:
            count = delete_by(lake, connection, table, _keys(lake, table, theirs))
            if count:
                removed[table] = count
    if refill.num_rows and IDENTIFIERS in tables:
        lake.append(IDENTIFIERS, refill)
        removed[IDENTIFIERS] = removed.get(IDENTIFIERS, 0) - refill.num_rows
    return removed


def delete_by(lake: "Lake", connection: "duckdb.DuckDBPyConnection", table: str, keyed: Iterable[Keyed]) -> int:
    """Delete the rows of a table that one of some keys names; nothing is written where there are none.

    Args:
        lake: The lake.
        connection: Shows the table as it is.
        table: Its name.
        keyed: Columns, and the values in them, of the rows that go.

    Returns:
        How many rows went.
    """
    found: dict[str, Keyed] = {}
    for on, keys in keyed:
        name = f"keys_{len(found)}"
        connection.register(name, keys)
        same = " AND ".join(f't."{column}" = k."{column}"' for column in on)
        matches = f"EXISTS (SELECT 1 FROM {name} AS k WHERE {same})"
        if keys.num_rows and connection.execute(f"SELECT 1 FROM {table} AS t WHERE {matches} LIMIT 1").fetchall():
            found[matches] = on, keys
    if not found:
        return 0
    (count,) = connection.execute(f"SELECT count(*) FROM {table} AS t WHERE {' OR '.join(found)}").fetchall()[0]
    for on, keys in found.values():
        same = " AND ".join(f"t.{column} = s.{column}" for column in on)
        lake.delta(table).merge(keys, same, source_alias="s", target_alias="t").when_matched_delete().execute()
    return int(count)


def _keys(lake: "Lake", table: str, theirs: Theirs) -> Iterable[Keyed]:
    """By which columns a table's rows may be of the erased, and the keys of those."""
    columns = set(lake.delta(table).schema().to_arrow().names)
    if {"source", "position", "part"} <= columns:
        yield ("source", "position", "part"), _messages(theirs)
    if table == IDENTIFIERS:
        yield ("record_id",), _column("record_id", (*theirs.records, *theirs.partly))
        return
    for name in RECORD_COLUMNS:
        if name in columns:
            yield (name,), _column(name, theirs.records)
    for name in EVENT_COLUMNS:
        if name in columns:
            yield (name,), _column(name, theirs.event_ids)
    if table != OTHERS_HISTORY:
        for name in PROFILE_COLUMNS:
            if name in columns:
                yield (name,), _column(name, theirs.profiles)


def _messages(theirs: Theirs) -> pa.Table:
    rows = [(grave.source, grave.position, part) for grave in theirs.lines for part in grave.parts]
    return pa.table(
        {
            "source": pa.array([row[0] for row in rows], pa.string()),
            "position": pa.array([row[1] for row in rows], pa.int64()),
            "part": pa.array([row[2] for row in rows], pa.int32()),
        }
    )


def _column(name: str, values: Iterable[str]) -> pa.Table:
    return pa.table({name: pa.array(sorted(set(values)), pa.string())})


def _identifiers_of_shared_records(lake: "Lake", theirs: Theirs) -> pa.Table:
    """silver.identifiers of the records that are theirs in part, from the events that stay."""
    from lakehouse.schema import arrow_schema

    schema = arrow_schema(lake.contracts.table(IDENTIFIERS))
    if not theirs.partly:
        return schema.empty_table()
    sources = [lake.contracts.sources[name] for name in sorted(lake.contracts.sources)]
    with lake.quick("silver.events") as connection:
        connection.register("gone", _column("event_id", theirs.event_ids))
        connection.register("partly", _column("record_id", theirs.partly))
        connection.execute(
            "CREATE TEMP TABLE stay AS SELECT * FROM silver.events SEMI JOIN partly USING (record_id) "
            "ANTI JOIN gone USING (event_id)"
        )
        return identifiers_of(connection, "stay", sources).select(schema.names).cast(schema)


def identifiers_of(connection: "duckdb.DuckDBPyConnection", events: str, sources: "Sequence[Source]") -> pa.Table:
    """The rows of silver.identifiers that events give: the twin of ``route.identifiers`` in DuckDB."""
    told = " UNION ALL ".join(
        f"SELECT record_id, source, '{entry.identifier}' AS identifier, "
        f"nullif(trim({path_sql(entry.path)}), '') AS value, occurred_at, position, landing "
        f"FROM {events} WHERE source = '{source.source}' AND record_id IS NOT NULL"
        for source in sources
        for entry in source.identifiers
    )
    return connection.sql(
        f"""SELECT record_id, source, identifier, value, min(occurred_at) AS first_seen, max(occurred_at) AS last_seen,
                   count(*) AS events, min(position) AS first_position, landing
            FROM ({told}) WHERE value IS NOT NULL GROUP BY record_id, source, identifier, value, landing"""
    ).to_arrow_table()


def _blank(lake: "Lake", table: str, column: str, values: Iterable[str]) -> None:
    """Rows of others that name the erased in a column stay, with nothing in that column."""
    if not lake.exists(table) or column not in lake.delta(table).schema().to_arrow().names:
        return
    gone = _column("gone", values)
    with lake.quick(table) as connection:
        connection.register("gone", gone)
        (found,) = connection.execute(
            f"SELECT count(*) FROM {table} WHERE {column} IN (SELECT gone FROM gone)"
        ).fetchall()[0]
    if found:
        merge = lake.delta(table).merge(gone, f"t.{column} = s.gone", source_alias="s", target_alias="t")
        merge.when_matched_update({column: "NULL"}).execute()


def _number_questions(lake: "Lake") -> None:
    """The questions to stewards, numbered without the gaps that erased ones left."""
    table = "identity.review_queue"
    if not lake.exists(table):
        return
    rows = sorted(lake.arrow(table).to_pylist(), key=lambda row: row["place"])
    if [row["place"] for row in rows] != list(range(1, len(rows) + 1)):
        lake.overwrite(table, [row | {"place": number} for number, row in enumerate(rows, start=1)])


def _empty_texts(lake: "Lake", table: str, column: str, theirs: Theirs) -> int:
    """Empty the texts that name a key or a value of the erased."""
    if not lake.exists(table):
        return 0
    rows = lake.arrow(table)
    named = {*theirs.profiles, *theirs.records, *theirs.event_ids, *theirs.spellings}
    lines = {(grave.source, grave.position) for grave in theirs.lines}
    texts = [text if text is None or not _names(text, named, lines) else None for text in rows[column].to_pylist()]
    emptied = sum(before != after for before, after in zip(rows[column].to_pylist(), texts, strict=True))
    if emptied:
        place = rows.schema.get_field_index(column)
        lake.overwrite(table, rows.set_column(place, rows.schema.field(column), pa.array(texts, pa.string())))
    return emptied


def _names(text: str, named: set[str], lines: set[tuple[str, int]]) -> bool:
    try:
        told = json.loads(text)
    except ValueError:
        return any(word.strip("\"'(),;:") in named for word in text.split())
    return _told(told, named, lines)


def _told(value: object, named: set[str], lines: set[tuple[str, int]]) -> bool:
    if isinstance(value, Mapping):
        if (value.get("source"), value.get("position")) in lines:
            return True
        return any(_told(item, named, lines) for item in value.values())
    if isinstance(value, list):
        return any(_told(item, named, lines) for item in value)
    return isinstance(value, str) and value in named
