"""What the Makefile takes away, and what it leaves alone."""

import fcntl
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"


def _clean(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-f", str(MAKEFILE), "clean", *more], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("data", ["landing/web/a.jsonl", "lake/bronze/web/part", ".clew/identity.key"])
def test_clean_leaves_data_that_no_demo_made(tmp_path, data) -> None:
    file = tmp_path / data
    file.parent.mkdir(parents=True)
    file.touch()
    refused = _clean(tmp_path)
    assert refused.returncode == 2
    assert "make clean FORCE=1" in refused.stderr
    assert file.exists()
    assert _clean(tmp_path, "FORCE=1").returncode == 0
    assert not file.exists()


def test_clean_removes_a_demo_and_keeps_what_set_up_fetched(tmp_path) -> None:
    made = ("lake/.demo", "landing/web/a.jsonl", "exports/email_tool/1/data.csv", "certificates/erasure-000001.json")
    for name in (*made, ".clew/jars/delta.jar"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert _clean(tmp_path).returncode == 0
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["delta.jar"]


def test_clean_leaves_the_lake_of_a_run_that_is_under_way(tmp_path) -> None:
    lock = tmp_path / ".clew" / "locks" / "run.lock"
    for path in (tmp_path / "lake" / ".demo", lock):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        refused = _clean(tmp_path)
    assert refused.returncode == 2
    assert "a run is under way here" in refused.stderr
    assert (tmp_path / "lake" / ".demo").exists()
