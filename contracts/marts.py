"""The marts that are published, as the YAML beside their dbt models declares them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from contracts import DBT_MODELS
from contracts.link import IdentityMinimum

PUBLISHED = ("marts", "activation")
ASKED = ("config", "meta", "identity")
"""Where an audience says, as an export does, how surely its people must be one person each."""


def published_models(models: Path = DBT_MODELS) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each published model's declaration, with its file."""
    for path in sorted(path for folder in PUBLISHED for path in (models / folder).rglob("*.yml")):
        text = path.read_text(encoding="utf-8")
        for model in yaml.load(text, Loader=yaml.CSafeLoader).get("models", []):
            yield path, model


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
