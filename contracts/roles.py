"""Roles: which tables each may read, derived from the classes of their columns. Declared in contracts/roles.yml."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, model_validator

from contracts import ALL, LEAST
from contracts.base import Declared, Name, Text, Version
from contracts.table import PrivacyClass

Schema = Literal["bronze", "silver", "identity", "gold", "ops"]


class Role(Declared):
    """Who somebody is to the lake: a table is theirs to read if its schema is, and the class of every column."""

    about: Text
    schemas: tuple[Schema, ...] = Field(min_length=1)
    reads: tuple[PrivacyClass, ...] = Field(min_length=1, description="The classes of columns that the role may see")

    def may_read(self, table: str, classes: Iterable[str | None]) -> bool:
        """Whether the role reads a table with columns of these classes; a column without one may hold anything."""
        return table.split(".")[0] in self.schemas and {found or "raw" for found in classes} <= set(self.reads)

    def covers(self, other: "Role") -> bool:
        """Whether the role may read all that another may."""
        return set(other.reads) <= set(self.reads) and set(other.schemas) <= set(self.schemas)


class Roles(Declared):
    """All roles."""

    version: Version
    owner: Name
    why: Text
    roles: dict[Name, Role]

    @model_validator(mode="after")
    def _default_roles_are_there(self) -> "Roles":
        missing = [name for name in (ALL, LEAST) if name not in self.roles]
        if missing:
            raise ValueError(
                f"roles: {', '.join(missing)} must be declared, since whoever names no role has one of them"
            )
        return self
