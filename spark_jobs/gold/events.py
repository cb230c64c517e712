"""Gold events: every accepted event with the person it belongs to.

Idempotence key: the rows themselves. Each build compares gold with silver and with the assignments, and replaces, in
one commit, the landings that differ and the sources in which a record changed hands. So a build that died has left
the table as it was, a build that is repeated writes nothing, and any order of builds ends in what a rebuild would give.
"""

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import MapType

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.lake import Lake
    from lakehouse.run import Run

EVENTS, SILVER, ASSIGNMENTS = "gold.events", "silver.events", "identity.assignments"
SILVER_ONLY = ("content_hash",)
LINK = ("profile_id", "link_kind", "link_probability")


def attribute_events(events: "DataFrame", assignments: "DataFrame") -> "DataFrame":
    """Give every event the profile of its record; an event that names no record has none.

    Args:
        events: Rows of silver.events.
        assignments: Rows of identity.assignments, one a record.
    """
    return events.drop(*SILVER_ONLY).join(_links(assignments), "record_id", "left")


def differing_landings(silver: "DataFrame", gold: "DataFrame") -> list[int]:
    """The landings that are in one table only, or not the same in both; sorted."""
    ours = _fingerprints(silver, "silver")
    theirs = _fingerprints(gold, "gold")
    differ = ours.join(theirs, "landing", "full").where(~F.col("silver").eqNullSafe(F.col("gold")))
    return sorted(row.landing for row in differ.select("landing").collect())


def sources_with_moved_records(gold: "DataFrame", assignments: "DataFrame") -> list[str]:
    """The sources with an event whose link is no longer that of its record; sorted."""
    held = gold.where("record_id is not null").select("source", "record_id", *LINK).distinct()
    current = _links(assignments).select("record_id", F.struct(*LINK).alias("current"))
    moved = held.join(current, "record_id", "left").where(
        ~F.struct(*LINK).eqNullSafe(F.coalesce("current", F.struct(*[F.lit(None).alias(name) for name in LINK])))
    )
    return sorted(row.source for row in moved.select("source").distinct().collect())


def build_events(lake: "Lake", run: "Run") -> dict[str, int]:
    """Bring gold.events up to date with silver.events and identity.assignments."""
    with run.step(lake, "build_events") as step, lake.lock(EVENTS):
        silver, assignments = lake.df(SILVER), lake.df(ASSIGNMENTS)
        step.say("comparing with silver and the assignments")
        replace_where = None
        if lake.exists(EVENTS):
            gold = lake.df(EVENTS)
            landings = differing_landings(silver, gold)
            sources = sources_with_moved_records(gold, assignments)
            if not landings and not sources:
                step.message = "nothing changed"
                return {"events": 0}
            kept = gold.where(~F.col("landing").isin(landings)) if landings else gold
            if not kept.isEmpty():
                replace_where = _predicate(landings, sources)
        rows = silver.where(replace_where) if replace_where else silver
        step.say("all landings" if replace_where is None else "what changed")
        lake.write_df(EVENTS, attribute_events(rows, assignments), replace_where=replace_where)
        step.rows = rows.count()
        return {"events": step.rows}


def _links(assignments: "DataFrame") -> "DataFrame":
    return assignments.select(
        "record_id",
        "profile_id",
        F.col("kind").alias("link_kind"),
        F.col("probability").alias("link_probability"),
    )


def _fingerprints(events: "DataFrame", name: str) -> "DataFrame":
    compared = [field for field in events.schema if field.name not in (*SILVER_ONLY, *LINK)]
    # Spark hashes no maps, and passes over nulls: which columns have a value is hashed too.
    values = [F.map_entries(f.name) if isinstance(f.dataType, MapType) else F.col(f.name) for f in compared]
    given = [F.col(field.name).isNotNull() for field in compared]
    content = F.struct(F.count("*").alias("rows"), F.bit_xor(F.xxhash64(*values, *given)).alias("hash"))
    return events.groupBy("landing").agg(content.alias(name))


def _predicate(landings: list[int], sources: list[str]) -> str:
    terms = []
    if landings:
        terms.append(f"landing IN ({', '.join(map(str, landings))})")
    if sources:
        terms.append("source IN (" + ", ".join("'" + source.replace("'", "''") + "'" for source in sources) + ")")
    return " OR ".join(terms)
