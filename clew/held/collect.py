"""What is held about a person, gathered: raw messages, rows of every table, consents, recipients, acts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from activation.named import Named
from clew.held.messages import messages_by_source, refused_messages
from clew.held.person import EVENTS, Person
from clew.held.tables import PersonTable, person_tables
from clew.output import plain
from clew.traced.conditions import quoted
from clew.traced.exported import exports_with
from clew.traced.values import attributes, value_origins
from contracts import period
from lakehouse import audit
from lakehouse.pseudonym import keyed_hash
from rights.handed_over import handed_over_as

if TYPE_CHECKING:
    from clew.traced.opened import Opened
    from lakehouse.lake import Lake

ANOTHER = "(another person)"
SOURCES_OF_LAW = (
    "Regulation (EU) 2016/679 (GDPR), article 15: right of access",
    "Regulation (EU) 2016/679 (GDPR), article 20: right to data portability",
)
_STATE = "gold.consent_state"


def everything(opened: "Opened", lake: "Lake", person: Person) -> dict[str, Any]:
    """Gather it, as plain values.

    Args:
        opened: The live tables.
        lake: The lake whose exports and audit are looked through.
        person: Whom it is about.

    Returns:
        What ``clew access --json`` prints.
    """
    refused, maybe = refused_messages(opened, person)
    recipients = _recipients(opened, lake, person)
    told: dict[str, Any] = plain(
        {
            "of": list(SOURCES_OF_LAW),
            "person": {"profile_id": person.profile_id, "other_ids": list(person.ids), "records": list(person.records)},
            "purposes": _purposes(opened, lake, person),
            "sources": messages_by_source(opened, person),
            "visits_maybe_theirs": person.withheld,
            "refused": refused,
            "refused_maybe_theirs": maybe,
            "tables": [_table(opened, lake, table, person) for table in _there(opened)],
            "recipients": recipients,
            "acts": _acts(opened, lake, person, recipients),
        }
    )
    return told


def counts(told: Mapping[str, Any]) -> list[tuple[str, int]]:
    """How much of everything there is, by its kind."""
    messages = [(f"messages from {item['source']}", len(item["messages"])) for item in told["sources"]]
    rows = [(item["table"], len(item["rows"])) for item in told["tables"]]
    sent = [
        (f"rows of {item['kind']} to {item['destination']} {item['release']}", len(item["rows"]))
        for item in told["recipients"]
    ]
    return [*messages, ("refused messages", len(told["refused"])), *rows, *sent, ("acts", len(told["acts"]))]


def _there(opened: "Opened") -> list[PersonTable]:
    return [table for name, table in sorted(person_tables(opened.lineage).items()) if opened.has(name)]


def _table(opened: "Opened", lake: "Lake", table: PersonTable, person: Person) -> dict[str, Any]:
    node = table.node
    declared = lake.contracts.tables.get(node.name)
    rows = [_own_view(row, table, person) for row in _rows(opened, table, person)]
    told = {
        "table": node.name,
        "about": node.about,
        "purpose": node.purpose,
        "retention_days": period.of_table(lake.contracts, node.name) if declared is not None else None,
        "made_by": node.writer,
        "made_of": list(node.reads),
        "rows": rows,
    }
    columns = attributes(node)
    if columns and rows and "profile_id" in node.columns:
        told["origins"] = [
            {
                "column": origin.column,
                "source": origin.source,
                "at": origin.at,
                "messages": [message["event_id"] for message in origin.messages],
            }
            for row in rows
            for origin in value_origins(opened, row, columns)
        ]
    return told


def _rows(opened: "Opened", table: PersonTable, person: Person) -> list[dict[str, Any]]:
    name = quoted(table.node.name)
    known = set(opened.columns(table.node.name))
    columns = [column for column in table.columns if column in known]
    if table.kind == "event":
        found = " OR ".join(f"{quoted(column)} IN (SELECT event_id FROM {EVENTS})" for column in columns)
        return opened.rows(f"SELECT * FROM {name} WHERE {found} ORDER BY {_order(table, known)}")
    names = list(person.ids if table.kind == "profile" else person.records)
    found = " OR ".join(f"list_contains($names, {quoted(column)})" for column in columns)
    return opened.rows(f"SELECT * FROM {name} WHERE {found} ORDER BY {_order(table, known)}", {"names": names})


def _order(table: PersonTable, known: set[str]) -> str:
    return ", ".join(quoted(column) for column in table.node.key if column in known) or "ALL"


def _own_view(row: dict[str, Any], table: PersonTable, person: Person) -> dict[str, Any]:
    """A row without the names of other people that it may hold, such as the other end of an edge."""
    hidden = [name for name in table.names if row.get(name) is not None and row[name] not in person.own]
    return row | dict.fromkeys(hidden, ANOTHER)


def _purposes(opened: "Opened", lake: "Lake", person: Person) -> list[dict[str, Any]]:
    """Each purpose of the policy: what it is, its legal basis where the policy says so, and what the person allowed."""
    ask = f"SELECT * FROM {_STATE} WHERE profile_id = ?"
    rows = opened.rows(ask, [person.profile_id]) if opened.has(_STATE) else []
    policy = lake.contracts.policy
    return [
        {
            "purpose": name,
            "policy_version": policy.version,
            **{key: getattr(purpose, key) for key in ("about", "owner", "legal_basis", "uses", "destinations")},
            "state": next((row for row in rows if row["purpose"] == name), None),
        }
        for name, purpose in policy.purposes.items()
    ]


def _recipients(opened: "Opened", lake: "Lake", person: Person) -> list[dict[str, Any]]:
    """Who received what, as far as the exports are still held; the ledger of deliveries is among the tables."""
    declared = lake.contracts.destinations
    return [
        made
        | {
            name: getattr(declared[made["destination"]], name) if made["destination"] in declared else None
            for name in ("about", "why", "owner", "retract")
        }
        for made in exports_with(lake, _named(opened, lake, person))
    ]


def _named(opened: "Opened", lake: "Lake", person: Person) -> Named:
    """The person as an erasure looks for them in exports, but for events that are withheld."""
    told = opened.rows(f"SELECT event_id FROM {EVENTS} ORDER BY event_id")
    events = tuple(row["event_id"] for row in told)
    return handed_over_as(lake, replace(person.theirs, profiles=person.ids, event_ids=events))


def _acts(opened: "Opened", lake: "Lake", person: Person, recipients: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The audit's entries that are about this person: by their ids, their decisions, the exports that hold them."""
    subjects = {made["subject"] for made in recipients}
    if opened.has("identity.decisions"):
        decided = opened.rows(
            """SELECT decision FROM identity.decisions
               WHERE list_contains($r, left_record) OR list_contains($r, right_record)""",
            {"r": list(person.records)},
        )
        subjects |= {f"decision {row['decision']}" for row in decided}
    looked_at = {person_fingerprint(lake, name) for name in person.audited_as}
    return [
        {"entry": item.entry, "at": item.at, "action": item.action, "subject": item.subject}
        for item in audit.entries(lake)
        if item.subject in subjects
        or person.own & set(item.subject.split())
        or (item.action == "access" and item.fingerprint in looked_at)
    ]


def person_fingerprint(lake: "Lake", name: str) -> str:
    """What an entry of the audit about access names a person by; the name is one of ``Person.audited_as``."""
    return keyed_hash(lake.settings.privacy_key, "access", name)
