"""The identity gate: every record has one profile, every link its evidence, every profile the id of its founder."""

from contracts.identity import IdentityRules
from contracts.link import FIRMEST_FIRST
from expectations import declared, edges, refusals
from expectations.edges import REPORT
from expectations.rule import NoRows, Rule
from expectations.suite import Scene, Suite

TABLES = ("records", "identifiers", "edges", "assignments", "history", "decisions", "review_queue", "stitches")
MANY_RECORDS = 60
"""A person with web, app, card, mailbox and some devices has a dozen records; five times that is several people."""

_KINDS = list(FIRMEST_FIRST)
_RESOLVE = "see how the records are joined: clew explain <record> <record>; then mend contracts/identity.yml"


def suite(scene: Scene) -> Suite:
    """Build the gate's rules."""
    rules: list[Rule] = []
    for table in TABLES:
        rules += declared.rules(scene.contracts.table(f"identity.{table}"))
    rules += [*_references(), *_visitors(scene.contracts.identity), *edges.rules(), *_links(), *_founders(), *_ids()]
    rules += [*refusals.rules(scene.contracts.identity), *_questions(), *_spells()]
    return Suite("identity", tuple(rules))


def _references() -> list[Rule]:
    return [
        NoRows(
            table="silver.events",
            name="every_record_is_assigned",
            says="Every record that an event speaks of is assigned to a profile.",
            why="events of an unassigned record belong to nobody and drop out of every journey",
            do="run identity again: clew run",
            owner="identity",
            query="SELECT DISTINCT record_id FROM {batch} AS e ANTI JOIN identity.assignments AS a USING (record_id) "
            "WHERE record_id IS NOT NULL",
        ),
        NoRows(
            table="identity.assignments",
            name="every_assigned_record_exists",
            says="Every assigned record is in identity.records.",
            why="a profile of records that nobody sent is made up",
            do=REPORT,
            owner="identity",
            query="SELECT record_id FROM {batch} AS a ANTI JOIN identity.records AS r USING (record_id)",
        ),
        NoRows(
            table="identity.records",
            name="every_known_record_is_assigned",
            says="Every record of identity.records is assigned to a profile.",
            why="a record that falls out of clustering is a person who disappears",
            do="run identity again: clew run",
            owner="identity",
            query="SELECT record_id FROM {batch} AS r ANTI JOIN identity.assignments AS a USING (record_id)",
        ),
        NoRows(
            table="identity.edges",
            name="every_edge_joins_known_records",
            says="Both records of every edge are in identity.records.",
            why="evidence about a record that is not there cannot be explained",
            do=REPORT,
            owner="identity",
            query="SELECT left_record, right_record FROM {batch} WHERE left_record NOT IN "
            "(SELECT record_id FROM identity.records) OR right_record NOT IN (SELECT record_id FROM identity.records)",
        ),
    ]


def _visitors(contract: IdentityRules) -> list[Rule]:
    naming = [name for name, rule in contract.identifiers.items() if rule.names_visitor]
    if not naming:
        return []
    exclusive, tying = (", ".join(f"'{name}'" for name in names) for names in (contract.exclusive, naming))
    return [
        NoRows(
            table="identity.identifiers",
            name="no_record_is_tied_to_two_customers",
            says=f"The values of a record that may join it by {' or '.join(naming)} lead to one account or card each.",
            why="a browser in which two customers ordered would go to either by chance",
            do=REPORT,
            owner="identity",
            query=f"""WITH theirs AS (
                          SELECT record_id, identifier AS kind, min(value) AS person FROM identity.identifiers
                          WHERE is_usable AND identifier IN ({exclusive}) GROUP BY ALL)
                      SELECT mine.record_id, kind, count(DISTINCT person) AS people
                      FROM {{batch}} AS mine JOIN identity.identifiers AS same
                      ON same.identifier = mine.identifier AND same.value = mine.value AND same.is_usable
                      JOIN theirs ON theirs.record_id = same.record_id
                      WHERE mine.is_usable AND mine.identifier IN ({tying})
                      GROUP BY ALL HAVING count(DISTINCT person) > 1""",
        ),
    ]


