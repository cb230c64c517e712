"""The consent policy over a lake: the compiled statement on its tables, in SQL that DuckDB and Spark run alike."""

from contracts.permission import Moment
from contracts.permission_sql import consent_state
from contracts.purpose import Policy

ASSIGNMENTS = "identity.assignments"
READ = ("silver.consents", "silver.customer_records", "identity.records", ASSIGNMENTS)
"""What the statement reads."""


def state_sql(policy: Policy, moment: Moment, assignments: str = ASSIGNMENTS) -> str:
    """What everybody's statements come to, one row a profile and purpose: the columns of gold.consent_state.

    Args:
        policy: The rules.
        moment: The day to decide for.
        assignments: Who is who, as a table or a query in parentheses with record_id and profile_id.
    """
    return consent_state(policy, moment, statements_sql(assignments), people_sql(assignments))


def statements_sql(assignments: str = ASSIGNMENTS) -> str:
    """The consent ledger with the profile of each record."""
    return f"""(
        SELECT a.profile_id, c.record_id, c.event_id, c.purpose, c.topic, c.status, c.given_at, c.until_at,
               c.notice_version, c.region, c.received_at
        FROM silver.consents AS c INNER JOIN {assignments} AS a ON a.record_id = c.record_id)"""


def people_sql(assignments: str = ASSIGNMENTS) -> str:
    """Every profile with its youngest birth date and the country of its newest address.

    A birth date that stands for nobody, because too many people were found on it, is none.
    """
    return f"""(
        SELECT a.profile_id, max(CASE WHEN r.birth_date_unusable IS NULL THEN r.birth_date END) AS birth_date,
               max(home.country) AS country
        FROM {assignments} AS a
        LEFT JOIN identity.records AS r ON r.record_id = a.record_id
        LEFT JOIN (
            SELECT profile_id, country FROM (
                SELECT b.profile_id, t.country, row_number() OVER (
                           PARTITION BY b.profile_id ORDER BY t.occurred_at DESC, t.event_id) AS from_the_newest
                FROM silver.customer_records AS t INNER JOIN {assignments} AS b ON b.record_id = t.record_id
                WHERE nullif(trim(t.country), '') IS NOT NULL) AS addresses
            WHERE from_the_newest = 1) AS home ON home.profile_id = a.profile_id
        GROUP BY a.profile_id)"""
