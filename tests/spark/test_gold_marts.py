"""The marts over the small lake: built, built again, read by other engines, and broken."""

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from contracts.permission import Moment
from lakehouse.consent import state_sql
from lakehouse.lake import Lake
from lakehouse.run import Run
from spark_jobs.gold import marts
from spark_jobs.gold.marts import ModelFailed, build_docs, build_marts, invoke_dbt

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


@pytest.fixture
def home(small: Any, jars: Path) -> Lake:
    """The small lake, with Delta's jars in its workspace."""
    state = small.lake.settings.state
    state.mkdir(parents=True, exist_ok=True)
    if not (state / "jars").exists():
        (state / "jars").symlink_to(jars)
    return small.lake


def test_marts_are_built_twice_alike_and_any_engine_reads_them(home: Lake, small: Any) -> None:
    given = "Ann.Example+Shop@gmail.com"
    for table, column in (("silver.identifiers", "value"), ("identity.identifiers", "raw_value")):
        small.change(
            table, lambda rows, at=column: [r | ({at: given} if r[at] == "Ann.Example@gmail.com" else {}) for r in rows]
        )
    heard = Listener()
    ansi = home.spark.conf.get("spark.sql.ansi.enabled")
    first = build_marts(home, Run("run", dt.date(2017, 12, 31), heard))
    assert set(first) == MARTS
    policy = f"policy {home.contracts.policy.version} is new: the first policy of this lake"
    assert heard.labels == {policy: None, **first}, "each model is announced with its rows"
    assert home.spark.conf.get("spark.sql.ansi.enabled") == ansi, "dbt leaves the session as it was"

    contents = {name: sorted(map(str, home.arrow(f"gold.{name}").to_pylist())) for name in MARTS}
    build_marts(home, Run("run", dt.date(2017, 12, 31)))
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
        said = state_sql(home.contracts.policy, Moment(dt.date(2017, 12, 31), heeds_later_refusals=True))
        by_duckdb = connection.sql(said).to_arrow_table().to_pylist()
    assert sorted(map(str, by_duckdb)) == contents["consent_state"], "two engines, one answer"
    assert {row["status"] for row in by_duckdb} == {"granted", "denied", "withdrawn", "no_consent_known"}
    stages = home.arrow("gold.journey_stages").to_pylist()
    assert {row["stage"] for row in stages} == {"discovery"}, "they looked around, or were only written down"
    assert all(row["is_current"] == (row["left_at"] is None) for row in stages)


def test_a_model_that_fails_is_named_without_a_value(home: Lake) -> None:
    import deltalake

    links = home.arrow("identity.assignments").drop_columns(["kind"])
    deltalake.write_deltalake(home.path("identity.assignments"), links, mode="overwrite", schema_mode="overwrite")
    with pytest.raises(ModelFailed) as failure:
        build_marts(home, Run("run", dt.date(2017, 12, 31)))
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
        invoke_dbt(home, ["run", "--select", "stumbles"], dt.date(2017, 12, 31))
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
