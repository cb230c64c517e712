"""The program around the commands: help, exit codes, unforeseen errors, and what it does not import."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("pyspark", "airflow", "great_expectations", "dbt", "pandas", "pyarrow", "splink", "rich")


def test_help_lists_every_command_and_the_exit_codes(clew) -> None:
    ran = clew("--help")
    assert ran.code == 0
    for command in (
        "demo",
        "run",
        "query",
        "tables",
        "runs",
        "profile",
        "explain",
        "identity",
        "resolve",
        "requeue",
        "check",
        "doctor",
        "airflow",
    ):
        assert f"\n  {command} " in ran.out
    assert "2 bad usage or contract" in ran.out
    assert clew().out == ran.out


def test_a_mistyped_command_is_guessed(clew) -> None:
    ran = clew("qeury")
    assert ran.code == 2
    assert ran.err == "error: there is no command qeury\n  do:    did you mean clew query?\n"


def test_an_unforeseen_error_is_one_sentence_and_a_file_never_a_traceback(clew_process, tmp_path: Path) -> None:
    code = """
import sys
from clew import main
def broken(arguments):
    raise ZeroDivisionError("ana@example.org")
main.run = broken
sys.argv = ["clew", "query", "--json"]
main.main()
"""
    ran = clew_process("-c", code, home=tmp_path)
    assert ran.returncode == 3
    assert ran.stderr.splitlines()[0] == "error: an error that Clew did not foresee: ZeroDivisionError"
    assert "Traceback" not in ran.stderr
    assert "example.org" not in ran.stderr + ran.stdout
    kept = next((tmp_path / ".clew" / "logs").glob("unforeseen-*.txt"))
    assert "ZeroDivisionError" in kept.read_text()
    assert json.loads(ran.stdout)["error"]["exit_code"] == 3


def test_airflow_is_that_of_the_workspace_and_nothing_is_made_at_home(
    clew_process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, workspace = tmp_path / "person", tmp_path / "workspace"
    person.mkdir()
    workspace.mkdir()
    monkeypatch.setenv("HOME", str(person))
    monkeypatch.delenv("AIRFLOW_HOME", raising=False)
    ran = clew_process("-m", "clew", "airflow", "config", "get-value", "core", "dags_folder", home=workspace)
    assert (ran.returncode, ran.stdout.strip()) == (0, str(Path(__file__).parents[2] / "dags")), ran.stderr
    assert (workspace / ".clew" / "airflow").is_dir()
    assert list(person.iterdir()) == []


def test_airflow_gets_its_arguments_as_they_are_and_its_exit_code_is_kept(
    clew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def run(command, **_):
        asked.append(command[1:])
        return subprocess.CompletedProcess(command, 2)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(sys, "path", [*sys.path])
    arguments = ["tasks", "clear", "clew_daily", "-dy", "--help", "--", "-x"]
    assert clew("airflow", *arguments, home=tmp_path).code == 2
    assert asked == [arguments]


def test_a_fault_of_the_system_exits_3(clew_process, tmp_path: Path) -> None:
    code = """
import sys, clew.commands.tables as tables
from clew import main
def full(lake): raise OSError(28, "No space left on device", "/data/lake")
tables._released = full
sys.argv = ["clew", "tables"]
main.main()
"""
    ran = clew_process("-c", code)
    assert ran.returncode == 3
    assert ran.stderr.startswith("error: there is no room to write")
    assert "\n  where: /data/lake\n" in ran.stderr


def test_a_query_imports_nothing_heavy(clew_process) -> None:
    ran = clew_process("-X", "importtime", "-m", "clew", "query", "SELECT count(*) FROM gold.profiles")
    assert ran.returncode == 0
    imported = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in ran.stderr.splitlines() if "|" in line}
    assert "duckdb" in imported
    assert not imported & set(HEAVY)


def test_a_reader_who_stops_early_is_no_error(workspace: Path) -> None:
    command = f"{sys.executable} -m clew query 'SELECT * FROM range(300000)' --format csv"
    environment = os.environ | {"CLEW_HOME": str(workspace), "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -1"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "range\n", "")
