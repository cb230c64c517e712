"""The marts over the small lake: built, built again, read by other engines, tested by dbt, and broken."""

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
import yaml

from contracts.columns import shapes
from contracts.permission import Moment
from contracts.permission_sql import consent_state
from contracts.semantic import left_out
from contracts.table import PrivacyClass
from lakehouse.consent import state_sql
from lakehouse.lake import Lake
from lakehouse.run import Run
from spark_jobs.gold import marts
from spark_jobs.gold.marts import ModelFailed, _as_yaml, build_docs, build_marts, invoke_dbt
from tests.conftest import SmallLake
from tests.consent import by_duckdb, by_moment, load_cases, people_sql, statements_sql

AS_OF = dt.date(2017, 12, 31)

MARTS = {
    "audience_coupon_lovers", "audience_lapsing_regulars", "audience_new_joiners", "bottleneck_examples",
    "bottlenecks", "campaign_performance", "consent_state", "effort", "friction_events", "handoffs", "journey_paths",
    "journey_stages", "moments", "orders", "personas", "profile_contact", "profile_identifiers", "profile_redirects",
    "profiles", "sessions", "signals", "stage_gates", "time_to_value", "touchpoints", "voice_of_customer",
}  # fmt: skip
STUMBLES = """
    {{ config(materialized="table") }}
    select raise_error(concat_ws(' ', 'it holds', collect_list(raw_value), concat('1980-', '03-04'),
                       concat(chr(34), 'Ann O', chr(39), reverse('araH'), chr(34)))) as never
    from {{ source('identity', 'identifiers') }}
"""
"""A model that fails with the values of rows in its error; its own text has none of them."""


class Listener:
    """Keeps what a step said."""

    def __init__(self) -> None:
        self.labels: dict[str, int | None] = {}

    def started(self, step: str) -> None:
        pass

    def said(self, step: str, label: str, rows: int | None, total: int | None) -> None:
        self.labels[label] = rows

    def ended(self, step: str, state: str, rows: int, seconds: float, message: str) -> None:
        pass


class Built(NamedTuple):
    """A lake whose marts were built once, the rows of each, what was said meanwhile, and ANSI mode before."""

    lake: Lake
    rows: dict[str, int]
    said: dict[str, int | None]
    ansi: str | None


