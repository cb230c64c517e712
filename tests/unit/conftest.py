"""A tiny workspace for the tests of the command line: three people, two releases, one failed run. No JVM."""

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import deltalake
import pyarrow as pa
import pytest

from activation.export import export_all
from clew.main import run as run_clew
from lakehouse.lake import Lake
from lakehouse.schema import arrow_schema
from lakehouse.settings import Settings
from tests.conftest import SmallLake
from tests.erasable import make
from tests.unit.experimented import experimented


class Ran(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str


Clew = Callable[..., Ran]

CONTACT = ("first_name", "last_name", "email", "phone", "street", "postcode", "loyalty_id", "birth_date")
SHARED = ("city", "country", "age_band", "income_band", "household_size")


def at(day: int, hour: int = 9) -> dt.datetime:
    return dt.datetime(2017, 12, day, hour, tzinfo=dt.UTC)


def told(names: tuple[str, ...]) -> list[tuple[str, pa.DataType]]:
    """Columns of attributes with their source and time."""
    fields = []
    for name in names:
        fields.append((name, pa.date32() if name == "birth_date" else pa.string()))
        fields += [(f"{name}_source", pa.string()), (f"{name}_at", pa.timestamp("us", "UTC"))]
    return fields


def contact_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=pa.schema([("profile_id", pa.string()), *told(CONTACT)]))


