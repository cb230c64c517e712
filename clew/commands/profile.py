"""`clew profile`: all that is held of one person, and where each part came from."""

import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clew.identifiers import print_identifiers
from clew.output import note, print_json, print_section, results, time_text
from clew.who import the_one
from contracts.errors import DataError, UsageError
from rights.who import WHO, Who, parse

if TYPE_CHECKING:
    from clew.workspace import Reading

_TABLES = (
    "gold.profiles",
    "gold.profile_contact",
    "gold.profile_identifiers",
    "gold.consent_state",
    "gold.orders",
    "gold.journey_stages",
    "identity.assignments",
    "identity.records",
)
REDIRECTS = "gold.profile_redirects"
Day = datetime.datetime | None
Row = dict[str, Any]


def profile(
    who: Annotated[str, typer.Argument(metavar="WHO", help=WHO)],
    release: Annotated[str, typer.Option(help="A release's number, latest or live.")] = "latest",
    as_of: Annotated[Day, typer.Option(formats=["%Y-%m-%d"], help="Who it was on that day.")] = None,
    known_at: Annotated[
        Day, typer.Option(formats=["%Y-%m-%d"], help="With --as-of: by what was known then, not by what is known now.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show one person, and where each value came from; with --as-of, the person as of a past day."""
    asked = parse(who)
    if as_of is not None:
        from clew.past import show_past

        show_past(asked, release, as_of.date(), known_at.date() if known_at else None, as_json)
        return
    if known_at is not None:
        raise UsageError("--known-at says nothing alone", "--known-at", "name the day that you ask about: --as-of DATE")
    from clew.workspace import read

    reading = read(release, only=(*_TABLES, REDIRECTS))
    missing = [table for table in _TABLES if table not in reading.tables]
    if missing:
        raise DataError(f"{missing[0]} is not there yet", reading.name, "make it: clew run")
    option = "" if release == "latest" else f" --release {release}"
    found = the_one(profiles_meant(reading, asked), asked, reading, option)
    held = _held(reading, found, who if asked.is_profile_id and found != who else None)
    _write_down(reading, held)
    with results():
        if as_json:
            print_json(held)
        else:
            _print_text(held, option)
    note(reading.name)


def profiles_meant(reading: "Reading", who: Who) -> list[str]:
    """The profiles that were meant; a retired id means the one that it leads to."""
    if who.is_profile_id:
        return _by_id(reading, who.text)
    return _by_record(reading, who.text) or _by_identifier(reading, who)


def _by_id(reading: "Reading", profile_id: str) -> list[str]:
    if reading.rows("SELECT 1 FROM gold.profiles WHERE profile_id = ?", [profile_id]):
        return [profile_id]
    if REDIRECTS not in reading.tables:
        return []
    found = reading.rows(f"SELECT profile_id FROM {REDIRECTS} WHERE retired_profile_id = ?", [profile_id])
    return [row["profile_id"] for row in found]


def _by_record(reading: "Reading", record: str) -> list[str]:
    found = reading.rows("SELECT profile_id FROM identity.assignments WHERE record_id = ?", [record])
    return [row["profile_id"] for row in found]


def _by_identifier(reading: "Reading", who: Who) -> list[str]:
    sql = """SELECT DISTINCT profile_id FROM gold.profile_identifiers
             WHERE identifier = ? AND list_contains(?, value) ORDER BY 1"""
    return [row["profile_id"] for row in reading.rows(sql, [who.identifier, list(who.forms)])]


def _held(reading: "Reading", profile_id: str, retired: str | None) -> dict[str, Any]:
    row = reading.rows(
        "SELECT * FROM gold.profile_contact RIGHT JOIN gold.profiles USING (profile_id) WHERE profile_id = ?",
        [profile_id],
    )[0]
    names = [name.removesuffix("_source") for name in row if name.endswith("_source")]
    attributes = {
        name: {"value": row[name], "source": row[f"{name}_source"], "at": row[f"{name}_at"]}
        for name in names
        if row[name] is not None
    }
    orders = reading.rows(
        """SELECT count(*) AS orders, coalesce(sum(sales_value), 0) AS sales_value,
                  count(*) FILTER (is_online) AS online_orders,
                  min(ordered_at) AS first_order_at, max(ordered_at) AS last_order_at
           FROM gold.orders WHERE profile_id = ?""",
        [profile_id],
    )[0]
    return {
        "profile_id": profile_id,
        "redirected_from": retired,
        "release": reading.release or "live",
        "as_of": reading.as_of,
        "is_known": row["is_known"],
        "link": {"kind": row["link_kind"], "probability": row["link_probability"]},
        "first_seen_at": row["first_seen_at"],
        "last_seen_at": row["last_seen_at"],
        "events": row["events"],
        "attributes": attributes,
        "identifiers": reading.rows(
            """SELECT identifier, value, is_usable, sources, records, first_seen_at, last_seen_at
               FROM gold.profile_identifiers WHERE profile_id = ? ORDER BY identifier, value""",
            [profile_id],
        ),
        "consents": reading.rows(
            """SELECT purpose, status, may_use, rule, given_at, expires_at, notice_version, jurisdiction,
                      topics_refused, event_id
               FROM gold.consent_state WHERE profile_id = ? ORDER BY purpose""",
            [profile_id],
        ),
        "orders": orders,
        "journey": reading.rows(
            """SELECT journey, spell, stage, entered_at, left_at, days, is_current, why
               FROM gold.journey_stages WHERE profile_id = ? ORDER BY journey, spell""",
            [profile_id],
        ),
        "records": reading.rows(
            """SELECT a.record_id, a.kind AS link_kind, a.probability,
                      r.sources, r.events, r.first_seen, r.last_seen
               FROM identity.assignments AS a LEFT JOIN identity.records AS r USING (record_id)
               WHERE a.profile_id = ? ORDER BY a.kind <> 'founder', r.landed_landing, r.landed_source,
                   r.landed_position, a.record_id""",
            [profile_id],
        ),
    }


def _write_down(reading: "Reading", held: dict[str, Any]) -> None:
    """Write down that somebody's contact data is shown, if there is any."""
    contact = reading.rows("SELECT * FROM gold.profile_contact WHERE profile_id = ?", [held["profile_id"]])
    if held["identifiers"] or any(held["attributes"].keys() & contact[0].keys() if contact else ()):
        from clew.looked import write_down_if_able

        tables = "gold.profile_contact, gold.profile_identifiers"
        write_down_if_able(f"profile, {reading.name}: {tables}", [held["profile_id"]])


def _print_text(held: dict[str, Any], option: str) -> None:
    known = "known" if held["is_known"] else "anonymous"
    print(f"profile {held['profile_id']}  {known}, {held['events']:,} events in {len(held['records'])} records")
    if held["redirected_from"]:
        print(f"{held['redirected_from']} is retired and leads here")
    print(f"seen {time_text(held['first_seen_at'])} to {time_text(held['last_seen_at'])} UTC")
    _print_attributes(held["attributes"])
    _print_identifiers(held["identifiers"])
    _print_consents(held["consents"])
    _print_orders(held["orders"])
    _print_journey(held["journey"])
    _print_records(held["records"])
    if len(held["records"]) > 1:
        print(f"\nwhy they are one person: clew explain {held['profile_id']}{option}")


def _print_attributes(held: dict[str, Row]) -> None:
    rows = [(name, str(item["value"]), item["source"] or "", time_text(item["at"])) for name, item in held.items()]
    print_section("attributes", ("attribute", "value", "source", "as of (UTC)"), rows)


def _print_identifiers(held: list[Row]) -> None:
    rows = [
        (item["identifier"], item["value"], "yes" if item["is_usable"] else "no", item["sources"],
         time_text(item["last_seen_at"])) for item in held
    ]  # fmt: skip
    print_identifiers(("identifier", "value", "links people", "sources", "last seen (UTC)"), held, rows)


def _print_consents(held: list[Row]) -> None:
    rows = [
        (item["purpose"], item["status"], "yes" if item["may_use"] else "no", item["rule"],
         time_text(item["given_at"]), item["notice_version"] or "", item["event_id"] or "") for item in held
    ]  # fmt: skip
    heads = ("purpose", "status", "may use", "rule", "given (UTC)", "notice", "event")
    print_section("consents (why, and by which words: clew policy explain)", heads, rows)


def _print_orders(held: Row) -> None:
    print("\norders")
    if not held["orders"]:
        print("none")
        return
    first, last = time_text(held["first_order_at"]), time_text(held["last_order_at"])
    orders = f"{held['orders']:,} order{'s' * (held['orders'] != 1)}"
    print(f"{orders}, {held['sales_value']:,.2f} in all, {first} to {last} UTC")


def _print_journey(held: list[Row]) -> None:
    rows = [
        (
            item["journey"],
            item["stage"],
            time_text(item["entered_at"]),
            time_text(item["left_at"]) or "now",
            item["days"],
            item["why"],
        )
        for item in held
    ]
    print_section("journeys", ("journey", "stage", "entered (UTC)", "left", "days", "why"), rows)


def _print_records(held: list[Row]) -> None:
    rows = [
        (item["record_id"], item["link_kind"], f"{item['probability']:.4f}", item["sources"] or "", item["events"] or 0)
        for item in held
    ]
    print_section("records", ("record", "linked", "probability", "sources", "events"), rows)
