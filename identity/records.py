"""The nodes of the identity graph: one row a record, one row an identifier that a record holds.

Silver is read once, aggregated. A record's attributes are each the latest one that any source gave it, by
what the events say of their time and never by our clock.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from contracts.identity import IdentityRules
from contracts.permission_sql import said_at
from contracts.purpose import STRICTEST_FIRST
from identity import standardise
from identity.placeholders import crowded, placeholders
from identity.sql import query
from identity.usable import mark_usable
from identity.visitors import mark_visitors

if TYPE_CHECKING:
    from lakehouse.lake import Lake

SILVER = ("silver.events", "silver.identifiers", "silver.customer_records", "silver.consents")
"""The tables that it is read from."""

ATTRIBUTES = ("first_name", "last_name", "birth_date", "street", "city", "postcode", "loyalty_id")
_OWN_IDENTIFIER = {
    "account": "user_id",
    "anonymous": "anonymous_id",
    "crm": "crm_id",
    "loyalty": "loyalty_id",
}

_STATEMENT = f"""struct_pack(before := -epoch_us(said_at),
                             strictness := list_position({list(STRICTEST_FIRST)}, status),
                             event_id := event_id, status := status)"""
"""Of several statements of a record on one purpose, the least counts."""
_STATEMENTS = f"""
    WITH told AS (
        SELECT event_id, record_id, status, {said_at("c")} AS said_at FROM silver.consents AS c
        WHERE purpose = $linking AND list_contains($statuses, status))
    SELECT * FROM told UNION
    SELECT event_id, 'anonymous:' || trim(anonymous_id), status, said_at
    FROM told JOIN (SELECT event_id, anonymous_id FROM silver.events) USING (event_id) WHERE anonymous_id IS NOT NULL
