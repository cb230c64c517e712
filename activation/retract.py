"""Retractions: the addresses that an earlier export gave to a destination and the present one no longer gives.

A destination that loads the list as a replacement needs none of them. One that adds what it gets takes these out, and
so nobody who withdrew stays there because of how a tool loads files.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from contracts.export import Destination

if TYPE_CHECKING:
    import duckdb

GONE, OTHER_ADDRESS, NOT_ASKED = "gone", "other_address", "not_in_audience"
RETRACTED: dict[str, str] = {
    OTHER_ADDRESS: "the person is exported still, with another address",
    NOT_ASKED: "the person is no longer in the audience",
    GONE: "the person is in the lake no more",
}
"""Why an address is retracted, beside the reasons for which a profile is not exported (contracts.export.REASONS)."""


def columns_of(destination: Destination) -> tuple[str, ...]:
    """The columns of a file of retractions: what to take out, whose it was, why, and the statement that says so."""
    return (*destination.address, "profile_id", "reason", "consent_event_id", "exported_in")


def retractions(connection: "duckdb.DuckDBPyConnection", destination: Destination, before: Path) -> list[tuple]:
    """The rows to retract, sorted by profile and address.

    An address is retracted once no row of the present export has it, whoever's row that is. Of a row with several
    addresses, those that stay are left empty.

    Args:
        connection: Shows the release, and has the table ``decided`` (activation.decide).
        destination: Who got the earlier export.
        before: The data file of the export before.
    """
    path = str(before).replace("'", "''")
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW exported_before AS SELECT * FROM read_csv('{path}', header = true, "
        "all_varchar = true, nullstr = '', delim = ',', quote = '\"', escape = '\"')"
    )
    lost = {
        name: f"""CASE WHEN lower(x."{name}") NOT IN (
                      SELECT lower("{name}") FROM decided WHERE reason IS NULL AND "{name}" IS NOT NULL)
                  THEN x."{name}" END"""
        for name in destination.address
    }
    addresses = ", ".join(f'{sql} AS "{name}"' for name, sql in lost.items())
    named = ", ".join(f't."{name}"' for name in destination.address)
    return connection.execute(
        f"""WITH taken_out AS (
                SELECT {addresses}, x.profile_id, x."release"::BIGINT AS exported_in,
                       coalesce(leads.profile_id, x.profile_id) AS now
                FROM exported_before AS x
                LEFT JOIN gold.profile_redirects AS leads ON leads.retired_profile_id = x.profile_id)
            SELECT {named}, t.profile_id,
                   CASE WHEN d.reason IS NOT NULL THEN d.reason
                        WHEN d.profile_id IS NOT NULL THEN '{OTHER_ADDRESS}'
                        WHEN p.profile_id IS NOT NULL THEN '{NOT_ASKED}'
                        ELSE '{GONE}' END AS reason,
                   c.event_id AS consent_event_id, exported_in
            FROM taken_out AS t
            LEFT JOIN decided AS d ON d.profile_id = t.now
            LEFT JOIN gold.profiles AS p ON p.profile_id = t.now
            LEFT JOIN gold.consent_state AS c
                ON c.profile_id = t.now AND c.purpose = $purpose AND c.status <> 'granted'
            WHERE coalesce({named}) IS NOT NULL
            ORDER BY t.profile_id, {named}""",
        {"purpose": destination.purpose},
    ).fetchall()
