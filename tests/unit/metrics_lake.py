"""A lake of a few people in memory, by hand: what metrics and hypotheses read, and declarations of a test's own."""

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from contracts import HERE, Contracts
from measures.measure import Asked

AS_OF = dt.date(2017, 12, 31)


def day(days_ago: int) -> dt.datetime:
    return dt.datetime(2017, 12, 31, 12, tzinfo=dt.UTC) - dt.timedelta(days_ago)


class People:
    """People of one record each, to whom records, links and orders are added."""

    def __init__(self, number: int, **known: Any) -> None:
        self.profiles = {f"p{n}": {"is_known": True, "age_band": None, **known} for n in range(1, number + 1)}
        self.assigned = {f"crm:{n}": (f"p{n}", f"crm:{n}", "founder") for n in range(1, number + 1)}
        self.edges: list[tuple[str, str, str, str]] = []
        self.orders: list[dict[str, Any]] = []
        self.stitched: dict[str, tuple[str, str]] = {}

    def link(self, record: str, profile: str, kind: str, to: str | None = None) -> "People":
        """Give a person one more record, by an edge of a kind to a record of theirs, without more the founder's."""
        founder = f"crm:{profile[1:]}"
        self.assigned[record] = (profile, founder, kind)
        self.edges.append((record, to or founder, kind, "linked"))
        return self

    def order(self, record: str | None, value: float = 10, days_ago: int = 1, **more: Any) -> "People":
        """An order of a record's person; of None nobody's."""
        number = len(self.orders) + 1
        self.orders.append({"record": record, "value": value, "at": day(days_ago), "number": number, **more})
        return self

    def asked(self, contracts: Contracts, as_of: dt.date = AS_OF) -> Asked:
        """The lake as a measure is asked over it."""
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        for schema in ("gold", "identity", "ops"):
            connection.execute(f"CREATE SCHEMA {schema}")
        for name, (ddl, rows) in self._tables().items():
            connection.execute(f"CREATE TABLE {name} ({ddl})")
            if rows:
                marks = ", ".join("?" for _ in rows[0])
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
        return Asked(connection, contracts, as_of)

    def _tables(self) -> dict[str, tuple[str, list[tuple[Any, ...]]]]:
        events, orders = [], []
        for order in self.orders:
            record, event = order["record"], f"shop:{order['number']}"
            profile, _, kind = self.assigned[record] if record else (None, None, None)
            if record in self.stitched:
                profile, kind = self.stitched[record]
            events.append((event, record, profile, kind, 0.9 if profile else None, order["at"]))
            orders.append((f"o{order['number']}", profile, event, order["value"], order.get("coupons", 0), order["at"]))
        return {
            "gold.profiles": (
                "profile_id VARCHAR, is_known BOOLEAN, age_band VARCHAR",
                [(name, known["is_known"], known["age_band"]) for name, known in self.profiles.items()],
            ),
            "gold.events": (
                "event_id VARCHAR, record_id VARCHAR, profile_id VARCHAR, link_kind VARCHAR, link_probability DOUBLE, "
                "occurred_at TIMESTAMPTZ",
                events,
            ),
            "gold.orders": (
                "order_id VARCHAR, profile_id VARCHAR, event_id VARCHAR, sales_value DECIMAL(18,2), "
                "coupons_redeemed BIGINT, ordered_at TIMESTAMPTZ",
                orders,
            ),
            "identity.assignments": (
                "record_id VARCHAR, profile_id VARCHAR, founder_record_id VARCHAR, kind VARCHAR",
                [(record, *rest) for record, rest in self.assigned.items()],
            ),
            "identity.records": (
                "record_id VARCHAR, kind VARCHAR",
                [(record, record.split(":")[0]) for record in self.assigned],
            ),
            "identity.edges": ("left_record VARCHAR, right_record VARCHAR, kind VARCHAR, state VARCHAR", self.edges),
            "ops.runs": ("as_of DATE, state VARCHAR, seconds DOUBLE", [(AS_OF, "done", 2.5), (AS_OF, "done", 4.0)]),
        }


ORDERS = {"table": "gold.orders", "time": "ordered_at", "days": 28}
BUYERS = ORDERS | {"agg": "count_distinct", "column": "profile_id"}
EVERYBODY = {"table": "gold.profiles", "agg": "count_distinct", "column": "profile_id"}


def metric(name: str, **fields: Any) -> dict[str, Any]:
    """A metric's declaration."""
    kind = {"owner": "analytics", "about": "a metric of a test", "kind": "input", "unit": "people", "grain": "a run",
            "direction": "up", "type": "ratio" if "numerator" in fields else "simple"}  # fmt: skip
    return {"metric": name} | kind | fields


def declared(
    folder: Path, metrics: Iterable[Mapping[str, Any]], hypotheses: Iterable[Mapping[str, Any]] = ()
) -> Contracts:
    """Contracts with the tables of the project, and these metrics and hypotheses."""
    root = folder / "contracts"
    root.mkdir()
    (root / "tables").symlink_to(HERE / "tables")
    for kind, items in (("metric", metrics), ("hypothesis", hypotheses)):
        place = root / {"metric": "metrics", "hypothesis": "hypotheses"}[kind]
        place.mkdir()
        for item in items:
            (place / f"{item[kind]}.yml").write_text(yaml.safe_dump(dict(item)), encoding="utf-8")
    return Contracts(root)


def by(table: pa.Table, *key: str) -> dict[Any, dict[str, Any]]:
    """The rows by their key."""
    rows = table.to_pylist()
    assert rows, "no row"
    return {row[key[0]] if len(key) == 1 else tuple(row[name] for name in key): row for row in rows}
