"""Which table is made of which others, row by row: derived from the declarations of tables, and from the dbt models.

A mart need not say what it is made of. It reads what its SQL refers to; and its rows are told by the events that they
name, else by their key, else by the person. Where that tells too few rows or too many, its YAML says so under ``meta``,
as ``made_of``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts import DBT_MODELS
from contracts.catalog import Contracts
from contracts.errors import ContractError, Problem
from contracts.marts import PUBLISHED, published_models
from contracts.origin import MadeOf, Origin, ways

_REF = re.compile(r"ref\(\s*['\"](\w+)['\"]\s*\)")
_SOURCE = re.compile(r"source\(\s*['\"](\w+)['\"]\s*,\s*['\"](\w+)['\"]\s*\)")
_EVENT = re.compile(r"(^|_)event_id$|_by_event$")
_STAGED_COLUMN = re.compile(r"(?:^|\bas\s+|[\s.])(\w+)\s*,?\s*$")
STAGING = "staging."
"""Before the name of a dbt model of staging, where a table is named: it is a view of one table, column by column."""
PERSON, RECORD = "profile_id", "record_id"
ASSIGNMENTS = "identity.assignments"
_MADE_OF = TypeAdapter(MadeOf)


@dataclass(frozen=True)
class Column:
    """A column of a node: its type as declared, what it means, and how personal it is."""

    type: str
    about: str
    privacy: str


@dataclass(frozen=True)
class Node:
    """A table of the lake, as far as its lineage goes.

    Attributes:
        name: ``gold.orders``; ``bronze.<source>`` stands for the table of each source.
        key: The columns that name a row.
        columns: All columns.
        reads: Every table whose rows go into it, whether a row of it can be told or not.
        made_of: How the rows that a row is made of are told; the names of staging models begin with ``staging.``.
        about: What it holds, in a sentence.
        purpose: What it is for.
        writer: The module or the dbt model that writes it.
        is_mart: Whether dbt builds it.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, Column]
    reads: tuple[str, ...]
    made_of: dict[str, tuple[Origin, ...]]
    about: str
    purpose: str
    writer: str
    is_mart: bool = False


@dataclass(frozen=True)
class Model:
    """A dbt model: its SQL file and what that refers to."""

    name: str
    path: Path
    refs: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def sql(self) -> str:
        return self.path.read_text(encoding="utf-8")


class Lineage:
    """The tables of a lake and what each is made of.

    Args:
        contracts: The declarations of the tables that are no marts.
        models: The folder of the dbt models.
    """

    def __init__(self, contracts: Contracts, models: Path = DBT_MODELS) -> None:
        self.contracts = contracts
        self.folder = models

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """Every declared table and every published mart, by name."""
        found = {name: _declared(table) for name, table in sorted(self.contracts.tables.items())}
        for name, (path, declared) in self._published.items():
            found[name] = self._mart(path, declared)
        return found

    @cached_property
    def _published(self) -> dict[str, tuple[Path, dict[str, Any]]]:
        return {f"gold.{declared['name']}": (path, declared) for path, declared in published_models(self.folder)}

    @cached_property
    def models(self) -> dict[str, Model]:
        """Every dbt model, by name."""
        found = {}
        for path in sorted(self.folder.rglob("*.sql")):
            sql = path.read_text(encoding="utf-8")
            sources = tuple(dict.fromkeys(f"{schema}.{table}" for schema, table in _SOURCE.findall(sql)))
            found[path.stem] = Model(path.stem, path, tuple(dict.fromkeys(_REF.findall(sql))), sources)
        return found

    def node(self, table: str) -> Node | None:
        """A table's node; that of ``bronze.<source>`` for the table of a source."""
        schema, _, name = table.partition(".")
        if schema == "bronze" and name in self.contracts.sources:
            return self.nodes.get("bronze.<source>")
        return self.nodes.get(table)

    def staged(self, model: str) -> str:
        """The table that a staging model shows."""
        (table,) = self.models[model].sources
        return table

    def downwards(self) -> list[str]:
        """Every node's name, each before those that its rows are made of."""
        order: list[str] = []

        def visit(name: str, path: tuple[str, ...]) -> None:
            if name in order or name in path:
                return
            for parent in self.parents(name):
                visit(parent, (*path, name))
            order.append(name)

        for name in self.nodes:
            visit(name, ())
        return order[::-1]

    def parents(self, name: str) -> list[str]:
        """The tables of the lake that a node's rows are made of, as far as its rows can be told."""
        return list(dict.fromkeys(self.table_of(parent) for parent in self.nodes[name].made_of))

    def table_of(self, name: str) -> str:
        """The table itself, where a staging model of it is named."""
        return self.staged(name.removeprefix(STAGING)) if name.startswith(STAGING) else name

    def _mart(self, path: Path, declared: dict[str, Any]) -> Node:
        name = declared["name"]
        meta = declared.get("config", {}).get("meta", {})
        columns = {item["name"]: _column(item) for item in declared.get("columns", [])}
        behind = list(dict.fromkeys(self._behind(name)))
        key = tuple(meta.get("key", ()))
        if meta.get("made_of"):
            made_of = {self._named(path, name, given): how for given, how in _said(path, meta["made_of"]).items()}
        else:
            found = {parent: _guessed(key, columns, *self._shape(parent)) for parent in behind}
            made_of = {parent: (origin,) for parent, origin in found.items() if origin is not None}
        reads = [self.table_of(parent) for parent in behind]
        about = " ".join(str(declared.get("description", "")).split())
        purposes = {item.get("config", {}).get("meta", {}).get("purpose") for item in declared.get("columns", [])}
        purpose = ", ".join(sorted(filter(None, purposes)))
        return Node(
            f"gold.{name}", key, columns, tuple(dict.fromkeys(reads)), made_of, about, purpose, f"dbt.{name}", True
        )

    def _behind(self, model: str) -> Iterator[str]:
        """What a model reads: marts, and staging models of tables; intermediate models are looked through."""
        for ref in self.models[model].refs:
            found = self.models[ref]
            if found.path.parent.name in PUBLISHED:
                yield f"gold.{ref}"
            elif not found.refs:
                yield from () if any(table.startswith("contracts.") for table in found.sources) else (STAGING + ref,)
            else:
                yield from self._behind(ref)
        # A mart may read a table with no staging model between.
        yield from (table for table in self.models[model].sources if not table.startswith("contracts."))

    def _named(self, path: Path, mart: str, given: str) -> str:
        """A parent as a mart's YAML names it: by its dbt model, or as the table that it reads."""
        allowed = {parent.removeprefix(STAGING).removeprefix("gold."): parent for parent in self._behind(mart)}
        found = allowed.get(given) or (given if given in allowed.values() else None)
        if found is None:
            where = Problem(str(path), 1, f"meta.made_of.{given}", f"{mart} does not read it", tuple(sorted(allowed)))
            raise ContractError(f"{mart} is said to be made of {given}", str(path), "see its SQL", problems=[where])
        return found

    def _shape(self, parent: str) -> tuple[str, tuple[str, ...]]:
        """A parent's table, and its columns as the mart sees them."""
        if parent.startswith(STAGING):
            model = parent.removeprefix(STAGING)
            return self.staged(model), staged_columns(self.models[model].sql)
        if parent in self.contracts.tables:
            return parent, tuple(self.contracts.tables[parent].columns)
        return parent, tuple(item["name"] for item in self._published[parent][1].get("columns", []))


