"""Whose each visit was: on a browser or device that several accounts used in turn, the log-ins say it.

Such a browser joins no records, since it speaks for none of its accounts. But from a log-in on, until another account
logs in, its visits are that account's: a *spell*. Before the first log-in they are nobody's, because whoever used the
browser then may never have logged in. A spell holds for the events that lie in it; the anonymous record keeps its own
profile for the others.

A spell is *inferred*: it says who was there last, not who is there.
"""

from typing import TYPE_CHECKING

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.decisions import Decision
from identity.edges import value_hash
from identity.sql import query
from identity.usable import TOO_MANY

if TYPE_CHECKING:
    from lakehouse.lake import Lake

_PAIRS = "STRUCT(identifier VARCHAR, raw_value VARCHAR)[]"
_PEOPLE = """
    people AS (
        SELECT record_id, min(value) AS person FROM identifiers
        WHERE identifier = $account AND is_usable GROUP BY record_id)
"""

_SHARED = f"""
    WITH {_PEOPLE},
    held AS (
        SELECT DISTINCT identifier, value, raw_value, record_id FROM identifiers
        WHERE is_usable OR regexp_matches(reason, $too_many)),
    shared AS (
        SELECT identifier, value, people_allowed, count(DISTINCT person) AS accounts
        FROM held JOIN stitched USING (identifier) JOIN people USING (record_id)
        GROUP BY ALL HAVING accounts BETWEEN 2 AND people_allowed)
    SELECT DISTINCT identifier, raw_value, value, accounts FROM held JOIN shared USING (identifier, value)
    ORDER BY identifier, raw_value
"""

_STITCHES = f"""
    WITH {_PEOPLE},
    moments AS (  -- of two accounts at one instant neither counts
        SELECT identifier, value, occurred_at AS since, min(record_id) AS account_record,
               CASE WHEN count(DISTINCT person) = 1 THEN min(person) END AS person
        FROM logins JOIN shared USING (identifier, raw_value) JOIN people USING (record_id) GROUP BY ALL),
    changes AS (
        SELECT *, lag(person) OVER along IS NOT DISTINCT FROM person AND row_number() OVER along > 1 AS goes_on
        FROM moments WINDOW along AS (PARTITION BY identifier, value ORDER BY since)),
    spells AS (
        SELECT *, lead(since) OVER (PARTITION BY identifier, value ORDER BY since) AS until
        FROM changes WHERE NOT goes_on),
    held AS (
        SELECT DISTINCT record_id, identifier, raw_value FROM identifiers JOIN stitched USING (identifier)
        WHERE starts_with(record_id, 'anonymous:')),
    with_log_ins AS (
        SELECT value FROM identifiers JOIN people USING (record_id) WHERE identifier = $browser),
    visits AS (  -- a visitor who never logged in has the log-ins of their one device
        SELECT record_id, identifier, raw_value FROM held
        WHERE identifier = $browser AND record_id = 'anonymous:' || raw_value
        UNION ALL
        SELECT record_id, any_value(identifier), any_value(raw_value) FROM held
        WHERE identifier <> $browser AND record_id NOT IN (
            SELECT record_id FROM identifiers JOIN with_log_ins USING (value) WHERE identifier = $browser)
        GROUP BY record_id HAVING count(*) = 1),
    apart AS (
        SELECT l.profile_id AS one, r.profile_id AS other FROM settled
        JOIN assignments l ON l.record_id = left_record JOIN assignments r ON r.record_id = right_record
        WHERE action = 'unlink'),
    undecided AS (
        SELECT * FROM visits WHERE NOT EXISTS (
            FROM settled WHERE action = 'link' AND visits.record_id IN (left_record, right_record)))
    SELECT visit.record_id, since, until, account_record, 'inferred' AS kind, probability,
           json_object('accounts', accounts, 'identifier', identifier, 'value_hash', value_hash)::VARCHAR AS evidence
    FROM undecided AS visit JOIN shared USING (identifier, raw_value) JOIN hashes USING (identifier, value)
    JOIN spells USING (identifier, value)
    JOIN stitched USING (identifier)
    JOIN assignments v ON v.record_id = visit.record_id JOIN assignments a ON a.record_id = account_record
    WHERE person IS NOT NULL AND v.refused_by IS NULL AND a.refused_by IS NULL AND NOT EXISTS (
        FROM apart WHERE (one, other) IN ((v.profile_id, a.profile_id), (a.profile_id, v.profile_id)))
    ORDER BY record_id, since
"""


def read_by_stitches(rules: IdentityRules) -> list[str]:
    """The identifiers of which spells depend: accounts, browsers, and all that the contract stitches."""
    return sorted({*_stitched(rules)["identifier"].to_pylist(), *_told_by(rules).values()} - {None})


