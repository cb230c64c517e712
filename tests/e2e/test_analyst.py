"""What docs/analyst.md and the notebook say is done as it is written, on the demo's release."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
QUESTIONS = re.findall(
    r"^## (\d+\. .*?)$.*?```sql\n(.*?)```", (DOCS / "analyst.md").read_text(), re.DOTALL | re.MULTILINE
)


def test_there_are_ten_questions() -> None:
    assert [title.split(".")[0] for title, _ in QUESTIONS] == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize(("title", "sql"), QUESTIONS, ids=[title for title, _ in QUESTIONS])
def test_a_query_of_an_analyst_is_answered(demo: Any, clew: Any, title: str, sql: str) -> None:
    ran = clew("query", sql, "--format", "json", home=demo.settings.home)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["rows"] or title.startswith("5."), "few people may meet no bottleneck"


def test_the_notebook_runs_to_its_end(demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEW_HOME", str(demo.settings.home))
    cells = json.loads((DOCS / "notebooks" / "journeys.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 4
    shared: dict[str, Any] = {}
    for cell in code:
        exec(compile(cell, "journeys.ipynb", "exec"), shared)  # noqa: S102 - it is ours
    assert shared["release"] == 2
    assert set(shared["stages"]["stage"]) & {"discovery", "value"}
    assert (shared["gates"]["low"] <= shared["gates"]["high"]).all()
