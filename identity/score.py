"""Probabilistic edges: pairs that the blocking rules bring together, scored by the model in DuckDB."""

import json
import logging
from typing import Any

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker

from identity.edges import EDGE_COLUMNS, edge_table
from identity.model import Model

WEIGHT_DIGITS = 6


def probabilistic_edges(people: pa.Table, model: Model, review_weight: float) -> pa.Table:
    """Edges of at least ``review_weight``, with EDGE_COLUMNS and the waterfall as evidence.

    Args:
        people: ``model.compared_people`` of the records.
        model: A trained model.
        review_weight: Pairs below it are not kept.
    """
    return edges_of(_score(people, model, review_weight), model)


def edges_of(scored: pa.Table, model: Model) -> pa.Table:
    """What Splink says of pairs, as edges.

    Args:
        scored: record_id_l, record_id_r, match_weight and match_probability, and gamma and mw of each comparison.
        model: The model that scored them.
    """
    names = [item["output_column_name"] for item in model.settings["comparisons"]]
    labels = {name: _labels(model, name) for name in names}
    prior = round(model.prior_weight, WEIGHT_DIGITS)
    columns: dict[str, list[Any]] = {name: [] for name in EDGE_COLUMNS}
    for row in scored.to_pylist():
        steps = [
            {
                "comparison": name,
                "level": labels[name][row[f"gamma_{name}"]],
                "weight": round(row[f"mw_{name}"], WEIGHT_DIGITS),
            }
            for name in names
        ]
        left, right = sorted((row["record_id_l"], row["record_id_r"]))
        values = (
            left, right, "probabilistic", "model", None, round(row["match_weight"], WEIGHT_DIGITS),
            round(row["match_probability"], 12), json.dumps({"prior": prior, "waterfall": steps}, sort_keys=True),
            model.version, None,
        )  # fmt: skip
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
    return edge_table(columns)


def _score(people: pa.Table, model: Model, review_weight: float) -> pa.Table:
    connection = duckdb.connect()
    try:
        api = DuckDBAPI(connection)
        linker = Linker(api.register(people), model.settings, log_level=logging.ERROR)
        scored = linker.inference.predict(threshold_match_weight=review_weight, warning_mode="never")
        return connection.sql(
            f"SELECT * FROM {scored.physical_name} ORDER BY record_id_l, record_id_r"
        ).to_arrow_table()
    finally:
        connection.close()


def _labels(model: Model, name: str) -> dict[int, str]:
    """The label of each comparison level by its gamma, numbered by Splink from the last up; null is -1."""
    levels = next(
        item["comparison_levels"] for item in model.settings["comparisons"] if item["output_column_name"] == name
    )
    labels = {-1: "not comparable"}
    valued = [item for item in levels if not item.get("is_null_level")]
    for number, item in enumerate(reversed(valued)):
        labels[number] = item["label_for_charts"]
    return labels
