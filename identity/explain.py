"""Why two records are one person, or why they are not, from the evidence that the last run kept."""

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from contracts.records import KINDS
from identity.edges import STEWARD
from identity.evidence import (
    IS_UNLINK,
    TABLES,
    Edge,
    Record,
    edges_where,
    no_profile,
    probability_text,
    profile_of,
    records_of,
)
from identity.lacking import Lacking, what_is_lacking
from identity.paths import best_chain, shortest_path
from identity.standardise import standard_of
from lakehouse.errors import DataError, UsageError

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake


@dataclass(frozen=True)
class Explanation:
    """The answer for two records.

    Attributes:
        verdict: Whether they are of one profile.
        path: For one profile, the linked edges from the left record to the right one. For two, the strongest chain from
            one to the other, whether its edges were used or not: the state of each tells. Empty if there is none.
        probability: For one profile, of the weakest edge on the path; 1.0 for a record and itself.
        obstacle: For two profiles, the decision that keeps them apart, else of the edges of the path that were not
            used one at which a person refused, else the weakest.
        reason: One sentence.
        beside: The edges between the two records themselves that are not on the path: what else was found.
        lacking: For two profiles, what they do not share.
        records: The two, and all on the path.
        left_redirected_from: The retired profile id by which the left record was named; it leads to ``left_profile``.
        right_redirected_from: The same of the right one.
    """

    left: str
    right: str
    left_profile: str
    right_profile: str
    verdict: Literal["same", "apart"]
    path: tuple[Edge, ...]
    probability: float | None
    obstacle: Edge | None
    reason: str
    beside: tuple[Edge, ...]
    lacking: Lacking | None
    records: tuple[Record, ...]
    left_redirected_from: str | None = None
    right_redirected_from: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def explain(lake: "Lake", left: str, right: str, release: int | Literal["live"] = "live") -> Explanation:
    """Explain two records.

    Args:
        lake: The lake.
        left: A name that ``record_of`` knows.
        right: Another one.
        release: The release that is explained, or the tables as the last run left them.

    Raises:
        DataError: If an argument names nobody who is in the lake.
        UsageError: If it is no name.
    """
    with lake.duck(release, only=TABLES) as connection:
        one, other = (record_of(connection, lake, name) for name in (left, right))
        profiles = profile_of(connection, one), profile_of(connection, other)
        if profiles[0] == profiles[1]:
            found = _same(connection, one, other, profiles[0])
        else:
            found = _apart(connection, lake, (one, other), profiles)
    return replace(
        found, left_redirected_from=_retired(left, profiles[0]), right_redirected_from=_retired(right, profiles[1])
    )


def _retired(name: str, profile_id: str) -> str | None:
    """The name, if it is the id of a profile that leads to another."""
    return name if ":" not in name and name != profile_id else None


def record_of(connection: "duckdb.DuckDBPyConnection", lake: "Lake", name: str) -> str:
    """The record that ``name`` means: its id, the id of the profile that it founds or founded, or an identifier.

    Of the records that hold an identifier, the one first seen with it is meant.

    Raises:
        DataError: If nobody in the lake has it.
        UsageError: If it is none of the three.
    """
    found = connection.execute("SELECT record_id FROM identity.records WHERE record_id = ?", [name]).fetchall()
    if found:
        return name
    founder = connection.execute(
        "SELECT record_id FROM identity.assignments WHERE own_profile_id = ?", [name]
    ).fetchall()
    if founder:
        return str(founder[0][0])
    word, _, raw = name.partition(":")
    identifiers = lake.contracts.identity.words
    if raw and word in identifiers:
        holders = _holders(connection, lake, identifiers[word], raw)
        if holders:
            return next(iter(holders))
        where = "identity.identifiers"
        raise DataError(f"no record holds this {identifiers[word]}", where, "check it, or run: clew run")
    known = ", ".join(sorted({*KINDS, *identifiers}))
    where = f"{word}:…" if raw else "the argument"
    unknown = DataError if (raw and word in KINDS) or name.startswith("p_") else UsageError
    raise unknown("no such record", where, f"give a profile id, or what begins with one of: {known}")


def only_record_of(connection: "duckdb.DuckDBPyConnection", lake: "Lake", name: str) -> str:
    """As ``record_of``, for who decides: an identifier must not be that of several people.

    Raises:
        DataError: If nobody in the lake has it, or somebody who has no profile yet.
        UsageError: If it is no name, or that of records of several profiles.
    """
    found = record_of(connection, lake, name)
    word, _, raw = name.partition(":")
    identifier = lake.contracts.identity.words.get(word)
    if found != name and raw and identifier:
        by_profile: dict[str, str] = {}
        for record, profile in _holders(connection, lake, identifier, raw).items():
            if profile is None:
                raise no_profile(record)
            by_profile.setdefault(profile, record)
        if len(by_profile) > 1:
            raise UsageError(
                f"{len(by_profile)} profiles hold this {identifier}",
                f"{word}:…",
                f"name a record of the one that is meant: {', '.join(sorted(by_profile.values())[:10])}",
            )
    return found


