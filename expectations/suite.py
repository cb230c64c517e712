"""A suite: the rules of one gate, and the temporary tables that several of them share."""

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from expectations.rule import Rule

if TYPE_CHECKING:
    import duckdb

    from contracts import Contracts


@dataclass(frozen=True)
class Suite:
    """What a gate checks.

    Attributes:
        gate: The gate's name.
        rules: Its rules.
        prepare: SQL run once on the gate's connection before the rules; makes temporary tables only.
    """

    gate: str
    rules: tuple[Rule, ...]
    prepare: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """What a suite is built from: the declarations, the tables there are, and the run's date."""

    contracts: "Contracts"
    connection: "duckdb.DuckDBPyConnection"
    as_of: datetime.date

    def columns(self) -> dict[str, list[str]]:
        """Columns of every table that the connection shows, by ``schema.table``."""
        found = self.connection.execute(
            "SELECT table_schema || '.' || table_name, list(column_name ORDER BY ordinal_position) "
            "FROM information_schema.columns GROUP BY ALL"
        ).fetchall()
        return dict(found)
