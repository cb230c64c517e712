"""The lake's resolve in Spark: records parted so that no link crosses, each part resolved by the code of one machine.

Two records can only be linked if a usable value, a pair that the model links or a decision leads from one to the other.
So the connected components of these three are closed: what is worked out within them is what is worked out of all.
Components are found by rounds (identity.spark.components), and whole components make up parts. Of a part, one task
finds the deterministic edges, joins and refuses, with the very functions that DuckDB's way runs on the lake.

What grows with pairs stays in Spark: blocking, scores, edges and their evidence. What grows with records is on the
driver: records and identifiers come from it, and the edges that joined, at most one a record, go back to it.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as f

from contracts.identity import IdentityRules
from contracts.purpose import REFUSALS
from identity.assign import assign
from identity.cluster import cluster
from identity.decisions import Decision, among, decided_edges, kept_apart
from identity.edges import STEWARD, deterministic_edges
from identity.evidence import REFUSED
from identity.forest import spanning_forest
from identity.model import Model, compared_people
from identity.records import Nodes
from identity.refusals import without_refused
from identity.resolution import Resolution, dated
from identity.rivals import block_rivals
from identity.spark.components import components
from identity.spark.score import EDGE_SCHEMA, forget, probabilistic_edges
from identity.sql import query

RECORDS_A_PART = 50_000
"""About so many records are resolved by one task; a component is never parted."""
RESOLVED_SCHEMA = (
    "left_record string, right_record string, kind string, rule string, match_weight double, probability double, "
    "evidence string, model_version string, state string, reason string, since timestamp"
)
NOBODY_APART = pa.Table.from_batches([], pa.schema([("record_id", pa.string()), ("refused_by", pa.string())]))
_APART = "apart"
_ITEMS = ("record", "identifier", "edge")


def resolve_in_parts(
    spark: SparkSession,
    nodes: Nodes,
    decisions: Iterable[Decision],
    rules: IdentityRules,
    model: Model,
    key: bytes,
) -> Resolution:
    """As ``resolution.resolved``, with the edges spread.

    Args:
        spark: The session.
        nodes: The records and what they hold.
        decisions: The stewards' decisions that stand.
        rules: The contract.
        model: The model.
        key: The lake's identity key.
    """
    about = among(decisions, nodes.records)
    cannot_link = kept_apart(about)
    session = spark.newSession()
    people = compared_people(nodes.records)
    scored = probabilistic_edges(session, people, model, rules.probabilistic.review_weight)
    edges = scored.union(_frame(session, decided_edges(about, rules), EDGE_SCHEMA))
    records, identifiers = session.createDataFrame(nodes.records), session.createDataFrame(nodes.identifiers)
    places = session.createDataFrame(
        pa.table({"record_id": nodes.records["record_id"], "node": np.arange(nodes.records.num_rows)})
    ).persist()
    parts = _parts(places, identifiers, edges, rules.probabilistic.link_weight).persist()
    items = _items(parts, records, identifiers, edges)
    spread = items.groupBy("part").applyInArrow(_resolver(rules, key, cannot_link), RESOLVED_SCHEMA).persist()
    apart = NOBODY_APART
    if pc.any(pc.is_in(nodes.records["linking"], value_set=pa.array(REFUSALS))).as_py():
        spread, apart = _told_apart(session, spread)
    here = spread.where("state = 'linked'").drop("evidence", "model_version").toArrow()
    assignments = assign(nodes.records, _members(nodes.records, here, apart), here, key)
    for used in (scored, places, parts):
        used.unpersist()
    forget(session)
    return Resolution(here, assignments, spread)


def _frame(session: SparkSession, rows: pa.Table, schema: str) -> DataFrame:
    """Rows as a DataFrame; without any, Spark cannot tell the types of columns itself."""
    return session.createDataFrame(rows) if rows.num_rows else session.createDataFrame([], schema)


def _parts(places: DataFrame, identifiers: DataFrame, edges: DataFrame, link_weight: float) -> DataFrame:
    """The part of each record: record_id, part."""
    by_value = (
        identifiers.where("is_usable")
        .join(places, "record_id")
        .select(f.col("node").alias("l"), f.min("node").over(Window.partitionBy("identifier", "value")).alias("r"))
    )
    joining = edges.where(f"blocked IS NULL AND (kind <> 'probabilistic' OR match_weight >= {link_weight})")
    by_edge = (
        joining.join(places.toDF("left_record", "l"), "left_record")
        .join(places.toDF("right_record", "r"), "right_record")
        .select("l", "r")
    )
    count = f.lit(places.count() // RECORDS_A_PART + 1)
    return places.join(components(by_value.union(by_edge)), "node", "left").select(
        "record_id", (f.coalesce("component", "node") % count).alias("part")
    )


def _items(parts: DataFrame, records: DataFrame, identifiers: DataFrame, edges: DataFrame) -> DataFrame:
    """What each part holds, one item a row: part, and one of record, identifier and edge.

    An edge between two parts joins nothing, it is for review or refused: it is in the part of its left record, where
    its right record is a visitor, without identifiers.
    """
    placed = edges.join(parts.toDF("left_record", "part"), "left_record")
    visitors = (
        placed.join(parts.toDF("right_record", "home"), "right_record")
        .where("part <> home")
        .select("part", f.col("right_record").alias("record_id"))
        .distinct()
    )
    present = parts.select("part", "record_id").union(visitors)
    items = [
        present.join(records, "record_id").select("part", f.struct(*records.columns).alias("record")),
        parts.join(identifiers, "record_id").select("part", f.struct(*identifiers.columns).alias("identifier")),
        placed.select("part", f.struct(*edges.columns).alias("edge")),
    ]
    first, second, third = items
    return first.unionByName(second, allowMissingColumns=True).unionByName(third, allowMissingColumns=True)


def _resolver(
    rules: IdentityRules, key: bytes, cannot_link: Mapping[tuple[str, str], int]
) -> Callable[[pa.Table], pa.Table]:
    """What a task does with a part."""
    apart = {record for pair in cannot_link for record in pair}

    def resolved(items: pa.Table) -> pa.Table:
        records, identifiers, edges = (_unpacked(items[name]) for name in _ITEMS)
        is_scored = pc.equal(edges["kind"], "probabilistic")
        evidence = pa.concat_tables(
            [
                deterministic_edges(records, identifiers, rules, key, apart),
                block_rivals(edges.filter(is_scored), records, rules),  # rivals are in one part: both weigh as links do
                edges.filter(pc.invert(is_scored)),
            ]
        )
        found = without_refused(records, cluster(records, identifiers, evidence, rules, cannot_link))
        return pa.concat_tables([dated(found.edges, records), _told(found.members)])

    return resolved


def _told_apart(session: SparkSession, spread: DataFrame) -> tuple[DataFrame, pa.Table]:
    """The edges, and the records that are kept apart: record_id and refused_by.

    An edge between two parts was refused by what its left record's part knows. That its right record is kept apart is
    known in that record's own part alone, so that it is said of the edge here.
    """
    told = spread.where(f"state = '{_APART}'").select("left_record", "reason").distinct().toArrow()
    apart = pa.table({"record_id": told["left_record"], "refused_by": told["reason"]})
    ends = [
        f.broadcast(_frame(session, apart, "record_id string, refused_by string").toDF(name, f"{name}_refused_by"))
        for name in ("left_record", "right_record")
    ]
    by = "least(left_record_refused_by, right_record_refused_by)"
    reason = f.expr(f"concat('{REFUSED}: event ', {by})")
    is_unlink = f"rule = '{STEWARD}' and state = 'blocked' and get_json_object(evidence, '$.action') = 'unlink'"
    is_refused = f.expr(f"{by} is not null and not ({is_unlink})")
    edges = (
        spread.where(f"state <> '{_APART}'")
        .join(ends[0], "left_record", "left")
        .join(ends[1], "right_record", "left")
        .withColumn("reason", f.when(is_refused, reason).otherwise(f.col("reason")))
        .withColumn("state", f.when(is_refused, "blocked").otherwise(f.col("state")))
        .select(*spread.columns)
        .persist()
    )
    edges.count()
    spread.unpersist()
    return edges, apart


def _unpacked(column: pa.ChunkedArray) -> pa.Table:
    """The structs of a column as a table, without the rows that have none."""
    return pa.Table.from_struct_array(column.drop_null().combine_chunks())


def _told(members: pa.Table) -> pa.Table:
    """The records that a part keeps apart, as rows beside its edges: such a record, twice, and why."""
    return query(
        f"""SELECT record_id AS left_record, record_id AS right_record, NULL::VARCHAR AS kind, NULL::VARCHAR AS rule,
                   NULL::DOUBLE AS match_weight, NULL::DOUBLE AS probability, NULL::VARCHAR AS evidence,
                   NULL::VARCHAR AS model_version, '{_APART}' AS state, refused_by AS reason, NULL::TIMESTAMPTZ AS since
            FROM members WHERE refused_by IS NOT NULL""",
        members=members,
    )


def _members(records: pa.Table, edges: pa.Table, apart: pa.Table) -> pa.Table:
    """``Clusters.members`` of the edges that joined, and of the records that are kept apart."""
    ids = np.array(sorted(records["record_id"].to_pylist()), dtype=object)
    linked = edges.filter(pc.equal(edges["state"], "linked"))
    left, right = (
        np.searchsorted(ids, linked[name].to_numpy(zero_copy_only=False)) for name in ("left_record", "right_record")
    )
    clusters, _ = spanning_forest(len(ids), left, right)
    members = pa.table({"record_id": pa.array(ids, pa.string()), "cluster": pa.array(clusters, pa.int64())})
    return query("SELECT * FROM members LEFT JOIN apart USING (record_id)", members=members, apart=apart)
