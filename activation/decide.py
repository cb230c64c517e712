"""Who is exported and who is refused, each with exactly one reason: one SQL statement built from the field map.

Names in the statement come from the export contract, which holds them to ``[a-z][a-z0-9_]*``; values are bound.
"""

import difflib
from collections.abc import Iterable

import duckdb

from activation import convert
from contracts.export import REASONS, RECEIPT, Destination
from contracts.identity import MailDomain
from contracts.marts import OF_PEOPLE
from contracts.purpose import ALL_TOPICS, KEEPS_AWAY
from lakehouse.errors import ContractError, DataError


def decide(
    connection: duckdb.DuckDBPyConnection,
    destination: Destination,
    policy_version: str,
    release: int,
    domains: Iterable[MailDomain],
    held_out: str = "false",
) -> None:
    """Make the temporary table ``decided``: one row a profile considered, with ``reason`` NULL if it is exported.

    Beside the destination's columns it has the mailbox of each address, ``_<address>``.

    Args:
        connection: Shows the tables of the release.
        destination: What to export.
        policy_version: Goes into each row.
        release: Goes into each row.
        domains: The providers of mailboxes that have several spellings.
        held_out: SQL over ``profile_id``: whether a holdout keeps somebody away. It keeps every address away that they
            gave, whoever else gives it.

    Raises:
        ContractError: If the field map names a column that neither gold.profiles nor gold.profile_contact has.
        DataError: If a profile would be decided twice.
    """
    _check_columns(connection, destination)
    convert.install(connection, domains)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE decided AS {_statement(destination, held_out)}",
        {"purpose": destination.purpose, "policy_version": policy_version, "release": release},
    )
    _check_once_each(connection, destination)


def _statement(destination: Destination, held_out: str) -> str:
    in_audience = (
        "true"
        if destination.audience == "all"
        else f'profile_id IN (SELECT profile_id FROM gold."{destination.audience}")'
    )
    has_address = " OR ".join(f'"{name}" IS NOT NULL' for name in destination.address)
    topic = is_topic_refused(destination)
    keeps_away = f"(list_contains({list(KEEPS_AWAY)}, status) OR {topic})"
    shown = f"{convert.named_safely('consent_event_id')} AND {convert.named_safely('notice_version')}"
    columns = ", ".join(f'"{name}"' for name in (*destination.columns, *(f"_{name}" for name in destination.address)))
    return f"""
        WITH joined AS (
            SELECT profile_id, {_fields(destination)}, consent.status, consent.may_use, consent.topics_refused,
                   consent.given_at,
                   consent.event_id AS consent_event_id, consent.notice_version,
                   $policy_version AS policy_version, link_kind, link_probability,
                   $release::BIGINT AS "release", {in_audience} AS is_considered
            FROM gold.profiles
            LEFT JOIN gold.profile_contact USING (profile_id)
            LEFT JOIN (
                SELECT profile_id, status, may_use, topics_refused, given_at, event_id, notice_version
                FROM gold.consent_state WHERE purpose = $purpose
            ) AS consent USING (profile_id)
        ), refusers AS (
            SELECT profile_id FROM gold.consent_state WHERE purpose = $purpose AND {keeps_away}
        ), refused AS (
            {_addresses_of("refusers", destination, keeps_away)}
        ), held_people AS (
            SELECT profile_id FROM gold.profiles WHERE {held_out}
        ), held AS (
            {_addresses_of("held_people", destination, held_out)}
        ), reasoned AS (
            SELECT mine.*,
                   CASE WHEN status IS NULL THEN 'no_consent_known'
                        WHEN status <> 'granted' THEN status
                        WHEN {topic} THEN 'topic_refused'
                        WHEN NOT may_use OR NOT coalesce({shown}, false)
                             OR link_kind IS NULL OR link_probability IS NULL THEN 'incomplete_receipt'
                        WHEN NOT {destination.identity.condition} THEN 'too_unsure'
                        WHEN NOT ({has_address}) THEN 'no_address'
                        WHEN {_has_address_of("refused", destination)} THEN 'address_refused'
                        WHEN {held_out} OR {_has_address_of("held", destination)} THEN 'held_out' END AS reason
            FROM joined AS mine WHERE is_considered
        )
        SELECT {columns},
               CASE WHEN reason IS NULL AND ({_taken(destination)}) THEN 'address_taken' ELSE reason END AS reason
        FROM reasoned"""


def is_topic_refused(destination: Destination) -> str:
    """SQL over rows of consent: whether somebody refused or paused what the destination is about."""
    if destination.topic == ALL_TOPICS:
        return "topics_refused IS NOT NULL"
    if destination.topic is None:
        return "false"
    return f"coalesce(list_contains(string_split(topics_refused, ','), '{destination.topic}'), false)"


