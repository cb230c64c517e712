"""What stands in contracts or values cannot become markup, script or SQL, and cannot end what holds it."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from contracts import HERE
from tests.conftest import SmallLake
from tests.unit.reported import Parsed, asked, day, pages, put, with_journeys

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\" onmouseover='alert(1)"

TEXTS = (
    "goal: Find out whether this shop has what I need",
    "about: From a first look to a regular who recommends us",
    "recovery: Support calls back where a ticket is open",
    "about: A ticket, and its resolution",
)


@pytest.fixture(scope="module")
def hostile(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Pages of contracts whose texts are markup, and of tables whose values are."""
    small = SmallLake(small_template).copy(tmp_path_factory.mktemp("hostile") / "home")
    root = tmp_path_factory.mktemp("hostile") / "contracts"
    shutil.copytree(HERE, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    journey = root / "journeys" / "shopping.yml"
    text = journey.read_text(encoding="utf-8")
    for told in TEXTS:
        assert told in text
        text = text.replace(told, f"{told.split(': ')[0]}: {json.dumps(HOSTILE)}")
    journey.write_text(text, encoding="utf-8")
    costs = root / "costs.yml"
    costs.write_text(costs.read_text(encoding="utf-8").replace(
        "because: Two in five tickets begin with the same questions", f"because: {json.dumps(HOSTILE)}"))  # fmt: skip
    with_journeys(small)
    put(small, "journey_paths", [
        {"journey": "shopping", "stage": "discovery", "from_step": HOSTILE, "to_step": "stop", "people": 30,
         "times": 60, "median_minutes": None, "share": 1.0}])  # fmt: skip
    put(small, "touchpoints", [
        {"touchpoint_id": f"t-{number}", "profile_id": f"p-{number:02}", "channel": HOSTILE, "direction": "inbound",
         "kind": "visit", "event_id": f"e-{number}", "occurred_at": day(2)} for number in range(9)])  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLEW_HOME", str(small.lake.settings.home))
        patch.setenv("CLEW_CONTRACTS", str(root))
        return pages(asked(small, root))


def test_no_text_of_a_contract_and_no_value_becomes_markup(hostile: dict[str, str]) -> None:
    seen = 0
    for name, text in hostile.items():
        page = Parsed(text)  # which fails where something is closed that was not opened
        scripts = [given for tag, given in page.met if tag == "script"]
        assert all(given.get("src") in ("site.js", "echarts.min.js") or given.get("type") == "application/json"
                   for given in scripts), name  # fmt: skip
        assert not [tag for tag, _ in page.met if tag in ("img", "iframe", "object", "embed", "form", "base")], name
        assert not [given for _, given in page.met if any(at.startswith("on") for at in given)], name
        seen += text.count("&lt;/script&gt;")
    assert seen >= 6


def test_a_value_in_a_chart_is_read_back_as_it_is(hostile: dict[str, str]) -> None:
    texts = re.findall(r'<script type="application/json">(.*?)</script>', hostile["paths.html"], re.DOTALL)
    nodes = [node["name"] for text in texts for node in json.loads(text)["series"][0]["data"]]
    assert HOSTILE in nodes


def test_every_page_allows_its_own_scripts_only(hostile: dict[str, str]) -> None:
    for name, text in hostile.items():
        policies = [given["content"] for tag, given in Parsed(text).met if given.get("http-equiv")]
        assert len(policies) == 1, name
        assert "default-src 'none'" in str(policies[0])
        assert "unsafe-inline" not in str(policies[0]).split("script-src")[1].split(";")[0]


def test_a_value_in_a_trace_cannot_leave_its_command(small: SmallLake, monkeypatch: pytest.MonkeyPatch) -> None:
    with_journeys(small)
    row: dict[str, Any] = {"journey": "shopping", "place": 1, "stage": "discovery", "friction": "slow_to_buy",
                           "channel": "web'\"; rm -rf $HOME; `x`", "people": 9, "occurrences": 9,
                           "effort_per_person": 1.0, "value_per_person": 1, "weight": 9.0}  # fmt: skip
    put(small, "bottlenecks", [row])
    monkeypatch.setenv("CLEW_HOME", str(small.lake.settings.home))
    commands = [text for text in Parsed(pages(asked(small))["bottlenecks.html"]).copied if "clew trace" in text]
    assert len(commands) == 1
    words = shlex.split(commands[0].split("\n")[0])
    assert words[:5] == ["clew", "query", "--release", "1", "--format"]
    assert len(words) == 7
    assert row["channel"].replace("'", "''") in words[6]
