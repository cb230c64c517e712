"""Which values identify: a value on which too many people or too many records were found says nothing of any.

Nothing is listed by hand here: the people on a value are counted from the data, as the greatest of

- the distinct exclusive identifiers: two accounts are two people;
- the distinct first names, nicknames counted once; last names, of records without a first name; birth dates, of
  records without either. A family has several first names and one last name, and one person's records several
  spellings, so that each record counts by the firmest thing it says;
- how many people it takes to hold the other values found there: forty records with forty phones, of which a profile
  may hold six, are seven people at least.

On a value that one person holds by its kind, a card or an account, names and numbers are slips until they are plainly
not: there, only those count as people of whom each contradicts every other (``agree.different_people``).
"""

from itertools import groupby

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.agree import Person, different_people, formal_name
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
    said = said.append_column("formal_name", formal)
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
               SELECT identifier, value, holders, CASE WHEN identifier IN (SELECT identifier FROM one_person)
                      THEN coalesce(torn.people, 1)
                      ELSE greatest(by_name.people, coalesce(by_account.people, 0)) END AS people
               FROM by_name LEFT JOIN by_account USING (identifier, value) LEFT JOIN torn USING (identifier, value)),
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
        said=said,
        limits=limits,
        exclusive=exclusive,
        one_person=pa.table({"identifier": pa.array(list(rules.one_person), pa.string())}),
        torn=_torn(identifiers, said, limits, rules),
    )


def _torn(identifiers: pa.Table, said: pa.Table, limits: pa.Table, rules: IdentityRules) -> pa.Table:
    """The one-person values that more people hold than allowed: identifier, value, and how many are found at least."""
    rows = query(
        """WITH named AS (
               SELECT DISTINCT identifier, value, people_allowed, first_name, last_name, birth_date, formal_name
               FROM identifiers JOIN one_person USING (identifier) JOIN limits USING (identifier)
               JOIN said USING (record_id)
               WHERE is_usable AND people_allowed IS NOT NULL AND first_name IS NOT NULL)
           SELECT identifier, value, people_allowed, first_name, last_name, birth_date FROM named
           QUALIFY count(DISTINCT formal_name) OVER (PARTITION BY identifier, value) > people_allowed
           ORDER BY ALL""",
        identifiers=identifiers,
        said=said,
        limits=limits,
        one_person=pa.table({"identifier": pa.array(list(rules.one_person), pa.string())}),
    ).to_pylist()
    found = []
    for (identifier, value, allowed), told in groupby(
        rows, key=lambda row: (row["identifier"], row["value"], row["people_allowed"])
    ):
        people: list[Person] = []
        for row in told:
            one = Person(row["first_name"], row["last_name"], row["birth_date"])
            if len(people) <= allowed and all(different_people(one, other) for other in people):
                people.append(one)
        found.append({"identifier": identifier, "value": value, "people": len(people)})
    schema = pa.schema([("identifier", pa.string()), ("value", pa.string()), ("people", pa.int64())])
    return pa.Table.from_pylist(found, schema)
