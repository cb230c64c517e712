"""Whether each row of an export was allowed: decided anew over what its release knew, by the policy that it names.

The rows are those of the table ``exported``. Nothing of gold is believed, nor of the step that wrote the file: who may
be used is worked out from silver.consents, the customer records and identity.
"""

import datetime
from typing import TYPE_CHECKING, Any

import duckdb

from activation import convert
from activation.decide import is_topic_refused
from contracts.bucketing_sql import held_out_sql
from contracts.export import HASHING, Destination
from contracts.permission import Moment
from contracts.permission_sql import said_at
from contracts.purpose import KEEPS_AWAY, Policy
from lakehouse.consent import READ as DECIDED_BY
from lakehouse.consent import state_sql
from lakehouse.policies import policy_of, taken

if TYPE_CHECKING:
    from lakehouse.lake import Lake

READ = (*DECIDED_BY, "identity.identifiers")
"""What is read of the release."""
NAMED = 5
"""Of the profiles whose rows are wrong so many are named."""


def problems(
    lake: "Lake", connection: duckdb.DuckDBPyConnection, manifest: dict[str, Any], as_of: datetime.date
) -> tuple[list[str], list[str]]:
    """What is wrong with the permissions of an export.

    Args:
        lake: The lake.
        connection: Shows ``exported`` and READ, as the release has them.
        manifest: The export's.
        as_of: The date of the release.

    Returns:
        What is wrong, and what could not be looked up, both in sentences.
    """
    purpose, version = str(manifest["purpose"]), str(manifest["policy_version"])
    found = _name_their_yes(connection, purpose)
    policy = _policy(lake, version)
    if policy is None:
        why = f"policy {version} is not among those that runs took (clew policy taken)"
        return [*found, *_refused_later(connection, purpose)], [f"{why}: only later refusals were looked up"]
    try:
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE state AS
                SELECT *, CASE WHEN status <> 'granted' THEN status WHEN NOT may_use THEN 'no notice' END AS why_not
                FROM ({state_sql(policy, Moment(as_of, heeds_later_refusals=True))}) WHERE purpose = $purpose""",
            {"purpose": purpose},
        )
    except (duckdb.BinderException, duckdb.CatalogException):
        why = "the tables of the release are of an earlier version of Clew"
        return [*found, *_refused_later(connection, purpose)], [f"{why}: only later refusals were looked up"]
    found += _may_be_used(connection, f"{purpose} by policy {version} on {as_of}")
    declared = lake.contracts.destinations.get(str(manifest["destination"]))
    if declared is None or (declared.version, declared.purpose) != (manifest["version"], purpose):
        why = f"the contract {manifest['version']} of the destination is not the present one"
        return found, [f"{why}: refusals of its topic and by the same address could not be looked up"]
    convert.install(connection, lake.contracts.identity.mail_domains)
    found += [*_topic_refused(connection, declared), *_address_refused(connection, declared)]
    held_out, unknown = _held_out(lake, connection, declared, manifest, as_of)
    return [*found, *held_out], unknown


def told(connection: duckdb.DuckDBPyConnection, condition: str, **values: Any) -> str:
    """Whose rows a condition holds of: how many, and the first by name; empty where it holds of none."""
    rows = connection.execute(
        f"SELECT DISTINCT coalesce(profile_id, '(no id)') FROM exported WHERE {condition} ORDER BY 1", values
    ).fetchall()
    if not rows:
        return ""
    named = ", ".join(str(profile) for (profile,) in rows[:NAMED])
    return f"{len(rows)} profile{'s' if len(rows) > 1 else ''} ({named}{', …' if len(rows) > NAMED else ''})"


def _policy(lake: "Lake", version: str) -> Policy | None:
    """The policy of a version as a run took it; the declared one, if it has that version and none was taken."""
    for row in reversed(taken(lake)):
        if row["version"] == version:
            try:
                return policy_of(row)
            except ValueError:
                return None  # of an earlier version of Clew
    declared = lake.contracts.policy
    return declared if declared.version == version else None


_SAME = "said.profile_id = exported.profile_id AND said.event_id = exported.consent_event_id"


def _name_their_yes(connection: duckdb.DuckDBPyConnection, purpose: str) -> list[str]:
    """Each row's consent event is a yes of that person to this purpose, with that notice."""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE said AS
            SELECT profile_id, event_id, notice_version, status, {said_at("c")} AS said_at
            FROM (SELECT NULL::VARCHAR AS topic WHERE false UNION ALL BY NAME FROM silver.consents) AS c
            JOIN identity.assignments USING (record_id)
            WHERE purpose = $purpose AND given_at IS NOT NULL AND status <> 'snoozed' AND topic IS NULL""",
        {"purpose": purpose},
    )
    unknown = told(connection, f"NOT EXISTS (FROM said WHERE {_SAME})")
    no_yes = told(connection, f"EXISTS (FROM said WHERE {_SAME} AND status <> 'granted')")
    other_notice = told(
        connection, f"EXISTS (FROM said WHERE {_SAME} AND notice_version IS DISTINCT FROM exported.notice_version)"
    )
    wrong = (
        (unknown, "name a consent event that is not theirs"),
        (no_yes, f"name a consent event that is no yes to {purpose}"),
        (other_notice, "name another notice than their consent event"),
    )
    return [f"{whose} {what}" for whose, what in wrong if whose]


def _refused_later(connection: duckdb.DuckDBPyConnection, purpose: str) -> list[str]:
    """Whatever the policy: a refusal at or after the yes."""
    whose = told(
        connection,
        f"EXISTS (FROM said JOIN said AS other USING (profile_id) WHERE {_SAME} AND other.status <> 'granted' "
        "AND other.said_at >= said.said_at)",
    )
    return [f"{whose} refused {purpose} at or after the consent event that they name"] if whose else []


def _may_be_used(connection: duckdb.DuckDBPyConnection, asked: str) -> list[str]:
    """Each row is of a person whom the policy let the purpose use, by the very statement that the row names."""
    of_row = "state.profile_id = exported.profile_id"
    reasons = connection.execute(
        "SELECT DISTINCT why_not FROM state SEMI JOIN exported USING (profile_id) WHERE why_not IS NOT NULL ORDER BY 1"
    ).fetchall()
    found = []
    for (reason,) in reasons:
        whose = told(connection, f"EXISTS (FROM state WHERE {of_row} AND why_not = $reason)", reason=reason)
        found.append(f"{whose} might not be used for {asked}: {reason}")
    other = told(
        connection,
        f"""EXISTS (FROM said WHERE {_SAME} AND status = 'granted') AND EXISTS (
                FROM state WHERE {of_row} AND why_not IS NULL
                AND event_id IS DISTINCT FROM exported.consent_event_id)""",
    )
    return [*found, f"{other} name another consent event than the one that decides"] if other else found


def _topic_refused(connection: duckdb.DuckDBPyConnection, destination: Destination) -> list[str]:
    """Nobody refused or paused the topic that the destination is about."""
    whose = told(connection, f"profile_id IN (SELECT profile_id FROM state WHERE {is_topic_refused(destination)})")
    return [f"{whose} refused or paused the topic {destination.topic}"] if whose else []


def _address_refused(connection: duckdb.DuckDBPyConnection, destination: Destination) -> list[str]:
    """No address is of a mailbox or number that somebody gave whose last word was no, in whatever spelling."""
    no_to = f"FROM state WHERE list_contains({list(KEEPS_AWAY)}, status) OR {is_topic_refused(destination)}"
    shared = _given_by(connection, destination, f"SELECT profile_id {no_to}")
    return [f"{whose} have an {name} that another gave who said no to {destination.purpose}" for whose, name in shared]


def _held_out(
    lake: "Lake",
    connection: duckdb.DuckDBPyConnection,
    destination: Destination,
    manifest: dict[str, Any],
    as_of: datetime.date,
) -> tuple[list[str], list[str]]:
    """Nobody is in a file whom a holdout kept away on its date, by themselves or by an address; and what is unknown."""
    went_by = dict(manifest.get("holdouts", {}))
    if set(went_by) != set(destination.holdouts):
        return ["the manifest names other holdouts than the contract"], []
    holdouts = lake.contracts.holdouts(destination)
    if changed := [one.name for one in holdouts if one.version != went_by[one.name]]:
        return [], [f"{', '.join(changed)} changed since: whom it held out then could not be looked up"]
    held_out = held_out_sql(holdouts, "profile_id", as_of, "duckdb")
    whose = told(connection, held_out)
    shared = _given_by(connection, destination, f"SELECT profile_id FROM identity.assignments WHERE {held_out}")
    found = [f"{whose} were to be kept away by a holdout"] if whose else []
    return [*found, *(f"{people} have an {name} of who is held out" for people, name in shared)], []


def _given_by(connection: duckdb.DuckDBPyConnection, destination: Destination, others: str) -> list[tuple[str, str]]:
    """Whose address is of a mailbox or number that another of these people gave, and which field it is."""
    found = []
    for name in destination.address:
        field = destination.fields[name]
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE given AS
                SELECT DISTINCT profile_id, lower({convert.macro(field.convert)}(form)) AS cell,
                       clew_mailbox(form) AS box
                FROM (SELECT profile_id, unnest([raw_value, value]) AS form
                      FROM identity.identifiers JOIN identity.assignments USING (record_id)
                      WHERE identifier = $kind)
                WHERE form IS NOT NULL""",
            {"kind": field.profile},
        )
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE theirs AS
                SELECT DISTINCT box, profile_id FROM given WHERE profile_id IN ({others})"""
        )
        # Of a hash the mailbox is known only by who gave it.
        hashes = field.convert in HASHING
        by_itself = "" if hashes else f'UNION ALL SELECT profile_id, clew_mailbox("{name}") FROM exported'
        whose = told(
            connection,
            f"""profile_id IN (
                    SELECT mine.profile_id FROM (
                        SELECT x.profile_id, g.box FROM exported AS x
                        JOIN (SELECT DISTINCT cell, box FROM given) AS g ON g.cell = lower(x."{name}")
                        {by_itself}) AS mine
                    JOIN theirs USING (box) WHERE theirs.profile_id <> mine.profile_id)""",
        )
        if whose:
            found.append((whose, name))
    return found
