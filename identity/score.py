"""Probabilistic edges: pairs that the blocking rules bring together, scored by the model in DuckDB.

Pairs that compare alike, level by level, have one weight and one waterfall, because the model knows nothing of how
frequent a value is: so the evidence is written once for each pattern of levels, however many pairs show it.
"""

import json
import logging

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker

from identity.model import Model
from identity.sql import query
from lakehouse import spill

WEIGHT_DIGITS = 6


def probabilistic_edges(
    people: pa.Table, model: Model, review_weight: float, pairs: pa.Table | None = None
) -> pa.Table:
    """Edges of at least ``review_weight``, with EDGE_COLUMNS and the waterfall as evidence.

    Args:
        people: ``model.compared_people`` of the records.
        model: A trained model.
        review_weight: Pairs below it are not kept.
        pairs: left_record and right_record, the lesser first, of the only pairs to score; none for all that the
            blocking rules bring together.
    """
    return edges_of(_score(people, model, review_weight, pairs), model)


def edges_of(scored: pa.Table, model: Model) -> pa.Table:
    """What Splink says of pairs, as edges.

    Args:
        scored: record_id_l, record_id_r, match_weight and match_probability, and gamma and mw of each comparison.
        model: The model that scored them.
    """
    names = [item["output_column_name"] for item in model.settings["comparisons"]]
    gammas = ", ".join(f"gamma_{name}" for name in names)
    patterns = query(
        f"""SELECT match_weight AS score, any_value(COLUMNS('mw_.*')), {gammas},
                   any_value(match_probability) AS match_probability
            FROM scored GROUP BY {gammas}, match_weight""",
        scored=scored,
    )
    return query(
        f"""SELECT record_id_l AS left_record, record_id_r AS right_record, 'probabilistic' AS kind, 'model' AS rule,
                   NULL::BIGINT AS priority, told.match_weight, told.probability, told.evidence,
                   $version AS model_version, NULL::VARCHAR AS blocked
            FROM scored JOIN told USING ({gammas}) WHERE scored.match_weight = score
            ORDER BY left_record, right_record""",
        {"version": model.version},
        scored=scored,
        told=_told(patterns, model, names, gammas),
    )


def _told(patterns: pa.Table, model: Model, names: list[str], gammas: str) -> pa.Table:
    """The patterns with match_weight and probability as they are kept, and the waterfall as JSON."""
    labels = {name: _labels(model, name) for name in names}
    prior = round(model.prior_weight, WEIGHT_DIGITS)
    weights, probabilities, waterfalls = [], [], []
    for row in patterns.to_pylist():
        steps = [
            {
                "comparison": name,
                "level": labels[name][row[f"gamma_{name}"]],
                "weight": round(row[f"mw_{name}"], WEIGHT_DIGITS),
            }
            for name in names
        ]
        weights.append(round(row["score"], WEIGHT_DIGITS))
        probabilities.append(round(row["match_probability"], 12))
        waterfalls.append(json.dumps({"prior": prior, "waterfall": steps}, sort_keys=True))
    told = patterns.select(["score", *gammas.split(", ")])
    told = told.append_column("match_weight", pa.array(weights, pa.float64()))
    told = told.append_column("probability", pa.array(probabilities, pa.float64()))
    return told.append_column("evidence", pa.array(waterfalls, pa.string()))


def _score(people: pa.Table, model: Model, review_weight: float, pairs: pa.Table | None) -> pa.Table:
    """Each pair with its weight, its probability, and the level and the weight of each comparison."""
    names = (item["output_column_name"] for item in model.settings["comparisons"])
    compared = ", ".join(f"gamma_{name}, mw_{name}" for name in names)
    connection = duckdb.connect(config=spill.duck())
    try:
        api = DuckDBAPI(connection)
        linker = Linker(api.register(people), model.settings, log_level=logging.ERROR)
        if pairs is not None:
            named = pairs.rename_columns(["join_key_l", "join_key_r"])
            blocked = named.append_column("match_key", pa.array(["0"] * len(named), pa.string()))
            linker.table_management.register_blocked_pairs_for_predict(api.register(blocked))
        scored = linker.inference.predict(threshold_match_weight=review_weight, warning_mode="never")
        return connection.sql(
            f"""SELECT record_id_l, record_id_r, match_weight, match_probability, {compared}
                FROM {scored.physical_name}"""
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
