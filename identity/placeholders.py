"""What records give of themselves that speaks for nobody: fillers, found from the data.

The model compares names, birth dates and addresses, and would join a shop's "Valued Customer, 1980-01-01, 1 Store
Street" however many people that stands for. Three kinds of value are counted, under the limits of the contract:

- a name with one birth date, or, where none is given, with one address. A common name has many birth dates, a filler
  one; so it is told by how many people it takes to hold the accounts, cards, mailboxes and phones found on it;
- an address: a shop's is given under many names;
- a birth date: many times more names than on the days around it. Each day is held against 30 others, since how many
  people a lake has on a day depends on how many it has.

What is set aside is not compared by the model, and does not confirm that a shared mailbox is one person's. It still
tells people apart: who gives a name is not who gives another.

Everything is counted from what records say in standard form, whether or not it identifies: so what is set aside never
depends on what else is.
"""

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.agree import formal_name
from identity.sql import query
from identity.usable import TOO_MANY

NEIGHBOURS = 15
"""A day is held against so many days before it and after it."""
OF_RECORDS = ("name_unusable", "birth_date_unusable", "address_unusable")
"""The columns of identity.records that say why an attribute speaks for nobody."""

_VALUES = """
    SELECT record_id, 'name' AS kind, concat_ws('|', coalesce(first_name, ''), coalesce(last_name, ''),
           coalesce(birth_date, street || '|' || coalesce(postcode, ''))) AS value
    FROM said WHERE coalesce(first_name, last_name) IS NOT NULL AND coalesce(birth_date, street) IS NOT NULL
    UNION ALL
    SELECT record_id, 'address', street || '|' || coalesce(postcode, '') FROM said WHERE street IS NOT NULL
"""


def without_placeholders(records: pa.Table) -> pa.Table:
    """identity.records with nothing in the attributes that speak for nobody."""
    return query(
        """SELECT * REPLACE (
                      CASE WHEN name_unusable IS NULL THEN first_name END AS first_name,
                      CASE WHEN name_unusable IS NULL THEN last_name END AS last_name,
                      CASE WHEN birth_date_unusable IS NULL THEN birth_date END AS birth_date,
                      CASE WHEN address_unusable IS NULL THEN street END AS street,
                      CASE WHEN address_unusable IS NULL THEN postcode END AS postcode)
           FROM records""",
        records=records,
    )


def crowded(said: pa.Table, rules: IdentityRules) -> pa.Table:
    """Who holds a value that so many records give that it may be a filler.

    Args:
        said: record_id, first_name, last_name, birth_date (ISO), street and postcode of all records.
        rules: The contract.

    Returns:
        record_id, kind (name or address) and value: enough to count by, with the identifiers of these records.
    """
    return query(
        f"""SELECT held.* FROM ({_VALUES}) AS held JOIN limits USING (kind)
            QUALIFY count(*) OVER (PARTITION BY kind, value) > least(people_allowed, holders_allowed)
            ORDER BY kind, value, record_id""",
        said=said,
        limits=_limits(rules),
    )