def shared_values(identifiers: pa.Table, rules: IdentityRules) -> pa.Table:
    """The values on which several accounts logged in, and no more than the contract allows.

    Returns:
        identifier, raw_value, value (its standard form), accounts (how many).
    """
    values = {"too_many": f"^{TOO_MANY}", "account": _told_by(rules)["account"]}
    return query(_SHARED, values, identifiers=identifiers, stitched=_stitched(rules))


def read_logins(lake: "Lake", shared: pa.Table) -> pa.Table:
    """The events with an account on the shared values: identifier, raw_value, record_id, occurred_at."""
    with lake.quick("silver.events") as connection:
        connection.register("shared", shared)
        return connection.sql(
            f"""WITH carried AS (
                    SELECT record_id, occurred_at, [{", ".join(_carried(lake))}]::{_PAIRS} AS pairs FROM silver.events)
                SELECT DISTINCT identifier, raw_value, record_id, occurred_at
                FROM (SELECT record_id, occurred_at, unnest(pairs, recursive := true)
                      FROM carried WHERE starts_with(record_id, 'account:'))
                JOIN shared USING (identifier, raw_value)"""
        ).to_arrow_table()


def spells_under(
    lake: "Lake", identifiers: pa.Table, assignments: pa.Table, rules: IdentityRules, decisions: list[Decision]
) -> pa.Table:
    """identity.stitches as the rules make it of the lake's events and of these identifiers and assignments.

    Args:
        lake: Has the events.
        identifiers: As ``stitches`` takes them.
        assignments: Likewise.
        rules: The contract in use, or another one to compare with.
        decisions: The links and unlinks that stand.
    """
    shared = shared_values(identifiers, rules)
    key = lake.settings.identity_key
    return stitches(identifiers, assignments, shared, read_logins(lake, shared), rules, key, decisions)


def stitches(
    identifiers: pa.Table,
    assignments: pa.Table,
    shared: pa.Table,
    logins: pa.Table,
    rules: IdentityRules,
    key: bytes,
    decisions: list[Decision],
) -> pa.Table:
    """The spells of identity.stitches.

    Who refused that their records are put together has none. What a steward decided stands before them: a visit that
    was linked stays where it is, and none is given to somebody from whom it was unlinked.

    Args:
        identifiers: identity.identifiers.
        assignments: identity.assignments.
        shared: As ``shared_values`` gives it.
        logins: As ``read_logins`` gives it.
        rules: The contract.
        key: Keys the hash that stands for the value in the evidence.
        decisions: The links and unlinks that stand.
    """
    values = query("SELECT DISTINCT identifier, value FROM shared ORDER BY ALL", shared=shared)
    hashes = [value_hash(key, row["identifier"], row["value"]) for row in values.to_pylist()]
    settled = {name: [getattr(item, name) for item in decisions] for name in ("action", "left_record", "right_record")}
    return query(
        _STITCHES,
        _told_by(rules),
        identifiers=identifiers,
        assignments=assignments.select(["record_id", "profile_id", "refused_by"]),
        shared=shared,
        logins=logins,
        stitched=_stitched(rules),
        hashes=values.append_column("value_hash", pa.array(hashes, pa.string())),
        settled=pa.table({name: pa.array(cells, pa.string()) for name, cells in settled.items()}),
    )


def _told_by(rules: IdentityRules) -> dict[str, str | None]:
    """The identifiers of the browser and of the account, if the contract speaks of visits."""
    visits = rules.visits
    return {"browser": visits.browser, "account": visits.account} if visits else {"browser": None, "account": None}


def _stitched(rules: IdentityRules) -> pa.Table:
    """The identifiers whose log-ins tell whose a visit was, with what the contract says of each."""
    declared = {name: rule.between_logins for name, rule in rules.identifiers.items() if rule.between_logins}
    return pa.table(
        {
            "identifier": pa.array(list(declared), pa.string()),
            "people_allowed": pa.array([spell.stops_above for spell in declared.values()], pa.int64()),
            "probability": pa.array([spell.reliability for spell in declared.values()], pa.float64()),
        }
    )


def _carried(lake: "Lake") -> list[str]:
    """Where events carry the stitched identifiers, by the contracts of their sources, as pairs of name and value."""
    rules = lake.contracts.identity
    found = (
        {f"{{'identifier': {_text(rules.visits.browser)}, 'raw_value': trim(anonymous_id)}}"} if rules.visits else set()
    )
    stitched = set(_stitched(rules)["identifier"].to_pylist())
    for source in lake.contracts.sources.values():
        for carried in source.identifiers:
            first, _, rest = carried.path.partition(".")
            if carried.identifier in stitched and first == "context":
                name, _, inner = rest.partition(".")
                value = f"context[{_text(name)}]"
                if inner:
                    value = f"json_extract_string({value}, {_text('$.' + inner)})"
                found.add(f"{{'identifier': {_text(carried.identifier)}, 'raw_value': trim({value})}}")
    return sorted(found)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
