"""Tables as declared under contracts/tables: grain, key, columns with type, meaning and privacy class, writer."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, model_validator

from contracts.base import Declared, Name, RetentionDays, Text
from contracts.origin import MADE_OF, MadeOf

PrivacyClass = Literal["none", "pseudonymous", "contact", "demographic", "behavioural", "free_text", "raw"]
"""What a column can reveal: nothing; a person behind a key; what names or reaches one person (name, date of birth,
address, number); what many people share (city, age band); what they do; anything a person may have typed; an unparsed
line, which may hold all of these."""

OPERATION = "operation"
"""The purpose of what runs, proves and secures the platform itself. No consent decides it; no export may have it."""

RESTRICTED: frozenset[str] = frozenset({"contact", "free_text", "raw"})
"""Classes that name a person, reach them, or may hold anything. A table with a column of one of them is restricted."""


def is_restricted(classes: Iterable[str | None]) -> bool:
    """Whether a table with columns of these classes is restricted; a column without one may hold anything."""
    return any(found is None or found in RESTRICTED for found in classes)


SetBy = Literal["data", "landing", "run"]
"""What decides a column's value: what was sent; also how that was parted into landings; or a run's clock and name.
Lakes that were sent the same agree on ``data``, with the same landings on ``landing``, on ``run`` by chance only."""


class Column(Declared):
    """One column: Spark DDL type, what it means, how personal it is, and what decides its value."""

    type: str
    about: Text
    privacy: PrivacyClass | None = Field(
        None,
        description="What it can reveal; `clew check` refuses a column without, which until then may hold anything",
    )
    purpose: Name | None = Field(None, description="What it is for, where that is not what its table is for")
    required: bool = False
    allowed: tuple[str, ...] = ()
    set_by: SetBy = "data"


class Table(Declared):
    """One Delta table. DDL, schema checks, gate basics and the docs derive from it."""

    name: str = Field(pattern=r"^(bronze|silver|identity|gold|ops)\.([a-z][a-z0-9_]*|<source>)$")
    grain: Text
    about: Text
    owner: Name
    writer: str
    write_mode: Literal["append", "replace_landing", "overwrite"]
    engine: Literal["spark", "delta-rs"]
    why: Text | None = None
    purpose: Text = Field(description="A purpose of consent/purposes.yml, or `operation`: that of its columns")
    retention_days: RetentionDays = None
    key: tuple[str, ...]
    made_of: MadeOf = MADE_OF
    reads: tuple[str, ...] = Field(
        (), description="Further tables that decide its rows, though no row of it is told by one of theirs"
    )
    columns: dict[Name, Column]

    @model_validator(mode="after")
    def _key_is_declared(self) -> "Table":
        missing = [column for column in self.key if column not in self.columns]
        if missing:
            raise ValueError(f"key names columns that are not declared: {', '.join(missing)}")
        return self

    @property
    def schema_name(self) -> str:
        return self.name.split(".")[0]

    @property
    def purposes(self) -> set[str]:
        """What its columns are for."""
        return {column.purpose or self.purpose for column in self.columns.values()}

    def ddl(self) -> str:
        """The columns as one Spark DDL string."""
        return ", ".join(f"{name} {column.type}" for name, column in self.columns.items())
