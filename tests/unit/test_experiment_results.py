"""What is said of an experiment: windows, verdicts, guardrails, sample ratio, interactions, and the ledger."""

import pytest

from tests.experiment import SEQUENTIAL, declared, event, lake_of, measured, users, viewed

ONE = declared()


def crowd(one, arm: str, each: list[float], day: float = 1, name: str = "product_viewed"):
    """People of an arm, exposed on a day, each with so many events the day after."""
    found = []
    for user, count in zip(users(one, arm, len(each)), each, strict=True):
        found.append(viewed(user, user, arm, day, one.name))
        found += [event(name, user, day + 1 + turn / 1000) for turn in range(int(count))]
    return found


def result(events, one=ONE, metric: str = "primary", **more):
    rows = measured(lake_of(events), one, **more)["results"]
    return next(row for row in rows if row["metric"] == metric)


FEW, MANY = [0, 2] * 25, [4, 6] * 25


def test_the_means_and_the_difference_are_those_of_people() -> None:
    row = result(crowd(ONE, "control", FEW) + crowd(ONE, "treatment", MANY))
    assert (row["control_mean"], row["mean"], row["difference"]) == (1, 5, 4)
    assert (row["people"], row["control_people"], row["waiting"], row["lift"]) == (50, 50, 0, 4)
    # Welch by hand: each arm's variance is 50/49, so the error is √(2/49) and 98 degrees of freedom reach 1.98447.
    assert (row["low"], row["high"]) == pytest.approx((4 - 1.984467 * (2 / 49) ** 0.5, 4 + 1.984467 * (2 / 49) ** 0.5))
    assert (row["decided_by"], row["verdict"], row["is_over"]) == ("fixed", "wins", True)


def test_only_what_is_in_the_window_counts() -> None:
    user = users(ONE, "control", 1)[0]
    days = [1, 1.5, 7.999, 8, 9, 0.999]
    events = crowd(ONE, "treatment", FEW) + crowd(ONE, "control", [0, *FEW])
    row = result(events + [event("product_viewed", user, day) for day in days])
    assert row["control_mean"] == pytest.approx((3 + 50) / 51)


def test_people_whose_window_is_not_over_wait() -> None:
    early, late = crowd(ONE, "control", FEW, 1), crowd(ONE, "treatment", MANY, 1)
    waiting = [viewed(user, user, "control", 20) for user in users(ONE, "control", 57)[50:]]
    row = result(early + late + waiting, as_of="2017-03-25")
    assert (row["control_people"], row["people"], row["waiting"]) == (50, 50, 7)
    # Exposed at the beginning of the 21st: the window of seven days ends with the 27th.
    assert result(early + late + waiting, as_of="2017-03-26")["waiting"] == 7
    assert result(early + late + waiting, as_of="2017-03-27")["waiting"] == 0


@pytest.mark.parametrize(
    ("treated", "changed", "as_of", "verdict"),
    [
        (MANY, {}, "2017-12-31", "wins"),
        (MANY, {}, "2017-04-06", "too_early"),
        (MANY, {}, "2017-04-07", "wins"),
        (MANY, {"stop": SEQUENTIAL}, "2017-03-20", "wins"),
        (FEW, {"stop": SEQUENTIAL}, "2017-03-20", "no_difference_known"),
        (FEW, {}, "2017-12-31", "no_difference_known"),
        (MANY, {"at_least": 51}, "2017-12-31", "too_few"),
        (MANY * 3, {}, "2017-12-31", "sample_ratio_broken"),
    ],
)
def test_the_verdict_is_that_of_the_stop_rule(treated, changed, as_of: str, verdict: str) -> None:
    one = declared(**changed)
    row = result(crowd(one, "control", FEW) + crowd(one, "treatment", treated), one, as_of=as_of)
    assert row["verdict"] == verdict


def test_less_is_worse_where_more_is_better_and_the_other_way_round() -> None:
    events = crowd(ONE, "control", MANY) + crowd(ONE, "treatment", FEW)
    assert result(events)["verdict"] == "loses"
    down = declared(primary={**ONE.primary.model_dump(), "direction": "down"})
    assert result(events, down)["verdict"] == "wins"


def test_too_few_people_get_no_estimate_and_a_handful_no_count() -> None:
    row = result(crowd(ONE, "control", FEW) + crowd(ONE, "treatment", MANY[:4] * 1), declared(at_least=30))
    assert (row["people"], row["control_people"]) == (None, 50)
    assert {row[name] for name in ("mean", "difference", "low", "high", "p_value", "lift", "power", "decided_by")} == {
        None
    }


def test_where_nobody_does_anything_nothing_is_sure() -> None:
    row = result(crowd(ONE, "control", [0] * 50) + crowd(ONE, "treatment", [0] * 50))
    assert (row["verdict"], row["low"], row["lift"]) == ("no_difference_known", None, None)
    assert "same value" in row["reason"]


