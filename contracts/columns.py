"""The columns of gold and ops, as marts and tables declare them: type and privacy class, for what names a column."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from contracts import DBT_MODELS
from contracts.lineage import event_columns
from contracts.marts import meta_of, published_models
from contracts.table import RESTRICTED

if TYPE_CHECKING:
    from contracts.table import Table

Sort = Literal["text", "number", "truth", "time", "other"]
_SORTS: dict[str, Sort] = {
    "string": "text", "boolean": "truth", "date": "time", "timestamp": "time",
    "int": "number", "bigint": "number", "double": "number", "smallint": "number", "float": "number",
}  # fmt: skip
PEOPLE = "gold.profiles"
PERSON = "profile_id"
EVENTS = "gold.events"


@dataclass(frozen=True)
class Known:
    """A column: what sort of value it has, and how personal that is."""

    sort: Sort
    privacy: str | None

    @property
    def is_restricted(self) -> bool:
        return self.privacy is None or self.privacy in RESTRICTED


@dataclass(frozen=True)
class Shape:
    """A table: its columns and its key."""

    columns: dict[str, Known]
    key: tuple[str, ...]

    @property
    def event(self) -> str | None:
        """The column that names the event which a row rests on."""
        return next(iter(event_columns(tuple(self.columns))), None)


def shapes(tables: "Iterable[Table]", models: Path = DBT_MODELS) -> dict[str, Shape]:
    """The tables of gold and ops, by name: published marts, and what contracts/tables declares."""
    found = {
        table.name: Shape(
            {name: Known(_sort(column.type), column.privacy) for name, column in table.columns.items()}, table.key
        )
        for table in tables
        if table.schema_name in ("gold", "ops")
    }
    for _, model in published_models(models):
        found[f"gold.{model['name']}"] = Shape(
            {item["name"]: _known(item) for item in model.get("columns", [])}, tuple(meta_of(model).get("key", ()))
        )
    return found


def _known(item: Mapping[str, Any]) -> Known:
    return Known(_sort(str(item.get("data_type", ""))), meta_of(dict(item)).get("class"))


def _sort(declared: str) -> Sort:
    return "number" if declared.startswith("decimal") else _SORTS.get(declared, "other")
