"""What is worked out anew between releases, by other SQL than the policy's, comes to the same no."""

import datetime as dt

import duckdb
from hypothesis import Phase, given, settings

from activation.due import last_words
from contracts import Contracts
from contracts.consent_case import Case
from contracts.permission import Moment
from contracts.permission_sql import COLUMNS, consent_state
from contracts.purpose import REFUSALS
from tests.consent import Cases, people_sql, statements_sql
from tests.unit.test_consent_policy import PEOPLE

CONTRACTS = Contracts()
POLICY = CONTRACTS.policy
EMPTY = {
    "identity.stitches": "record_id VARCHAR, account_record VARCHAR, since TIMESTAMP, until TIMESTAMP",
    "identity.edges": "left_record VARCHAR, right_record VARCHAR, kind VARCHAR, reason VARCHAR",
    "silver.identifiers": "record_id VARCHAR, identifier VARCHAR, value VARCHAR",
}
AFTER = Moment(dt.date(2018, 1, 3), heeds_later_refusals=True)
"""A day on which all has been said: no release comes to another no than the live tables do."""


@settings(max_examples=12, deadline=None, phases=[Phase.generate])
@given(PEOPLE)
def test_the_live_tables_refuse_whom_the_policy_refuses(people: list[tuple]) -> None:
    cases: Cases = [
        (f"p{number}", Case.model_construct(purpose=purpose, statements=tuple(said), birth_date=born, country=country,
                                            as_of=AFTER.day))
        for number, (purpose, said, born, country) in enumerate(people)
    ]  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        _show(connection, cases)
        strictest = [name for name, purpose in POLICY.purposes.items() if purpose.across == "strictest"]
        last_words(connection, list(POLICY.purposes), [], CONTRACTS.identity, strictest=strictest, topic=None)
        live = connection.execute(
            "SELECT person, purpose, status, event_id FROM said WHERE status <> 'granted'"
        ).fetchall()
        state = consent_state(POLICY, AFTER, statements_sql(cases), people_sql(cases))
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in connection.execute(state).fetchall()]
    decided = [(row["profile_id"], row["purpose"], row["status"], row["event_id"]) for row in rows
               if row["status"] in REFUSALS]  # fmt: skip
    assert sorted(live) == sorted(decided)


def _show(connection: duckdb.DuckDBPyConnection, cases: Cases) -> None:
    """The statements as silver has them, each person of some records of their own."""
    for schema in ("silver", "identity"):
        connection.execute(f"CREATE SCHEMA {schema}")
    for name, columns in EMPTY.items():
        connection.execute(f"CREATE TABLE {name} ({columns})")
    connection.execute(
        f"""CREATE TABLE silver.consents AS
            SELECT * REPLACE (profile_id || ' ' || record_id AS record_id) FROM {statements_sql(cases)}"""
    )
    connection.execute(
        """CREATE TABLE identity.assignments AS
           SELECT DISTINCT record_id, profile_id, NULL::VARCHAR AS refused_by FROM silver.consents"""
    )
    connection.execute("CREATE MACRO clew_keyed(value) AS value")
    connection.execute("CREATE MACRO clew_mailbox(value) AS value")
