"""Blocking rules: which pairs of records are compared at all.

Each rule is a set of columns that must be equal. Together they should reach every pair of one person that
differs in any two things; ``reach`` measures on labelled pairs what they miss. Values that stopped
identifying are NULL in the columns, so that a kiosk's phone number cannot make a block of a million pairs.
"""

from collections.abc import Sequence

import pyarrow as pa
from splink import block_on
from splink.internals.blocking_rule_creator import BlockingRuleCreator

from identity.sql import query

BLOCKING_RULES: tuple[tuple[str, ...], ...] = (
    ("email",),
    ("phone",),
    ("first_name", "last_name"),
    ("last_name", "birth_date"),
    ("formal_name", "birth_date"),
    ("formal_name", "postcode"),
    ("street", "postcode", "birth_year"),
    ("street", "birth_date"),
    ("postcode", "birth_date"),
    ("street", "formal_name"),
    ("street", "last_start"),
    ("last_start", "birth_date"),
    ("first_name", "last_start", "birth_year"),
)


def splink_rules(rules: Sequence[tuple[str, ...]] = BLOCKING_RULES) -> list[BlockingRuleCreator]:
    """The rules as Splink wants them."""
    return [block_on(*columns) for columns in rules]


def reach(people: pa.Table, pairs: pa.Table, rules: Sequence[tuple[str, ...]] = BLOCKING_RULES) -> float:
    """The share of labelled pairs (left_record, right_record) that some rule compares; 1.0 for no pairs."""
    met = " OR ".join("(" + " AND ".join(f"l.{name} = r.{name}" for name in columns) + ")" for columns in rules)
    row = query(
        f"""SELECT coalesce(avg(CASE WHEN {met} THEN 1.0 ELSE 0.0 END), 1.0) AS reached
            FROM pairs JOIN people l ON l.record_id = left_record JOIN people r ON r.record_id = right_record""",
        people=people,
        pairs=pairs,
    ).to_pylist()[0]
    return float(row["reached"])
