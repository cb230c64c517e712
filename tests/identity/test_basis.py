"""What makes a run resolve everything: where what it goes by is not what the last run went by."""

import ast
import datetime
import shutil

import pytest

from identity import basis
from identity.resolve import resolve
from lakehouse.run import Run
from tests.identity.test_resolve import messages, resolved

DAY = datetime.date(2017, 12, 31)


def contracts_of_identity():
    """The modules of contracts by which identity computes; those of errors only say what went wrong."""
    found = {
        node.module.partition(".")[2]
        for folder in ("identity", "identity/spark")
        for path in (basis.ROOT / folder).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("contracts.")
    }
    return sorted(found - {"errors"})


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the code, to be edited, that runs take for their own."""
    for folder in ("identity", "contracts"):
        shutil.copytree(basis.ROOT / folder, tmp_path / "code" / folder)
    monkeypatch.setattr(basis, "ROOT", tmp_path / "code")
    return tmp_path / "code"


def edit(path):
    path.write_text(path.read_text(encoding="utf-8") + "\n# another rule\n", encoding="utf-8")


def test_an_edit_of_the_code_of_a_contract_makes_the_next_run_a_full_one(copy, tmp_path):
    lake, _ = resolved(tmp_path / "home")
    resolve(lake, Run("run-2", DAY))
    edit(copy / "contracts" / "identity.py")
    resolve(lake, Run("run-3", DAY))
    resolve(lake, Run("run-4", DAY))
    since = "all resolved, since the code is not that of the last run"
    assert [message.endswith(since) for message in messages(lake)] == [False, False, True, False]


def test_an_edit_of_any_file_that_decides_who_is_who_is_another_code(copy):
    modules = contracts_of_identity()
    assert {"identity", "link"} <= set(modules)
    files = [f"contracts/{name}.py" for name in (*modules, "base", "records", "source")]
    for file in (*files, "identity/usable.py", "identity/nicknames.csv", "identity/spark/components.py"):
        before = basis._code()
        edit(copy / file)
        assert basis._code() != before, file


def test_an_edit_of_what_says_nothing_of_identity_is_no_other_code(copy):
    before = basis._code()
    for file in ("contracts/export.py", "identity/people/__init__.py"):
        edit(copy / file)
    assert basis._code() == before
