"""The interval of a share in SQL, so that the query that is shown gives what the page says."""

Z = 1.959963984540054
"""Of a normal distribution, what 95 % lie within."""


def wilson(part: str, whole: str) -> tuple[str, str]:
    """The lower and the upper end of a share's 95 % interval (Wilson, 1927), as SQL.

    Args:
        part: SQL of how many are in it.
        whole: SQL of how many there are; where it is 0, both ends are NULL.
    """
    middle = f"({part} + {Z * Z / 2:.6f})"
    width = f"{Z:.6f} * sqrt(greatest({part} * ({whole} - {part}) / nullif({whole}, 0) + {Z * Z / 4:.6f}, 0))"
    below = f"({whole} + {Z * Z:.6f})"
    known = f"CASE WHEN {whole} > 0 THEN"
    return (
        f"{known} greatest(round(({middle} - {width}) / {below}, 4), 0) END",
        f"{known} least(round(({middle} + {width}) / {below}, 4), 1) END",
    )
