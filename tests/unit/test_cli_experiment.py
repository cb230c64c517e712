"""`clew experiment`: every experiment that is declared, what came of it, what it needs, and who is in which arm."""

import json
import shutil
from pathlib import Path

import pytest

from contracts import HERE, Contracts


def told(ran) -> dict:
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_all_experiments_are_listed_with_what_came_of_them(clew, experimented_home: Path) -> None:
    rows = {
        row["experiment"]: row
        for row in told(clew("experiment", "list", "--json", home=experimented_home))["experiments"]
    }
    assert rows.keys() == Contracts().experiments.keys()
    assert rows["similar_products"]["verdict"] == "wins"
    assert rows["similar_products"]["people_counted"] == 240
    assert rows["review_reminder"]["status"] == "dead"
    assert rows["mail_holdout"]["phase"] == "running"


def test_an_experiment_whose_file_was_taken_away_is_listed_still(
    clew, experimented_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(shutil.copytree(experimented_home, tmp_path / "home", symlinks=True))
    contracts = Path(shutil.copytree(HERE, tmp_path / "contracts"))
    (contracts / "experiments" / "review_reminder.yml").unlink()
    monkeypatch.setenv("CLEW_CONTRACTS", str(contracts))
    listed = told(clew("experiment", "list", "--json", home=home))["experiments"]
    (row,) = (row for row in listed if row["experiment"] == "review_reminder")
    assert (row["status"], row["phase"]) == ("declared_no_more", "over")


def test_without_a_lake_they_are_listed_as_declared(clew, tmp_path: Path) -> None:
    ran = clew("experiment", "list", "--json", home=tmp_path)
    assert {row["verdict"] for row in told(ran)["experiments"]} == {None}
    assert "nothing was measured yet" in ran.err


def test_one_experiment_is_shown_by_metric_and_arm(clew, experimented_home: Path) -> None:
    shown = told(clew("experiment", "show", "similar_products", "--json", home=experimented_home))
    (primary, *guardrails) = shown["results"]
    assert (primary["metric"], primary["arm"], primary["verdict"]) == ("primary", "treatment", "wins")
    assert {row["metric"]: row["verdict"] for row in guardrails} == {"errors": "not_known", "purchases": "not_known"}
    assert primary["people"] + primary["control_people"] == 240
    text = clew("experiment", "show", "similar_products", home=experimented_home).out
    assert "A row of similar products" in text
    assert "equal_arms" in text.partition("beside others")[2]


def test_when_an_experiment_was_stopped_is_shown_beside_its_plan(
    clew, experimented_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts = Path(shutil.copytree(HERE, tmp_path / "contracts"))
    path = contracts / "experiments" / "review_reminder.yml"
    path.write_text(path.read_text().replace("status: dead", "status: stopped\nstopped_on: 2017-02-10"))
    monkeypatch.setenv("CLEW_CONTRACTS", str(contracts))
    shown = clew("experiment", "show", "review_reminder", home=experimented_home)
    assert "2017-02-01 to 2017-02-14, stopped on 2017-02-10; fixed_horizon" in shown.out, shown.err


def test_the_steps_tables_are_written_once_and_not_again_where_nothing_changed(experimented_home: Path) -> None:
    from lakehouse.lake import Lake
    from lakehouse.run import Run
    from lakehouse.settings import Settings
    from measures.registry import EXPERIMENTS
    from measures.step import measure

    lake = Lake(Settings(home=experimented_home))
    as_of = lake.arrow("ops.releases").to_pylist()[0]["as_of"]
    before = {table: lake.version(table) for table in EXPERIMENTS.writes}
    measure(lake, Run("run-2", as_of), (EXPERIMENTS,))
    assert {table: lake.version(table) for table in EXPERIMENTS.writes} == before


def test_power_says_how_many_people_are_needed(clew, experimented_home: Path) -> None:
    asked = ("experiment", "power", "equal_arms", "--mean", "10", "--deviation", "10", "--json")
    # An effect of a tenth of a deviation: 2 (1.96 + 0.84)² / 0.1² people in each arm.
    assert told(clew(*asked, home=experimented_home))["people_needed"] == pytest.approx(
        4 * (1.96 + 0.8416) ** 2 / 0.01, rel=2e-3
    )


@pytest.mark.parametrize(
    ("mean", "deviation", "people"), [("1e300", "1e-300", 4), ("1e-300", "1e300", None), ("-10", "0", 4)]
)
@pytest.mark.parametrize("name", ["equal_arms", "similar_products"])
def test_an_effect_out_of_all_measure_takes_the_fewest_people_or_more_than_there_are(
    clew, experimented_home: Path, name: str, mean: str, deviation: str, people: int | None
) -> None:
    ran = clew("experiment", "power", name, "--mean", mean, "--deviation", deviation, "--json", home=experimented_home)
    assert told(ran)["people_needed"] == people


def test_power_takes_what_people_did_before_from_the_lake(
    clew, experimented_home: Path, tmp_path: Path, monkeypatch
) -> None:
    import shutil

    copy = tmp_path / "contracts"
    shutil.copytree(Contracts().root, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = copy / "experiments" / "similar_products.yml"
    path.write_text(path.read_text().replace("starts_on: 2017-04-01", "starts_on: 2017-06-01"))
    monkeypatch.setenv("CLEW_CONTRACTS", str(copy))
    found = told(clew("experiment", "power", "similar_products", "--json", home=experimented_home))
    assert (found["since"], found["until"], found["people"], found["people_there"]) == (
        "2017-03-09",
        "2017-05-31",
        240,
        240,
    )
    # Before and after their first exposure: 0 to 4 and as many again, one more for half, two more for the treated.
    assert found["mean"] == pytest.approx(4 + 0.5 + 2 * 108 / 240)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("show", "nothing_such"), "there is no experiment nothing_such"),
        (("power", "nothing_such"), "there is no experiment nothing_such"),
        (("assign", "nothing_such", "u-1"), "use one of: equal_arms"),
        (("assign", "similar_products", " "), "there is no id to hash"),
        (("power", "similar_products", "--mean", "3"), "a mean and a deviation go together"),
        (("power", "similar_products", "--mean", "0", "--deviation", "1"), "nobody did what the primary metric counts"),
        (("power", "equal_arms", "--mean", "nan", "--deviation", "1"), "a mean and a deviation are numbers"),
        (("power", "equal_arms", "--mean", "3", "--deviation", "inf"), "a mean and a deviation are numbers"),
        (("power", "equal_arms"), "nobody did what the primary metric counts"),
    ],
)
def test_what_cannot_be_answered_is_bad_usage(clew, experimented_home: Path, asked: tuple[str, ...], says: str) -> None:
    ran = clew("experiment", *asked, home=experimented_home)
    assert ran.code == 2
    assert says in ran.err


def test_an_id_is_assigned_as_the_contract_says(clew, tmp_path: Path) -> None:
    one = Contracts().experiments["review_reminder"]
    for number in range(12):
        found = told(clew("experiment", "assign", "review_reminder", f"u-{number}", "--json", home=tmp_path))
        assert found["arm"] == one.arm_of(f"u-{number}")
    ran = clew("experiment", "assign", "review_reminder", "u-0", home=tmp_path)
    assert ran.out.strip() in (*one.arms, "in no arm")
    assert "review_reminder is dead: nobody is taken in" in ran.err
    assert "nobody is taken in" not in clew("experiment", "assign", "equal_arms", "u-0", home=tmp_path).err
