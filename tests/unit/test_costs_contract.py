"""Costs and improvements: what `clew check` refuses, in its words, and how improvements are ranked."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts import HERE
from contracts.check import check
from tests.conftest import SmallLake
from tests.unit.reported import Parsed, asked, pages, with_journeys

Edited = Callable[[str, str], list[str]]


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    """The problems of the contracts after one change of costs.yml."""
    root = tmp_path / "contracts"
    shutil.copytree(HERE, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))

    def change(old: str, new: str) -> list[str]:
        path = root / "costs.yml"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) >= 1
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return [str(problem).removeprefix(f"{root}/") for problem in check(root).problems]

    return change


def test_the_retailers_costs_hold(edited: Edited) -> None:
    assert edited("owner: finance", "owner: finance") == []


def test_a_journey_that_cannot_be_read_is_told_and_costs_that_name_its_parts_are_not(
    edited: Edited, tmp_path: Path
) -> None:
    journey = tmp_path / "contracts" / "journeys" / "shopping.yml"
    journey.write_text(journey.read_text(encoding="utf-8").replace("owner:", "ownr:", 1), encoding="utf-8")
    told = edited("owner: finance", "owner: finance")
    assert told
    assert all(problem.startswith("journeys/shopping.yml") for problem in told), told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("removes: [slow_to_buy]", "removes: [slow_to_by]",
         "costs.yml, line 15: improvements.0.removes.0: slow_to_by is no friction of shopping (allowed: repeated_"),
        ("channels: [web, app]", "channels: [fax]", "channels.0: fax is no channel (allowed: app, "),
        ("journey: shopping", "journey: shoping", "improvements.0.journey: shoping is no journey (allowed: shopping)"),
        ("share: 0.3", "stages: [valu]\n    share: 0.3",
         "improvements.0.stages.0: valu is no stage of shopping (allowed: start, discovery, "),
        ("  web: {cost", "  fax: {cost", "contacts.fax: fax is no channel (allowed: app, "),
        ("cost: 90000", "cost: 0", "improvements.0.cost: Input should be greater than 0"),
        ("share: 0.3", "share: 1.3", "improvements.0.share: Input should be less than or equal to 1"),
        ("improvement: cart_kept_over_errors", "improvement: same_day_slots",
         "the improvement same_day_slots is declared twice"),
    ],
)  # fmt: skip
def test_a_wrong_name_or_figure_is_refused_with_its_place(edited: Edited, old: str, new: str, told: str) -> None:
    problems = edited(old, new)
    assert len(problems) == 1
    assert told in problems[0]


def test_improvements_rank_by_value_times_effort_saved_by_cost(
    small: SmallLake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Carts: 8 people × 4 effort × 100 dollars × half of it, by 1,600. Slots: 6 × 2 × 50 × all of it, by 100."""
    root = tmp_path / "contracts"
    shutil.copytree(HERE, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    improvement = {"about": "Some thing", "owner": "web_pod", "journey": "shopping", "because": "So it is"}
    planned = [
        {"improvement": "carts", "removes": ["cart_left_after_error"], "share": 0.5, "cost": 1600.0},
        {"improvement": "slots", "removes": ["slow_to_buy"], "share": 1.0, "cost": 100.0},
        {"improvement": "elsewhere", "removes": ["slow_to_buy"], "share": 1.0, "cost": 1.0, "channels": ["app"]},
    ]
    declared = {"owner": "finance", "currency": "US dollars", "contacts": {"web": {"cost": 0.5, "about": "A visit"}},
                "improvements": [improvement | item for item in planned]}  # fmt: skip
    (root / "costs.yml").write_text(json.dumps(declared), encoding="utf-8")
    with_journeys(small)
    monkeypatch.setenv("CLEW_HOME", str(small.lake.settings.home))
    page = Parsed(pages(asked(small, root))["map.html"])
    ranked = [row for row in page.cells if row[0][:2] in ("1.", "2.", "3.")]
    assert [(row[0], row[4], row[7]) for row in ranked] == [
        ("1. slots", "12.0", "6.000"), ("2. carts", "16.0", "1.000"), ("3. elsewhere", "0.0", "0.000"),
    ]  # fmt: skip
    web = next(row for row in page.cells if row[:2] == ["web", "web (web team)"] and row[3] == "40")
    assert web[4:] == ["40", "20", "80", "4.0", "32.0"]  # 40 visits at half a dollar; 8 people paid 10 each
