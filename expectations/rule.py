"""A rule of a gate: one Great Expectations expectation, with what a reader needs when it fails.

A rule has two faces that cannot drift apart, because both come from the same fields: the expectation, which decides,
and ``offending``, the SQL that names the rows when the expectation has failed. It selects row keys, never personal
values.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

Severity = Literal["fail", "warn"]
GX_SEVERITY = {"fail": "critical", "warn": "warning"}


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """What every rule has.

    Attributes:
        table: The table it stands on.
        name: The business rule in snake case, unique on its table.
        says: The rule as one sentence.
        why: What goes wrong downstream when it is broken.
        do: The next step of the person who reads the failure.
        owner: The team that answers for it.
        severity: ``fail`` closes the gate, ``warn`` is recorded and reported.
        hidden: Key columns that hold personal values; they are named by the start of their SHA-256 instead.
    """

    table: str
    name: str
    says: str
    why: str
    do: str
    owner: str
    severity: Severity = "fail"
    hidden: tuple[str, ...] = ()

    @property
    @abstractmethod
    def offending(self) -> str:
        """SQL that selects the keys of the rows that break the rule."""

    @abstractmethod
    def expectation(self) -> "Expectation":
        """The rule for Great Expectations."""

    def _keys(self, key: tuple[str, ...]) -> str:
        return ", ".join(
            f'left(sha256(CAST("{column}" AS VARCHAR)), 12) AS "{column}_sha256"'
            if column in self.hidden
            else f'"{column}"'
            for column in key
        )

    def _common(self) -> dict[str, Any]:
        return {
            "severity": GX_SEVERITY[self.severity],
            "description": self.says,
            "meta": {"rule": self.name, "why": self.why, "do": self.do, "owner": self.owner},
        }


@dataclass(frozen=True, kw_only=True)
class NotNull(Rule):
    """A column has a value in every row."""

    column: str
    key: tuple[str, ...]

    @property
    def offending(self) -> str:
        return f'SELECT {self._keys(self.key)} FROM {self.table} WHERE "{self.column}" IS NULL'

    def expectation(self) -> "Expectation":
        from great_expectations.expectations import ExpectColumnValuesToNotBeNull

        return ExpectColumnValuesToNotBeNull(column=self.column, **self._common())


@dataclass(frozen=True, kw_only=True)
class Unique(Rule):
    """No two rows have the same key."""

    key: tuple[str, ...]

    @property
    def offending(self) -> str:
        return (
            f"SELECT {self._keys(self.key)} FROM {self.table} "
            f"QUALIFY count(*) OVER (PARTITION BY {_listed(self.key)}) > 1"
        )

    def expectation(self) -> "Expectation":
        from great_expectations.expectations import (
            ExpectColumnValuesToBeUnique,
            ExpectCompoundColumnsToBeUnique,
        )

        if len(self.key) == 1:
            return ExpectColumnValuesToBeUnique(column=self.key[0], **self._common())
        return ExpectCompoundColumnsToBeUnique(column_list=list(self.key), **self._common())


@dataclass(frozen=True, kw_only=True)
class OneOf(Rule):
    """A column has one of the declared values, or none."""

    column: str
    allowed: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def offending(self) -> str:
        values = ", ".join("'" + value.replace("'", "''") + "'" for value in self.allowed)
        return f'SELECT {self._keys(self.key)} FROM {self.table} WHERE "{self.column}" NOT IN ({values})'

    def expectation(self) -> "Expectation":
        from great_expectations.expectations import ExpectColumnValuesToBeInSet

        return ExpectColumnValuesToBeInSet(column=self.column, value_set=list(self.allowed), **self._common())


@dataclass(frozen=True, kw_only=True)
class NoRows(Rule):
    """A query finds nothing. It may name the rule's table ``{batch}``, and any other table of the lake.

    Literal braces are doubled.
    """

    query: str

    @property
    def offending(self) -> str:
        return self.query.format(batch=self.table)

    def expectation(self) -> "Expectation":
        from great_expectations.expectations import UnexpectedRowsExpectation

        query = self.query
        if "{batch}" not in query:  # Great Expectations prints a warning, on stdout, about a query without it
            query = f"WITH stands_on AS (SELECT 1 FROM {{batch}} LIMIT 0) {query}"
        return UnexpectedRowsExpectation(unexpected_rows_query=query, **self._common())


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
