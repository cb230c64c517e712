"""Runs a suite with Great Expectations over a DuckDB connection, and says what each rule found."""

import json
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from expectations.dialect import connection_string
from expectations.rule import GX_SEVERITY, Rule
from expectations.suite import Suite
from lakehouse.errors import ClewError

if TYPE_CHECKING:
    import duckdb
    from great_expectations import ExpectationSuite
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.data_context import AbstractDataContext
    from great_expectations.datasource.fluent import SQLDatasource

SAMPLE = 20
"""Row keys named when a rule is broken."""


@dataclass(frozen=True)
class Found:
    """What a rule found: ``unexpected`` rows break it, ``sample`` names some by their keys."""

    rule: Rule
    success: bool
    observed: str
    unexpected: int
    sample: tuple[dict[str, Any], ...] = ()

    @property
    def closes_the_gate(self) -> bool:
        return not self.success and self.rule.severity == "fail"

    def sample_json(self) -> str:
        return json.dumps(self.sample, default=str, ensure_ascii=False)


def run(connection: "duckdb.DuckDBPyConnection", suite: Suite) -> list[Found]:
    """Check every rule of a suite.

    A rule on a table that is not there is broken; so is one that could not be computed, whatever its severity.
    """
    for statement in suite.prepare:
        connection.execute(statement)
    there = tables(connection)
    ready = [rule for rule in suite.rules if rule.table in there]
    found = {_key(rule): _no_table(rule) for rule in suite.rules if rule.table not in there}
    with connection_string(connection) as address, ephemeral_context() as context:
        source = context.data_sources.add_sql(name=suite.gate, connection_string=address, create_temp_table=False)
        for table, rules in by_table(ready):
            found |= _validate(connection, source, suite.gate, table, rules)
    return [found[_key(rule)] for rule in suite.rules]


@contextmanager
def ephemeral_context() -> "Iterator[AbstractDataContext]":
    """A Great Expectations context in memory, which tells nobody that it runs and shows no progress bars."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    yield context


def by_table(rules: Iterable[Rule]) -> Iterator[tuple[str, list[Rule]]]:
    """The rules of each table."""
    for table, of_table in groupby(sorted(rules, key=_key), key=lambda rule: rule.table):
        yield table, list(of_table)


def expectation_suite(gate: str, table: str, rules: list[Rule]) -> "ExpectationSuite":
    """The rules of one table for Great Expectations."""
    from great_expectations import ExpectationSuite

    return ExpectationSuite(
        name=f"{gate} · {table}",
        expectations=[rule.expectation() for rule in rules],
        meta={"gate": gate, "table": table},
    )


def table_batch(source: "SQLDatasource", table: str) -> "BatchDefinition":
    """A table as Great Expectations addresses it."""
    schema, name = table.split(".")
    with warnings.catch_warnings():
        # 1.24 wants the schema in the connection, of which a lake's connection has several.
        warnings.filterwarnings("ignore", message="`schema_name` is deprecated", category=DeprecationWarning)
        asset = source.add_table_asset(name=table, table_name=name, schema_name=schema)
    return asset.add_batch_definition_whole_table("all")


def _validate(
    connection: "duckdb.DuckDBPyConnection", source: "SQLDatasource", gate: str, table: str, rules: list[Rule]
) -> dict[tuple[str, str], Found]:
    """Check the rules of one table.

    Only success is asked for (BOOLEAN_ONLY): Great Expectations then computes all column rules of a table in one
    query, and copies no values, which may be personal, into its results. A batch is validated as it is, because a
    checkpoint serialises and compares its whole definition seven times, which took as long as the checks.
    """
    batch = table_batch(source, table).get_batch()
    result = batch.validate(expectation_suite(gate, table, rules), result_format="BOOLEAN_ONLY")
    named = {rule.name: rule for rule in rules}
    found: dict[tuple[str, str], Found] = {}
    for one in result.results:
        configured = one.expectation_config
        rule = named[configured.meta["rule"] if configured and configured.meta else ""]
        found[_key(rule)] = _found(connection, rule, bool(one.success), one.exception_info)
    missing = sorted(set(named) - {name for _, name in found})
    if missing:
        raise ClewError(
            f"Great Expectations gave no result for {len(missing)} rules of {table}",
            ", ".join(missing),
            "two rules of the table may be the same: remove one",
        )
    # `success` is false for a mere warning too: the verdict of Great Expectations is its worst severity.
    worst = result.get_max_severity_failure()
    _agree(
        table, worst.value if worst else None, {GX_SEVERITY[f.rule.severity] for f in found.values() if not f.success}
    )
    return found


def _agree(table: str, worst: str | None, mine: set[str]) -> None:
    expected = "critical" if "critical" in mine else "warning" if mine else None
    if worst != expected:
        raise ClewError(
            f"Great Expectations judges {table} {worst}, the rules say {expected}",
            table,
            "report it as a fault of expectations.check",
        )


def _found(connection: "duckdb.DuckDBPyConnection", rule: Rule, success: bool, exception: dict[str, Any]) -> Found:
    if success:
        return Found(rule, True, "no row breaks it", 0)
    if raised := _raised(exception):
        return Found(rule, False, f"it could not be checked: {raised}", 0)
    count = connection.execute(f"SELECT count(*) FROM ({rule.offending})").fetchone()
    sample = connection.execute(f"SELECT DISTINCT * FROM ({rule.offending}) ORDER BY ALL LIMIT {SAMPLE}")
    names = [column[0] for column in sample.description or []]
    rows = tuple({n: _safe(v) for n, v in zip(names, row, strict=True)} for row in sample.fetchall())
    broken = int(count[0]) if count else 0
    return Found(rule, False, f"{broken} row{'s' if broken != 1 else ''}", broken, rows)


def _raised(exception: dict[str, Any]) -> str:
    """The first line of what went wrong inside Great Expectations, or nothing."""
    infos = [exception, *(value for value in exception.values() if isinstance(value, dict))]
    messages = [str(info["exception_message"]) for info in infos if info.get("exception_message")]
    return messages[0].splitlines()[0] if messages else ""


def _safe(value: Any) -> Any:
    """A key as it may be shown: some senders use e-mail addresses as ids."""
    if isinstance(value, str) and "@" in value:
        import hashlib

        return f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:12]}"
    return value


def _no_table(rule: Rule) -> Found:
    return Found(rule, False, "the table is not there", 0)


def tables(connection: "duckdb.DuckDBPyConnection") -> set[str]:
    """The tables that a connection shows."""
    found = connection.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables").fetchall()
    return {row[0] for row in found}


def _key(rule: Rule) -> tuple[str, str]:
    return rule.table, rule.name
