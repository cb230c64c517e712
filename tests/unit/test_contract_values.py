"""Values of contracts that there cannot be, each told with its file and line."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts import HERE
from contracts.check import check

Told = Callable[[str, str, str], list[tuple[int, str]]]
NONE = "a date or a number that there cannot be"
CHANGES: dict[str, tuple[str, str, str, str]] = {
    "a day that no calendar has": (
        "hypotheses/mailed_people_buy_more_often.yml", "2017-12-31", "2017-02-30", NONE
    ),
    "an hour that no day has": (
        "journeys/shopping.yml", "until: 2017-12-31", "until: 2017-12-31T25:00:00Z", NONE
    ),
    "a last day after which none comes": (
        "journeys/shopping.yml", "until: 2017-12-31", "until: 9999-12-31", "should be less than 9000-01-01"
    ),
    "a list as a key": ("marts.yml", "\n", "\n? [a, b]\n: c\n", "a key is a text"),
    "an infinite weight": ("journeys/shopping.yml", "weight: 3}", "weight: .inf}", "finite"),
    "a threshold that is no number": (
        "hypotheses/mailed_people_buy_more_often.yml", "threshold: 0.5", "threshold: .nan", "finite"
    ),
    "an event of a call under a name of its own": (
        "events/crm/customer_identified.yml", "event: customer_identified", "event: member_identified",
        "a message of type identify is customer_identified",
    ),
}  # fmt: skip


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """What the check says of our contracts once one file of them is changed."""

    def changed(name: str, was: str, now: str) -> list[tuple[int, str]]:
        folder = tmp_path / "contracts"
        shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        text = (folder / name).read_text(encoding="utf-8")
        assert was in text
        (folder / name).write_text(text.replace(was, now, 1), encoding="utf-8")
        return [(problem.line, problem.what) for problem in check(folder).problems if problem.file.endswith(name)]

    return changed


@pytest.mark.parametrize("name", CHANGES)
def test_a_value_that_there_cannot_be_is_told(told: Told, name: str) -> None:
    file, was, now, what = CHANGES[name]
    line = 1 + (HERE / file).read_text(encoding="utf-8").partition(was)[0].count("\n") + now.startswith("\n")
    assert any(at == line and what in found for at, found in told(file, was, now))


def test_a_time_zone_that_nobody_knows_is_told(told: Told) -> None:
    file = next(
        path for path in sorted((HERE / "sources").rglob("*.yml")) if "zone: " in path.read_text(encoding="utf-8")
    )
    was = next(line for line in file.read_text(encoding="utf-8").splitlines() if "zone: " in line)
    zone = was.partition("zone: ")[2].split("}")[0].split(",")[0].strip()
    found = told(str(file.relative_to(HERE)), f"zone: {zone}", "zone: Europe/Gymtown")
    assert any("Europe/Gymtown is no time zone" in what for _, what in found)
