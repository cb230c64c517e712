"""What two profiles lack in common, where no evidence joins them: attributes, comparisons, identifiers.

Never a value: of an attribute only whether what the two sides say is equal, agrees or differs.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from contracts.identity import NameLikeness
from identity.agree import birth_dates_agree, first_names_agree, last_names_agree
from lakehouse.errors import DataError

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake

Verdict = Literal["equal", "agree", "differ", "one side only", "neither side"]
_ATTRIBUTES = (
    "first_name", "last_name", "birth_date", "street", "postcode", "city", "email", "phone", "loyalty_id",
)  # fmt: skip
_GIVEN = {"name": "first_name, last_name", "birth_date": "birth_date", "address": "street, postcode"}
"""What records may give that speaks for nobody; see ``placeholders``."""
EVERY_WEIGHT = -1000.0
"""No pair of records is as unlike."""


@dataclass(frozen=True)
class Comparison:
    """The most alike pair of records that blocking rules bring together, as the model in use scores it.

    Its edge was not kept, because ``match_weight`` is below ``review_weight``.
    """

    left_record: str
    right_record: str
    match_weight: float
    review_weight: float
    model_version: str
    evidence: dict[str, Any]


@dataclass(frozen=True)
class Lacking:
    """What two profiles do not share.

    Attributes:
        attributes: Each attribute and what the two sides say of it.
        unusable: Identifiers and attributes that both share but that do not identify, each with the reason.
        compared: Whether any blocking rule brings a record of one side together with one of the other; None where that
            was not asked, or the model in use is not there.
        comparison: If so, the best pair.
    """

    attributes: dict[str, Verdict]
    unusable: tuple[dict[str, str], ...]
    compared: bool | None
    comparison: Comparison | None


def what_is_lacking(
    connection: "duckdb.DuckDBPyConnection", lake: "Lake", one: str, other: str, *, compare: bool
) -> Lacking:
    """What two profiles do not share.

    Args:
        connection: Shows ``evidence.TABLES``.
        lake: Says which contract and model are in use.
        one: A profile id.
        other: Another one.
        compare: Whether to score them, which takes a second or two.
    """
    compared, comparison = _compare(connection, lake, one, other) if compare else (None, None)
    alike = lake.contracts.identity.attributes.name_likeness
    attributes = _attributes(connection, one, other, alike)
    return Lacking(attributes, shared_unusable(connection, one, other), compared, comparison)


def shared_unusable(connection: "duckdb.DuckDBPyConnection", one: str, other: str) -> tuple[dict[str, str], ...]:
    """Identifiers that both profiles hold, and attributes that both give, but that do not identify, with the reason."""
    said = " UNION ALL BY NAME ".join(
        f"SELECT record_id, '{name}' AS identifier, concat_ws('|', {value}) AS value, {name}_unusable AS reason "
        f"FROM identity.records WHERE {name}_unusable IS NOT NULL"
        for name, value in _GIVEN.items()
    )
    rows = connection.execute(
        f"""WITH held AS (
               SELECT DISTINCT profile_id, identifier, value, reason
               FROM (SELECT record_id, identifier, value, reason FROM identity.identifiers WHERE NOT is_usable
                     UNION ALL BY NAME {said}) JOIN identity.assignments USING (record_id))
           SELECT DISTINCT identifier, l.reason FROM held AS l JOIN held AS r USING (identifier, value)
           WHERE l.profile_id = ? AND r.profile_id = ? ORDER BY ALL""",
        [one, other],
    ).fetchall()
    return tuple({"identifier": identifier, "reason": reason} for identifier, reason in rows)


def _attributes(
    connection: "duckdb.DuckDBPyConnection", one: str, other: str, alike: NameLikeness
) -> dict[str, Verdict]:
    agreeing: dict[str, Callable[[str, str], bool]] = {
        "first_name": partial(first_names_agree, alike=alike),
        "last_name": partial(last_names_agree, alike=alike),
        "birth_date": birth_dates_agree,
    }
    columns = ", ".join(f"list(DISTINCT {name}::VARCHAR) FILTER ({name} IS NOT NULL)" for name in _ATTRIBUTES)
    said: dict[str, list[list[str] | None]] = {
        profile: list(row)
        for profile, *row in connection.execute(
            f"""SELECT profile_id, {columns} FROM identity.records JOIN (
                    SELECT record_id, profile_id FROM identity.assignments) USING (record_id)
                WHERE profile_id IN ($one, $other) GROUP BY profile_id""",
            {"one": one, "other": other},
        ).fetchall()
    }
    return {
        name: _verdict(said[one][place] or [], said[other][place] or [], agreeing.get(name))
        for place, name in enumerate(_ATTRIBUTES)
    }


def _verdict(mine: list[str], theirs: list[str], agree: Callable[[str, str], bool] | None) -> Verdict:
    if not mine or not theirs:
        return "one side only" if mine or theirs else "neither side"
    if set(mine) & set(theirs):
        return "equal"
    return "agree" if agree and any(agree(a, b) for a in mine for b in theirs) else "differ"


def _compare(
    connection: "duckdb.DuckDBPyConnection", lake: "Lake", one: str, other: str
) -> tuple[bool | None, Comparison | None]:
    # Splink takes a second to import, and only a pair without evidence needs it.
    from identity.model import compared_people, load_model
    from identity.score import probabilistic_edges

    rules = lake.contracts.identity
    try:
        model = load_model(rules.probabilistic.model, lake.settings.models)
    except DataError:
        return None, None
    of_record = dict(
        connection.execute(
            "SELECT record_id, profile_id FROM identity.assignments WHERE profile_id IN (?, ?)", [one, other]
        ).fetchall()
    )
    records = connection.sql(
        "SELECT * FROM identity.records WHERE list_contains($wanted, record_id)", params={"wanted": sorted(of_record)}
    ).to_arrow_table()
    scored = [
        edge
        for edge in probabilistic_edges(compared_people(records), model, EVERY_WEIGHT).to_pylist()
        if of_record[edge["left_record"]] != of_record[edge["right_record"]]
    ]
    if not scored:
        return False, None
    best = min(scored, key=lambda edge: (-edge["match_weight"], edge["left_record"], edge["right_record"]))
    return True, Comparison(
        best["left_record"],
        best["right_record"],
        best["match_weight"],
        rules.probabilistic.review_weight,
        best["model_version"],
        json.loads(best["evidence"]),
    )
