"""The period of a source, a table and a destination: the shorter of its own and that of what it is for."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts import HERE, Contracts, period
from contracts.check import check


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    """A copy of the contracts."""
    return Path(shutil.copytree(HERE, tmp_path / "contracts"))


def put(root: Path, file: str, *steps: str, to: Any) -> None:
    """Give a field of a declaration another value, or take it out."""
    data = place = yaml.safe_load((root / file).read_text(encoding="utf-8"))
    for step in steps[:-1]:
        place = place[step]
    if to is None:
        del place[steps[-1]]
    else:
        place[steps[-1]] = to
    (root / file).write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")


def keeps(root: Path, purpose: str, days: int) -> None:
    put(root, "consent/purposes.yml", "purposes", purpose, "retention_days", to=days)


def test_without_a_period_of_its_purpose_a_declared_one_holds_alone() -> None:
    contracts = Contracts()
    assert not [name for name, purpose in contracts.policy.purposes.items() if purpose.retention_days]
    assert {name: period.of_table(contracts, name) for name in contracts.tables} == {
        name: table.retention_days for name, table in contracts.tables.items()
    }
    assert {name: period.of_source(contracts, name) for name in contracts.sources} == {
        name: source.retention_days for name, source in contracts.sources.items()
    }


def test_the_shorter_of_the_two_counts(declared: Path) -> None:
    keeps(declared, "measurement", 100)
    keeps(declared, "identity_linking", 5000)
    contracts = Contracts(declared)
    assert period.of_table(contracts, "silver.events") == 100
    assert period.of_table(contracts, "identity.history") == 1095
    assert period.of_table(contracts, "silver.quarantine") == 365  # for operation, which has none


def test_what_declares_none_has_that_of_its_purpose(declared: Path) -> None:
    keeps(declared, "identity_linking", 200)
    keeps(declared, "service", 90)
    put(declared, "tables/identity/history.yml", "retention_days", to=None)
    put(declared, "sources/crm.yml", "retention_days", to=None)
    contracts = Contracts(declared)
    assert period.of_table(contracts, "identity.history") == 200
    assert period.of_source(contracts, "crm") == 90


def test_messages_are_for_what_their_source_says_else_for_what_silver_events_is(declared: Path) -> None:
    keeps(declared, "measurement", 100)
    keeps(declared, "service", 800)
    contracts = Contracts(declared)
    found = {name: period.of_source(contracts, name) for name in sorted(contracts.sources)}
    assert found == {"app": 100, "consent": 3650, "crm": 800, "email": 100, "shop": 100, "support": 730, "web": 100}


def test_what_serves_two_purposes_is_kept_for_the_longer_one(declared: Path) -> None:
    put(declared, "tables/identity/history.yml", "columns", "true_from", "purpose", to="measurement")
    keeps(declared, "identity_linking", 10)
    assert period.of_table(Contracts(declared), "identity.history") == 1095  # measurement has none
    keeps(declared, "measurement", 20)
    assert period.of_table(Contracts(declared), "identity.history") == 20


def test_folders_of_a_destination_are_kept_no_longer_than_its_purpose_lets(declared: Path) -> None:
    keeps(declared, "email_marketing", 30)
    put(declared, "exports/ad_platform.yml", "retention_days", to=None)
    contracts = Contracts(declared)
    assert {name: period.of_destination(contracts, name) for name in contracts.destinations} == {
        "ad_platform": None,
        "email_tool": 30,
    }


@pytest.mark.parametrize(
    ("file", "steps", "to", "says"),
    [
        ("consent/purposes.yml", ("purposes", "measurement", "retention_days"), 0,
         "purposes.measurement.retention_days: Input should be greater than or equal to 1"),
        ("consent/purposes.yml", ("purposes", "measurement", "retention_days"), "a year",
         "purposes.measurement.retention_days: Input should be a valid integer"),
        ("exports/email_tool.yml", ("retention_days",), -1, "retention_days: Input should be greater than or equal"),
        ("sources/web.yml", ("retention_days",), 0, "retention_days: Input should be greater than or equal to 1"),
        ("sources/web.yml", ("purpose",), "spam", "purpose: spam is no purpose"),
    ],
)  # fmt: skip
def test_a_wrong_period_or_purpose_is_a_problem(
    declared: Path, file: str, steps: tuple[str, ...], to: Any, says: str
) -> None:
    put(declared, file, *steps, to=to)
    found = [f"{problem.field}: {problem.what}" for problem in check(declared).problems if problem.file.endswith(file)]
    assert [told for told in found if told.startswith(says)], found
