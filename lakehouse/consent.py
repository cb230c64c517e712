"""The consent policy over a lake: the compiled statement on its tables, in SQL that DuckDB and Spark run alike."""

from dataclasses import dataclass

from contracts.link import REFUSED
from contracts.permission import Moment
from contracts.permission_sql import consent_state, is_heard, said_at
from contracts.purpose import REFUSALS, Policy

ASSIGNMENTS = "identity.assignments"
CARRIED_BY = (ASSIGNMENTS, "identity.stitches", "identity.edges")
READ = ("silver.consents", "silver.customer_records", "identity.records", *CARRIED_BY)
"""What the statement reads."""


@dataclass(frozen=True)
class Known:
    """What is known of people beside what they said; each a table, or a query in parentheses.

    Attributes:
        assignments: Who is who: record_id and profile_id.
        records: record_id, birth_date and birth_date_unusable.
        addresses: record_id, event_id, occurred_at and country.
    """

    assignments: str = ASSIGNMENTS
    records: str = "identity.records"
    addresses: str = "silver.customer_records"


NOW = Known()


def state_sql(policy: Policy, moment: Moment, known: Known = NOW) -> str:
    """What everybody's statements come to, one row a profile and purpose: the columns of gold.consent_state.

    Args:
        policy: The rules.
        moment: The day to decide for.
        known: What is known of people; of a past day ``identity.past.known``.
    """
    return consent_state(policy, moment, statements_sql(moment, known.assignments), people_sql(known))


def statements_sql(moment: Moment, assignments: str = ASSIGNMENTS) -> str:
    """The consent ledger, and what is carried on a day, with the profile of each record."""
    said = "c.record_id, c.event_id, c.purpose, c.topic, c.status, c.given_at, c.until_at, c.notice_version, c.region"
    return f"""(
        SELECT a.profile_id, {said}, c.received_at
        FROM silver.consents AS c INNER JOIN {assignments} AS a ON a.record_id = c.record_id
        UNION ALL
        SELECT a.profile_id, {said}, c.received_at
        FROM {carried_sql(moment)} AS c INNER JOIN {assignments} AS a ON a.record_id = c.record_id)"""


def carried_sql(moment: Moment | None = None) -> str:
    """Refusals that count for another record, too, than the one that said them: rows as of silver.consents.

    Who refuses that their records are put together has said no with all of them: a no of one counts for each that the
    refusal keeps apart, or a further no would make them reachable. And a no that was said in a browser where several
    accounts log in is the account's that had logged in, or the first that did. Each counts as if that record had said
    it, so that a later yes of its own stands. No yes is carried, and no pause, which ends by itself.

    Args:
        moment: The day whose last words count; without it, those of all that is known.
    """
    refusals = ", ".join(f"'{status}'" for status in REFUSALS)
    heard = "" if moment is None else f"AND {is_heard(moment, 'c')}"
    return f"""(
        SELECT record_id, event_id, purpose, topic, status, given_at, until_at, notice_version, region, received_at
        FROM (
            SELECT theirs.record_id, c.event_id, c.purpose, c.topic, c.status, c.given_at, c.until_at, c.notice_version,
                   c.region, c.received_at, row_number() OVER (
                       PARTITION BY theirs.record_id, c.record_id, theirs.since, c.purpose, c.topic
                       ORDER BY {said_at("c")} DESC, CASE WHEN c.status = 'granted' THEN 1 ELSE 0 END, c.event_id
                   ) AS from_the_last
            FROM silver.consents AS c INNER JOIN {_THEIRS} AS theirs ON theirs.said_by = c.record_id
                 AND (theirs.since IS NULL OR c.given_at >= theirs.since)
                 AND (theirs.until IS NULL OR c.given_at < theirs.until)
            WHERE c.status IN ('granted', {refusals}) {heard}) AS answers
        WHERE from_the_last = 1 AND status IN ({refusals}))"""


_THEIRS = f"""(
    SELECT one.record_id AS said_by, other.record_id, CAST(NULL AS timestamp) AS since, CAST(NULL AS timestamp) AS until
    FROM {ASSIGNMENTS} AS one
    INNER JOIN {ASSIGNMENTS} AS other ON other.refused_by = one.refused_by AND other.record_id <> one.record_id
    UNION
    SELECT one.record_id, other.record_id, NULL, NULL
    FROM (SELECT left_record AS said_by, right_record AS record_id, kind, reason FROM identity.edges
          UNION ALL SELECT right_record, left_record, kind, reason FROM identity.edges) AS e
    INNER JOIN {ASSIGNMENTS} AS one ON one.record_id = e.said_by AND one.refused_by IS NOT NULL
    INNER JOIN {ASSIGNMENTS} AS other ON other.record_id = e.record_id AND other.refused_by IS NOT NULL
    WHERE e.kind <> 'probabilistic' AND e.reason LIKE '{REFUSED}%'
    UNION
    SELECT s.record_id, s.account_record, CASE WHEN s.place > 1 THEN s.since END, s.until
    FROM (SELECT *, row_number() OVER (PARTITION BY record_id ORDER BY since) AS place FROM identity.stitches) AS s
    INNER JOIN {ASSIGNMENTS} AS one ON one.record_id = s.record_id
    INNER JOIN {ASSIGNMENTS} AS other ON other.record_id = s.account_record AND other.profile_id <> one.profile_id)"""
"""Who has said what another record says, and from when until when."""


def people_sql(known: Known = NOW) -> str:
    """Every profile with its youngest birth date and the country of its newest address.

    A birth date that stands for nobody, because too many people were found on it, is none.
    """
    return f"""(
        SELECT a.profile_id, max(CASE WHEN r.birth_date_unusable IS NULL THEN r.birth_date END) AS birth_date,
               max(home.country) AS country
        FROM {known.assignments} AS a
        LEFT JOIN {known.records} AS r ON r.record_id = a.record_id
        LEFT JOIN (
            SELECT profile_id, country FROM (
                SELECT b.profile_id, t.country, row_number() OVER (
                           PARTITION BY b.profile_id ORDER BY t.occurred_at DESC, t.event_id) AS from_the_newest
                FROM {known.addresses} AS t INNER JOIN {known.assignments} AS b ON b.record_id = t.record_id
                WHERE nullif(trim(t.country), '') IS NOT NULL) AS addresses
            WHERE from_the_newest = 1) AS home ON home.profile_id = a.profile_id
        GROUP BY a.profile_id)"""