def _links() -> list[Rule]:
    return [
        NoRows(
            table="identity.assignments",
            name="every_profile_is_held_together",
            says="A profile of n records has at least n - 1 linked edges.",
            why="fewer cannot join them: some record is in the profile without evidence (invariant 5)",
            do=_RESOLVE,
            owner="identity",
            query="""SELECT profile_id, count(*) AS records, coalesce(any_value(links), 0) AS linked_edges
                     FROM {batch} LEFT JOIN (
                         SELECT a.profile_id, count(DISTINCT (left_record, right_record)) AS links
                         FROM identity.edges JOIN identity.assignments AS a ON a.record_id = left_record
                         WHERE state = 'linked' GROUP BY ALL) USING (profile_id)
                     GROUP BY profile_id HAVING linked_edges < records - 1""",
        ),
        NoRows(
            table="identity.assignments",
            name="no_assignment_says_more_than_its_links",
            says="A record that is no founder is of no firmer kind and no greater probability than its firmest link.",
            why="receipts and audiences take its word (invariant 5)",
            do=REPORT,
            owner="identity",
            query=f"""SELECT record_id, a.kind, a.probability FROM {{batch}} AS a JOIN (
                         SELECT record_id, max(probability) AS probability, min(list_position({_KINDS}, kind)) AS rank
                         FROM (SELECT left_record AS record_id, kind, probability, state FROM identity.edges
                               UNION ALL SELECT right_record, kind, probability, state FROM identity.edges)
                         WHERE state = 'linked' GROUP BY record_id) AS firmest USING (record_id)
                     WHERE a.kind <> 'founder' AND (list_position({_KINDS}, a.kind) < firmest.rank
                                                    OR a.probability > firmest.probability)""",
        ),
        NoRows(
            table="identity.assignments",
            name="no_profile_is_a_crowd",
            says=f"No profile has more than {MANY_RECORDS} records.",
            why="a shared device or mailbox may have joined many people into one",
            do=_RESOLVE,
            owner="identity",
            severity="warn",
            query=f"SELECT profile_id, count(*) AS records FROM {{batch}} GROUP BY ALL HAVING records > {MANY_RECORDS}",
        ),
    ]


def _founders() -> list[Rule]:
    order = "(landed_landing, landed_source, landed_position, record_id)"
    return [
        NoRows(
            table="identity.assignments",
            name="every_profile_has_its_own_founder",
            says="A profile has one founder, who is one of its records and is marked so.",
            why="the id of a profile is derived from its founder (invariant 4)",
            do=REPORT,
            owner="identity",
            query="""SELECT profile_id FROM {batch} GROUP BY profile_id
                     HAVING count(DISTINCT founder_record_id) <> 1
                         OR count(*) FILTER (kind = 'founder') <> 1
                         OR count(*) FILTER (kind = 'founder' AND record_id = founder_record_id) <> 1""",
        ),
        NoRows(
            table="identity.assignments",
            name="the_founder_landed_first",
            says="The founder is the record of its profile that landed first.",
            why="any other choice gives a rebuild other ids (invariant 4)",
            do=REPORT,
            owner="identity",
            query=f"""SELECT profile_id, any_value(founder_record_id) AS founder_record_id,
                            arg_min(record_id, {order}) AS landed_first
                     FROM {{batch}} JOIN identity.records USING (record_id)
                     GROUP BY profile_id HAVING landed_first <> any_value(founder_record_id)""",
        ),
        NoRows(
            table="identity.assignments",
            name="a_founder_has_one_profile",
            says="No record is the founder of two profiles.",
            why="two profiles with one founder would be one person with two ids",
            do=REPORT,
            owner="identity",
            query="SELECT founder_record_id FROM {batch} GROUP BY ALL HAVING count(DISTINCT profile_id) > 1",
        ),
        NoRows(
            table="identity.assignments",
            name="the_size_of_a_profile_is_true",
            says="The column records says how many records the profile has.",
            why="stewards sort by it to find profiles that grew too large",
            do=REPORT,
            owner="identity",
            query="SELECT profile_id, min(records) AS said, count(*) AS found FROM {batch} GROUP BY profile_id "
            "HAVING min(records) <> count(*) OR max(records) <> count(*)",
        ),
    ]


def _ids() -> list[Rule]:
    return [
        NoRows(
            table="identity.assignments",
            name="no_two_records_have_one_own_id",
            says="No two records have the same own profile id.",
            why="a retired id would lead to two people (invariant 4)",
            do=REPORT,
            owner="identity",
            query="SELECT own_profile_id, count(*) AS records FROM {batch} GROUP BY ALL HAVING records > 1",
        ),
        NoRows(
            table="identity.assignments",
            name="the_id_of_a_profile_is_its_founders_own",
            says="The id of a profile is the own profile id of its founder.",
            why="any other id changes with the next rebuild (invariant 4)",
            do=REPORT,
            owner="identity",
            query="SELECT record_id, profile_id, own_profile_id FROM {batch} "
            "WHERE kind = 'founder' AND own_profile_id <> profile_id",
        ),
        NoRows(
            table="identity.assignments",
            name="the_history_ends_in_the_assignments",
            says="What identity.history says last of a record is its profile; of one that is gone, that it is gone.",
            why="an answer about the past would contradict the present",
            do=REPORT,
            owner="identity",
            query="""WITH last AS (
                         SELECT record_id, profile_id AS believed FROM identity.history
                         QUALIFY row_number() OVER (PARTITION BY record_id ORDER BY revision DESC, true_from DESC) = 1)
                     SELECT record_id, profile_id, believed FROM {batch} FULL JOIN last USING (record_id)
                     WHERE profile_id IS DISTINCT FROM believed""",
        ),
        NoRows(
            table="ops.identity_changes",
            name="no_id_changes_for_nothing",
            says="In the newest run, no record's id changed while those who share its profile stayed the same.",
            why="whoever keeps our ids must follow a redirect for nothing; a line that landed early but was let in "
            "late, and founds, can do that (invariant 4)",
            do="see which run it was: clew identity changes; gold.profile_redirects says where each id leads",
            owner="identity",
            severity="warn",
            query="SELECT run_id, records_churned FROM {batch} "
            'WHERE "at" = (SELECT max("at") FROM ops.identity_changes) AND records_churned > 0',
        ),
    ]


