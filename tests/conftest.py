"""A small lake in which everything is right: three gates pass over it, and two exports come of it. No JVM.

Seven people, each for one fate at export: Ann is exported, Ben withdrew, Cat said no, Dan said nothing, Eve has no
address, Fay has the address that Ben withdrew, and Gus has Ann's.
"""

import datetime as dt
import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest
import yaml

from contracts.permission import Moment
from lakehouse import spill
from lakehouse.consent import state_sql
from lakehouse.lake import Lake
from lakehouse.pseudonym import fingerprint
from lakehouse.releases import publish_release
from lakehouse.run import Run
from lakehouse.schema import arrow_type
from lakehouse.settings import Settings
from tests.gates import pass_gates

# PySpark takes a main module without a file for a doctest run of its own and ends the process; a worker of xdist has
# such a one.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = pytest.__file__
# A few rows a test: for every JVM the tests start, the quick compiler alone, and at once, is done sooner than the
# optimising one; plans are interpreted sooner than compiled, and run whole sooner than stage by stage, each planned
# anew. The scheduler's run compiles them and plans stages anew, as everybody's runs do.
COMPILED = "-XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=0.1"
INTERPRETED = (
    f"{COMPILED} -Dspark.sql.codegen.wholeStage=false -Dspark.sql.codegen.factoryMode=NO_CODEGEN"
    " -Dspark.sql.adaptive.enabled=false"
)

Rows = list[dict[str, Any]]

PEOPLE: dict[str, dict[str, Any]] = {
    "ann": {"email": "Ann.Example@gmail.com", "phone": "+18005550100", "records": ["account:ann", "anonymous:ann"]},
    "ben": {"email": "ben@example.com", "phone": "+18005550101", "records": ["crm:ben"]},
    "cat": {"email": "cat@example.com", "phone": None, "records": ["account:cat"]},
    "dan": {"email": "dan@example.com", "phone": None, "records": ["mailbox:0123456789abcdef"]},
    "eve": {"email": None, "phone": None, "records": ["account:eve"]},
    "fay": {"email": "BEN@example.com", "phone": None, "records": ["account:fay"]},
    "gus": {"email": "ann.example@gmail.com", "phone": None, "records": ["account:gus"]},
}
SAID = [  # who, purpose, status, day
    ("ann", "email_marketing", "granted", 9),
    ("ann", "advertising", "granted", 9),
    ("ben", "email_marketing", "granted", 5),
    ("ben", "email_marketing", "withdrawn", 12),
    ("cat", "email_marketing", "denied", 5),
    ("eve", "email_marketing", "granted", 5),
    ("eve", "advertising", "granted", 5),
    ("fay", "email_marketing", "granted", 6),
    ("gus", "email_marketing", "granted", 7),
    ("ben", "advertising", "withdrawn", 12),
]
ARROW = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "decimal(18,2)": pa.decimal128(18, 2),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
}


class SmallLake:
    """A lake with helpers to break one row."""

    def __init__(self, home: Path) -> None:
        self.lake = Lake(Settings(home=home))
        self.run = Run("run-1", dt.date(2017, 12, 30))
        self.releases = 0

    def copy(self, home: Path) -> "SmallLake":
        """The same lake in another workspace, at the same place in its history."""
        spilled = self.lake.settings.state / spill.FOLDER  # by this process, whatever lake it works on
        shutil.copytree(
            self.lake.settings.home,
            home,
            ignore=lambda folder, names: {spill.FOLDER} & set(names) if Path(folder) == spilled.parent else set(),
        )
        other = SmallLake(home)
        other.releases = self.releases
        return other

    def rows(self, table: str) -> Rows:
        return self.lake.arrow(table).to_pylist()

    def write(self, table: str, rows: Rows) -> None:
        """Replace a table's rows, whoever declares it."""
        schema = self.lake.arrow(table).schema
        deltalake.write_deltalake(self.lake.path(table), pa.Table.from_pylist(rows, schema=schema), mode="overwrite")

    def change(self, table: str, change: Callable[[Rows], Rows | None]) -> None:
        """Hand a table's rows to a function, which changes them in place or returns others."""
        rows = self.rows(table)
        changed = change(rows)
        self.write(table, rows if changed is None else changed)

    def release(self) -> int:
        """Publish the tables as they are, as if every gate had let them pass."""
        self.releases += 1
        run = Run(f"release-{self.releases}", self.run.as_of)
        pass_gates(self.lake, run)
        return publish_release(self.lake, run)["release"]


