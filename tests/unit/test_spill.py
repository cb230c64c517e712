"""What does not fit in memory lies in the workspace, in a folder of the process, and goes with it."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

from lakehouse import spill
from spark_jobs.privacy import search
from spark_jobs.privacy.state import clean_state

HOLDS = """
import sys
from pathlib import Path
from lakehouse import spill
spill.use(Path(sys.argv[1]))
own = spill.folder()
(own / "block").write_text("ann@example.com")
print(own, flush=True)
sys.stdin.read()
"""


def process(state: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process at work that has put something aside, and where."""
    at_work = subprocess.Popen([sys.executable, "-c", HOLDS, str(state)], stdin=-1, stdout=-1, text=True)
    assert at_work.stdout is not None
    return at_work, Path(at_work.stdout.readline().strip())


def test_the_folder_of_a_process_at_work_stays_and_that_of_a_killed_one_goes(tmp_path: Path) -> None:
    at_work, own = process(tmp_path)
    try:
        assert own.parent == tmp_path / "tmp"
        assert stat.S_IMODE(own.stat().st_mode) == stat.S_IMODE(own.parent.stat().st_mode) == 0o700
        spill.clear(tmp_path)
        assert (own / "block").exists()
    finally:
        at_work.send_signal(signal.SIGKILL)
        at_work.communicate()
    assert (own / "block").exists()
    other, its = process(tmp_path)
    other.communicate("")
    assert not own.exists()
    assert (its / "block").exists()  # a process that ends leaves what is not its own to take away


def test_an_erasure_and_its_proof_clear_what_killed_processes_left(small: Any) -> None:
    state = small.lake.settings.state
    for clears in (lambda: clean_state(small.lake, []), lambda: search.search(small.lake, search.for_values(["x"]))):
        killed, own = process(state)
        killed.kill()
        killed.communicate()
        clears()
        assert not own.exists()


def test_duckdb_of_a_lake_puts_nothing_into_the_folder_that_it_is_called_in(small: Any) -> None:
    small.lake.settings.state.mkdir(exist_ok=True)
    code = """
import sys
from pathlib import Path
from identity.sql import query
from lakehouse.lake import Lake
from lakehouse.settings import Settings
lake = Lake(Settings(home=Path(sys.argv[1])))
ask = "SELECT current_setting('temp_directory') AS at"
with lake.duck() as connection:
    print(connection.execute(ask).fetchone()[0])
print(query(ask)["at"][0])
"""
    home = small.lake.settings.home
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    ran = subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True, text=True, cwd=home.parent,
                         env=environment, check=True)  # fmt: skip
    places = {Path(line) for line in ran.stdout.splitlines()}
    assert len(places) == 2
    assert {place.parent.parent for place in places} == {home / ".clew" / "tmp"}
    assert list((home / ".clew" / "tmp").iterdir()) == []  # the process has ended


def test_two_databases_that_spill_at_once_do_not_touch_each_others_files(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(spill, "_states", [tmp_path])
    monkeypatch.setattr(spill, "_made", lambda process: tmp_path)
    small_memory = {"memory_limit": "64MB", "threads": 1}
    first, second = (duckdb.connect(config=spill.duck() | small_memory) for _ in range(2))
    for connection in (first, second):
        connection.execute("CREATE TABLE t AS SELECT i, md5(i::VARCHAR) AS text FROM range(3_000_000) AS r(i)")
    assert len(list(tmp_path.glob("duckdb-*/*"))) >= 2
    first.close()
    ((rows, length),) = second.execute("SELECT count(DISTINCT i), sum(length(text)) FROM t").fetchall()
    assert (rows, length) == (3_000_000, 96_000_000)
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_without_a_workspace_duckdb_is_left_as_it_is(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(spill, "_states", [tmp_path / "none"])
    assert spill.duck() == {}
