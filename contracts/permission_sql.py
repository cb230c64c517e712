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
        _topics_refused(policy),
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
    """Of each record its last word, and of a person's last words the one that decides, for a purpose or a topic."""
    later_first = f"said_at DESC, {_place_of('status', STRICTEST_FIRST)}, event_id"
    return f"""last_words AS (
    SELECT *, CASE WHEN across = 'latest' THEN 0 WHEN expires_at <= {_instant(moment.end)} THEN 9
                   ELSE {_place_of("status", STRICTEST_FIRST)} END AS strictness
    FROM (SELECT *, row_number() OVER (PARTITION BY profile_id, purpose, part, record_id ORDER BY {later_first})
                    AS from_the_last
          FROM ruled WHERE status <> 'snoozed') AS answers
    WHERE from_the_last = 1
), winners AS (
    SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY profile_id, purpose, part ORDER BY strictness, {later_first})
                  AS from_the_best
        FROM last_words) AS ranked
    WHERE from_the_best = 1
)"""


def _paused(moment: Moment) -> str:
    """The pauses that last on the day, and that no later word ended; the longest of each purpose or topic."""
    return f"""pauses AS (
    SELECT * FROM (
        SELECT s.*, row_number() OVER (
                   PARTITION BY s.profile_id, s.purpose, s.part
                   ORDER BY CASE WHEN s.until_at IS NULL THEN 0 ELSE 1 END, s.until_at DESC, s.given_at DESC,
                            s.event_id) AS from_the_longest
        FROM ruled AS s
        LEFT JOIN winners AS w ON w.profile_id = s.profile_id AND w.purpose = s.purpose AND w.part = s.part
        LEFT JOIN last_words AS own ON own.profile_id = s.profile_id AND own.purpose = s.purpose
             AND own.part = s.part AND own.record_id = s.record_id
        WHERE s.status = 'snoozed' AND (s.until_at IS NULL OR s.until_at > {_instant(moment.start)})
          AND s.given_at >= coalesce(CASE WHEN s.across = 'strictest' THEN own.said_at ELSE w.said_at END,
                                     s.given_at)) AS lasting
    WHERE from_the_longest = 1
)"""


def _topics_refused(policy: Policy) -> str:
    return f"""parts_refused AS (
    SELECT profile_id, purpose, part FROM winners WHERE part <> '' AND status IN ({_REFUSED})
    UNION
    SELECT profile_id, purpose, part FROM pauses WHERE part <> ''
), topics AS (
    SELECT profile_id, purpose, {_topics(policy)} AS topics_refused FROM parts_refused GROUP BY profile_id, purpose
)"""


def _judged(policy: Policy, moment: Moment) -> str:
    """One row a profile and purpose: the status, the yes or no that decides (yes_…), and the pause (pause_…)."""
    home = _jurisdiction(policy, "trim(p.country)" if "country" in policy.jurisdiction_from else "cast(NULL AS string)")
    return f"""purposes AS (
    SELECT DISTINCT purpose, across FROM rules
), judged AS (
    SELECT p.profile_id, q.purpose, q.across, {home} AS home, t.topics_refused,
           CASE WHEN w.status IN ({_REFUSED}) THEN w.status
                WHEN z.event_id IS NOT NULL THEN 'snoozed'
                WHEN w.event_id IS NULL THEN 'no_consent_known'
                WHEN NOT w.is_allowed THEN 'jurisdiction'
                WHEN w.birth_date IS NULL AND w.minimum_age IS NOT NULL AND w.refuses_unknown_age THEN 'age_unknown'
                WHEN w.birth_date + w.minimum_age * INTERVAL '1' YEAR > cast(w.said_at AS date) THEN 'too_young'
                WHEN w.expires_at <= {_instant(moment.end)} THEN 'expired'
                ELSE 'granted' END AS status,
           w.event_id AS yes_id, w.notice_version AS yes_notice, w.given_at AS yes_at, w.received_at AS yes_since,
           w.expires_at AS yes_until, w.jurisdiction AS yes_in,
           z.event_id AS pause_id, z.notice_version AS pause_notice, z.given_at AS pause_at,
           z.received_at AS pause_since, z.until_at AS pause_until, z.jurisdiction AS pause_in
    FROM everybody AS p CROSS JOIN purposes AS q
    LEFT JOIN winners AS w ON w.profile_id = p.profile_id AND w.purpose = q.purpose AND w.part = ''
    LEFT JOIN pauses AS z ON z.profile_id = p.profile_id AND z.purpose = q.purpose AND z.part = ''
    LEFT JOIN topics AS t ON t.profile_id = p.profile_id AND t.purpose = q.purpose
)"""


def _shown(policy: Policy) -> str:
    """The columns of ``COLUMNS``."""
    return f"""SELECT profile_id, purpose, status,
       status = 'granted' AND yes_notice IS NOT NULL AS may_use,
       CASE status WHEN 'snoozed' THEN 'snooze' WHEN 'no_consent_known' THEN 'default'
                   WHEN 'jurisdiction' THEN 'allowed_in' WHEN 'age_unknown' THEN 'unknown_age'
                   WHEN 'too_young' THEN 'minimum_age' WHEN 'expired' THEN 'expires_after_days'
                   ELSE CASE WHEN status = 'granted' AND yes_notice IS NULL THEN 'notice' ELSE across END
       END AS rule,
       CASE WHEN status = 'snoozed' THEN pause_id ELSE yes_id END AS event_id,
       CASE WHEN status = 'snoozed' THEN pause_notice ELSE yes_notice END AS notice_version,
       CASE WHEN status = 'snoozed' THEN pause_at ELSE yes_at END AS given_at,
       CASE WHEN status = 'snoozed' THEN pause_since ELSE yes_since END AS known_since,
       CASE WHEN status = 'snoozed' THEN pause_until ELSE yes_until END AS expires_at,
       coalesce(CASE WHEN status = 'snoozed' THEN pause_in ELSE yes_in END, home) AS jurisdiction,
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
    branches = " ".join(
        f"WHEN {told} = '{known}' OR {told} LIKE '{known}-%' THEN '{name}'" for known, name in policy.places
    )
    return f"CASE WHEN coalesce({told}, '') = '' THEN '{UNKNOWN}' {branches} ELSE '{ELSEWHERE}' END"


def _topics(policy: Policy) -> str:
    """The refused topics as one text, sorted, comma between."""
    purposes_of: dict[str, list[str]] = {}
    for name, purpose in policy.purposes.items():
        for topic in purpose.topics:
            purposes_of.setdefault(topic, []).append(f"'{name}'")
    if not purposes_of:
        return "cast(NULL AS string)"
    named = ", ".join(
        f"max(CASE WHEN part = '{topic}' AND purpose IN ({', '.join(names)}) THEN '{topic}' END)"
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
