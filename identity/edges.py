"""Deterministic edges: which records a shared value joins, and which it must not.

On a value that one person holds, every record is joined to the eldest on it (n - 1 edges, not n²). A value
on which the records contradict each other is *contested*: there, only records whose names say that they are
one person are joined, and a record without a name is joined only where the tenancy of the value leaves one
person for it. What is not joined is kept as a blocked edge with its reason. Eldest means first seen with the
value: it depends on the events, never on the order in which they arrived.
"""

import hashlib
import hmac
from collections.abc import Iterable
from math import log2
from typing import Any

import pyarrow as pa

from contracts.identity import Attributes, IdentityRules
from identity.agree import Person, contradiction, same_person
from identity.infer import mark_inferred
from identity.sql import query
from lakehouse.keyed import keyed_hash, keys

EDGE_COLUMNS = (
    "left_record", "right_record", "kind", "rule", "priority", "match_weight", "probability", "evidence",
    "model_version", "blocked",
)  # fmt: skip

HASH_DIGITS = 16

STEWARD = "steward"
"""The rule of an edge that somebody decided; it comes before all others."""

_HOLDERS = """
    SELECT identifier, value, record_id, min(first_seen) AS first_seen, max(last_seen) AS last_seen
    FROM identifiers WHERE is_usable GROUP BY identifier, value, record_id
    QUALIFY count(*) OVER (PARTITION BY identifier, value) > 1
"""

_SIGNATURE_PAIRS = """
    WITH signed AS (
        SELECT DISTINCT identifier, value, signature
        FROM holders JOIN signatures USING (record_id) JOIN rules USING (identifier)
        WHERE NOT one_person)
    SELECT DISTINCT a.signature AS a, b.signature AS b
    FROM signed a JOIN signed b USING (identifier, value) WHERE a.signature < b.signature
"""

