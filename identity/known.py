"""Pairs of records of which identifiers tell, without the model, whether they are one person.

Two records that hold one value of an identifier that belongs to one person (a loyalty card, an account) are a match;
two that hold different values of one of which a person has one are none. The model sees none of these identifiers, so
what they tell can judge it where nobody has labelled anything. They judge only and never train: people who show their
card in two places are not like the others in every way.
"""

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.sql import query

_COLUMNS = ["record_id", "identifier", "value", "is_usable"]


def known_matches(people: pa.Table, identifiers: pa.Table, rules: IdentityRules) -> pa.Table:
    """Pairs of compared records that are one person, in their order: left_record and right_record.

    Args:
        people: ``model.compared_people``.
        identifiers: identity.identifiers.
        rules: The contract.
    """
    shared = query(
        f"""WITH held AS (
               SELECT DISTINCT record_id, identifier, value FROM identifiers SEMI JOIN people USING (record_id)
               WHERE is_usable AND identifier IN ({_listed(rules.one_person)}))
           SELECT DISTINCT l.record_id AS left_record, r.record_id AS right_record
           FROM held AS l JOIN held AS r USING (identifier, value) WHERE l.record_id < r.record_id ORDER BY ALL""",
        people=people.select(["record_id"]),
        identifiers=identifiers.select(_COLUMNS),
    )
    return query(
        "SELECT * FROM shared ANTI JOIN differing USING (left_record, right_record) ORDER BY ALL",
        shared=shared,
        differing=known_differences(shared, identifiers, rules),
    )


def known_differences(pairs: pa.Table, identifiers: pa.Table, rules: IdentityRules) -> pa.Table:
    """Of ``pairs`` (left_record, right_record), those that are two people, in their order."""
    return query(
        f"""WITH held AS (
               SELECT DISTINCT record_id, identifier, value FROM identifiers
               WHERE is_usable AND identifier IN ({_listed(rules.exclusive)})),
           -- Written out, so that the two sides are never joined by the kind of identifier alone.
           lefts AS MATERIALIZED (SELECT * FROM pairs JOIN held ON record_id = left_record)
           SELECT DISTINCT left_record, right_record FROM (
               SELECT left_record, right_record
               FROM lefts JOIN held AS r ON r.record_id = right_record AND r.identifier = lefts.identifier
               GROUP BY left_record, right_record, r.identifier HAVING NOT bool_or(lefts.value = r.value))
           ORDER BY ALL""",
        pairs=pairs.select(["left_record", "right_record"]),
        identifiers=identifiers.select(_COLUMNS),
    )


def _listed(names: tuple[str, ...]) -> str:
    """Names of the contract as an SQL list."""
    return ", ".join(f"'{name}'" for name in names) or "NULL"
