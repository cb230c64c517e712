"""Landing files of a few lines, and one run of land and conform over them."""

import datetime
import json
from pathlib import Path
from typing import Any

from expectations import check, gate
from expectations.suite import Scene, Suite
from lakehouse.lake import Lake
from lakehouse.run import Run
from spark_jobs.bronze.land import land
from spark_jobs.silver.conform import conform

SHOP_HEADER = "kind,basket_id,line,purchased_at,store_id,loyalty_card,product_id,quantity,sales_value"


def put(lake: Lake, name: str, *lines: str | bytes | dict[str, Any]) -> Path:
    """Write a landing file, ``web/a.jsonl`` say, from texts, bytes or objects."""
    path = lake.settings.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = [
        line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
        for line in lines
    ]
    path.write_bytes(b"".join(line + b"\n" for line in encoded))
    return path


def view(message_id: str, product: str = "1", person: str = "a1", **more: Any) -> dict[str, Any]:
    """A product view as a browser sends it."""
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": message_id,
        "anonymousId": person,
        "timestamp": "2017-03-01T10:00:00.000Z",
        "properties": {"product_id": product},
        **more,
    }


def purchase(basket: str, line: int, card: str = "L1", value: str = "0.5") -> str:
    return f"purchase,{basket},{line},2017-01-01 06:53:26,330,{card},77,1,{value}"


def run(lake: Lake, run_id: str) -> dict[str, int]:
    """Land and conform."""
    this = Run(run_id, datetime.date(2017, 12, 30))
    land(lake, this)
    return conform(lake, this)


def rows(lake: Lake, table: str, *columns: str) -> list[tuple]:
    """A table's rows as sorted tuples."""
    found = lake.arrow(table, columns=list(columns)).to_pylist()
    return sorted((tuple(row[column] for column in columns) for row in found), key=str)


def content(lake: Lake) -> dict[str, list[tuple]]:
    """All of silver but what tells of the landing: what any batching must agree on."""
    return {
        "events": rows(lake, "silver.events", "event_id", "record_id", "occurred_at", "properties", "position"),
        "duplicates": rows(lake, "silver.duplicates", "event_id", "position", "part", "first_position"),
        "quarantine": rows(lake, "silver.quarantine", "source", "position", "part", "reasons", "payload"),
        "consents": rows(lake, "silver.consents", "event_id", "purpose", "status"),
    }


def recount(lake: Lake) -> list[str]:
    """The rules of conservation that the silver gate finds broken, by its own reader of JSON."""
    with lake.duck() as connection:
        suite = gate.SUITES["silver"](Scene(lake.contracts, connection, datetime.date(2017, 12, 30)))
        names = ("every_account_balances", "every_account_is_true", "every_message_of_a_line_has_a_fate")
        rules = tuple(rule for rule in suite.rules if rule.name in names)
        assert len(rules) == len(names)
        found = check.run(connection, Suite("silver", rules, suite.prepare))
    return [result.rule.name for result in found if not result.success]