_PROPOSED = """
    WITH signed AS (
        SELECT holders.*, signature, is_named, person_key, one_person, gap_days, still_held,
               row_number() OVER eldest AS age,
               max(last_seen) OVER (eldest ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS seen_until
        FROM holders JOIN rules USING (identifier) LEFT JOIN signatures USING (record_id)
        WINDOW eldest AS (PARTITION BY identifier, value ORDER BY first_seen, record_id)),
    aged AS (
        SELECT *, sum(CASE WHEN gap_days IS NOT NULL
                            AND first_seen > seen_until + to_days(gap_days::INTEGER) THEN 1 ELSE 0 END)
                  OVER (PARTITION BY identifier, value ORDER BY age) AS tenancy
        FROM signed),
    present AS (SELECT DISTINCT identifier, value, signature FROM aged WHERE signature IS NOT NULL),
    contested AS (
        SELECT DISTINCT identifier, value
        FROM present a JOIN present b USING (identifier, value)
        JOIN verdicts ON verdicts.a = a.signature AND verdicts.b = b.signature
        JOIN rules USING (identifier)
        WHERE verdicts.contradiction IS NOT NULL AND NOT one_person),
    placed AS (
        SELECT aged.*, contested.value IS NOT NULL AS is_contested,
               row_number() OVER (PARTITION BY identifier, value, tenancy ORDER BY age) AS age_in_tenancy
        FROM aged LEFT JOIN contested USING (identifier, value)),
    same_people AS (
        SELECT a, b FROM verdicts WHERE is_same
        UNION ALL SELECT b, a FROM verdicts WHERE is_same
        UNION ALL SELECT signature, signature FROM signatures WHERE is_named AND NOT is_filler GROUP BY ALL),
    torn AS (  -- who says too little agrees with several people, and is none of them for sure
        SELECT s.identifier, s.value, s.signature
        FROM present s JOIN contested USING (identifier, value) JOIN said ON said.signature = s.signature
        JOIN same_people x ON x.a = s.signature JOIN same_people y ON y.a = s.signature
        JOIN present a ON a.identifier = s.identifier AND a.value = s.value AND a.signature = x.b
        JOIN present b ON b.identifier = s.identifier AND b.value = s.value AND b.signature = y.b
        JOIN verdicts v ON v.a = a.signature AND v.b = b.signature
        WHERE v.contradiction = 'birth dates differ' AND NOT is_dated
           OR v.contradiction = 'first names differ' AND is_initial
           OR v.contradiction = 'generations differ' AND NOT has_generation
        GROUP BY ALL),
    confirmed AS (
        SELECT r.identifier, r.value, r.record_id, arg_min(e.record_id, e.age) AS hub
        FROM placed r JOIN placed e ON e.identifier = r.identifier AND e.value = r.value AND e.age < r.age
        JOIN same_people ON same_people.a = r.signature AND same_people.b = e.signature
        WHERE (r.is_contested OR r.tenancy > 0) AND NOT EXISTS (
            FROM torn WHERE torn.identifier = r.identifier AND torn.value = r.value
                        AND torn.signature IN (r.signature, e.signature))
        GROUP BY ALL),
    named AS (
        SELECT p.identifier, p.value, coalesce(hub, p.record_id) AS person,
               min(first_seen) AS since, max(last_seen) AS until
        FROM placed p LEFT JOIN confirmed USING (identifier, value, record_id)
        WHERE is_contested AND is_named AND gap_days IS NOT NULL GROUP BY ALL),
    people AS (  -- an account or a family name is a person of its own where nobody with a first name was then
        FROM named UNION ALL
        SELECT p.identifier, p.value, arg_min(record_id, age) AS person, min(first_seen), max(last_seen)
        FROM placed p WHERE is_contested AND NOT is_named AND person_key IS NOT NULL AND gap_days IS NOT NULL
             AND NOT EXISTS (FROM named n WHERE n.identifier = p.identifier AND n.value = p.value
                             AND n.since <= p.last_seen AND n.until >= p.first_seen)
        GROUP BY p.identifier, p.value, person_key),
    turns AS (
        SELECT people.*, signature AS tenant_signature, max(until) OVER (
                   turn ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before,
               lead(since) OVER turn AS next_since
        FROM people JOIN placed ON placed.identifier = people.identifier AND placed.value = people.value
             AND placed.record_id = people.person
        WINDOW turn AS (PARTITION BY people.identifier, people.value ORDER BY since, person)),
    tenants AS (  -- after a turn the value is still that person's for a while, then nobody knows whose
        SELECT r.identifier, r.value, r.record_id, min(t.person) AS tenant
        FROM placed r JOIN turns t ON t.identifier = r.identifier AND t.value = r.value AND r.first_seen >= t.since
             AND (t.next_since IS NULL AND r.first_seen <= t.until + to_days(r.gap_days::INTEGER)
                  OR epoch_us(r.last_seen) - epoch_us(t.until)
                     <= (epoch_us(t.next_since) - epoch_us(t.until)) * r.still_held)
        LEFT JOIN verdicts ON verdicts.a = r.signature AND verdicts.b = t.tenant_signature
        WHERE r.is_contested AND NOT coalesce(r.is_named, false) AND t.person <> r.record_id
          AND verdicts.contradiction IS NULL
          AND NOT EXISTS (FROM turns o WHERE o.identifier = r.identifier AND o.value = r.value
                          AND o.before IS NOT NULL AND o.before >= o.since)
        GROUP BY ALL HAVING count(*) = 1),
    hubs AS (
        SELECT identifier, value, record_id AS hub, signature AS hub_signature FROM placed WHERE age = 1),
    tenancy_hubs AS (
        SELECT identifier, value, tenancy, record_id AS tenancy_hub FROM placed WHERE age_in_tenancy = 1),
    decided AS (
        SELECT p.*, h.hub,
            CASE WHEN is_contested THEN coalesce(confirmed.hub, tenant, h.hub)
                 WHEN tenancy = 0 THEN h.hub
                 WHEN age_in_tenancy > 1 THEN tenancy_hub
                 ELSE coalesce(confirmed.hub, h.hub) END AS partner,
            CASE WHEN is_contested THEN CASE
                      WHEN confirmed.hub IS NOT NULL OR tenant IS NOT NULL THEN NULL
                      WHEN verdicts.contradiction IS NOT NULL
                      THEN 'contested: ' || verdicts.contradiction || ' on one ' || p.identifier
                      ELSE 'ambiguous: the ' || p.identifier || ' has several people and nothing tells whose this is'
                      END
                 WHEN tenancy > 0 AND age_in_tenancy = 1 AND confirmed.hub IS NULL
                 THEN printf('lapsed: the %s was unseen for more than %d days and may have changed hands',
                             p.identifier, gap_days)
                 END AS blocked,
            CASE WHEN NOT is_contested THEN 'shared value'
                 WHEN confirmed.hub IS NOT NULL THEN 'shared value and name'
                 WHEN tenant IS NOT NULL THEN 'shared value within its tenancy' ELSE 'shared value' END AS how
        FROM placed p JOIN hubs h USING (identifier, value)
        LEFT JOIN tenancy_hubs USING (identifier, value, tenancy)
        LEFT JOIN confirmed USING (identifier, value, record_id)
        LEFT JOIN tenants USING (identifier, value, record_id)
        LEFT JOIN verdicts ON verdicts.a = p.signature AND verdicts.b = h.hub_signature
        WHERE p.age > 1),
    beside AS (  -- the eldest holder may be somebody's from whom this one is kept apart: then any other will do; in
                 -- earlier tenancies, as ever, any whose name says so, and only to who comes first after the gap
        SELECT r.identifier, r.value, r.record_id, r.first_seen, r.last_seen, e.record_id AS partner,
               NULL::VARCHAR AS blocked,
               CASE WHEN r.is_contested THEN 'shared value and name' ELSE 'shared value' END AS how
        FROM placed r JOIN placed e ON e.identifier = r.identifier AND e.value = r.value AND e.age < r.age
        LEFT JOIN same_people ON same_people.a = r.signature AND same_people.b = e.signature
        WHERE (r.identifier, r.value) IN (SELECT (identifier, value) FROM holders SEMI JOIN apart USING (record_id))
          AND CASE WHEN r.is_contested
                   THEN same_people.a IS NOT NULL AND NOT EXISTS (
                       FROM torn WHERE torn.identifier = r.identifier AND torn.value = r.value
                                   AND torn.signature IN (r.signature, e.signature))
                   ELSE r.tenancy = e.tenancy OR r.age_in_tenancy = 1 AND same_people.a IS NOT NULL END),
    found AS (
        SELECT identifier, value, record_id, first_seen, last_seen, partner, blocked, how FROM decided
        UNION ALL FROM beside ANTI JOIN decided USING (identifier, value, record_id, partner))
    SELECT d.identifier, d.value, d.record_id, d.first_seen, d.last_seen, partner, other.first_seen AS partner_first,
           other.last_seen AS partner_last, blocked, how
    FROM found d JOIN holders other ON other.identifier = d.identifier AND other.value = d.value
         AND other.record_id = d.partner
    WHERE d.partner <> d.record_id
    ORDER BY d.identifier, d.value, d.record_id, partner
"""


