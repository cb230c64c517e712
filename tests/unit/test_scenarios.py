"""Verticals: contracts and a sandbox.yml each, and not a line of code of their own."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
import yaml

from clew.scenario import FOLDER, MARK, mark, scenario_of, settled
from contracts import HERE, Contracts
from contracts.check import check
from contracts.errors import ContractError, UsageError
from contracts.mart_rules import MartRules
from identity.truth import read_truth
from lakehouse.settings import Settings
from sandbox.scenario.check import read_scenario
from sandbox.scenario.generate import generate

CHECKOUT = HERE.parent
SCENARIOS = sorted(path.parent.name for path in FOLDER.glob("*/sandbox.yml"))
PEOPLE = 12
EVE, LAST = date(2024, 12, 30), date(2024, 12, 31)


def test_there_are_a_bank_and_a_telecom() -> None:
    assert SCENARIOS == ["bank", "telecom"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_contracts_of_a_scenario_pass_every_check(name: str) -> None:
    report = check(FOLDER / name / "contracts")
    assert [str(problem) for problem in report.problems] == []
    for kind in ("source", "event", "export", "identity", "policy", "case", "signals", "journey", "table", "roles"):
        assert report.counts[kind] >= 1, kind


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_a_folder_of_declarations_only(name: str) -> None:
    files = {path.suffix for path in (FOLDER / name).rglob("*") if path.is_file()}
    assert files == {".yml"}
    assert not (FOLDER / name / "contracts" / "tables").exists(), "the tables are Clew's, and declared once"


def test_no_code_names_an_event_of_one_vertical_only() -> None:
    """What only the bank or the telecom declares stands in no Python and in no SQL file of the product."""
    retail = set(Contracts().events)
    own = {event for name in SCENARIOS for event in Contracts(FOLDER / name / "contracts").events} - retail
    assert len(own) > 30
    word = re.compile(r"\b(" + "|".join(sorted(own)) + r")\b")
    rooms = ("activation", "clew", "contracts", "dags", "dbt_project", "expectations", "identity", "lakehouse",
             "measures", "rights", "sandbox", "spark_jobs")  # fmt: skip
    code = [path for room in rooms for path in sorted((CHECKOUT / room).rglob("*")) if path.suffix in (".py", ".sql")]
    assert len(code) > 200
    named = {path.relative_to(CHECKOUT).as_posix(): found[0] for path in code
             if (found := word.findall(path.read_text(encoding="utf-8")))}  # fmt: skip
    assert named == {}


@pytest.fixture(scope="module", params=SCENARIOS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A scenario and the folder with its landing files of the whole year, made in one call."""
    out = tmp_path_factory.mktemp(request.param)
    generate(FOLDER / request.param, out / "landing", out / "truth", PEOPLE)
    return request.param, out


