"""Which pairs are compared: blocking rules chosen by what they find against what they cost.

A rule is a set of columns that must be equal. A rule is affordable if it brings together no more than
``PAIRS_PER_RECORD`` pairs a record; blocks of more than ``MOST_IN_BLOCK`` records are left to rules that split them.
Where a file is small every affordable rule is used. Where it is large, those are chosen that find nearly all links of
a sample: greedily, the most links that no chosen rule finds for the pairs that it costs.
"""

from collections.abc import Sequence

import numpy as np

from identity.people.pairs import Bench

Rule = tuple[str, ...]

RULES: tuple[Rule, ...] = (
    ("national_id",), ("card",), ("customer",), ("email",), ("phone",), ("first_name", "last_name"),
    ("last_name", "birth_date"),
    ("first_name", "birth_date"), ("formal_name", "birth_date"), ("last_start", "birth_date"),
    ("first_start", "birth_date"), ("street", "birth_date"), ("postcode", "birth_date"), ("city", "birth_date"),
    ("birth_place", "birth_date"), ("occupation", "birth_date"), ("street", "house", "city"),
    ("street", "house", "postcode"), ("house", "postcode"), ("street", "house", "last_name"), ("street", "first_name"),
    ("street", "last_name"), ("first_name", "postcode"), ("last_name", "postcode"), ("formal_name", "postcode"),
    ("first_start", "last_start", "postcode"), ("first_name", "city"), ("last_name", "city"),
    ("first_start", "last_start", "city"), ("first_start", "last_start", "birth_year"),
    ("first_name", "last_start", "birth_year"), ("first_name", "birth_year", "birth_day"), ("postcode", "birth_year"),
    ("street", "birth_year"), ("last_name", "birth_place", "birth_year"), ("first_name", "birth_place", "occupation"),
    ("last_name", "birth_place", "occupation"), ("last_name", "gender", "birth_year"), ("names_sorted",),
    ("last_name",), ("postcode",), ("formal_name", "last_name"), ("first_start", "last_name"),
    ("first_name", "last_start"), ("formal_name", "last_start"), ("first_start", "last_start"),
    ("last_name", "birth_year"), ("last_name", "birth_place"), ("first_name", "birth_place"),
    ("last_start", "birth_place"), ("first_start", "birth_place"), ("birth_place", "birth_year"),
    ("postcode", "birth_place"), ("last_name", "occupation"), ("postcode", "occupation"),
)  # fmt: skip
"""Rules of little evidence, such as a last name alone, are affordable where the values of a file tell much."""
PAIRS_PER_RECORD = 40
MOST_IN_BLOCK = 500
ALL_PAIRS = 1_000_000
"""Up to so many pairs are all compared."""
ENOUGH = 0.998
"""The share of a sample's links at which no further rule is chosen."""


def affordable(bench: Bench) -> dict[Rule, int]:
    """The rules that the columns allow and that cost no more than they may, with their pairs."""
    possible = [rule for rule in RULES if bench.columns.issuperset(rule)]
    if not possible:
        return {}
    if bench.tables.blocks_in_one_pass:
        sizes = f"SELECT rule, sum(n - 1) / 2 AS pairs FROM ({_blocked(possible)}) GROUP BY rule"
    else:
        sizes = " UNION ALL ".join(
            f"SELECT {at} AS rule, sum(n * (n - 1) / 2) AS pairs FROM ({_blocks(rule)})"
            for at, rule in enumerate(possible)
        )
    found = bench.tables.rows(f"SELECT rule, pairs::BIGINT AS pairs FROM ({sizes}) WHERE pairs > 0 ORDER BY rule")
    costs = {possible[rule]: pairs for rule, pairs in zip(*found.to_pydict().values(), strict=True)}
    return {rule: pairs for rule, pairs in costs.items() if pairs <= PAIRS_PER_RECORD * bench.records}