@pytest.fixture(scope="module")
def built(small_template: Path, jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The small lake with its marts, for the first tests of this file; Ann wrote her address as people do."""
    small = SmallLake(small_template).copy(tmp_path_factory.mktemp("built") / "home")
    lake = with_jars(small.lake, jars)
    given = "Ann.Example+Shop@gmail.com"
    for table, column in (("silver.identifiers", "value"), ("identity.identifiers", "raw_value")):
        small.change(
            table, lambda rows, at=column: [r | ({at: given} if r[at] == "Ann.Example@gmail.com" else {}) for r in rows]
        )
    heard = Listener()
    ansi = lake.spark.conf.get("spark.sql.ansi.enabled")
    return Built(lake, build_marts(lake, Run("run", AS_OF, heard)), heard.labels, ansi)


@pytest.fixture(scope="module")
def manifest(built: Built) -> Any:
    return invoke_dbt(built.lake, ["parse"], AS_OF).result


@pytest.fixture
def home(small: SmallLake, jars: Path) -> Lake:
    """The small lake, to be broken: for the last tests of this file, since a session knows the models of one lake."""
    return with_jars(small.lake, jars)


def with_jars(lake: Lake, jars: Path) -> Lake:
    """A lake with Delta's jars in its workspace."""
    state = lake.settings.state
    state.mkdir(parents=True, exist_ok=True)
    if not (state / "jars").exists():
        (state / "jars").symlink_to(jars)
    return lake


def test_marts_are_built_twice_alike_and_any_engine_reads_them(built: Built) -> None:
    home, first = built.lake, built.rows
    assert set(first) == MARTS
    policy = f"policy {home.contracts.policy.version} is new: the first policy of this lake"
    assert built.said == {policy: None, **first}, "each model is announced with its rows"
    assert home.spark.conf.get("spark.sql.ansi.enabled") == built.ansi, "dbt leaves the session as it was"

    contents = {name: sorted(map(str, home.arrow(f"gold.{name}").to_pylist())) for name in MARTS}
    build_marts(home, Run("run", AS_OF))
    for name in sorted(MARTS):
        assert sorted(map(str, home.arrow(f"gold.{name}").to_pylist())) == contents[name], name
        protocol = home.delta(f"gold.{name}").protocol()
        assert (protocol.min_reader_version, protocol.min_writer_version) <= (1, 2), name
        rows = home.duck().execute(f"select count(*) from gold.{name}").fetchone()
        assert rows == (first[name],), name

    profiles = home.arrow("gold.profiles").to_pylist()
    assert len(profiles) == 7, "everyone has a profile, with an address or without"
    (ann,) = (row for row in profiles if row["records"] == 2)
    contacts = {row["profile_id"]: row for row in home.arrow("gold.profile_contact").to_pylist()}
    assert len(contacts) == 6, "who can be neither named nor reached has no row"
    contact = contacts[ann["profile_id"]]
    assert (contact["email"], contact["email_source"]) == ("ann.example+shop@gmail.com", "web"), (
        "mail goes to the address as given"
    )
    held = {row["value"] for row in home.arrow("gold.profile_identifiers").to_pylist() if row["identifier"] == "email"}
    assert "ann.example@gmail.com" in held, "people are found by the standard form"
    assert not any("+" in value for value in held)
    assert (ann["link_kind"], ann["link_probability"]) == ("deterministic", 0.999)
    with home.duck() as connection:
        said = state_sql(home.contracts.policy, Moment(AS_OF, heeds_later_refusals=True))
        by_duckdb = connection.sql(said).to_arrow_table().to_pylist()
    assert sorted(map(str, by_duckdb)) == contents["consent_state"], "two engines, one answer"
    assert {row["status"] for row in by_duckdb} == {"granted", "denied", "withdrawn", "no_consent_known"}
    stages = home.arrow("gold.journey_stages").to_pylist()
    assert {row["stage"] for row in stages} == {"discovery"}, "they looked around, or were only written down"
    assert all(row["is_current"] == (row["left_at"] is None) for row in stages)


def models_of(manifest: Any, *folders: str) -> list[Any]:
    found = [n for n in manifest.nodes.values() if n.resource_type == "model" and n.fqn[1] in folders]
    assert found, f"no model in {folders}"
    return found


def test_every_unit_test_of_the_project_passes(built: Built, manifest: Any) -> None:
    result = invoke_dbt(built.lake, ["test", "--select", "test_type:unit"], AS_OF)
    passed = {item.node.name for item in result.result.results if item.status == "pass"}
    assert passed, "no unit test ran"
    assert passed == {test.name for test in manifest.unit_tests.values()}


def test_spark_says_of_every_case_of_the_consent_policy_what_duckdb_says(built: Built) -> None:
    for moment, cases in by_moment(load_cases()).items():
        sql = consent_state(built.lake.contracts.policy, moment, statements_sql(cases), people_sql(cases))
        by_spark = [tuple(row) for row in built.lake.spark.sql(sql).collect()]
        assert sorted(map(str, by_spark)) == sorted(map(str, by_duckdb(sql))), moment


def test_every_model_that_decides_something_has_a_unit_test(manifest: Any) -> None:
    tested = {test.model for test in manifest.unit_tests.values()}
    deciding = {node.name for node in models_of(manifest, "intermediate", "marts", "activation")}
    assert deciding - tested == set()


def test_every_mart_holds_to_a_contract_and_says_its_grain(manifest: Any) -> None:
    for node in models_of(manifest, "marts", "activation"):
        assert node.config.contract.enforced, node.name
        assert node.description.startswith("One row per "), node.name


def test_every_mart_column_is_described_classed_and_has_a_purpose(built: Built, manifest: Any) -> None:
    purposes = set(built.lake.contracts.policy.purposes)
    for node in models_of(manifest, "marts", "activation"):
        assert set(node.columns) == set(built.lake.df(f"gold.{node.name}").columns), node.name
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


def test_a_mart_that_names_or_reaches_people_lies_in_the_restricted_folder(built: Built) -> None:
    restricted = built.lake.settings.places.restricted
    lying = {
        name for name in built.lake.contracts.marts if built.lake.settings.places.found(name).is_relative_to(restricted)
    }
    assert lying == {"gold.profile_contact", "gold.profile_identifiers"}
    assert restricted.stat().st_mode & 0o777 == 0o700


def test_dbt_reads_the_metrics_that_contracts_declare(built: Built, manifest: Any) -> None:
    """dbt parses nothing that MetricFlow does not allow; the views behind it are built by whoever asks MetricFlow."""
    known = shapes(built.lake.contracts.tables.values())
    wanted = {name for name, metric in built.lake.contracts.metrics.items() if not left_out(metric, known)}
    found = {metric.name: metric for metric in manifest.metrics.values()}
    assert wanted
    assert wanted <= set(found)
    assert found["people_buying"].config.meta["owner"] == built.lake.contracts.metrics["people_buying"].owner
    invoke_dbt(built.lake, ["run", "--select", marts.NOT_RUN], AS_OF)
    days = built.lake.spark.sql("select min(date_day), max(date_day), count(*) from semantic.time_spine").collect()[0]
    assert (days[1], days[2]) == (AS_OF, 3661)
    links = built.lake.spark.sql("select count(*) from semantic.event_links").collect()[0][0]
    assert links == built.lake.df("gold.events").count()


def test_an_audience_carries_no_contact_data(manifest: Any) -> None:
    for node in models_of(manifest, "activation"):
        assert set(node.columns) == {"profile_id", "why", "since"}, node.name


def test_dbt_is_told_every_letter_that_a_contract_may_have() -> None:
    told = {"words": ["😡", "été", "a\x85b", "c\ufffed", "'\\{{ x }}", "\u200b"]}
    assert yaml.safe_load(_as_yaml(told)) == told


def test_a_model_that_fails_is_named_without_a_value(home: Lake) -> None:
    import deltalake

    links = home.arrow("identity.assignments").drop_columns(["kind"])
    deltalake.write_deltalake(home.path("identity.assignments"), links, mode="overwrite", schema_mode="overwrite")
    with pytest.raises(ModelFailed) as failure:
        build_marts(home, Run("run", AS_OF))
    assert "stg_identity__assignments" in failure.value.what
    assert "`kind`" in failure.value.what
    assert failure.value.where == "models/staging/stg_identity__assignments.sql"
    assert failure.value.exit_code == 1
    (file,) = (home.settings.state / "lineage").glob("*.ndjson")
    told = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    whole = max(place for place, event in enumerate(told) if event["eventType"] == "FAIL")
    began = max(place for place, event in enumerate(told[:whole]) if event["job"]["name"] == "build_marts")
    models = {event["job"]["name"]: event["eventType"] for event in told[began + 1 : whole]}
    assert models["build_marts.gold.orders"] == "COMPLETE"
    assert "build_marts.gold.profiles" not in models, "it was skipped"


def test_a_model_that_stumbles_over_values_leaves_them_in_no_log_and_no_message(
    home: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    shutil.copytree(marts.PROJECT, project)
    (project / "models" / "staging" / "stumbles.sql").write_text(STUMBLES)
    monkeypatch.setattr(marts, "PROJECT", project)
    with pytest.raises(ModelFailed) as failure:
        invoke_dbt(home, ["run", "--select", "stumbles"], AS_OF)
    assert "it holds" in failure.value.what
    held = [row["raw_value"] for row in home.arrow("identity.identifiers").to_pylist()]
    values = [value for value in held if "@" in value or value[0] in "+("] + ["1980-03-04", "Hara"]
    assert len(values) > 4
    state = home.settings.state
    files = [path for path in state.rglob("*") if path.is_file() and "jars" not in path.parts]
    assert "it holds" in (state / "dbt" / "logs" / "dbt.log").read_text()
    told = {"the message": str(failure.value), **{str(path): path.read_text(errors="replace") for path in files}}
    assert not [(place, value) for place, text in told.items() for value in values if value in text]


def test_the_documentation_is_one_page_with_every_mart(home: Lake, tmp_path: Path) -> None:
    page = build_docs(home, tmp_path / "docs")
    text = page.read_text()
    assert page == tmp_path / "docs" / "index.html"
    for name in MARTS:
        assert name == "consent_state" or f"model.clew.{name}" in text, name
