"""Who counts in an experiment: first arm, dates, the declared hash, and people whose records saw different arms."""

import random

import pytest

from tests.experiment import declared, event, lake_of, measured, users, viewed

ONE = declared()
(CONTROL,) = users(ONE, "control", 1)
(TREATED,) = users(ONE, "treatment", 1)


def exposures(connection, *experiments, **more):
    return {row["profile_id"]: row for row in measured(connection, *(experiments or (ONE,)), **more)["exposures"]}


def why(rows) -> dict[str, str | None]:
    return {profile: row["why_excluded"] for profile, row in rows.items()}


def test_the_first_exposure_counts_with_its_arm_and_event() -> None:
    later, first = viewed("ann", TREATED, "treatment", day=5), viewed("ann", TREATED, "treatment", day=2)
    (row,) = measured(lake_of([later, first]), ONE)["exposures"]
    assert (row["arm"], row["first_exposed_at"], row["event_id"]) == (
        "treatment", first["occurred_at"], first["event_id"],
    )  # fmt: skip
    assert (row["is_counted"], row["is_mixed"], row["arms_seen"]) == (True, False, "treatment")


def test_an_arm_may_be_told_by_its_place_as_growthbook_does() -> None:
    rows = exposures(lake_of([viewed("ann", CONTROL, "0"), viewed("ben", TREATED, "1")]))
    assert {name: row["arm"] for name, row in rows.items()} == {"ann": "control", "ben": "treatment"}
    assert why(rows) == {"ann": None, "ben": None}


def test_who_does_not_count_is_told_with_the_reason() -> None:
    rows = exposures(
        lake_of(
            [
                viewed("early", CONTROL, "control", day=-1),
                viewed("late", CONTROL, "control", day=31),
                viewed("last moment", CONTROL, "control", day=30.999),
                viewed("other arm", CONTROL, "blue"),
                viewed("anonymous", None, "control"),
                viewed("wrong arm", CONTROL, "treatment"),
                viewed("told otherwise", "whoever", "control", hash_value=CONTROL),
                viewed("of another", CONTROL, "control", experiment="another"),
            ]
        )
    )
    assert why(rows) == {
        "early": "outside_dates", "late": "outside_dates", "last moment": None, "other arm": "unknown_arm",
        "anonymous": "no_id", "wrong arm": "wrong_assignment", "told otherwise": None,
    }  # fmt: skip


def test_an_exposure_outside_the_dates_does_not_mix_somebody() -> None:
    rows = exposures(lake_of([viewed("ann", CONTROL, "control", day=40), viewed("ann", TREATED, "treatment", day=3)]))
    assert (rows["ann"]["arm"], rows["ann"]["is_mixed"], rows["ann"]["is_counted"]) == ("treatment", False, True)


def test_only_people_of_the_declared_countries_count() -> None:
    one = declared(population={"countries": ["US"]})
    seen = [viewed(name, CONTROL, "control") for name in ("us", "ca", "unknown")]
    rows = exposures(lake_of(seen, {"us": "US", "ca": "CA", "unknown": None}), one)
    assert why(rows) == {"us": None, "ca": "outside_population", "unknown": "outside_population"}


def test_what_happens_after_the_runs_date_does_not_count_yet() -> None:
    seen = [viewed("ann", CONTROL, "control", day=10)]
    assert exposures(lake_of(seen), as_of="2017-03-10") == {}
    assert list(exposures(lake_of(seen), as_of="2017-03-11")) == ["ann"]


@pytest.mark.parametrize("status", ["draft", "running"])
def test_a_draft_exposes_nobody(status: str) -> None:
    rows = exposures(lake_of([viewed("ann", CONTROL, "control")]), declared(status=status))
    assert list(rows) == ([] if status == "draft" else ["ann"])


def test_the_order_of_events_changes_nothing() -> None:
    seen = [viewed("ann", CONTROL, "control", day) for day in (3, 2, 2)] + [viewed("ann", TREATED, "treatment", 2)]
    seen += [event("product_viewed", "ann", day) for day in (2, 4, 9)]
    told = measured(lake_of(seen), declared(on_merge="first_exposure"))
    for seed in range(5):
        mixed = random.Random(seed).sample(seen, len(seen))
        assert measured(lake_of(mixed), declared(on_merge="first_exposure")) == told


