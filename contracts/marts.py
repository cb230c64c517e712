"""The marts that are published, as the YAML beside their dbt models declares them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from contracts import DBT_MODELS
from contracts.link import IdentityMinimum
from contracts.table import PrivacyClass, is_restricted

PUBLISHED = ("marts", "activation")
ASKED = ("config", "meta", "identity")
"""Where an audience says, as an export does, how surely its people must be one person each."""
OF_PEOPLE = ("gold.profiles", "gold.profile_contact")
"""The tables whose columns are what is known of a person, with one row a person: an export maps from these."""


@dataclass(frozen=True)
class Mart:
    """A published table as its YAML declares it.

    Attributes:
        path: The YAML.
        privacy: The class of each column, in the order of columns; None where none is declared.
        purpose: What each column is for; None where nothing is declared.
    """

    name: str
    path: Path
    privacy: dict[str, PrivacyClass | None]
    purpose: dict[str, str | None]

    @property
    def is_restricted(self) -> bool:
        """Whether only some roles may read it, from a folder of its own."""
        return is_restricted(self.privacy.values())


def published_models(models: Path = DBT_MODELS) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each published model's declaration, with its file."""
    for path in sorted(path for folder in PUBLISHED for path in (models / folder).rglob("*.yml")):
        for model in _models_in(path.read_text(encoding="utf-8")):
            yield path, model


@lru_cache(maxsize=256)
def _models_in(text: str) -> list[dict[str, Any]]:
    """The models that a YAML declares. Its text is parsed once: beside them it has their unit tests, which are long."""
    found: list[dict[str, Any]] = yaml.load(text, Loader=yaml.CSafeLoader).get("models", [])
    return found


def meta_of(declared: dict[str, Any]) -> dict[str, Any]:
    """What a model or a column says of itself under ``config.meta``."""
    meta: dict[str, Any] = (declared.get("config") or {}).get("meta") or {}
    return meta


def marts(models: Path = DBT_MODELS) -> dict[str, Mart]:
    """The published tables by name. The purpose of a model is that of its columns which name none."""
    found = {}
    for path, model in published_models(models):
        columns = {column["name"]: meta_of(column) for column in model.get("columns", [])}
        default = meta_of(model).get("purpose")
        name = f"gold.{model['name']}"
        found[name] = Mart(
            name,
            path,
            {column: meta.get("class") for column, meta in columns.items()},
            {column: meta.get("purpose", default) for column, meta in columns.items()},
        )
    return found


def of_people(models: Path = DBT_MODELS) -> dict[str, str]:
    """What is known of a person: each column, and the table that has it."""
    known = marts(models)
    return {column: table for table in reversed(OF_PEOPLE) if table in known for column in known[table].privacy}


def asked_of_identity(model: dict[str, Any]) -> Any:
    """What a model's YAML asks of identity, as written; None where it asks for nothing."""
    found: Any = model
    for step in ASKED:
        found = (found or {}).get(step)
    return found


def identity_minimums(models: Path = DBT_MODELS) -> dict[str, IdentityMinimum]:
    """What each audience that asks for something asks of identity."""
    return {
        model["name"]: IdentityMinimum.model_validate(asked)
        for _, model in published_models(models)
        if (asked := asked_of_identity(model)) is not None
    }
