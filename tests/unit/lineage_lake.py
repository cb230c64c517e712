"""The small lake with raw lines that say what silver says, for tests of lineage: parsed text, a batch, a basket."""

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

from activation.export import export_all
from tests.conftest import PEOPLE, SmallLake, at, profile_id

Rows = list[dict[str, Any]]
BASKET, CAMPAIGN = "b1", "c1"
CROWD = '[{"userId": "ann"}, {"userId": "ben"}]'


def lake_with_lines(template: Path, home: Path) -> SmallLake:
    """A small lake whose lines say what silver says, released and exported."""
    shutil.copytree(template, home)
    small = SmallLake(home)
    tell_lines(small)
    small.release()
    export_all(small.lake, small.run, lambda lake, run, staged: {"checks": 0})
    return small


def tell_lines(small: SmallLake) -> None:
    """Let each person say who they are on the web: Ben and Cat in one batch; and sell one basket, with a coupon."""
    traits = {
        name: {"email": person["email"], "phone": person["phone"], "firstName": name.title()}
        for name, person in PEOPLE.items()
    }
    said = {name: _first_message(small, person["records"][0]) for name, person in PEOPLE.items()}
    place = {name: row["position"] for name, row in said.items()}
    place["cat"] = place["ben"]
    lines = {
        place[name]: _identify(said[name]["message_id"], traits[name]) for name in PEOPLE if name not in ("ben", "cat")
    }
    lines[place["ben"]] = {"batch": [_identify(said[name]["message_id"], traits[name]) for name in ("ben", "cat")]}

    def conform(rows: Rows) -> None:
        for row in rows:
            name = next((n for n, event in said.items() if event["event_id"] == row["event_id"]), None)
            if name is not None:
                row |= {"type": "identify", "event": "customer_identified", "position": place[name]}
                row |= {"part": int(name == "cat"), "traits": [(k, v) for k, v in traits[name].items() if v]}

    for table in ("silver.events", "gold.events"):
        small.change(table, conform)
    small.change("bronze.web", lambda rows: _payloads(rows, lines))
    small.write("silver.customer_records", [_record(said[name], name, place[name]) for name in PEOPLE])
    phones = [
        {"record_id": p["records"][0], "source": "web", "identifier": "phone", "value": p["phone"],
         "first_seen": at(28), "last_seen": at(28), "events": 1, "first_position": 1, "landing": 1}
        for p in PEOPLE.values() if p["phone"]
    ]  # fmt: skip
    small.change("silver.identifiers", lambda rows: rows + phones)
    _sell(small)
    _fill_the_rest(small)


def _first_message(small: Any, record: str) -> dict[str, Any]:
    return next(row for row in small.rows("silver.events") if row["record_id"] == record and row["source"] == "web")


def _identify(message_id: str, traits: dict[str, Any]) -> dict[str, Any]:
    return {"type": "identify", "messageId": message_id, "traits": {key: item for key, item in traits.items() if item}}


def _payloads(rows: Rows, lines: dict[int, Any]) -> Rows:
    for row in rows:
        if row["position"] in lines:
            row["payload"] = json.dumps(lines[row["position"]])
    return rows


def _record(event: dict[str, Any], name: str, position: int) -> dict[str, Any]:
    person = PEOPLE[name]
    return {
        "event_id": event["event_id"], "record_id": event["record_id"], "source": "web",
        "occurred_at": event["occurred_at"], "first_name": name.title(), "email": person["email"],
        "phone": person["phone"], "traits": [], "position": position, "landing": 1,
    }  # fmt: skip