@pytest.mark.parametrize(
    ("treated", "verdict"), [([0, 2] * 400, "holds"), ([0, 0, 0, 2] * 200, "harmed"), ([1, 2, 0, 0] * 8, "not_known")]
)
def test_a_guardrail_holds_is_harmed_or_is_not_known(treated: list[float], verdict: str) -> None:
    guardrail = {"event": "product_viewed", "aggregate": "count", "window_days": 7, "direction": "up"}
    one = declared(guardrails={"views": {**guardrail, "tolerated_harm": 0.15}})
    control = [0, 2] * (len(treated) // 2)
    row = result(crowd(one, "control", control) + crowd(one, "treatment", treated), one, "views")
    assert (row["role"], row["verdict"], row["minimum_effect"]) == ("guardrail", verdict, 0.15)


def test_a_sum_adds_up_a_property_and_any_counts_people() -> None:
    bought = {"event": "item_purchased", "aggregate": "sum", "property": "sales_value", "window_days": 7,
              "direction": "up"}  # fmt: skip
    one = declared(primary=bought, guardrails={"anyone": {
        **bought, "aggregate": "any", "property": None, "tolerated_harm": 0.5}})  # fmt: skip
    events = crowd(one, "control", [0] * 40) + crowd(one, "treatment", [0] * 40)
    for user in users(one, "treatment", 10):
        events += [event("item_purchased", user, 3, None, {"sales_value": value}) for value in ("2.50", "0.1", "x")]
    assert result(events, one)["mean"] == pytest.approx(10 * 2.6 / 40)
    assert result(events, one, "anyone")["mean"] == 0.25


def test_what_people_differed_in_before_is_taken_out() -> None:
    one = declared(primary={**ONE.primary.model_dump(), "cuped_days": 28})
    events = []
    for arm, more in (("control", 0), ("treatment", 1)):
        for number, user in enumerate(users(one, arm, 60)):
            habit = number % 6
            events.append(viewed(user, user, arm, 1))
            events += [event("product_viewed", user, -turn / 1000) for turn in range(1, habit + 1)]
            events += [event("product_viewed", user, 2 + turn / 1000) for turn in range(habit + more + number % 2)]
    row = result(events, one)
    assert row["difference"] == 1
    assert row["adjusted_difference"] == pytest.approx(1)
    assert row["variance_reduction"] > 0.8
    assert row["adjusted_high"] - row["adjusted_low"] < (row["high"] - row["low"]) / 2
    assert (row["decided_by"], row["verdict"]) == ("adjusted_fixed", "wins")


def test_several_arms_are_each_compared_with_the_control_by_a_share_of_alpha() -> None:
    one = declared(arms={"control": 0.4, "a": 0.3, "b": 0.3})
    events = crowd(one, "control", [0, 2] * 40) + crowd(one, "a", [0, 2] * 30) + crowd(one, "b", [2, 4] * 30)
    rows = {row["arm"]: row for row in measured(lake_of(events), one)["results"]}
    assert {arm: row["verdict"] for arm, row in rows.items()} == {"a": "no_difference_known", "b": "wins"}
    assert rows["a"]["high"] == pytest.approx(2.268 * (1 / 79 + 1 / 59) ** 0.5, rel=1e-3)  # t at 1.25 %
    assert measured(lake_of(events), one)["ledger"][0]["verdict"] == "a: no_difference_known, b: wins"


def test_a_fixed_horizon_that_was_stopped_when_it_looked_good_is_decided_by_the_interval_of_every_look() -> None:
    """Welch's interval of one look leaves 0 out, and that of every look does not."""
    good = crowd(ONE, "control", [0, 2] * 25) + crowd(ONE, "treatment", [0, 3] * 24 + [3, 3])
    planned = result(good)
    assert (planned["decided_by"], planned["verdict"], planned["p_value"] < 0.05) == ("fixed", "wins", True)
    stopped = declared(status="stopped", stopped_on="2017-03-10", learned="it looked good")
    row = result(good, stopped)
    assert (row["decided_by"], row["verdict"]) == ("always_valid", "no_difference_known")
    assert (row["low"], row["always_low"] < 0 < row["low"]) == (planned["low"], True)
    assert result(good, stopped, as_of="2017-03-16")["verdict"] == "too_early"
    clear = crowd(ONE, "control", FEW) + crowd(ONE, "treatment", MANY)
    assert result(clear, stopped)["verdict"] == "wins"
    late = declared(status="stopped", stopped_on="2017-03-31", learned="it ran to its end")
    assert result(good, late)["decided_by"] == "fixed"


def test_after_it_was_stopped_an_experiment_takes_nobody_in() -> None:
    stopped = declared(status="stopped", stopped_on="2017-03-10", learned="enough")
    events = crowd(ONE, "control", FEW, day=9.9) + crowd(ONE, "treatment", MANY, day=10)
    rows = measured(lake_of(events), stopped)
    assert {row["why_excluded"] for row in rows["exposures"] if row["arm"] == "control"} == {None}
    assert {row["why_excluded"] for row in rows["exposures"] if row["arm"] == "treatment"} == {"outside_dates"}


def test_the_plan_is_the_same_whatever_is_written_of_it_and_another_once_it_is_changed() -> None:
    told = {"status": "stopped", "stopped_on": "2017-03-10", "learned": "it helps", "version": "1-0-1", "why": "new"}
    assert declared(**told).plan == declared(power=0.8).plan == ONE.plan
    changes = [{"ends_on": "2017-04-30"}, {"alpha": 0.1}, {"seed": "other"}, {"stop": SEQUENTIAL}, {"at_least": 31},
               {"arms": {"control": 0.6, "treatment": 0.4}}, {"arms": {"treatment": 0.5, "control": 0.5}},
               {"primary": ONE.primary.model_dump() | {"window_days": 8}},
               {"hypothesis": "less of it"}, {"population": {"countries": ["US"]}}]  # fmt: skip
    plans = {declared(**change).plan for change in changes}
    assert len(plans | {ONE.plan}) == len(changes) + 1
    assert measured(lake_of([]), ONE)["ops.experiments"][0]["plan"] == ONE.plan


def in_both(one, other, more):
    """400 people in two experiments, who look at none to two products, and at so many ``more`` by who is treated."""
    events = []
    for number in range(400):
        user = f"user-{number}"
        mine, theirs = one.arm_of(user), other.arm_of(user)
        events += [viewed(user, user, mine, 1, "one"), viewed(user, user, theirs, 1, "other")]
        looks = number % 3 + more(number, mine == "treatment", theirs == "treatment")
        events += [event("product_viewed", user, 2 + turn / 1000) for turn in range(looks)]
    return events


def test_an_interaction_is_judged_as_the_experiment_is() -> None:
    """Of four cells with a difference that one look finds and looking on every day does not."""
    one, other = declared(experiment="one", seed="one"), declared(experiment="other", seed="other")
    events = in_both(one, other, lambda number, mine, theirs: mine and theirs and number % 5 < 2)

    def verdicts(first, as_of: str = "2017-12-31") -> list[str]:
        rows = measured(lake_of(events), first, other, as_of=as_of)["interactions"]
        return [row["verdict"] for row in rows if row["experiment"] == "one"]

    assert verdicts(one) == ["interacts"]
    assert verdicts(one, as_of="2017-04-06") == ["too_early"]
    assert verdicts(one, as_of="2017-04-07") == ["interacts"]
    looked_at = declared(experiment="one", seed="one", stop=SEQUENTIAL)
    assert verdicts(looked_at) == verdicts(looked_at, as_of="2017-04-06") == ["none_known"]


def test_experiments_at_once_that_do_not_add_up_are_found() -> None:
    one, other = declared(experiment="one", seed="one"), declared(experiment="other", seed="other")
    events = in_both(one, other, lambda number, mine, theirs: 3 * (mine and theirs))
    rows = measured(lake_of(events), one, other)["interactions"]
    assert [(row["experiment"], row["other"], row["verdict"]) for row in rows] == [
        ("one", "other", "interacts"),
        ("other", "one", "interacts"),
    ]
    assert all(2 < row["difference"] < 4 and row["low"] > 0 and row["people"] == 400 for row in rows)
    apart = declared(experiment="other", seed="other", starts_on="2017-05-01", ends_on="2017-05-31")
    assert measured(lake_of(events), one, apart)["interactions"] == []


def test_experiments_that_add_up_do_not_interact_and_a_small_cell_says_nothing() -> None:
    one, other = declared(experiment="one", seed="one"), declared(experiment="other", seed="other")
    events = in_both(one, other, lambda number, mine, theirs: mine + theirs)
    rows = measured(lake_of(events), one, other)["interactions"]
    assert {row["verdict"] for row in rows} == {"none_known"}
    fewer = [row for row in events if int(row["profile_id"].removeprefix("user-")) < 80]
    (row, _) = measured(lake_of(fewer), one, other)["interactions"]
    assert (row["verdict"], row["difference"], row["smallest_cell"]) == ("too_few", None, None)


def test_the_ledger_keeps_every_experiment_and_says_where_it_stands() -> None:
    dead = declared(experiment="dead", status="dead", learned="nobody wanted it")
    draft = declared(experiment="draft", status="draft")
    later = declared(experiment="later", starts_on="2018-03-01", ends_on="2018-03-31")
    events = crowd(ONE, "control", FEW) + crowd(ONE, "treatment", MANY)
    rows = {row["experiment"]: row for row in measured(lake_of(events), ONE, dead, draft, later)["ledger"]}
    assert {name: (row["phase"], row["verdict"]) for name, row in rows.items()} == {
        "dead": ("over", "too_few"), "draft": ("not_started", ""), "later": ("not_started", ""),
        "tried": ("over", "wins"),
    }  # fmt: skip
    assert rows["dead"]["learned"] == "nobody wanted it"
    phases = [measured(lake_of(events), ONE, as_of=day)["ledger"][0]["phase"]
              for day in ("2017-02-28", "2017-03-31", "2017-04-01", "2017-04-07")]  # fmt: skip
    assert phases == ["not_started", "running", "in_last_windows", "over"]


def test_no_experiments_are_no_rows() -> None:
    nothing = {"exposures": [], "results": [], "interactions": [], "ledger": [], "ops.experiments": []}
    assert measured(lake_of([])) == nothing