def contents(landing: Path) -> dict[str, bytes]:
    return {
        path.relative_to(landing).as_posix(): path.read_bytes()
        for path in sorted(landing.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def lines(landing: Path) -> dict[str, Counter[bytes]]:
    """All lines by source, whatever file they are in; of CSV without its headers."""
    found: dict[str, Counter[bytes]] = {}
    for name, data in contents(landing).items():
        rows = data.splitlines()[1:] if name.endswith(".csv") else data.splitlines()
        found.setdefault(name.split("/")[0], Counter()).update(rows)
    return found


def test_the_same_seed_gives_the_same_bytes_and_a_second_landing_adds_its_day(
    made: tuple[str, Path], tmp_path: Path
) -> None:
    name, whole = made
    generate(FOLDER / name, tmp_path / "landing", tmp_path / "truth", PEOPLE, until=EVE)
    before = contents(tmp_path / "landing")
    assert before
    generate(FOLDER / name, tmp_path / "landing", tmp_path / "truth", PEOPLE, since=LAST)
    after = contents(tmp_path / "landing")
    assert {path: after[path] for path in before} == before, "the second landing leaves the first as it is"
    assert set(after) > set(before)
    assert lines(tmp_path / "landing") == lines(whole / "landing"), "two landings hold what one would"
    same = [path for path in before if not path.split("/")[1].split("-", 1)[1].startswith("2024-12")]
    once = contents(whole / "landing")
    assert {path: before[path] for path in same} == {path: once[path] for path in same}
    key = b"0" * 64
    assert read_truth(tmp_path / "truth", key).to_pylist() == read_truth(whole / "truth", key).to_pylist()


def test_a_life_is_the_same_among_fewer_people(made: tuple[str, Path], tmp_path: Path) -> None:
    name, whole = made
    generate(FOLDER / name, tmp_path / "landing", tmp_path / "truth", PEOPLE // 2)
    every = lines(whole / "landing")
    for source, rows in lines(tmp_path / "landing").items():
        assert rows <= every[source], source


def test_every_declared_event_is_part_of_some_life(made: tuple[str, Path]) -> None:
    """Nothing is declared that no sandbox sends, and no signal waits for what never comes."""
    name, out = made
    scenario, contracts = read_scenario(FOLDER / name)
    assert set(lines(out / "landing")) <= set(contracts.sources)
    sent = set(_events(yaml.safe_load((FOLDER / name / "sandbox.yml").read_text(encoding="utf-8"))))
    asked = {occurrence.event for signal in contracts.signals.values() for occurrence in signal.any_}
    assert asked <= sent, "a signal that no life gives is never seen"
    assert sent == set(contracts.events), "every declared event is part of some life"
    assert scenario.scenario == name


def _events(given: object) -> Iterable[str]:
    if isinstance(given, dict):
        yield from ([given["event"]] if isinstance(given.get("event"), str) else [])
        for value in given.values():
            yield from _events(value)
    elif isinstance(given, list):
        for value in given:
            yield from _events(value)


def test_the_account_of_what_was_written_adds_up(made: tuple[str, Path]) -> None:
    _, out = made
    told = json.loads((out / "truth" / "summary.json").read_text(encoding="utf-8"))
    found = {source: sum(rows.values()) for source, rows in lines(out / "landing").items()}
    headers = Counter(path.split("/")[0] for path in contents(out / "landing") if path.endswith(".csv"))
    assert told["lines"] == {source: found[source] + headers[source] for source in found}
    bad = told["dirt"]["exact_duplicate"] + told["dirt"].get("truncated", 0)
    assert sum(told["good_messages"].values()) == sum(found.values()) - bad


INVITED = "{event: friend_invited, channel: app"
LOOPS = "  asks_if_content:\n"
WRONG = {
    "an unknown state": ("state: looking", "state: dreaming", "people.arrive.0.state: dreaming is no state"),
    "an unknown event": ("event: signed_in,", "event: sneezed,", "sneezed is no event"),
    "an unknown channel": (INVITED, "{event: friend_invited, channel: fax", "fax is no channel"),
    "a channel that does not send it": (
        INVITED,
        "{event: friend_invited, channel: branch",
        "branch, by which branch sends, does not send friend_invited",
    ),
    "an unknown script": ("{play: stuck}", "{play: lucky}", "lucky is no script"),
    "a script that plays itself": (
        LOOPS,
        f"{LOOPS}    - {{play: asks_if_content}}\n",
        "asks_if_content plays itself, and would never end",
    ),
    "a property that the event does not have": (
        "properties: {method: face}",
        "properties: {mood: good}",
        "signed_in has no such word",
    ),
    "a tag that nothing bears": ("recommends: 2, asks", "gossips: 2, asks", "nothing bears the tag gossips"),
    "an id that nobody declared": (
        "user_id: online_id, known_share: 0.3",
        "user_id: passport, known_share: 0.3",
        "passport is no id",
    ),
    "a season that is not there": ("season: spending", "season: monsoon", "monsoon is no season"),
    "a zone that is not there": ("zone: Europe/London", "zone: Mars/Olympus", "Mars/Olympus is no time zone"),
    "a day before its time": ("last_day: 2024-12-31", "last_day: 2023-12-31", "last_day must be after first_day"),
    "an unknown field": ("pairs: 0.2", "pears: 0.2", "people.pears: Extra inputs are not permitted"),
    "a share above one": ("share: 0.7", "share: 7", "calendar.1.share: Input should be less than or equal to 1"),
}


@pytest.mark.parametrize(("old", "new", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_sandbox_is_told_with_its_place(old: str, new: str, says: str, tmp_path: Path) -> None:
    text = (FOLDER / "bank" / "sandbox.yml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "sandbox.yml").write_text(text.replace(old, new), encoding="utf-8")
    (tmp_path / "contracts").symlink_to(FOLDER / "bank" / "contracts")
    with pytest.raises(ContractError) as caught:
        read_scenario(tmp_path)
    assert says in str(caught.value)


def test_days_and_numbers_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="within 2024-01-01 to 2024-12-31"):
        generate(FOLDER / "bank", tmp_path / "landing", tmp_path / "truth", 1, since=date(2023, 1, 1))
    with pytest.raises(UsageError, match="at least one person"):
        generate(FOLDER / "bank", tmp_path / "landing", tmp_path / "truth", 0)


def test_a_landing_folder_is_of_one_scenario(made: tuple[str, Path], tmp_path: Path) -> None:
    name, out = made
    landing = shutil.copytree(out / "landing", tmp_path / "landing")
    before = contents(landing)
    other = next(scenario for scenario in SCENARIOS if scenario != name)
    with pytest.raises(UsageError, match=f"is of the scenario {name}, and cannot take files of {other}"):
        generate(FOLDER / other, landing, tmp_path / "truth", 1)
    assert contents(landing) == before


def test_a_workspace_takes_the_contracts_of_its_scenario_and_refuses_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLEW_CONTRACTS", raising=False)
    bank, telecom, retailer = (scenario_of(name) for name in ("bank", "telecom", "retailer"))
    taken = settled(Settings(home=tmp_path), bank)
    assert taken.contracts == bank.contracts
    assert Settings(home=tmp_path).contracts == bank.contracts, "the next command in the workspace has them too"
    mark(taken, bank)
    assert settled(taken, bank) == taken, "the next demo of the same scenario may replace it"
    for other in (telecom, retailer):
        with pytest.raises(UsageError, match="has the demo of the scenario bank, and one lake is of one business"):
            settled(taken, other)


def test_a_lake_of_the_retailer_takes_no_bank(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.lake.mkdir()
    (settings.lake / MARK).touch()  # as every demo before scenarios left it
    with pytest.raises(UsageError, match="has the demo of the scenario retailer"):
        settled(settings, scenario_of("bank"))
    assert not (settings.state / "settings.env").exists()


def test_a_workspace_of_other_contracts_takes_no_scenario(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, contracts=tmp_path / "own")
    with pytest.raises(UsageError, match="CLEW_CONTRACTS names other contracts"):
        settled(settings, scenario_of("bank"))


def test_a_scenario_may_be_a_folder_that_is_not_in_the_project(tmp_path: Path) -> None:
    own = shutil.copytree(FOLDER / "telecom", tmp_path / "ours")
    text = (own / "sandbox.yml").read_text(encoding="utf-8")
    (own / "sandbox.yml").write_text(text.replace("scenario: telecom", "scenario: ours"), encoding="utf-8")
    found = scenario_of(str(own))
    assert (found.name, found.contracts, found.last_day) == ("ours", own / "contracts", LAST)
    with pytest.raises(UsageError, match="there is no scenario circus"):
        scenario_of("circus")


def test_contracts_of_any_business_are_checked_where_they_lie(clew, tmp_path: Path) -> None:
    own = shutil.copytree(FOLDER / "bank" / "contracts", tmp_path / "ours")
    ran = clew("check", "--contracts", str(own))
    assert (ran.code, ran.err) == (0, "")
    (own / "signals.yml").write_text(
        (own / "signals.yml").read_text(encoding="utf-8").replace("event: friend_invited", "event: friend_lost"),
        encoding="utf-8",
    )
    ran = clew("check", "--contracts", str(own))
    assert ran.code == 2
    assert f"{own}/signals.yml:" in ran.out
    assert "friend_lost is no event" in ran.out
    assert clew("check", "--contracts", str(tmp_path / "nowhere")).code == 2


def test_what_the_marts_go_by_is_declared_or_follows_from_the_sources() -> None:
    retail = Contracts().mart_rules
    project = yaml.safe_load((CHECKOUT / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    assert {name: project[name] for name in retail.variables()} == retail.variables(), "a bare compile has the same"
    derived = MartRules().completed(Contracts().sources.values())
    assert derived.visit_sources == ("app", "web")
    assert derived.record_sources == ("crm",)
    assert derived.survivorship_sources == ("crm", "app", "web", "consent", "email", "shop", "support")
    bank = Contracts(FOLDER / "bank" / "contracts").mart_rules
    assert bank.visit_sources == ("mobile", "site")
    assert bank.record_sources == ("registry",)
    assert MartRules().completed(()).variables()["joining_events"] == ["-"], "an empty list would be no SQL"