def _holders(connection: "duckdb.DuckDBPyConnection", lake: "Lake", identifier: str, raw: str) -> dict[str, str | None]:
    """The records that hold an identifier in any spelling, with their profiles; the one first seen with it first."""
    rules = lake.contracts.identity
    value = standard_of(rules.identifiers[identifier], rules.phone_region)(raw).value
    rows = connection.execute(
        """SELECT record_id, any_value(profile_id)
           FROM identity.identifiers LEFT JOIN identity.assignments USING (record_id)
           WHERE identifier = ? AND value = ?
           GROUP BY record_id ORDER BY bool_or(is_usable) DESC, min(first_seen), record_id""",
        [identifier, value],
    ).fetchall()
    return dict(rows)


def _same(connection: "duckdb.DuckDBPyConnection", one: str, other: str, profile: str) -> Explanation:
    edges = edges_where(connection, "state = 'linked' AND l.profile_id = $one AND r.profile_id = $one", one=profile)
    path = shortest_path(edges, one, other)
    return Explanation(
        one,
        other,
        profile,
        profile,
        "same",
        path,
        min((edge.probability for edge in path), default=1.0),
        None,
        _reason_same(path),
        _beside(connection, (one, other), path),
        None,
        _records(connection, one, other, path),
    )


def _apart(
    connection: "duckdb.DuckDBPyConnection", lake: "Lake", ends: tuple[str, str], profiles: tuple[str, str]
) -> Explanation:
    path = best_chain(connection, ends, profiles)
    decision = _decision(connection, ends, profiles)
    unused = [edge for edge in path if not edge.is_used]
    obstacle = decision or min(unused, key=lambda edge: (not edge.is_refused, edge.match_weight), default=None)
    lacking = what_is_lacking(connection, lake, *profiles, compare=obstacle is None)
    reason = _reason_apart(path, obstacle, lacking)
    beside = _beside(connection, ends, (*path, obstacle) if obstacle else path)
    records = _records(connection, *ends, path)
    return Explanation(*ends, *profiles, "apart", path, None, obstacle, reason, beside, lacking, records)


def _beside(
    connection: "duckdb.DuckDBPyConnection", ends: tuple[str, str], shown: tuple[Edge, ...]
) -> tuple[Edge, ...]:
    """The edges between two records themselves, without those that are shown already."""
    one, other = sorted(ends)  # as an edge names them
    between = "left_record = $one AND right_record = $other"
    return tuple(edge for edge in edges_where(connection, between, one=one, other=other) if edge not in shown)


def _records(
    connection: "duckdb.DuckDBPyConnection", one: str, other: str, path: tuple[Edge, ...]
) -> tuple[Record, ...]:
    return records_of(connection, (one, other, *(record for edge in path for record in edge.ends)))


def _decision(connection: "duckdb.DuckDBPyConnection", ends: tuple[str, str], profiles: tuple[str, str]) -> Edge | None:
    """The decision that keeps two profiles apart; one about the two records themselves before others."""
    between = "((l.profile_id = $one AND r.profile_id = $other) OR (l.profile_id = $other AND r.profile_id = $one))"
    made = edges_where(connection, f"{IS_UNLINK} AND {between}", one=profiles[0], other=profiles[1])
    return min(made, key=lambda edge: set(edge.ends) != set(ends), default=None)


def _reason_same(path: tuple[Edge, ...]) -> str:
    if not path:
        return "it is one record"
    steps = "1 link" if len(path) == 1 else f"{len(path)} links"
    weakest = min(path, key=lambda edge: edge.probability)
    surely = probability_text(weakest.probability)
    return f"one profile by {steps}; the weakest is {weakest.rule} with probability {surely}"


def _reason_apart(path: tuple[Edge, ...], obstacle: Edge | None, lacking: Lacking) -> str:
    if obstacle is not None and obstacle.rule == STEWARD and not obstacle.is_refused:
        return f"decision {obstacle.evidence['decision']} says that they are two people"
    if obstacle is not None:
        stopped = sum(not edge.is_used for edge in path)
        more = f"; the strongest chain of {len(path)} links is stopped in {stopped} places" if stopped > 1 else ""
        state = "awaits review" if obstacle.state == "review" else f"is {obstacle.state}"
        return f"{obstacle.rule} would join them but {state}: {obstacle.reason}{more}"
    if lacking.unusable:
        first = lacking.unusable[0]
        return f"they share only what does not identify: {first['identifier']} ({first['reason']})"
    if lacking.comparison is not None:
        weight, least = lacking.comparison.match_weight, lacking.comparison.review_weight
        return (
            "no evidence: they share no identifier, and the model that compared them found a match weight of "
            f"{weight:.2f}, below {least:.2f}, from which pairs are kept"
        )
    never = "; no blocking rule ever brought them together" if lacking.compared is False else ""
    return f"no evidence: they share no identifier, and nothing else about them is alike enough{never}"
