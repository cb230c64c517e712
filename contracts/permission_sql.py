"""The consent policy compiled to SQL: one statement that DuckDB and Spark run alike (a test holds them together).

It reads two relations. ``statements`` has, of every statement of a record that has a profile: profile_id, record_id,
event_id, purpose, topic, status, given_at, until_at, notice_version, region, received_at. ``people`` has one row a
profile: profile_id, birth_date, country. Times are UTC, and so must be the time zone of the session.

All names come from the policy, which holds them, and places, to characters that end no text in SQL.
"""

import datetime

from contracts.permission import Moment
from contracts.purpose import ELSEWHERE, REFUSALS, STRICTEST_FIRST, UNKNOWN, Policy

COLUMNS = (
    "profile_id",
    "purpose",
    "status",
    "may_use",
    "rule",
    "event_id",
    "notice_version",
    "given_at",
    "known_since",
    "expires_at",
    "jurisdiction",
    "topics_refused",
    "policy_version",
)
"""Columns of the statement, and of gold.consent_state."""


def consent_state(policy: Policy, moment: Moment, statements: str, people: str) -> str:
    """One row a profile and purpose: what its statements come to.

    Args:
        policy: The rules.
        moment: The day to decide for.
        statements: A relation in SQL, such as a table's name or a query in parentheses.
        people: Likewise.
    """
    steps = (
        _declared(policy),
        _heard(policy, moment, statements, people),
        _settled(moment),
        _paused(moment),
        _decisive(policy),
        _judged(policy, moment),
    )
    return f"\nWITH {', '.join(steps)}\n{_shown(policy)}"


_REFUSED = ", ".join(f"'{status}'" for status in REFUSALS)


def _declared(policy: Policy) -> str:
    return f"""rules AS (
    SELECT * FROM (VALUES
        {_rules(policy)}
    ) AS declared (purpose, jurisdiction, across, is_allowed, minimum_age, refuses_unknown_age, expires_after_days)
)"""


def _heard(policy: Policy, moment: Moment, statements: str, people: str) -> str:
    """The statements that count on the day, each with the rules of the place where it was made."""
    told = {"region": "s.region", "country": "p.country"}
    place = ", ".join(f"nullif(trim({told[name]}), '')" for name in policy.jurisdiction_from)
    return f"""everybody AS (
    SELECT profile_id, birth_date, country FROM {people} AS given
), located AS (
    SELECT s.*, {said_at("s")} AS said_at, coalesce({place}) AS place, p.birth_date
    FROM {statements} AS s INNER JOIN everybody AS p ON p.profile_id = s.profile_id
), heard AS (
    SELECT located.*, coalesce(topic, '') AS part, {_jurisdiction(policy, "place")} AS jurisdiction
    FROM located WHERE {is_heard(moment, "located")}
), ruled AS (
    SELECT heard.*, r.across, r.is_allowed, r.minimum_age, r.refuses_unknown_age,
           CASE WHEN status = 'granted' THEN said_at + r.expires_after_days * INTERVAL '1' DAY END AS expires_at
    FROM heard INNER JOIN rules AS r ON r.purpose = heard.purpose AND r.jurisdiction = heard.jurisdiction
)"""


def _settled(moment: Moment) -> str:
    """Of each record its last word, and of a person's last words the one that decides, for a purpose or a topic.

    Every step adds columns to the statements and joins nothing: a step that is read twice, Spark would compute twice.
    """
    later_first = f"said_at DESC, {_place_of('status', STRICTEST_FIRST)}, event_id"
    return f"""answers AS (
    SELECT *, status <> 'snoozed' AND row_number() OVER (
                  PARTITION BY profile_id, purpose, part, record_id
                  ORDER BY CASE WHEN status = 'snoozed' THEN 1 ELSE 0 END, {later_first}) = 1 AS is_last_word,
           CASE WHEN across = 'latest' THEN 0 WHEN expires_at <= {_instant(moment.end)} THEN 9
                ELSE {_place_of("status", STRICTEST_FIRST)} END AS strictness
    FROM ruled
), ranked AS (
    SELECT *, is_last_word AND row_number() OVER (
                  PARTITION BY profile_id, purpose, part
                  ORDER BY CASE WHEN is_last_word THEN 0 ELSE 1 END, strictness, {later_first}) = 1 AS is_winner,
           max(CASE WHEN is_last_word THEN said_at END) OVER (PARTITION BY profile_id, purpose, part, record_id)
               AS own_said_at
    FROM answers
)"""


