"""A person as of a past day: the records that made up the profile, and what identified them by then."""

import datetime
from typing import TYPE_CHECKING, Any

from clew.identifiers import print_identifiers
from clew.output import note, print_json, print_section, results, time_text
from clew.who import the_one
from contracts.errors import DataError
from identity.past import Moment, members, profiles_of

if TYPE_CHECKING:
    from clew.workspace import Reading
    from rights.who import Who

_TABLES = ("identity.history", "identity.assignments", "identity.identifiers")


def show_past(who: "Who", release: str, as_of: datetime.date, known_at: datetime.date | None, as_json: bool) -> None:
    """Print who a person was at the end of a day, by what is known now or was known then."""
    from clew.workspace import read

    reading = read(release, only=_TABLES)
    missing = [table for table in _TABLES if table not in reading.tables]
    if missing:
        raise DataError(f"{missing[0]} is not there yet", reading.name, "make it: clew run")
    moment = Moment(as_of, known_at or datetime.date.max)
    asked = (("--as-of", as_of), ("--known-at", known_at), ("--release", None if release == "latest" else release))
    option = "".join(f" {name} {value}" for name, value in asked if value)
    found = profiles_meant_then(reading, who, moment)
    if not found:
        raise DataError(
            f"no profile had this {who.noun} on {as_of}, as {_known(known_at)}",
            reading.name,
            _advice(reading, who, moment),
        )
    profile_id = the_one(found, who, reading, option)
    held = {
        "profile_id": profile_id,
        "redirected_from": who.text if who.is_profile_id and profile_id != who.text else None,
        "release": reading.release or "live",
        "as_of": reading.as_of,
        "asked": {"as_of": as_of, "known_at": known_at},
        **_made_of(reading, moment, profile_id),
    }
    if held["identifiers"]:
        from clew.looked import write_down_if_able

        write_down_if_able(f"profile, {reading.name}: identity.identifiers", [profile_id])
    with results():
        if as_json:
            print_json(held)
        else:
            _print_text(held)
    note(reading.name)


def _advice(reading: "Reading", who: "Who", moment: Moment) -> str:
    """What to ask instead, where nobody was found: knowledge may have come later, or the person."""
    if not profiles_meant_then(reading, who, Moment(moment.day)):
        return "name a later day, or leave out --as-of"
    (begun,) = reading.rows("SELECT min(known_since) AS at FROM identity.history")
    if moment.known_at < begun["at"]:
        return f"what was known is kept since the run of {begun['at']}: name that --known-at, or a later one"
    return "name a later --known-at, or leave it out"


def profiles_meant_then(reading: "Reading", who: "Who", moment: Moment) -> list[str]:
    """The profiles that were meant: by then; a retired id means the one that its founder was in."""
    connection = reading.connection
    if not who.is_profile_id:
        holders = """SELECT record_id FROM identity.identifiers WHERE identifier = ? AND first_seen < ? + INTERVAL 1 DAY
                     AND (list_contains(?, value) OR list_contains(?, raw_value))"""
        forms = list(who.forms)
        found = reading.rows(holders, [who.identifier, moment.day, forms, forms]) if forms else []
        return profiles_of(connection, moment, [who.text]) or profiles_of(
            connection, moment, [row["record_id"] for row in found]
        )
    if members(connection, moment, who.text):
        return [who.text]
    founders = reading.rows("SELECT record_id FROM identity.assignments WHERE own_profile_id = ?", [who.text])
    return profiles_of(connection, moment, [row["record_id"] for row in founders])


def _made_of(reading: "Reading", moment: Moment, profile_id: str) -> dict[str, Any]:
    rows = members(reading.connection, moment, profile_id)
    records = [{name: row[name] for name in ("record_id", "true_from", "known_since")} for row in rows]
    names = [row["record_id"] for row in rows]
    return {
        "records": records,
        "identifiers": reading.rows(
            """SELECT identifier, value, bool_or(is_usable) AS is_usable, count(DISTINCT record_id) AS records,
                      min(first_seen) AS first_seen_at
               FROM identity.identifiers
               WHERE list_contains(?, record_id) AND value IS NOT NULL AND first_seen < ? + INTERVAL 1 DAY
               GROUP BY ALL ORDER BY identifier, value""",
            [names, moment.day],
        ),
        "now": reading.rows(
            """SELECT profile_id, count(*) AS records FROM identity.assignments WHERE list_contains(?, record_id)
               GROUP BY ALL ORDER BY records DESC, profile_id""",
            [names],
        ),
    }


def _print_text(held: dict[str, Any]) -> None:
    asked = held["asked"]
    print(f"profile {held['profile_id']} on {asked['as_of']}, as {_known(asked['known_at'])}")
    if held["redirected_from"]:
        print(f"{held['redirected_from']} was no profile of its own then and led here")
    records = [(row["record_id"], time_text(row["true_from"]), row["known_since"]) for row in held["records"]]
    print_section("records", ("record", "in it since (UTC)", "known since"), records)
    identifiers = [
        (row["identifier"], row["value"], "yes" if row["is_usable"] else "no", time_text(row["first_seen_at"]))
        for row in held["identifiers"]
    ]
    columns = ("identifier", "value", "links people", "first seen (UTC)")
    print_identifiers(columns, held["identifiers"], identifiers)
    now = [(row["profile_id"], row["records"]) for row in held["now"]]
    print_section("where these records are now", ("profile", "records"), now)


def _known(at: datetime.date | None) -> str:
    return f"known on {at}" if at else "known now"
