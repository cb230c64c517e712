"""The step that measures, over the small lake: metrics and verdicts once a date, and what clew shows of them."""

import datetime as dt
import json
from typing import Any

from lakehouse.run import Run
from measures.registry import MEASURES
from measures.step import measure
from tests.conftest import SmallLake

OURS = tuple(each for each in MEASURES if each.name in ("metrics", "hypotheses"))


def test_every_declared_metric_and_hypothesis_has_its_row(measured: SmallLake) -> None:
    contracts = measured.lake.contracts
    of_people = {name for name, metric in contracts.metrics.items() if not metric.is_of_operation}
    assert {row["metric"] for row in measured.rows("gold.metrics")} == of_people
    assert {row["metric"] for row in measured.rows("ops.metrics")} == set(contracts.metrics)
    assert {row["hypothesis"] for row in measured.rows("gold.hypotheses")} == set(contracts.hypotheses)


def test_a_date_that_is_run_again_replaces_its_rows_and_leaves_the_others(small: SmallLake) -> None:
    for day in (30, 31, 30):
        measure(small.lake, Run(f"run-{day}", dt.date(2017, 12, day)), OURS)
    for table, key in (("ops.metrics", "metric"), ("ops.hypothesis_verdicts", "hypothesis")):
        rows = [(row["as_of"].day, row[key]) for row in small.rows(table)]
        assert {day for day, _ in rows} == {30, 31}
        assert len(rows) == len(set(rows))


def test_gold_is_not_written_again_where_nothing_changed(small: SmallLake) -> None:
    measure(small.lake, small.run, OURS)
    versions = {table: small.lake.version(table) for table in ("gold.metrics", "gold.hypotheses")}
    measure(small.lake, small.run, OURS)
    assert versions == {table: small.lake.version(table) for table in versions}


def shown(clew: Any, measured: SmallLake, *words: str) -> str:
    ran = clew(*words, home=measured.lake.settings.home)
    assert ran.code == 0, ran.err
    return str(ran.out)


def test_the_north_star_is_shown_first_and_guardrails_with_what_they_are_to_be(clew: Any, measured: SmallLake) -> None:
    lines = shown(clew, measured, "metrics").splitlines()
    titles = [line for line in lines if line in ("North star", "Guardrails", "Inputs", "To know")]
    assert titles == ["North star", "Guardrails", "Inputs", "To know"]
    (star,) = (line for line in lines if line.startswith("people_buying"))
    assert "people" in star
    (waits,) = (line for line in lines if line.startswith("run_seconds"))
    assert "at most 3600" in waits


def test_metrics_are_told_to_programs_with_all_their_columns(clew: Any, measured: SmallLake) -> None:
    told = json.loads(shown(clew, measured, "metrics", "--json"))
    assert (told["release"], told["as_of"]) == (1, "2017-12-30")
    found = {item["metric"]: item for item in told["metrics"]}
    assert set(found) == set(measured.lake.contracts.metrics)
    assert {"value", "whole_low", "whole_high", "low_links", "high_links", "people", "status", "why"} <= set(
        found["reachable_by_mail"]
    )
    assert set(json.loads(shown(clew, measured, "metrics", "--groups", "--json"))) == {"release", "as_of", "groups"}


def test_hypotheses_are_shown_with_what_is_claimed_and_their_history(clew: Any, measured: SmallLake) -> None:
    out = shown(clew, measured, "hypotheses")
    (line,) = (line for line in out.splitlines() if line.startswith("discovery_leads_on"))
    assert "not judged yet" in line
    assert "at least 0.6" in line
    history = json.loads(shown(clew, measured, "hypotheses", "--history", "--json"))["history"]
    assert {(row["hypothesis"], row["as_of"]) for row in history} == {
        (name, "2017-12-30") for name in measured.lake.contracts.hypotheses
    }


def test_before_anything_is_measured_the_next_step_is_named(clew: Any, small: SmallLake) -> None:
    for words in (("metrics",), ("hypotheses",)):
        ran = clew(*words, home=small.lake.settings.home)
        assert ran.code == 0
        assert "and run: clew run" in ran.err
