"""`clew profile`: all that is held of one person, and where each part came from."""

from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from clew.output import note, print_json, print_table, results, time_text
from contracts.errors import DataError, UsageError
from contracts.source import RecordKind

if TYPE_CHECKING:
    from clew.workspace import Reading
    from contracts.identity import IdentityRules

_TABLES = (
    "gold.profiles",
    "gold.profile_identifiers",
    "gold.profile_consents",
    "gold.orders",
    "gold.journey_stages",
    "identity.assignments",
    "identity.records",
)


def profile(
    who: Annotated[
        str,
        typer.Argument(
            metavar="WHO",
            help="A profile id, email:…, phone:…, loyalty:…, user:…, crm:…, anonymous:…, or a record id.",
        ),
    ],
    release: Annotated[str, typer.Option(help="A release's number, latest or live.")] = "latest",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show one person, and where each value came from."""
    from clew.workspace import read

    reading = read(release, only=_TABLES)
    missing = [table for table in _TABLES if table not in reading.tables]
    if missing:
        raise DataError(f"{missing[0]} is not there yet", reading.name, "make it: clew run")
    held = _held(reading, _profile_id(reading, who))
    with results():
        if as_json:
            print_json(held)
        else:
            _print_text(held, "" if release == "latest" else f" --release {release}")
    note(reading.name)


def _profile_id(reading: "Reading", who: str) -> str:
    kind, colon, value = who.partition(":")
    if not colon:
        if not reading.rows("SELECT 1 FROM gold.profiles WHERE profile_id = ?", [who]):
            raise _not_found("no profile has this id", reading)
        return who
    rules = _rules()
    # loyalty:… means the identifier loyalty_id.
    named = {name.removesuffix("_id"): name for name in rules.identifiers}
    if kind not in named and kind not in get_args(RecordKind):
        raise UsageError(
            f"{kind}: is no way to name a person",
            do=f"write a profile id, or one of: {', '.join(f'{name}:…' for name in named)}",
        )
    found = _by_record(reading, who)
    if not found and kind in named:
        found = _by_identifier(reading, named[kind], value.strip(), _standard(rules, named[kind], value))
    if not found:
        raise _not_found(f"no profile holds this {named.get(kind, 'record')}", reading)
    if len(found) > 1:
        shown = "\n         ".join(f"clew profile {profile_id}" for profile_id in found)
        raise DataError(
            f"{len(found)} profiles hold this {named[kind]}",
            reading.name,
            f"look at each:\n         {shown}",
        )
    return found[0]


def _by_record(reading: "Reading", record: str) -> list[str]:
    found = reading.rows("SELECT profile_id FROM identity.assignments WHERE record_id = ?", [record])
    return [row["profile_id"] for row in found]


def _by_identifier(reading: "Reading", identifier: str, *forms: str) -> list[str]:
    sql = """SELECT DISTINCT profile_id FROM gold.profile_identifiers
             WHERE identifier = ? AND list_contains(?, value) ORDER BY 1"""
    return [row["profile_id"] for row in reading.rows(sql, [identifier, list(forms)])]


def _rules() -> "IdentityRules":
    from clew.workspace import settings
    from contracts import Contracts

    return Contracts(settings().contracts).identity


def _standard(rules: "IdentityRules", identifier: str, value: str) -> str:
    """The standard form under which identity keeps a value."""
    from identity.standardise import standard_of

    return standard_of(rules.identifiers[identifier], rules.phone_region)(value).value


def _not_found(what: str, reading: "Reading") -> DataError:
    return DataError(what, reading.name, 'see the profiles: clew query "SELECT profile_id FROM gold.profiles LIMIT 10"')


def _held(reading: "Reading", profile_id: str) -> dict[str, Any]:
    row = reading.rows("SELECT * FROM gold.profiles WHERE profile_id = ?", [profile_id])[0]
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
            """SELECT purpose, status, given_at, notice_version, region, source, event_id
               FROM gold.profile_consents WHERE profile_id = ? ORDER BY purpose""",
            [profile_id],
        ),
        "orders": orders,
        "journey": reading.rows(
            """SELECT spell, stage, entered_at, left_at, days, is_current, why
               FROM gold.journey_stages WHERE profile_id = ? ORDER BY spell""",
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


def _print_text(held: dict[str, Any], option: str) -> None:
    known = "known" if held["is_known"] else "anonymous"
    print(f"profile {held['profile_id']}  {known}, {held['events']:,} events in {len(held['records'])} records")
    print(f"seen {time_text(held['first_seen_at'])} to {time_text(held['last_seen_at'])} UTC")
    attributes = [
        (name, str(item["value"]), item["source"] or "", time_text(item["at"]))
        for name, item in held["attributes"].items()
    ]
    _section("attributes", ("attribute", "value", "source", "as of (UTC)"), attributes)
    identifiers = [
        (
            item["identifier"],
            item["value"],
            "yes" if item["is_usable"] else "no",
            item["sources"],
            time_text(item["last_seen_at"]),
        )
        for item in held["identifiers"]
    ]
    _section("identifiers", ("identifier", "value", "links people", "sources", "last seen (UTC)"), identifiers)
    consents = [
        (
            item["purpose"],
            item["status"],
            time_text(item["given_at"]),
            item["notice_version"] or "",
            item["event_id"],
        )
        for item in held["consents"]
    ]
    _section(
        "consents (a purpose that is not here is not allowed)",
        ("purpose", "status", "given (UTC)", "notice", "event"),
        consents,
    )
    orders = held["orders"]
    print("\norders")
    if orders["orders"]:
        first, last = time_text(orders["first_order_at"]), time_text(orders["last_order_at"])
        print(
            f"{orders['orders']:,} order{'s' * (orders['orders'] != 1)}, "
            f"{orders['sales_value']:,.2f} in all, {first} to {last} UTC"
        )
    else:
        print("none")
    journey = [
        (
            item["stage"],
            time_text(item["entered_at"]),
            time_text(item["left_at"]) or "now",
            item["days"],
            item["why"],
        )
        for item in held["journey"]
    ]
    _section("journey", ("stage", "entered (UTC)", "left", "days", "why"), journey)
    records = [
        (
            item["record_id"],
            item["link_kind"],
            f"{item['probability']:.4f}",
            item["sources"] or "",
            item["events"] or 0,
        )
        for item in held["records"]
    ]
    _section("records", ("record", "linked", "probability", "sources", "events"), records)
    if len(held["records"]) > 1:
        print(f"\nwhy they are one person: clew explain {held['profile_id']}{option}")


def _section(title: str, heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    print(f"\n{title}")
    if rows:
        print_table(heads, rows)
    else:
        print("none")
