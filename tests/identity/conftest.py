"""Literal records for identity tests, and the path from them to profiles."""

import datetime
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa
import pytest

from contracts.catalog import Contracts
from contracts.identity import IdentityRules
from identity.decisions import Decision
from identity.edges import EDGE_COLUMNS, edge_table
from identity.records import ATTRIBUTES, Nodes, Silver, build_nodes
from identity.resolution import Resolution, resolved

KEY = b"a key for tests"
NO_EDGES = edge_table({name: [] for name in EDGE_COLUMNS})
START = datetime.datetime(2017, 1, 1, tzinfo=datetime.UTC)
_TIME = pa.timestamp("us", tz="UTC")


@dataclass
class Town:
    """A small silver layer, written record by record; records land in the order in which they are written."""

    rules: IdentityRules
    rows: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    statements: dict[str, str] = field(default_factory=dict)

    def record(self, record_id: str, day: int = 0, until: int | None = None, **said: Any) -> "Town":
        """Add a record seen from ``day`` to ``until``; identifiers and attributes by name, lists for several."""
        self.rows.append(
            {"record_id": record_id, "day": day, "until": day if until is None else until, "said": said,
             "position": len(self.rows) + 1}
        )  # fmt: skip
        return self

    def says(self, record_id: str, status: str) -> "Town":
        """Let a record say last what it thinks of being linked; the event is named by the record."""
        self.statements[record_id] = status
        return self

    def _said(self, record_id: str) -> dict[str, Any]:
        status = self.statements.get(record_id)
        return {"linking": status, "linking_event": f"consent:{record_id}"} if status else {}

    def silver(self) -> Silver:
        """The tables that identity reads."""
        events, identifiers, attributes = [], [], []
        for row in self.rows:
            seen = {
                "first_seen": START + datetime.timedelta(days=row["day"]),
                "last_seen": START + datetime.timedelta(days=row["until"]),
            }
            landed = {"landing": 1, "source": "crm", "position": row["position"]}
            event = {"record_id": row["record_id"], "sources": "crm", "landed": landed, "events": 1}
            events.append(event | seen | self._said(row["record_id"]))
            of_person = {name: row["said"].get(name) for name in ATTRIBUTES if name not in self.rules.identifiers}
            attributes.append({"record_id": row["record_id"]} | of_person)
            for name in self.rules.identifiers:
                said = row["said"].get(name, [])
                for value in [said] if isinstance(said, str) else said:
                    identifiers.append({"record_id": row["record_id"], "identifier": name, "raw_value": value} | seen)
        return Silver(
            pa.Table.from_pylist(events, _EVENTS),
            pa.Table.from_pylist(identifiers, _IDENTIFIERS),
            pa.Table.from_pylist(attributes, _ATTRIBUTES),
        )

    def nodes(self) -> Nodes:
        return build_nodes(self.silver(), self.rules)

    def decide(self, action: Literal["link", "unlink"], one: str, other: str) -> "Town":
        """Add a steward's decision."""
        left, right = sorted((one, other))
        number = len(self.decisions) + 1
        self.decisions.append(Decision(number, action, left, right, None, None, "looked", "ann", START))
        return self

    def resolve(self) -> Resolution:
        """Profiles by deterministic edges and decisions alone."""
        nodes = self.nodes()
        return resolved(nodes, NO_EDGES, self.decisions, self.rules, KEY)

    def profiles(self) -> set[frozenset[str]]:
        """The records of each profile."""
        return grouped(self.resolve().assignments)

    def reasons(self) -> dict[tuple[str, str, str], str]:
        """The reason of each blocked edge by its two records and rule."""
        rows = self.resolve().edges.to_pylist()
        return {
            (row["left_record"], row["right_record"], row["rule"]): row["reason"]
            for row in rows
            if row["state"] == "blocked"
        }

    def unusable(self) -> dict[tuple[str, str], str]:
        """The reason of each identifier that does not identify, by record and identifier."""
        rows = self.nodes().identifiers.to_pylist()
        return {(row["record_id"], row["identifier"]): row["reason"] for row in rows if not row["is_usable"]}


def grouped(assignments: pa.Table) -> set[frozenset[str]]:
    profiles: dict[str, set[str]] = {}
    for row in assignments.to_pylist():
        profiles.setdefault(row["profile_id"], set()).add(row["record_id"])
    return {frozenset(records) for records in profiles.values()}


_LANDED = pa.struct([("landing", pa.int32()), ("source", pa.string()), ("position", pa.int64())])
_EVENTS = pa.schema(
    [("record_id", pa.string()), ("sources", pa.string()), ("landed", _LANDED), ("first_seen", _TIME),
     ("last_seen", _TIME), ("events", pa.int64()), ("linking", pa.string()),
     ("linking_event", pa.string())]
)  # fmt: skip
_IDENTIFIERS = pa.schema(
    [("record_id", pa.string()), ("identifier", pa.string()), ("raw_value", pa.string()),
     ("first_seen", _TIME), ("last_seen", _TIME)]
)  # fmt: skip
_ATTRIBUTES = pa.schema([("record_id", pa.string()), *((name, pa.string()) for name in ATTRIBUTES)])


@pytest.fixture(scope="session")
def rules() -> IdentityRules:
    return Contracts().identity


@pytest.fixture
def town(rules: IdentityRules) -> Town:
    return Town(rules)


@pytest.fixture(scope="session")
def new_town(rules: IdentityRules) -> Any:
    return lambda: Town(rules)


@pytest.fixture(scope="session")
def profiles_of() -> Any:
    return grouped
