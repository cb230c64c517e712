"""Which rows of records and identifiers a change of some records changes.

Whether a value identifies depends on all who hold it. So a changed record reaches the holders of its values, as they
were and as they are; a value that stops identifying, or begins to, changes what its holders are known by. There it
ends: what is counted on a value are the names and the other identifiers that its holders gave, whether or not those
identify, so that a holder of another value is counted as before.

Orders reach one step further: what a browser's orders name is known from all who hold any of them, and decides whether
the browser's own id identifies, which all hold who logged in there.

Names, birth dates and addresses that speak for nobody are counted over all records again, which is a few groupings of
what they say; who had or has such a filler, and not the other way round before, is known by something else, too.
"""

from dataclasses import dataclass

import pyarrow as pa

from contracts.identity import IdentityRules
from identity import standardise
from identity.placeholders import OF_RECORDS, crowded, placeholders
from identity.records import Nodes, Said, record_rows
from identity.sql import query
from identity.stored import Stored
from identity.usable import mark_usable
from identity.visitors import browser, mark_visitors, naming

_IDENTIFIERS = "record_id, identifier, value, raw_value, is_usable, reason, first_seen, last_seen"
_EVENTS = """record_id, sources, {'landing': landed_landing, 'source': landed_source, 'position': landed_position}
             AS landed, first_seen, last_seen, events, linking, linking_event"""
_NAMES = "record_id, first_name, last_name, strftime(birth_date, '%Y-%m-%d') AS birth_date"
_ATTRIBUTES = f"{_NAMES}, street, city, postcode"
_FILLERS = ", ".join(OF_RECORDS)


@dataclass(frozen=True)
class ChangedNodes:
    """The rows of records and identifiers that are to be replaced.

    Attributes:
        renewed: record_id of all whose rows are replaced, those that are gone among them.
        nodes: What takes their place.
        changed: record_id of those, gone ones too, that are known by something else than before.
    """

    renewed: pa.Table
    nodes: Nodes
    changed: pa.Table


def changed_nodes(stored: Stored, candidates: pa.Table, said: Said, rules: IdentityRules) -> ChangedNodes:
    """Which rows of records and identifiers differ from what is stored.

    Args:
        stored: The identity tables.
        candidates: record_id of the records that may have changed; all others say what they said.
        said: What the candidates say now; those that it does not have are gone.
        rules: The contract.
    """
    was = stored.query(
        f"SELECT {_IDENTIFIERS} FROM identity.identifiers SEMI JOIN candidates USING (record_id)", candidates=candidates
    )
    changed = _changed(stored, candidates, said, was)
    values = query(
        """SELECT DISTINCT identifier, value FROM (
               SELECT * FROM said WHERE is_usable UNION ALL BY NAME SELECT * FROM was WHERE is_usable)
           SEMI JOIN changed USING (record_id)""",
        said=said.identifiers,
        was=_by_form(was, rules),
        changed=changed,
    )
    placed = _placed(stored, _holders(stored, values, changed), said, changed, rules)
    around = _holders(stored, pa.concat_tables([values, placed.values]), changed)
    marked = _marked(stored, said, changed, around, values, placed, rules)
    fillers = _fillers(stored, said, changed, rules)
    refilled = _refilled(stored, fillers)
    renewed = query(
        """SELECT record_id FROM (FROM marked EXCEPT FROM around) UNION SELECT record_id FROM changed
           UNION SELECT record_id FROM refilled ORDER BY record_id""",
        marked=marked,
        around=around,
        changed=changed,
        refilled=refilled,
    )
    identifiers = stored.query(
        f"""SELECT * FROM marked SEMI JOIN renewed USING (record_id) UNION ALL
            SELECT {_IDENTIFIERS} FROM identity.identifiers SEMI JOIN renewed USING (record_id)
                ANTI JOIN changed USING (record_id) ANTI JOIN marked USING (record_id)""",
        marked=marked,
        renewed=renewed,
        changed=changed,
    )
    flipped = query(
        """SELECT record_id FROM changed UNION SELECT record_id FROM refilled WHERE is_flipped UNION
           SELECT record_id FROM marked JOIN around USING (record_id, identifier, raw_value)
           WHERE marked.is_usable <> around.is_usable ORDER BY record_id""",
        changed=changed,
        marked=marked,
        around=around,
        refilled=refilled,
    )
    records = _records(stored, said, changed, renewed, identifiers, fillers)
    return ChangedNodes(renewed, Nodes(records, identifiers), flipped)


@dataclass(frozen=True)
class _Placed:
    """The records whose orders are judged anew (record_id), and their orders and own ids (identifier, value)."""

    records: pa.Table
    values: pa.Table