# A merge in the middle of an experiment: two profiles of different arms turn out to be one person, and then not.

VIEWS = {"ann": (2, 3, 4), "ben": (5,)}


def told(ann: str, ben: str):
    """What two accounts did, of the profiles that they belong to: ann's saw the control first, ben's the treatment."""
    seen = [viewed(ann, CONTROL, "control", day=1), viewed(ben, TREATED, "treatment", day=4)]
    return seen + [event("product_viewed", profile, day) for profile, name in ((ann, "ann"), (ben, "ben"))
                   for day in VIEWS[name]]  # fmt: skip


def crowd(arm: str, count: int = 40):
    """Others, so that there is something to compare: each looked at one product."""
    found = []
    for user in users(ONE, arm, count + 1)[1:]:
        found += [viewed(user, user, arm, day=1), event("product_viewed", user, 2)]
    return found


CROWD = crowd("control") + crowd("treatment")


@pytest.mark.parametrize("rule", ["exclude", "first_exposure"])
def test_a_merge_of_two_arms_is_found_counted_and_handled_and_an_unmerge_undoes_it(rule: str) -> None:
    one = declared(on_merge=rule)
    before = measured(lake_of(CROWD + told("ann", "ben")), one)
    merged = measured(lake_of(CROWD + told("ann", "ann")), one)
    parted = measured(lake_of(CROWD + told("ann", "ben")), one)

    (result,) = before["results"]
    assert (result["control_people"], result["people"]) == (41, 41)
    assert before["ledger"][0]["people_mixed"] == 0

    (ann,) = [row for row in merged["exposures"] if row["profile_id"] == "ann"]
    assert (ann["arms_seen"], ann["is_mixed"], ann["arm"]) == ("control, treatment", True, "control")
    assert "ben" not in {row["profile_id"] for row in merged["exposures"]}
    (result,) = merged["results"]
    if rule == "exclude":
        assert (ann["is_counted"], ann["why_excluded"]) == (False, "mixed")
        assert (result["control_people"], result["people"], result["control_mean"]) == (40, 40, 1.0)
        assert merged["ledger"][0]["excluded"] == "mixed: fewer than 5"
    else:
        assert (ann["is_counted"], ann["why_excluded"]) == (True, None)
        # Of the four products, three within a week of the first exposure, and the fourth too: all are the person's.
        assert (result["control_people"], result["people"]) == (41, 40)
        assert result["control_mean"] == pytest.approx((40 + 4) / 41)

    assert parted == before


@pytest.mark.parametrize("rule", ["exclude", "first_exposure"])
def test_a_merge_of_profiles_that_are_hashed_themselves_is_mixed_and_nobody_was_shown_a_wrong_arm(rule: str) -> None:
    one = declared(on_merge=rule, hash_attribute="profile_id")
    stays, gone = users(one, "control", 2)[1], users(one, "treatment", 2)[1]
    seen = [viewed(stays, None, "treatment", day=4), viewed(stays, None, "control", day=1)]
    history = [("r1", 1, "2017-02-01", stays), ("r2", 1, "2017-02-01", gone), ("r2", 2, "2017-03-10", stays)]
    row = exposures(lake_of(seen, history=history), one)[stays]
    assert (row["arms_seen"], row["is_mixed"], row["arm"]) == ("control, treatment", True, "control")
    assert row["why_excluded"] == ("mixed" if rule == "exclude" else None)


def test_who_was_absorbed_by_a_profile_of_another_arm_that_saw_nothing_counts_with_the_arm_that_was_shown() -> None:
    one = declared(hash_attribute="profile_id")
    stays, gone = users(one, "control", 1)[0], users(one, "treatment", 1)[0]
    seen = [viewed(stays, None, "treatment", day=4)]
    history = [("r1", 1, "2017-02-01", stays), ("r2", 1, "2017-02-01", gone), ("r2", 2, "2017-03-10", stays)]
    row = exposures(lake_of(seen, history=history), one)[stays]
    assert (row["arm"], row["is_counted"], row["is_mixed"]) == ("treatment", True, False)
    assert why(exposures(lake_of(seen, history=history[:2]), one)) == {stays: "wrong_assignment"}
    told = [viewed(stays, None, "treatment", day=4, hash_value=stays)]
    assert why(exposures(lake_of(told, history=history), one)) == {stays: "wrong_assignment"}


