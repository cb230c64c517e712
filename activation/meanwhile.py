"""Refusals that landed since the tables of a release were made: the release does not know them, and they count.

An export may be made hours after its release: its task failed, and somebody clears it. What a person said in between
is in silver by then, and keeps them out, whether the destination ever got them or not. Nor does a release know the word
from a mailbox whose profile was erased, while others of the family have it still: it is in silver, and nobody's.
"""

from typing import TYPE_CHECKING

import pyarrow as pa

from activation import convert, due
from contracts.export import Destination
from contracts.purpose import ALL_TOPICS, REFUSALS
from lakehouse import keyed
from lakehouse.duck import select_of
from lakehouse.releases import release_tables

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake

NOBODY = {
    "people": pa.Table.from_batches([], pa.schema([("profile_id", pa.string())])),
    "boxes": pa.Table.from_batches([], pa.schema([("identifier", pa.string()), ("hash", pa.string())])),
}
"""Made of schemas: any list that pyarrow makes an array of has it import pandas, for half a second."""


def refusals(lake: "Lake", destination: Destination, release: int) -> dict[str, pa.Table]:
    """Whom to keep out of an export, by what is known now and was not when its release was made.

    It decides as a retraction does (activation.due): the last word of a person counts.

    Returns:
        ``people``: profile_id, as the release has it, of everybody who has a record of somebody who said no since.
        ``boxes``: identifier and keyed hash of the mailboxes and numbers of those who said no since.
    """
    then = release_tables(lake, release)
    if not all(lake.exists(table) for table in due.READ):
        return NOBODY
    strictest = [name for name, purpose in lake.contracts.policy.purposes.items() if purpose.across == "strictest"]
    kinds = [destination.fields[name].profile for name in destination.address]
    with lake.duck(only=due.READ) as connection:
        keyed.install(connection, lake.settings.privacy_key)
        convert.install(connection, lake.contracts.identity.mail_domains)
        connection.execute("CREATE SCHEMA released")
        for table in ("silver.consents", "identity.assignments"):
            name, places = table.split(".")[1], lake.settings.places
            connection.execute(f"CREATE VIEW released.{name} AS {select_of(places, table, then[table])}")
        # Mostly an export follows its release at once, and nothing was said in between.
        if lake.version("silver.consents") == then["silver.consents"] and not _are_nobodys(connection):
            return NOBODY
        asked, rules = [destination.purpose], lake.contracts.identity
        due.last_words(connection, asked, kinds, rules, strictest=strictest, topic=destination.topic)
        _said_since(connection, destination)
        return {
            "people": connection.sql(
                """SELECT DISTINCT r.profile_id FROM released.assignments AS r
                   LEFT JOIN identity.assignments AS a USING (record_id)
                   SEMI JOIN since ON since.person = coalesce(a.profile_id, r.record_id)"""
            ).to_arrow_table(),
            "boxes": connection.sql(
                "SELECT DISTINCT identifier, hash FROM refused SEMI JOIN since USING (person) WHERE hash IS NOT NULL"
            ).to_arrow_table(),
        }


def _are_nobodys(connection: "duckdb.DuckDBPyConnection") -> bool:
    """Whether the release has statements of records that were nobody's in it."""
    found = connection.execute(
        "SELECT 1 FROM released.consents ANTI JOIN released.assignments USING (record_id) "
        "WHERE record_id IS NOT NULL LIMIT 1"
    )
    return bool(found.fetchall())


def _said_since(connection: "duckdb.DuckDBPyConnection", destination: Destination) -> None:
    """Make ``since``: the persons whose last word is no and who said one that the release does not know."""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE since AS
            SELECT DISTINCT s.person
            FROM {due.SAID} AS c
            LEFT JOIN identity.assignments AS a USING (record_id)
            JOIN said AS s ON s.person = coalesce(a.profile_id, c.record_id) AND s.status <> 'granted'
            ANTI JOIN (FROM released.consents SEMI JOIN released.assignments USING (record_id)) AS known
                ON known.event_id = c.event_id
            WHERE c.purpose = $purpose AND list_contains({list(REFUSALS)}, c.status)
              AND (c.topic IS NULL OR $topic IN ('{ALL_TOPICS}', c.topic))""",
        {"purpose": destination.purpose, "topic": destination.topic},
    )
