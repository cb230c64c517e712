"""What is held about a person as one page that opens by itself and prints: no script, nothing fetched."""

from collections.abc import Mapping, Sequence
from typing import Any

from clew.explained.markup import element
from clew.explained.shell import table, whole_page
from clew.held.collect import counts

Told = Mapping[str, Any]


def page(told: Told, read_from: str) -> str:
    """The page of an access.

    Args:
        told: As of ``collect.everything``.
        read_from: What was read, in words.
    """
    person = told["person"]
    parts = [
        element("p", "This is everything held about one person, as ", element("em", told["of"][0]), " asks. The same "
                "comes as JSON for machines, as ", element("em", told["of"][1]), " asks."),
        _known(person),
        table("How much there is.", ("what", "rows"), [(what, rows) for what, rows in counts(told) if rows]),
        element("p", "Nothing in: ", ", ".join(what for what, rows in counts(told) if not rows) or "none of them", ".",
                class_="faint"),
        *_purposes(told),
        *_recipients(told),
        *_messages(told),
        *_tables(told),
        element("h2", "What was done with these data"),
        table("Acts of the audit that name this person.", ("when", "what", "to what"),
              [(item["at"], item["action"], item["subject"]) for item in told["acts"]]),
    ]  # fmt: skip
    return whole_page("What is held about you", parts, f"From {read_from}. It holds personal data: keep it as such.")


def _known(person: Told) -> Any:
    records = f"from {len(person['records'])} records: {', '.join(person['records'])}."
    if person["profile_id"] is None:
        return element("p", "No profile knows you yet: this is what names you all the same" + (
            f", {records}" if person["records"] else "."))  # fmt: skip
    return element("p", "Known as ", element("code", person["profile_id"]), f", {records}")


def _purposes(told: Told) -> list[Any]:
    rows = []
    for item in told["purposes"]:
        state = item["state"] or {"status": "no_consent_known", "event_id": None, "given_at": None}
        by = f", by {state['event_id']} of {str(state['given_at'])[:10]}" if state["event_id"] else ""
        who = ", ".join(item["destinations"]) or "nobody outside"
        rows.append((item["purpose"], item["about"], item["legal_basis"], state["status"] + by, who))
    heads = ("purpose", "what for", "legal basis", "what holds", "may be sent to")
    return [element("h2", "What it may be used for"), table("Every purpose that there is.", heads, rows)]


def _recipients(told: Told) -> list[Any]:
    parts: list[Any] = [element("h2", "Who received it")]
    if not told["recipients"]:
        parts.append(element("p", "Nobody, as far as exports are still held.", class_="faint"))
    for made in told["recipients"]:
        caption = (
            f"{made['destination']} {made['release']} ({made['kind']}), for {made['purpose']}: {made['about'] or ''}"
        )
        parts.append(_rows(caption, made["rows"]))
    return parts


def _messages(told: Told) -> list[Any]:
    parts: list[Any] = [element("h2", "Where it came from")]
    for source in told["sources"]:
        days = f"kept {source['retention_days']} days" if source["retention_days"] else "kept without a period"
        parts += [
            element("h3", source["source"]),
            element("p", f"{source['about']} {source['why']} {days[:1].upper()}{days[1:]}."),
            table(
                f"Messages from {source['source']}, as they came.",
                ("when", "event", "what became of it", "file and line", "message"),
                [
                    (item["occurred_at"], item["event"], item["fate"], f"{item['file']}:{item['line']}",
                     element("td", element("code", item["message"] or "")))
                    for item in source["messages"]
                ],
            ),
        ]  # fmt: skip
    if told["visits_maybe_theirs"]:
        whose = "visits in a browser are not shown: they may be of somebody else who used it, the next run tells."
        parts.append(element("p", f"{told['visits_maybe_theirs']} {whose}"))
    refused = [
        ("; ".join(item["reasons"]), f"{item['file']}:{item['line']}", element("td", element("code", item["message"])))
        for item in told["refused"]
    ]
    parts += [
        element("h3", "Refused messages"),
        table("They hold your identifiers and were not taken.", ("why", "file and line", "message"), refused),
    ]
    if told["refused_maybe_theirs"]:
        shared = "refused messages hold only identifiers that you share with others, and are not shown: they may be "
        parts.append(element("p", f"{told['refused_maybe_theirs']} more {shared}theirs."))
    return parts


def _tables(told: Told) -> list[Any]:
    parts: list[Any] = [element("h2", "What was made of it")]
    for item in told["tables"]:
        if item["rows"]:
            kept = f" Kept {item['retention_days']} days." if item["retention_days"] else ""
            of = f" Made of {', '.join(item['made_of'])}." if item["made_of"] else ""
            parts += [
                element("h3", item["table"]),
                element("p", f"{item['about']} For: {item['purpose']}.{of}{kept}"),
                _rows(item["table"], item["rows"]),
            ]
        if item.get("origins"):
            origins = [(row["column"], row["source"], row["at"], ", ".join(row["messages"])) for row in item["origins"]]
            parts.append(table("Where each value came from.", ("column", "source", "said at", "message"), origins))
    empty = [item["table"] for item in told["tables"] if not item["rows"]]
    return [*parts, element("p", f"Nothing is held in {', '.join(empty)}.")] if empty else parts


def _rows(caption: str, rows: Sequence[Told]) -> Any:
    """Rows as a table, without the columns that are empty in all of them."""
    names = [name for name in rows[0] if any(row.get(name) not in (None, [], {}) for row in rows)]
    return table(caption, names, [tuple(_cell(row.get(name)) for name in names) for row in rows])


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {item}" for key, item in value.items())
    if isinstance(value, list):
        return "; ".join(_cell(item) for item in value)
    return "" if value is None else str(value)
