"""The marts that are published, as the YAML beside their dbt models declares them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from contracts import DBT_MODELS

PUBLISHED = ("marts", "activation")


def published_models(models: Path = DBT_MODELS) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each published model's declaration, with its file."""
    for path in sorted(path for folder in PUBLISHED for path in (models / folder).rglob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            yield path, model