def _holders(stored: Stored, values: pa.Table, changed: pa.Table) -> pa.Table:
    """The stored identifiers of all who hold one of the values, but of the changed."""
    return stored.query(
        f"""SELECT {_IDENTIFIERS} FROM identity.identifiers SEMI JOIN (
                SELECT DISTINCT record_id FROM identity.identifiers SEMI JOIN touched USING (identifier, value))
            USING (record_id) ANTI JOIN changed USING (record_id)""",
        touched=values,
        changed=changed,
    )


def _placed(stored: Stored, around: pa.Table, said: Said, changed: pa.Table, rules: IdentityRules) -> _Placed:
    """The touched records that hold orders, every spelling of a browser with it."""
    here = query(
        f"""SELECT {_IDENTIFIERS} FROM around UNION ALL
            SELECT {_IDENTIFIERS} FROM said SEMI JOIN changed USING (record_id)""",
        around=around,
        said=said.identifiers,
        changed=changed,
    )
    spelled = stored.query(
        f"""SELECT {_IDENTIFIERS} FROM identity.identifiers WHERE record_id IN (
                SELECT record_id FROM identity.identifiers SEMI JOIN here USING (identifier, value)
                WHERE identifier IN (FROM browser) AND starts_with(record_id, 'anonymous:'))
            AND record_id NOT IN (SELECT record_id FROM here UNION FROM changed)""",
        here=here,
        changed=changed,
        browser=browser(rules),
    )
    judged = pa.concat_tables([here, spelled])
    records = query(
        "SELECT DISTINCT record_id FROM judged SEMI JOIN naming USING (identifier)", judged=judged, naming=naming(rules)
    )
    values = query(
        """SELECT DISTINCT identifier, value FROM judged SEMI JOIN records USING (record_id)
           WHERE identifier IN (FROM naming) OR raw_value = substr(record_id, strpos(record_id, ':') + 1)""",
        judged=judged,
        records=records,
        naming=naming(rules),
    )
    return _Placed(records, values)


def _changed(stored: Stored, candidates: pa.Table, said: Said, was: pa.Table) -> pa.Table:
    """record_id of the candidates that say something else than what is stored of them."""
    kept = stored.query(
        f"SELECT {_EVENTS}, {_ATTRIBUTES.removeprefix('record_id,')} FROM identity.records "
        "SEMI JOIN candidates USING (record_id)",
        candidates=candidates,
    )
    now = query(
        f"""SELECT {", ".join(f"events.{name}" for name in said.events.column_names)}, first_name, last_name,
                   birth_date, street, city, postcode
            FROM events LEFT JOIN attributes USING (record_id)""",
        events=said.events,
        attributes=said.attributes,
    ).select(kept.column_names)
    held = "SELECT record_id, identifier, value, raw_value, first_seen, last_seen FROM"
    return query(
        f"""SELECT record_id FROM (FROM now EXCEPT FROM kept) UNION SELECT record_id FROM (FROM kept EXCEPT FROM now)
            UNION SELECT record_id FROM ({held} said EXCEPT {held} was)
            UNION SELECT record_id FROM ({held} was EXCEPT {held} said) ORDER BY record_id""",
        now=now,
        kept=kept,
        said=said.identifiers,
        was=was,
    )


def _by_form(identifiers: pa.Table, rules: IdentityRules) -> pa.Table:
    """Rows of identity.identifiers marked by their form only, before their holders were counted."""
    doubtful = query(
        "SELECT DISTINCT identifier, raw_value FROM identifiers WHERE NOT is_usable", identifiers=identifiers
    )
    return query(
        """SELECT i.* REPLACE (i.is_usable OR (s.raw_value IS NOT NULL AND s.reason IS NULL) AS is_usable,
                               s.reason AS reason)
           FROM identifiers AS i LEFT JOIN standard AS s USING (identifier, raw_value)""",
        identifiers=identifiers,
        standard=standardise.standard_values(doubtful, rules),
    )