def staged_columns(sql: str) -> tuple[str, ...]:
    """The names of the columns of a staging model: it selects one a line, and only renames."""
    body = sql.split("select", 1)[1].rsplit("\nfrom", 1)[0]
    return tuple(match[1] for line in body.splitlines() if (match := _STAGED_COLUMN.search(line)))


def event_columns(columns: Iterator[str] | tuple[str, ...]) -> list[str]:
    """The columns that name an event."""
    return [name for name in columns if _EVENT.search(name)]


def _guessed(key: tuple[str, ...], columns: dict[str, Column], table: str, theirs: tuple[str, ...]) -> Origin | None:
    """How the rows of a parent are told where nothing is said: by event, by the whole key, by the person."""
    role: Any = "evidence" if table == ASSIGNMENTS else "data"
    mine, named = event_columns(tuple(columns)), event_columns(theirs)
    if mine and named:
        return Origin(same={mine[0]: named[0]}, role=role)
    if key and all(name in theirs for name in key):
        return Origin(same={name: name for name in key}, role=role)
    if PERSON not in columns:
        return None
    shared: dict[str, Any] = {name: name for name in key if name in theirs and name != PERSON}
    if PERSON in theirs:
        return Origin(same={PERSON: PERSON, **shared}, role=role)
    if RECORD in theirs:
        return Origin(same=shared, via=ASSIGNMENTS, joined={RECORD: RECORD}, role=role)
    return None


def _said(path: Path, given: Any) -> dict[str, tuple[Origin, ...]]:
    try:
        return ways(_MADE_OF.validate_python(given))
    except ValidationError as error:
        found = [
            Problem(str(path), 1, ".".join(map(str, ("meta.made_of", *item["loc"]))), item["msg"])
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise ContractError(f"{path.name} says wrongly what its rows are made of", str(path), problems=found) from error


def _declared(table: Any) -> Node:
    columns = {name: Column(item.type, item.about, item.privacy or "raw") for name, item in table.columns.items()}
    made_of = ways(table.made_of)
    reads = tuple(dict.fromkeys((*made_of, *table.reads)))
    return Node(table.name, table.key, columns, reads, made_of, table.about, table.purpose, table.writer)


def _column(item: dict[str, Any]) -> Column:
    meta = item.get("config", {}).get("meta", {})
    return Column(item.get("data_type", ""), item.get("description", ""), meta.get("class", "raw"))
