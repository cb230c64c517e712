"""Rules on who refused to be linked: their records stand alone, whatever the evidence."""

from contracts.identity import IdentityRules
from contracts.permission_sql import said_at
from contracts.purpose import STRICTEST_FIRST
from expectations.rule import NoRows, Rule

_REPORT = "report it as a fault of identity, with the keys named here; the last release stays"


def rules(contract: IdentityRules) -> list[Rule]:
    """The rules of the identity gate about them."""
    if contract.linking is None:
        return []
    order = f"(-epoch_us(said_at), list_position({list(STRICTEST_FIRST)}, status), event_id)"
    refusing = f"""told AS (
            SELECT event_id, record_id, status, {said_at("c")} AS said_at FROM silver.consents AS c
            WHERE purpose = '{contract.linking.purpose}' AND list_contains({list(STRICTEST_FIRST)}, status)),
        spoken AS (
            SELECT * FROM told UNION ALL
            SELECT told.event_id, 'anonymous:' || trim(anonymous_id), status, said_at
            FROM told JOIN silver.events AS e ON e.event_id = told.event_id WHERE anonymous_id IS NOT NULL),
        refusing AS (
            SELECT record_id, event_id AS no_by FROM spoken
            QUALIFY row_number() OVER (PARTITION BY record_id ORDER BY {order}) = 1 AND status <> 'granted')"""
    return [
        NoRows(
            table="identity.assignments",
            name="who_refuses_linking_stands_alone",
            says=f"A record that said no to {contract.linking.purpose} last is kept apart, and so is every record that "
            "is marked so.",
            why="a person who refused it was put together all the same",
            do=_REPORT,
            owner="privacy",
            query=f"""WITH {refusing}, sizes AS (
                          SELECT profile_id, count(*) AS found FROM identity.assignments GROUP BY profile_id)
                      SELECT record_id, profile_id, found AS records_found, refused_by FROM {{batch}}
                      JOIN sizes USING (profile_id) LEFT JOIN refusing USING (record_id)
                      WHERE (no_by IS NOT NULL OR refused_by IS NOT NULL) AND (found > 1 OR refused_by IS NULL)""",
        ),
        NoRows(
            table="identity.assignments",
            name="nobody_is_kept_apart_for_nothing",
            says="The event by which a record is kept apart is one by which a record refused linking, and counts.",
            why="a person would be in pieces whom nothing but our error keeps so",
            do=_REPORT,
            owner="identity",
            query=f"""WITH {refusing}
                      SELECT record_id, refused_by FROM {{batch}}
                      WHERE refused_by IS NOT NULL AND refused_by NOT IN (SELECT no_by FROM refusing)""",
        ),
        NoRows(
            table="identity.edges",
            name="no_edge_joins_who_is_kept_apart",
            says="An edge at a record that is kept apart is blocked.",
            why="it would join, or ask a steward about, somebody who refused that",
            do=_REPORT,
            owner="privacy",
            query="""WITH apart AS (SELECT record_id AS one FROM identity.assignments WHERE refused_by IS NOT NULL)
                     SELECT left_record, right_record, kind, rule, state FROM {batch} WHERE state <> 'blocked'
                     AND (left_record IN (SELECT one FROM apart) OR right_record IN (SELECT one FROM apart))""",
        ),
        NoRows(
            table="identity.stitches",
            name="no_visit_is_given_to_who_is_kept_apart",
            says="Neither record of a spell is kept apart.",
            why="the visits of somebody who refused that would be put to an account",
            do=_REPORT,
            owner="privacy",
            query="""WITH apart AS (SELECT record_id AS one FROM identity.assignments WHERE refused_by IS NOT NULL)
                     SELECT record_id, since FROM {batch}
                     WHERE record_id IN (SELECT one FROM apart) OR account_record IN (SELECT one FROM apart)""",
        ),
    ]
