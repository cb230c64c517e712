"""Addresses that a destination is to remove: known by keyed hashes, and found in plain where they are held anywhere.

A plain address is believed because its hash is that of the ledger, wherever it was found: a file that somebody altered
gives none that was not delivered.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from activation import convert
from activation.files import DATA, show_csv
from activation.held import folder
from lakehouse import numbers

if TYPE_CHECKING:
    import duckdb

    from contracts.export import Destination
    from lakehouse.lake import Lake

TAIL = ("profile_id", "reason", "consent_event_id", "known_since", "exported_in", "address_hashes")
"""Columns of a file of retractions after the addresses: whose it was, why, the statement that says so and since when it
is known, which releases gave it, and the keyed hashes of addresses that are no longer known in plain."""


def columns_of(fields: Iterable[str]) -> tuple[str, ...]:
    """The columns of a file of retractions."""
    return (*fields, *TAIL)


def because(connection: "duckdb.DuckDBPyConnection", table: str) -> dict[str, int]:
    """How many rows a table of retractions has, by reason."""
    return dict(connection.execute(f"SELECT reason, count(*) FROM {table} GROUP BY 1 ORDER BY 1").fetchall())


def fields_lost(connection: "duckdb.DuckDBPyConnection", destination: "Destination | None") -> tuple[str, ...]:
    """The address fields to write: those declared today, then others under which something was delivered."""
    today = destination.address if destination else ()
    before = connection.execute("SELECT DISTINCT field FROM lost ORDER BY 1").fetchall()
    return (*today, *(str(field) for (field,) in before if field not in today))


def find_plain(
    lake: "Lake", connection: "duckdb.DuckDBPyConnection", name: str, destination: "Destination | None"
) -> None:
    """Make the temporary table ``plain`` (field, hash, value) for what is in ``lost``.

    Args:
        lake: The lake, for the exports that are held.
        connection: Has ``lost`` (profile_id, field, hash, releases), the macro ``clew_keyed``, identity.assignments and
            silver.identifiers.
        name: The destination's.
        destination: As it is declared today, if it is; its converters find an address in identity.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE plain (field VARCHAR, hash VARCHAR, value VARCHAR)")
    newest = connection.execute("SELECT DISTINCT list_max(releases) FROM lost ORDER BY 1 DESC").fetchall()
    for (release,) in newest:
        data = folder(lake, name, int(release)) / DATA
        if data.is_file():
            show_csv(connection, "clew_held", data)
            have = {row[0] for row in connection.execute("DESCRIBE clew_held").fetchall()}
            for field in fields_lost(connection, destination):
                if field in have:
                    _add(connection, field, f'SELECT DISTINCT "{field}" FROM clew_held')
    if (
        destination is None
        or not connection.execute("SELECT count(*) FROM lost ANTI JOIN plain USING (hash)").fetchall()[0][0]
    ):
        return
    convert.install(connection, lake.contracts.identity.mail_domains)
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE theirs AS
           SELECT DISTINCT i.identifier, i.value
           FROM silver.identifiers AS i JOIN identity.assignments AS a USING (record_id)
           JOIN identity.assignments AS mine ON mine.profile_id = a.profile_id
           WHERE mine.own_profile_id IN (SELECT profile_id FROM lost ANTI JOIN plain USING (hash))"""
    )
    numbers.show(connection, lake.contracts.identity, "theirs")
    for field in destination.address:
        mapped = destination.fields[field]
        _add(
            connection,
            field,
            f"""SELECT DISTINCT {convert.macro(mapped.convert)}(coalesce(number, value))
                FROM theirs LEFT JOIN numbers USING (identifier, value) WHERE identifier = '{mapped.profile}'""",
        )


def _add(connection: "duckdb.DuckDBPyConnection", field: str, values: str) -> None:
    connection.execute(
        f"""INSERT INTO plain
            SELECT '{field}', hash, min(value) FROM (
                SELECT value, clew_keyed(lower(value)) AS hash FROM ({values}) AS found(value) WHERE value IS NOT NULL)
            WHERE hash IN (SELECT hash FROM lost WHERE field = '{field}')
              AND hash NOT IN (SELECT hash FROM plain WHERE field = '{field}')
            GROUP BY hash"""
    )


def taken_out(fields: Sequence[str]) -> str:
    """SQL of what to remove, from ``lost`` and ``plain``: a row a profile, and one more for each further address.

    Its columns: the fields, profile_id, exported_in, address_hashes.
    """
    values = "".join(f", max(value) FILTER (field = '{name}') AS \"{name}\"" for name in fields)
    return f"""
        SELECT profile_id{values},
               array_to_string(list_sort(list_distinct(flatten(list(releases)))), ' ') AS exported_in,
               string_agg(field || ':' || hash, ' ' ORDER BY field) FILTER (value IS NULL) AS address_hashes
        FROM (SELECT lost.*, plain.value, row_number() OVER (PARTITION BY profile_id, lost.field ORDER BY hash) AS place
              FROM lost LEFT JOIN plain USING (field, hash))
        GROUP BY profile_id, place"""
