"""Probabilistic edges in Spark: Splink again, from the same model file, with DuckDB's likeness of words."""

import copy
import logging
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import sqlglot
from pyspark.sql import DataFrame, SparkSession
from splink import Linker, SparkAPI

from identity.model import Model
from identity.score import edges_of
from identity.spark.functions import register

EDGE_SCHEMA = (
    "left_record string, right_record string, kind string, rule string, priority bigint, match_weight double, "
    "probability double, evidence string, model_version string, blocked string"
)


def probabilistic_edges(spark: SparkSession, people: pa.Table, model: Model, review_weight: float) -> DataFrame:
    """As ``score.probabilistic_edges``; kept in the session until the caller unpersists it and calls ``forget``.

    Args:
        spark: A session of its own: Splink leaves its views in it.
        people: ``model.compared_people`` of the records.
        model: A trained model.
        review_weight: Pairs below it are not kept.
    """
    register(spark)
    parts = int(spark.conf.get("spark.sql.shuffle.partitions") or 2)
    api = SparkAPI(
        spark_session=spark,
        break_lineage_method="persist",
        num_partitions_on_repartition=parts,
        register_udfs_automatically=False,
    )
    linker = Linker(api.register(spark.createDataFrame(people)), said_to_spark(model.settings), log_level=logging.ERROR)
    scored = linker.inference.predict(threshold_match_weight=review_weight, warning_mode="never").as_spark_dataframe()

    def as_edges(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from edges_of(pa.Table.from_batches([batch]), model).to_batches()

    names = [item["output_column_name"] for item in model.settings["comparisons"]]
    wanted = [f"{kind}_{name}" for name in names for kind in ("gamma", "mw")]
    told = scored.select("record_id_l", "record_id_r", "match_weight", "match_probability", *wanted)
    return told.mapInArrow(as_edges, EDGE_SCHEMA).persist()


def forget(spark: SparkSession) -> None:
    """Give back the memory of what Splink kept in a session on its way to the scores."""
    for view in spark.sql("SHOW VIEWS").collect():
        if view.isTemporary and view.viewName.startswith("__splink__"):
            spark.table(view.viewName).unpersist()


def said_to_spark(settings: dict[str, Any]) -> dict[str, Any]:
    """Splink's settings with every condition in Spark's dialect: the file has DuckDB's, in which they were trained."""
    said = copy.deepcopy(settings)
    said["sql_dialect"] = "spark"
    for item in said["comparisons"]:
        for level in item["comparison_levels"]:
            if level["sql_condition"] != "ELSE":
                level["sql_condition"] = _spark_sql(level["sql_condition"])
    for rule in said["blocking_rules_to_generate_predictions"]:
        rule["blocking_rule"], rule["sql_dialect"] = _spark_sql(rule["blocking_rule"]), "spark"
    return said


def _spark_sql(condition: str) -> str:
    return sqlglot.transpile(condition, read="duckdb", write="spark")[0]
