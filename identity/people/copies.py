"""Rows that say the same over and over, as those of one customer's orders do: a few of them stand for the others.

Compared all, a thousand such rows would be half a million pairs, and a block that is left to other rules.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from identity.people.standard import TEXTS
from identity.sql import query

COPIES = 20
"""So many rows that say the same are compared."""


@dataclass(frozen=True)
class Copies:
    """Which rows are compared, and which stand for those that are not; all by their places.

    Attributes:
        records: How many rows there are.
        kept: Those that are compared.
        others: Those that are not.
        first, last: For each of ``others`` the first and the last row that is compared and says the same.
    """

    records: int
    kept: np.ndarray
    others: np.ndarray
    first: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, people: pa.Table) -> "Copies":
        """Find them; people (``standard.people``) that stand in the order of their ids."""
        said = ", ".join(["dataset", *TEXTS])
        found = query(
            f"""WITH often AS (
                    SELECT i, {said} FROM people QUALIFY count(*) OVER (PARTITION BY hash({said})) > {COPIES}),
                copies AS (
                    SELECT *, row_number() OVER (PARTITION BY {said} ORDER BY i) AS copy FROM often),
                held AS (
                    SELECT i, copy, min(i) OVER same AS first, max(i) FILTER (copy <= {COPIES}) OVER same AS last
                    FROM copies WINDOW same AS (PARTITION BY {said}))
                SELECT i, first, last FROM held WHERE copy > {COPIES} ORDER BY i""",
            people=people.append_column("i", pa.array(np.arange(people.num_rows))),
        )
        others, first, last = (found[name].to_numpy() for name in ("i", "first", "last"))
        return cls(people.num_rows, np.delete(np.arange(people.num_rows), others), others, first, last)

    def of_all(self, clusters: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cluster and the probability of every row, from those of the rows that were compared.

        Rows that say the same are one person if the first and the last that were compared are.
        """
        cluster, sure = np.arange(self.records), np.ones(self.records)
        cluster[self.kept], sure[self.kept] = self.kept[clusters], probability
        one = cluster[self.first] == cluster[self.last]
        cluster[self.others[one]], sure[self.others[one]] = cluster[self.first[one]], sure[self.last[one]]
        return cluster, sure