def _as_json(moment: str) -> str:
    """SQL for a moment as JSON, in ISO 8601; of its fractions only those that it has."""
    return f"""'"' || strftime({moment}, '%Y-%m-%dT%H:%M:%S') || CASE WHEN epoch_us({moment}) % 1000000 = 0 THEN ''
               ELSE strftime({moment}, '.%f') END || '+00:00"'"""


_EVIDENCE = f"""
    WITH told AS (
        SELECT *, least(record_id, partner) AS left_record, greatest(record_id, partner) AS right_record,
               left({keyed_hash("identifier || ':' || value")}, {HASH_DIGITS}) AS value_hash,
               {_as_json("first_seen")} || ', ' || {_as_json("last_seen")} AS of_record,
               {_as_json("partner_first")} || ', ' || {_as_json("partner_last")} AS of_partner
        FROM proposed, keys),
    shown AS (  -- by side and not by record id: a sender may use addresses as user ids
        SELECT left_record, right_record, identifier, blocked, value_hash,
               '{{"blocked": ' || coalesce(to_json(blocked)::VARCHAR, 'null') || ', "how": ' || to_json(how)
               || ', "seen": {{"left": [' || CASE WHEN record_id = left_record THEN of_record ELSE of_partner END
               || '], "right": [' || CASE WHEN record_id = left_record THEN of_partner ELSE of_record END
               || ']}}, "value_hash": "' || value_hash || '"}}' AS shared
        FROM told)
    SELECT left_record, right_record, 'deterministic' AS kind, identifier AS rule, priority, match_weight, probability,
           '{{"identifier": ' || to_json(identifier) || ', "values": ['
           || string_agg(shared, ', ' ORDER BY blocked IS NOT NULL, value_hash) || ']}}' AS evidence,
           $model_version AS model_version,
           list(blocked ORDER BY blocked IS NOT NULL, value_hash)[1] AS blocked
    FROM shown JOIN rules USING (identifier)
    GROUP BY left_record, right_record, identifier, priority, match_weight, probability
    ORDER BY left_record, right_record, identifier
"""


