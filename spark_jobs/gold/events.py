"""Gold events: every accepted event with the person it belongs to.

That is the person of its record; in a spell of identity.stitches it is the person of the account that had logged in.

Idempotence key: the rows themselves. Each build compares gold with silver and with the assignments, and replaces, in
one commit, the landings that differ and the records that changed hands, or their sources where those are many. So a
build that died has left the table as it was, a build that is repeated writes nothing, and any order of builds ends in
what a rebuild would give.

To compare two million events takes longer than to write a day's. So each commit notes what gold was made of
(``since``): only landings in files that silver gained or lost since are compared, and only events of records that are
assigned otherwise; all are where the last commit of rows has no such note.
"""

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import MapType

from contracts.link import FIRMEST_FIRST
from lakehouse.erasing import refuse_half_erased
from spark_jobs.gold.since import EVENTS, SILVER, note, reassigned, suspects

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.lake import Lake
    from lakehouse.run import Run

ASSIGNMENTS, STITCHES = "identity.assignments", "identity.stitches"
SILVER_ONLY = ("content_hash",)
LINK = ("profile_id", "link_kind", "link_probability")
BUCKETS = 4_096
_BUCKET = f"pmod(xxhash64(record_id), {BUCKETS})"
"""What a commit says of the records that it replaces: it is kept for months, and a record may have to be erased."""
FEW_BUCKETS = BUCKETS // 16
"""With more of them, to replace whole sources costs no more."""


def attribute_events(events: "DataFrame", assignments: "DataFrame", stitches: "DataFrame") -> "DataFrame":
    """Give every event the profile of its record, or of its spell; an event that names no record has none.

    Args:
        events: Rows of silver.events.
        assignments: Rows of identity.assignments, one a record.
        stitches: Rows of identity.stitches; the spells of a record do not overlap.
    """
    return _links(_in_spells(events.drop(*SILVER_ONLY), stitches), assignments)


def differing_landings(silver: "DataFrame", gold: "DataFrame") -> list[int]:
    """The landings that are in one table only, or not the same in both; sorted."""
    ours = _fingerprints(silver, "silver")
    theirs = _fingerprints(gold, "gold")
    differ = ours.join(theirs, "landing", "full").where(~F.col("silver").eqNullSafe(F.col("gold")))
    return sorted(row.landing for row in differ.select("landing").collect())


def moved(gold: "DataFrame", assignments: "DataFrame", stitches: "DataFrame") -> "DataFrame":
    """Source and record_id of the records with an event whose link is no longer that of its record or spell."""
    held = F.struct(*LINK)
    events = gold.where("record_id is not null").select("source", "record_id", "occurred_at", held.alias("held"))
    spelled = _in_spells(events, stitches).drop("occurred_at").distinct()
    found = _links(spelled, assignments).where(~F.col("held").eqNullSafe(F.struct(*LINK)))
    return found.select("source", "record_id").distinct()


def build_events(lake: "Lake", run: "Run") -> dict[str, int]:
    """Bring gold.events up to date with silver.events and identity.assignments."""
    with run.step(lake, "build_events") as step, lake.lock(EVENTS):
        refuse_half_erased(lake)
        made_of = note(lake)  # before anything is read: what comes meanwhile is looked at by the next build
        silver, assignments, stitches = lake.df(SILVER), lake.df(ASSIGNMENTS), lake.df(STITCHES)
        replace_where = None
        if lake.exists(EVENTS):
            gold = lake.df(EVENTS)
            step.say("comparing with silver")
            landings = _differing(silver, gold, suspects(lake))
            step.say("comparing with the assignments")
            differing = [*_landings(landings), *_moved(lake, gold, assignments, stitches)]
            if not differing:
                step.message = "nothing changed"
                return {"events": 0}
            kept = gold.where(~F.col("landing").isin(landings)) if landings else gold
            if not kept.isEmpty():
                replace_where = " OR ".join(differing)
        rows = silver.where(replace_where) if replace_where else silver
        step.say("all landings" if replace_where is None else "what changed")
        lake.write_df(EVENTS, attribute_events(rows, assignments, stitches), replace_where=replace_where, note=made_of)
        step.rows = rows.count()
        return {"events": step.rows}


