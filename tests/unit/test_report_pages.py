"""The pages of `clew report journeys`: whole, linked, of no host, each figure with its query; the same bytes twice."""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from statsmodels.stats.proportion import proportion_confint

from clew.report.declared import Declarations
from clew.report.site import FILES, HERE
from clew.report.wilson import wilson
from clew.report.write import PAGES, site
from contracts import Contracts
from tests.conftest import SmallLake
from tests.unit.reported import BESIDE, Parsed, asked, pages, with_journeys


@pytest.fixture(scope="module")
def journeyed(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallLake]:
    made = with_journeys(SmallLake(small_template).copy(tmp_path_factory.mktemp("journeyed") / "home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLEW_HOME", str(made.lake.settings.home))
        made.release()
        yield made


@pytest.fixture(scope="module")
def made(journeyed: SmallLake) -> dict[str, str]:
    return pages(asked(journeyed))


def test_every_page_is_whole_with_headings_in_order_and_ids_of_their_own(made: dict[str, str]) -> None:
    assert len(made) == len(PAGES)
    for name, text in made.items():
        page = Parsed(text)
        levels = [level for level, _ in page.headings]
        assert levels[0] == 1, name
        assert levels.count(1) == 1, name
        assert all(after - before <= 1 for before, after in pairwise(levels)), (name, levels)
        ids = [given["id"] for _, given in page.met if given.get("id")]
        assert len(ids) == len(set(ids)), name
        labels = {given["aria-labelledby"] for _, given in page.met if given.get("aria-labelledby")}
        assert labels <= set(ids), name
        assert ("html", {"lang": "en"}) in page.met
        assert next(given for tag, given in page.met if tag == "a")["href"] == "#content"


def test_links_lead_to_what_is_written_and_nothing_is_asked_of_another_host(made: dict[str, str]) -> None:
    ids = {name: {given.get("id") for _, given in Parsed(text).met} for name, text in made.items()}
    for name, text in made.items():
        addresses = [given[at] for _, given in Parsed(text).met for at in ("href", "src") if given.get(at)]
        assert len(addresses) > len(PAGES)
        for address in map(str, addresses):
            file, _, part = address.partition("#")
            assert (file or name) in {*made, *BESIDE}, address
            assert not part or part in ids[file or name], address
        assert not re.search(r"https?:|//[a-z]|url\(|@import", text), name
    for own in ("site.css", "site.js"):
        assert not re.search(r"https?:|fetch|XMLHttp|import\(|url\(", (HERE / own).read_text(encoding="utf-8")), own


def test_every_chart_says_what_it_is_and_has_its_table_beside_it(made: dict[str, str]) -> None:
    charts = 0
    for name, text in made.items():
        for figure in re.findall(r"<figure>(.*?)</figure>", text, re.DOTALL):
            charts += 1
            assert re.search(r'role="img" aria-label="[^"]{10,}"', figure), name
            assert "<table>" in figure, name
            option = json.loads(re.search(r'<script type="application/json">(.*?)</script>', figure)[1])  # type: ignore[index]
            assert option["series"], name
    assert charts >= 7


def test_the_command_of_each_figure_runs_and_its_rows_are_those_of_the_page(
    made: dict[str, str], journeyed: SmallLake, clew: Any
) -> None:
    commands = [command for text in made.values() for command in Parsed(text).queries()]
    assert len(commands) > 12
    home = Path(journeyed.lake.settings.home)
    for command in commands:
        ran = clew(*command[1:], "--json", home=home)
        assert ran.code == 0, (command[-1], ran.err)
    stages = Parsed(made["stages.html"])
    found = {
        row["stage"]: row
        for row in json.loads(clew(*stages.queries()[0][1:], "--json", home=home).out)["rows"]
    }  # fmt: skip
    for stage, row in found.items():
        told = stages.row(stage)
        few = 0 < row["people_entered"] < 5
        assert told[2] == ("fewer than 5" if few else str(row["people_entered"]))
        assert few or told[3] == f"{100 * row['share_entered']:.1f} %"
        assert few or told[4] == f"{100 * row['low']:.1f} to {100 * row['high']:.1f} %" or stage == "discovery"


def test_a_gate_is_judged_by_each_first_time_whose_days_are_over(made: dict[str, str]) -> None:
    row = Parsed(made["stages.html"]).row("discovery → onboarding")
    low, high = proportion_confint(10, 40, method="wilson")
    assert row[1:] == ["reach_pod", "30 days", "40", "10", "25.0 %", f"{100 * low:.1f} to {100 * high:.1f} %", "6",
                       "10.0, 10.0, 40.0"]  # fmt: skip
    assert "25 % in time" in made["index.html"]


def test_what_fewer_than_five_people_did_is_nowhere_but_nobody_is_told(made: dict[str, str]) -> None:
    stages = Parsed(made["stages.html"])
    assert stages.row("value")[2:] == ["fewer than 5", "–", "–", "fewer than 5"]
    assert stages.row("advocacy")[2] == "0"
    paths = Parsed(made["paths.html"])
    assert paths.row("web visit → other")[1:] == ["fewer than 5", "–", "–", "–"]
    assert paths.row("web visit → stop")[1:3] == ["30", "60"]
    assert "p-0" not in "".join(made.values())


def test_an_interval_in_sql_is_that_of_another_implementation() -> None:
    low, high = wilson("k", "n")
    rows = [(0, 1), (1, 1), (3, 10), (10, 40), (999, 1000), (0, 500)]
    values = ", ".join(map(str, rows))
    found = duckdb.sql(f"SELECT k, n, {low}, {high} FROM (VALUES {values}) AS t(k, n)").fetchall()
    for part, whole, lower, upper in found:
        expected = proportion_confint(part, whole, method="wilson")
        assert (lower, upper) == pytest.approx(expected, abs=6e-5)
    assert duckdb.sql(f"SELECT {low}, {high} FROM (SELECT 0 AS k, 0 AS n)").fetchall() == [(None, None)]


def test_the_same_tables_give_the_same_bytes(journeyed: SmallLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEW_HOME", str(journeyed.lake.settings.home))
    assert site(asked(journeyed)) == site(asked(journeyed))


def test_a_table_that_is_not_there_is_said_to_be_so_with_the_command_that_makes_it(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, clew: Any, tmp_path: Path
) -> None:
    ran = clew("report", "journeys", "--out", str(tmp_path / "site"), "--release", "live", "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert "index.html" in {page["page"] for page in told["pages"]}
    written = (tmp_path / "site" / "campaigns.html").read_text(encoding="utf-8")
    assert "gold.campaign_lift" in written
    assert "clew run" in written
    assert {path.name for path in (tmp_path / "site").iterdir()} == {page["page"] for page in told["pages"]} | set(
        FILES
    )


def test_a_place_names_the_lines_of_the_declaration() -> None:
    contracts = Contracts()
    journey = contracts.journeys["shopping"]
    declared = Declarations(contracts)
    whole = (contracts.root / "journeys" / "shopping.yml").read_text(encoding="utf-8").split("\n")
    for number, stage in enumerate(journey.stages):
        place = declared.find("journeys/*.yml", "journey", "shopping", "stages", number)
        assert place is not None
        assert place.text == "\n".join(whole[place.first - 1 : place.last])
        assert place.text.lstrip().startswith(f"- stage: {stage.stage}\n")
        assert place.text.count("- stage:") == 1
        assert place.file == "contracts/journeys/shopping.yml"
    assert declared.find("journeys/*.yml", "journey", "shopping", "stages", 99) is None
    mart = declared.table("gold.stage_gates")
    assert mart is not None
    assert mart.file == "dbt_project/models/marts/stage_gates.yml"


def test_the_library_that_draws_is_the_one_that_was_published() -> None:
    kept = (HERE / "vendor" / "echarts.min.js").read_bytes()
    assert hashlib.sha256(kept).hexdigest() in (HERE / "vendor" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["bank", "telecom"])
def test_another_business_has_its_pages_by_its_contracts_alone(
    journeyed: SmallLake, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Of a lake in which nobody did anything in its journeys: every stage, moment and cost is there, with nobody."""
    root = Path(__file__).parents[2] / "scenarios" / name / "contracts"
    monkeypatch.setenv("CLEW_HOME", str(journeyed.lake.settings.home))
    monkeypatch.setenv("CLEW_CONTRACTS", str(root))
    made = pages(asked(journeyed, root))
    contracts = Contracts(root)
    assert contracts.journeys
    for journey in contracts.journeys.values():
        for stage in journey.stages:
            assert f'id="{journey.journey}-{stage.stage}"' in made["index.html"]
        for moment in journey.moments:
            assert f'id="{journey.journey}-moment-{moment.moment}"' in made["moments.html"]
    for text in made.values():
        Parsed(text)


def test_a_claim_that_is_refuted_anew_after_its_answer_needs_somebody(small: SmallLake, monkeypatch: Any) -> None:
    monkeypatch.setenv("CLEW_HOME", str(small.lake.settings.home))
    small.lake.ensure_tables()
    first, held, again = (dt.date(2017, 12, number) for number in (1, 10, 20))
    texts = dict.fromkeys(("claim", "owner", "metric", "claimed", "unit", "refuted_if"), "a word")
    claim = texts | {"hypothesis": "h", "threshold": 0.5, "minimum_people": 5, "judged_on": first, "verdict": "refuted"}
    verdicts = [(first, "refuted"), (held, "holds"), (again, "refuted")]
    small.write(
        "ops.hypothesis_verdicts",
        [{"as_of": day, "hypothesis": "h", "threshold": 0.5, "verdict": verdict} for day, verdict in verdicts],
    )
    told = []
    for answered in (held, again):
        small.write("gold.hypotheses", [claim | {"answered_on": answered, "answer": "we stop it"}])
        small.release()
        told.append("has not answered" in site(asked(small))["index.html"].decode())
    assert told == [True, False]
