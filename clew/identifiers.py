"""A profile's identifiers as a command prints them: of each kind the newest, for one may hold a thousand orders."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from clew.output import Row, print_section

SHOWN_OF_A_KIND = 5


def print_identifiers(columns: Sequence[str], held: Sequence[dict[str, Any]], cells: Sequence[Row]) -> None:
    """Print the section, and how many of each kind are left out.

    Args:
        columns: The titles.
        held: The identifiers by kind, with identifier, value and first_seen_at.
        cells: What to print of each.
    """
    shown, left_out = [], []
    for kind, group in groupby(zip(held, cells, strict=True), key=lambda pair: pair[0]["identifier"]):
        rows = list(group)
        seen = sorted(((item["first_seen_at"], item["value"]) for item, _ in rows), reverse=True)
        newest = set(seen[:SHOWN_OF_A_KIND])
        shown += [row for item, row in rows if (item["first_seen_at"], item["value"]) in newest]
        if len(rows) > SHOWN_OF_A_KIND:
            left_out.append(f"and {len(rows) - SHOWN_OF_A_KIND:,} older of {kind}: --json has all")
    print_section("identifiers", columns, shown)
    for line in left_out:
        print(line)
