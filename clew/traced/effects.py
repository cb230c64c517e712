"""On which exports a message had an effect: those whose release had it, and the retractions that it led to.

That an export has somebody of whom a message speaks is not enough: it may have been made before the message landed.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from activation.files import read_manifest
from activation.held import folder as folder_of
from activation.named import Named
from clew.traced.exported import CONSENT, exports_with
from clew.traced.opened import Opened
from clew.workspace import existing_lake, find_release
from contracts.errors import DataError, UsageError
from lakehouse.duck import select_of

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable

    from clew.traced.walk import Walk
    from lakehouse.lake import Lake

EVENTS = "silver.events"
Made = dict[str, Any]


@dataclass
class Effects:
    """What is asked about: some messages, and the exports still held of the people of whom they speak.

    Attributes:
        opened: What the trace reads.
        lake: The lake.
        walk: The rows that the messages led to.
        ids: Every id that the people's profiles had.
        landed_at: When the first of the messages landed.
    """

    opened: Opened
    lake: "Lake"
    walk: "Walk"
    ids: "Iterable[str]"
    landed_at: "datetime.datetime"
    _had: dict[int, bool | None] = field(default_factory=dict)

    def told(self) -> tuple[list[Made], list[Made]]:
        """The exports and retractions on which they had an effect, and the others of the same people.

        Each is as ``exports_with`` has it, the first ones with ``is_certain``: false of an export whose release is kept
        no more, so that nobody can look whether it had the messages. They had landed before it was published.
        """
        effects, others = [], []
        for made in exports_with(self.lake, Named(frozenset(self.ids), frozenset(self.events))):
            ours, rest, is_certain = self._parted(made)
            effects += [made | {"rows": ours, "is_certain": is_certain}] if ours else []
            others += [made | {"rows": rest}] if rest else []
        return effects, others

    @cached_property
    def events(self) -> set[str]:
        """The ids of the messages: as the release has them, and of whole lines also those conformed since."""
        if not self.opened.has(EVENTS):
            return set()
        found: set[str] = set()
        if EVENTS in self.walk.found:
            rows = self.opened.rows(f"SELECT event_id FROM {self.walk.found[EVENTS].kept}")
            found |= {row["event_id"] for row in rows}
        live = select_of(existing_lake(), EVENTS)
        for table in [name for name in self.walk.found if name.startswith("bronze.")]:
            rows = self.opened.rows(
                f"""SELECT event_id FROM ({live}) AS e SEMI JOIN {self.walk.found[table].kept} AS b USING (position)
                    WHERE e.source = ?""",
                [table.removeprefix("bronze.")],
            )
            found |= {row["event_id"] for row in rows}
        return found

    def _parted(self, made: Made) -> tuple[list[Made], list[Made], bool]:
        """The rows on which the messages had an effect, the others, and whether that is certain."""
        named = [row for row in made["rows"] if row.get(CONSENT) in self.events]
        if made["kind"] == "data":
            had = True if named else self.had(made["release"])
            return ([], made["rows"], True) if had is False else (made["rows"], [], had is True)
        if made["kind"] == "retractions" and self._is_first_with_them(made):
            named += [row for row in made["rows"] if row.get(CONSENT) is None]
        return named, [row for row in made["rows"] if row not in named], True

    def _is_first_with_them(self, made: Made) -> bool:
        """Whether an export is the first that had the messages: what it takes out and why may follow from them."""
        since = read_manifest(folder_of(self.lake, made["destination"], made["release"]))["retractions"]["since"]
        return since is not None and self.had(made["release"]) is True and self.had(since) is False

    def had(self, release: int) -> bool | None:
        """Whether a release had any of the messages; None where it is kept no more, and they had landed before it."""
        if release not in self._had:
            self._had[release] = self._looked_up(release)
        return self._had[release]

    def _looked_up(self, release: int) -> bool | None:
        import duckdb

        places = existing_lake()
        try:
            _, _, versions = find_release(places, str(release))
            of_release = select_of(places, EVENTS, (versions or {})[EVENTS])
            sql = f"SELECT 1 FROM ({of_release}) SEMI JOIN {self._asked} USING (event_id) LIMIT 1"
            return bool(self.opened.rows(sql))
        except (UsageError, DataError, KeyError, duckdb.IOException):  # retired, or its files were removed by age
            published = self._published.get(release)
            return False if published is not None and published < self.landed_at else None

    @cached_property
    def _asked(self) -> str:
        """The name of a temporary table of the messages' ids."""
        sql = "CREATE TEMP TABLE asked_events AS SELECT unnest(?::VARCHAR[]) AS event_id"
        self.opened.run(sql, [list(self.events)])
        return "asked_events"

    @cached_property
    def _published(self) -> "dict[int, datetime.datetime]":
        with self.lake.quick("ops.releases") as connection:
            return dict(connection.execute("SELECT release, min(published_at) FROM ops.releases GROUP BY 1").fetchall())
