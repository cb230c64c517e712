"""The account of every line, counted anew from the tables themselves, without a JVM."""

from typing import Any

from lakehouse.lake import Lake
from lakehouse.naming import ACCOUNTS
from lakehouse.tombstones import READY, all_erased_parts


def recount(lake: Lake) -> list[dict[str, Any]]:
    """The rows of ops.row_counts for all landings that have an account, each under the run that conformed it.

    A header line is one that is the first of its file, in none of the three tables
    and no tombstone. A landing without an account
    has not been conformed, and an account of it would say that it was.
    """
    sources = sorted(lake.contracts.sources)
    lines = " union all ".join(
        f"select '{name}' as source, landing, position, line from bronze.{name}" for name in sources
    )
    csv = [name for name in sources if lake.contracts.sources[name].format.type == "csv"]
    erased = all_erased_parts(sources, csv)
    query = f"""
        with fated as (
            select source, landing, position, part, 'kept' as fate from silver.events
            union all select source, landing, position, part, 'duplicate' from silver.duplicates
            union all select source, landing, position, part, 'quarantined' from silver.quarantine
            union all select source, landing, position, part, 'erased' from ({erased})
        ),
        messages as (
            select source, landing, count(*) filter (part > 0) as unpacked,
                count(*) filter (fate = 'kept') as kept,
                count(*) filter (fate = 'duplicate') as duplicates,
                count(*) filter (fate = 'quarantined') as quarantined,
                count(*) filter (fate = 'erased') as erased
            from fated group by all
        ),
        lines as (
            select source, landing, count(*) as lines,
                count(*) filter (
                    line = 1 and (source, position) not in (select (source, position) from fated)
                ) as headers
            from ({lines}) group by all
        ),
        landings as (
            select l.landing, s.source, l.run_id, l.record_key
            from (select landing, max(run_id) as run_id, min(record_key) as record_key
                    from {ACCOUNTS} group by landing) l,
                (select unnest(?::varchar[]) as source) s
        )
        select run_id, landing, source, coalesce(lines, 0) as lines, coalesce(headers, 0) as headers,
            coalesce(unpacked, 0) as unpacked, coalesce(kept, 0) as kept, coalesce(duplicates, 0) as duplicates,
            coalesce(quarantined, 0) as quarantined, coalesce(erased, 0) as erased, record_key
        from landings left join lines using (landing, source) left join messages using (landing, source)
        order by landing, source
    """
    with lake.duck() as connection:
        connection.execute(READY)
        cursor = connection.execute(query, [sources])
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
