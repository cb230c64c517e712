"""The consent policy: its tables of cases hold by the rules in Python and by the compiled SQL."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from contracts import Contracts
from contracts.consent_case import Case, Said, differences
from contracts.permission import Moment, decide
from contracts.permission_sql import COLUMNS, consent_state
from contracts.purpose import REFUSALS
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


INSTANTS = [
    dt.datetime(2016, 11, 30, tzinfo=dt.UTC),  # 395 days before the end of the day below
    dt.datetime(2017, 12, 1, 10, tzinfo=dt.UTC),
    dt.datetime(2017, 12, 10, tzinfo=dt.UTC),
    dt.datetime(2017, 12, 29, 23, 59, 59, 999000, tzinfo=dt.UTC),
    dt.datetime(2017, 12, 30, tzinfo=dt.UTC),
    dt.datetime(2018, 1, 2, tzinfo=dt.UTC),
]
STATEMENTS = st.lists(
    st.builds(
        Said,
        record=st.sampled_from(["account", "browser", "mailbox"]),
        status=st.sampled_from(["granted", "granted", "denied", "withdrawn", "snoozed"]),
        given_at=st.sampled_from(INSTANTS),
        known_since=st.sampled_from([None, *INSTANTS[3:]]),
        notice=st.sampled_from(["2017-1", None]),
        region=st.sampled_from([None, "US-NY", "us-ca", "DE", " gb ", "USA", "CA-ON", "US-CAR"]),
        topic=st.sampled_from([None, None, None, "offers", "recipes"]),
        until=st.sampled_from([None, *INSTANTS[2:]]),
    ),
    max_size=5,
)
PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(sorted(POLICY.purposes)),
        STATEMENTS,
        st.sampled_from([None, dt.date(1980, 5, 4), dt.date(2001, 12, 10), dt.date(2004, 2, 29)]),
        st.sampled_from([None, "", "US", "Germany", "FR"]),
    ),
    min_size=20,
    max_size=60,
)
MOMENTS = st.builds(
    Moment,
    st.just(dt.date(2017, 12, 29)),
    st.sampled_from([None, dt.date(2017, 12, 29), dt.date(2018, 1, 1)]),
    st.booleans(),
)


@settings(max_examples=12, deadline=None, phases=[Phase.generate])  # to shrink sixty people takes minutes
@given(PEOPLE, MOMENTS, st.randoms())
def test_rules_and_sql_agree_on_anybody_whatever_the_order_of_their_words(
    people: list[tuple[str, list[Said], dt.date | None, str | None]], moment: Moment, random: Any
) -> None:
    cases = [
        (
            f"p{number}",
            Case.model_construct(
                purpose=purpose, statements=tuple(said), birth_date=born, country=country, as_of=moment.day
            ),
        )
        for number, (purpose, said, born, country) in enumerate(people)
    ]
    rows = by_duckdb(consent_state(POLICY, moment, statements_sql(cases), people_sql(cases)))
    found = {(row[0], row[1]): dict(zip(COLUMNS, row, strict=True)) for row in rows}
    for name, case in cases:
        shuffled = list(case.said)
        random.shuffle(shuffled)
        ours, theirs = decide(POLICY, case.purpose, case.person, shuffled, moment), found[name, case.purpose]
        for part in ("status", "may_use", "rule", "jurisdiction"):
            assert theirs[part] == getattr(ours, part), (case, part)
        assert theirs["event_id"] == (ours.statement and ours.statement.event_id), case
        assert str(theirs["expires_at"]) == str(ours.ends_at and ours.ends_at.replace(tzinfo=None)), case
        assert (theirs["topics_refused"] or "") == ",".join(ours.topics_refused), case
        assert len(ours.overruled) == len(shuffled) - (ours.statement is not None)
        if ours.may_use:
            refusals = [s for s in shuffled if s.status in REFUSALS and s.topic is None and s.given_at < moment.end]
            known = [s for s in refusals if moment.known_at is None or s.known_since < Moment(moment.known_at).end]
            assert all(s.given_at < ours.statement.said_at for s in known), "used after a refusal"
