"""A small lake with the marts of a journey: few people, whose figures are counted by eye."""

import datetime as dt
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import yaml

from clew.report.asked import Asked
from clew.report.site import FILES
from clew.report.write import asked_of, site
from contracts import DBT_MODELS, Contracts
from tests.conftest import ARROW, SmallLake

UTC = dt.UTC


def day(number: int, month: int = 1) -> dt.datetime:
    return dt.datetime(2017, month, number, 10, tzinfo=UTC)


def put(lake: SmallLake, table: str, rows: list[dict[str, Any]]) -> None:
    """Rows in the place of a mart's, in its own columns."""
    declared = yaml.safe_load((DBT_MODELS / "marts" / f"{table}.yml").read_text(encoding="utf-8"))["models"][0][
        "columns"
    ]
    worth = pa.decimal128(18, 2)
    fields = [(one["name"], worth if "decimal" in one["data_type"] else ARROW[one["data_type"]]) for one in declared]
    schema = pa.schema(fields)
    content = pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema)
    deltalake.write_deltalake(lake.lake.path(f"gold.{table}"), content, mode="overwrite", schema_mode="overwrite")


def with_journeys(lake: SmallLake) -> SmallLake:
    """Forty people looked around in January. Ten of them joined after ten days, six after forty; two joined and buy."""
    stages, gates, moments, touches, paid, hard = [], [], [], [], [], []
    for number in range(40):
        person = f"p-{number:02}"
        joined = number < 16
        came = day(1)
        left = came + dt.timedelta(days=10 if number < 10 else 40) if joined else None
        spell = {"journey": "shopping", "profile_id": person, "why": "looked_around: page_viewed"}
        stages.append(spell | {"spell": 1, "stage": "discovery", "entered_at": came, "left_at": left,
                               "is_current": not joined, "days": 1})  # fmt: skip
        gates.append({
            "journey": "shopping", "profile_id": person, "spell": 1, "stage": "discovery", "gate_to": "onboarding",
            "entered_at": came, "due_at": came + dt.timedelta(days=30), "passed_at": left,
            "passed_into": "onboarding" if joined else None,
            "days_to_pass": None if left is None else float((left - came).days),
            "state": "passed" if number < 10 else "passed_late" if joined else "missed",
        })  # fmt: skip
        touches.append({"touchpoint_id": f"t-{number}", "profile_id": person, "channel": "web", "direction": "inbound",
                        "kind": "visit", "event_id": f"e-{number}", "occurred_at": day(2)})  # fmt: skip
        if left is not None:
            stages.append(spell | {"spell": 2, "stage": "onboarding", "entered_at": left, "left_at": None,
                                   "is_current": number >= 2, "days": 1})  # fmt: skip
        if number < 2:
            stages.append(
                spell | {"spell": 3, "stage": "value", "entered_at": day(1, 3), "is_current": True, "days": 1}
            )
        if number < 20:
            moments.append({
                "journey": "shopping", "moment": "failure_recovered", "profile_id": person, "opened_at": day(2),
                "opened_by_event": f"e-{number}", "repeats": 0, "due_at": day(3),
                "minutes": 60.0 if number < 15 else None, "state": "resolved" if number < 15 else "missed",
            })  # fmt: skip
        if number < 8:
            done = {"profile_id": person, "channel": "web", "event_id": f"b-{number}", "occurred_at": day(5)}
            paid.append(done | {"signal": "bought", "amount": 10})
            kind = {"journey": "shopping", "friction": "cart_left_after_error", "stage": "discovery"}
            hard.append(done | kind | {"effort": 4.0})
    bottleneck = {"journey": "shopping", "stage": "discovery", "channel": "web"}
    for table, rows in (
        ("journey_stages", stages), ("stage_gates", gates), ("moments", moments), ("touchpoints", touches),
        ("signals", paid), ("friction_events", hard),
        ("bottlenecks", [
            bottleneck | {"place": 1, "friction": "cart_left_after_error", "people": 8, "occurrences": 8,
                          "effort_per_person": 4.0, "value_per_person": 100, "weight": 3200.0},
            bottleneck | {"place": 2, "friction": "slow_to_buy", "people": 6, "occurrences": 7,
                          "effort_per_person": 2.0, "value_per_person": 50, "weight": 600.0},
        ]),
        ("journey_paths", [
            {"journey": "shopping", "stage": "discovery", "from_step": "web visit", "to_step": to, "people": people,
             "times": people * 2, "median_minutes": 5.0, "share": 0.5}
            for to, people in (("stop", 30), ("web visit", 12), ("other", 3))
        ]),
    ):  # fmt: skip
        put(lake, table, rows)
    return lake


def asked(lake: SmallLake, root: Path | None = None) -> Asked:
    """The release of a lake, whose home ``CLEW_HOME`` names already; its first, where there is none."""
    if not lake.lake.exists("ops.releases") or not lake.rows("ops.releases"):
        lake.release()
    return asked_of("latest", Contracts(root) if root else lake.lake.contracts)


def pages(found: Asked) -> dict[str, str]:
    """The pages of the site as text."""
    return {name: content.decode() for name, content in site(found).items() if name.endswith(".html")}


class Parsed(HTMLParser):
    """A page taken apart; what is opened is closed in order."""

    EMPTY = frozenset({"meta", "link", "path", "rect", "circle"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.met: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[tuple[int, str]] = []
        self.copied: list[str] = []
        self.cells: list[list[str]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.met.append((tag, given))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))
        if tag == "pre":
            self.is_copied = given.get("class") == "copy"
            self.copied += [""] if self.is_copied else []
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th") and self.cells:
            self.cells[-1].append("")
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.met.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if any(re.fullmatch("h[1-6]", tag) for tag in self.open):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)
        if "pre" in self.open and self.is_copied:
            self.copied[-1] += data
        if self.open and ("td" in self.open or "th" in self.open) and self.cells and self.cells[-1]:
            self.cells[-1][-1] += data

    def row(self, name: str) -> list[str]:
        """The cells of the row that a name begins."""
        return next(row for row in self.cells if row and row[0] == name)

    def queries(self) -> list[list[str]]:
        """The commands that drill down, as a shell would split them."""
        return [shlex.split(text) for text in self.copied if "clew trace" not in text]


BESIDE = frozenset(FILES)