def placeholders(said: pa.Table, crowds: pa.Table, identifiers: pa.Table, rules: IdentityRules) -> pa.Table:
    """The records of which an attribute speaks for nobody, with OF_RECORDS.

    Args:
        said: As for ``crowded``.
        crowds: What that found.
        identifiers: Rows of identity.identifiers of those records, marked by their form only.
        rules: The contract.
    """
    names = query(
        "SELECT DISTINCT first_name FROM said SEMI JOIN crowds USING (record_id) WHERE first_name IS NOT NULL",
        said=said,
        crowds=crowds,
    )["first_name"]
    formal = pa.array([formal_name(name) for name in names.to_pylist()], pa.string())
    most = pa.table(
        {
            "identifier": pa.array(list(rules.identifiers), pa.string()),
            "of_a_profile": pa.array([rule.limit_per_profile for rule in rules.identifiers.values()], pa.int64()),
        }
    )
    return query(
        f"""WITH held AS (  -- one value a record: who has many of something may have typed them all
                SELECT record_id, identifier, of_a_profile, min(value) AS held
                FROM identifiers JOIN most USING (identifier)
                WHERE is_usable AND of_a_profile IS NOT NULL GROUP BY ALL),
            by_held AS (
                SELECT kind, value, max(people) AS people FROM (
                    SELECT kind, value, identifier, ceil(count(DISTINCT held) / of_a_profile)::BIGINT AS people
                    FROM crowds JOIN held USING (record_id) GROUP BY kind, value, identifier, of_a_profile)
                GROUP BY ALL),
            by_name AS (
                SELECT kind, value, count(*) AS holders,
                       count(DISTINCT nullif(concat_ws(' ', formal, last_name), '')) AS people
                FROM crowds JOIN said USING (record_id) LEFT JOIN formal_names USING (first_name) GROUP BY ALL),
            stopped AS (
                SELECT kind, value, CASE WHEN found > people_allowed
                           THEN printf('{TOO_MANY}people: %d people found on the value, %d allowed',
                                       found, people_allowed)
                           WHEN holders > holders_allowed
                           THEN printf('{TOO_MANY}records: %d records found on the value, %d allowed',
                                       holders, holders_allowed) END AS why
                FROM (SELECT kind, value, holders, greatest(by_name.people, coalesce(by_held.people, 0)) AS found
                      FROM by_name LEFT JOIN by_held USING (kind, value)) JOIN limits USING (kind)),
            of_record AS (
                SELECT record_id, min(why) FILTER (kind = 'name') AS name_why,
                       min(why) FILTER (kind = 'address') AS address_why
                FROM crowds JOIN stopped USING (kind, value) WHERE why IS NOT NULL GROUP BY record_id)
            SELECT record_id, name_why AS name_unusable,
                   CASE WHEN birth_date IS NOT NULL THEN coalesce(days.why, name_why) END AS birth_date_unusable,
                   address_why AS address_unusable
            FROM said LEFT JOIN of_record USING (record_id) LEFT JOIN days USING (birth_date)
            WHERE coalesce(name_why, address_why, days.why) IS NOT NULL ORDER BY record_id""",
        said=said,
        crowds=crowds,
        identifiers=identifiers,
        most=most,
        limits=_limits(rules),
        formal_names=pa.table({"first_name": names.cast(pa.string()), "formal": formal}),
        days=_crowded_days(said, rules),
    )


def _crowded_days(said: pa.Table, rules: IdentityRules) -> pa.Table:
    """birth_date and why, of the days on which far more people are born than on the days around them."""
    limit = rules.attributes.placeholders.birth_date
    return query(
        f"""WITH named AS (
                SELECT birth_date, count(DISTINCT concat_ws(' ', first_name, last_name)) AS people
                FROM said WHERE birth_date IS NOT NULL AND coalesce(first_name, last_name) IS NOT NULL GROUP BY ALL),
            usual AS (
                SELECT day.birth_date, day.people, median(coalesce(near.people, 0)) AS around
                FROM named AS day CROSS JOIN (SELECT unnest(range(-{NEIGHBOURS}, {NEIGHBOURS} + 1)) AS off)
                LEFT JOIN named AS near
                     ON near.birth_date = strftime(day.birth_date::DATE + off::INTEGER, '%Y-%m-%d')
                WHERE off <> 0 AND day.people > $allowed GROUP BY ALL)
            SELECT birth_date, printf('{TOO_MANY}people: %d names found on the day, %d allowed', people,
                                      ($allowed * (1 + around))::BIGINT) AS why
            FROM usual WHERE people > $allowed * (1 + around)""",
        {"allowed": limit.stops_identifying_above if limit else 2**53},
        said=said,
    )


def _limits(rules: IdentityRules) -> pa.Table:
    """kind, people_allowed and holders_allowed, of the kinds that are declared."""
    found = rules.attributes.placeholders
    declared = {kind: crowd for kind, crowd in (("name", found.name), ("address", found.address)) if crowd}
    return pa.table(
        {
            "kind": pa.array(list(declared), pa.string()),
            "people_allowed": pa.array([crowd.stops_identifying_above for crowd in declared.values()], pa.int64()),
            "holders_allowed": pa.array([crowd.holders_above for crowd in declared.values()], pa.int64()),
        }
    )