def test_many_mixed_people_are_counted_in_the_ledger() -> None:
    seen = [viewed(f"p{n}", user, arm, day=1 + (arm == "control"))
            for arm in ("control", "treatment") for n, user in enumerate(users(ONE, arm, 6))]  # fmt: skip
    (row,) = measured(lake_of(seen), ONE)["ledger"]
    assert (row["people_exposed"], row["people_mixed"], row["people_counted"]) == (6, 6, 0)
    assert row["excluded"] == "mixed: 6"


# Assigned to everybody who is known, by profile id.

ALL = declared(exposure="assigned", hash_attribute="profile_id")
A_CONTROL, B_CONTROL = users(ALL, "control", 2)
(A_TREATED,) = users(ALL, "treatment", 1)


def test_everybody_known_is_assigned_from_the_start_or_from_their_first_event_on() -> None:
    came = [event("page_viewed", A_TREATED, 9)] + [event("page_viewed", B_CONTROL, day) for day in (-9, 9)]
    rows = exposures(lake_of(came, {A_CONTROL: "US", A_TREATED: "US", B_CONTROL: "US"}), ALL)
    assert {name: (row["arm"], row["first_exposed_at"].date().isoformat()) for name, row in rows.items()} == {
        A_CONTROL: ("control", "2017-03-01"),
        B_CONTROL: ("control", "2017-03-01"),
        A_TREATED: ("treatment", "2017-03-10"),
    }
    assert all(row["event_id"] is None for row in rows.values())


def test_who_comes_after_the_last_day_is_not_assigned() -> None:
    rows = exposures(lake_of([event("page_viewed", A_CONTROL, 31)]), ALL)
    assert why(rows) == {A_CONTROL: "outside_dates"}


def test_somebody_who_had_an_id_of_another_arm_meanwhile_is_mixed() -> None:
    profiles = {A_CONTROL: "US", B_CONTROL: "US"}
    history = [
        ("crm:1", 1, "2017-01-01", A_CONTROL),
        ("crm:2", 1, "2017-01-01", A_TREATED), ("crm:2", 2, "2017-03-15", A_CONTROL),  # joined while it ran
        ("crm:3", 1, "2017-01-01", B_CONTROL),
        ("crm:4", 1, "2017-01-01", A_TREATED), ("crm:4", 2, "2017-02-15", B_CONTROL),  # joined before it began
    ]  # fmt: skip
    rows = exposures(lake_of([], profiles, history), ALL)
    assert {name: (row["arm"], row["arms_seen"], row["why_excluded"]) for name, row in rows.items()} == {
        A_CONTROL: ("control", "control, treatment", "mixed"),
        B_CONTROL: ("control", "control", None),
    }
    by_first = declared(exposure="assigned", hash_attribute="profile_id", on_merge="first_exposure")
    counted = exposures(lake_of([], profiles, history), by_first)
    assert (counted[A_CONTROL]["arm"], counted[A_CONTROL]["is_counted"]) == ("control", True)


def test_an_id_that_no_record_has_any_more_mixes_nobody() -> None:
    gone = [("crm:1", 1, "2017-01-01", A_CONTROL), ("crm:2", 1, "2017-01-01", A_TREATED),
            ("crm:2", 2, "2017-03-10", A_CONTROL), ("crm:2", 3, "2017-03-20", None)]  # fmt: skip
    rows = exposures(lake_of([], {A_CONTROL: "US"}, gone), ALL)
    assert why(rows) == {A_CONTROL: None}


def test_who_was_parted_again_was_meanwhile_treated_as_somebody_else() -> None:
    parted = [("crm:1", 1, "2017-01-01", A_CONTROL), ("crm:2", 1, "2017-01-01", A_TREATED),
              ("crm:2", 2, "2017-03-10", A_CONTROL), ("crm:2", 3, "2017-03-20", A_TREATED)]  # fmt: skip
    rows = exposures(lake_of([], {A_CONTROL: "US", A_TREATED: "US"}, parted), ALL)
    assert why(rows) == {A_CONTROL: None, A_TREATED: "mixed"}
