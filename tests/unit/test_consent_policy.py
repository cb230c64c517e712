"""The consent policy: its tables of cases hold by the rules in Python and by the compiled SQL."""

import pytest

from contracts import Contracts
from contracts.consent_case import Case, differences
from contracts.permission import decide
from contracts.permission_sql import COLUMNS, consent_state
from tests.consent import by_duckdb, by_moment, load_cases, people_sql, statements_sql

POLICY = Contracts().policy
CASES = load_cases()


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[f"{name}: {case.about}" for name, case in CASES])
def test_a_case_comes_to_what_it_says(case: Case) -> None:
    assert list(differences(POLICY, case)) == []


def test_the_compiled_sql_says_of_every_case_what_the_rules_say() -> None:
    decided = 0
    for moment, cases in by_moment(CASES).items():
        rows = by_duckdb(consent_state(POLICY, moment, statements_sql(cases), people_sql(cases)))
        found = {(row[0], row[1]): dict(zip(COLUMNS, row, strict=True)) for row in rows}
        assert len(rows) == len(cases) * len(POLICY.purposes), "everybody is decided for every purpose"
        for name, case in cases:
            for purpose in POLICY.purposes:
                said = case.said if purpose == case.purpose else ()
                ours, theirs = decide(POLICY, purpose, case.person, said, moment), found[name, purpose]
                named = ours.statement
                for part in ("status", "may_use", "rule", "jurisdiction"):
                    assert theirs[part] == getattr(ours, part), name
                assert theirs["event_id"] == (named and named.event_id), name
                assert str(theirs["expires_at"]) == str(ours.ends_at and ours.ends_at.replace(tzinfo=None)), name
                assert (theirs["topics_refused"] or "") == ",".join(ours.topics_refused), name
                decided += 1
    assert decided == len(CASES) * len(POLICY.purposes)
