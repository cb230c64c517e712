"""Reasons are kept for ever, also when the person is erased: so none may name the person."""

import re
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
    words = set(re.findall(r"\w+", reason.lower()))
    holds_value = any(len(value) > 2 and value.lower() in reason.lower() for value in theirs.spellings)
    if holds_value or words & _called(lake, theirs):
        raise UsageError(
            "the reason holds a name or a value of the person",
            "--reason",
            "it is kept for ever: write it without names",
        )


def _called(lake: "Lake", theirs: "Theirs") -> set[str]:
    """What the people are called, word by word."""
    records = pa.table({"record_id": pa.array(theirs.records, pa.string())})
    with lake.quick("identity.records") as connection:
        connection.register("theirs", records)
        found = connection.execute(
            "SELECT DISTINCT unnest([first_name, last_name]) FROM identity.records SEMI JOIN theirs USING (record_id)"
        ).fetchall()
    return {word for (name,) in found for word in re.findall(r"\w{3,}", (name or "").lower())}
