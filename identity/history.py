"""identity.history: who we thought each record was, by two clocks.

We follow Snodgrass, "Developing Time-Oriented Database Applications in SQL" (1999, ISBN 1-55860-436-7): what is true
in the world (``true_from``) and what was known to us (``known_since``) are told apart. We differ in keeping a
record's whole timeline in each revision instead of an end beside each beginning, because rows are only ever added: a
revision takes the place of the one before it, and nothing that was once believed is changed. So this is the one
identity table that is no function of bronze: it outlives a rebuild of the others.
"""

import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from identity.sql import query
from identity.timeline import TIMELINE

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run import Run

TABLE = "identity.history"
_LAST = f"FROM {TABLE} {{where}} QUALIFY revision = max(revision) OVER (PARTITION BY record_id)"

BELIEVED = """(SELECT record_id, true_from, profile_id FROM (
    SELECT * FROM {} QUALIFY revision = max(revision) OVER (PARTITION BY record_id)) WHERE profile_id IS NOT NULL)"""
"""SQL of what is believed now, which is a function of bronze as the other tables are; since when, and by which run, is
not. ``{}`` is the table."""


def revised(known: pa.Table, now: pa.Table) -> pa.Table:
    """The timelines that differ from what was known, whole; a record that is gone has no profile from its first day on.

    Args:
        known: What was believed so far, ``TIMELINE``, each record once.
        now: What is believed now, ``TIMELINE``.
    """
    return query(
        """WITH stands AS (
               SELECT * FROM now UNION ALL
               SELECT record_id, min(true_from), NULL FROM known ANTI JOIN now USING (record_id) GROUP BY record_id),
           changed AS (
               SELECT record_id FROM (FROM stands EXCEPT FROM known)
               UNION SELECT record_id FROM (FROM known EXCEPT FROM stands))
           SELECT record_id, true_from, profile_id FROM stands SEMI JOIN changed USING (record_id)
           ORDER BY record_id, true_from""",
        known=known,
        now=now,
    )


def append_history(lake: "Lake", run: "Run", now: pa.Table, about: pa.Table | None = None) -> int:
    """Append what a run believes otherwise than the last one did, and return the rows appended.

    It is one commit, after which the same timelines differ in nothing: a run that died is run again with the same
    result.

    Args:
        lake: The lake.
        run: The run. What it says is known since its date, or since that of the newest revision, if that is later: a
            past day that is run again was not known on that day.
        now: The timelines of all records, or of those that it is about.
        about: record_id of the records that may differ from what was known; none for all.
    """
    known, revision, newest = _last_known(lake, about)
    appended = revised(known, now)
    if appended.num_rows:
        said = pa.table(
            {
                "revision": pa.array([revision + 1], pa.int32()),
                "known_since": [max(run.as_of, newest or run.as_of)],
                "run_id": [run.run_id],
            }
        )
        lake.append(TABLE, query("SELECT * FROM appended, said ORDER BY ALL", appended=appended, said=said))
    return appended.num_rows


def has_spoken(lake: "Lake", run: "Run") -> bool:
    """Whether an earlier try of the run has changed what is believed."""
    if not lake.exists(TABLE):
        return False
    with lake.quick(TABLE) as connection:
        found = connection.execute(f"SELECT 1 FROM {TABLE} WHERE run_id = $run LIMIT 1", {"run": run.run_id})
        return found.fetchone() is not None


def believed_before(lake: "Lake", run: "Run", about: pa.Table | None = None) -> pa.Table:
    """record_id and profile_id of what was believed before the run, whatever tries of it there were.

    Args:
        lake: The lake.
        run: The run.
        about: record_id of the records that are asked about; none for all.
    """
    if not lake.exists(TABLE):
        return TIMELINE.empty_table()
    before = f"WHERE revision < (SELECT coalesce(min(revision), 2147483647) FROM {TABLE} WHERE run_id = $run)"
    if about is not None:
        before = f"SEMI JOIN about USING (record_id) {before}"
    with lake.quick(TABLE) as connection:
        if about is not None:
            connection.register("about", about)
        return connection.sql(
            f"""WITH last AS (SELECT * {_LAST.format(where=before)})
                SELECT record_id, profile_id FROM last
                QUALIFY true_from = max(true_from) OVER (PARTITION BY record_id) AND profile_id IS NOT NULL""",
            params={"run": run.run_id},
        ).to_arrow_table()


def _last_known(lake: "Lake", about: pa.Table | None) -> tuple[pa.Table, int, datetime.date | None]:
    """The last timeline of each record, the number of the newest revision, and since when that is known."""
    if not lake.exists(TABLE):
        return TIMELINE.empty_table(), 0, None
    chosen = "" if about is None else "SEMI JOIN about USING (record_id)"
    with lake.quick(TABLE) as connection:
        if about is not None:
            connection.register("about", about)
        known = connection.sql(f"SELECT record_id, true_from, profile_id {_LAST.format(where=chosen)}").to_arrow_table()
        newest = connection.sql(f"SELECT coalesce(max(revision), 0), max(known_since) FROM {TABLE}").fetchall()[0]
    return known, *newest
