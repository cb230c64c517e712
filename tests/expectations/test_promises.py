"""Which refuted claims and which guardrails the gold gate warns of, and until when."""

import datetime as dt
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from contracts import Contracts
from expectations.gate import gate
from expectations.promises import rules
from expectations.suite import Scene
from lakehouse.schema import arrow_schema

TODAY = dt.date(2017, 12, 30)
CLAIM = "coupons_keep_people"


def days_ago(number: int) -> dt.date:
    return TODAY - dt.timedelta(number)


def found(name: str, **tables: list[dict[str, Any]]) -> list[str]:
    """The keys of the rows that break a rule, over tables with these rows."""
    contracts = Contracts()
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA gold; CREATE SCHEMA ops")
        for table, rows in tables.items():
            schema, _, short = table.partition("_")
            content = pa.Table.from_pylist(rows, schema=arrow_schema(contracts.table(f"{schema}.{short}")))
            connection.register("given", content)
            connection.execute(f"CREATE TABLE {schema}.{short} AS FROM given")
        (rule,) = (rule for rule in rules(Scene(contracts, connection, TODAY)) if rule.name == name)
        assert rule.severity == "warn"
        return [row[0] for row in connection.execute(rule.offending).fetchall()]


@pytest.mark.parametrize(
    ("verdicts", "answered", "is_warned"),
    [
        ({0: "refuted"}, None, True),
        ({0: "refuted"}, 0, False),
        ({0: "refuted"}, -2, True),  # a day that has not come answers nothing
        ({0: "refuted"}, 1, True),  # who spoke before the verdict has not answered it
        ({5: "refuted", 3: "refuted", 0: "refuted"}, 5, False),
        ({5: "refuted", 3: "refuted", 0: "refuted"}, 6, True),
        ({5: "refuted", 3: "holds", 0: "refuted"}, 4, True),  # it is refuted anew
        ({5: "refuted", 3: "holds", 0: "refuted"}, 0, False),
        ({0: "refuted", -3: "holds"}, 0, False),  # a later day was run before this one was run again
        ({0: "holds"}, None, False),
        ({0: "not_enough_people"}, None, False),
        ({}, 9, False),  # without a history, since the day of judgement
        ({}, 10, True),
    ],
)
def test_a_refuted_claim_is_warned_of_until_its_owner_answers(
    verdicts: dict[int, str], answered: int | None, is_warned: bool
) -> None:
    claim = row_of(verdicts.get(0, "refuted")) | {"answered_on": None if answered is None else days_ago(answered)}
    history = [{"hypothesis": CLAIM, "as_of": days_ago(ago), "verdict": verdict} for ago, verdict in verdicts.items()]
    warned = found("every_refuted_hypothesis_is_answered", gold_hypotheses=[claim], ops_hypothesis_verdicts=history)
    assert warned == [CLAIM] * is_warned


def test_the_gate_report_has_the_warning_and_the_run_goes_on(small: Any) -> None:
    before = gate(small.lake, small.run, "gold")["warnings"]
    small.write("gold.hypotheses", [row_of("refuted")])
    assert gate(small.lake, small.run, "gold")["warnings"] == before + 1
    messages = [row["message"] for row in small.rows("ops.runs") if row["step"] == "gate_gold"]
    assert any("warning: gold.hypotheses every_refuted_hypothesis_is_answered, 1 row" in text for text in messages)
    (row,) = (row for row in small.rows("ops.check_results")
              if row["check_name"] == "every_refuted_hypothesis_is_answered" and not row["success"])  # fmt: skip
    assert CLAIM in row["sample_keys"]
    assert "let the owner say what follows" in row["do"]


def row_of(verdict: str) -> dict[str, Any]:
    texts = dict.fromkeys(("claim", "owner", "metric", "claimed", "unit", "refuted_if"), "a text")
    return {"hypothesis": CLAIM, "threshold": 0.5, "judged_on": days_ago(9), "verdict": verdict, "minimum_people": 5,
            **texts}  # fmt: skip


def test_a_guardrail_that_broke_on_another_day_is_not_warned_of() -> None:
    broken = {"metric": "mails_per_week", "verdict": "broken"}
    kept = {"metric": "waits", "verdict": "kept", "as_of": TODAY}
    assert found("every_guardrail_holds", ops_metrics=[broken | {"as_of": days_ago(1)}, kept]) == []
    assert found("every_guardrail_holds", ops_metrics=[broken | {"as_of": TODAY}, kept]) == ["mails_per_week"]


def test_an_experiment_that_a_run_knew_and_nobody_declares_is_warned_of() -> None:
    at = {"version": "1-0-0", "owner": "web", "kind": "experiment", "status": "dead", "phase": "over"}
    at |= {"starts_on": days_ago(90), "ends_on": days_ago(60), "hypothesis": "It helps.", "verdict": "not_known"}
    history = [
        at | {"as_of": days_ago(ago), "experiment": name} for name, ago in (("kept", 1), ("gone", 1), ("later", -1))
    ]
    ledger = [at | {"experiment": "kept", "stop_rule": "fixed_horizon", "excluded": "", "guardrails": ""}]
    assert found("no_experiment_is_forgotten", gold_experiment_ledger=ledger, ops_experiments=history) == ["gone"]


@pytest.mark.parametrize(
    ("changed", "is_warned"),
    [
        ({}, True),
        ({"plan": "new"}, False),
        ({"plan": None}, False),  # of before plans were kept
        ({"as_of": days_ago(41)}, False),  # it had not started
        ({"status": "draft"}, False),
        ({"as_of": days_ago(-1)}, False),
    ],
    ids=["another plan", "the same", "not kept", "before the start", "a draft", "a later day"],
)
def test_a_plan_that_changed_once_the_experiment_had_started_is_warned_of(
    changed: dict[str, Any], is_warned: bool
) -> None:
    at = {"version": "1-0-0", "owner": "web", "kind": "experiment", "status": "running", "phase": "running"}
    at |= {"starts_on": days_ago(40), "ends_on": days_ago(0), "hypothesis": "It helps.", "verdict": "too_early"}
    ledger = [at | {"experiment": "one", "plan": "new", "stop_rule": "fixed_horizon", "excluded": "", "guardrails": ""}]
    history = [at | {"experiment": "one", "as_of": days_ago(3), "plan": "old"} | changed]
    warned = found("no_plan_changed_after_the_start", gold_experiment_ledger=ledger, ops_experiments=history)
    assert warned == (["one"] if is_warned else [])
