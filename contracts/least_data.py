"""Least data: every column has a class, and a purpose that may use it, and no mart for analysts names a person."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from contracts import DBT_MODELS
from contracts.base import problem_at
from contracts.errors import Problem
from contracts.marts import meta_of, published_models
from contracts.table import OPERATION, RESTRICTED, PrivacyClass

_CLASSES: tuple[str, ...] = get_args(PrivacyClass)
Uses = dict[str, tuple[str, ...]]
"""The classes of data that each purpose may use, by the policy."""


def unclassed(loaded: Mapping[str, Mapping[Path, Any]], models: Path = DBT_MODELS) -> Iterator[Problem]:
    """Columns without a class, or for a purpose that nobody declared or may not use them; marts that reveal too much.

    Args:
        loaded: The declarations by kind and file, as contracts.check loads them.
        models: The folder of the dbt models.
    """
    policies = loaded["policy"].values()
    uses: Uses = {name: purpose.uses for policy in policies for name, purpose in policy.purposes.items()}
    uses[OPERATION] = _CLASSES
    purposes = tuple(uses)
    if policies:  # a policy that cannot be read is told by itself, not once a column
        yield from _tables(loaded["table"], uses)
        for path, source in loaded.get("source", {}).items():
            if source.purpose is not None and source.purpose not in purposes:
                yield problem_at(path, ("purpose",), f"{source.purpose} is no purpose", purposes)
        yield from _marts(models, uses)


def _wrong_use(uses: Uses, name: str, privacy: str | None, purpose: str | None) -> str:
    """What is wrong with a column of a class for a purpose; nothing where either is none that was declared."""
    if privacy is None or purpose not in uses or privacy in uses[purpose]:
        return ""
    return f"{name} is {privacy} data, which {purpose} may not use"


def _tables(tables: Mapping[Path, Any], uses: Uses) -> Iterator[Problem]:
    purposes = tuple(uses)
    for path, table in tables.items():
        if table.purpose not in purposes:
            yield problem_at(path, ("purpose",), f"{table.purpose} is no purpose", purposes)
        for name, column in table.columns.items():
            if column.privacy is None:
                yield problem_at(path, ("columns", name, "privacy"), f"{name} has no privacy class", _CLASSES)
            if column.purpose is not None and column.purpose not in purposes:
                yield problem_at(path, ("columns", name, "purpose"), f"{column.purpose} is no purpose", purposes)
            purpose = column.purpose or table.purpose
            # A map is classed by the most that any part may reveal; what each part is, the event dictionary says.
            if not column.type.startswith("map<") and (wrong := _wrong_use(uses, name, column.privacy, purpose)):
                yield problem_at(path, ("columns", name), wrong, uses[purpose])


def _marts(models: Path, uses: Uses) -> Iterator[Problem]:
    purposes = tuple(uses)
    places: dict[Path, int] = {}
    for path, model in published_models(models):
        place = places[path] = places.get(path, -1) + 1
        at, meta = ("models", place), meta_of(model)
        for number, column in enumerate(model.get("columns", [])):
            here, told, name = (*at, "columns", number), meta_of(column), column["name"]
            privacy, purpose = told.get("class"), told.get("purpose", meta.get("purpose"))
            if privacy not in _CLASSES:
                yield problem_at(path, (*here, "config", "meta", "class"), f"{name} has no privacy class", _CLASSES)
            elif privacy in RESTRICTED and not meta.get("restricted"):
                yield problem_at(
                    path,
                    (*here, "config", "meta", "class"),
                    f"{name} is {privacy}, and analysts read {model['name']}: have it in gold.profile_contact, or keep "
                    "analysts out of the whole mart by restricted: true under config.meta",
                )
            elif wrong := _wrong_use(uses, name, privacy, purpose):
                yield problem_at(path, (*here, "config", "meta"), wrong, uses[str(purpose)])
            if purpose not in purposes:
                what = f"{name} has no purpose" if purpose is None else f"{purpose} is no purpose"
                yield problem_at(path, (*here, "config", "meta", "purpose"), what, purposes)
        if meta.get("restricted") and not _can_reveal(model):
            yield problem_at(
                path, (*at, "config", "meta", "restricted"), f"no column of {model['name']} needs it to be restricted"
            )


def _can_reveal(model: dict[str, Any]) -> bool:
    return any(meta_of(column).get("class") in RESTRICTED for column in model.get("columns", []))
