"""What a run changed: merges, splits, redirects, and ids that changed for nothing."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.changes import changes, id_churn


def before(**profile_of):
    return pa.table(
        {"record_id": pa.array(profile_of, pa.string()), "profile_id": pa.array(profile_of.values(), pa.string())}
    )


def after(**profile_of):
    """Each record's own id is its name in capitals."""
    own = pa.array([record.upper() for record in profile_of], pa.string())
    return before(**profile_of).append_column("own_profile_id", own)


def changed(was, became):
    """The counts that are not zero."""
    return {name: number for name, number in changes(was, became).items() if number}


def test_a_run_that_changes_nothing_says_so():
    assert changed(before(a="A", b="A", c="C"), after(a="A", b="A", c="C")) == {"records": 3, "profiles": 2}


def test_the_first_run_finds_new_records_only():
    assert changed(before(), after(a="A", b="A")) == {"records": 2, "records_new": 2, "profiles": 1}
    assert changed(before(), after()) == {}


def test_a_late_bridge_is_one_merge_and_the_younger_id_one_redirect():
    counts = changed(before(a="A", b="B", c="B"), after(a="A", b="A", c="A", bridge="A"))
    assert counts == {"records": 4, "records_new": 1, "profiles": 1, "merges": 1, "redirects": 1}


def test_three_profiles_that_become_one_are_two_merges():
    counts = changed(before(a="A", b="B", c="C"), after(a="A", b="A", c="A"))
    assert counts == {"records": 3, "profiles": 1, "merges": 2, "redirects": 2}


def test_a_part_that_leaves_with_its_own_id_is_a_split_without_a_redirect():
    assert changed(before(a="A", b="A", c="A"), after(a="A", b="B", c="B")) == {
        "records": 3, "profiles": 2, "splits": 1,
    }  # fmt: skip


def test_a_record_that_changes_profiles_is_a_split_and_a_merge():
    counts = changed(before(a="A", b="A", c="C"), after(a="A", b="C", c="C"))
    assert counts == {"records": 3, "profiles": 2, "merges": 1, "splits": 1}


def test_an_id_that_changes_though_its_records_did_not_is_churn_whatever_is_new_beside_them():
    was, became = before(b="B", c="B", d="D", e="D"), after(a="A", b="A", c="A", d="D", e="D")
    counts = changes(was, became)
    assert {name: number for name, number in counts.items() if number} == {
        "records": 5, "records_new": 1, "profiles": 2, "redirects": 1, "records_churned": 2,
    }  # fmt: skip
    assert id_churn(counts) == 0.5


def test_an_id_that_changes_because_its_founder_is_gone_is_no_churn():
    counts = changed(before(a="A", b="A"), after(b="B"))
    assert counts == {"records": 1, "records_gone": 1, "profiles": 1}


def test_an_id_that_changes_because_others_came_is_no_churn():
    assert "records_churned" not in changed(before(a="A", b="B", c="B"), after(a="A", b="A", c="A"))


person = st.integers(0, 4)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(person, person), min_size=1, max_size=8), st.lists(person, max_size=4))
def test_records_that_land_later_never_make_churn(known, later):
    """Whoever the known records turn out to be, by themselves and with those that come later."""

    def founded(people):
        return {f"r{n:02}": f"R{people.index(person):02}" for n, person in enumerate(people)}

    was, became = [one for one, _ in known], [other for _, other in known] + later
    assert changes(before(**founded(was)), after(**founded(became)))["records_churned"] == 0
