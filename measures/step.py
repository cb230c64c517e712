"""The step that measures: computes every table of ``measures.registry`` from silver, identity and gold.

Idempotence key: each table of gold is replaced whole, in one Delta commit, by a pure function of the tables it reads,
the contracts and the run's date; in a table of ops, which keeps a history, the rows of that date are replaced. The same
rows are not written again.
"""

from typing import TYPE_CHECKING

from lakehouse.erasing import refuse_half_erased
from measures.measure import Asked, Measure
from measures.registry import MEASURES

if TYPE_CHECKING:
    import datetime

    import pyarrow as pa

    from lakehouse.lake import Lake
    from lakehouse.run import Run


def measure(lake: "Lake", run: "Run", measures: tuple[Measure, ...] = MEASURES) -> dict[str, int]:
    """Compute every measure for the run's date.

    Returns:
        Rows of each table, by its name without ``gold.``.

    Raises:
        DataError: If a measure's rows are not in the columns that their table declares.
    """
    with run.step(lake, "measure") as step, lake.lock("gold.measures"):
        refuse_half_erased(lake)
        lake.ensure_tables()
        rows: dict[str, int] = {}
        for each in measures:
            step.say(each.name)
            for table, content in _computed(lake, run, each).items():
                _replace(lake, table, content, run.as_of if table.startswith("ops.") else None)
                rows[table.removeprefix("gold.")] = content.num_rows
                step.say(table, content.num_rows)
        step.rows = sum(rows.values())
        return dict(sorted(rows.items()))


def _computed(lake: "Lake", run: "Run", each: Measure) -> "dict[str, pa.Table]":
    from threadpoolctl import threadpool_limits

    # Several threads of linear algebra add in another order on another machine, and so give other last digits.
    with lake.duck(only=each.reads) as connection, threadpool_limits(limits=1):
        found = dict(each.compute(Asked(connection, lake.contracts, run.as_of)))
    if set(found) != set(each.writes):
        raise RuntimeError(f"{each.name} computed {sorted(found)}, and is registered for {sorted(each.writes)}")
    return found


def _replace(lake: "Lake", table: str, content: "pa.Table", as_of: "datetime.date | None") -> None:
    """Put rows in the place of a table's, or of those of a date."""
    import pyarrow.compute as pc

    from lakehouse.schema import arrow_schema

    schema = arrow_schema(lake.contracts.table(table))
    if set(schema.names) == set(content.column_names):
        there = lake.arrow(table)
        if as_of is not None:
            there = there.filter(pc.field("as_of") == as_of)
        if set(there.column_names) == set(schema.names) and there.select(schema.names).cast(schema).equals(
            content.select(schema.names).cast(schema)
        ):
            return
    lake.overwrite(table, content, where=None if as_of is None else f"as_of = '{as_of.isoformat()}'")
