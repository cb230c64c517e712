"""What the check says of exports, and of the audiences that they take people from."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from contracts import DBT_MODELS
from contracts.base import problem_at
from contracts.errors import Problem
from contracts.export import Destination
from contracts.link import IdentityMinimum
from contracts.marts import ASKED, OF_PEOPLE, asked_of_identity, of_people, published_models


def problems_of_exports(exports: dict[Path, Destination]) -> Iterator[Problem]:
    """What an export reads is in the marts."""
    marts = {model["name"]: [column["name"] for column in model.get("columns", [])] for _, model in published_models()}
    audiences = ("all", *(name for name in marts if name.startswith("audience_")))
    columns = list(of_people())
    for path, export in exports.items():
        if export.audience not in audiences:
            yield problem_at(path, ("audience",), f"{export.audience} is no audience", audiences)
        for name, field in export.fields.items():
            if field.profile not in columns:
                what = f"{field.profile} is no column of {' or '.join(OF_PEOPLE)}"
                yield problem_at(path, ("fields", name, "from"), what, columns)


def wrongly_asked(models: Path = DBT_MODELS) -> Iterator[Problem]:
    """What audiences ask of identity that cannot be asked, and audiences whose SQL does not go by what they ask."""
    for path, model in published_models(models):
        asked, name = asked_of_identity(model), model["name"]
        if asked is None:
            continue
        names = [other["name"] for file, other in published_models(models) if file == path]
        where = ("models", names.index(name), *ASKED)
        try:
            IdentityMinimum.model_validate(asked)
        except ValidationError as error:
            for item in error.errors(include_url=False, include_input=False):
                yield problem_at(path, (*where, *item["loc"]), item["msg"].removeprefix("Value error, "))
        if f"sure_enough('{name}')" not in path.with_name(f"{name}.sql").read_text(encoding="utf-8"):
            yield problem_at(path, where, f"{name}.sql does not go by it: take people where sure_enough('{name}')")
