"""Reasons are kept for ever, also when the person is erased: so none may name the person."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from spark_jobs.privacy.whose import Theirs


def refuse_names(lake: "Lake", theirs: "Theirs", reason: str) -> None:
    """Refuse a reason that holds a value or a name of a person.

    Args:
        lake: The lake.
        theirs: What is of the person.
        reason: Why something is done to their data.

    Raises:
        UsageError: If it does; the value is not told.
    """
    _refuse(lake, theirs.records, theirs.spellings, reason)


def refuse_names_of_records(lake: "Lake", records: Iterable[str], reason: str) -> None:
    """Refuse a reason that holds a value or a name of whoever has one of these records.

    Raises:
        UsageError: If it does; the value is not told.
    """
    with lake.quick("identity.assignments", "identity.identifiers") as connection:
        connection.register("asked", pa.table({"record_id": pa.array(sorted(records), pa.string())}))
        mine = """SELECT record_id FROM asked UNION SELECT a.record_id FROM identity.assignments AS a
                  SEMI JOIN (SELECT profile_id FROM identity.assignments SEMI JOIN asked USING (record_id)) AS p
                  USING (profile_id)"""
        theirs = [name for (name,) in connection.execute(mine).fetchall()]
        values = connection.execute(
            f"""SELECT DISTINCT unnest([value, raw_value]) FROM identity.identifiers SEMI JOIN ({mine}) AS m
                USING (record_id)"""
        ).fetchall()
    _refuse(lake, theirs, [value for (value,) in values if value], reason)


def _refuse(lake: "Lake", records: Iterable[str], spellings: Iterable[str], reason: str) -> None:
    words = set(re.findall(r"\w+", reason.lower()))
    holds_value = any(len(value) > 2 and value.lower() in reason.lower() for value in spellings)
    if holds_value or words & _called(lake, records):
        raise UsageError(
            "the reason holds a name or a value of the person",
            "--reason",
            "it is kept for ever: write it without names",
        )


def _called(lake: "Lake", owned: Iterable[str]) -> set[str]:
    """What the people are called, word by word."""
    records = pa.table({"record_id": pa.array(sorted(owned), pa.string())})
    with lake.quick("identity.records") as connection:
        connection.register("theirs", records)
        found = connection.execute(
            "SELECT DISTINCT unnest([first_name, last_name]) FROM identity.records SEMI JOIN theirs USING (record_id)"
        ).fetchall()
    return {word for (name,) in found for word in re.findall(r"\w{3,}", (name or "").lower())}
