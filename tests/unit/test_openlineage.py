"""OpenLineage events of a run's steps: what the specification asks, and nothing of any person."""

import datetime as dt
import http.server
import json
import re
import shutil
import threading
import uuid
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from activation import due
from activation.export import export_all
from activation.withdrawals import retract
from contracts import HERE, Contracts
from contracts.lineage import Lineage
from contracts.lineage_check import wrong_origins
from identity.decisions import TABLE as DECISIONS
from identity.records import SILVER
from lakehouse.consent import READ
from lakehouse.errors import DataError
from lakehouse.lake import Lake
from lakehouse.lineage_facets import named
from lakehouse.lineage_steps import KEEPERS, WRITERS
from lakehouse.run import Run
from lakehouse.settings import Settings
from tests.unit.test_withdrawals import says

TEXT = {"type": "string", "minLength": 1}
FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object", "required": ["_producer", "_schemaURL"],
        "properties": {"_producer": TEXT, "_schemaURL": TEXT},
    },
}  # fmt: skip
DATASET = {
    "type": "object", "required": ["namespace", "name"],
    "properties": {"namespace": TEXT, "name": TEXT, "facets": FACETS, "inputFacets": FACETS, "outputFacets": FACETS},
}  # fmt: skip
RUN_EVENT = {
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "properties": {
        "eventTime": {"type": "string", "format": "date-time"},
        "producer": TEXT,
        "schemaURL": {"type": "string", "pattern": r"OpenLineage\.json#/\$defs/RunEvent$"},
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "run": {
            "type": "object", "required": ["runId"],
            "properties": {"runId": {"type": "string", "format": "uuid"}, "facets": FACETS},
        },
        "job": {
            "type": "object", "required": ["namespace", "name"],
            "properties": {"namespace": TEXT, "name": TEXT, "facets": FACETS},
        },
        "inputs": {"type": "array", "items": DATASET},
        "outputs": {"type": "array", "items": DATASET},
    },
}  # fmt: skip
"""What the specification (2-0-2) requires of a run event."""