def at(day: int, hour: int = 9) -> dt.datetime:
    return dt.datetime(2017, 12, day, hour, tzinfo=dt.UTC)


def profile_id(name: str) -> str:
    return "p-" + hashlib.sha256(name.encode()).hexdigest()[:8]


def _messages() -> Rows:
    """Every message that is kept, by source and in landing order."""
    web: Rows = []
    for name, person in PEOPLE.items():
        for record in person["records"]:
            web.append({"source": "web", "record_id": record, "name": name, "event": "page_viewed", "at": at(28)})
    said: Rows = [
        {"source": "consent", "record_id": PEOPLE[n]["records"][0], "name": n, "event": "consent_changed",
         "at": at(day), "purpose": purpose, "status": status}
        for n, purpose, status, day in SAID
    ]  # fmt: skip
    shop: Rows = [{"source": "shop", "record_id": None, "name": None, "event": "item_purchased", "at": at(29)}]
    for rows, first in ((web, 1), (said, 1), (shop, 2)):  # line 1 of the shop's file is its header
        for number, row in enumerate(rows, first):
            row |= {"position": number, "event_id": f"{row['source']}:m{number}"}
    return web + said + shop


def _event(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_id": message["event_id"],
        "source": message["source"],
        "channel": message["source"],
        "type": "track",
        "event": message["event"],
        "message_id": message["event_id"].split(":")[1],
        "record_id": message["record_id"],
        "anonymous_id": None,
        "user_id": None,
        "occurred_at": message["at"],
        "sent_at": None,
        "received_at": at(30),
        "properties": [],
        "traits": [],
        "context": [],
        "content_hash": message["position"],
        "position": message["position"],
        "part": 0,
        "landing": 1,
        "contract_version": "1-0-0",
    }


def _line(source: str, position: int) -> dict[str, Any]:
    return {
        "payload": "a line", "undecoded": None, "file": f"{source}/file", "line": position, "position": position,
        "landing": 1, "landed_at": at(30), "run_id": "run-1", "contract_version": "1-0-0",
    }  # fmt: skip


def _silver(lake: Lake, messages: Rows) -> None:
    lake.overwrite("silver.events", [_event(m) for m in messages])
    spare = {"web": 2, "consent": 0, "shop": 0}  # a duplicate and a refused line
    last = {source: max(m["position"] for m in messages if m["source"] == source) for source in spare}
    for source, more in spare.items():
        lines = [_line(source, p) for p in range(1, last[source] + more + 1)]
        if source == "shop":
            lines[0]["payload"] = ",".join(lake.contracts.sources[source].format.columns)
        lake.overwrite(f"bronze.{source}", lines)
    lake.overwrite(
        "silver.duplicates",
        [{"source": "web", "position": last["web"] + 1, "part": 0, "event_id": "web:m1", "first_position": 1,
          "landing": 1}],
    )  # fmt: skip
    lake.overwrite(
        "silver.quarantine",
        [{"source": "web", "position": last["web"] + 2, "part": 0, "file": "web/file", "line": last["web"] + 2,
          "payload": "{", "undecoded": None, "reasons": ["not_json: it ends too early"], "message_id": None,
          "event": None, "contract_version": "1-0-0", "landing": 1, "received_at": at(30)}],
    )  # fmt: skip
    lake.overwrite(
        "silver.consents",
        [{"event_id": m["event_id"], "record_id": m["record_id"], "source": "consent", "purpose": m["purpose"],
          "status": m["status"], "given_at": m["at"], "notice_version": "2017-1", "region": "US",
          "position": m["position"], "landing": 1, "received_at": at(30)} for m in messages if "purpose" in m],
    )  # fmt: skip
    lake.overwrite(
        "silver.identifiers",
        [{"record_id": p["records"][0], "source": "web", "identifier": "email", "value": p["email"],
          "first_seen": at(28), "last_seen": at(28), "events": 1, "first_position": 1, "landing": 1}
         for p in PEOPLE.values() if p["email"]],
    )  # fmt: skip
    lake.append(
        "ops.row_counts",
        [{"run_id": "run-1", "landing": 1, "source": source, "lines": last[source] + more,
          "headers": int(source == "shop"), "unpacked": 0,
          "kept": sum(m["source"] == source for m in messages), "duplicates": more // 2, "quarantined": more // 2,
          "erased": 0, "record_key": fingerprint(lake.settings.identity_key)} for source, more in spare.items()],
    )  # fmt: skip


