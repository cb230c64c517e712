"""Training the linkage model on the lake's own records: ``python -m identity.train``.

u is estimated by random sampling, m by expectation maximisation over fixed blocking rules. The daily run
never
trains: it scores with the committed model, so that a run is reproducible and fast.
"""

import argparse
import logging
import sys
from typing import Any

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker, block_on

from identity.model import compared_people, save_model, settings
from identity.sql import query
from lakehouse.errors import ClewError

SEED = 20_170_101
RANDOM_PAIRS = 4e6
CERTAIN_MATCHES = (("first_name", "last_name", "birth_date"), ("formal_name", "birth_date", "email"))
RECALL_OF_CERTAIN_MATCHES = 0.7
LEAST_M, LEAST_U = 1e-3, 1e-5
TRAINING_RULES = (
    ("birth_date",),
    ("email",),
    ("first_name", "last_name"),
    ("phone",),
    ("postcode", "birth_date"),
)


def train(people: pa.Table) -> dict[str, Any]:
    """Estimate the weights from ``compared_people``; returns Splink's settings with them."""
    for name in ("splink", "splink.internals"):
        logging.getLogger(name).setLevel(logging.ERROR)
    connection = duckdb.connect()
    connection.execute("SET threads = 1")  # sampling with a seed is reproducible on one thread only
    api = DuckDBAPI(connection)
    linker = Linker(api.register(people), settings(), log_level=logging.ERROR)
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


def main(arguments: list[str] | None = None) -> int:
    """Train on the records of the workspace's lake and write identity/models/<name>.json."""
    parser = argparse.ArgumentParser(prog="python -m identity.train", description=main.__doc__)
    parser.add_argument("--name", default="customers-1", help="the model's name; the contract says which is in use")
    options = parser.parse_args(arguments)
    from identity.records import build_nodes, read_silver
    from lakehouse.lake import Lake

    try:
        lake = Lake()
        nodes = build_nodes(read_silver(lake), lake.contracts.identity)
        people = compared_people(nodes.records)
        model = save_model(options.name, train(people), {"records": people.num_rows, "seed": SEED})
    except ClewError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{model.version} trained on {people.num_rows} records")
    return 0


if __name__ == "__main__":
    sys.exit(main())