def events(lake: Lake) -> list[dict[str, Any]]:
    files = sorted((lake.settings.state / "lineage").glob("*.ndjson"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def of_job(lake: Lake, name: str) -> list[dict[str, Any]]:
    return [event for event in events(lake) if event["job"]["name"] == name]


def datasets(found: list[dict[str, Any]]) -> list[str]:
    return ["/".join(item["name"].split("/")[-2:]) for item in found]


def test_every_step_tells_that_it_began_and_how_it_ended_as_the_specification_asks(small) -> None:
    small.release()
    export_all(small.lake, small.run, lambda lake, run, staged: {"checks": 0})
    told = events(small.lake)
    for event in told:
        jsonschema.validate(event, RUN_EVENT, format_checker=jsonschema.FormatChecker())
        uuid.UUID(event["run"]["runId"])
    for step in ("release", "export"):
        began, ended = of_job(small.lake, step)
        assert (began["eventType"], ended["eventType"]) == ("START", "COMPLETE")
        assert began["run"]["runId"] == ended["run"]["runId"]
        parent = ended["run"]["facets"]["parent"]
        assert (parent["job"]["namespace"], parent["job"]["name"]) == ("clew", "clew_run")
    assert ended["run"]["facets"]["nominalTime"]["nominalStartTime"] == "2017-12-30T00:00:00Z"
    (file,) = (small.lake.settings.state / "lineage").glob("*.ndjson")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_what_a_step_wrote_are_the_tables_it_changed_and_what_it_read_follows_from_their_declarations(small) -> None:
    with small.run.step(small.lake, "build_events"):
        small.lake.append("gold.events", small.rows("gold.events")[:3])
    _, ended = of_job(small.lake, "build_events")
    assert datasets(ended["outputs"]) == ["gold/events"]
    assert datasets(ended["inputs"]) == ["identity/assignments", "identity/stitches", "silver/events"]
    (output,) = ended["outputs"]
    assert (output["namespace"], output["name"]) == ("file", small.lake.path("gold.events"))
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 3
    assert output["facets"]["version"]["datasetVersion"] == str(small.lake.version("gold.events"))
    assert {"name": "profile_id", "type": "string"}.items() <= next(
        field.items() for field in output["facets"]["schema"]["fields"] if field["name"] == "profile_id"
    )
    lineage = output["facets"]["columnLineage"]["fields"]["event_id"]["inputFields"]
    assert [(item["name"].split("/")[-1], item["field"]) for item in lineage] == [("events", "event_id")]


def test_a_step_does_not_claim_what_others_wrote_meanwhile(small) -> None:
    with small.run.step(small.lake, "build_events"):
        for table in ("gold.events", "gold.orders", "silver.events", "ops.landings"):
            small.change(table, lambda rows: rows)
    assert datasets(of_job(small.lake, "build_events")[1]["outputs"]) == ["gold/events"]


def test_the_first_landing_names_bronze_though_it_makes_every_table(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path))
    with Run("run-1", dt.date(2017, 12, 30)).step(lake, "land"):
        lake.ensure_tables()
    (_, ended) = of_job(lake, "land")
    sources = sorted(lake.contracts.sources)
    assert datasets(ended["outputs"]) == [*(f"bronze/{source}" for source in sources), "ops/landings"]
    assert datasets(ended["inputs"]) == [f"landing/{source}" for source in sources]


def test_resolve_and_the_consent_state_read_every_table_that_their_code_names(small) -> None:
    with small.run.step(small.lake, "resolve"):
        small.change("identity.records", lambda rows: rows)
    (_, ended) = of_job(small.lake, "resolve")
    assert datasets(ended["outputs"]) == ["identity/records"]
    assert datasets(ended["inputs"]) == sorted(table.replace(".", "/") for table in (*SILVER, DECISIONS))
    assert set(Lineage(small.lake.contracts).nodes["gold.consent_state"].reads) == set(READ)


def test_a_retraction_tells_what_was_withdrawn_and_which_folder_was_written(small) -> None:
    small.release()
    export_all(small.lake, small.run, lambda lake, run, staged: {"checks": 0})
    says(small, "account:ann", "withdrawn")
    retract(small.lake, small.run)
    (_, ended) = of_job(small.lake, "retract")
    assert datasets(ended["outputs"]) == ["ops/retractions", "email_tool/retractions"]
    assert datasets(ended["inputs"]) == sorted(table.replace(".", "/") for table in (*due.READ, "ops.deliveries"))
    folder = ended["outputs"][1]
    jsonschema.validate(ended, RUN_EVENT)
    assert folder["outputFacets"]["outputStatistics"]["rowCount"] == 1
    assert "reason" in [field["name"] for field in folder["facets"]["schema"]["fields"]]


def test_maintenance_makes_a_table_of_itself(small) -> None:
    before = small.lake.version("gold.orders")
    with small.run.step(small.lake, "maintain"):
        small.change("gold.orders", lambda rows: rows)
    (_, ended) = of_job(small.lake, "maintain")
    assert datasets(ended["inputs"]) == datasets(ended["outputs"]) == ["gold/orders"]
    assert ended["inputs"][0]["facets"]["version"]["datasetVersion"] == str(before)


def test_an_export_reads_the_tables_of_its_release_not_the_live_ones(small) -> None:
    small.release()
    released = {table: small.lake.version(table) for table in ("gold.profiles", "gold.consent_state")}
    for table in released:
        small.change(table, lambda rows: rows)
    export_all(small.lake, small.run, lambda lake, run, staged: {"checks": 0})
    read = {item["name"]: item for item in of_job(small.lake, "export")[1]["inputs"]}
    for table, version in released.items():
        assert read[small.lake.path(table)]["facets"]["version"]["datasetVersion"] == str(version)
    assert small.lake.path("gold.sessions") not in read


def test_every_step_and_every_declared_writer_is_known_to_lineage() -> None:
    root, step_of = Path(__file__).parents[2], re.compile(r'\.step\(lake, f?"(gate_|\w+)')
    rooms = ("activation", "clew", "expectations", "identity", "lakehouse", "measures", "rights", "spark_jobs")
    files = [file for room in rooms for file in (root / room).rglob("*.py")]
    steps = {name for file in files for name in step_of.findall(file.read_text(encoding="utf-8"))}
    assert steps == {*WRITERS, *KEEPERS}
    told = {module for modules in WRITERS.values() for module in modules}
    apart = {"lakehouse.run", "lakehouse.audit", "identity.decisions"}  # beside every step, or by people
    writers = {table.writer for table in Contracts().tables.values() if "privacy" not in table.writer}
    assert writers - apart == told


def test_a_table_that_reads_what_is_not_there_is_found_by_the_check(tmp_path: Path) -> None:
    root = shutil.copytree(HERE, tmp_path / "contracts")
    file = root / "tables" / "identity" / "stitches.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("reads: [silver.events]", "reads: [silver.visits]"))
    (problem,) = wrong_origins(root)
    assert (problem.field, problem.what) == ("reads.silver.visits", "silver.visits is no table")


def test_in_a_failed_build_the_models_that_were_made_complete_and_those_that_failed_fail(small) -> None:
    def build() -> None:
        with small.run.step(small.lake, "build_marts") as step:
            for table in ("gold.orders", "gold.sessions"):
                small.change(table, lambda rows: rows)
            step.parts |= {"gold.orders": True, "gold.sessions": False}
            raise DataError("the model sessions cannot be built", "gold.sessions")

    with pytest.raises(DataError):
        build()
    ended = {name: of_job(small.lake, f"build_marts.gold.{name}")[1:] for name in ("orders", "sessions", "touchpoints")}
    ((made,), (failed,), none) = ended.values()
    assert (made["eventType"], failed["eventType"], none) == ("COMPLETE", "FAIL", [])
    assert "errorMessage" not in made["run"]["facets"]
    assert failed["run"]["facets"]["errorMessage"]["message"] == "the model sessions cannot be built"
    assert (datasets(made["outputs"]), failed["outputs"]) == (["gold/orders"], [])
    jsonschema.validate(failed, RUN_EVENT)


def test_each_dbt_model_is_a_job_of_its_own_within_its_step(small) -> None:
    with small.run.step(small.lake, "build_marts") as step:
        small.change("gold.profile_redirects", lambda rows: rows)
        step.parts["gold.profile_redirects"] = True
    _, whole = of_job(small.lake, "build_marts")
    _, model = of_job(small.lake, "build_marts.gold.profile_redirects")
    assert datasets(model["outputs"]) == ["gold/profile_redirects"]
    assert datasets(model["inputs"]) == ["identity/assignments"]
    parent = model["run"]["facets"]["parent"]
    assert (parent["job"]["name"], parent["run"]["runId"]) == ("build_marts", whole["run"]["runId"])


def test_an_export_is_described_with_the_column_that_each_of_its_own_is_from(small) -> None:
    small.release()
    export_all(small.lake, small.run, lambda lake, run, staged: {"checks": 0})
    _, ended = of_job(small.lake, "export")
    made = {item["name"].split("/")[-1]: item for item in ended["outputs"] if "exports" in item["name"]}
    assert set(made) == {"ad_platform", "email_tool"}
    given = made["email_tool"]["facets"]["columnLineage"]["fields"]["email"]["inputFields"]
    assert [(item["name"], item["field"]) for item in given] == [(small.lake.path("gold.profile_contact"), "email")]
    assert made["email_tool"]["outputFacets"]["outputStatistics"]["rowCount"] == 1


def test_a_step_that_fails_says_what_stopped_it_and_no_value_of_a_row_is_ever_told(small) -> None:
    with pytest.raises(ValueError, match="ann"), small.run.step(small.lake, "conform"):
        raise ValueError("ann.example@gmail.com is no number")
    with pytest.raises(DataError), small.run.step(small.lake, "resolve"):
        raise DataError("2 records are of two people", "identity.records")
    small.release()
    export_all(small.lake, small.run, lambda lake, run, staged: {"checks": 0})
    assert of_job(small.lake, "conform")[1]["eventType"] == "FAIL"
    assert of_job(small.lake, "conform")[1]["run"]["facets"]["errorMessage"]["message"] == "ValueError"
    assert of_job(small.lake, "resolve")[1]["run"]["facets"]["errorMessage"]["message"] == "2 records are of two people"
    text = json.dumps(events(small.lake)).lower()
    for personal in ("ann.example", "ben@example.com", "+1800555", "account:ann"):
        assert personal not in text


class Heard:
    """A listener that keeps what was said."""

    def __init__(self) -> None:
        self.said_: list[str] = []

    def started(self, step: str) -> None: ...

    def said(self, step: str, label: str, rows: int | None, total: int | None) -> None:
        self.said_.append(label)

    def ended(self, step: str, state: str, rows: int, seconds: float, message: str) -> None: ...


def test_a_sink_that_cannot_be_written_is_said_once_and_stops_nothing(small) -> None:
    (small.lake.settings.state / "lineage").write_text("a file where the folder belongs")
    heard = Heard()
    run = Run("run-2", small.run.as_of, heard)
    for name in ("land", "conform"):
        with run.step(small.lake, name) as step:
            step.rows = 1
    (said,) = heard.said_
    assert said.startswith("OpenLineage events are not kept: ")
    assert "lineage" in said


def test_events_go_to_an_endpoint_only_where_one_is_set(small, tmp_path: Path) -> None:
    heard: list[tuple[str | None, dict[str, Any]]] = []

    class Endpoint(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers.get("Authorization"), json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        lake = Lake(Settings(home=small.lake.settings.home, openlineage=address, CLEW_OPENLINEAGE_KEY="k"))
        with small.run.step(lake, "land"):
            pass
        server.shutdown()
    assert [(key, event["eventType"]) for key, event in heard] == [("Bearer k", "START"), ("Bearer k", "COMPLETE")]
    assert events(small.lake) == []
    off = Lake(Settings(home=small.lake.settings.home, openlineage="off"))
    with small.run.step(off, "land"):
        pass
    assert events(small.lake) == []


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("/data/lake/gold/orders", ("file", "/data/lake/gold/orders")),
        ("file:///data/lake", ("file", "/data/lake")),
        ("s3a://bucket/lake/gold/orders", ("s3://bucket", "lake/gold/orders")),
    ],
)
def test_datasets_are_named_as_the_naming_conventions_ask(place: str, expected: tuple[str, str]) -> None:
    assert named(place) == expected