def _marked(
    stored: Stored,
    said: Said,
    changed: pa.Table,
    around: pa.Table,
    values: pa.Table,
    placed: _Placed,
    rules: IdentityRules,
) -> pa.Table:
    """The identifiers of the changed records and of those around them, as they are marked now.

    Of those around only what was touched is counted anew, for of the rest not all holders are here: the touched values,
    the orders of ``placed.records``, and the ids of the browsers among them.
    """
    names = stored.query(f"SELECT {_NAMES} FROM identity.records SEMI JOIN around USING (record_id)", around=around)
    there = query(
        f"SELECT {_IDENTIFIERS} FROM said SEMI JOIN changed USING (record_id)", said=said.identifiers, changed=changed
    )
    own_names = query(
        "SELECT record_id, first_name, last_name, birth_date FROM attributes SEMI JOIN changed USING (record_id)",
        attributes=said.attributes,
        changed=changed,
    )
    counted = mark_usable(
        pa.concat_tables([_by_form(around, rules), there]), pa.concat_tables([names, own_names]), rules
    )
    return query(
        f"""WITH anew AS (
                SELECT record_id, identifier, raw_value FROM around SEMI JOIN touched USING (identifier, value) UNION
                SELECT record_id, identifier, raw_value FROM around SEMI JOIN placed USING (record_id)
                WHERE identifier IN (FROM naming) UNION
                SELECT record_id, identifier, raw_value FROM around SEMI JOIN judged USING (identifier, value)
                WHERE identifier IN (FROM browser))
            SELECT {_IDENTIFIERS} FROM counted SEMI JOIN changed USING (record_id) UNION ALL
            SELECT {_IDENTIFIERS} FROM counted SEMI JOIN anew USING (record_id, identifier, raw_value) UNION ALL
            SELECT {_IDENTIFIERS} FROM around ANTI JOIN anew USING (record_id, identifier, raw_value)""",
        counted=mark_visitors(counted, rules),
        changed=changed,
        touched=values,
        around=around,
        placed=placed.records,
        judged=placed.values,
        naming=naming(rules),
        browser=browser(rules),
    )


def _fillers(stored: Stored, said: Said, changed: pa.Table, rules: IdentityRules) -> pa.Table:
    """What ``placeholders`` finds among all records as they are now."""
    if changed.num_rows == 0:
        return stored.query(
            f"SELECT record_id, {_FILLERS} FROM identity.records WHERE coalesce({_FILLERS}) IS NOT NULL"
        )
    columns = "first_name, last_name, birth_date, street, postcode"
    attributes = stored.query(
        f"""SELECT record_id, {columns} FROM (SELECT {_ATTRIBUTES} FROM identity.records)
            ANTI JOIN changed USING (record_id)
            UNION ALL SELECT record_id, {columns} FROM attributes SEMI JOIN changed USING (record_id)""",
        attributes=said.attributes,
        changed=changed,
    )
    crowds = crowded(attributes, rules)
    others = query("SELECT DISTINCT record_id FROM crowds ANTI JOIN changed USING (record_id)",
                   crowds=crowds, changed=changed)  # fmt: skip
    kept = stored.query(
        f"SELECT {_IDENTIFIERS} FROM identity.identifiers SEMI JOIN others USING (record_id)", others=others
    )
    there = query(
        f"SELECT {_IDENTIFIERS} FROM said SEMI JOIN changed USING (record_id)", said=said.identifiers, changed=changed
    )
    return placeholders(attributes, crowds, pa.concat_tables([_by_form(kept, rules), there]), rules)


def _refilled(stored: Stored, fillers: pa.Table) -> pa.Table:
    """record_id of those of which a filler is counted otherwise than is stored; is_flipped: it speaks, or no longer."""
    counted = " OR ".join(f"f.{name} IS DISTINCT FROM r.{name}" for name in OF_RECORDS)
    flipped = " OR ".join(f"(f.{name} IS NULL) <> (r.{name} IS NULL)" for name in OF_RECORDS)
    return stored.query(
        f"""SELECT record_id, {flipped} AS is_flipped
            FROM (SELECT record_id, {_FILLERS} FROM identity.records WHERE coalesce({_FILLERS}) IS NOT NULL) AS r
            FULL JOIN fillers AS f USING (record_id) WHERE {counted}""",
        fillers=fillers,
    )


def _records(
    stored: Stored, said: Said, changed: pa.Table, renewed: pa.Table, identifiers: pa.Table, fillers: pa.Table
) -> pa.Table:
    """identity.records of the renewed: what is stored of those that say what they said, what is said by the others."""
    others = query("FROM renewed ANTI JOIN changed USING (record_id)", renewed=renewed, changed=changed)
    parts = {"events": said.events, "attributes": said.attributes}
    for name, columns in (("events", _EVENTS), ("attributes", _ATTRIBUTES)):
        kept = stored.query(f"SELECT {columns} FROM identity.records SEMI JOIN others USING (record_id)", others=others)
        parts[name] = query(
            "SELECT * FROM said SEMI JOIN changed USING (record_id) UNION ALL BY NAME SELECT * FROM kept",
            said=parts[name].select(kept.column_names),
            changed=changed,
            kept=kept,
        )
    return record_rows(parts["events"], parts["attributes"], identifiers, fillers)
