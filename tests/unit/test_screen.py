"""What a person sees of a run."""

import io

import pytest
from rich.console import Console

from clew.commands.demo import MARK, _clear
from clew.main import run
from clew.pipeline import only_run
from clew.screen import StepScreen, show_outcome
from lakehouse import audit
from lakehouse.lake import Lake
from lakehouse.settings import Settings

OUTCOME = {
    "sources": [
        {"source": "shop", "landed": 1300, "kept": 1200, "duplicates": 60, "quarantined": 40, "erased": 0},
        {"source": "web", "landed": 700, "kept": 690, "duplicates": 7, "quarantined": 3, "erased": 0},
    ],
    "people": {"truth": 640, "found": 655, "precision": 0.9912, "recall": 0.9534, "f1": 0.9719},
    "profiles": 660,
    "journey_stages": [{"stage": "value", "profiles": 400}, {"stage": "lapsed", "profiles": 200}],
    "release": 2,
    "exports": [{"destination": "email_tool", "rows": 210, "refused": {"no consent known": 300, "withdrawn": 150}}],
    "runs": [
        {"run_id": "a", "as_of": "2017-12-30", "seconds": 61.5, "steps": {"land": 9.2, "conform": 21.4}},
        {"run_id": "b", "as_of": "2017-12-31", "seconds": 30.1, "steps": {"land": 3.1}},
    ],
    "seconds": 121.4,
    "next": ["clew runs"],
}


def _shown(width: int) -> str:
    out = io.StringIO()
    show_outcome(Console(file=out, width=width, highlight=False), OUTCOME)
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 160])
def test_the_closing_screen_says_every_number(width):
    shown = _shown(width)
    for words in (
        "1,300 1,200 60 40",
        "all 2,000 1,890 67 43",
        "655 640 99.1 % 95.3 % 97.2 %",
        "email_tool 210 300 no consent known",
        "150 withdrawn",
        "value 400",
        "land 9.2 3.1",
        "conform 21.4 –",
        "whole run 61.5 30.1",
    ):
        assert words in " ".join(shown.split()), words
    assert max(map(len, shown.splitlines())) <= width
    assert shown.rstrip().endswith("clew runs")


def test_the_closing_screen_fits_one_screen_of_a_wide_terminal():
    assert len(_shown(160).splitlines()) <= 40


def test_steps_are_plain_lines_where_there_is_no_terminal():
    out = io.StringIO()
    screen = StepScreen(out)
    screen.begin("run for 2017-12-31", ["land", "gate_silver"])
    screen.started("land")
    screen.said("land", "web", 10, 20)
    screen.ended("land", "done", 1234, 2.04, "")
    screen.started("gate_silver")
    screen.ended("gate_silver", "failed", 0, 0.5, "rows [of] web\x1b[2J are lost")
    screen.finish()
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert lines == [
        "run for 2017-12-31",
        "✓ [ 1/2] land 1,234 rows 2.0 s",
        "✗ [ 2/2] gate_silver 0.5 s rows [of] web\\x1b[2J are lost",
    ]
    assert screen.seconds == {"land": 2.04, "gate_silver": 0.5}


@pytest.mark.parametrize(
    ("held", "says"),
    [("lake/silver", "a lake that no demo made"), ("exports/email_tool", "exports that no demo wrote")],
)
def test_a_demo_replaces_nothing_that_no_demo_made(tmp_path, monkeypatch, capsys, held, says):
    (tmp_path / held).mkdir(parents=True)
    monkeypatch.setenv("CLEW_HOME", str(tmp_path))
    assert run(["demo"]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "CLEW_HOME=" in said
    assert (tmp_path / held).is_dir()


@pytest.mark.parametrize("households", ["0", "-3", "many"])
def test_a_demo_of_no_households_is_bad_usage(tmp_path, monkeypatch, capsys, households):
    monkeypatch.setenv("CLEW_HOME", str(tmp_path))
    assert run(["demo", f"--households={households}"]) == 2
    assert f"--households {households} is neither a number nor all" in capsys.readouterr().err
    assert not (tmp_path / "lake").exists()


def test_a_second_run_in_a_workspace_is_refused_while_one_is_under_way(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CLEW_HOME", str(tmp_path))
    with only_run(Settings(home=tmp_path)):
        assert run(["run", "--date", "2017-12-31"]) == 3
    assert "another run is under way in this workspace" in capsys.readouterr().err
    with only_run(Settings(home=tmp_path)):
        pass  # its end sets the workspace free


def test_a_run_for_no_date_is_bad_usage(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CLEW_HOME", str(tmp_path))
    assert run(["run", "--date", "31.12.2017"]) == 2
    assert run(["run", "--date", "2999-01-01"]) == 2
    assert run(["run", "--date", "0001-01-01"]) == 2
    assert "31.12.2017 is not a date" in capsys.readouterr().err


def test_a_demo_that_clears_the_lake_takes_the_audits_note_with_it(tmp_path):
    settings = Settings(home=tmp_path)
    settings.lake.mkdir()
    (settings.lake / MARK).touch()
    audit.note(Lake(settings), [audit.Act("release", "release 1", "", "1" * 64)])
    _clear(settings)
    assert audit.note(Lake(settings), [audit.Act("release", "release 1", "", "1" * 64)]) == 1
