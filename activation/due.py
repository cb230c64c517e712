"""Whom a destination got and may keep no longer, by what is known now: one SQL statement after another, no release.

It decides as a release would: the last word of a person counts, and an address of somebody who said no is not used,
whoever else gave it (activation.decide). A refusal by a record that nobody has resolved yet counts by its mailbox or
number. A pause, and a yes that expires, take people out of the next daily export.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

import pyarrow as pa

from activation.deliveries import RETRACTED, TABLE
from contracts.identity import IdentityRules
from contracts.permission_sql import said_at
from contracts.purpose import ALL_TOPICS, STRICTEST_FIRST
from lakehouse import numbers
from lakehouse.consent import CARRIED_BY, carried_sql

if TYPE_CHECKING:
    import duckdb

READ = ("silver.consents", "silver.identifiers", *CARRIED_BY)
"""What is read live."""
SAID = f"""(SELECT NULL::VARCHAR AS topic WHERE false UNION ALL BY NAME FROM silver.consents
            UNION ALL BY NAME FROM {carried_sql()})"""
"""SQL of every statement, by the record for which it counts; a ledger of before there were topics has none."""


def find(
    connection: "duckdb.DuckDBPyConnection",
    destination: str,
    rules: IdentityRules,
    *,
    has_retractions: bool,
    erased: Collection[str] = (),
    under_others: Collection[tuple[str, int]] = (),
    strictest: Collection[str] = (),
    topic: str | None = None,
) -> None:
    """Make the temporary tables ``due`` and ``lost``.

    ``due`` has a row a person: profile_id (as delivered), reason, event_id, landed_at, releases. ``lost`` has the
    addresses to remove: profile_id, field, hash, releases.

    Args:
        connection: Shows READ, ops.deliveries and, where there is one, ops.retractions; has the macros ``clew_keyed``
            and ``clew_mailbox``.
        destination: Whose deliveries.
        rules: By which telephone numbers are compared.
        has_retractions: Whether there is ops.retractions yet.
        erased: Profile ids that are due whatever they said.
        under_others: Deliveries, by profile and release, that had an address of the erased under somebody else's
            profile: that is due for those, and for nothing else.
        strictest: Purposes for which the strictest of the last words of a person's records counts, not the last.
        topic: The part of its purpose that the destination is about, if it is about one, or ALL_TOPICS.
    """
    _open(connection, destination, has_retractions, erased, under_others)
    purposes, kinds = (
        [row[0] for row in connection.execute(f"SELECT DISTINCT {what} FROM given ORDER BY 1").fetchall()]
        for what in ("purpose", "unnest(map_keys(mailbox_hashes))")
    )
    last_words(connection, purposes, kinds, rules, strictest=strictest, topic=topic)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE due AS {_DUE}")
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE lost AS
           WITH gave AS (
               SELECT profile_id, "release", unnest(map_entries(address_hashes)) AS entry FROM given
           ), stays AS (  -- what somebody else may be reached by is not removed because nobody knows of this one
               SELECT DISTINCT entry.key, entry.value FROM gave ANTI JOIN due USING (profile_id)
               WHERE "release" = (SELECT max("release") FROM given)
           )
           SELECT profile_id, entry.key AS field, entry.value AS hash, list(DISTINCT "release") AS releases
           FROM gave JOIN due USING (profile_id)
           WHERE due.reason NOT IN ('gone', 'no_consent_known')
              OR NOT EXISTS (FROM stays WHERE stays.key = entry.key AND stays.value = entry.value)
           GROUP BY ALL"""
    )


