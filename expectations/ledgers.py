"""Rules of the exports gate on what was handed over and retracted before, by the ledgers: caps and retractions."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.caps import Cap
from contracts.export import Destination
from contracts.permission_sql import said_at
from contracts.purpose import ALL_TOPICS, REFUSALS
from expectations.rule import NoRows, Rule
from lakehouse import keyed, numbers
from lakehouse.duck import select_of

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake

STOP = "nothing was handed over; report it as a fault of activation, with the keys named here"
"""What to do about a broken rule of this gate."""


def show_ledgers(
    connection: "duckdb.DuckDBPyConnection",
    staged: Path,
    destination: Destination,
    release: int,
    lake: "Lake",
    *,
    is_new: bool = True,
) -> None:
    """Show what the ledgers know beside a staged folder that ``show_staged`` shows.

    Makes ``exports.<destination>_retractions``, the staged file; ``…_delivered`` (profile_id, field, hash), what the
    destination got since the export that the file follows; ``…_hashes`` (kind, profile_id, field, hash), the same of
    the addresses in both staged files, where kind is ``data`` or ``retraction``; ``…_told`` (profile_id, event_id),
    whom the destination was told to remove by a statement that the release does not know; ``…_no_since`` (profile_id,
    event_id) and ``…_refused_since`` (identifier, value, raw_value), who said no by such a statement, and where they
    are reached, by the tables as they are. Of an export that was handed over (not ``is_new``) nobody is in these two:
    what was said after it was no fault of it.
    """
    name = f"exports.{destination.destination}"
    path = str(staged / "retractions.csv").replace("'", "''")
    connection.execute(
        f"CREATE VIEW {name}_retractions AS SELECT * FROM read_csv('{path}', header = true, all_varchar = true, "
        "nullstr = '', delim = ',', quote = '\"', escape = '\"')"
    )
    there = {row[0] for row in connection.execute("SELECT table_name FROM information_schema.tables "
                                                  "WHERE table_schema = 'ops'").fetchall()}  # fmt: skip
    keyed.install(connection, lake.settings.privacy_key)
    since = f"(SELECT retractions.since::BIGINT FROM {name}_manifest)"
    delivered = (
        f"""SELECT profile_id, entry.key AS field, entry.value AS hash FROM (
                SELECT profile_id, unnest(map_entries(address_hashes)) AS entry FROM ops.deliveries
                WHERE destination = $name AND "release" < $release AND "release" >= {since})"""
        if "deliveries" in there
        else "SELECT NULL::VARCHAR AS profile_id, NULL AS field, NULL AS hash WHERE $name IS NULL AND $release IS NULL"
    )
    given = {"name": destination.destination, "release": release}
    connection.execute(f"CREATE TABLE {name}_delivered AS {delivered}", given)
    told = (
        """SELECT DISTINCT coalesce(leads.profile_id, r.profile_id) AS profile_id, r.event_id FROM ops.retractions AS r
           LEFT JOIN identity.assignments AS leads ON leads.own_profile_id = r.profile_id
           WHERE r.destination = $name AND r.event_id IS NOT NULL AND r.last_release < $release
             AND r.event_id NOT IN (SELECT event_id FROM silver.consents)"""
        if "retractions" in there
        else "SELECT NULL::VARCHAR AS profile_id, '' AS event_id WHERE $name IS NULL AND $release IS NULL"
    )
    connection.execute(f"CREATE TABLE {name}_told AS {told}", given)
    _show_said_since(connection, name, destination, lake, is_new)
    plain = " UNION ALL ".join(
        f"""SELECT '{kind}' AS kind, profile_id, '{field}' AS field, clew_keyed(lower("{field}")) AS hash
            FROM {view} WHERE "{field}" IS NOT NULL"""
        for kind, view in (("data", name), ("retraction", f"{name}_retractions"))
        for field in destination.address
    )
    connection.execute(
        f"""CREATE TABLE {name}_hashes AS {plain} UNION ALL
            SELECT 'retraction', profile_id, split_part(pair, ':', 1), split_part(pair, ':', 2)
            FROM (SELECT profile_id, unnest(string_split(address_hashes, ' ')) AS pair FROM {name}_retractions)"""
    )


def _show_said_since(
    connection: "duckdb.DuckDBPyConnection", name: str, destination: Destination, lake: "Lake", is_new: bool
) -> None:
    consents, assignments, identifiers = (
        select_of(lake.settings.places, table)
        for table in ("silver.consents", "identity.assignments", "silver.identifiers")
    )
    # Under the strictest rule only the record that said no can take it back.
    is_strictest = lake.contracts.policy.purposes[destination.purpose].across == "strictest"
    same = "record_id" if is_strictest else "person"
    connection.execute(
        f"""CREATE TEMP TABLE no_since AS
            WITH said AS (
                SELECT c.*, {said_at("c")} AS said_at, coalesce(a.profile_id, c.record_id) AS person
                FROM (SELECT NULL::VARCHAR AS topic WHERE false UNION ALL BY NAME ({consents})) AS c
                LEFT JOIN ({assignments}) AS a USING (record_id)
                WHERE $is_new AND c.purpose = $purpose AND c.given_at IS NOT NULL
                  AND (c.topic IS NULL OR $topic IN ('{ALL_TOPICS}', c.topic)))
            SELECT person, event_id FROM said AS n ANTI JOIN silver.consents AS known USING (event_id)
            WHERE list_contains({list(REFUSALS)}, n.status) AND NOT EXISTS (
                FROM said AS y WHERE y.status = 'granted' AND y.topic IS NOT DISTINCT FROM n.topic
                AND y.{same} = n.{same} AND y.said_at > n.said_at)""",
        {"purpose": destination.purpose, "topic": destination.topic, "is_new": is_new},
    )
    connection.execute(
        f"""CREATE TABLE {name}_no_since AS
            SELECT DISTINCT r.profile_id, n.event_id FROM identity.assignments AS r
            LEFT JOIN ({assignments}) AS a USING (record_id)
            JOIN no_since AS n ON n.person = coalesce(a.profile_id, r.record_id)"""
    )
    connection.execute(
        f"""CREATE TEMP TABLE reached AS
            SELECT DISTINCT i.identifier, i.value
            FROM ({identifiers}) AS i LEFT JOIN ({assignments}) AS a USING (record_id)
            SEMI JOIN no_since AS n ON n.person = coalesce(a.profile_id, i.record_id)"""
    )
    numbers.show(connection, lake.contracts.identity, "reached")
    connection.execute(
        f"""CREATE TABLE {name}_refused_since AS
            SELECT identifier, coalesce(number, lower(trim(value))) AS value, value AS raw_value
            FROM reached LEFT JOIN numbers USING (identifier, value)"""
    )


def retracted(table: str, destination: Destination) -> list[Rule]:
    """What the destination is told to remove: nothing that it gets, all that it got, and nobody comes back unasked."""
    fields = list(destination.address)
    return [
        NoRows(
            table=table,
            name="nobody_comes_back_who_was_retracted_since",
            says="No row is of a person whom the destination was told to remove by a statement that the release "
            "does not know yet.",
            why="a release may be older than a withdrawal; the withdrawal counts",
            do=STOP,
            owner="privacy",
            query=f"SELECT x.profile_id, t.event_id FROM {{batch}} AS x JOIN {table}_told AS t USING (profile_id)",
        ),
        NoRows(
            table=table,
            name="nobody_said_no_since_the_release",
            says="No row is of a person whose last word, by the tables as they are, is a no that the release does not "
            "know yet.",
            why="an export may be made hours after its release; what was said meanwhile counts",
            do=STOP,
            owner="privacy",
            query=f"SELECT x.profile_id, n.event_id FROM {{batch}} AS x JOIN {table}_no_since AS n USING (profile_id)",
        ),
        NoRows(
            table=table,
            name="no_address_is_given_and_retracted",
            says="No address of the file is in its retractions.",
            why="the destination would remove whom it was just given",
            do=STOP,
            owner="privacy",
            query=f"""SELECT DISTINCT x.profile_id FROM {table}_hashes AS x
                      JOIN {table}_hashes AS r ON r.kind = 'retraction' AND r.field = x.field AND r.hash = x.hash
                      WHERE x.kind = 'data'""",
        ),
        NoRows(
            table=table,
            name="every_address_of_before_is_given_or_retracted",
            says="Every address that the destination got since the export before is in the file or in its retractions.",
            why="who withdrew would stay at a destination that only adds",
            do=STOP,
            owner="privacy",
            query=f"""SELECT DISTINCT d.profile_id, d.field FROM {table}_delivered AS d
                      ANTI JOIN {table}_hashes AS h ON h.field = d.field AND h.hash = d.hash
                      WHERE list_contains({fields}, d.field)""",
        ),
        NoRows(
            table=table,
            name="every_retraction_names_a_refusal",
            says=f"Every consent event of a retraction says no to {destination.purpose}, or permits it no longer.",
            why="a retraction shows why as an export does",
            do=STOP,
            owner="privacy",
            query=f"""SELECT r.profile_id, r.consent_event_id FROM {table}_retractions AS r
                      ANTI JOIN (
                          SELECT event_id FROM silver.consents
                          WHERE purpose = '{destination.purpose}' AND status <> 'granted'
                          UNION ALL SELECT event_id FROM consent_recount
                          WHERE purpose = '{destination.purpose}' AND NOT may_use
                      ) AS said_no ON said_no.event_id = r.consent_event_id
                      WHERE r.consent_event_id IS NOT NULL""",
        ),
    ]


def cap(table: str, destination: Destination, release: int, name: str, held: Cap) -> Rule:
    """Every day's window is counted that the day of the release lies in."""
    purposes = "" if held.purposes is None else f"AND d.purpose IN ({_words(held.purposes)})"
    return NoRows(
        table=table,
        name=f"nobody_is_over_the_cap_{name}",
        says=f"With this export no profile, and no address of it, has been delivered more than {held.at_most} times "
        f"within {held.days} days.",
        why=held.why,
        do=STOP,
        owner=destination.owner,
        query=f"""WITH today AS (SELECT max(as_of) AS day FROM ops.releases WHERE "release" = {release}),
                       ids AS (SELECT profile_id, own_profile_id AS id FROM identity.assignments
                               UNION SELECT profile_id, profile_id FROM identity.assignments),
                       ledger AS (SELECT * FROM ops.deliveries AS d WHERE d.channel IN ({_words(held.channels)})
                               {purposes}
                               AND NOT (d.destination = '{destination.destination}' AND d."release" = {release})),
                       given AS (SELECT profile_id, profile_id AS key FROM {{batch}} UNION
                               SELECT profile_id, field || ':' || hash FROM {table}_hashes WHERE kind = 'data'),
                       got AS (SELECT ids.profile_id AS key, d.as_of FROM ledger AS d JOIN ids ON ids.id = d.profile_id
                               UNION ALL SELECT entry.key || ':' || entry.value, as_of FROM (
                                   SELECT as_of, unnest(map_entries(address_hashes)) AS entry FROM ledger
                                   WHERE cardinality(mailbox_hashes) > 0)
                               UNION ALL SELECT key, day FROM given, today),
                       windows AS (
                           SELECT x.profile_id, x.key, first_day.as_of AS since, count(*) AS deliveries
                           FROM given AS x JOIN (SELECT DISTINCT key, as_of FROM got) AS first_day USING (key)
                           JOIN got ON got.key = x.key AND got.as_of >= first_day.as_of
                                AND got.as_of < first_day.as_of + {held.days}, today
                           WHERE first_day.as_of <= day AND day < first_day.as_of + {held.days} GROUP BY ALL)
                  SELECT profile_id, max(deliveries) AS deliveries FROM windows
                  GROUP BY profile_id HAVING max(deliveries) > {held.at_most}""",
    )


def _words(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