def block(bench: Bench, rules: Sequence[Rule] | None, into: str, one_in: int = 1) -> None:
    """Make the table ``into`` of the pairs that rules bring together, each once: l, r.

    Args:
        bench: The people.
        rules: The rules; none of them brings together none, None all.
        into: Name of the table.
        one_in: Every so manieth record only, with all that it meets; each pair of two of them then comes both ways.
    """
    order = f"l.i <> r.i AND l.i % {one_in} = 0" if one_in > 1 else "l.i < r.i"
    apart = " AND l.dataset <> r.dataset" if bench.across else ""
    if rules is None:
        bench.tables.make(into, f"SELECT l.i AS l, r.i AS r FROM people l JOIN people r ON {order}{apart}")
        return
    if not rules:
        bench.tables.make(into, "SELECT i AS l, i AS r FROM people WHERE false")
        return
    if bench.tables.blocks_in_one_pass:
        blocked = f"{into}_blocked"
        bench.tables.make(blocked, _blocked(rules))
        met = f"""SELECT l.i::BIGINT << 32 | r.i AS pair
                  FROM {blocked} l JOIN {blocked} r USING (block) WHERE {order}{apart}"""
    else:
        met = " UNION ALL ".join(
            f"""SELECT l.i::BIGINT << 32 | r.i AS pair FROM people l JOIN ({_blocks(rule)}) USING ({", ".join(rule)})
                JOIN people r USING ({", ".join(rule)}) WHERE {order}{apart}"""
            for rule in rules
        )
    bench.tables.make(
        into,
        f"""SELECT (pair >> 32)::INTEGER AS l, (pair & 4294967295)::INTEGER AS r
            FROM (SELECT DISTINCT pair FROM ({met}))""",
    )


def choose(bench: Bench, costs: dict[Rule, int], links: str) -> tuple[list[Rule], float]:
    """The rules that find nearly all links of a sample, and the share of them that they find.

    Args:
        bench: The people.
        costs: The affordable rules with their pairs.
        links: A table l, r of pairs that were found to be one person by all affordable rules.
    """
    rules = list(costs)
    met = ", ".join("coalesce(" + " AND ".join(f"a.{name} = b.{name}" for name in rule) + ", false)" for rule in rules)
    found = bench.tables.rows(
        f"SELECT list_value({met}) AS met, count(*) AS n FROM {links} "
        "JOIN people a ON a.i = l JOIN people b ON b.i = r GROUP BY ALL ORDER BY ALL"
    )
    if not found.num_rows:
        return rules, 1.0
    finds = np.array(found["met"].to_pylist(), dtype=bool)
    links_of = found["n"].to_numpy().astype(float)
    price = np.array([costs[rule] for rule in rules], dtype=float)
    missed, chosen = np.ones(len(finds), dtype=bool), list[int]()
    while links_of[missed].sum() > (1 - ENOUGH) * links_of.sum():
        gain = (finds[missed] * links_of[missed, None]).sum(axis=0)
        best = int(np.argmax(gain / price))
        if not gain[best]:
            break
        chosen.append(best)
        missed &= ~finds[:, best]
    return [rules[at] for at in chosen], 1 - float(links_of[missed].sum() / links_of.sum())


def _blocks(rule: Rule) -> str:
    names = ", ".join(rule)
    given = " AND ".join(f"{name} IS NOT NULL" for name in rule)
    return (
        f"SELECT {names}, count(*) AS n FROM people WHERE {given} GROUP BY ALL "
        f"HAVING count(*) BETWEEN 2 AND {MOST_IN_BLOCK}"
    )


def _blocked(rules: Sequence[Rule]) -> str:
    """The records in each block of all rules: i, dataset, rule (its place), block, and n, how many it holds."""
    named = [" || chr(31) || ".join([f"'{at}'", *rule]) for at, rule in enumerate(rules)]
    return f"""
        SELECT i, dataset, split_part(block, chr(31), 1)::INTEGER AS rule, block, n
        FROM (SELECT *, count(*) OVER (PARTITION BY block) AS n
              FROM (SELECT i, dataset, unnest([{", ".join(named)}]) AS block FROM people) WHERE block IS NOT NULL)
        WHERE n BETWEEN 2 AND {MOST_IN_BLOCK}"""
