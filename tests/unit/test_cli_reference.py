"""docs/reference/cli.md shows each command's JSON: the same command must print the same shape."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

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
        "query", "tables", "runs", "profile", "explain", "identity", "requeue", "privacy", "export", "audit",
        "check",
    }  # fmt: skip


@pytest.mark.parametrize(("command", "shown"), SHAPES, ids=[command for command, _ in SHAPES])
def test_a_command_prints_the_shape_that_the_reference_shows(
    clew, request: pytest.FixtureRequest, command: str, shown: str
) -> None:
    command, _, part = command.partition(" : ")
    of_exports = command.split()[0] in ("privacy", "export", "audit")
    home = {"home": request.getfixturevalue("exported")} if of_exports else {}
    printed = json.loads(clew(*shlex.split(command), **home).out)
    printed = printed[part] if part else printed
    expected = json.loads(shown)
    if "tables" in printed:
        printed["tables"] = [item for item in printed["tables"] if item["table"] == "gold.profiles"]
    assert shape(printed) == shape(expected)