def deterministic_edges(
    records: pa.Table, identifiers: pa.Table, rules: IdentityRules, key: bytes, apart: Iterable[str] = ()
) -> pa.Table:
    """Edges between records that share a usable value, with EDGE_COLUMNS.

    Args:
        records: identity.records.
        identifiers: identity.identifiers, marked usable or not.
        rules: The contract.
        key: Keys the hash that stands for the value in the evidence, since a bare hash of a phone can be
            reversed.
        apart: Records that somebody decided to keep apart from others. On a value that one of them holds, each two
            holders are joined, since those who lose the eldest have still each other.
    """
    declared = _rule_table(rules)
    holders = query(_HOLDERS, identifiers=identifiers)
    signatures, people = _signatures(records, identifiers, rules)
    pairs = query(_SIGNATURE_PAIRS, holders=holders, signatures=signatures, rules=declared)
    verdicts, said = _verdicts(pairs, people, rules.attributes), _said(people)
    proposed = query(
        _PROPOSED,
        holders=holders,
        signatures=signatures,
        rules=declared,
        verdicts=verdicts,
        said=said,
        apart=pa.table({"record_id": pa.array(sorted(set(apart)), pa.string())}),
    )
    return mark_inferred(_with_evidence(proposed, rules, key), rules)


def _rule_table(rules: IdentityRules) -> pa.Table:
    declared = rules.identifiers
    return pa.table(
        {
            "identifier": pa.array(list(declared), pa.string()),
            "one_person": pa.array([rule.one_person for rule in declared.values()], pa.bool_()),
            "gap_days": pa.array([rule.gap_days for rule in declared.values()], pa.int64()),
            "still_held": pa.array([rule.still_held for rule in declared.values()], pa.float64()),
        }
    )


