"""Which values identify: a value on which too many people or too many records were found says nothing of any.

Nothing is listed by hand here: the people on a value are counted from the data, as the greatest number of
distinct exclusive identifiers (two accounts are two people) or of distinct first names, nicknames counted
once.
"""

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.agree import formal_name
from identity.sql import query

TOO_MANY = "too_many_"
"""How the reason of a value begins that stopped identifying because of what was found on it, not by its form."""


def mark_usable(identifiers: pa.Table, attributes: pa.Table, rules: IdentityRules) -> pa.Table:
    """Mark the values that stop identifying, and say how many people or records were found on them.

    Args:
        identifiers: Rows of identity.identifiers, marked by their form only.
        attributes: record_id and first_name of the records that have one.
        rules: The contract.
    """
    names = attributes["first_name"].to_pylist()
    formal = pa.table(
        {
            "record_id": attributes["record_id"],
            "formal_name": pa.array([name and formal_name(name) for name in names], pa.string()),
        }
    )
    limits = pa.table(
        {
            "identifier": pa.array(list(rules.identifiers), pa.string()),
            "people_allowed": pa.array(
                [rule.stops_identifying_above for rule in rules.identifiers.values()], pa.int64()
            ),
            "holders_allowed": pa.array([rule.holders_above for rule in rules.identifiers.values()], pa.int64()),
        }
    )
    exclusive = pa.table({"identifier": pa.array(list(rules.exclusive), pa.string())})
    return query(
        """WITH usable AS (
               SELECT DISTINCT identifier, value, record_id FROM identifiers WHERE is_usable),
           by_account AS (
               SELECT identifier, value, max(people) AS people FROM (
                   SELECT usable.identifier, usable.value, other.identifier AS kind,
                          count(DISTINCT other.value) AS people
                   FROM usable JOIN usable AS other ON other.record_id = usable.record_id
                   JOIN exclusive ON exclusive.identifier = other.identifier
                   GROUP BY ALL) GROUP BY ALL),
           by_name AS (
               SELECT identifier, value, count(DISTINCT formal_name) AS people, count(*) AS holders
               FROM usable LEFT JOIN formal USING (record_id) GROUP BY ALL),
           counted AS (
               SELECT identifier, value, holders, greatest(by_name.people, coalesce(by_account.people, 0)) AS
               people FROM by_name LEFT JOIN by_account USING (identifier, value)),
           stopped AS (
               SELECT identifier, value,
                      CASE WHEN people > people_allowed
                           THEN printf('too_many_people: %d people found on the value, %d allowed',
                                       people, people_allowed)
                           WHEN holders > holders_allowed
                           THEN printf('too_many_records: %d records found on the value, %d allowed',
                                       holders, holders_allowed)
                      END AS why
               FROM counted JOIN limits USING (identifier))
           SELECT record_id, identifier, value, raw_value, is_usable AND why IS NULL AS is_usable,
                  CASE WHEN is_usable THEN why ELSE reason END AS reason, first_seen, last_seen
           FROM identifiers LEFT JOIN stopped USING (identifier, value)
           ORDER BY record_id, identifier, raw_value""",
        identifiers=identifiers,
        formal=formal,
        limits=limits,
        exclusive=exclusive,
    )