def _differing(silver: "DataFrame", gold: "DataFrame", among: list[int] | None) -> list[int]:
    """The differing landings among some; among all if that is None."""
    if among is None:
        return differing_landings(silver, gold)
    here = F.col("landing").isin(among)
    return differing_landings(silver.where(here), gold.where(here)) if among else []


def _moved(lake: "Lake", gold: "DataFrame", assignments: "DataFrame", stitches: "DataFrame") -> list[str]:
    """The predicates of rows that changed hands, among those of records that are assigned otherwise than before."""
    records = reassigned(lake)
    if records is None:
        return _movers(moved(gold, assignments, stitches))
    if not records.num_rows:
        return []
    named = lake.spark.createDataFrame(records)
    return _movers(moved(gold.join(named, "record_id", "left_semi"), assignments, stitches))


def _landings(landings: list[int]) -> list[str]:
    """The predicate of rows of landings, if there are any."""
    return [f"landing IN ({', '.join(map(str, landings))})"] if landings else []


def _movers(found: "DataFrame") -> list[str]:
    """The predicate of rows of records, or of all rows of their sources where those are many; none of no records."""
    buckets = sorted(row.bucket for row in found.select(F.expr(_BUCKET).alias("bucket")).distinct().collect())
    if len(buckets) <= FEW_BUCKETS:
        return [f"{_BUCKET} IN ({', '.join(map(str, buckets))})"] if buckets else []
    sources = sorted(row.source for row in found.select("source").distinct().collect())
    return ["source IN (" + ", ".join("'" + source.replace("'", "''") + "'" for source in sources) + ")"]


def _in_spells(events: "DataFrame", stitches: "DataFrame") -> "DataFrame":
    """Add ``owner``, the record whose profile an event has, and ``spell``, the link to it (null outside spells)."""
    spell = F.struct(F.col("kind").alias("link_kind"), F.col("probability").alias("link_probability"))
    spells = stitches.select("record_id", "since", "until", "account_record", spell.alias("spell"))
    began = F.col("occurred_at") >= F.col("since")
    goes_on = F.col("until").isNull() | (F.col("occurred_at") < F.col("until"))
    lies_in = (events.record_id == spells.record_id) & began & goes_on
    return (
        events.join(F.broadcast(spells), lies_in, "left")
        .withColumn("owner", F.coalesce("account_record", events.record_id))
        .select(*(events[name] for name in events.columns), "owner", "spell")
    )


def _links(events: "DataFrame", assignments: "DataFrame") -> "DataFrame":
    """Add the link of each event's owner; in a spell, no firmer and no surer than the spell."""
    owners = assignments.select(F.col("record_id").alias("owner"), "profile_id", "kind", "probability")
    firmness = F.array(*(F.lit(kind) for kind in FIRMEST_FIRST))
    is_weaker = F.array_position(firmness, F.col("kind")) > F.array_position(firmness, F.col("spell.link_kind"))
    kind = F.when(F.col("spell").isNull() | is_weaker, F.col("kind")).otherwise(F.col("spell.link_kind"))
    return (
        events.join(owners, "owner", "left")
        .withColumn("link_kind", kind)
        .withColumn("link_probability", F.least("probability", "spell.link_probability"))
        .drop("owner", "spell", "kind", "probability")
    )


def _fingerprints(events: "DataFrame", name: str) -> "DataFrame":
    compared = [field for field in events.schema if field.name not in (*SILVER_ONLY, *LINK)]
    # Spark hashes no maps, and passes over nulls: which columns have a value is hashed too.
    values = [F.map_entries(f.name) if isinstance(f.dataType, MapType) else F.col(f.name) for f in compared]
    given = [F.col(field.name).isNotNull() for field in compared]
    content = F.struct(F.count("*").alias("rows"), F.bit_xor(F.xxhash64(*values, *given)).alias("hash"))
    return events.groupBy("landing").agg(content.alias(name))
