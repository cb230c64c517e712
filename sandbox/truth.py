"""Which records occur in what was written, and whose they are; only an evaluation reads it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from contracts.errors import UsageError
from contracts.records import cleaned

FILE = "records.parquet"
RECORDS = pa.schema(
    [
        ("kind", pa.string()),
        ("value", pa.string()),
        ("person_id", pa.string()),
        ("household_id", pa.int64()),
        ("is_shared", pa.bool_()),
    ]
)


class Somebody(Protocol):
    """A person, as far as the truth names them."""

    @property
    def person_id(self) -> str: ...

    @property
    def household(self) -> int: ...


@dataclass
class Truth:
    """Which records occur in what was written, by kind and value, and whose they are.

    What a lake calls a mailbox or a telephone depends on its key, which the truth does not know.
    """

    owners: dict[tuple[str, str], tuple[str, int, bool]] = field(default_factory=dict)

    def occurs(self, kind: str, value: str, person: Somebody, is_shared: bool = False) -> None:
        """Note that a record occurs; of a shared record, the owner noted first stays."""
        key = kind, cleaned(kind, value)
        known = self.owners.get(key)
        if known is None:
            self.owners[key] = (person.person_id, person.household, is_shared)
        elif known[0] != person.person_id and not known[2]:
            self.owners[key] = (known[0], known[1], True)

    def recall(self, folder: Path) -> None:
        """Read back the truth about the earlier days, whose files stay.

        Raises:
            UsageError: If it is gone, or of before.
        """
        path = folder / FILE
        if not path.exists() or not set(RECORDS.names) <= set(pq.read_schema(path).names):
            raise UsageError(
                "the landing folder has earlier files of the sandbox, but their truth is gone or of before",
                where=str(path.name),
                do="generate again from the first day",
            )
        for row in pq.read_table(path).to_pylist():
            self.owners[row["kind"], row["value"]] = (row["person_id"], row["household_id"], row["is_shared"])

    def write(self, folder: Path) -> int:
        """Write records.parquet, sorted; returns how many records there are."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = [(*record, *owner) for record, owner in sorted(self.owners.items())]
        table = pa.Table.from_pylist([dict(zip(RECORDS.names, row, strict=True)) for row in rows], schema=RECORDS)
        pq.write_table(table, folder / f"_{FILE}")
        os.replace(folder / f"_{FILE}", folder / FILE)
        return len(rows)