def _questions() -> list[Rule]:
    return [
        NoRows(
            table="identity.review_queue",
            name="every_question_waits_for_an_answer",
            says="A question is about two profiles and an edge between them that is in review.",
            why="a steward who is asked what is settled stops answering",
            do=REPORT,
            owner="identity",
            query="""SELECT q.left_record, q.right_record FROM {batch} AS q
                     LEFT JOIN identity.edges AS e ON e.left_record = q.left_record
                         AND e.right_record = q.right_record AND e.state = 'review'
                     LEFT JOIN identity.assignments AS l ON l.record_id = q.left_record
                     LEFT JOIN identity.assignments AS r ON r.record_id = q.right_record
                     WHERE e.state IS NULL OR q.left_profile = q.right_profile
                         OR l.profile_id IS DISTINCT FROM q.left_profile
                         OR r.profile_id IS DISTINCT FROM q.right_profile""",
        ),
        NoRows(
            table="identity.review_queue",
            name="two_profiles_are_asked_about_once",
            says="No two questions are about the same two profiles.",
            why="one answer settles all edges between two profiles",
            do=REPORT,
            owner="identity",
            query="SELECT least(left_profile, right_profile) AS one, greatest(left_profile, right_profile) AS other "
            "FROM {batch} GROUP BY ALL HAVING count(*) > 1",
        ),
        NoRows(
            table="identity.edges",
            name="every_edge_in_review_is_asked_about",
            says="Two profiles that an edge in review would join are asked about, unless a steward unlinked them.",
            why="a pair that nobody is asked about stays unsettled for ever",
            do=REPORT,
            owner="identity",
            query="""WITH placed AS (
                         SELECT least(l.profile_id, r.profile_id) AS one, greatest(l.profile_id, r.profile_id) AS other,
                                state, rule
                         FROM {batch} JOIN identity.assignments AS l ON l.record_id = left_record
                         JOIN identity.assignments AS r ON r.record_id = right_record),
                     settled AS (
                         SELECT least(left_profile, right_profile) AS one,
                                greatest(left_profile, right_profile) AS other
                         FROM identity.review_queue
                         UNION SELECT one, other FROM placed WHERE rule = 'steward' AND state = 'blocked')
                     SELECT DISTINCT one, other FROM placed ANTI JOIN settled USING (one, other)
                     WHERE state = 'review'""",
        ),
    ]


def _spells() -> list[Rule]:
    return [
        NoRows(
            table="identity.stitches",
            name="one_account_at_a_time",
            says="A spell ends after it began, and not after the next one of the same record begins.",
            why="a visit in two spells would be counted for two people",
            do=REPORT,
            owner="identity",
            query="SELECT record_id, since FROM (SELECT *, lead(since) OVER (PARTITION BY record_id ORDER BY since) AS "
            "next FROM {batch}) WHERE until <= since OR coalesce(until > next, until IS NULL AND next IS NOT NULL)",
        ),
        NoRows(
            table="identity.stitches",
            name="every_spell_is_of_known_records",
            says="Both records of a spell are assigned to profiles.",
            why="its visits would belong to nobody and drop out of every journey",
            do=REPORT,
            owner="identity",
            query="SELECT record_id, since FROM {batch} WHERE record_id NOT IN (SELECT record_id FROM "
            "identity.assignments) OR account_record NOT IN (SELECT record_id FROM identity.assignments)",
        ),
        NoRows(
            table="identity.stitches",
            name="every_spell_is_possible_and_has_evidence",
            says="The probability of a spell is between 0 and 1, and its evidence names an identifier.",
            why="no link without evidence (invariant 5)",
            do=REPORT,
            owner="identity",
            query="SELECT record_id, since FROM {batch} WHERE NOT coalesce(probability BETWEEN 0 AND 1, false) "
            "OR json_extract_string(try_cast(evidence AS JSON), '$.identifier') IS NULL",
        ),
    ]
