"""A restore that is killed: it is told of, and what comes next puts the table back, under the number after its last."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clew.restore import restore
from identity.resolve import resolve
from lakehouse.errors import DataError
from lakehouse.intact import begin_anew, damages, half_restored
from tests.erasable import Died

CHECKOUT = Path(__file__).parents[2]
KILLED = """
import os, signal, sys
from pathlib import Path
from clew.restore import restore
from lakehouse.lake import Lake
from lakehouse.settings import Settings

left, rename = int(sys.argv[3]), Path.rename

def counted(path, target):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return rename(path, target)

Path.rename = counted
restore(Lake(Settings(home=Path(sys.argv[1]))), sys.argv[2])
"""
"""A restore of a table that is killed before the rename of that number, counted from 0."""


def damage(small: Any, table: str) -> int:
    """Cut off a table's file; the version that it has."""
    name = small.lake.delta(table).get_add_actions(flatten=True)["path"][0].as_py()
    file = Path(small.lake.path(table)) / name
    file.write_bytes(file.read_bytes()[:-40])
    return small.lake.version(table)


def is_begun_anew(small: Any, table: str, before: int) -> bool:
    """Whether a table is whole and empty after its last version, which is set aside and never read as another."""
    with pytest.raises(DataError):
        small.lake.duck(versions={table: before}, only=[table])
    root = Path(small.lake.path(table)).parents[1]
    aside = [path.name for path in (root / "_damaged" / table.split(".")[0]).iterdir()]
    assert aside == [f"{table.split('.')[1]}.{before + 1}"]
    return (damages(small.lake), small.rows(table), small.lake.version(table)) == ([], [], before + 1)


@pytest.mark.parametrize("table", ["identity.edges", "gold.profiles"])
def test_a_restore_killed_at_any_rename_is_told_of_and_can_be_run_again(
    small: Any, tmp_path: Path, clew: Any, table: str
) -> None:
    before = damage(small, table)
    was_there = []
    for rename in range(20):
        copy = small.copy(tmp_path / str(rename))
        home = copy.lake.settings.home
        ran = subprocess.run(
            [sys.executable, "-c", KILLED, str(home), table, str(rename)],
            env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
            check=False,
        )
        if ran.returncode == 0:
            break
        assert ran.returncode == -signal.SIGKILL
        was_there.append(copy.lake.exists(table))
        assert {item.table for item in damages(copy.lake)} == {table}
        told = clew("doctor", "--tables", home=home)
        assert (told.code, f"do:     clew restore {table}" in told.out) == (1, True)
        assert clew("restore", table, home=home).code == 0
        assert is_begun_anew(copy, table, before)
    assert was_there[-2:] == [True, False]  # the last two renames set the table aside and put the new one in its place


def a_step_begins(small: Any) -> None:
    with small.run.step(small.lake, "build_marts"):
        pass


def tables_are_made(small: Any) -> None:
    small.lake.ensure_tables()


@pytest.mark.parametrize(
    ("table", "comes_next"),
    [("identity.edges", a_step_begins), ("gold.profiles", a_step_begins), ("identity.edges", tables_are_made)],
)
def test_what_comes_after_a_restore_that_died_between_its_renames_finishes_it(
    small: Any, table: str, comes_next: Callable[[Any], None]
) -> None:
    before = dies_between_its_renames(small, table)
    assert [(item.table, item.what[:36]) for item in damages(small.lake)] == [
        (table, "it is missing: a restore died, or is")
    ]
    comes_next(small)
    assert is_begun_anew(small, table, before)


def test_rows_that_are_written_after_a_restore_that_died_are_under_no_old_number(small: Any) -> None:
    before = dies_between_its_renames(small, "identity.edges")
    resolve(small.lake, small.run)
    assert small.rows("identity.edges")
    assert small.lake.version("identity.edges") > before + 1
    with pytest.raises(DataError):
        small.lake.duck(versions={"identity.edges": before}, only=["identity.edges"])


def test_a_table_that_began_again_at_version_0_is_restored_to_after_those_set_aside(small: Any) -> None:
    before = damage(small, "identity.edges")
    restore(small.lake, "identity.edges")
    shutil.rmtree(small.lake.path("identity.edges"))
    small.lake.ensure_tables()
    assert small.lake.version("identity.edges") == 0
    restore(small.lake, "identity.edges", even_if_whole=True)
    assert small.lake.version("identity.edges") == before + 2


def test_a_table_that_somebody_removed_is_not_made_of_half_a_draft(small: Any) -> None:
    damage(small, "identity.edges")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakehouse.intact._renumber", _dies)
        with pytest.raises(Died):
            begin_anew(small.lake, "identity.edges")
    Path(small.lake.path("identity.edges")).rename(small.lake.settings.home / "elsewhere")
    assert half_restored(small.lake) == {}


def dies_between_its_renames(small: Any, table: str) -> int:
    """Have a restore die when the table is away; the version that it had."""
    before = damage(small, table)
    rename = Path.rename

    def dies(path: Path, target: Path) -> Path:
        return _dies() if path.suffix == ".new" else rename(path, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "rename", dies)
        with pytest.raises(Died):
            restore(small.lake, table)
    assert not small.lake.exists(table)
    return before


def _dies(*_: Any) -> Any:
    raise Died
