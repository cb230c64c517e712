"""A person's raw messages, by source, with what became of each; and refused messages that hold their identifiers."""

import re
from typing import TYPE_CHECKING, Any

from clew.held.person import EVENTS, Person
from clew.traced.lines import is_shared, places
from contracts import period
from contracts.source import Source
from spark_jobs.privacy.fields import refused_fields, show_forms
from spark_jobs.privacy.keys import tokens
from spark_jobs.privacy.texts import naming

if TYPE_CHECKING:
    from clew.traced.opened import Opened

_ENDS = r"\s\"'<>:;,{}\[\]()"
_ADDRESS = re.compile(rf"(?<![^{_ENDS}])[^{_ENDS}][^@{_ENDS}]*+@[^{_ENDS}][^.{_ENDS}]*+\.[^{_ENDS}]+")
"""A word with an @ and a dot behind it; begun at the beginning of a word only, so that a long one is read once."""
WITHHELD = "the text names other people too, and is not shown"


def messages_by_source(opened: "Opened", person: Person) -> list[dict[str, Any]]:
    """The person's own messages: kept ones and their repeats, each as it came; of a shared line only their own part.

    Returns:
        For each source: source, about, why, owner, retention_days, messages.
    """
    del person  # their events are in the table EVENTS
    kept = opened.rows(
        f"""SELECT source, position, part, event_id, event, occurred_at, received_at, 'kept' AS fate
            FROM silver.events SEMI JOIN {EVENTS} USING (event_id)"""
    )
    if opened.has("silver.duplicates"):
        kept += opened.rows(
            f"""SELECT source, position, part, event_id, NULL AS event, NULL AS occurred_at, NULL AS received_at,
                       'repeat of an earlier one' AS fate
                FROM silver.duplicates SEMI JOIN {EVENTS} USING (event_id)"""
        )
    at = {(place["source"], place["position"], place["part"]): place for place in places(opened, kept, raw=True)}
    by_source: dict[str, list[dict[str, Any]]] = {}
    for message in sorted(kept, key=lambda row: (row["source"], row["position"], row["part"])):
        place = at.get((message["source"], message["position"], message["part"]), {})
        by_source.setdefault(message["source"], []).append(
            {name: message[name] for name in ("event_id", "event", "occurred_at", "received_at", "fate")}
            | {name: place.get(name) for name in ("file", "line", "position", "part", "landing")}
            | {"message": place.get("payload")}
        )
    declared = opened.lineage.contracts.sources
    return [
        {
            "source": source,
            "about": declared[source].about,
            "why": declared[source].why,
            "owner": declared[source].owner,
            "retention_days": period.of_source(opened.lineage.contracts, source),
            "messages": messages,
        }
        for source, messages in by_source.items()
    ]


def refused_messages(opened: "Opened", person: Person) -> tuple[list[dict[str, Any]], int]:
    """Quarantined messages that hold an identifier which is this person's alone.

    Returns:
        The messages; and how many more hold only identifiers that this person shares with others, which may be theirs
        or not.
    """
    if not opened.has("silver.quarantine") or not opened.has("identity.identifiers"):
        return [], 0
    rules = opened.lineage.contracts.identity
    values = _values(opened, person)
    named = {
        is_shared: {
            token
            for value in values
            if value["is_shared"] is is_shared
            for token in tokens(value["identifier"], value["text"], rules)
        }
        for is_shared in (False, True)
    }
    named[False] |= {token for record in person.records for token in tokens("", record.partition(":")[2], rules)}
    connection = opened.reading.connection
    naming(connection, named[False] | named[True], rules)
    refused_fields(connection, _sources(opened), rules)
    show_forms(connection, "asked_forms", [(str(v["is_shared"]), v["identifier"], v["text"]) for v in values], rules)
    rows = opened.rows(
        """WITH n AS (
               SELECT source, position, part, list_contains($own::VARCHAR[], token) AS is_own FROM naming
               UNION ALL SELECT source, position, part, key = 'False' FROM refused_fields
                   JOIN asked_forms USING (identifier, form))
           SELECT q.source, q.file, q.line, q.position, q.part, q.landing, q.received_at, q.reasons, q.payload,
                  bool_or(n.is_own) AS is_own
           FROM silver.quarantine AS q JOIN n USING (source, position, part)
           GROUP BY ALL ORDER BY q.source, q.position, q.part""",
        {"own": sorted(named[False] - named[True])},
    )
    own = named[False] | named[True] | {value["text"].lower() for value in values}
    own |= {spelling.lower() for spelling in person.theirs.spellings}
    found = [
        {name: value for name, value in row.items() if name not in ("payload", "is_own")}
        | {"message": _without_others(row["payload"], own)}
        for row in rows
        if row["is_own"]
    ]
    return found, len(rows) - len(found)


def _values(opened: "Opened", person: Person) -> list[dict[str, Any]]:
    """What may name the person: identifier, text, and whether another profile holds it, too."""
    values = opened.rows(
        """WITH held AS (
               SELECT i.identifier, i.value, i.raw_value, a.profile_id FROM identity.identifiers AS i
               JOIN identity.assignments AS a USING (record_id)
           ), shared AS (
               SELECT identifier, value FROM held GROUP BY ALL HAVING count(DISTINCT profile_id) > 1
           )
           SELECT DISTINCT h.identifier, unnest([h.raw_value, h.value]) AS text, s.value IS NOT NULL AS is_shared
           FROM held AS h LEFT JOIN shared AS s USING (identifier, value) WHERE h.profile_id = ?""",
        [person.profile_id],
    )
    known = {(value["identifier"], value["text"]) for value in values}
    more = [
        {"identifier": identifier, "text": value, "is_shared": False}
        for identifier, value in person.theirs.values
        if (identifier, value) not in known
    ]
    return [*values, *more]


def _sources(opened: "Opened") -> list[Source]:
    """The sources of which something has landed."""
    declared = opened.lineage.contracts.sources
    return [declared[name] for name in sorted(declared) if opened.has(f"bronze.{name}")]


def _without_others(text: str | None, own: set[str]) -> str | None:
    """A refused text, unless it is a list, or holds an address that is not the person's: it may be of others, too."""
    others = {match.lower() for match in _ADDRESS.findall(text or "")} - own
    return WITHHELD if others or is_shared(text) else text
