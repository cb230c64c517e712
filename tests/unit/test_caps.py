"""Caps: what counts, until when, and that SQL counts over all people as the contract does over one."""

import datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activation import caps as at_export
from contracts.base import load_yaml
from contracts.caps import Breach, Cap, Caps, breach
from contracts.catalog import Contracts
from contracts.errors import ContractError

DAY = datetime.date(2017, 12, 30)
CAPS = {
    "offers": Cap(channels=("email",), purposes=("email_marketing",), at_most=2, days=7, why="not too many"),
    "daily": Cap(channels=("email", "ads"), at_most=1, days=1, why="one a day"),
    "all": Cap(at_most=3, days=30, why="fatigue"),
}


def day(number):
    return DAY + datetime.timedelta(number)


def test_the_window_ends_with_the_day_and_the_cap_that_lasts_longest_is_named():
    offer = ("email", "email_marketing")
    assert breach(CAPS, [(*offer, day(-7)), (*offer, day(-6))], *offer, DAY) is None
    assert breach(CAPS, [(*offer, day(-6)), (*offer, day(-3))], *offer, DAY) == Breach("offers", day(1))
    assert breach(CAPS, [(*offer, day(-6)), (*offer, DAY)], *offer, DAY) == Breach("daily", day(1))
    assert breach(CAPS, [("sms", "service", day(-1))] * 3, *offer, DAY) == Breach("all", day(29))
    assert breach(CAPS, [("none", "research", DAY)] * 9, *offer, DAY) is None


def test_a_delivery_of_a_later_day_is_in_a_window_with_this_one():
    offer = ("email", "email_marketing")
    assert breach(CAPS, [(*offer, day(2)), (*offer, day(6))], *offer, DAY) == Breach("offers", day(9))
    assert breach(CAPS, [(*offer, day(2)), (*offer, day(7))], *offer, DAY) is None


got = st.tuples(
    st.sampled_from(["p-1", "p-2"]),
    st.sampled_from(["email", "ads", "sms", "none"]),
    st.sampled_from(["email_marketing", "advertising"]),
    st.integers(-31, 8),
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(got, max_size=9), st.sampled_from(["email", "ads"]))
def test_sql_counts_over_all_people_as_the_contract_does_over_one(delivered, channel):
    purpose = "email_marketing"
    held = {name: cap for name, cap in CAPS.items() if cap.counts(channel, purpose)}
    with duckdb.connect() as connection:
        connection.execute(at_export._CLAIMS)
        for number, (person, by, for_what, on) in enumerate(delivered):
            row = [person, True, by, for_what, day(on), "tool", number]
            connection.execute("INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        at_export.count(connection, held, DAY)
        rows = connection.execute(
            """SELECT key, cap, until FROM counted WHERE place = at_most
               QUALIFY row_number() OVER (PARTITION BY key ORDER BY until DESC, cap) = 1"""
        ).fetchall()
        found = {person: Breach(*of_cap) for person, *of_cap in rows}
    for person in ("p-1", "p-2"):
        theirs = [(by, for_what, day(on)) for who, by, for_what, on in delivered if who == person]
        assert found.get(person) == breach(CAPS, theirs, channel, purpose, DAY)


def test_an_example_that_does_not_hold_is_refused(tmp_path):
    shipped = (Contracts().root / "consent" / "caps.yml").read_text(encoding="utf-8")
    wrong = tmp_path / "caps.yml"
    wrong.write_text(shipped.replace("again_in_days: 2", "again_in_days: 3"), encoding="utf-8")
    with pytest.raises(ContractError, match=r"anti_examples\.0 is email_offers, again in 2 days, but says"):
        load_yaml(wrong, Caps)
