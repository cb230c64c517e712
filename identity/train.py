"""Estimating the linkage model's weights from records, and from what stewards answered.

u is estimated by random sampling, m by expectation maximisation over fixed blocking rules. Where a random sample of
pairs was reviewed, m is the estimate from its matches, pooled with the one without labels as a Dirichlet prior worth
``PRIOR_PAIRS`` pairs; each labelled pair counts for the pairs that it was drawn from (Horvitz and Thompson, "A
Generalization of Sampling Without Replacement from a Finite Universe", 1952, doi:10.1080/01621459.1952.10483446),
because a sample drawn over bands of match weight holds more weak pairs than there are. The daily run never trains: it
scores with the model in use, so that a run is reproducible and fast.
"""

import json
import logging
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker, block_on

from identity.block import BLOCKING_RULES, Rule
from identity.model import settings
from identity.sql import query
from lakehouse import spill

SEED = 20_170_101
RANDOM_PAIRS = 4e6
CERTAIN_MATCHES = (("first_name", "last_name", "birth_date"), ("formal_name", "birth_date", "email"))
RECALL_OF_CERTAIN_MATCHES = 0.7
LEAST_M, LEAST_U = 1e-3, 1e-5
PRIOR_PAIRS = 100.0
TRAINING_RULES = (
    ("birth_date",),
    ("email",),
    ("first_name", "last_name"),
    ("phone",),
    ("postcode", "birth_date"),
)


def train(people: pa.Table, rules: Sequence[Rule] = BLOCKING_RULES) -> dict[str, Any]:
    """Estimate the weights without labels; returns Splink's settings with them.

    Args:
        people: ``model.compared_people``.
        rules: The blocking rules that the model will compare by; the weights do not depend on them.
    """
    for name in ("splink", "splink.internals"):
        logging.getLogger(name).setLevel(logging.ERROR)
    connection = duckdb.connect(config=spill.duck())
    connection.execute("SET threads = 1")  # sampling with a seed is reproducible on one thread only
    api = DuckDBAPI(connection)
    linker = Linker(api.register(people), settings(rules), log_level=logging.ERROR)
    linker.training.estimate_probability_two_random_records_match(
        [block_on(*columns) for columns in CERTAIN_MATCHES], recall=RECALL_OF_CERTAIN_MATCHES
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=SEED)
    for columns in TRAINING_RULES:
        if not _has_pairs(people, columns):
            continue  # a data set without e-mails cannot train on equal e-mails
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns))
    trained = linker.misc.save_model_to_json()
    connection.close()
    return _rounded(_with_floors(trained))


def taught(trained: dict[str, Any], matches: pa.Table) -> dict[str, Any]:
    """The settings with m pooled with labelled matches.

    Args:
        trained: What ``train`` returned.
        matches: evidence, the waterfall of a pair that is one person, and stands_for, how many pairs it was drawn for.
    """
    pooled = deepcopy(trained)
    total = sum(matches["stands_for"].to_pylist())
    seen: dict[tuple[str, str], float] = {}
    for evidence, stands_for in zip(matches["evidence"].to_pylist(), matches["stands_for"].to_pylist(), strict=True):
        for step in json.loads(evidence)["waterfall"]:
            key = (step["comparison"], step["level"])
            seen[key] = seen.get(key, 0.0) + stands_for / total * matches.num_rows
    for item in pooled["comparisons"]:
        valued = [level for level in item["comparison_levels"] if not level.get("is_null_level")]
        counts = [seen.get((item["output_column_name"], level["label_for_charts"]), 0.0) for level in valued]
        for level, count in zip(valued, counts, strict=True):
            level["m_probability"] = (PRIOR_PAIRS * level["m_probability"] + count) / (PRIOR_PAIRS + sum(counts))
    return _rounded(_with_floors(pooled))


def _with_floors(trained: dict[str, Any]) -> dict[str, Any]:
    """Give the levels that training never met a small m and u: Splink would count them as no evidence."""
    for item in trained["comparisons"]:
        for level in item["comparison_levels"]:
            if level.get("is_null_level"):
                continue
            for name, floor in (("m_probability", LEAST_M), ("u_probability", LEAST_U)):
                estimate = level.get(name)
                level[name] = max(estimate, floor) if isinstance(estimate, float) else floor
    return trained


def _has_pairs(people: pa.Table, columns: tuple[str, ...]) -> bool:
    given = " AND ".join(f"{name} IS NOT NULL" for name in columns)
    sql = f"SELECT 1 FROM people WHERE {given} GROUP BY {', '.join(columns)} HAVING count(*) > 1 LIMIT 1"
    return query(sql, people=people).num_rows > 0


def _rounded(value: Any) -> Any:
    """Twelve significant digits: what is left of the order of summation must not change a version."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
