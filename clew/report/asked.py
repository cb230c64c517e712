"""What the pages are made from: the declarations, and one release that is read as `clew query` reads it."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clew.report.declared import Declarations

if TYPE_CHECKING:
    from clew.workspace import Reading
    from contracts import Contracts
    from contracts.journey import Journey

Row = Mapping[str, Any]
TABLES = (
    "journey_stages", "stage_gates", "moments", "journey_paths", "handoffs", "time_to_value", "personas",
    "leading_indicators", "friction_events", "effort", "bottlenecks", "bottleneck_examples", "voice_of_customer",
    "signals", "touchpoints", "metrics", "metric_groups", "hypotheses", "experiment_ledger", "experiment_results",
    "experiment_interactions", "attribution", "media_mix", "campaign_lift", "campaign_cannibalisation",
    "second_purchase", "campaign_stages", "campaign_performance", "hypothesis_verdicts",
)  # fmt: skip
"""Tables from which pages are made, the last one of ops and the others of gold; each of them may be absent."""

_NEEDED = {
    "journey_stages": "journey profile_id spell stage entered_at is_current",
    "stage_gates": "journey profile_id spell stage state due_at days_to_pass",
    "moments": "journey moment profile_id opened_at opened_by_event due_at minutes state",
    "journey_paths": "journey stage from_step to_step people times median_minutes share",
    "handoffs": "journey handoff profile_id left_at arrived_at arrived_by_event minutes context",
    "time_to_value": "journey profile_id arrived_at days",
    "personas": "journey profile_id persona",
    "voice_of_customer": "journey mood verdict",
    "friction_events": "journey friction profile_id event_id occurred_at channel stage effort",
    "touchpoints": "profile_id channel occurred_at",
    "signals": "profile_id signal channel occurred_at amount",
    "hypothesis_verdicts": "hypothesis verdict as_of",
}
"""The columns that pages read of a table, where they do not say so themselves: an old release may lack one."""


@dataclass(frozen=True)
class Answer:
    """A query, and its rows."""

    sql: str
    rows: Sequence[Row]


class Asked:
    """One release, and what is declared.

    Args:
        reading: A jailed connection with views of ``TABLES``.
        contracts: What the business declares.
        as_of: The date that the release stands for; of the live tables that of the newest run.
    """

    def __init__(self, reading: "Reading", contracts: "Contracts", as_of: datetime.date) -> None:
        self.reading, self.contracts, self.as_of = reading, contracts, as_of
        self.declarations = Declarations(contracts)

    @property
    def release(self) -> str:
        """As ``--release`` takes it."""
        return "live" if self.reading.release is None else str(self.reading.release)

    @property
    def release_name(self) -> str:
        """The release in words."""
        if self.reading.release is None:
            return f"the live tables (as of {self.as_of})"
        return self.reading.name

    @property
    def currency(self) -> str:
        """In what values are told."""
        costs = self.contracts.costs
        return costs.currency if costs else "in the currency of the events"

    @property
    def journeys(self) -> "list[Journey]":
        """Every declared journey, by name."""
        return [self.contracts.journeys[name] for name in sorted(self.contracts.journeys)]

    @property
    def horizon(self) -> str:
        """The end of the date of the release, in SQL."""
        return f"TIMESTAMPTZ '{self.as_of + datetime.timedelta(days=1)} 00:00:00+00'"

    @cached_property
    def _columns(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        rows = self.reading.rows(
            "SELECT schema_name || '.' || table_name AS name, column_name FROM duckdb_columns() WHERE NOT internal"
        )
        for row in rows:
            found.setdefault(row["name"], set()).add(row["column_name"])
        return {name: frozenset(columns) for name, columns in found.items()}

    def has(self, table: str, *columns: str) -> bool:
        """Whether the release has a table, with these columns, or those that pages are known to read."""
        wanted = columns or _NEEDED.get(table.split(".")[1], "").split()
        return table in self._columns and set(wanted) <= self._columns[table]

    def answer(self, sql: str) -> Answer:
        """The rows of a query."""
        return Answer(sql, self.reading.rows(sql))
