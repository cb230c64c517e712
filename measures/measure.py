"""A measure: tables that are computed from others by statistics, in DuckDB and numpy, without a JVM."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts import Contracts

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


@dataclass(frozen=True)
class Asked:
    """What a measure is given.

    Attributes:
        connection: DuckDB, with a view ``schema.table`` of each table that the measure reads.
        contracts: What the business declares.
        as_of: The run's date. What happens after its end does not count yet.
    """

    connection: "duckdb.DuckDBPyConnection"
    contracts: Contracts
    as_of: datetime.date


@dataclass(frozen=True)
class Measure:
    """One subject that is measured.

    Attributes:
        name: Shown while it is worked on.
        reads: Tables it is computed from; one that is not there yet is an empty view.
        writes: Tables it computes, each replaced whole; they are declared under contracts/tables/gold with the writer
            ``measures.step``. A table of ops has the column ``as_of``, and keeps the rows of other dates.
        compute: A pure function: the rows of each table it writes, in a given order, from what it reads alone.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    compute: Callable[[Asked], Mapping[str, "pa.Table"]]
