"""Which values identify: a value on which too many people or too many records were found says nothing of any.

Nothing is listed by hand here: the people on a value are counted from the data, as the greatest of

- the distinct first names, those that can be one person's counted once; last names, of records without a first name;
  birth dates, of records without either. A family has several first names and one last name, and one person's records
  several spellings, so that each record counts by the firmest thing it says;
- how many people it takes to hold the other values found there: two accounts are two people, and forty records with
  forty phones, of which a profile may hold six, are seven at least.

On a value that one person holds by its kind, a card or an account, names and numbers are slips until they are plainly
not: there, only those count as people of whom each contradicts every other (``agree.different_people``).
"""

from itertools import groupby

import pyarrow as pa

from contracts.identity import IdentityRules, NameLikeness
from identity.agree import Person, different_people, first_names_confirm, formal_name
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
    named = identifiers.select(["identifier", "value", "record_id", "is_usable"])
    said = said.append_column("formal_name", formal)
    spelled = _people_by_first_name(named, said, limits, rules.attributes.name_likeness)
    return query(
        """WITH usable AS (
               SELECT DISTINCT identifier, value, record_id FROM identifiers WHERE is_usable),
           others AS (
               SELECT usable.identifier, usable.value, usable.record_id, other.identifier AS kind,
                      other.value AS other_value, of_a_profile, count(*) OVER (
                          PARTITION BY usable.identifier, usable.value, kind, other_value) AS held_by
               FROM usable JOIN usable AS other ON other.record_id = usable.record_id
                    AND other.identifier <> usable.identifier
               JOIN limits ON limits.identifier = other.identifier WHERE of_a_profile IS NOT NULL),
           by_account AS (
               SELECT identifier, value, max(people) AS people FROM (
                   -- One value a record, the one that most hold: who has many of something may have typed them all.
                   SELECT identifier, value, kind, ceil(count(DISTINCT one_value) / of_a_profile)::BIGINT AS people
                   FROM (SELECT identifier, value, kind, of_a_profile,
                                arg_min(other_value, (-held_by, other_value)) AS one_value
                         FROM others GROUP BY identifier, value, kind, of_a_profile, record_id)
                   GROUP BY identifier, value, kind, of_a_profile)
               GROUP BY ALL),
           by_name AS (
               SELECT identifier, value, count(*) AS holders, greatest(
                          coalesce(any_value(spelled.people), count(DISTINCT formal_name)),
                          count(DISTINCT last_name) FILTER (first_name IS NULL),
                          count(DISTINCT birth_date) FILTER (first_name IS NULL AND last_name IS NULL)) AS people
               FROM usable LEFT JOIN said USING (record_id) LEFT JOIN spelled USING (identifier, value)
               GROUP BY identifier, value),
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
        spelled=spelled,
        limits=limits,
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
            if len(people) <= allowed and all(different_people(one, other, rules.attributes) for other in people):
                people.append(one)
        found.append({"identifier": identifier, "value": value, "people": len(people)})
    schema = pa.schema([("identifier", pa.string()), ("value", pa.string()), ("people", pa.int64())])
    return pa.Table.from_pylist(found, schema)


def _people_by_first_name(identifiers: pa.Table, said: pa.Table, limits: pa.Table, alike: NameLikeness) -> pa.Table:
    """How many people the first names on a value make, where they are more than it may have: identifier, value, people.

    Spellings of one name are one. The most frequent is the first of each, and no more are told apart than there are
    too many of, since a kiosk has thousands.
    """
    crowded = query(
        """WITH counted AS (
               SELECT identifier, value, formal_name, count(DISTINCT record_id) AS records
               FROM identifiers JOIN said USING (record_id) WHERE is_usable AND formal_name IS NOT NULL GROUP BY ALL)
           SELECT identifier, value, people_allowed,
                  list(formal_name ORDER BY length(formal_name) = 1, records DESC, formal_name) AS names
           FROM counted JOIN limits USING (identifier) GROUP BY ALL HAVING count(*) > people_allowed ORDER BY ALL""",
        identifiers=identifiers,
        said=said,
        limits=limits,
    )
    rows = crowded.select(["people_allowed", "names"]).to_pylist()
    people = [_told_apart(row["names"], row["people_allowed"] + 1, alike) for row in rows]
    return crowded.select(["identifier", "value"]).append_column("people", pa.array(people, pa.int64()))


def _told_apart(names: list[str], enough: int, alike: NameLikeness) -> int:
    """How many people the names make: all of them, once that many were told apart."""
    people: list[str] = []
    for name in names:
        if not any(_is_spelling(name, other, alike) for other in people):
            people.append(name)
            if len(people) == enough:
                return len(names)
    return len(people)


def _is_spelling(name: str, other: str, alike: NameLikeness) -> bool:
    if len(name) == 1:
        return other.startswith(name)
    return first_names_confirm(name, other, alike)
