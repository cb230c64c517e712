"""Whom the orders placed in a browser name: an order is its customer's, and where several ordered, nobody's.

An identifier that the contract marks ``names_visitor``, an order number, ties a browser in which nobody ever logged in
to the customer who bought there. It is believed only as far as the record that carries it is somebody's: such values
identify nobody

- on a record whose values name several people: as many as it takes to hold the other identifiers of the records that
  share them, and in a browser those of the accounts that logged in there, too. Two cards are two people, and so are
  three hundred browsers. Such a browser speaks for none of them: its own id identifies nobody any more, as where two
  accounts were used;
- on a record whose own id identifies nobody: a kiosk, ``anonymous:null``, the card ``0000000000``;
- on a record that holds more of them than a profile may: the till's own card, shown for whoever has none.
"""

from collections.abc import Mapping

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.sql import query
from identity.usable import TOO_MANY

_MARKED = """
    WITH formal AS (  -- whether or not they identify in the end, so that what one record is says nothing of another's
        SELECT DISTINCT record_id, identifier, value FROM identifiers
        WHERE is_usable OR starts_with(reason, $too_many)),
    own AS (
        SELECT record_id, identifier, value, is_usable FROM identifiers ANTI JOIN naming USING (identifier)
        WHERE raw_value = substr(record_id, strpos(record_id, ':') + 1)),
    browsers AS (
        SELECT record_id, 'anonymous:' || min(value) AS browser FROM own
        WHERE identifier IN (SELECT identifier FROM browser) AND starts_with(record_id, 'anonymous:')
        GROUP BY record_id),
    placed AS (  -- a browser in two spellings is one place
        SELECT record_id, identifier, value, coalesce(browser, record_id) AS place
        FROM formal SEMI JOIN naming USING (identifier) LEFT JOIN browsers USING (record_id)),
    held AS (  -- one value a record: who has many of something may have typed them all
        SELECT record_id, identifier AS kind, of_a_profile, min(value) AS held_value
        FROM formal JOIN limits USING (identifier) ANTI JOIN naming USING (identifier) GROUP BY ALL),
    met AS (
        SELECT placed.place, same.record_id
        FROM placed JOIN placed AS same ON same.identifier = placed.identifier AND same.value = placed.value
        UNION
        SELECT place, visited.record_id
        FROM placed JOIN formal AS visited ON visited.identifier IN (SELECT identifier FROM browser)
             AND 'anonymous:' || visited.value = place),
    several AS (
        SELECT place, max(people) AS found
        FROM (SELECT place, ceil(count(DISTINCT held_value) / of_a_profile)::BIGINT AS people
              FROM met JOIN held USING (record_id) GROUP BY place, kind, of_a_profile)
        GROUP BY place HAVING max(people) > 1),
    many AS (
        SELECT record_id, identifier, count(*) AS carried, of_a_profile FROM placed JOIN limits USING (identifier)
        GROUP BY ALL HAVING count(*) > of_a_profile),
    silent AS (SELECT record_id FROM own GROUP BY record_id HAVING NOT bool_or(is_usable)),
    stopped AS (
        SELECT record_id, identifier, value,
               CASE WHEN found IS NOT NULL
                    THEN printf('too_many_people: %d people named on the record, which speaks for none', found)
                    WHEN carried IS NOT NULL
                    THEN printf('too_many_values: %d on the record, a profile may hold %d', carried, of_a_profile)
                    WHEN silent.record_id IS NOT NULL
                    THEN 'of_nobody: the id of the record that holds it identifies nobody'
               END AS why
        FROM placed LEFT JOIN several USING (place) LEFT JOIN many USING (record_id, identifier)
        LEFT JOIN silent USING (record_id)
        UNION ALL
        SELECT record_id, identifier, value,
               printf('too_many_people: %d people found on the value, %d allowed', found, people_allowed)
        FROM formal JOIN several ON place = 'anonymous:' || value JOIN browser USING (identifier)
        WHERE found > people_allowed)
    SELECT record_id, identifier, value, raw_value, is_usable AND why IS NULL AS is_usable,
           CASE WHEN is_usable THEN why ELSE reason END AS reason, first_seen, last_seen
    FROM identifiers LEFT JOIN stopped USING (record_id, identifier, value)
    ORDER BY record_id, identifier, raw_value
"""


def mark_visitors(identifiers: pa.Table, rules: IdentityRules) -> pa.Table:
    """Mark the values that name a visitor where they cannot, and the browsers in which they named several.

    Args:
        identifiers: Rows of identity.identifiers, as ``usable.mark_usable`` marked them.
        rules: The contract.
    """
    limits = {name: rule.limit_per_profile for name, rule in rules.identifiers.items() if rule.limit_per_profile}
    allowed = {
        name: rules.identifiers[name].stops_identifying_above for name in browser(rules)["identifier"].to_pylist()
    }
    return query(
        _MARKED,
        {"too_many": TOO_MANY},
        identifiers=identifiers,
        naming=naming(rules),
        limits=_numbers(limits, "of_a_profile"),
        browser=_numbers(allowed, "people_allowed"),
    )


def naming(rules: IdentityRules) -> pa.Table:
    """The identifiers that name a visitor: identifier."""
    names = [name for name, rule in rules.identifiers.items() if rule.names_visitor]
    return pa.table({"identifier": pa.array(names, pa.string())})


def browser(rules: IdentityRules) -> pa.Table:
    """The identifier of the browser, if the contract speaks of visits: identifier."""
    return pa.table({"identifier": pa.array([rules.visits.browser] if rules.visits else [], pa.string())})


def _numbers(declared: Mapping[str, int | None], name: str) -> pa.Table:
    """One number of the contract for each identifier, as a table."""
    return pa.table(
        {"identifier": pa.array(list(declared), pa.string()), name: pa.array(list(declared.values()), pa.int64())}
    )