"""
"""A statement is of the record that made it, and of the browser in which it was made."""


@dataclass(frozen=True)
class Nodes:
    """identity.records and identity.identifiers."""

    records: pa.Table
    identifiers: pa.Table


@dataclass(frozen=True)
class Silver:
    """What identity reads of silver: events and attributes aggregated by record, identifiers as they are."""

    events: pa.Table
    identifiers: pa.Table
    attributes: pa.Table


@dataclass(frozen=True)
class Said:
    """What records say, in standard forms, before it is known how many people are on a value.

    ``attributes`` has the records that have any; ``identifiers`` is as identity.identifiers, marked by form alone.
    """

    events: pa.Table
    attributes: pa.Table
    identifiers: pa.Table


def read_silver(lake: "Lake", rules: IdentityRules, only: pa.Table | None = None) -> Silver:
    """Read what identity needs of the live silver tables.

    Args:
        lake: The lake.
        rules: The contract, which names the purpose whose statements count.
        only: record_id of the records wanted; none for all.
    """
    said = {"linking": rules.linking.purpose if rules.linking else None, "statuses": list(STRICTEST_FIRST)}
    latest = ", ".join(
        f"arg_max({name}, (occurred_at, landing, source, position)) FILTER ({name} IS NOT NULL) AS {name}"
        for name in ATTRIBUTES
    )
    chosen = "" if only is None else "SEMI JOIN wanted USING (record_id)"
    with lake.duck("live", only=SILVER) as connection:
        if only is not None:
            connection.register("wanted", only)
        events = connection.sql(
            f"""WITH statements AS (
                    SELECT record_id, min({_STATEMENT}) AS said FROM ({_STATEMENTS}) {chosen} GROUP BY record_id)
                SELECT record_id, sources, landed, first_seen, last_seen, events, said.status AS linking,
                       said.event_id AS linking_event
                FROM (SELECT record_id, string_agg(DISTINCT source, ',' ORDER BY source) AS sources,
                             min(struct_pack(landing := landing, source := source, position := position)) AS landed,
                             min(occurred_at) AS first_seen, max(occurred_at) AS last_seen, count(*) AS events
                      FROM silver.events {chosen} WHERE record_id IS NOT NULL GROUP BY record_id)
                LEFT JOIN statements USING (record_id)""",
            params=said,
        ).to_arrow_table()
        identifiers = connection.sql(
            f"""SELECT record_id, identifier, value AS raw_value,
                      min(first_seen) AS first_seen, max(last_seen) AS last_seen
               FROM (SELECT record_id, identifier, value, first_seen, last_seen FROM silver.identifiers
                     UNION ALL BY NAME SELECT record_id, identifier, value, occurred_at AS first_seen,
                     occurred_at AS last_seen FROM (SELECT record_id, occurred_at, email, phone, loyalty_id
                     FROM silver.customer_records)
                          UNPIVOT (value FOR identifier IN (email, phone, loyalty_id)))
               {chosen} WHERE record_id IS NOT NULL AND trim(value) <> '' GROUP BY ALL"""
        ).to_arrow_table()
        attributes = connection.sql(
            f"""SELECT record_id, {latest} FROM silver.customer_records {chosen}
                WHERE record_id IS NOT NULL GROUP BY record_id"""
        ).to_arrow_table()
    return Silver(events, identifiers, attributes)


def with_browsers(lake: "Lake", changed: pa.Table) -> pa.Table:
    """record_id of some records and of the browsers that they used, or had used when last resolved.

    What a record says of linking it says for the browser in which it says it.
    """
    with lake.duck("live", only=("silver.identifiers", "identity.identifiers")) as connection:
        connection.register("changed", changed)
        return connection.sql(
            """WITH held AS (
                   SELECT record_id, value FROM silver.identifiers WHERE identifier = 'anonymous_id'
                   UNION ALL SELECT record_id, raw_value FROM identity.identifiers WHERE identifier = 'anonymous_id')
               SELECT record_id FROM changed
               UNION SELECT 'anonymous:' || trim(value) FROM held SEMI JOIN changed USING (record_id)
               ORDER BY record_id"""
        ).to_arrow_table()


def build_nodes(silver: Silver, rules: IdentityRules) -> Nodes:
    """Standardise records and identifiers, and find which values identify."""
    said = standard_forms(silver, rules)
    identifiers = mark_visitors(mark_usable(said.identifiers, said.attributes, rules), rules)
    crowds = crowded(said.attributes, rules)
    fillers = placeholders(said.attributes, crowds, said.identifiers, rules)
    return Nodes(record_rows(said.events, said.attributes, identifiers, fillers), identifiers)


def standard_forms(silver: Silver, rules: IdentityRules) -> Said:
    """Standardise what records say of themselves, each for itself."""
    held = _held_identifiers(silver, rules)
    values = query("SELECT DISTINCT identifier, raw_value FROM held", held=held)
    standard = standardise.standard_values(values, rules)
    identifiers = query(
        """SELECT record_id, identifier, value, raw_value, reason IS NULL AS is_usable, reason, first_seen,
        last_seen
           FROM held JOIN standard USING (identifier, raw_value)""",
        held=held,
        standard=standard,
    )
    return Said(silver.events, _standard_attributes(silver.attributes, rules), identifiers)


def _standard_attributes(attributes: pa.Table, rules: IdentityRules) -> pa.Table:
    forms = {
        "first_name": standardise.name,
        "last_name": standardise.name,
        "birth_date": lambda raw: standardise.birth_date(raw, rules.attributes),
        "street": standardise.street,
        "city": standardise.address_part,
        "postcode": standardise.postcode,
        "loyalty_id": lambda raw: raw and raw.strip(),
    }
    columns = {"record_id": attributes["record_id"].cast(pa.string())}
    for name, form in forms.items():
        columns[name] = standardise.mapped(attributes[name].to_pylist(), form)
    return pa.table(columns)


def _held_identifiers(silver: Silver, rules: IdentityRules) -> pa.Table:
    """The identifiers that events carried, and the one in the name of the record itself."""
    told = {"account": rules.visits.account, "anonymous": rules.visits.browser} if rules.visits else {}
    own = " ".join(f"WHEN '{kind}' THEN '{name}'" for kind, name in (_OWN_IDENTIFIER | told).items())
    return query(
        f"""SELECT record_id, identifier, raw_value, min(first_seen) AS first_seen, max(last_seen) AS last_seen
            FROM (SELECT * FROM identifiers
                  UNION ALL BY NAME
                  SELECT record_id, CASE split_part(record_id, ':', 1) {own} END AS identifier,
                         substr(record_id, strpos(record_id, ':') + 1) AS raw_value, first_seen, last_seen
                  FROM events)
            WHERE identifier IS NOT NULL AND raw_value <> '' GROUP BY ALL""",
        identifiers=silver.identifiers,
        events=silver.events,
    )


def record_rows(events: pa.Table, attributes: pa.Table, identifiers: pa.Table, fillers: pa.Table) -> pa.Table:
    """identity.records, from ``Said``, the identifiers as they are marked in the end, and ``placeholders``."""
    return query(
        """WITH contact AS (
               SELECT record_id,
                      arg_max(value, (last_seen, value)) FILTER (identifier = 'email') AS email,
                      arg_max(value, (last_seen, value)) FILTER (identifier = 'phone') AS phone,
                      arg_max(value, (last_seen, value)) FILTER (identifier = 'loyalty_id') AS loyalty_id
               FROM identifiers WHERE is_usable GROUP BY record_id)
           SELECT events.record_id, split_part(events.record_id, ':', 1) AS kind, sources, first_name,
           last_name,
                  contact.email, contact.phone, birth_date::DATE AS birth_date, street, city, postcode,
                  contact.loyalty_id, linking, linking_event, landed.landing AS landed_landing,
                  landed.source AS landed_source, landed.position AS landed_position, first_seen, last_seen,
                  events.events, name_unusable, birth_date_unusable, address_unusable
           FROM events LEFT JOIN attributes USING (record_id) LEFT JOIN contact USING (record_id)
           LEFT JOIN fillers USING (record_id)
           ORDER BY landed_landing, landed_source, landed_position, record_id""",
        events=events,
        attributes=attributes,
        identifiers=identifiers,
        fillers=fillers,
    )