def _sell(small: Any) -> None:
    """One basket of Ann's: an item bought, and a coupon of a campaign redeemed."""
    bought = next(row for row in small.rows("silver.events") if row["source"] == "shop")
    coupon = {**bought, "event_id": "shop:m3", "message_id": "m3", "event": "coupon_redeemed", "position": 3}

    def properties(row: dict[str, Any]) -> dict[str, Any]:
        extra = [("campaign_id", CAMPAIGN)] if row["event"] == "coupon_redeemed" else []
        return {**row, "properties": [("basket_id", BASKET), *extra]}

    def sold(rows: Rows) -> Rows:
        named = [row for row in rows if row["event_id"] != bought["event_id"]]
        like = next(row for row in rows if row["event_id"] == bought["event_id"])
        ours = {"profile_id": profile_id("ann")} if "profile_id" in like else {}
        both = ({**like, **{key: row[key] for key in row if key in like}, **ours} for row in (bought, coupon))
        return [*named, *map(properties, both)]

    for table in ("silver.events", "gold.events"):
        small.change(table, sold)
    small.change("bronze.shop", lambda rows: [*rows, {**rows[-1], "line": 3, "position": 3}])
    small.write(
        "gold.orders",
        [{"order_id": BASKET, "profile_id": profile_id("ann"), "event_id": bought["event_id"],
          "ordered_at": bought["occurred_at"], "sales_value": Decimal("1.50")}],
    )  # fmt: skip
    small.write("gold.campaign_performance", [{"campaign_id": CAMPAIGN, "redeemed": 1}])


def _fill_the_rest(small: Any) -> None:
    """One row in every table that has none yet, of Ann's visit, so that a row of each can be traced."""
    ann, visit, began = {"profile_id": profile_id("ann")}, "web:m2", at(28)
    spell = {"record_id": "anonymous:ann", "account_record": "account:ann", "kind": "inferred", "probability": 0.9}
    since = began.replace(microsecond=458_000)
    small.write("identity.stitches", [spell | {"since": since, "evidence": "{}"}])
    small.write("gold.audience_lapsing_regulars", [ann])
    spell_of = ann | {"journey": "shopping", "stage": "discovery", "spell": 1}
    small.write("gold.journey_stages", [spell_of | {"entered_by_event": visit}])
    _fill_journeys(small, ann, visit)
    small.write("gold.profile_identifiers", [ann | {"identifier": "email", "value": "ann.example@gmail.com"}])
    session = {"session_id": "s1", "source": "web", "first_event_id": visit, "started_at": began, "ended_at": began}
    small.write("gold.sessions", [ann | session])
    small.write("gold.touchpoints", [ann | {"touchpoint_id": "s1", "event_id": visit}])
    for source in small.lake.contracts.sources:
        if not small.rows(f"bronze.{source}"):
            line = {**small.rows("bronze.web")[0], "file": f"{source}/file", "line": 1, "position": 1}
            small.write(f"bronze.{source}", [line | ({"payload": CROWD} if source == "app" else {})])
    crowd = {"source": "app", "position": 1, "file": "app/file", "line": 1, "payload": CROWD}
    crowd["reasons"] = ["batch_too_large: it holds more messages than a line of the source may"]
    small.change("silver.quarantine", lambda rows: [*rows, rows[0] | crowd])


def _fill_journeys(small: Any, ann: dict[str, Any], visit: str) -> None:
    """One row in every mart of journeys: Ann looked around, and met a friction there."""
    stage = {"journey": "shopping", "stage": "discovery"}
    here = stage | {"channel": "web"}
    hard = here | {"friction": "bad_word", "event_id": visit}
    small.write("gold.signals", [ann | {"signal": "looked_around", "event_id": visit}])
    small.write("gold.stage_gates", [ann | stage | {"spell": 1, "passed_by_event": visit}])
    small.write("gold.moments", [ann | {"journey": "shopping", "moment": "first_value", "opened_by_event": visit}])
    small.write("gold.time_to_value", [ann | {"journey": "shopping", "arrived_by_event": visit}])
    small.write("gold.personas", [ann | {"journey": "shopping", "persona": "window_shopper"}])
    small.write("gold.journey_paths", [stage | {"from_step": "web visit", "to_step": "stop"}])
    changed = {"left_by_event": visit, "arrived_by_event": visit}
    small.write("gold.handoffs", [ann | stage | changed | {"handoff": "web_to_shop"}])
    small.write("gold.friction_events", [ann | hard | {"first_event_id": visit}])
    small.write("gold.effort", [ann | here | {"effort": 2.0}])
    small.write("gold.bottlenecks", [here | {"friction": "bad_word", "place": 1}])
    small.write("gold.bottleneck_examples", [ann | hard | {"example": 1}])
    small.write("gold.voice_of_customer", [ann | {"journey": "shopping", "event_id": visit}])
    found = {"journey": "shopping", "indicator": "early_second_visit", "outcome": "discovery"}
    small.write("gold.leading_indicators", [found])
    small.write("gold.experiment_exposures", [ann | {"experiment": "similar_products", "event_id": visit}])