def _open(
    connection: "duckdb.DuckDBPyConnection",
    destination: str,
    has_retractions: bool,
    erased: Collection[str],
    under_others: Collection[tuple[str, int]],
) -> None:
    """Make ``given``: deliveries that nothing was retracted of since; of the erased, that no erasure retracted."""
    _show_erased(connection, erased, [pair for pair in under_others if pair[0] not in erased])
    retracted = (
        f"""SELECT profile_id, max(last_release) AS last, max(last_release) FILTER (reason = 'erased') AS last_erased
            FROM {RETRACTED} WHERE destination = $name GROUP BY 1"""
        if has_retractions
        else "SELECT NULL::VARCHAR AS profile_id, 0 AS last, 0 AS last_erased WHERE $name IS NULL"
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE given AS
            SELECT d.*, leads.profile_id AS now FROM {TABLE} AS d
            LEFT JOIN ({retracted}) AS r USING (profile_id)
            LEFT JOIN identity.assignments AS leads ON leads.own_profile_id = d.profile_id
            WHERE d.destination = $name
              AND CASE WHEN d.profile_id NOT IN (SELECT profile_id FROM erased) THEN d."release" > coalesce(r.last, 0)
                       ELSE d."release" > coalesce(r.last_erased, 0)
                            AND (d.profile_id NOT IN (SELECT profile_id FROM under_others)
                                 OR (d.profile_id, d."release") IN (FROM under_others)) END""",
        {"name": destination},
    )


def _show_erased(
    connection: "duckdb.DuckDBPyConnection", erased: Collection[str], others: Collection[tuple[str, int]]
) -> None:
    """Make ``erased``, with the profiles of others that bore their addresses, and ``under_others``, when those did."""
    profiles, releases = zip(*sorted(others), strict=True) if others else ((), ())
    shown = {
        "erased": {"profile_id": pa.array(sorted({*erased, *profiles}), pa.string())},
        "under_others": {"profile_id": pa.array(profiles, pa.string()), "release": pa.array(releases, pa.int32())},
    }
    for name, columns in shown.items():
        connection.register("shown", pa.table(columns))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM shown")
        connection.unregister("shown")


def last_words(
    connection: "duckdb.DuckDBPyConnection",
    purposes: Collection[str],
    kinds: Collection[str],
    rules: IdentityRules,
    *,
    strictest: Collection[str],
    topic: str | None,
) -> None:
    """Make ``said``, a row a person and purpose, and ``refused``, the mailboxes and numbers of those who said no.

    A record that was not resolved yet is a person of its own. A refusal of the destination's topic is one of it all; a
    pause ends by itself, and is left to the releases, as are a yes that expires and what else the policy limits.

    Args:
        connection: Shows READ; has the macros ``clew_keyed`` and ``clew_mailbox``.
        purposes: What is asked about.
        kinds: The identifiers that addresses are taken from.
        rules: See ``find``.
        strictest: See ``find``.
        topic: See ``find``.
    """
    order = ", ".join(f"'{status}'" for status in STRICTEST_FIRST)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE answers AS
            SELECT coalesce(a.profile_id, c.record_id) AS person, c.purpose, coalesce(c.topic, '') AS part, c.status,
                   c.event_id, {said_at("c")} AS said_at, c.received_at AS landed_at
            FROM {SAID} AS c
            LEFT JOIN identity.assignments AS a USING (record_id)
            WHERE c.given_at IS NOT NULL AND list_contains($purposes::VARCHAR[], c.purpose)
              AND list_contains([{order}], c.status) AND (c.topic IS NULL OR $topic IN ('{ALL_TOPICS}', c.topic))
            QUALIFY row_number() OVER (
                PARTITION BY c.record_id, c.purpose, c.topic
                ORDER BY said_at DESC, list_position([{order}], c.status), c.event_id) = 1""",
        {"topic": topic, "purposes": list(purposes)},
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE said AS
            WITH settled AS (
                FROM answers QUALIFY row_number() OVER (
                    PARTITION BY person, purpose, part
                    ORDER BY CASE WHEN list_contains($strictest::VARCHAR[], purpose)
                                  THEN list_position([{order}], status) END,
                             said_at DESC, list_position([{order}], status), event_id) = 1)
            FROM settled WHERE part = '' OR status <> 'granted'
            QUALIFY row_number() OVER (PARTITION BY person, purpose ORDER BY status = 'granted', part) = 1""",
        {"strictest": list(strictest)},
    )
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE reached AS
           SELECT s.purpose, i.identifier, i.value, s.person, s.event_id, s.landed_at, s.said_at
           FROM silver.identifiers AS i LEFT JOIN identity.assignments AS a USING (record_id)
           JOIN said AS s ON s.person = coalesce(a.profile_id, i.record_id)
           WHERE s.status <> 'granted' AND list_contains($kinds::VARCHAR[], i.identifier)""",
        {"kinds": list(kinds)},
    )
    numbers.show(connection, rules, "reached")
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE refused AS
           SELECT purpose, identifier, clew_keyed(clew_mailbox(coalesce(number, value))) AS hash, person, event_id,
                  landed_at, said_at
           FROM reached LEFT JOIN numbers USING (identifier, value)"""
    )


_DUE = """
    WITH people AS (
        SELECT profile_id, any_value(now) AS now, arg_max(purpose, "release") AS purpose,
               list_sort(list(DISTINCT "release")) AS releases
        FROM given GROUP BY profile_id
    ), by_mailbox AS (
        SELECT p.profile_id, arg_max(r.event_id, (r.said_at, r.event_id)) AS event_id,
               arg_max(r.landed_at, (r.said_at, r.event_id)) AS landed_at
        FROM (SELECT DISTINCT profile_id, unnest(map_entries(mailbox_hashes)) AS entry FROM given) AS g
        JOIN people AS p USING (profile_id)
        JOIN refused AS r ON r.identifier = g.entry.key AND r.hash = g.entry.value AND r.purpose = p.purpose
        GROUP BY 1
    ), judged AS (
        SELECT p.profile_id, p.releases,
               CASE WHEN p.profile_id IN (SELECT profile_id FROM erased) THEN 'erased'
                    WHEN s.status <> 'granted' THEN s.status
                    WHEN b.profile_id IS NOT NULL THEN 'address_refused'
                    WHEN p.now IS NULL THEN 'gone'
                    WHEN s.status IS NULL THEN 'no_consent_known' END AS reason,
               s.event_id AS own_event, s.landed_at AS own_landed, b.event_id, b.landed_at
        FROM people AS p
        LEFT JOIN said AS s ON s.person = p.now AND s.purpose = p.purpose
        LEFT JOIN by_mailbox AS b USING (profile_id)
    )
    SELECT profile_id, reason, releases,
           CASE WHEN reason IN ('gone', 'no_consent_known', 'erased') THEN NULL
                WHEN reason = 'address_refused' THEN event_id ELSE own_event END AS event_id,
           CASE WHEN reason IN ('gone', 'no_consent_known', 'erased') THEN NULL
                WHEN reason = 'address_refused' THEN landed_at ELSE own_landed END AS landed_at
    FROM judged WHERE reason IS NOT NULL"""
