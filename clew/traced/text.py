"""A trace as text: a tree of tables with the rows of each, then values, links and raw lines."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clew.output import plain, print_section, time_text
from identity.evidence import probability_text

Told = Mapping[str, Any]
KEYS_IN_TREE = 3
EXPORT_HEADS = ("destination", "release", "file", "rows", "profiles", "remark")


def print_back(told: Told) -> None:
    """Print what ``back.trace_back`` or ``exported.trace_export`` found."""
    key = ", ".join(f"{name}={value}" for name, value in told["key"].items())
    if "export" in told:
        _print_export(told["export"])
    print(f"{told['table']} {key}: {_count(told['rows'])}")
    for line in tree(told["tables"]):
        print(line)
    _print_closed(told["closed"])
    if told["values"]:
        print_section("values, and the messages that they are from", *values_table(told["values"]))
    if told["whose"]:
        print_section("whose it is, and why", *whose_table(told["whose"]))
    files = [(item["file"], item["lines"], _numbers(item)) for item in told["files"]]
    print_section("landing files", ("file", "lines", "line numbers"), files)
    if any("payload" in line for line in told["lines"]):
        print("\nraw lines")
        for line in told["lines"]:
            print(f"{place_text(line)}\n  {_printable(line['payload'])}")


def print_forward(told: Told) -> None:
    """Print what ``forward.trace_forward`` found."""
    print(told["of"])
    lines = [
        (item["file"], f"{item['first_line']}–{item['last_line']}", item["lines"], item["landing"],
         time_text(item["landed_at"])) for item in told["lines"]
    ]  # fmt: skip
    print_section("landed as", ("file", "from–to", "lines", "landing", "landed at (UTC)"), lines)
    print_section("what became of its messages", ("fate", "messages"), [tuple(row.values()) for row in told["fates"]])
    print("\nwhere it had an effect")
    for line in tree(told["tables"]):
        print(line)
    _print_closed(told["closed"])
    more = f" and {told['more_profiles']:,} more" if told["more_profiles"] else ""
    print(f"\nprofiles\n{', '.join(told['profiles']) or 'none'}{more}")
    for title, rows in exports_tables(told):
        print_section(title, EXPORT_HEADS, rows)


def exports_tables(told: Told) -> list[tuple[str, list[tuple]]]:
    """The exports and retractions on which there was an effect, and apart from them the others of the same people."""
    effects = [(*_export(item), "" if item["is_certain"] else "perhaps: its release is kept no more")
               for item in told["exports"]]  # fmt: skip
    found = [("exports still held whose release had it, and retractions that follow from it", effects)]
    if told["other_exports"]:
        found.append(("other exports of the same people", [(*_export(item), "") for item in told["other_exports"]]))
    return found


def _export(item: Told) -> tuple[Any, ...]:
    return (item["destination"], item["release"], item["kind"], item["rows"], ", ".join(item["profile_ids"]))


def _print_closed(closed: Sequence[str]) -> None:
    if closed:
        print(f"\nnot followed, since your role may not read them: {', '.join(closed)}")


def tree(tables: Sequence[Told]) -> Iterator[str]:
    """The tables as a tree, each below the one by which it was reached first."""
    names = {item["table"] for item in tables}
    below: dict[str | None, list[Told]] = {}
    for item in tables:
        first = next((name for name in item["through"] if name in names), None)
        below.setdefault(first, []).append(item)

    def branch(parent: str | None, indent: str) -> Iterator[str]:
        children = below.get(parent, [])
        for number, item in enumerate(children):
            last = number == len(children) - 1
            mark, deeper = ("", "") if parent is None else ("└─ ", "   ") if last else ("├─ ", "│  ")
            yield f"{indent}{mark}{node_text(item)}"
            yield from branch(item["table"], indent + deeper)

    yield from branch(None, "")


def node_text(item: Told) -> str:
    """A table, its rows, some of their keys, and how else they were reached."""
    keys = [" ".join(str(plain(value)) for value in key.values()) for key in item["keys"][:KEYS_IN_TREE]]
    more = ", …" if item["rows"] > len(keys) else ""
    role = ", as evidence" if item.get("is_evidence") else ""
    also = f"; also through {', '.join(item['through'][1:])}" if item["through"][1:] else ""
    return f"{item['table']}  {_count(item['rows'])}{role}: {', '.join(keys)}{more}{also}"


def values_table(values: Sequence[Told]) -> tuple[tuple[str, ...], list[tuple]]:
    """Heads and rows: each value with the message that it is from."""
    with_value = any("value" in item for item in values)
    heads = ("column", *(("value",) if with_value else ()), "source", "said at (UTC)", "record", "message", "line")
    rows = []
    for item in values:
        said = (item["column"], *((item.get("value"),) if with_value else ()), item["source"], time_text(item["at"]))
        for message in item["messages"]:
            rows.append((*said, message["record_id"], message["event_id"], place_text(message)))
        if not item["messages"]:
            rows.append((*said, "", "its message is no longer in silver", ""))
    return heads, rows


def whose_table(whose: Sequence[Told]) -> tuple[tuple[str, ...], list[tuple]]:
    """Heads and rows: each record with its profile and the links to the founder."""
    rows = [
        (item["record_id"], item["profile_id"], item["kind"], probability_text(item["probability"]),
         "; ".join(link_text(link) for link in item["links"]) or "it founded the profile")
        for item in whose
    ]  # fmt: skip
    return ("record", "profile", "as firm as", "probability", "links to the founder"), rows


def link_text(link: Told) -> str:
    """A link in words."""
    return f"{link['left_record']} — {link['right_record']} by {link['rule']} {link['match_weight']:+.2f}"


def place_text(place: Told) -> str:
    """File and line; of a line with several messages, which."""
    part = f" message {place['part'] + 1}" if place["part"] else ""
    return f"{place['file']}:{place['line']}{part}"


def _print_export(export: Told) -> None:
    name = f"exports/{export['destination']}/{export['release']}"
    print(f"{name} for {export['purpose']}, policy {export['policy_version']}")
    columns = [
        (item["column"], item["from"], *((item["value"],) if "value" in item else ())) for item in export["columns"]
    ]
    heads = ("column", "from", *(("value",) if columns and len(columns[0]) > 2 else ()))
    print_section("columns", heads, columns)
    consent = export["consent"]
    lines = ", ".join(place_text(line) for line in consent["messages"]) or "not in the lake any more"
    print(f"\nallowed by\n{consent['event_id']}, notice {consent['notice_version']}: {lines}\n")


def _numbers(item: Told) -> str:
    more = ", …" if item["lines"] > len(item["numbers"]) else ""
    return ", ".join(map(str, item["numbers"])) + more


def _count(rows: int) -> str:
    return f"{rows:,} row{'s' if rows != 1 else ''}"


def _printable(text: str | None) -> str:
    """Text of a sender without what would control a terminal."""
    return json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"') if text else ""
