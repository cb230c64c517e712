"""Rules on identity.edges: each has its evidence, shows no value in it, and says why it was not used."""

from expectations.rule import NoRows, Rule

REPORT = "report it as a fault of identity, with the keys named here; the last release stays"
"""What to do about a rule of the identity gate that only a fault of the code can break."""


def rules() -> list[Rule]:
    """The rules of the identity gate about edges."""
    return [
        NoRows(
            table="identity.edges",
            name="every_edge_is_in_order",
            says="The left record of an edge is less than the right one.",
            why="the same pair both ways round would count as two pieces of evidence",
            do=REPORT,
            owner="identity",
            query="SELECT left_record, right_record FROM {batch} WHERE left_record >= right_record",
        ),
        NoRows(
            table="identity.edges",
            name="every_probability_is_possible",
            says="The probability of an edge is between 0 and 1.",
            why="thresholds and receipts read it",
            do=REPORT,
            owner="identity",
            query="SELECT left_record, right_record, probability FROM {batch} "
            "WHERE NOT coalesce(probability BETWEEN 0 AND 1, false)",
        ),
        NoRows(
            table="identity.edges",
            name="every_edge_has_evidence",
            says="Every edge says in JSON what agrees.",
            why="no link without evidence (invariant 5)",
            do=REPORT,
            owner="identity",
            query="SELECT left_record, right_record, rule FROM {batch} WHERE coalesce(try_cast(evidence AS JSON) "
            "IN ('{{}}', '[]', 'null', '\"\"'), true)",
        ),
        NoRows(
            table="identity.edges",
            name="evidence_holds_no_address",
            says="No evidence shows an e-mail address.",
            why="evidence is read by many and kept long; it names what agrees, not the value",
            do=REPORT,
            owner="privacy",
            query="SELECT left_record, right_record, rule FROM {batch} "
            "WHERE regexp_matches(evidence, '[^@\\s\"]@[^@\\s\"]')",
        ),
        NoRows(
            table="identity.edges",
            name="every_unused_edge_says_why",
            says="An edge that was blocked or sent to review has a reason.",
            why="a steward decides by the reason",
            do=REPORT,
            owner="identity",
            query="SELECT left_record, right_record, state FROM {batch} "
            "WHERE state IN ('blocked', 'review') AND coalesce(reason, '') = ''",
        ),
        NoRows(
            table="identity.edges",
            name="every_link_stays_inside_a_profile",
            says="The two records of a linked edge have the same profile.",
            why="a link across two profiles means that a merge was half done",
            do=REPORT,
            owner="identity",
            query="SELECT left_record, right_record FROM {batch} JOIN identity.assignments AS l "
            "ON l.record_id = left_record JOIN identity.assignments AS r ON r.record_id = right_record "
            "WHERE state = 'linked' AND l.profile_id <> r.profile_id",
        ),
        NoRows(
            table="identity.edges",
            name="every_decision_is_obeyed",
            says="Two records that a steward linked have one profile, unless the person refused that; two that a "
            "steward unlinked have two.",
            why="what a person decided is overruled by no rule and no model",
            do=REPORT,
            owner="identity",
            query="SELECT left_record, right_record, evidence FROM {batch} JOIN identity.assignments AS l "
            "ON l.record_id = left_record JOIN identity.assignments AS r ON r.record_id = right_record "
            "WHERE rule = 'steward' "
            "AND (l.profile_id = r.profile_id) IS DISTINCT FROM (json_extract_string(evidence, '$.action') = 'link' "
            "AND l.refused_by IS NULL AND r.refused_by IS NULL)",
        ),
    ]
