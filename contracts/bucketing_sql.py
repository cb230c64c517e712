"""The arm of an id, as SQL of DuckDB and of Spark: the same answer as ``Experiment.arm_of`` and any GrowthBook SDK.

The text is made of declared names and numbers alone; ids are columns. There is no user-defined function.
"""

import datetime
from collections.abc import Iterable
from typing import Literal

from contracts.bucketing import BUCKETS, NAMESPACE_VERSION, OFFSET, PRIME, WORD, HashVersion, Range, namespace_seed
from contracts.experiment import Experiment

Dialect = Literal["duckdb", "spark"]
_FNV: dict[Dialect, str] = {
    "duckdb": "list_reduce(list_transform(range(1, length({text}) + 1), "
    "lambda place: unicode(substring({text}, place, 1))::bigint), "
    "lambda value, letter: (xor(value, letter) * {prime}) % {word}, {offset}::bigint)",
    # sequence(1, 0) would count down, so the empty text is no list of places but an empty one
    "spark": "aggregate(transform(IF(length({text}) = 0, array(), sequence(1, length({text}))), "
    "place -> CAST(ascii(substring({text}, CAST(place AS INT), 1)) AS BIGINT)), CAST({offset} AS BIGINT), "
    "(value, letter) -> ((value ^ letter) * {prime}) % {word})",
}


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _let(name: str, value: str, body: str, dialect: Dialect) -> str:
    """An expression in which a name stands for a value that is computed once."""
    if dialect == "duckdb":
        return f"list_transform([{value}], lambda {name}: {body})[1]"
    return f"transform(array({value}), {name} -> {body})[0]"


def fnv_sql(text: str, dialect: Dialect) -> str:
    """FNV-1a with 32 bits of a text.

    Args:
        text: An SQL expression of a text.
        dialect: Whose SQL.
    """
    folded = _FNV[dialect].format(text="text", prime=PRIME, word=WORD, offset=OFFSET)
    return _let("text", text, folded, dialect)


def bucket_sql(seed: str, hashed: str, version: HashVersion, dialect: Dialect) -> str:
    """Where an id lies in [0, 1) for a seed, as a double.

    Args:
        seed: The seed.
        hashed: An SQL expression of the id.
        version: Of the hash.
        dialect: Whose SQL.
    """
    if version == 2:
        inner = fnv_sql(f"concat({quoted(seed)}, {hashed})", dialect)
        number = fnv_sql(f"CAST({inner} AS {_text(dialect)})", dialect)
    else:
        number = fnv_sql(f"concat({hashed}, {quoted(seed)})", dialect)
    buckets = BUCKETS[version]
    return f"CAST(({number}) % {buckets} AS DOUBLE) / CAST({buckets} AS DOUBLE)"


def arm_sql(experiment: Experiment, hashed: str, dialect: Dialect) -> str:
    """The arm that an id is in, NULL if it takes no part or there is no id.

    Args:
        experiment: The experiment.
        hashed: An SQL expression of the id.
        dialect: Whose SQL.
    """
    arms = tuple(experiment.arms)
    inside = "TRUE"
    if experiment.namespace is not None:
        place = bucket_sql(namespace_seed(experiment.namespace.name), hashed, NAMESPACE_VERSION, dialect)
        inside = _let("part", place, _within("part", experiment.namespace.range), dialect)
    if experiment.kind == "holdout":
        chosen = f"CASE WHEN {inside} THEN {quoted(arms[0])} ELSE {quoted(arms[1])} END"
    else:
        place = bucket_sql(experiment.seed, hashed, experiment.hash_version, dialect)
        whens = " ".join(
            f"WHEN {_within('part', found)} THEN {quoted(arm)}"
            for arm, found in zip(arms, experiment.ranges, strict=True)
        )
        given = _let("part", place, f"CASE {whens} END", dialect)
        chosen = f"CASE WHEN {inside} THEN {given} END"
    return f"CASE WHEN {hashed} IS NULL THEN NULL ELSE {chosen} END"


def held_out_sql(holdouts: Iterable[Experiment], hashed: str, day: datetime.date, dialect: Dialect) -> str:
    """Whether an id is in the held-out arm of any of these holdouts that is on at a day.

    Args:
        holdouts: Experiments of kind ``holdout``, whose first arm is held out.
        hashed: An SQL expression of the id.
        day: In UTC.
        dialect: Whose SQL.
    """
    arms = [
        f"{arm_sql(one, hashed, dialect)} IS NOT DISTINCT FROM {quoted(next(iter(one.arms)))}"
        for one in holdouts
        if one.is_on(day)
    ]
    return " OR ".join(arms) or "false"


def _within(place: str, found: Range) -> str:
    return f"({place} >= CAST({found[0]!r} AS DOUBLE) AND {place} < CAST({found[1]!r} AS DOUBLE))"


def _text(dialect: Dialect) -> str:
    return "VARCHAR" if dialect == "duckdb" else "STRING"
