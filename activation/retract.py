"""Retractions of a release: the addresses that the export before gave to a destination and this one no longer gives.

A destination that loads the list as a replacement needs none of them. One that adds what it gets takes these out, and
so nobody who withdrew stays there because of how a tool loads files. What the export before gave is known by the
ledger ops.deliveries, also where its folder is gone.
"""

from typing import TYPE_CHECKING

from activation import addresses, convert, meanwhile
from activation.deliveries import RETRACTED, TABLE
from activation.held import published_folders
from contracts.export import Destination
from lakehouse import audit

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake

GONE, OTHER_ADDRESS, NOT_ASKED = "gone", "other_address", "not_in_audience"
RETRACTED_BECAUSE: dict[str, str] = {
    OTHER_ADDRESS: "the person is exported still, with another address",
    NOT_ASKED: "the person is no longer in the audience",
    GONE: "the person is in the lake no more",
}
"""Why an address is retracted, beside the reasons for which a profile is not exported (contracts.export.REASONS)."""


def export_before(lake: "Lake", destination: str, release: int) -> int | None:
    """The newest release before this one that was exported to a destination, by what is held and by the audit."""
    found = {int(path.name) for path in published_folders(lake) if path.parent.name == destination}
    found |= set(written_down(lake, destination))
    return max((number for number in found if number < release), default=None)


def unknown_since(lake: "Lake", connection: "duckdb.DuckDBPyConnection", destination: str, since: int) -> bool:
    """Whether the export of a release had rows, by the audit, and no ledger says whose: it was of before the ledger."""
    detail = written_down(lake, destination).get(since)
    if detail is None or detail.startswith("0 rows"):
        return False
    if not lake.exists(TABLE):
        return True
    found = connection.execute(
        f'SELECT count(*) FROM {TABLE} WHERE destination = $name AND "release" = $since',
        {"name": destination, "since": since},
    ).fetchall()
    return not found[0][0] and ", " not in detail  # rows may have been taken out since


def hold_back(lake: "Lake", connection: "duckdb.DuckDBPyConnection", destination: Destination, release: int) -> None:
    """Refuse who said no by a statement that the release does not know yet, be it told to the destination or not.

    Args:
        lake: The lake.
        connection: Shows the release, and has the table ``decided`` and the macro ``clew_keyed``.
        destination: Who would get them.
        release: The release.
    """
    for name, rows in meanwhile.refusals(lake, destination, release).items():
        connection.register("found", rows)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE since_{name} AS FROM found")
        connection.unregister("found")
    if lake.exists(RETRACTED):
        _add_told(connection, destination)
    same_mailbox = " OR ".join(
        f"""clew_keyed("_{name}") IN (
            SELECT hash FROM since_boxes WHERE identifier = '{destination.fields[name].profile}')"""
        for name in destination.address
    )
    connection.execute(
        f"""UPDATE decided SET reason = 'retracted'
            WHERE reason IS NULL AND (profile_id IN (FROM since_people) OR {same_mailbox})"""
    )


def _add_told(connection: "duckdb.DuckDBPyConnection", destination: Destination) -> None:
    """Add whom the destination was told to remove: who said yes again since is exported by the next release."""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE told AS
            SELECT coalesce(leads.profile_id, r.profile_id) AS profile_id, r.mailbox_hashes
            FROM {RETRACTED} AS r
            LEFT JOIN identity.assignments AS leads ON leads.own_profile_id = r.profile_id
            WHERE r.destination = $destination AND r.event_id IS NOT NULL
              AND r.event_id NOT IN (SELECT event_id FROM silver.consents)""",
        {"destination": destination.destination},
    )
    connection.execute("INSERT INTO since_people SELECT profile_id FROM told")
    connection.execute(
        """INSERT INTO since_boxes SELECT entry.key, unnest(string_split(entry.value, ' '))
           FROM (SELECT unnest(map_entries(mailbox_hashes)) AS entry FROM told)"""
    )


def retractions(
    lake: "Lake", connection: "duckdb.DuckDBPyConnection", destination: Destination, since: int | None, release: int
) -> dict[str, int]:
    """Make the temporary table ``retracted``, what to retract, sorted by profile and address.

    An address is retracted once no row of the present export has it, whoever's row that is. Of a row with several
    addresses, those that stay are left empty.

    Args:
        lake: The lake.
        connection: Shows the release, and has the table ``decided`` and the macro ``clew_keyed``.
        destination: Who got the earlier export.
        since: The release of that export, if there was one. Deliveries after it count, too: a process may have died
            before one of them was written down as an export.
        release: The present one.

    Returns:
        How many rows it has, by reason.
    """
    if since is None or not lake.exists(TABLE):
        columns = ", ".join(f'"{name}" VARCHAR' for name in addresses.columns_of(destination.address))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE retracted ({columns})")
        return {}
    stays = " UNION ALL ".join(
        f"""SELECT '{name}' AS field, clew_keyed(lower("{name}")) AS hash FROM decided
            WHERE reason IS NULL AND "{name}" IS NOT NULL"""
        for name in destination.address
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE lost AS
            SELECT profile_id, entry.key AS field, entry.value AS hash, list(DISTINCT "release") AS releases
            FROM (SELECT profile_id, "release", unnest(map_entries(address_hashes)) AS entry FROM {TABLE}
                  WHERE destination = $destination AND "release" >= $since AND "release" < $release) AS gave
            ANTI JOIN ({stays}) AS stays ON stays.field = gave.entry.key AND stays.hash = gave.entry.value
            GROUP BY ALL""",
        {"destination": destination.destination, "since": since, "release": release},
    )
    addresses.find_plain(lake, connection, destination.destination, destination)
    fields = addresses.fields_lost(connection, destination)
    named = ", ".join(f't."{name}"' for name in fields)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE retracted AS
            WITH taken_out AS (
                SELECT x.*, coalesce(leads.profile_id, x.profile_id) AS now FROM ({addresses.taken_out(fields)}) AS x
                LEFT JOIN gold.profile_redirects AS leads ON leads.retired_profile_id = x.profile_id)
            SELECT {named}, t.profile_id,
                   CASE WHEN d.reason IS NOT NULL THEN d.reason
                        WHEN d.profile_id IS NOT NULL THEN '{OTHER_ADDRESS}'
                        WHEN p.profile_id IS NOT NULL THEN '{NOT_ASKED}'
                        ELSE '{GONE}' END AS reason,
                   CASE WHEN {convert.named_safely("c.event_id")} THEN c.event_id END AS consent_event_id,
                   strftime(s.received_at, '%Y-%m-%dT%H:%M:%SZ') AS known_since, exported_in, address_hashes
            FROM taken_out AS t
            LEFT JOIN decided AS d ON d.profile_id = t.now
            LEFT JOIN gold.profiles AS p ON p.profile_id = t.now
            LEFT JOIN gold.consent_state AS c
                ON c.profile_id = t.now AND c.purpose = $purpose AND c.status <> 'granted'
            LEFT JOIN (SELECT event_id, min(received_at) AS received_at FROM silver.consents GROUP BY 1) AS s
                ON s.event_id = c.event_id
            ORDER BY t.profile_id, {named}""",
        {"purpose": destination.purpose},
    )
    return addresses.because(connection, "retracted")


def written_down(lake: "Lake", destination: str) -> dict[int, str]:
    """What the audit says of the exports that were handed over, by release; the newest entry of each counts."""
    head = f"export {destination} "
    return {
        int(item.subject.removeprefix(head)): item.detail
        for item in audit.entries(lake)
        if item.action == "export" and item.subject.startswith(head)
    }
