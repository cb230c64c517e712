"""`clew check` on experiments: what each kind of wrong one is told, with file and field."""

import shutil
from pathlib import Path

import pytest
import yaml

from contracts import HERE, Contracts
from contracts.check import Report, check
from tests.experiment import DECLARED

PAGE = {"name": "page", "start": 0, "end": 0.5}
SUM = {"event": "item_purchased", "aggregate": "sum", "window_days": 7, "direction": "up"}
GUARDED = {"event": "error_shown", "aggregate": "any", "window_days": 7, "direction": "down"}
HOLDOUT = {
    "kind": "holdout", "hash_attribute": "profile_id", "exposure": "assigned", "arms": {"out": 0.2, "rest": 0.8},
    "control": "out", "namespace": {"name": "mail", "start": 0, "end": 0.2}, "on_merge": "first_exposure",
}  # fmt: skip
WRONG: dict[str, tuple[dict, str, str]] = {
    "arms_do_not_add_up": ({"arms": {"control": 0.5, "treatment": 0.4}}, "(whole file)", "add up to 0.9, not to 1"),
    "arm_of_nobody": ({"arms": {"control": 1.0, "treatment": 0.0}}, "(whole file)", "a share between 0 and 1"),
    "control_is_none": ({"control": "blue"}, "(whole file)", "blue is none of the arms: control, treatment"),
    "event_is_none": ({"primary": {**SUM, "event": "item_bought"}}, "primary", "a sum names the property"),
    "event_is_unknown": (
        {"primary": {**DECLARED["primary"], "event": "product_seen"}}, "primary.event", "product_seen is no event",
    ),
    "property_is_unknown": ({"primary": {**SUM, "property": "paid"}}, "primary.property", "paid is no number"),
    "property_is_a_text": ({"primary": {**SUM, "property": "store_id"}}, "primary.property", "store_id is no number"),
    "guardrail_is_unknown": (
        {"guardrails": {"calls": {**GUARDED, "event": "called", "tolerated_harm": 0.1}}}, "guardrails.calls.event",
        "called is no event",
    ),
    "ends_before_it_starts": ({"ends_on": "2017-02-28"}, "(whole file)", "ends on 2017-02-28, before it starts"),
    "nobody_owns_it": ({"owner": None}, "owner", "valid string"),
    "owner_is_missing": ({"owner": ...}, "owner", "Field required"),
    "metric_without_direction": (
        {"primary": {"event": "product_viewed", "aggregate": "count", "window_days": 7}}, "primary.direction",
        "Field required",
    ),
    "guardrail_without_direction": (
        {"guardrails": {"errors": {"event": "error_shown", "aggregate": "any", "window_days": 7,
                                   "tolerated_harm": 0.1}}},
        "guardrails.errors.direction", "Field required",
    ),
    "guardrail_without_harm": ({"guardrails": {"e": GUARDED}}, "guardrails.e.tolerated_harm", "Field required"),
    "audience_is_none": (
        {"population": {"audience": "audience_of_none"}}, "population.audience", "audience_of_none is no audience",
    ),
    "audience_is_assigned": (
        {"population": {"audience": "audience_new_joiners"}, "exposure": "assigned", "hash_attribute": "profile_id"},
        "(whole file)", "whom an audience holds may be an effect",
    ),
    "assigned_by_user": ({"exposure": "assigned"}, "(whole file)", "is hashed by profile_id"),
    "sequential_untuned": ({"stop": {"rule": "sequential"}}, "stop", "for how many people it is tuned"),
    "dead_in_silence": ({"status": "dead"}, "(whole file)", "says what was learned"),
    "hash_of_no_version": ({"hash_version": 3}, "hash_version", "1 or 2"),
    "range_is_empty": ({"namespace": {**PAGE, "start": 0.5}}, "namespace", "ends at 0.5, and starts at 0.5"),
    "excluded_of_unequal_arms": (
        {"arms": {"control": 0.1, "treatment": 0.9}}, "(whole file)", "takes more of a smaller arm"
    ),
    "holdout_is_no_range": ({**HOLDOUT, "arms": {"out": 0.3, "rest": 0.7}}, "(whole file)", "as long as its share"),
}  # fmt: skip
RANGES: dict[str, dict] = {
    "range_first": {"namespace": PAGE},
    "range_meets": {"namespace": {**PAGE, "start": 0.4, "end": 0.6}},
    "range_beside": {"namespace": {**PAGE, "start": 0.6, "end": 1}},
    "range_later": {"namespace": PAGE, "starts_on": "2017-04-01", "ends_on": "2017-04-30"},
    "range_elsewhere": {"namespace": {**PAGE, "name": "other_page"}},
    "holdout_first": HOLDOUT,
    "holdout_meets": {**HOLDOUT, "namespace": {"name": "mail", "start": 0.1, "end": 0.3}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our contracts, with one more experiment of each kind."""
    copy = tmp_path_factory.mktemp("checked") / "contracts"
    shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name, changed in {**{name: case[0] for name, case in WRONG.items()}, **RANGES}.items():
        told = DECLARED | {"experiment": name} | changed
        told = {key: value for key, value in told.items() if value is not ...}
        (copy / "experiments" / f"{name}.yml").write_text(yaml.safe_dump(told), encoding="utf-8")
    (copy / "experiments" / "misnamed.yml").write_text(yaml.safe_dump(DECLARED), encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return check(folder)


def problems(report: Report, name: str) -> list[tuple[str, str]]:
    return [(found.field, found.what) for found in report.problems if Path(found.file).stem == name]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_experiment_is_told_what_is_wrong(report: Report, name: str) -> None:
    _, field, what = WRONG[name]
    (found,) = problems(report, name)
    assert found[0] == field
    assert what in found[1]


def test_a_range_of_a_namespace_is_given_out_once_at_a_time(report: Report) -> None:
    found = {name: problems(report, name) for name in RANGES}
    assert {name for name, told in found.items() if told} == {"range_meets", "holdout_meets"}
    assert found["range_meets"] == [
        ("namespace", "the range of page from 0.4 to 0.6 meets that of range_first, which runs at the same time")
    ]
    assert "from 0.1 to 0.3 meets that of holdout_first" in found["holdout_meets"][0][1]


def test_an_experiment_lies_in_the_file_of_its_name(report: Report) -> None:
    assert problems(report, "misnamed") == [("experiment", "tried is declared in misnamed.yml")]


def test_our_own_experiments_are_right_and_a_dead_one_is_kept(report: Report) -> None:
    ours = Contracts().experiments
    assert not [found for found in report.problems if Path(found.file).stem in ours]
    assert {experiment.status for experiment in ours.values()} == {"running", "dead"}


def test_where_no_experiment_is_declared_there_is_none(tmp_path: Path) -> None:
    assert Contracts(tmp_path).experiments == {}