def _identity(lake: Lake) -> None:
    records = [(name, record) for name, person in PEOPLE.items() for record in person["records"]]
    lake.overwrite(
        "identity.records",
        [{"record_id": record, "kind": record.split(":")[0], "sources": "web", "landed_landing": 1,
          "landed_source": "web", "landed_position": number, "first_seen": at(28), "last_seen": at(28), "events": 1}
         for number, (_, record) in enumerate(records, 1)],
    )  # fmt: skip
    lake.overwrite(
        "identity.identifiers",
        [{"record_id": p["records"][0], "identifier": kind, "value": p[kind].lower(), "raw_value": p[kind],
          "is_usable": True, "reason": None, "first_seen": at(28), "last_seen": at(28)}
         for p in PEOPLE.values() for kind in ("email", "phone") if p[kind]],
    )  # fmt: skip
    lake.overwrite(
        "identity.edges",
        [{"left_record": "account:ann", "right_record": "anonymous:ann", "kind": "deterministic", "rule": "login",
          "match_weight": 20.0, "probability": 0.999, "evidence": '{"user_id": "equal"}', "model_version": "1",
          "state": "linked", "reason": None, "since": at(28)},
         {"left_record": "account:cat", "right_record": "account:gus", "kind": "probabilistic", "rule": "model",
          "match_weight": 2.0, "probability": 0.8, "evidence": '{"prior": 2.0}', "model_version": "1",
          "state": "review", "reason": "below 10", "since": at(28)}],
    )  # fmt: skip
    lake.overwrite(
        "identity.assignments",
        [{"record_id": record, "profile_id": profile_id(name),
          "kind": "deterministic" if record == "anonymous:ann" else "founder",
          "probability": 0.999 if record == "anonymous:ann" else 1.0,
          "own_profile_id": profile_id("ann's browser" if record == "anonymous:ann" else name),
          "founder_record_id": PEOPLE[name]["records"][0], "records": len(PEOPLE[name]["records"])}
         for name, record in records],
    )  # fmt: skip
    lake.append(
        "identity.history",
        [{"record_id": record, "revision": 1, "true_from": at(28), "known_since": at(30).date(),
          "profile_id": profile_id(name), "run_id": "run-1"} for name, record in records],
    )  # fmt: skip
    lake.overwrite("identity.stitches", [])
    counts = {"records": len(records), "records_new": len(records), "profiles": len(PEOPLE)}
    none = dict.fromkeys(("records_gone", "merges", "splits", "redirects", "records_churned"), 0)
    lake.append(
        "ops.identity_changes",
        [{"run_id": "run-1", "as_of": at(30).date(), "at": at(30), **counts, **none, "id_churn": 0.0}],
    )
    lake.overwrite(
        "identity.review_queue",
        [{"place": 1, "left_record": "account:cat", "right_record": "account:gus", "left_profile": profile_id("cat"),
          "right_profile": profile_id("gus"), "match_weight": 2.0, "probability": 0.8, "edges": 1, "people": 2,
          "records": 2, "events": 2, "value": Decimal(0), "against": None}],
    )  # fmt: skip


