"""Runs one rule of a gate over the small lake, after one row was broken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expectations import check, gate
from expectations.check import Found
from expectations.suite import Scene, Suite
from tests.conftest import SmallLake

CheckRule = Callable[[str, str, str], Found]


@pytest.fixture
def suite_of(small: Any) -> Callable[[str], Suite]:
    """Build the suite of a gate for the small lake."""

    def build(name: str) -> Suite:
        with small.lake.duck() as connection:
            return gate.SUITES[name](Scene(small.lake.contracts, connection, small.run.as_of))

    return build


@pytest.fixture(scope="module")
def kept_before(small_template: Path) -> set[tuple[str, str, str]]:
    """Gate, table and name of each rule that the small lake keeps as it is; every gate runs once."""
    small = SmallLake(small_template)
    kept = set()
    for name, suite in gate.SUITES.items():
        with small.lake.duck() as connection:
            found = check.run(connection, suite(Scene(small.lake.contracts, connection, small.run.as_of)))
        kept |= {(name, one.rule.table, one.rule.name) for one in found if one.success}
    return kept


@pytest.fixture
def check_rule(small: Any) -> CheckRule:
    """Check one rule of silver, identity or gold by its table and name."""

    def run(name: str, table: str, rule_name: str) -> Found:
        with small.lake.duck() as connection:
            suite = gate.SUITES[name](Scene(small.lake.contracts, connection, small.run.as_of))
            chosen = tuple(rule for rule in suite.rules if (rule.table, rule.name) == (table, rule_name))
            assert len(chosen) == 1, f"{len(chosen)} rules {rule_name} on {table}"
            return check.run(connection, Suite(name, chosen, suite.prepare))[0]

    return run


def staged_rules(small: SmallLake, staged: Path, destination: str, rule_name: str | None = None) -> list[Found]:
    """Check one rule of the exports gate on a staged folder, or all of them."""
    from expectations import exports, ledgers

    declared = small.lake.contracts.destinations[destination]
    release = int(staged.name.removeprefix("_"))
    with small.lake.duck(release) as connection:
        exports.show_staged(connection, staged, destination)
        ledgers.show_ledgers(connection, staged, declared, release, small.lake)
        suite = exports.suite(Scene(small.lake.contracts, connection, small.run.as_of), declared, release)
        chosen = tuple(rule for rule in suite.rules if rule_name in (None, rule.name))
        assert rule_name is None or len(chosen) == 1, f"{len(chosen)} rules {rule_name}"
        return check.run(connection, Suite("exports", chosen, suite.prepare))


@pytest.fixture
def check_staged_rule(small: Any) -> Callable[[Path, str, str], Found]:
    """Check one rule of the exports gate on a staged folder of the small lake."""
    return lambda staged, destination, rule_name: staged_rules(small, staged, destination, rule_name)[0]
