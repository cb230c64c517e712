"""The metrics in MetricFlow's YAML: the same tables, filters, populations and windows; and what it cannot have."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts import HERE, Contracts
from contracts.check import check, write_docs
from contracts.columns import shapes
from contracts.metric import Metric
from contracts.semantic import FILE, left_out, page
from tests.unit.metrics_lake import BUYERS, EVERYBODY, ORDERS, metric

TABLES = Contracts().tables.values()
KNOWN = {"conditions": [{"column": "is_known", "op": "=", "value": True}]}


def read(*declared: dict[str, Any]) -> dict[str, Any]:
    metrics = {item["metric"]: Metric.model_validate(item) for item in declared}
    found: dict[str, Any] = yaml.safe_load(page(TABLES, metrics))
    return found


def named(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in items}


def test_a_window_of_days_is_cumulative_and_a_population_a_dimension_of_the_profile() -> None:
    found = named(read(metric("buying", measure=BUYERS, population=KNOWN))["metrics"])
    assert found["buying"]["type"] == "cumulative"
    assert found["buying"]["type_params"] == {
        "measure": "buying_measure",
        "cumulative_type_params": {"window": "28 days"},
    }
    assert found["buying"]["filter"] == "{{ Dimension('profile__is_known') }} = true"


def test_a_ratio_is_of_two_metrics_with_filters_of_their_own() -> None:
    risky = ORDERS | {"agg": "count", "column": "order_id", "filter": [
        {"column": "event.link_kind", "op": "in", "value": ["inferred", "it's"]},
        {"column": "sales_value", "op": ">=", "value": 2.5},
    ]}  # fmt: skip
    found = read(metric("risky", numerator=risky, denominator=ORDERS | {"agg": "count", "column": "order_id"}))
    metrics, models = named(found["metrics"]), named(found["semantic_models"])
    assert metrics["risky"]["type_params"] == {"numerator": "risky_above", "denominator": "risky_below"}
    assert metrics["risky_above"]["filter"] == (
        "{{ Dimension('event__link_kind') }} IN ('inferred', 'it''s') AND {{ Dimension('order__sales_value') }} >= 2.5"
    )
    assert "filter" not in metrics["risky_below"]
    assert {entity["name"]: entity["type"] for entity in models["orders"]["entities"]} == {
        "order": "primary", "profile": "foreign", "event": "foreign"
    }  # fmt: skip
    assert named(models["event_links"]["dimensions"])["link_kind"]["type"] == "categorical"


def test_rows_of_nobody_are_in_no_measure() -> None:
    found = named(read(metric("spent", measure=ORDERS | {"agg": "sum", "column": "sales_value"}))["semantic_models"])
    (measure,) = found["orders"]["measures"]
    assert measure["expr"] == "CASE WHEN profile_id IS NOT NULL THEN sales_value END"
    assert measure["agg_time_dimension"] == "ordered_at"


def test_people_are_all_there_are_up_to_the_day() -> None:
    found = read(metric("share", numerator=BUYERS, denominator=EVERYBODY))
    below = named(found["metrics"])["share_below"]
    assert below["type_params"] == {"measure": "share_below"}
    (measure,) = named(found["semantic_models"])["profiles"]["measures"]
    assert (measure["expr"], measure["agg_time_dimension"]) == ("profile_id", "first_seen_at")


@pytest.mark.parametrize(
    ("measure", "why"),
    [
        ({"table": "ops.runs", "agg": "sum", "column": "seconds"}, "it is of ops, which no dbt model shows"),
        (ORDERS | {"agg": "count", "column": "order_id", "ended_days_ago": 3}, "its window ends before the day"),
        (EVERYBODY | {"table": "gold.consent_state"}, "it is of gold.consent_state, which no dbt model shows"),
        (BUYERS | {"filter": [{"column": "channel", "op": "=", "value": "{{ x }}"}]}, "which Jinja would read"),
    ],
)
def test_what_metricflow_cannot_have_is_left_out_and_said_so(measure: dict[str, Any], why: str) -> None:
    declared = metric("other", measure=measure)
    assert why in left_out(Metric.model_validate(declared), shapes(TABLES))
    text = page(TABLES, {"other": Metric.model_validate(declared)})
    assert f"#   other: {left_out(Metric.model_validate(declared), shapes(TABLES))}" in text
    assert yaml.safe_load(text)["metrics"] == []


def test_a_file_for_dbt_that_is_stale_is_refused_until_it_is_written(tmp_path: Path) -> None:
    root = tmp_path / "contracts"
    shutil.copytree(HERE, root, ignore=shutil.ignore_patterns("*.py", "__pycache__", "schemas"))
    file = tmp_path / FILE
    file.parent.mkdir(parents=True)
    file.write_text("version: 2\n", encoding="utf-8")
    (stale,) = (problem for problem in check(root).problems if problem.file == str(file))
    assert stale.what == "not what the declarations say: run clew check --write-docs"
    assert file in write_docs(root)
    contracts = Contracts(root)
    assert file.read_text(encoding="utf-8") == page(contracts.tables.values(), contracts.metrics)
