"""Refused messages by their declared fields: what a source declares to be an identifier is read out of the raw line.

A message may be refused for what it lacks and still name its person. What cannot be parsed is searched by words
(``texts``); there a short number names nobody, since it might be anything. In its own field it is what it is.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from contracts.identity import IdentityRules
from contracts.source import Source
from spark_jobs.privacy.keys import DUCKDB, form_sql, forms
from spark_jobs.silver.sql import case, literal

if TYPE_CHECKING:
    import duckdb

_CELLS = """
    CREATE OR REPLACE MACRO clew_cells(line, delimiter) AS list_transform(
        regexp_extract_all(line || delimiter, '("(?:[^"]|"")*"|[^' || regexp_escape(delimiter) || ']*)'
                           || regexp_escape(delimiter), 1),
        lambda cell: trim(CASE WHEN starts_with(cell, '"') AND length(cell) > 1
                               THEN replace(cell[2:-2], '""', '"') ELSE cell END))
"""


def refused_fields(connection: "duckdb.DuckDBPyConnection", sources: Sequence[Source], rules: IdentityRules) -> None:
    """Make the temporary table ``refused_fields``: source, position, part, identifier, and form of the value.

    Args:
        connection: Shows silver.quarantine, and bronze of the CSV sources, whose first lines are headers.
        sources: The sources to look at.
        rules: In whose forms values are compared.
    """
    connection.execute(_CELLS)
    told = [
        _of_csv(source, identifier, field) if source.format.type == "csv" else _of_json(source, identifier, field)
        for source in sources
        for identifier, field in source.raw_fields()
    ]
    none = "SELECT NULL::VARCHAR AS source, 0::BIGINT AS position, 0 AS part, NULL::VARCHAR AS identifier, '' AS value"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE refused_fields AS
            SELECT source, position, part, identifier, {form_of_value(rules)} AS form
            FROM ({" UNION ALL ".join([none, *told])}) WHERE value <> ''"""
    )


def form_of_value(rules: IdentityRules) -> str:
    """SQL of DuckDB: the form of ``value`` as an ``identifier``."""
    known = sorted(rules.identifiers.items())
    return case([(f"identifier = {literal(name)}", form_sql("value", rule, DUCKDB)) for name, rule in known])


def show_forms(
    connection: "duckdb.DuckDBPyConnection", name: str, values: Iterable[tuple[str, str, str]], rules: IdentityRules
) -> None:
    """Make a table of (key, identifier, form) of values, given as key, identifier and value."""
    rows = [(key, identifier, form) for key, identifier, value in values for form in forms(identifier, value, rules)]
    columns = ("key", "identifier", "form")
    connection.register(
        name, pa.table({c: pa.array([row[n] for row in rows], pa.string()) for n, c in enumerate(columns)})
    )


def _of_json(source: Source, identifier: str, field: str) -> str:
    path = "$" + "".join(f'."{key}"' for key in field.split("."))
    text = "replace(payload, chr(0), '')"
    return (
        f"SELECT source, position, part, {literal(identifier)} AS identifier, CASE WHEN json_valid({text}) "
        f"THEN json_extract_string({text}, {literal(path)}) END AS value "
        f"FROM silver.quarantine WHERE source = {literal(source.source)}"
    )


def _of_csv(source: Source, identifier: str, field: str) -> str:
    delimiter = literal(source.format.delimiter)
    return (
        f"SELECT q.source, q.position, q.part, {literal(identifier)} AS identifier, clew_cells(q.payload, {delimiter})"
        f"[list_position(clew_cells(lower(h.payload), {delimiter}), {literal(field)})] AS value "
        f"FROM silver.quarantine AS q JOIN bronze.{source.source} AS h ON h.file = q.file AND h.landing = q.landing "
        f"AND h.line = 1 WHERE q.source = {literal(source.source)}"
    )