def _signatures(records: pa.Table, identifiers: pa.Table, rules: IdentityRules) -> tuple[pa.Table, list[Person]]:
    """Number the distinct things that records say of their person; a record that says nothing has no number."""
    rows = query(
        """SELECT record_id, first_name, last_name, strftime(birth_date, '%Y-%m-%d') AS birth_date,
                  coalesce(list_sort(list(DISTINCT identifier || '=' || value)
                           FILTER (identifier IN (SELECT identifier FROM exclusive))), []) AS exclusive,
                  name_unusable IS NOT NULL AS is_filler
           FROM records LEFT JOIN (FROM identifiers WHERE is_usable) USING (record_id)
           GROUP BY ALL HAVING coalesce(first_name, last_name, birth_date) IS NOT NULL OR len(exclusive) > 0
           ORDER BY record_id""",
        records=records,
        identifiers=identifiers,
        exclusive=pa.table({"identifier": pa.array(list(rules.exclusive), pa.string())}),
    ).to_pylist()
    numbers: dict[Person, int] = {}
    of_record = []
    for row in rows:
        exclusive = frozenset(row["exclusive"])
        person = Person(row["first_name"], row["last_name"], row["birth_date"], exclusive, row["is_filler"])
        of_record.append(numbers.setdefault(person, len(numbers)))
    people = list(numbers)
    table = pa.table(
        {
            "record_id": pa.array([row["record_id"] for row in rows], pa.string()),
            "signature": pa.array(of_record, pa.int64()),
            "is_named": pa.array([people[number].is_named for number in of_record], pa.bool_()),
            "is_filler": pa.array([people[number].is_filler for number in of_record], pa.bool_()),
            "person_key": pa.array([people[number].key for number in of_record], pa.string()),
        }
    )
    return table, people


def _said(people: list[Person]) -> pa.Table:
    """How much each signature says: a birth date, no more of the first name than a letter, a Jr or Sr."""
    return pa.table(
        {
            "signature": pa.array(range(len(people)), pa.int64()),
            "is_dated": pa.array([person.birth_date is not None for person in people], pa.bool_()),
            "is_initial": pa.array([len(person.first_name or "") == 1 for person in people], pa.bool_()),
            "has_generation": pa.array([person.generation is not None for person in people], pa.bool_()),
        }
    )


def _verdicts(pairs: pa.Table, people: list[Person], rules: Attributes) -> pa.Table:
    """For each pair of signatures that meet on a value, both ways round: one person, or impossible?"""
    columns: dict[str, list[Any]] = {"a": [], "b": [], "is_same": [], "contradiction": []}
    for a, b in zip(pairs["a"].to_pylist(), pairs["b"].to_pylist(), strict=True):
        one_side, other_side = people[a], people[b]
        why, is_same = contradiction(one_side, other_side, rules), same_person(one_side, other_side, rules)
        for one, other in ((a, b), (b, a)):
            for column, item in zip(columns.values(), (one, other, is_same, why), strict=True):
                column.append(item)
    types = {"a": pa.int64(), "b": pa.int64(), "is_same": pa.bool_(), "contradiction": pa.string()}
    return pa.table({name: pa.array(items, types[name]) for name, items in columns.items()})


def _with_evidence(proposed: pa.Table, rules: IdentityRules, key: bytes) -> pa.Table:
    """One edge for a pair and rule; a pair that shares several values of an identifier shows them all."""
    declared = rules.identifiers
    return query(
        _EVIDENCE,
        {"model_version": f"rules-{rules.version}"},
        proposed=proposed,
        keys=keys(key),
        rules=pa.table(
            {
                "identifier": pa.array(list(declared), pa.string()),
                "priority": pa.array([rule.priority for rule in declared.values()], pa.int64()),
                "match_weight": pa.array([odds_weight(rule.reliability) for rule in declared.values()], pa.float64()),
                "probability": pa.array([rule.reliability for rule in declared.values()], pa.float64()),
            }
        ),
    )


def odds_weight(probability: float) -> float:
    """A probability as match weight: log2 of its odds."""
    return round(log2(probability / (1 - probability)), 6)


def value_hash(key: bytes, identifier: str, value: str) -> str:
    """What stands for a value in evidence: the same value has the same hash within one lake."""
    return hmac.new(key, f"{identifier}:{value}".encode(), hashlib.sha256).hexdigest()[:HASH_DIGITS]


def edge_table(columns: dict[str, list[Any]]) -> pa.Table:
    """A table with EDGE_COLUMNS and their types."""
    numbers = {"priority": pa.int64(), "match_weight": pa.float64(), "probability": pa.float64()}
    return pa.table({name: pa.array(columns[name], numbers.get(name, pa.string())) for name in EDGE_COLUMNS})
