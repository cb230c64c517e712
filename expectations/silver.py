"""The silver gate: conservation, recounted from bronze and the silver tables themselves, freshness and references.

The account in ops.row_counts is what silver says of itself. It is not believed: lines are counted in bronze, and kept,
duplicates and quarantined in their tables, so a row that vanished is missed even if the account balances.
"""

from collections.abc import Sequence

from expectations import declared
from expectations.rule import NoRows, OneOf, Rule
from expectations.suite import Scene, Suite
from lakehouse.tombstones import READY, all_erased_parts

QUARANTINE_SHARE = 0.05
"""Above this share of a landing's messages, people should look: the sandbox breaks about one in a hundred."""
QUARANTINE_ENOUGH = 100
"""Messages from which a share says something: in a landing of ten, one broken line is a tenth."""
TABLES = ("events", "identifiers", "customer_records", "consents", "quarantine", "duplicates")

_REBUILD = "build silver anew from the landing named here on: clew run --from-landing N"


def suite(scene: Scene) -> Suite:
    """Build the gate's rules for the declared sources."""
    contracts = scene.contracts
    sources = sorted(contracts.sources)
    csv = {name: contracts.sources[name].format.columns for name in sources if contracts.sources[name].format.columns}
    rules: list[Rule] = []
    for source in sources:
        rules += _bronze(declared.rules(contracts.table(f"bronze.{source}"), f"bronze.{source}"))
    for table in TABLES:
        rules += declared.rules(contracts.table(f"silver.{table}"))
    rules += [
        *_accounts(),
        *_fates(),
        *_references(
            sorted(contracts.policy.purposes), sorted(e.event for e in contracts.events.values() if e.consent)
        ),
        *_identifiers(tuple(contracts.identity.identifiers)),
        *_freshness(scene, sources),
        _unheard(scene),
    ]
    return Suite("silver", tuple(rules), _prepare(sources, csv))


_LINE = "ltrim(rtrim(payload, chr(13)), chr(65279))"
_TEXT = f"ltrim({_LINE}, ' ' || chr(9) || chr(13))"
# Half an emoji, as JavaScript cuts them, is JSON to silver's reader and none to DuckDB. To the count it is all one.
_JSON = rf"regexp_replace({_TEXT}, '\\u[dD][89a-fA-F][0-9a-fA-F]{{2}}', 'n', 'g')"
_MESSAGES = f"""CASE WHEN NOT (starts_with({_TEXT}, '[') OR contains({_TEXT}, '"batch"')) OR NOT json_valid({_JSON})
                     THEN 1
                     ELSE greatest(1, coalesce(CASE json_type({_JSON}) WHEN 'ARRAY' THEN json_array_length({_JSON})
                                               WHEN 'OBJECT' THEN json_array_length({_JSON}, '$.batch') END, 1)) END"""
"""How many messages a line holds, counted by another JSON reader than the one that made silver."""


def _is_head(columns: Sequence[str]) -> str:
    """Whether a line may be a header: the first of its file, with the name of each of the columns."""
    return " AND ".join(["line = 1", *(f"contains(lower(payload), '{column}')" for column in columns)])


