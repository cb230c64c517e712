"""A small lake of people who can be erased: its lines say what silver says of them, and landing/ has them, too."""

import datetime as dt
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from activation.export import export_all
from lakehouse.lake import Lake
from lakehouse.run import Run
from rights import erase as forgotten
from spark_jobs.privacy import plan, search
from tests.chaos.lines import REQUEST
from tests.conftest import PEOPLE, profile_id

RUN = Run("forget", dt.date(2017, 12, 31))
OF_ANN = ("account:ann", "anonymous:ann", "+18005550100")
FIRST = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def make(small: Any) -> Any:
    """Tell the small lake's lines in bronze and in landing/; release and export it."""
    _tell_in_bronze(small)
    small.release()
    export_all(small.lake, small.run, lambda lake, run, staged: {"checks": 0})
    logs = small.lake.settings.state / "logs"
    logs.mkdir(parents=True)
    (logs / "run.log").write_text("user +18005550100 was seen\n", encoding="utf-8")
    return small


def _tell_in_bronze(small: Any) -> None:
    of_record = {record: person for person in PEOPLE.values() for record in person["records"]}
    for source in ("web", "consent"):
        events = {e["position"]: e for e in small.rows("silver.events") if e["source"] == source}

        def told(rows: list[dict[str, Any]], events: dict[int, dict[str, Any]] = events) -> None:
            for row in rows:
                event = events.get(row["position"])
                if event is not None:
                    person = of_record[event["record_id"]]
                    said = {"id": event["message_id"], "who": event["record_id"], "email": person["email"],
                            "phone": person["phone"]}  # fmt: skip
                    row["payload"] = json.dumps(said)

        small.change(f"bronze.{source}", told)
        folder = small.lake.settings.landing / source
        folder.mkdir(parents=True)
        lines = sorted(small.rows(f"bronze.{source}"), key=lambda row: row["line"])
        (folder / "file").write_text("\n".join(row["payload"] for row in lines) + "\n", encoding="utf-8")


def ask(small: Any) -> None:
    """Ann asked to be erased, and two visits are past their period."""
    age(small)
    make(small)
    request = small.lake.settings.state / "requests" / REQUEST
    request.parent.mkdir()
    request.write_text("phone:+18005550100\n", encoding="utf-8")


def age(small: Any, *events: str) -> None:
    """Let some visits, or two, have happened four years before they landed."""
    small.lake.append(
        "ops.landings", [{"landing": 1, "run_id": "run-1", "landed_at": dt.datetime(2017, 12, 30, tzinfo=dt.UTC)}]
    )
    with small.run.step(small.lake, "land") as step:
        step.rows = 1
    old = set(events) or {"web:m1", "web:m4"}  # Ann's visit, which a duplicate repeats, and Cat's
    for table in ("silver.events", "gold.events"):

        def aged(rows: list[dict[str, Any]]) -> None:
            for row in rows:
                if row["event_id"] in old:
                    row["occurred_at"] = dt.datetime(2013, 5, 1, tzinfo=dt.UTC)

        small.change(table, aged)


def erase(small: Any, *names: str) -> dict[str, Any]:
    return forgotten.erase(
        small.lake, RUN, [profile_id(name) for name in names], reason="asked by letter", author="sam"
    )


def found(small: Any, *values: str) -> list[str]:
    places = search.search(small.lake, search.for_values(values)).places
    return sorted(f"{place.file} {place.what}" for place in places)


def content(lake: Lake, besides: Iterable[str] = ()) -> dict[str, Any]:
    """The rows of all tables of people, in an order of their own; of bronze the rows that are no tombstones."""
    rows = {}
    for table in lake.tables():
        if table.split(".")[0] in ("bronze", "silver", "identity", "gold") and table not in besides:
            its = [row for row in lake.arrow(table).to_pylist() if "clew_erased" not in str(row.get("payload"))]
            rows[table] = sorted(json.dumps(row, default=str, sort_keys=True) for row in its)
    return rows


class Died(BaseException):
    """What ends a process at a place of the test's choosing."""


def dies_after(people: Any, part: str, act: Callable[[], object] | None = None) -> None:
    """An erasure of Ann, or another act, that dies when a part is done and written down."""
    reported = plan.reported

    def dies(lake: Lake, made: Any, name: str, report: Any) -> Any:
        made = reported(lake, made, name, report)
        if name == part:
            raise Died
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "reported", dies)
        with pytest.raises(Died):
            erase(people, "ann") if act is None else act()


def lands(people: Any, record: str, **values: str) -> None:
    """A record that silver has and identity does not know yet."""
    event = next(row for row in people.rows("silver.events") if row["event_id"] == "web:m1")
    line = next(row for row in people.rows("bronze.web") if row["position"] == 1)
    place = max(row["position"] for row in people.rows("bronze.web")) + 1
    said = {"id": f"n{place}", "who": record, **values}
    people.lake.append("bronze.web", [line | {"position": place, "line": place, "payload": json.dumps(said)}])
    people.lake.append(
        "silver.events",
        [event | {"event_id": f"web:n{place}", "message_id": f"n{place}", "record_id": record, "position": place}],
    )
    people.lake.append(
        "silver.identifiers",
        [{"record_id": record, "source": "web", "identifier": kind, "value": value, "first_seen": FIRST,
          "last_seen": FIRST, "events": 1, "first_position": place, "landing": 1} for kind, value in values.items()],
    )  # fmt: skip


def refuse(people: Any, *payloads: str) -> None:
    """Lines that silver refused, in landing/ too; released."""
    line, refused = people.rows("bronze.web")[0], people.rows("silver.quarantine")[0]
    for place, payload in enumerate(payloads, start=90):
        at = {"position": place, "line": place, "payload": payload}
        people.lake.append("bronze.web", [line | at])
        people.lake.append("silver.quarantine", [refused | at])
    with (people.lake.settings.landing / "web" / "file").open("a", encoding="utf-8") as file:
        file.write("\n".join(payloads) + "\n")
    people.release()


def refused_still(people: Any) -> list[str]:
    return [row["payload"] for row in people.rows("silver.quarantine") if row["position"] >= 90]
