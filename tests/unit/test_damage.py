"""A damaged table, no room or no right to write: a clear word, and nothing made worse."""

import ctypes
import json
import os
import resource as limits
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from py4j.protocol import Py4JNetworkError

from clew.restore import restore
from identity.resolve import resolve
from lakehouse.content import contents
from lakehouse.errors import DataError, EnvironmentFault
from lakehouse.faults import damaged
from lakehouse.intact import damages
from lakehouse.lake import Lake
from lakehouse.settings import Settings

CHECKOUT = Path(__file__).parents[2]
RESOLVE = (
    "import sys, datetime\nfrom pathlib import Path\nfrom identity.resolve import resolve\n"
    "from lakehouse.errors import ClewError\nfrom lakehouse.lake import Lake\nfrom lakehouse.run import Run\n"
    "from lakehouse.settings import Settings\n"
    "try:\n    resolve(Lake(Settings(home=Path(sys.argv[1]))), Run('r', datetime.date(2017, 12, 30)))\n"
    "except ClewError as error:\n    print(error)\n    sys.exit(error.exit_code)\n"
)


def log_of(small, table: str) -> list[Path]:
    return sorted((Path(small.lake.path(table)) / "_delta_log").glob("*.json"))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def newest_file(small, table: str) -> Path:
    return Path(small.lake.path(table)) / small.lake.delta(table).get_add_actions(flatten=True)["path"][0].as_py()


def truncated(small) -> Path:
    cut_off(newest_file(small, "silver.events"))
    return newest_file(small, "silver.events")


def missing(small) -> Path:
    path = newest_file(small, "silver.events")
    path.unlink()
    return path


def broken_entry(small) -> Path:
    cut_off(log_of(small, "silver.events")[-1])
    return log_of(small, "silver.events")[-1]


def missing_entry(small) -> Path:
    small.write("silver.events", small.rows("silver.events"))
    path = log_of(small, "silver.events")[1]
    path.unlink()
    return path


def missing_checkpoint(small) -> Path:
    small.lake.delta("silver.events").create_checkpoint()
    (path,) = (Path(small.lake.path("silver.events")) / "_delta_log").glob("*.checkpoint.parquet")
    path.unlink()
    for entry in log_of(small, "silver.events"):
        entry.unlink()
    return path.with_name("_last_checkpoint")


@pytest.mark.parametrize("damage", [truncated, missing, broken_entry, missing_entry, missing_checkpoint])
def test_a_step_that_meets_a_damaged_table_names_the_file_and_the_command_that_restores_it(small, damage) -> None:
    file = damage(small)
    found = damages(small.lake)
    assert {item.table for item in found} == {"silver.events"}
    assert file.name in {Path(item.file).name for item in found}
    with pytest.raises(DataError) as error:
        resolve(small.lake, small.run)
    assert "silver.events" in error.value.what
    assert file.name in error.value.where
    assert "clew restore silver.events" in error.value.do
    (last,) = [row for row in small.rows("ops.runs") if row["step"] == "resolve" and row["state"] != "started"]
    assert last["state"] == "failed"


def test_the_entry_that_made_a_table_is_missed_though_what_it_said_is_known_from_its_checksum(small) -> None:
    rows = small.rows("silver.events")
    path = log_of(small, "silver.events")[0]
    path.unlink()
    assert {(item.table, Path(item.file).name) for item in damages(small.lake)} == {("silver.events", path.name)}
    assert small.rows("silver.events") == rows


def test_whole_tables_are_not_reported(small, clew) -> None:
    assert damages(small.lake) == []
    ran = clew("doctor", "--tables", home=small.lake.settings.home)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, f"{len(small.lake.tables())} tables: all are whole")


def test_doctor_tells_what_is_damaged_and_restore_begins_a_computed_table_anew(small, clew) -> None:
    home = small.lake.settings.home
    before = small.lake.version("identity.edges")
    truncated_file = newest_file(small, "identity.edges")
    cut_off(truncated_file)
    ran = clew("doctor", "--tables", "--json", home=home)
    assert ran.code == 1
    (told,) = json.loads(ran.out)["damages"]
    assert (told["table"], told["file"], told["do"]) == (
        "identity.edges",
        truncated_file.name,
        "clew restore identity.edges",
    )
    assert clew("restore", "identity.edges", "--dry-run", home=home).code == 0
    assert damages(small.lake)
    assert clew("restore", "identity.edges", home=home).code == 0
    assert damages(small.lake) == []
    assert small.rows("identity.edges") == []
    assert small.lake.version("identity.edges") == before + 1
    with pytest.raises(DataError):  # never other rows under a version that a release names
        small.lake.duck(versions={"identity.edges": before}, only=["identity.edges"])
    assert "identity.edges" in small.lake.tables()
    assert not [table for table in small.lake.tables() if table.startswith("_")]
    aside = home / "lake" / "_damaged" / "identity" / f"edges.{before + 1}"
    assert (aside / truncated_file.name).exists()
    resolve(small.lake, small.run)
    assert small.rows("identity.edges")


