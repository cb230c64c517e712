"""What a gate does as a step: lets a good run pass, records everything, stops a bad one."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from activation.export import export
from expectations import check, docs, marts
from expectations.gate import check_staged, gate
from expectations.rule import NoRows, NotNull, OneOf, Unique
from expectations.suite import Suite
from lakehouse.errors import ContractError, GateClosed, UsageError


def results(small: Any) -> list[dict[str, Any]]:
    return small.rows("ops.check_results")


@pytest.mark.parametrize("name", ["silver", "identity", "gold"])
def test_a_good_lake_passes_and_every_check_is_recorded(name: str, small: Any) -> None:
    counts = gate(small.lake, small.run, name)
    rows = results(small)
    assert counts["checks"] == len(rows) > 30
    assert {row["gate"] for row in rows} == {name}
    assert all(row["success"] for row in rows if row["severity"] == "fail")


def test_a_warning_is_recorded_and_lets_the_run_pass(small: Any) -> None:
    assert gate(small.lake, small.run, "silver")["warnings"] == 1
    (warned,) = [row for row in results(small) if not row["success"]]
    assert (warned["check_name"], warned["severity"], warned["unexpected"]) == ("every_source_landed", "warn", 4)
    step = small.rows("ops.runs")[-1]
    assert step["state"] in ("started", "done")
    assert any(
        "warning: ops.row_counts every_source_landed, 4 rows" in row["message"] for row in small.rows("ops.runs")
    )


def test_a_failure_closes_the_gate_after_it_was_recorded(small: Any) -> None:
    small.change("silver.events", lambda rows: [row for row in rows if row["event_id"] != "web:m3"])
    with pytest.raises(GateClosed) as caught:
        gate(small.lake, small.run, "silver")
    message = str(caught.value)
    assert caught.value.exit_code == 1
    assert "the silver gate is closed: 2 checks failed" in message
    assert (
        "silver.events: every_message_of_a_line_has_a_fate, 1 row (keys: source=web, position=3, messages=1, fates=0)"
        in message
    )
    assert "ops.row_counts: every_account_is_true, 1 row" in message
    assert "clew run" in message
    failed = {row["check_name"] for row in results(small) if not row["success"] and row["severity"] == "fail"}
    assert failed == {"every_message_of_a_line_has_a_fate", "every_account_is_true"}
    assert {row["state"] for row in small.rows("ops.runs")} == {"started", "failed"}


def test_of_many_bad_rows_twenty_are_named_and_all_are_counted(small: Any) -> None:
    small.change(
        "identity.edges",
        lambda rows: [*rows, *({**rows[0], "rule": f"r{n:02}", "evidence": "{}"} for n in range(30))],
    )
    with pytest.raises(GateClosed) as caught:
        gate(small.lake, small.run, "identity")
    assert "every_edge_has_evidence, 30 rows (first 20 keys: " in str(caught.value)
    assert "rule=r19" in str(caught.value)
    assert "rule=r20" not in str(caught.value)


def test_an_unknown_gate_is_refused(small: Any) -> None:
    with pytest.raises(UsageError, match="there is no gate bronze"):
        gate(small.lake, small.run, "bronze")


def _rule(**values: Any) -> NoRows:
    common = {"name": "a_rule", "says": "A rule.", "why": "a test", "do": "nothing", "owner": "quality"}
    return NoRows(**{**common, **values})


def test_a_table_that_is_not_there_breaks_its_rules(small: Any) -> None:
    rule = _rule(table="gold.nowhere", query="SELECT 1 FROM {batch}")
    with small.lake.duck() as connection:
        (found,) = check.run(connection, Suite("gold", (rule,)))
    assert found.closes_the_gate
    assert found.observed == "the table is not there"


def test_a_rule_that_cannot_be_computed_is_broken(small: Any) -> None:
    rule = _rule(table="gold.profiles", query="SELECT no_such_column FROM {batch}")
    with small.lake.duck() as connection:
        (found,) = check.run(connection, Suite("gold", (rule,)))
    assert found.closes_the_gate
    assert "it could not be checked" in found.observed


def test_a_column_called_as_a_word_of_sql_is_checked(small: Any) -> None:
    with small.lake.duck() as connection:
        connection.execute("CREATE VIEW gold.shown AS SELECT 1 AS id, 'long' AS \"window\", NULL AS qualify")
        told = {
            "table": "gold.shown",
            "says": "It is.",
            "why": "so",
            "do": "mend",
            "owner": "analytics",
            "key": ("id",),
        }
        rules = (
            Unique(name="unique", **told),
            NotNull(name="given", column="window", **told),
            NotNull(name="lacking", column="qualify", **told),
            OneOf(name="known", column="window", allowed=("short",), **told),
        )
        found = check.run(connection, Suite("gold", rules, ()))
    assert {result.rule.name: result.unexpected for result in found} == {
        "unique": 0,
        "given": 0,
        "lacking": 1,
        "known": 1,
    }
    assert {result.rule.name for result in found if result.success} == {"unique", "given"}


def test_an_id_that_is_an_address_is_not_shown(small: Any) -> None:
    small.change("gold.profiles", lambda rows: [*rows, {**rows[0], "profile_id": "someone@example.com"}])
    rule = _rule(table="gold.profiles", query="SELECT profile_id FROM {batch} WHERE profile_id LIKE 'some%'")
    with small.lake.duck() as connection:
        (found,) = check.run(connection, Suite("gold", (rule,)))
    assert found.sample[0]["profile_id"].startswith("sha256:")


def _mart(folder: Path, meta: dict[str, Any]) -> Path:
    model = {
        "name": "sessions",
        "config": {"meta": meta},
        "columns": [
            {"name": "profile_id"},
            {"name": "value", "config": {"meta": {"class": "contact"}}},
            {"name": "session", "data_tests": ["not_null"]},
            {"name": "channel", "data_tests": [{"accepted_values": {"arguments": {"values": ["web", "app"]}}}]},
        ],
    }
    (folder / "marts").mkdir()
    (folder / "marts" / "sessions.yml").write_text(yaml.safe_dump({"models": [model]}))
    return folder


def test_what_the_yaml_of_a_mart_says_becomes_rules(tmp_path: Path) -> None:
    rules = marts.rules(_mart(tmp_path, {"key": ["profile_id", "value"], "owner": "analytics"}))
    assert [(type(rule), rule.table, rule.name) for rule in rules] == [
        (Unique, "gold.sessions", "one_row_per_key"),
        (NotNull, "gold.sessions", "profile_id_is_given"),
        (NotNull, "gold.sessions", "value_is_given"),
        (NotNull, "gold.sessions", "session_is_given"),
        (OneOf, "gold.sessions", "channel_is_a_known_value"),
    ]
    assert "value_sha256" in rules[0].offending


@pytest.mark.parametrize(
    ("meta", "says"),
    [({}, "the mart sessions names no key"), ({"key": ["visit"]}, "columns that it does not have: visit")],
)
def test_a_mart_without_a_key_is_refused(meta: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        marts.rules(_mart(tmp_path, meta))
    assert says in str(caught.value)


def test_the_published_marts_have_rules() -> None:
    tables = {rule.table for rule in marts.rules()}
    assert {"gold.profiles", "gold.journey_stages", "gold.orders"} <= tables


def test_data_docs_show_the_checks_and_no_address(small: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no run to document"):
        docs.build(small.lake, tmp_path / "site")
    with small.run.step(small.lake, "land"):
        pass
    small.change("silver.identifiers", lambda rows: [*rows, rows[0]])
    index = docs.build(small.lake, tmp_path / "site")
    pages = [page.read_text() for page in index.parent.rglob("*.html")]
    assert len(pages) > 20
    assert any("no two rows share record_id, source, identifier, value, landing" in page for page in pages)
    assert not any("example.com" in page or "example@gmail" in page.lower() for page in pages)


def test_data_docs_hold_an_export_against_its_release_whatever_came_after(small: Any, tmp_path: Path) -> None:
    small.release()
    export(small.lake, small.run, "email_tool", check_staged)
    small.change("gold.profiles", lambda rows: rows[:0])
    index = docs.build(small.lake, tmp_path / "site")
    pages = [page.read_text() for page in index.parent.rglob("validations/**/*.html")]
    shown = [page for page in pages if "exports.email_tool" in page]
    assert shown
    assert all("fa-check-circle" in page and "fa-times" not in page for page in shown)
