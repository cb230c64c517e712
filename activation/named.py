"""A person as exports name them: by profile id, by what they said, and by their addresses in every form.

A row is a person's under whatever profile it was handed over: two people may have been one profile then, and be told
apart since.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from activation import convert
from lakehouse import keyed, spill

if TYPE_CHECKING:
    from lakehouse.lake import Lake

LEAST_LETTERS = 6
"""A shorter text in a cell may be anything."""


@dataclass(frozen=True)
class Named:
    """How people are known in files and ledgers of exports.

    Attributes:
        profiles: Every id that their profiles had.
        event_ids: Their events, one of which may be the consent that a row names.
        cells: Their addresses as a cell may have them, in lower case, hashed ones too.
        hashes: The keyed hashes of those, and of their mailboxes, as the ledgers have them.
    """

    profiles: frozenset[str]
    event_ids: frozenset[str] = frozenset()
    cells: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()

    def is_row(self, row: Mapping[str, str]) -> bool:
        """Whether a row of a file is theirs. One that tells a destination of an erasure has no address, and stays."""
        if row.get("reason") == "erased":
            return False
        return (
            row.get("profile_id") in self.profiles
            or row.get("consent_event_id") in self.event_ids
            or any(cell and cell.lower() in self.cells for cell in row.values())
        )


NOBODY = Named(frozenset())


def by_id(profiles: Iterable[str]) -> Named:
    """People of whom only the ids are asked for."""
    return Named(frozenset(profiles))


def named(lake: "Lake", profiles: Iterable[str], event_ids: Iterable[str], addresses: Iterable[str]) -> Named:
    """People by everything that exports may have of them.

    Args:
        lake: The lake, whose privacy key the ledgers' hashes have.
        profiles: Every id that their profiles had.
        event_ids: Their events.
        addresses: Values of identifiers that nobody else holds, as they came and in standard form.
    """
    import duckdb

    given = pa.table({"value": pa.array(sorted({a for a in addresses if len(a) >= LEAST_LETTERS}), pa.string())})
    forms = " UNION ALL ".join(f"SELECT {convert.macro(name)}(value) AS cell FROM given" for name in convert.MACROS)
    with duckdb.connect(config=spill.duck()) as connection:
        convert.install(connection, lake.contracts.identity.mail_domains)
        keyed.install(connection, lake.settings.privacy_key)
        connection.register("given", given)
        cells = connection.execute(
            f"SELECT DISTINCT lower(cell), clew_keyed(lower(cell)) FROM ({forms}) WHERE cell IS NOT NULL"
        ).fetchall()
        boxes = connection.execute("SELECT DISTINCT clew_keyed(clew_mailbox(value)) FROM given").fetchall()
    hashes = {str(hashed) for _, hashed in cells} | {str(hashed) for (hashed,) in boxes}
    return Named(
        frozenset(profiles), frozenset(event_ids), frozenset(str(cell) for cell, _ in cells), frozenset(hashes)
    )
