"""How right clusters are, where somebody knows: pairwise precision and recall against a file of the truth."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from contracts.errors import UsageError
from identity.people.columns import NAMES
from identity.people.read import read_file
from identity.rates import PairCounts
from identity.sql import query

PERSON = ("person_id", "person", "cluster", "cluster_id", "entity_id", "entity", "truth", "true_id", "label")


@dataclass(frozen=True, kw_only=True)
class Score(PairCounts):
    """Pairs of records; between two linked data sets only those across.

    Attributes:
        records: Records whose person is known.
        people: Their people.
        biggest_person, biggest_profile: Most records of one person and in one profile.
    """

    records: int
    people: int
    biggest_person: int
    biggest_profile: int


def read_truth(path: Path, id_column: str = "") -> pa.Table:
    """record_id and person_id, and dataset where the file has it.

    Raises:
        UsageError: If it has no column that names records, or none that names people.
    """
    rows = read_file(path).rows
    by_name = {name.lower(): name for name in rows.column_names}
    guessed = next((by_name[name] for name in NAMES["record_id"].split() if name in by_name), "")
    record = id_column if id_column in rows.column_names else guessed
    person = next((by_name[name] for name in PERSON if name in by_name and by_name[name] != record), "")
    if not record or not person:
        raise UsageError(
            "the truth names no records or no people",
            str(path),
            f"give columns record_id and one of {', '.join(PERSON)}",
        )
    columns = {"record_id": pc.utf8_trim_whitespace(rows[record]), "person_id": rows[person]}
    return pa.table(columns | ({"dataset": rows["dataset"]} if "dataset" in rows.column_names else {}))


def score(clusters: pa.Table, truth: pa.Table, *, across: bool) -> Score:
    """Compare clusters (dataset, record_id, profile_id) with the truth.

    Raises:
        UsageError: If the truth knows none of the records.
    """
    keys = "record_id, dataset" if "dataset" in truth.column_names else "record_id"
    row = query(
        f"""WITH judged AS (
                SELECT c.dataset, profile_id, person_id FROM clusters c JOIN truth USING ({keys})
                WHERE person_id IS NOT NULL),
            counted AS (SELECT dataset, profile_id, person_id, count(*) AS n FROM judged GROUP BY ALL)
            SELECT (SELECT count(*) FROM judged) AS records,
                   (SELECT count(DISTINCT person_id) FROM judged) AS people,
                   {_pairs("person_id", across)} AS true_pairs,
                   {_pairs("profile_id", across)} AS found_pairs,
                   {_pairs("person_id, profile_id", across)} AS right_pairs,
                   (SELECT max(n) FROM (SELECT sum(n) AS n FROM counted GROUP BY person_id)) AS biggest_person,
                   (SELECT max(n) FROM (SELECT sum(n) AS n FROM counted GROUP BY profile_id)) AS biggest_profile""",
        clusters=clusters.select(["dataset", "record_id", "profile_id"]),
        truth=truth,
    ).to_pylist()[0]
    if not row["records"]:
        raise UsageError("the truth knows none of these records", "--truth", "give the truth of this file")
    return Score(**{name: int(value or 0) for name, value in row.items()})


def _pairs(together: str, across: bool) -> str:
    """Pairs of records that agree in ``together``, of different data sets only where that is asked."""

    def within(columns: str) -> str:
        return f"(SELECT coalesce(sum(n * (n - 1) // 2), 0) FROM (SELECT sum(n) AS n FROM counted GROUP BY {columns}))"

    return f"{within(together)} - {within(f'{together}, dataset')}" if across else within(together)
