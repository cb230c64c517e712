"""Which values identify: a value on which too many people or too many records were found says nothing of any.

Nothing is listed by hand here: the people on a value are counted from the data, as the greatest of

- the distinct exclusive identifiers: two accounts are two people;
- the distinct first names, nicknames counted once; last names, of records without a first name; birth dates, of
  records without either. A family has several first names and one last name, and one person's records several
  spellings, so that each record counts by the firmest thing it says;
- how many people it takes to hold the other values found there: forty records with forty phones, of which a profile
  may hold six, are seven people at least.
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
        attributes: record_id, first_name, last_name and birth_date of the records that say something.
        rules: The contract.
    """
    said = attributes.select(["record_id", "first_name", "last_name", "birth_date"])
    formal = pa.array([name and formal_name(name) for name in said["first_name"].to_pylist()], pa.string())
    limits = pa.table(
        {
            "identifier": pa.array(list(rules.identifiers), pa.string()),
            "people_allowed": pa.array(
                [rule.stops_identifying_above for rule in rules.identifiers.values()], pa.int64()
            ),
            "holders_allowed": pa.array([rule.holders_above for rule in rules.identifiers.values()], pa.int64()),
            "of_a_profile": pa.array([rule.limit_per_profile for rule in rules.identifiers.values()], pa.int64()),
        }
    )
    exclusive = pa.table({"identifier": pa.array(list(rules.exclusive), pa.string())})
    return query(
        """WITH usable AS (
               SELECT DISTINCT identifier, value, record_id FROM identifiers WHERE is_usable),
           others AS (
               SELECT usable.identifier, usable.value, usable.record_id, other.identifier AS kind,
                      other.value AS other_value, of_a_profile
               FROM usable JOIN usable AS other ON other.record_id = usable.record_id
                    AND other.identifier <> usable.identifier
               JOIN limits ON limits.identifier = other.identifier WHERE of_a_profile IS NOT NULL),
           by_account AS (
               SELECT identifier, value, max(people) AS people FROM (
                   SELECT identifier, value, kind, count(DISTINCT other_value) AS people
                   FROM others WHERE kind IN (SELECT identifier FROM exclusive) GROUP BY ALL
                   UNION ALL BY NAME  -- one value a record: who has many of something may have typed them all
                   SELECT identifier, value, kind, ceil(count(DISTINCT one_value) / of_a_profile)::BIGINT AS people
                   FROM (SELECT identifier, value, kind, of_a_profile, min(other_value) AS one_value
                         FROM others GROUP BY identifier, value, kind, of_a_profile, record_id)
                   GROUP BY identifier, value, kind, of_a_profile)
               GROUP BY ALL),
           by_name AS (
               SELECT identifier, value, count(*) AS holders, greatest(
                          count(DISTINCT formal_name),
                          count(DISTINCT last_name) FILTER (first_name IS NULL),
                          count(DISTINCT birth_date) FILTER (first_name IS NULL AND last_name IS NULL)) AS people
               FROM usable LEFT JOIN said USING (record_id) GROUP BY ALL),
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
        said=said.append_column("formal_name", formal),
        limits=limits,
        exclusive=exclusive,
    )