def _paused(moment: Moment) -> str:
    """The pauses that last on the day, and that no later word ended; the longest of each purpose or topic."""
    return f"""ended AS (
    SELECT *, CASE WHEN across = 'strictest' THEN own_said_at
                   ELSE max(CASE WHEN is_winner THEN said_at END) OVER (PARTITION BY profile_id, purpose, part)
              END AS pauses_end_at
    FROM ranked
), lasting AS (
    SELECT *, coalesce(status = 'snoozed' AND (until_at IS NULL OR until_at > {_instant(moment.start)})
                       AND given_at >= coalesce(pauses_end_at, given_at), false) AS lasts
    FROM ended
), weighed AS (
    SELECT *, lasts AND row_number() OVER (
                  PARTITION BY profile_id, purpose, part
                  ORDER BY CASE WHEN lasts THEN 0 ELSE 1 END, CASE WHEN until_at IS NULL THEN 0 ELSE 1 END,
                           until_at DESC, given_at DESC, event_id) = 1 AS is_pause
    FROM lasting
)"""


_OF_A_YES_OR_NO = (
    *("event_id", "status", "said_at", "notice_version", "given_at", "received_at", "expires_at", "jurisdiction"),
    *("birth_date", "is_allowed", "minimum_age", "refuses_unknown_age"),
)
_OF_A_PAUSE = ("event_id", "notice_version", "given_at", "received_at", "until_at", "jurisdiction")


def _decisive(policy: Policy) -> str:
    """One row a profile and purpose of which something was said: what decides (yes_…, pause_…), and topics refused."""
    columns = [
        f"max(CASE WHEN part = '' AND {kept} THEN {column} END) AS {kind}_{column}"
        for kind, kept, names in (("yes", "is_winner", _OF_A_YES_OR_NO), ("pause", "is_pause", _OF_A_PAUSE))
        for column in names
    ]
    shown = ",\n           ".join([*columns, f"{_topics(policy)} AS topics_refused"])
    return f"""decisive AS (
    SELECT profile_id, purpose,
           {shown}
    FROM weighed WHERE is_winner OR is_pause GROUP BY profile_id, purpose
)"""


def _judged(policy: Policy, moment: Moment) -> str:
    """One row a profile and purpose, with its status."""
    home = _jurisdiction(policy, "trim(p.country)" if "country" in policy.jurisdiction_from else "cast(NULL AS string)")
    return f"""purposes AS (
    SELECT DISTINCT purpose, across FROM rules
), judged AS (
    SELECT d.*, p.profile_id AS whose, q.purpose AS what, q.across, {home} AS home,
           CASE WHEN yes_status IN ({_REFUSED}) THEN yes_status
                WHEN pause_event_id IS NOT NULL THEN 'snoozed'
                WHEN yes_event_id IS NULL THEN 'no_consent_known'
                WHEN NOT yes_is_allowed THEN 'jurisdiction'
                WHEN yes_birth_date IS NULL AND yes_minimum_age IS NOT NULL AND yes_refuses_unknown_age
                    THEN 'age_unknown'
                WHEN yes_birth_date + yes_minimum_age * INTERVAL '1' YEAR > cast(yes_said_at AS date) THEN 'too_young'
                WHEN yes_expires_at <= {_instant(moment.end)} THEN 'expired'
                ELSE 'granted' END AS status
    FROM everybody AS p CROSS JOIN purposes AS q
    LEFT JOIN decisive AS d ON d.profile_id = p.profile_id AND d.purpose = q.purpose
)"""


def _shown(policy: Policy) -> str:
    """The columns of ``COLUMNS``."""
    return f"""SELECT whose AS profile_id, what AS purpose, status,
       status = 'granted' AND yes_notice_version IS NOT NULL AS may_use,
       CASE status WHEN 'snoozed' THEN 'snooze' WHEN 'no_consent_known' THEN 'default'
                   WHEN 'jurisdiction' THEN 'allowed_in' WHEN 'age_unknown' THEN 'unknown_age'
                   WHEN 'too_young' THEN 'minimum_age' WHEN 'expired' THEN 'expires_after_days'
                   ELSE CASE WHEN status = 'granted' AND yes_notice_version IS NULL THEN 'notice' ELSE across END
       END AS rule,
       CASE WHEN status = 'snoozed' THEN pause_event_id ELSE yes_event_id END AS event_id,
       CASE WHEN status = 'snoozed' THEN pause_notice_version ELSE yes_notice_version END AS notice_version,
       CASE WHEN status = 'snoozed' THEN pause_given_at ELSE yes_given_at END AS given_at,
       CASE WHEN status = 'snoozed' THEN pause_received_at ELSE yes_received_at END AS known_since,
       CASE WHEN status = 'snoozed' THEN pause_until_at ELSE yes_expires_at END AS expires_at,
       coalesce(CASE WHEN status = 'snoozed' THEN pause_jurisdiction ELSE yes_jurisdiction END, home) AS jurisdiction,
       topics_refused,
       '{policy.version}' AS policy_version
FROM judged"""