def _fields(destination: Destination) -> str:
    """The destination's columns, and the mailbox of each address."""
    fields = [
        f'{convert.macro(field.convert)}(CAST("{field.profile}" AS VARCHAR)) AS "{name}"'
        for name, field in destination.fields.items()
    ]
    # A field's name begins with a letter, so no field is called this.
    mailboxes = [
        f'clew_mailbox(CAST("{destination.fields[name].profile}" AS VARCHAR)) AS "_{name}"'
        for name in destination.address
    ]
    return ", ".join(fields + mailboxes)


def _addresses_of(people: str, destination: Destination, are_they: str) -> str:
    """The addresses of these people, be it the one their profile shows or another that they once gave.

    And their mailboxes, since an address may have been given with another tag or in another spelling, of which a hash
    shows nothing.
    """
    return " UNION ALL ".join(
        f"""SELECT '{name}' AS field, {convert.macro(destination.fields[name].convert)}(value) AS address,
                   clew_mailbox(value) AS mailbox
            FROM gold.profile_identifiers SEMI JOIN {people} USING (profile_id)
            WHERE identifier = '{destination.fields[name].profile}'
            UNION ALL SELECT '{name}', "{name}", "_{name}" FROM joined WHERE {are_they}"""
        for name in destination.address
    )


def _has_address_of(addresses: str, destination: Destination) -> str:
    """Whether a row has one of these addresses, or its mailbox."""
    return " OR ".join(
        f"""lower("{name}") IN (SELECT lower(address) FROM {addresses} WHERE field = '{name}')
            OR "{name}" IS NOT NULL AND "_{name}" IN (SELECT mailbox FROM {addresses} WHERE field = '{name}')"""
        for name in destination.address
    )


def _taken(destination: Destination) -> str:
    """Whether another row has the address, where each may be in one only."""
    if not destination.one_row_per:
        return "false"
    return " OR ".join(
        f"row_number() OVER (PARTITION BY reason, {same} ORDER BY given_at DESC, profile_id) > 1"
        for same in (f'lower("{destination.one_row_per}")', f'"_{destination.one_row_per}"')
    )


def _check_columns(connection: duckdb.DuckDBPyConnection, destination: Destination) -> None:
    have = [row[0] for table in OF_PEOPLE for row in connection.execute(f"DESCRIBE {table}").fetchall()]
    missing = [column for column in destination.profile_columns if column not in have]
    if missing:
        near = [f"{name} (did you mean {', '.join(difflib.get_close_matches(name, have)) or '?'})" for name in missing]
        raise ContractError(
            f"the export {destination.destination} reads columns that {' and '.join(OF_PEOPLE)} do not have: "
            f"{'; '.join(near)}",
            f"contracts/exports/{destination.destination}.yml, fields",
            f"use columns of these: {', '.join(dict.fromkeys(have))}",
        )


def _check_once_each(connection: duckdb.DuckDBPyConnection, destination: Destination) -> None:
    twice = connection.execute(
        "SELECT profile_id FROM decided GROUP BY profile_id HAVING count(*) > 1 ORDER BY profile_id LIMIT 20"
    ).fetchall()
    if twice:
        raise DataError(
            f"{len(twice)} profiles (20 at most shown) would be decided more than once for {destination.destination}",
            f"{', '.join(OF_PEOPLE)} or gold.consent_state, profile_id: {', '.join(row[0] for row in twice)}",
            "a profile has one row, and one consent a purpose: mend the mart, then run again",
        )


def refusals(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many profiles were refused, by every reason there is."""
    counted = dict(connection.execute("SELECT reason, count(*) FROM decided GROUP BY reason").fetchall())
    return {reason: counted.get(reason, 0) for reason in REASONS}


def handed_over(connection: duckdb.DuckDBPyConnection, destination: Destination) -> int:
    """Make the temporary table ``handed_over``, the rows to export, sorted by profile.

    Returns:
        How many there are.
    """
    columns = ", ".join(f'"{name}"' for name in destination.columns)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE handed_over AS
            SELECT {columns} FROM decided WHERE reason IS NULL ORDER BY {RECEIPT[0]}"""
    )
    return connection.table("handed_over").shape[0]


def considered(connection: duckdb.DuckDBPyConnection, destination: Destination) -> int:
    """How many profiles the destination's audience has, counted apart from the decision."""
    audience = "" if destination.audience == "all" else f'SEMI JOIN gold."{destination.audience}" USING (profile_id)'
    return int(connection.execute(f"SELECT count(DISTINCT profile_id) FROM gold.profiles {audience}").fetchall()[0][0])
