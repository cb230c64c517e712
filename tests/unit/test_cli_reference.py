"""docs/reference/cli.md shows each command's JSON: the same command must print the same shape."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SmallLake
from tests.unit.attributed import MEASURED, MIXED
from tests.unit.lineage_lake import lake_with_lines

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
SHAPES = re.findall(r"<!-- shape: (.+?) -->\n```json\n(.+?)\n```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)


def shape(value: Any) -> Any:
    """Names and kinds, without the values; a list is like its first item."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "nothing" if value is None else "number" if isinstance(value, int | float) else type(value).__name__


def test_the_reference_shows_every_reading_command() -> None:
    assert {command.split()[0] for command, _ in SHAPES} == {
        "query", "tables", "runs", "profile", "explain", "trace", "access", "identity", "requeue", "privacy", "policy",
        "export", "caps", "attribution", "campaigns", "audit", "check", "forget", "hold", "retain", "roles", "metrics",
        "hypotheses", "experiment",
    }  # fmt: skip


@pytest.fixture(scope="module")
def lined(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose raw lines say what silver says."""
    return Path(lake_with_lines(small_template, tmp_path_factory.mktemp("lined") / "home").lake.settings.home)


@pytest.fixture(scope="module")
def attributed(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which one credit was measured."""
    made = SmallLake(small_template).copy(tmp_path_factory.mktemp("attributed") / "home")
    made.lake.overwrite("gold.attribution", [MEASURED])
    made.lake.overwrite("gold.media_mix", [MIXED])
    return Path(made.lake.settings.home)


@pytest.fixture
def measured_home(measured: SmallLake) -> Path:
    """A workspace whose metrics and hypotheses were measured."""
    return Path(measured.lake.settings.home)


@pytest.mark.parametrize(("command", "shown"), SHAPES, ids=[command for command, _ in SHAPES])
def test_a_command_prints_the_shape_that_the_reference_shows(
    clew, request: pytest.FixtureRequest, command: str, shown: str
) -> None:
    command, _, part = command.partition(" : ")
    exported = ("privacy", "policy", "export", "caps", "audit", "forget", "hold", "retain")
    home_of = dict.fromkeys(exported, "exported") | dict.fromkeys(("trace", "access"), "lined")
    home_of |= {"attribution": "attributed"}
    home_of |= dict.fromkeys(("metrics", "hypotheses"), "measured_home")
    home_of |= {"experiment": "experimented_home"}
    named = home_of.get(command.split()[0])
    home = {"home": request.getfixturevalue(named)} if named else {}
    printed = json.loads(clew(*shlex.split(command), **home).out)
    printed = printed[part] if part else printed
    expected = json.loads(shown)
    if command.startswith("tables"):
        printed["tables"] = [item for item in printed["tables"] if item["table"] == "gold.profiles"]
    assert shape(printed) == shape(expected)