def said_at(statement: str) -> str:
    """When a statement was said, in SQL: the twin of ``Statement.said_at``.

    Args:
        statement: The name of a relation with status, given_at and received_at.
    """
    given_at, received_at = f"{statement}.given_at", f"{statement}.received_at"
    return f"CASE WHEN {statement}.status = 'granted' THEN least({given_at}, {received_at}) ELSE {given_at} END"


def is_heard(moment: Moment, statement: str) -> str:
    """Whether a statement counts on the day, in SQL: the twin of ``permission._unheard``.

    Args:
        moment: The day, and by whose knowledge.
        statement: The name of a relation with status, given_at and received_at.
    """
    heard = f"{said_at(statement)} < {_instant(moment.end)}"
    if moment.heeds_later_refusals:
        heard = f"({heard} OR {statement}.status IN ({_REFUSED}))"
    if moment.known_at is not None:
        heard += f" AND {statement}.received_at < {_instant(Moment(moment.known_at).end)}"
    return heard


def _rules(policy: Policy) -> str:
    """The limits of each purpose in each jurisdiction, as rows."""
    rows = []
    for name, purpose in policy.purposes.items():
        for place in policy.every_jurisdiction:
            limits = purpose.limits(place)
            values = (
                f"'{name}'",
                f"'{place}'",
                f"'{purpose.across}'",
                _boolean(limits.is_allowed),
                _integer(limits.minimum_age),
                _boolean(limits.unknown_age == "refuse"),
                _integer(limits.expires_after_days),
            )
            rows.append(f"({', '.join(values)})")
    return ",\n        ".join(rows)


def _jurisdiction(policy: Policy, place: str) -> str:
    """The jurisdiction of a place, in SQL. Places have only characters that mean nothing in a pattern."""
    told = f"upper({place})"
    whole = f"substr({told}, 1, instr({told} || '-', '-') - 1)"
    parts, wholes = [], dict[str, list[str]]()
    for known, name in policy.places:
        if "-" in known:
            parts.append(f"WHEN {told} = '{known}' OR {told} LIKE '{known}-%' THEN '{name}'")
        else:
            wholes.setdefault(name, []).append(f"'{known}'")
    # A part of a country is longer than its name, so names come last; as lists, for a condition is written anew
    # wherever Spark pushes it.
    lists = [f"WHEN {whole} IN ({', '.join(known)}) THEN '{name}'" for name, known in wholes.items()]
    branches = " ".join(parts + lists)
    return f"CASE WHEN coalesce({told}, '') = '' THEN '{UNKNOWN}' {branches} ELSE '{ELSEWHERE}' END"


def _topics(policy: Policy) -> str:
    """The refused topics as one text, sorted, comma between."""
    refused = f"(is_pause OR status IN ({_REFUSED}))"
    purposes_of: dict[str, list[str]] = {}
    for name, purpose in policy.purposes.items():
        for topic in purpose.topics:
            purposes_of.setdefault(topic, []).append(f"'{name}'")
    if not purposes_of:
        return "cast(NULL AS string)"
    named = ", ".join(
        f"max(CASE WHEN part = '{topic}' AND purpose IN ({', '.join(names)}) AND {refused} THEN '{topic}' END)"
        for topic, names in sorted(purposes_of.items())
    )
    return f"nullif(concat_ws(',', {named}), '')"


def _place_of(column: str, words: tuple[str, ...]) -> str:
    """The place of a word in a list, from 1; a word that is not in it comes last."""
    branches = " ".join(f"WHEN '{word}' THEN {number}" for number, word in enumerate(words, 1))
    return f"CASE {column} {branches} ELSE {len(words) + 1} END"


def _instant(moment: datetime.datetime) -> str:
    return f"cast('{moment.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S}' AS timestamp)"


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _integer(value: int | None) -> str:
    return "cast(NULL AS int)" if value is None else str(value)
