"""What rows of one table are made of rows of another by: declared beside the table, followed both ways by a trace.

A declaration names columns only, never an expression, so that nothing of it is executed.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from contracts.base import Declared, Name

Columns = tuple[Name, ...]


class Origin(Declared):
    """How the rows of another table, of which a row is made, are told by that row's columns.

    Attributes:
        same: A column of the row, and the column of the other table that has the same value; of several, the first
            that has a value.
        within: A column of the other table, and the two columns of the row between which its value lies.
        only: A column of the other table, and the values that count.
        carried: The other row is an event that carries the row's identifier, where the contract of its source says.
        during: A column of the row, and the two columns of the other table between which its value lies; the second is
            not reached, and may be empty.
        via: A third table, of which the row is made too; or identity.assignments, which tells its person's records.
        joined: A column of that third table, and the column of the other table that has the same value.
        role: ``evidence`` says whose the row is, not what it holds: a trace shows it and does not go on behind it.
    """

    same: dict[Name, Name | Columns] = {}
    within: dict[Name, tuple[Name, Name]] = {}
    during: dict[Name, tuple[Name, Name]] = {}
    only: dict[Name, tuple[str, ...]] = {}
    carried: bool = False
    via: str | None = None
    joined: dict[Name, Name] = {}
    role: Literal["data", "evidence"] = "data"

    @model_validator(mode="after")
    def _tells_rows(self) -> "Origin":
        if (self.via is not None) != bool(self.joined):
            raise ValueError("`via` names a table, and `joined` its columns: give both or none")
        if self.via is not None and self.via != "identity.assignments" and self.same:
            raise ValueError("through another table than identity.assignments rows are told by `joined` alone")
        if not (self.same or self.joined):
            raise ValueError("`same` names at least one column by which the rows are told")
        return self


MadeOf = dict[str, Origin | tuple[Origin, ...]]
"""By table; where there are several ways in which a row can be made of a row of it, each of them."""

MADE_OF: Any = Field(
    default={},
    description="The tables whose rows a row is made of, and by which columns they are told: what `clew trace` follows",
)


def ways(made_of: MadeOf) -> dict[str, tuple[Origin, ...]]:
    """Every way to each table."""
    return {table: (given,) if isinstance(given, Origin) else given for table, given in made_of.items()}