def profiles_table(rows: list[dict[str, Any]]) -> pa.Table:
    fields = [("profile_id", pa.string()), ("is_known", pa.bool_()), *told(SHARED)]
    fields += [
        ("records", pa.int64()),
        ("events", pa.int64()),
        ("link_kind", pa.string()),
        ("link_probability", pa.float64()),
        ("orders", pa.int64()),
        ("sales_value", pa.decimal128(18, 2)),
        ("first_seen_at", pa.timestamp("us", "UTC")),
        ("last_seen_at", pa.timestamp("us", "UTC")),
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def campaign_lift(lake: Lake) -> pa.Table:
    """Two campaigns and both together; of the second too few people were mailed."""
    told = {"unit": "US dollars a person and week", "starts": dt.date(2017, 9, 1), "ends": dt.date(2017, 10, 1),
            "window": "declared", "is_over": True, "assumes": "nothing but this"}  # fmt: skip
    known = {"people_mailed": 40, "people_compared": 38, "mailed_during": 50.0, "others_during": 20.0, "lift": 1.5,
             "lift_low": -0.5, "lift_high": 3.5, "placebo": 0.25, "placebo_low": -2.0, "placebo_high": 2.5,
             "verdict": "plausible", "finding": "not told from none"}  # fmt: skip
    few = {"starts": dt.date(2017, 9, 8), "people_mailed": None, "verdict": "too few people", "finding": "not known"}
    rows = [
        told | {"campaign_id": "26", "campaign_type": "Type B", "outcome": "spend"} | known,
        told | {"campaign_id": "7", "campaign_type": "Type A", "outcome": "spend"} | few,
        told | {"campaign_id": "all", "outcome": "spend"} | known | {"mailed_during": None},
        told | {"campaign_id": "26", "outcome": "orders"} | known | {"unit": "orders a person and week", "lift": 0.125},
    ]
    return declared(lake, "gold.campaign_lift", rows)


def campaign_cannibalisation(lake: Lake) -> pa.Table:
    known = {"status": "known", "people_redeemed": 31, "sales_discounted": 90.0, "discount_coupon": 20.0,
             "discount_match": 5.0, "discount_retail": 10.0, "extra_by_rate": 60.0, "extra_by_buyers": 45.0,
             "anyway_by_rate": 0.3333, "anyway_by_buyers": 0.5}  # fmt: skip
    rows = [
        {"campaign_id": "26", "campaign_type": "Type B", "assumes": "nothing but this"} | known,
        {"campaign_id": "7", "campaign_type": "Type A", "assumes": "nothing but this", "status": "too few people"},
    ]
    return declared(lake, "gold.campaign_cannibalisation", rows)


def declared(lake: Lake, table: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows in the columns that a table declares."""
    schema = arrow_schema(lake.contracts.table(table))
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)


def make_lake(home: Path) -> None:
    """Write the tables of the tiny workspace."""
    lake = Lake(Settings(home=home))

    def write(table: str, rows: pa.Table) -> None:
        deltalake.write_deltalake(lake.path(table), rows, mode="append")

    ana = {
        "profile_id": "p-ana", "is_known": True, "records": 2, "events": 7, "link_kind": "deterministic",
        "link_probability": 0.98, "orders": 1,
        "sales_value": Decimal("12.50"), "first_seen_at": at(1), "last_seen_at": at(30),
    }  # fmt: skip
    ben = {"profile_id": "p-ben", "is_known": False, "records": 1, "events": 1, "link_kind": "founder",
           "link_probability": 1.0, "orders": 0, "sales_value": Decimal("0.00"), "first_seen_at": at(2),
           "last_seen_at": at(2)}  # fmt: skip
    lake.restricted_folder()
    contact = {
        "profile_id": "p-ana", "first_name": "Ana", "first_name_source": "crm", "first_name_at": at(30),
        "email": "ana@example.org", "email_source": "web", "email_at": at(29), "birth_date": dt.date(1980, 5, 4),
        "birth_date_source": "crm", "birth_date_at": at(30),
    }  # fmt: skip
    write("gold.profile_contact", contact_table([contact]))
    write("gold.profiles", profiles_table([ana]))
    write("gold.profiles", profiles_table([ben]))
    utc = pa.timestamp("us", "UTC")
    write(
        "gold.profile_identifiers",
        pa.table(
            {
                "profile_id": ["p-ana", "p-ana", "p-ben", "p-ana"],
                "identifier": ["email", "phone", "email", "email"],
                "value": ["ana@example.org", "+12025550143", "shared@example.org", "shared@example.org"],
                "is_usable": [True, True, True, True],
                "sources": ["crm, web", "crm", "web", "web"],
                "records": [2, 1, 1, 1],
                "first_seen_at": pa.array([at(1)] * 4, utc),
                "last_seen_at": pa.array([at(30)] * 4, utc),
            }
        ),
    )
    lake.append(
        "gold.consent_state",
        [{"profile_id": "p-ana", "purpose": "email_marketing", "status": "granted", "may_use": True, "rule": "latest",
          "event_id": "consent:c1", "notice_version": "2017-1", "given_at": at(3), "known_since": at(3),
          "expires_at": dt.datetime(2020, 12, 2, 9, tzinfo=dt.UTC), "jurisdiction": "united_states",
          "policy_version": "2-1-0"}],
    )  # fmt: skip
    write(
        "gold.orders",
        pa.table(
            {
                "order_id": ["o1"],
                "profile_id": ["p-ana"],
                "is_online": [True],
                "sales_value": pa.array([Decimal("12.50")], pa.decimal128(18, 2)),
                "ordered_at": pa.array([at(5)], utc),
            }
        ),
    )
    write(
        "gold.journey_stages",
        pa.table(
            {
                "journey": ["shopping", "shopping"],
                "profile_id": ["p-ana", "p-ana"],
                "spell": [1, 2],
                "stage": ["discovery", "value"],
                "entered_at": pa.array([at(1), at(5)], utc),
                "left_at": pa.array([at(5), None], utc),
                "days": [4, 26],
                "is_current": [False, True],
                "why": ["looked_around: page_viewed", "bought: item_purchased"],
            }
        ),
    )
    write("gold.campaign_lift", campaign_lift(lake))
    write("gold.campaign_cannibalisation", campaign_cannibalisation(lake))
    records = [
        ("crm:7", "crm", "p-ana", "founder", 1.0, 4),
        ("account:u1", "account", "p-ana", "deterministic", 0.98, 3),
        ("anonymous:a9", "anonymous", "p-ben", "founder", 1.0, 1),
        ("crm:8", "crm", "p-cleo", "founder", 1.0, 2),
    ]
    own_ids = {"crm:7": "p-ana", "account:u1": "p-old", "anonymous:a9": "p-ben", "crm:8": "p-cleo"}
    write("gold.profile_redirects", pa.table({"retired_profile_id": ["p-old"], "profile_id": ["p-ana"]}))
    believed = [  # record, revision, true from, known since, profile; known on the 30th: one person since the 20th
        ("crm:7", 1, 1, 29, "p-ana"), ("account:u1", 1, 2, 29, "p-old"), ("anonymous:a9", 1, 2, 29, "p-ben"),
        ("account:u1", 2, 2, 30, "p-old"), ("account:u1", 2, 20, 30, "p-ana"),
    ]  # fmt: skip
    lake.append(
        "identity.history",
        [
            {
                "record_id": record,
                "revision": revision,
                "true_from": at(true),
                "known_since": at(known).date(),
                "profile_id": profile,
                "run_id": f"run-{revision}",
            }
            for record, revision, true, known, profile in believed
        ],
    )
    changed = {"records": 3, "records_new": 0, "records_gone": 0, "profiles": 2, "merges": 1, "splits": 0,
               "redirects": 1, "records_churned": 0, "id_churn": 0.0}  # fmt: skip
    lake.append("ops.identity_changes", [{"run_id": "run-1", "as_of": at(30).date(), "at": at(30)} | changed])
    lake.append(
        "identity.assignments",
        [
            {
                "record_id": r,
                "profile_id": p,
                "own_profile_id": own_ids[r],
                "kind": kind,
                "probability": probability,
                "founder_record_id": "crm:7",
                "records": 2,
            }
            for r, _, p, kind, probability, _ in records
        ],
    )
    lake.append(
        "identity.records",
        [
            {
                "record_id": r,
                "kind": kind,
                "sources": kind,
                "landed_landing": 1,
                "landed_source": kind,
                "landed_position": 1,
                "first_seen": at(1),
                "last_seen": at(30),
                "events": events,
                "first_name": {"crm:7": "ana", "crm:8": "anna"}.get(r),
            }
            for r, kind, _, _, _, events in records
        ],
    )
    lake.append(
        "silver.quarantine",
        [
            {
                "source": "web",
                "position": n,
                "part": 0,
                "file": "web/a.jsonl",
                "line": n,
                "payload": "{}",
                "reasons": reasons,
                "contract_version": "1-0-0",
                "landing": 1,
                "received_at": at(30),
            }
            for n, reasons in enumerate(
                [
                    ["unknown_event: x is not declared"],
                    ["missing_field: no userId", "missing_field: no event"],
                ],
                1,
            )
        ],
    )
    lake.append(
        "identity.decisions",
        [
            {
                "decision": 1,
                "action": "unlink",
                "left_record": "account:u1",
                "right_record": "anonymous:a9",
                "undoes": None,
                "until": None,
                "reason": "two people on one tablet",
                "author": "sam",
                "decided_at": at(31),
            }
        ],
    )
    seen = {"left": ["2017-12-02T00:00:00", "2017-12-03T00:00:00"],
            "right": ["2017-12-01T00:00:00", "2017-12-30T00:00:00"]}  # fmt: skip
    shared = {"value_hash": "00aa11bb22cc33dd", "how": "unique", "seen": seen, "blocked": None}
    waterfall = [
        {"comparison": "name", "level": "exact match", "weight": 8.0},
        {"comparison": "birth_date", "level": "all else", "weight": -6.0},
    ]
    edges = [
        ("account:u1", "crm:7", "deterministic", "email", 5.61471, 0.98, "rules-1-0-0", "linked", None,
         {"identifier": "email", "values": [shared]}),
        ("account:u1", "anonymous:a9", "probabilistic", "model", -8.0, 0.0039, "model-1", "blocked",
         "two birth dates", {"prior": -10.0, "waterfall": waterfall}),
        ("account:u1", "crm:7", "probabilistic", "model", 12.0, 0.9998, "model-1", "redundant",
         "its records are joined by stronger edges", {"prior": 4.0, "waterfall": waterfall[:1]}),
        ("crm:7", "crm:8", "probabilistic", "model", 6.0, 0.9846, "model-1", "review", "below 10",
         {"prior": -2.0, "waterfall": waterfall[:1]}),
    ]  # fmt: skip
    names = ("left_record", "right_record", "kind", "rule", "match_weight", "probability", "model_version",
             "state", "reason")  # fmt: skip
    lake.append(
        "identity.edges",
        [dict(zip(names, edge, strict=False)) | {"evidence": json.dumps(edge[-1]), "since": at(2)} for edge in edges],
    )
    lake.append(
        "identity.review_queue",
        [
            {
                "place": 1,
                "left_record": "crm:7",
                "right_record": "crm:8",
                "left_profile": "p-ana",
                "right_profile": "p-cleo",
                "match_weight": 6.0,
                "probability": 0.9846,
                "edges": 1,
                "people": 2,
                "records": 3,
                "events": 9,
                "value": Decimal("12.50"),
                "against": "contested: birth dates differ on one email",
            }
        ],
    )
    lake.append(
        "identity.identifiers",
        [
            {
                "record_id": r,
                "identifier": "email",
                "value": "ana@example.org",
                "raw_value": "ana@example.org",
                "is_usable": True,
                "first_seen": at(1),
                "last_seen": at(30),
            }
            for r in ("crm:7", "account:u1")
        ],
    )
    steps = [
        ("run-1", "land", "started", at(30, 1), 0.0, 0, ""),
        ("run-1", "land", "done", at(30, 2), 3.5, 120, ""),
        ("run-1", "release", "done", at(30, 3), 0.25, 8, "release 1"),
        ("run-2", "land", "started", at(31, 1), 0.0, 0, ""),
        ("run-2", "land", "failed", at(31, 2), 1.0, 0, "the disk is full"),
        ("run-2", "land", "started", at(31, 3), 0.0, 0, ""),
        ("run-2", "land", "done", at(31, 4), 2.0, 30, ""),
        ("run-2", "gate_silver", "failed", at(31, 5), 1.5, 0, "1 check of gate silver failed"),
    ]
    names = ("run_id", "step", "state", "at", "seconds", "rows", "message")
    lake.append("ops.runs", [dict(zip(names, s, strict=True)) | {"as_of": s[3].date()} for s in steps])
    lake.append(
        "ops.releases",
        [
            {
                "release": 1,
                "run_id": "run-1",
                "as_of": dt.date(2017, 12, 30),
                "published_at": at(30, 3),
                "table_name": table,
                "version": 0 if table == "gold.profiles" else lake.version(table),
                "rows": 1,
            }
            for table in lake.tables()
            if table.split(".")[0] in ("silver", "identity", "gold") and table != "silver.quarantine"
        ],
    )
    deltalake.write_deltalake(lake.path("bronze.web"), pa.table({"payload": ["{}"], "position": [1]}))


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("workspace")
    make_lake(home)
    return home


@pytest.fixture
def unread(tmp_path: Path) -> Path:
    """A tiny workspace of its own, of which nobody has read anything: the shared one has an audit once somebody has."""
    make_lake(tmp_path / "unread")
    return tmp_path / "unread"


@pytest.fixture
def clew(workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clew:
    """Run a command line in this process: what it printed, and its exit code."""
    for name in [name for name in os.environ if name.startswith("CLEW_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str, home: Path = workspace) -> Ran:
        monkeypatch.setenv("CLEW_HOME", str(home))
        capsys.readouterr()
        code = run_clew(list(arguments))
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run


@pytest.fixture
def clew_process(workspace: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the program in a process of its own, as a shell would."""

    def run(*arguments: str, home: Path = workspace) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CLEW_")}
        return subprocess.run(
            [sys.executable, *arguments],
            env=kept | {"CLEW_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def exported_template(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    made = SmallLake(small_template).copy(tmp_path_factory.mktemp("exported") / "home")
    made.release()
    export_all(made.lake, made.run, lambda lake, run, staged: {"checks": 0})
    return made


@pytest.fixture
def exported(exported_template: SmallLake, tmp_path: Path) -> Path:
    """A workspace with one release and its two exports."""
    return Path(exported_template.copy(tmp_path / "home").lake.settings.home)


@pytest.fixture(scope="session")
def experimented_home(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose experiments were measured, with one release; only read."""
    made = SmallLake(small_template).copy(tmp_path_factory.mktemp("experimented") / "home")
    return Path(experimented(made).lake.settings.home)


@pytest.fixture(scope="session")
def people_template(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    return make(SmallLake(small_template).copy(tmp_path_factory.mktemp("people") / "home"))


@pytest.fixture
def people(people_template: SmallLake, tmp_path: Path) -> SmallLake:
    """The small lake, whose lines say what silver says of them, and its landing files; released and exported."""
    return people_template.copy(tmp_path / "home")


@pytest.fixture(scope="session")
def measured(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    """The small lake with an order of each person, its metrics and hypotheses measured; released. To read only."""
    from measures.registry import MEASURES
    from measures.step import measure

    made = SmallLake(small_template).copy(tmp_path_factory.mktemp("measured") / "home")
    visits = [row for row in made.rows("gold.events") if row["source"] == "web"]
    made.write(
        "gold.orders",
        [{"order_id": f"o{number}", "profile_id": visit["profile_id"], "event_id": visit["event_id"],
          "sales_value": Decimal(10), "coupons_redeemed": 0, "ordered_at": at(29)}
         for number, visit in enumerate(visits)],
    )  # fmt: skip
    measure(made.lake, made.run, tuple(each for each in MEASURES if each.name in ("metrics", "hypotheses")))
    made.release()
    return made
