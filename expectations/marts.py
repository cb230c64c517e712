"""Rules that follow from the YAML of the dbt marts: a model's ``meta`` names its key, what is required, what allowed.

dbt adds NOT NULL after a table is visible, and tests each column with a Spark query of its own; the gate checks the
same words over DuckDB, before the release. Constraints and data tests that a YAML has all the same are read as well.
"""

from pathlib import Path
from typing import Any

from contracts import DBT_MODELS
from contracts.link import IdentityMinimum
from contracts.marts import asked_of_identity, meta_of, published_models
from expectations.declared import PERSONAL
from expectations.link import as_sure_as_asked
from expectations.rule import NotNull, OneOf, Rule, Unique
from lakehouse.errors import ContractError, EnvironmentFault


def rules(models: Path = DBT_MODELS) -> list[Rule]:
    """The rules of all published models, by table.

    Raises:
        EnvironmentFault: If the dbt project is not where it should be.
        ContractError: If a model names no key, or a column that it does not have.
    """
    found: list[Rule] = []
    for path, model in published_models(models):
        found += _rules_of(model, path)
    if not found:
        raise EnvironmentFault(
            "no mart is declared", str(models), "run from a checkout of Clew, which has dbt_project/models/marts/*.yml"
        )
    return found


def _rules_of(model: dict[str, Any], path: Path) -> list[Rule]:
    name = model["name"]
    columns = {column["name"]: column for column in model.get("columns", [])}
    meta = meta_of(model)
    key = tuple(meta.get("key", ()))
    allowed = dict(meta.get("allowed", {}))
    required = list(dict.fromkeys([*key, *meta.get("required", ())]))
    for column, declared in columns.items():
        for test in _tests(declared):
            if test == "not_null" and column not in required:
                required.append(column)
        allowed |= _accepted(declared)
    unknown = [column for column in (*required, *allowed) if column not in columns]
    if not key or unknown:
        raise ContractError(
            f"the mart {name} names {'no key' if not key else 'columns that it does not have: ' + ', '.join(unknown)}",
            f"{path}, models.{name}.config.meta",
            f"name columns of the model, such as key: [{next(iter(columns), 'id')}]",
        )
    hidden = tuple(column for column in key if meta_of(columns[column]).get("class") in PERSONAL)
    common: dict[str, Any] = {
        "table": f"gold.{name}",
        "do": f"look at the rows named here, then at dbt_project/models ({name}.sql)",
        "owner": str(meta.get("owner", "analytics")),
        "key": key,
        "hidden": hidden,
    }
    found: list[Rule] = [
        Unique(
            name="one_row_per_key",
            says=f"No two rows of {name} share {', '.join(key)}.",
            why="a key that occurs twice is counted twice, and a join over it multiplies rows",
            **common,
        )
    ]
    found += [
        NotNull(
            name=f"{column}_is_given",
            says=f"Every row of {name} has {column}.",
            why="readers of the mart rely on it; a missing value hides a failed join",
            column=column,
            **common,
        )
        for column in required
    ]
    found += [
        OneOf(
            name=f"{column}_is_a_known_value",
            says=f"{column} of {name} is one of: {', '.join(values)}.",
            why="a value nobody knows falls out of every report that groups by it",
            column=column,
            allowed=tuple(values),
            **common,
        )
        for column, values in allowed.items()
    ]
    if asked_of_identity(model) is not None:
        minimum = IdentityMinimum.model_validate(asked_of_identity(model))
        says = f"Every profile of {name} is as surely one person as its YAML asks under identity."
        found.append(as_sure_as_asked(common["table"], minimum, says, common["do"]))
    return found


def _tests(column: dict[str, Any]) -> list[str]:
    """Names of the data tests and constraints of a column."""
    tests = [test if isinstance(test, str) else next(iter(test)) for test in column.get("data_tests", [])]
    return tests + [constraint["type"] for constraint in column.get("constraints", [])]


def _accepted(column: dict[str, Any]) -> dict[str, list[str]]:
    for test in column.get("data_tests", []):
        if isinstance(test, dict) and "accepted_values" in test:
            given = test["accepted_values"]
            return {column["name"]: [str(value) for value in given.get("arguments", given)["values"]]}
    return {}
