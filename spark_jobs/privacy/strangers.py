"""Strangers: people whom no profile knows, since what is held of them was refused or is not resolved yet.

Of a stranger there are refused messages, events without a record, and records that identity does not know yet. Whatever
else holds one of their values makes it a question whose it is, which the next run answers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from contracts.identity import IdentityRules
from spark_jobs.privacy.fields import form_of_value, show_forms

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake


@dataclass(frozen=True)
class Stranger:
    """Somebody whom no profile knows.

    Attributes:
        values: (identifier, standard value, as it came) that are theirs.
        records: Their records, which identity does not know yet.
    """

    values: tuple[tuple[str, str, str], ...]
    records: tuple[str, ...] = ()


def new_records(
    lake: "Lake", values: Iterable[tuple[str, str]], name: str | None = None
) -> dict[str, list[tuple[str, str]]]:
    """Records that identity does not know yet and that hold one of some values, or have a name.

    Args:
        lake: The lake, by its live tables.
        values: (identifier, standard value).
        name: The id of one more.

    Returns:
        By record, the (identifier, value) that it gave, as they came.
    """
    rules = lake.contracts.identity
    with lake.quick("silver.identifiers", "silver.events", "identity.assignments") as connection:
        show_forms(connection, "forms", [(value, identifier, value) for identifier, value in values], rules)
        rows = connection.execute(
            f"""WITH new AS (SELECT record_id, identifier, value, {form_of_value(rules)} AS form
                             FROM silver.identifiers ANTI JOIN identity.assignments USING (record_id)),
                     found AS (SELECT record_id FROM new SEMI JOIN forms USING (identifier, form)
                               UNION SELECT record_id FROM silver.events
                                     ANTI JOIN identity.assignments USING (record_id)
                                     WHERE record_id = $name)
                SELECT DISTINCT record_id, new.identifier, new.value FROM found LEFT JOIN new USING (record_id)
                ORDER BY ALL""",
            {"name": name},
        ).fetchall()
    found: dict[str, list[tuple[str, str]]] = {}
    for record, identifier, value in rows:
        found.setdefault(record, []).extend([(identifier, value)] if value else [])
    return found


def add_strangers(connection: "duckdb.DuckDBPyConnection", strangers: Sequence[Stranger], rules: IdentityRules) -> None:
    """Add their values to ``alone``; make ``strange_records``, and ``held_besides``, the records that hold one, too."""
    values = [value for one in strangers for value in one.values]
    names = ("identifier", "value", "raw_value")
    columns = {name: pa.array([value[place] for value in values], pa.string()) for place, name in enumerate(names)}
    records = [record for one in strangers for record in one.records]
    connection.register("strange_records", pa.table({"record_id": pa.array(records, pa.string())}))
    connection.register("strange_values", pa.table(columns))
    show_forms(connection, "strange_forms", [(value, identifier, value) for identifier, value, _ in values], rules)
    connection.execute(f"""
        INSERT INTO alone SELECT DISTINCT identifier, value, raw_value FROM strange_values;
        CREATE TEMP TABLE held_besides AS SELECT DISTINCT record_id FROM (
                SELECT record_id, identifier, {form_of_value(rules)} AS form FROM silver.identifiers
                WHERE {str(bool(values)).lower()} AND value <> '')
            SEMI JOIN strange_forms USING (identifier, form)
            ANTI JOIN strange_records USING (record_id) ANTI JOIN mine USING (record_id);
    """)
