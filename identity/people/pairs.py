"""Comparing pairs in SQL: people in a table, pairs in another, and what each comparison found in a third."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from identity.people.comparisons import Comparison, comparisons_of
from identity.people.mixture import POPULATION, Patterns, Weights
from identity.people.standard import TEXTS
from identity.people.tables import Tables

WEIGHT_DIGITS = 6

_DERIVED = {
    "first_name": "count(first_name) OVER (PARTITION BY first_name) / {n} AS first_name_share, "
    "substr(first_name, 1, 3) AS first_start",
    "last_name": "count(last_name) OVER (PARTITION BY last_name) / {n} AS last_name_share, "
    "substr(last_name, 1, 3) AS last_start",
    "first_name last_name": "count(*) OVER (PARTITION BY first_name, last_name) / {n} AS full_name_share, "
    "CASE WHEN first_name < last_name THEN first_name || ' ' || last_name ELSE last_name || ' ' || first_name END "
    "AS names_sorted",
    "birth_date": "count(birth_date) OVER (PARTITION BY birth_date) / {n} AS birth_date_share, "
    "substr(birth_date, 6, 5) AS birth_day, "
    "CASE WHEN substr(birth_date, 9, 2) <= '12' THEN "
    "substr(birth_date, 1, 5) || substr(birth_date, 9, 2) || '-' || substr(birth_date, 6, 2) END "
    "AS birth_date_swapped",
    "email": "split_part(email, '@', 1) AS mailbox",
    "first_name email": "length(first_name) > 2 AND contains(email, replace(first_name, ' ', '')) AS has_first",
    "last_name email": "length(last_name) > 2 AND contains(email, replace(last_name, ' ', '')) AS has_last",
    "postcode": "substr(postcode, 1, 3) AS postcode_area",
}


@dataclass(frozen=True)
class Bench:
    """People in a table, and what it takes to compare them.

    Attributes:
        tables: Hold the table ``people``, numbered by ``i``.
        records: How many people.
        columns: The columns of ``people`` that hold something.
        comparisons: How two are compared.
        across: Only pairs of two data sets.
        total: How many pairs there are.
    """

    tables: Tables
    records: int
    columns: frozenset[str]
    comparisons: tuple[Comparison, ...]
    across: bool
    total: float

    @classmethod
    def of(cls, tables: Tables, people: pa.Table, *, across: bool) -> "Bench":
        """Load people (``standard.people``), numbered as they stand, with what comparisons and rules derive."""
        given = {name for name in TEXTS if people[name].null_count < people.num_rows}
        count = f"{max(people.num_rows, POPULATION)}::DOUBLE"
        derived = [sql.format(n=count) for names, sql in _DERIVED.items() if given.issuperset(names.split())]
        tables.put("numbered", people.append_column("i", pa.array(np.arange(people.num_rows), pa.int32())))
        tables.make("people", f"SELECT {', '.join(['*', *derived])} FROM numbered ORDER BY i")
        made = set(tables.columns("people")) - set(people.column_names)
        columns = frozenset(given | made | ({"formal_name"} if "first_name" in given else set()))
        total = _pairs_there_are(people, across)
        compared = given - {"birth_year"} if _dates_say_all(people) else given
        return cls(tables, people.num_rows, columns, comparisons_of(compared), across, total)

    def draw(self, pairs: int, seed: int, into: str) -> None:
        """Make the table ``into`` of about so many pairs, drawn at random: l, r."""
        random = np.random.default_rng(seed)
        left, right = random.integers(0, self.records, (2, pairs), dtype=np.int32)
        self.tables.put("drawn_pairs", pa.table({"l": left, "r": right}))
        apart = "a.dataset <> b.dataset" if self.across else "l <> r"
        self.tables.make(
            into, f"SELECT l, r FROM drawn_pairs JOIN people a ON a.i = l JOIN people b ON b.i = r WHERE {apart}"
        )

    def compare(self, pairs: str, into: str) -> None:
        """Make the table ``into``: l, r and for each comparison the level that the pair falls into, g0 and on."""
        levels = [f"{_level(item)} AS g{at}" for at, item in enumerate(self.comparisons)]
        shared = [f"{sql} AS {name}" for name, sql in shared_by(self.comparisons).items()]
        used = sorted(set(re.findall(r"\b([a-z_0-9]+?)_[lr]\b", " ".join([*levels, *shared]))))
        sides = ", ".join(f"{side}.{name} AS {name}_{side}" for side in "lr" for name in used)
        self.tables.make_by_row(
            into,
            source=f"""SELECT pair.l AS l_i, pair.r AS r_i, {sides} FROM {pairs} pair
                       JOIN people l ON l.i = pair.l JOIN people r ON r.i = pair.r""",
            each=f"""SELECT l_i AS l, r_i AS r, {", ".join(levels)}
                     FROM (SELECT {", ".join(["*", *shared])} FROM {{source}})""",
            columns={"l": "int", "r": "int"} | dict.fromkeys(self._levels, "tinyint"),
        )

    def patterns(self, compared: str, scale: float = 1.0) -> Patterns:
        """The pairs of a table that ``compare`` made, counted; each stands for ``scale`` pairs."""
        counted = self.tables.rows(
            f"SELECT {', '.join(self._levels)}, count(*) AS pairs FROM {compared} GROUP BY ALL ORDER BY ALL"
        )
        levels = np.stack([counted[name].to_numpy().astype(np.int64) for name in self._levels], axis=1)
        return Patterns(levels, counted["pairs"].to_numpy() * scale)

    def weigh(self, compared: str, weights: Weights, into: str) -> None:
        """Make the table ``into``: l, r, weight (log2 of the odds that both are one person)."""
        levels = self.patterns(compared).levels
        columns = {name: pa.array(levels[:, at], pa.int8()) for at, name in enumerate(self._levels)}
        self.tables.put("pattern", pa.table(columns | {"weight": weights.weigh(levels).round(WEIGHT_DIGITS)}))
        self.tables.make(into, f"SELECT l, r, weight FROM {compared} JOIN pattern USING ({', '.join(self._levels)})")

    def count(self, table: str) -> int:
        """Rows of a table."""
        return int(self.tables.rows(f"SELECT count(*) AS n FROM {table}")["n"][0].as_py())

    @property
    def _levels(self) -> list[str]:
        return [f"g{at}" for at in range(len(self.comparisons))]


def shared_by(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """The SQL that conditions of these comparisons share, each once, by its name."""
    return {name: sql for item in comparisons for name, sql in item.shared}


def _pairs_there_are(people: pa.Table, across: bool) -> float:
    sizes = np.array(people["dataset"].value_counts().field("counts").to_pylist(), dtype=float)
    every = people.num_rows * (people.num_rows - 1) / 2
    return max(1.0, every - (sizes * (sizes - 1) / 2).sum() if across else every)


def _dates_say_all(people: pa.Table) -> bool:
    """Whether each year of birth is that of a date."""
    return people["birth_year"].null_count == people["birth_date"].null_count


def _level(comparison: Comparison) -> str:
    cases = " ".join(f"WHEN {level.condition} THEN {at}" for at, level in enumerate(comparison.levels[:-1]))
    return f"(CASE WHEN {comparison.nothing} THEN -1 {cases} ELSE {len(comparison.levels) - 1} END)::TINYINT"
