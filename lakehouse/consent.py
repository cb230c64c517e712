"""The consent policy over a lake: the compiled statement on its tables, in SQL that DuckDB and Spark run alike."""

from dataclasses import dataclass

from contracts.permission import Moment
from contracts.permission_sql import consent_state
from contracts.purpose import Policy

ASSIGNMENTS = "identity.assignments"
READ = ("silver.consents", "silver.customer_records", "identity.records", ASSIGNMENTS)
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
    return consent_state(policy, moment, statements_sql(known.assignments), people_sql(known))


def statements_sql(assignments: str = ASSIGNMENTS) -> str:
    """The consent ledger with the profile of each record."""
    return f"""(
        SELECT a.profile_id, c.record_id, c.event_id, c.purpose, c.topic, c.status, c.given_at, c.until_at,
               c.notice_version, c.region, c.received_at
        FROM silver.consents AS c INNER JOIN {assignments} AS a ON a.record_id = c.record_id)"""


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
