"""Whoever is shown personal values is written down in the audit, by tables and a keyed hash, before they are shown."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from clew import looked
from clew.audited import problems
from clew.held.collect import person_fingerprint
from lakehouse import audit
from tests.conftest import SmallLake, profile_id
from tests.unit.lineage_lake import lake_with_lines

ANN = profile_id("ann")


@pytest.fixture(scope="module")
def held(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    return lake_with_lines(small_template, tmp_path_factory.mktemp("held") / "home")


@pytest.fixture
def noted(held: SmallLake, clew: Any) -> Any:
    """What a command adds to the audit: the details of its accesses."""

    def run(*arguments: str, code: int = 0) -> list[str]:
        before = accesses(held)
        ran = clew(*arguments, home=held.lake.settings.home)
        assert ran.code == code, ran.err
        return [item.detail for item in accesses(held)[len(before) :]]

    return run


def accesses(held: SmallLake) -> list[audit.Entry]:
    return [item for item in audit.entries(held.lake) if item.action == "access"]


CONTACT, LINES = "gold.profile_contact", "bronze.web"


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT email FROM gold.profile_contact WHERE email = 'ann.example@gmail.com'", [CONTACT]),
        ("SELECT count(*) FROM gold.profiles JOIN gold.profile_contact USING (profile_id)", [CONTACT]),
        ('WITH x AS (FROM "GOLD"."Profile_Contact" AS c) FROM x', [CONTACT]),
        ("SELECT (SELECT max(email) FROM memory.gold.profile_contact)", [CONTACT]),
        ("FROM (VALUES (1)) AS t, gold.profile_contact AS c", [CONTACT]),
        ("SUMMARIZE gold.profile_contact", [CONTACT]),
        ("FROM query('FROM gold.profile_contact')", [CONTACT]),
        ("PIVOT gold.profile_contact ON first_name USING count(*)", [CONTACT]),
        ("FROM gold.profiles", []),
        ("SELECT 'gold.profile_contact' AS name FROM gold.profiles", []),
        ("WITH profile_contact AS (SELECT 1 AS a) FROM profile_contact", []),
        ("DESCRIBE gold.profile_contact", []),
        ("SHOW TABLES", []),
        ("FROM ops.audit", []),
    ],
)
def test_a_query_is_written_down_where_it_reads_a_restricted_table(noted: Any, sql: str, tables: list[str]) -> None:
    assert noted("query", sql) == [f"query, release 1: {', '.join(tables)}" for _ in tables[:1]]


def test_a_function_that_reads_what_no_from_names_counts_for_all_that_was_opened(noted: Any) -> None:
    (detail,) = noted("query", "FROM query_table('gold.profile_' || 'contact')")
    assert CONTACT in detail
    assert LINES not in detail, "bronze is in no release"


def test_live_tables_and_several_are_named(noted: Any) -> None:
    sql = "SELECT count(*) FROM bronze.web, gold.profile_contact"
    assert noted("query", sql, "--release", "live") == [f"query, live: {LINES}, {CONTACT}"]


def test_a_query_that_is_refused_or_fails_is_none(noted: Any) -> None:
    assert noted("query", "SELECT nothing FROM gold.profile_contact", code=2) == []
    assert noted("query", "FROM gold.profile_contact", "--role", "analyst", code=2) == []


def test_what_is_read_from_open_tables_never_asks_for_the_audit(held: SmallLake, clew: Any, monkeypatch: Any) -> None:
    def fails(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(looked, "_names_in", fails)
    monkeypatch.setattr(looked, "write_down_if_able", fails)
    assert clew("query", "FROM gold.profiles", home=held.lake.settings.home).code == 0


def test_raw_lines_are_written_down_with_whose_they_are_and_what_is_told_without_them_is_not(
    noted: Any, held: SmallLake
) -> None:
    assert noted("trace", "gold.profile_contact", ANN, "--column", "email") == []
    assert noted("trace", "gold.profile_contact", ANN, "--column", "email", "--raw") == [
        f"trace --raw: {CONTACT}, {LINES}"
    ]
    assert accesses(held)[-1].fingerprint == person_fingerprint(held.lake, ANN)
    (detail,) = noted("trace", "exports/email_tool/1", ANN, "--raw")
    assert detail.startswith("trace --raw: exports/email_tool/1, bronze.")
    assert noted("trace", "silver.quarantine", "app", "1", "0", "--raw") == [
        "trace --raw: silver.quarantine, bronze.app"
    ]


def test_a_profile_with_contact_data_is_written_down(clew: Any, workspace: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(workspace, tmp_path / "home"))
    for asked, table in (((), "gold.profile_contact, gold.profile_identifiers"),
                         (("--as-of", "2017-12-30"), "identity.identifiers")):  # fmt: skip
        assert clew("profile", "p-ana", *asked, home=home).code == 0
        entry = accesses(SmallLake(home))[-1]
        assert entry.detail == f"profile, release 1 (as of 2017-12-30): {table}"
        assert entry.fingerprint == person_fingerprint(SmallLake(home).lake, "p-ana")


def test_the_entries_hold_no_value_and_the_person_finds_those_that_are_about_them(held: SmallLake, clew: Any) -> None:
    home = held.lake.settings.home
    assert clew("trace", "profile_contact", ANN, "--raw", home=home).code == 0
    number = accesses(held)[-1].subject
    told = json.loads(clew("access", ANN, "--json", home=home).out)
    assert number in [item["subject"] for item in told["acts"]]
    written = " ".join(str(item.covered) for item in accesses(held))
    assert accesses(held)
    assert not [value for value in (ANN, "@", "gmail", "account:") if value in written]
    assert problems(held.lake) == []


def test_an_account_that_may_not_write_is_told_and_shown(held: SmallLake, clew: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(looked, "may_write", lambda lake: False)
    before = len(accesses(held))
    ran = clew("query", "SELECT count(*) FROM gold.profile_contact", home=held.lake.settings.home)
    assert (ran.code, len(accesses(held))) == (0, before)
    assert ran.err.startswith("this access is not in the audit, which your account may not write\n")


def test_whether_the_audit_can_be_written_goes_by_the_folders(held: SmallLake, monkeypatch: Any) -> None:
    assert looked.may_write(held.lake)
    real, state = os.access, held.lake.settings.state
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != state and real(path, mode))
    assert not looked.may_write(held.lake)


def test_nothing_is_shown_where_the_audit_was_cut(held: SmallLake, clew: Any, tmp_path: Path) -> None:
    cut = held.copy(tmp_path / "home")
    assert clew("query", "FROM gold.profile_contact", home=cut.lake.settings.home).code == 0
    cut.change("ops.audit", lambda rows: [row for row in rows if row["entry"] == 1])
    for asked in (("query", "FROM gold.profile_contact"), ("trace", "profile_contact", ANN, "--raw")):
        ran = clew(*asked, home=cut.lake.settings.home)
        assert (ran.code, ran.out) == (1, "")
        assert "entries were removed or altered" in ran.err