def _gold(lake: Lake, messages: Rows) -> None:
    assigned = {row["record_id"]: row for row in lake.arrow("identity.assignments").to_pylist()}
    events = []
    for message in messages:
        link = assigned.get(message["record_id"], {})
        event = _event(message) | {
            "profile_id": link.get("profile_id"),
            "link_kind": link.get("kind"),
            "link_probability": link.get("probability"),
        }
        del event["content_hash"]
        events.append(event)
    lake.overwrite("gold.events", events)
    text, time = pa.string(), ARROW["timestamp"]
    schema = [("profile_id", text), ("is_known", pa.bool_()), ("records", pa.int64()), ("events", pa.int64())]
    schema += [("link_kind", text), ("link_probability", pa.float64())]
    told = [("profile_id", text)]
    for name in ("first_name", "last_name", "email", "phone"):
        told += [(name, text), (f"{name}_source", text), (f"{name}_at", time)]
    profiles, contacts = [], []
    for name, person in PEOPLE.items():
        is_linked = len(person["records"]) > 1
        row = {"profile_id": profile_id(name), "is_known": True, "records": len(person["records"]), "events": 1,
               "link_kind": "deterministic" if is_linked else "founder",
               "link_probability": 0.999 if is_linked else 1.0}  # fmt: skip
        profiles.append(row)
        contact = {"profile_id": profile_id(name)}
        for attribute, value in (("first_name", name.title()), ("email", person["email"]), ("phone", person["phone"])):
            if value:
                contact |= {attribute: value, f"{attribute}_source": "web", f"{attribute}_at": at(28)}
        contacts.append(contact)
    _mart(lake, "profiles", pa.schema(schema), profiles)
    _mart(lake, "profile_contact", pa.schema(told), contacts)
    with lake.duck() as connection:
        state = state_sql(lake.contracts.policy, Moment(at(30).date(), heeds_later_refusals=True))
        lake.overwrite("gold.consent_state", connection.sql(state).to_arrow_table())
    _mart(
        lake,
        "profile_redirects",
        pa.schema([("retired_profile_id", text), ("profile_id", text)]),
        [{"retired_profile_id": profile_id("ann's browser"), "profile_id": profile_id("ann")}],
    )
    for audience, names in (("new_joiners", ("ann", "ben")), ("coupon_lovers", ("ann",))):
        _mart(
            lake,
            f"audience_{audience}",
            pa.schema([("profile_id", text), ("why", text), ("since", pa.date32())]),
            [{"profile_id": profile_id(name), "why": "joined", "since": at(28).date()} for name in names],
        )


def _empty_marts(lake: Lake) -> None:
    """Every other published mart, without rows, with the columns that its YAML declares."""
    models = Path(__file__).parents[1] / "dbt_project" / "models"
    for path in sorted((*models.glob("marts/*.yml"), *models.glob("activation/*.yml"))):
        for model in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["models"]:
            if not lake.exists(f"gold.{model['name']}"):
                columns = [(c["name"], arrow_type(c["data_type"])) for c in model["columns"]]
                _mart(lake, model["name"], pa.schema(columns), [])


def _mart(lake: Lake, name: str, schema: pa.Schema, rows: Rows) -> None:
    deltalake.write_deltalake(lake.path(f"gold.{name}"), pa.Table.from_pylist(rows, schema=schema))


def pytest_configure() -> None:
    """For tests only: benchmarks import from here, and measure plans that are compiled."""
    os.environ.setdefault("CLEW_JAVA_OPTIONS", INTERPRETED)


@pytest.fixture(scope="session")
def small_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_lake(tmp_path_factory.mktemp("small"))


def small_lake(home: Path) -> Path:
    """Make the small lake in a workspace."""
    lake = Lake(Settings(home=home))
    lake.ensure_tables()
    messages = _messages()
    _silver(lake, messages)
    _identity(lake)
    _gold(lake, messages)
    _empty_marts(lake)
    return home


@pytest.fixture
def small(small_template: Path, tmp_path: Path) -> SmallLake:
    """A small lake of its own, with nothing released yet."""
    return SmallLake(small_template).copy(tmp_path / "home")
