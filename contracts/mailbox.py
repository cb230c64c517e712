"""The address in what forms, mail programs and links send for one: ``"Ann" <ann@example.com>``, ``mailto:``, ``%40``.

A withdrawal must reach its person however the address was written. Source: RFC 5322 (names beside addresses), RFC 6068
(mailto), RFC 3986 (percent-encoding), RFC 1034 (the dot that ends a domain).
"""

import re

SPARK, DUCKDB = "$", "\\"
"""What stands before the number of a group in a replacement."""
LONGEST = 1_000
"""What is longer is no address; the patterns may be slow by the square of a text's length."""
_STEPS = (
    ("^[^<>]*<([^<>]*@[^<>]*)>[^<>]*$", "{0}1"),
    ("(?s)^ *(?:mailto: *)+([^?]*).*$", "{0}1"),
    ("^([^@]*)%40([^@]*)$", "{0}1@{0}2"),
    ("%2b", "+"),
    ("^ +|[. ]+$", ""),
)
"""Patterns and replacements, in their order. A text that is an address already stays as it is."""


def address(text: str) -> str:
    """The address alone, of a text in lower case, all of whose gaps are one blank."""
    for pattern, replacement in _STEPS:
        text = re.sub(pattern, replacement.format("\\"), text)
    return text


def address_sql(value: str, group: str) -> str:
    """The same in SQL.

    Args:
        value: SQL of a text in lower case.
        group: The dialect: ``SPARK`` or ``DUCKDB``.
    """
    every, alone = ", 'g'" if group == DUCKDB else "", value
    for pattern, replacement in _STEPS:
        alone = f"regexp_replace({alone}, '{pattern}', '{replacement.format(group)}'{every})"
    return f"CASE WHEN length({value}) > {LONGEST} THEN {value} ELSE {alone} END"
