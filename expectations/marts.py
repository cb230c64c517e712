"""Rules that follow from the YAML of the dbt marts: what it says of a column is checked here, not only by dbt.

dbt adds NOT NULL after a table is visible and tests each column with a Spark query of its own; the gate checks the same
words in one pass of DuckDB, before the release. A mart's key is what its YAML tests as unique.
"""

from pathlib import Path
from typing import Any

import yaml

from expectations.rule import NotNull, OneOf, Rule, Unique
from lakehouse.errors import EnvironmentFault

MODELS = Path(__file__).resolve().parents[1] / "dbt_project" / "models"
PUBLISHED = ("marts", "activation")


def rules(models: Path = MODELS) -> list[Rule]:
    """The rules of all published models, by table.

    Raises:
        EnvironmentFault: If the dbt project is not where it should be.
    """
    found: list[Rule] = []
    for model in declared(models):
        found += _rules_of(model)
    return found


def declared(models: Path = MODELS) -> list[dict[str, Any]]:
    """The YAML of every published model."""
    files = sorted(path for folder in PUBLISHED for path in (models / folder).rglob("*.yml"))
    found = [model for path in files for model in yaml.safe_load(path.read_text()).get("models", [])]
    if not found:
        raise EnvironmentFault(
            "no mart is declared",
            str(models),
            "run from a checkout of Clew, which has dbt_project/models/marts/*.yml",
        )
    return found


def _rules_of(model: dict[str, Any]) -> list[Rule]:
    table, owner = f"gold.{model['name']}", _owner(model)
    columns = {column["name"]: column for column in model.get("columns", [])}
    tests = {name: _tests(column) for name, column in columns.items()}
    keys = [(name,) for name in columns if "unique" in tests[name]] + _compound_keys(model)
    key = (
        keys[0]
        if keys
        else tuple(name for name in columns if "not_null" in tests[name])[:3] or tuple(columns)[:1]
    )
    do = f"dbt show --select {model['name']}, then mend dbt_project/models ({model['name']}.sql)"
    found: list[Rule] = [
        Unique(
            table=table,
            name=f"one_row_per_{'_'.join(unique)}",
            says=f"No two rows of {model['name']} share {', '.join(unique)}.",
            why="a key that occurs twice is counted twice, and a join over it multiplies rows",
            do=do,
            owner=owner,
            key=unique,
        )
        for unique in keys
    ]
    for name in columns:
        if "not_null" in tests[name]:
            found.append(
                NotNull(
                    table=table,
                    name=f"{name}_is_given",
                    says=f"Every row of {model['name']} has {name}.",
                    why="readers of the mart rely on it; a missing value hides a failed join",
                    do=do,
                    owner=owner,
                    column=name,
                    key=key,
                )
            )
        allowed = tests[name].get("accepted_values")
        if allowed:
            found.append(
                OneOf(
                    table=table,
                    name=f"{name}_is_a_known_value",
                    says=f"{name} of {model['name']} is one of: {', '.join(allowed)}.",
                    why="a value nobody knows falls out of every report that groups by it",
                    do=do,
                    owner=owner,
                    column=name,
                    allowed=tuple(allowed),
                    key=key,
                )
            )
    return found


def _tests(column: dict[str, Any]) -> dict[str, Any]:
    """What the YAML says of a column, as test name → arguments; constraints count like tests."""
    found: dict[str, Any] = {}
    for test in [*column.get("data_tests", []), *column.get("tests", [])]:
        if isinstance(test, str):
            found[test] = {}
        elif "accepted_values" in test:
            given = test["accepted_values"]
            found["accepted_values"] = [
                str(value) for value in given.get("arguments", given).get("values", [])
            ]
        else:
            found |= {name: {} for name in test}
    for constraint in column.get("constraints", []):
        found.setdefault({"primary_key": "unique"}.get(constraint["type"], constraint["type"]), {})
    return found


def _compound_keys(model: dict[str, Any]) -> list[tuple[str, ...]]:
    keys = [
        tuple(constraint["columns"])
        for constraint in model.get("constraints", [])
        if constraint["type"] in ("primary_key", "unique")
    ]
    for test in [*model.get("data_tests", []), *model.get("tests", [])]:
        for name, given in test.items() if isinstance(test, dict) else ():
            if isinstance(given, dict) and "unique" in name:
                given = given.get("arguments", given)
                keys.append(tuple(given.get("combination_of_columns") or given.get("columns") or ()))
    meta = (model.get("config") or {}).get("meta") or model.get("meta") or {}
    if meta.get("key"):
        keys.append(tuple(meta["key"]))
    return list(dict.fromkeys(key for key in keys if key))


def _owner(model: dict[str, Any]) -> str:
    meta = (model.get("config") or {}).get("meta") or model.get("meta") or {}
    return str(meta.get("owner", "analytics"))
