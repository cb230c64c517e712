"""How long data are kept: the shorter of what is declared where they lie, and of the period of what they are for.

A purpose that declares ``retention_days`` bounds data that are for it only. What serves several purposes is kept for
the longest of their periods; a purpose without one bounds nothing, and neither does ``operation``.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contracts.catalog import Contracts

EVENTS = "silver.events"


def of_source(contracts: "Contracts", name: str) -> int | None:
    """Days for which messages of a source are kept; None is for ever.

    What the source does not declare, silver.events does: its period, and what messages are for.
    """
    source, events = contracts.sources[name], contracts.table(EVENTS)
    purposes = {source.purpose} if source.purpose is not None else events.purposes
    return _shorter(source.retention_days or events.retention_days, _of_purposes(contracts, purposes))


def of_table(contracts: "Contracts", name: str) -> int | None:
    """Days for which rows of a table are kept; None is for ever.

    Raises:
        ContractError: If nothing declares the table.
    """
    table = contracts.table(name)
    return _shorter(table.retention_days, _of_purposes(contracts, table.purposes))


def of_destination(contracts: "Contracts", name: str) -> int | None:
    """Days for which folders that were written for a destination are kept; None is for ever."""
    destination = contracts.destinations[name]
    return _shorter(destination.retention_days, _of_purposes(contracts, {destination.purpose}))


def _of_purposes(contracts: "Contracts", purposes: Iterable[str]) -> int | None:
    declared = contracts.policy.purposes
    days = [declared[name].retention_days if name in declared else None for name in sorted(purposes)]
    found = [period for period in days if period is not None]
    return max(found) if found and len(found) == len(days) else None


def _shorter(*days: int | None) -> int | None:
    return min((period for period in days if period is not None), default=None)
