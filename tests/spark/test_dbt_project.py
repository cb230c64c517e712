"""The dbt project by its own tests, and the promises that its YAML makes for every model."""

import datetime as dt
from typing import Any, get_args

import pytest
import yaml

from contracts.columns import shapes
from contracts.permission_sql import consent_state
from contracts.semantic import left_out
from contracts.table import PrivacyClass
from lakehouse.lake import Lake
from spark_jobs.gold.marts import _as_yaml, invoke_dbt
from tests.consent import by_duckdb, by_moment, load_cases, people_sql, statements_sql

AS_OF = dt.date(2017, 12, 31)


@pytest.fixture(scope="module")
def project(make_lake: Any) -> Lake:
    """A lake with every model built from nothing."""
    lake = make_lake()
    invoke_dbt(lake, ["run"], AS_OF)
    return lake


@pytest.fixture(scope="module")
def manifest(project: Lake) -> Any:
    return invoke_dbt(project, ["parse"], AS_OF).result


def models_of(manifest: Any, *folders: str) -> list[Any]:
    found = [n for n in manifest.nodes.values() if n.resource_type == "model" and n.fqn[1] in folders]
    assert found, f"no model in {folders}"
    return found


def test_every_unit_test_of_the_project_passes(project: Lake, manifest: Any) -> None:
    result = invoke_dbt(project, ["test", "--select", "test_type:unit"], AS_OF)
    passed = {item.node.name for item in result.result.results if item.status == "pass"}
    assert passed, "no unit test ran"
    assert passed == {test.name for test in manifest.unit_tests.values()}


def test_spark_says_of_every_case_of_the_consent_policy_what_duckdb_says(project: Lake) -> None:
    for moment, cases in by_moment(load_cases()).items():
        sql = consent_state(project.contracts.policy, moment, statements_sql(cases), people_sql(cases))
        by_spark = [tuple(row) for row in project.spark.sql(sql).collect()]
        assert sorted(map(str, by_spark)) == sorted(map(str, by_duckdb(sql))), moment


def test_every_model_that_decides_something_has_a_unit_test(manifest: Any) -> None:
    tested = {test.model for test in manifest.unit_tests.values()}
    deciding = {node.name for node in models_of(manifest, "intermediate", "marts", "activation")}
    assert deciding - tested == set()


def test_every_mart_holds_to_a_contract_and_says_its_grain(manifest: Any) -> None:
    for node in models_of(manifest, "marts", "activation"):
        assert node.config.contract.enforced, node.name
        assert node.description.startswith("One row per "), node.name


def test_every_mart_column_is_described_classed_and_has_a_purpose(project: Lake, manifest: Any) -> None:
    purposes = set(project.contracts.policy.purposes)
    for node in models_of(manifest, "marts", "activation"):
        assert set(node.columns) == set(project.df(f"gold.{node.name}").columns), node.name
        for column in node.columns.values():
            where = f"{node.name}.{column.name}"
            assert column.description, where
            assert column.meta.get("class") in get_args(PrivacyClass), where
            assert column.meta.get("purpose") in purposes, where


@pytest.mark.parametrize(("mart", "values"), [("profiles", 5), ("profile_contact", 8)])
def test_every_value_of_a_profile_has_its_source_and_time(manifest: Any, mart: str, values: int) -> None:
    (profiles,) = (node for node in models_of(manifest, "marts") if node.name == mart)
    sourced = [name.removesuffix("_source") for name in profiles.columns if name.endswith("_source")]
    assert len(sourced) == values
    for name in sourced:
        assert {name, f"{name}_at"} <= set(profiles.columns), name
    unsourced = {
        name
        for name, column in profiles.columns.items()
        if column.meta["class"] in ("contact", "demographic") and name not in sourced
    }
    assert not unsourced


def test_a_mart_that_names_or_reaches_people_lies_in_the_restricted_folder(project: Lake) -> None:
    restricted = project.settings.places.restricted
    lying = {name for name in project.contracts.marts if project.settings.places.found(name).is_relative_to(restricted)}
    assert lying == {"gold.profile_contact", "gold.profile_identifiers"}
    assert restricted.stat().st_mode & 0o777 == 0o700


def test_dbt_reads_the_metrics_that_contracts_declare(project: Lake, manifest: Any) -> None:
    """dbt parses nothing that MetricFlow does not allow; `dbt run` builds the views behind it."""
    known = shapes(project.contracts.tables.values())
    wanted = {name for name, metric in project.contracts.metrics.items() if not left_out(metric, known)}
    found = {metric.name: metric for metric in manifest.metrics.values()}
    assert wanted
    assert wanted <= set(found)
    assert found["people_buying"].config.meta["owner"] == project.contracts.metrics["people_buying"].owner
    days = project.spark.sql("select min(date_day), max(date_day), count(*) from semantic.time_spine").collect()[0]
    assert (days[1], days[2]) == (AS_OF, 3661)
    links = project.spark.sql("select count(*) from semantic.event_links").collect()[0][0]
    assert links == project.df("gold.events").count()


def test_an_audience_carries_no_contact_data(manifest: Any) -> None:
    for node in models_of(manifest, "activation"):
        assert set(node.columns) == {"profile_id", "why", "since"}, node.name


def test_dbt_is_told_every_letter_that_a_contract_may_have() -> None:
    told = {"words": ["😡", "été", "a\x85b", "c\ufffed", "'\\{{ x }}", "\u200b"]}
    assert yaml.safe_load(_as_yaml(told)) == told