def _prepare(sources: list[str], csv: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The tables that several rules read.

    Args:
        sources: The declared sources.
        csv: The columns of those that land as CSV.
    """
    lines = " UNION ALL ".join(
        f"SELECT '{source}' AS source, position, landing, {'1' if source in csv else _MESSAGES} AS messages, "
        f"{_is_head(csv[source]) if source in csv else 'false'} AS is_head FROM bronze.{source}"
        for source in sources
    )
    fates = " UNION ALL ".join(
        f"SELECT source, position, part, landing, '{fate}' AS fate FROM silver.{table}"
        for table, fate in (("events", "kept"), ("duplicates", "duplicate"), ("quarantine", "quarantined"))
    )
    fates += (
        f" UNION ALL SELECT source, position, part, landing, 'erased' FROM ({all_erased_parts(sources, list(csv))})"
    )
    # A CSV line is one message, so only the others can stand whole in the place of several.
    whole = ["SELECT '' AS source, 0 AS position WHERE false"] + [
        f"SELECT source, position FROM silver.quarantine JOIN (SELECT position, {_LINE} AS line_text "
        f"FROM bronze.{source}) USING (position) WHERE source = '{source}' AND part = 0 AND payload = line_text"
        for source in sources
        if source not in csv
    ]
    return (
        READY,
        f"CREATE OR REPLACE TEMP TABLE gate_lines AS {lines}",
        f"CREATE OR REPLACE TEMP TABLE gate_whole AS {' UNION ALL '.join(whole)}",
        f"CREATE OR REPLACE TEMP TABLE gate_fates AS {fates}",
        """CREATE OR REPLACE TEMP TABLE gate_recount AS
           SELECT source, landing, coalesce(lines, 0) AS lines, coalesce(seen, 0) AS seen,
                  coalesce(kept, 0) AS kept, coalesce(duplicates, 0) AS duplicates,
                  coalesce(quarantined, 0) AS quarantined, coalesce(erased, 0) AS erased, coalesce(heads, 0) AS heads
           FROM (SELECT source, landing, count(*) AS lines, count(*) FILTER (is_head) AS heads
                 FROM gate_lines GROUP BY ALL)
           FULL JOIN (SELECT source, landing, count(DISTINCT position) AS seen,
                             count(*) FILTER (fate = 'kept') AS kept,
                             count(*) FILTER (fate = 'duplicate') AS duplicates,
                             count(*) FILTER (fate = 'quarantined') AS quarantined,
                             count(*) FILTER (fate = 'erased') AS erased
                      FROM gate_fates GROUP BY ALL) USING (source, landing)""",
        """CREATE OR REPLACE TEMP TABLE gate_accounts AS
           SELECT counts.* FROM ops.row_counts AS counts
           LEFT JOIN (SELECT run_id, max("at") AS last_at FROM ops.runs GROUP BY run_id) USING (run_id)
           QUALIFY row_number() OVER (
               PARTITION BY source, landing ORDER BY last_at DESC NULLS LAST, run_id DESC) = 1""",
    )


def _bronze(rules: list[Rule]) -> list[Rule]:
    """Of bronze only what the recount rests on: the order of landing. Its other columns are constants of a landing."""
    return [rule for rule in rules if rule.name in ("one_row_per_key", "position_is_given", "landing_is_given")]


def _accounts() -> list[Rule]:
    return [
        NoRows(
            table="ops.row_counts",
            name="every_landing_has_an_account",
            says="Every source and landing that bronze holds has an account in ops.row_counts.",
            why="a landing nobody accounted for may have been skipped as a whole",
            do=_REBUILD,
            owner="quality",
            query="SELECT source, landing, lines FROM gate_recount WHERE (source, landing) NOT IN "
            "(SELECT (source, landing) FROM {batch})",
        ),
        NoRows(
            table="ops.row_counts",
            name="every_account_balances",
            says="lines + unpacked = headers + kept + duplicates + quarantined + erased, in every account.",
            why="a difference is a row that vanished or came from nowhere (invariant 1)",
            do=_REBUILD,
            owner="quality",
            query="SELECT run_id, source, landing, lines + unpacked AS came, "
            "headers + kept + duplicates + quarantined + erased AS went FROM {batch} WHERE came <> went",
        ),
        NoRows(
            table="ops.row_counts",
            name="every_account_is_true",
            says="The newest account of a landing says what a recount of bronze and the silver tables finds.",
            why="an account that balances by itself proves nothing (invariant 1)",
            do=_REBUILD,
            owner="quality",
            query="""SELECT source, landing, a.lines AS lines_said, r.lines, a.kept AS kept_said, r.kept,
                            a.duplicates AS duplicates_said, r.duplicates,
                            a.quarantined AS quarantined_said, r.quarantined, a.erased AS erased_said, r.erased,
                            a.headers AS headers_said, r.lines - r.seen AS headers
                     FROM (SELECT * FROM gate_accounts WHERE lines + kept + duplicates + quarantined + erased > 0) AS a
                     FULL JOIN gate_recount AS r USING (source, landing)
                     WHERE a.lines IS DISTINCT FROM r.lines OR a.kept IS DISTINCT FROM r.kept
                        OR a.duplicates IS DISTINCT FROM r.duplicates
                        OR a.quarantined IS DISTINCT FROM r.quarantined OR a.erased IS DISTINCT FROM r.erased
                        OR a.headers > r.heads
                        OR a.headers <> r.lines - r.seen
                        OR a.unpacked <> r.kept + r.duplicates + r.quarantined + r.erased - r.seen""",
        ),
    ]


def _fates() -> list[Rule]:
    return [
        NoRows(
            table="silver.events",
            name="every_message_of_a_line_has_a_fate",
            says="Every message of every line of bronze, all parts of a batch too, is kept, a duplicate, in "
            "quarantine (there at least within its whole line) or erased; only the header of a CSV file is none.",
            why="a message without a fate was dropped in silence (invariant 1)",
            do=_REBUILD,
            owner="quality",
            query="""SELECT l.source, l.position, l.messages, coalesce(f.parts, 0) AS fates FROM gate_lines AS l
                      LEFT JOIN (SELECT source, position, count(DISTINCT part) AS parts FROM gate_fates GROUP BY ALL)
                           AS f USING (source, position)
                      WHERE l.messages <> coalesce(f.parts, 0)
                        AND NOT (f.parts = 1 AND (l.source, l.position) IN (FROM gate_whole))
                        AND NOT (f.parts IS NULL AND l.is_head)""",
        ),
        NoRows(
            table="silver.events",
            name="every_message_has_one_fate",
            says="No message (source, position, part) is in two of silver.events, duplicates and quarantine; an "
            "erased one is in none.",
            why="a message with two fates hides one that has none: the account would still balance",
            do=_REBUILD,
            owner="quality",
            query="SELECT source, position, part FROM gate_fates GROUP BY ALL HAVING count(*) > 1",
        ),
        NoRows(
            table="silver.events",
            name="nothing_comes_from_nowhere",
            says="Every message of silver, with its landing, comes from a line of bronze.",
            why="silver is a function of bronze (invariant 2); a row without a line cannot be rebuilt",
            do=_REBUILD,
            owner="quality",
            query="SELECT f.source, f.position, f.part FROM gate_fates AS f ANTI JOIN gate_lines AS l "
            "ON l.source = f.source AND l.position = f.position AND l.landing = f.landing",
        ),
        NoRows(
            table="silver.duplicates",
            name="every_duplicate_has_its_original",
            says="The message that a duplicate repeats is in silver.events.",
            why="a duplicate of nothing is a lost message",
            do=_REBUILD,
            owner="quality",
            query="SELECT source, position, part FROM {batch} AS d ANTI JOIN silver.events AS e USING (event_id)",
        ),
        NoRows(
            table="silver.quarantine",
            name="every_refusal_has_a_reason",
            says="Every row in quarantine says why it is there.",
            why="without a reason nobody can mend the sender or the contract",
            do="report it as a fault of spark_jobs.silver",
            owner="quality",
            query="SELECT source, position, part FROM {batch} WHERE coalesce(len(reasons), 0) = 0",
        ),
        NoRows(
            table="silver.events",
            name="every_identify_call_is_a_customer_record",
            says="Every identify call that names somebody and says something of them is in silver.customer_records.",
            why="what a person said of themselves would be missing from their profile, and nobody would see it",
            do=_REBUILD,
            owner="platform",
            query="SELECT event_id FROM {batch} AS e ANTI JOIN silver.customer_records AS r USING (event_id) "
            "WHERE e.type = 'identify' AND e.record_id IS NOT NULL AND cardinality(e.traits) > 0",
        ),
    ]


def _references(purposes: list[str], speaking: list[str]) -> list[Rule]:
    events, known = _texts(speaking), _texts(purposes)
    return [
        NoRows(
            table="silver.consents",
            name="every_consent_has_its_event",
            says="Every consent names an event of silver.events.",
            why="the event is the evidence that an exported row is allowed (invariant 6)",
            do=_REBUILD,
            owner="privacy",
            query="SELECT event_id, purpose FROM {batch} AS c ANTI JOIN silver.events AS e USING (event_id)",
        ),
        NoRows(
            table="silver.events",
            name="every_word_on_consent_is_known",
            says="Every event that speaks of consent and names somebody is in silver.consents.",
            why="a withdrawal that got lost would be written to (invariant 6)",
            do=_REBUILD,
            owner="privacy",
            query="SELECT event_id FROM {batch} AS e ANTI JOIN silver.consents AS c USING (event_id) "
            f"WHERE e.record_id IS NOT NULL AND e.event IN ({events})",
        ),
        NoRows(
            table="silver.consents",
            name="every_purpose_is_declared",
            says="Every consent speaks of a purpose of contracts/consent/purposes.yml.",
            why="a yes to a purpose that nobody declared allows nothing, and a no to it would be overlooked",
            do="declare the purpose, or let the consent event's contract refuse it",
            owner="privacy",
            query=f"SELECT event_id, purpose FROM {{batch}} WHERE purpose NOT IN ({known})",
        ),
        NoRows(
            table="silver.customer_records",
            name="every_customer_record_has_its_event",
            says="Every customer record names an event of silver.events.",
            why="a profile's values must lead back to what was sent",
            do=_REBUILD,
            owner="platform",
            query="SELECT event_id FROM {batch} AS r ANTI JOIN silver.events AS e USING (event_id)",
        ),
    ]


def _identifiers(kinds: tuple[str, ...]) -> list[Rule]:
    return [
        NoRows(
            table="silver.identifiers",
            name="every_identifier_has_its_record",
            says="Every identifier belongs to a record that some event of silver.events speaks of.",
            why="an identifier of nobody would join people by accident",
            do=_REBUILD,
            owner="identity",
            query="SELECT DISTINCT record_id, identifier FROM {batch} AS i "
            "ANTI JOIN (SELECT DISTINCT record_id FROM silver.events) AS e USING (record_id)",
        ),
        OneOf(
            table="silver.identifiers",
            name="every_identifier_is_of_a_declared_kind",
            says=f"identifier is one of: {', '.join(kinds)}.",
            why="no rule of contracts/identity.yml standardises or weighs an identifier of another kind",
            do=f"declare it in contracts/identity.yml; or, if it was dropped on purpose, {_REBUILD}",
            owner="identity",
            column="identifier",
            allowed=kinds,
            key=("record_id", "identifier"),
        ),
    ]


def _freshness(scene: Scene, sources: list[str]) -> list[Rule]:
    named = ", ".join(f"('{source}')" for source in sources)
    as_of = f"DATE '{scene.as_of.isoformat()}'"
    return [
        NoRows(
            table="ops.row_counts",
            name="every_source_landed",
            says="Every declared source brought lines in the newest landing.",
            why="a channel that fell silent looks like customers who left",
            do="ask the owner of the source whether its delivery failed; nothing else waits for it",
            owner="platform",
            severity="warn",
            query=f"SELECT source FROM (VALUES {named}) AS declared(source) WHERE source NOT IN (SELECT source "
            "FROM gate_lines WHERE landing = (SELECT max(landing) FROM gate_lines))",
        ),
        NoRows(
            table="silver.events",
            name="events_reach_the_date_of_the_run",
            says="The latest event is at most two days older than the date the run stands for.",
            why="a report for a day without that day's events misleads",
            do="see whether the day's files are in landing/; if the date was meant, nothing is to be done",
            owner="platform",
            severity="warn",
            query=f"SELECT max(occurred_at) AS latest_event FROM {{batch}} "
            f"HAVING latest_event IS NULL OR latest_event < {as_of} - INTERVAL 2 DAY",
        ),
        NoRows(
            table="silver.quarantine",
            name="quarantine_is_small",
            says=f"At most {QUARANTINE_SHARE:.0%} of a source's messages in the newest landing are in quarantine.",
            why="many refusals at once mean that a sender or a contract changed",
            do='see the reasons: clew query "select source, reasons, count(*) from silver.quarantine group by all"',
            owner="quality",
            severity="warn",
            query=f"""SELECT source, landing, quarantined, kept + duplicates + quarantined AS messages
                      FROM gate_recount WHERE landing = (SELECT max(landing) FROM gate_lines)
                      AND messages >= {QUARANTINE_ENOUGH} AND quarantined > {QUARANTINE_SHARE} * messages""",
        ),
    ]


def _unheard(scene: Scene) -> Rule:
    """A no that a contract refuses keeps nobody out, so people must look at each."""
    events = scene.contracts.events.values()
    speaking = sorted(event.event for event in events if event.consent)
    of_source = {source: [e for e in events if source in e.sources] for source in scene.contracts.sources}
    only = sorted(name for name, theirs in of_source.items() if theirs and all(e.consent for e in theirs))
    said = f"event IN ({_texts(speaking)}) OR (event IS NULL AND source IN ({_texts(only)}))"
    return NoRows(
        table="silver.quarantine",
        name="every_word_on_permission_is_heard",
        says="No message that speaks of permission is in quarantine.",
        why="a no among them keeps nobody out, neither of exports nor of the hourly retractions",
        do="see the reasons (docs/runbooks/quarantine.md), mend the sender or the contract, then clew requeue",
        owner="privacy",
        severity="warn",
        query=f"SELECT source, position, part FROM {{batch}} WHERE {said}",
    )


def _texts(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "NULL"