def test_a_table_that_nothing_computes_is_not_begun_anew(small, clew) -> None:
    for table, word in (("bronze.web", "landing files"), ("identity.decisions", "backup"), ("ops.audit", "backup")):
        cut_off(log_of(small, table)[-1])
        do = damaged(damages(small.lake, [table])).do
        assert word in do
        assert "clew restore" not in do
        ran = clew("restore", table, home=small.lake.settings.home)
        assert ran.code == 1
        assert word in ran.err
        assert not (small.lake.settings.lake / "_damaged").exists()


def test_a_missing_checkpoint_whose_entries_are_there_is_only_a_hint_to_remove(small) -> None:
    small.lake.delta("silver.events").create_checkpoint()
    log = Path(small.lake.path("silver.events")) / "_delta_log"
    (checkpoint,) = log.glob("*.checkpoint.parquet")
    checkpoint.unlink()
    before = len(small.rows("silver.consents"))
    made = restore(small.lake, "silver.events")
    assert made.aside is None
    assert damages(small.lake) == []
    assert len(small.rows("silver.events")) > before


def resolve_under(small, prepare) -> "subprocess.CompletedProcess[str]":
    """Resolve in a process of its own, on whose system calls limits lie."""
    return subprocess.run(
        [sys.executable, "-c", RESOLVE, str(small.lake.settings.home)],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=prepare,
    )


def no_room() -> None:
    limits.setrlimit(limits.RLIMIT_FSIZE, (6_000, 6_000))


def no_superuser() -> None:
    """Without this, permissions do not bind root (PR_CAPBSET_DROP of what overrides them)."""
    libc = ctypes.CDLL(None)
    libc.prctl(24, 1, 0, 0, 0)
    libc.prctl(24, 2, 0, 0, 0)


def test_without_room_the_run_says_so_and_the_next_one_is_as_if_nothing_had_been(small, tmp_path) -> None:
    home = small.lake.settings.home
    assert small.lake.settings.identity_key
    shutil.copytree(home, tmp_path / "undisturbed")
    undisturbed = Lake(Settings(home=tmp_path / "undisturbed"))
    ran = resolve_under(small, no_room)
    assert ran.returncode == 3, ran.stderr
    assert "no room to write" in ran.stdout
    assert damages(small.lake) == []
    for lake in (small.lake, undisturbed):
        resolve(lake, small.run)
    assert contents(small.lake) == contents(undisturbed)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("Job aborted: java.io.IOException: No space left on device", "no room to write"),
        ("Generic LocalFileSystem error: Disk quota exceeded (os error 122)", "no room to write"),
        ("java.io.FileNotFoundException: /lake/x.parquet (Read-only file system)", "may not be written"),
    ],
)
def test_the_words_of_any_library_for_no_room_and_no_right_are_understood(small, said, word) -> None:
    with pytest.raises(EnvironmentFault, match=word), small.run.step(small.lake, "conform"):
        raise RuntimeError("the step failed") from ValueError(said)


class _Asks(Exception):
    """An error that asks the JVM for its text, and the JVM is gone."""

    def __str__(self) -> str:
        raise ConnectionRefusedError


@pytest.mark.parametrize(
    "error",
    [
        Py4JNetworkError("Answer from Java side is empty"),
        _Asks(),
        RuntimeError("Job aborted: java.lang.OutOfMemoryError: Java heap space"),
        RuntimeError("Not enough memory to build and broadcast the table to all worker nodes"),
    ],
)
def test_a_lost_jvm_is_told_however_it_is_noticed(small, error) -> None:
    with pytest.raises(EnvironmentFault, match="JVM ended") as told, small.run.step(small.lake, "conform"):
        raise error
    assert "CLEW_DRIVER_MEMORY, now 3g" in told.value.do
    assert told.value.what in {row["message"] for row in small.rows("ops.runs") if row["state"] == "failed"}


def test_a_connection_that_another_refused_is_no_lost_jvm(small) -> None:
    with pytest.raises(ConnectionRefusedError), small.run.step(small.lake, "conform"):
        raise ConnectionRefusedError


def test_an_error_whose_cause_is_neither_stays_what_it_is(small) -> None:
    with pytest.raises(RuntimeError, match="a fault of ours"), small.run.step(small.lake, "conform"):
        raise RuntimeError("a fault of ours")


def test_a_folder_that_may_not_be_written_is_named(small) -> None:
    folder = Path(small.lake.path("identity.edges"))
    log = folder / "_delta_log"
    for path in (folder, log):
        path.chmod(0o555)
    try:
        ran = resolve_under(small, no_superuser)
    finally:
        for path in (folder, log):
            path.chmod(0o755)
    assert ran.returncode == 3, ran.stderr
    assert str(log) in ran.stdout
    assert damages(small.lake) == []
    resolve(small.lake, small.run)
