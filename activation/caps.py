"""Caps at export: who has got enough is refused as ``capped``.

What a person got is counted in the ledger ops.deliveries, which an export writes before it becomes visible, and over
all ids that lead to their profile in the release: so two profiles that became one have got what both got. It is also
counted by mailbox and number, and the greater counts: whoever split off begins anew with their own id, but not where
they are reached as before.

In one release a destination that comes first (``priority``, then name) has the first claim, whether it was exported yet
or not: whom it would take is planned in where it was not. So the order in which exports run changes nothing.
"""

import datetime
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from activation.deliveries import TABLE
from contracts.caps import Cap
from contracts.export import Destination
from lakehouse.errors import UsageError
from lakehouse.releases import latest_release, release_dates

if TYPE_CHECKING:
    import duckdb

    from contracts.catalog import Contracts
    from lakehouse.lake import Lake

_CLAIMS = """
    CREATE OR REPLACE TEMP TABLE claims
    (key VARCHAR, is_person BOOLEAN, channel VARCHAR, purpose VARCHAR, as_of DATE, destination VARCHAR,
     "release" BIGINT)
"""
"""Each delivery by its profile, and by each mailbox and number: a key such as ``email:<keyed hash>``."""
_COUNTED = """
    CREATE OR REPLACE TEMP TABLE counted AS
    SELECT key, is_person, cap, claims.as_of + days AS until, at_most,
           row_number() OVER (PARTITION BY key, cap ORDER BY claims.as_of DESC) AS place
    FROM claims JOIN ({caps}) AS caps ON list_contains(channels, channel)
         AND (purposes IS NULL OR list_contains(purposes, purpose))
    WHERE abs(date_diff('day', claims.as_of, $day)) < days
      AND (destination <> $destination OR "release" <> $release)
"""
"""Each claim within a cap's window, the newest first."""
_CAPPED = """
    CREATE OR REPLACE TEMP TABLE capped AS
    WITH wanted AS (
        SELECT *, row_number() OVER (PARTITION BY key ORDER BY profile_id) AS place FROM ({keys})
    ), refused AS (
        SELECT profile_id, cap, CASE WHEN w.place > c.at_most THEN $day + c.days ELSE got.until END AS until
        FROM wanted AS w CROSS JOIN ({caps}) AS c
        LEFT JOIN counted AS got USING (key, cap)
        WHERE w.place > c.at_most OR got.place = c.at_most + 1 - w.place)
    FROM refused QUALIFY row_number() OVER (PARTITION BY profile_id ORDER BY until DESC, cap) = 1
"""
"""Of people who share a mailbox each has what those before them in the same export take of its cap taken off."""


def ahead(contracts: "Contracts", destination: Destination) -> list[Destination]:
    """The destinations that share a cap with this one and come first, in their order."""
    mine = set(_of(contracts, destination))
    return [
        other
        for other in in_order(contracts)
        if (other.priority, other.destination) < (destination.priority, destination.destination)
        and mine & set(_of(contracts, other))
    ]


def in_order(contracts: "Contracts") -> list[Destination]:
    """All destinations in the order of their claims."""
    return sorted(contracts.destinations.values(), key=lambda one: (one.priority, one.destination))


def read_claims(lake: "Lake", connection: "duckdb.DuckDBPyConnection") -> None:
    """Make the table ``claims``: what people got, by the profiles that the release has, and by mailbox and number.

    Args:
        lake: The lake.
        connection: Shows the tables of the release, and the ledger as it is.
    """
    connection.execute(_CLAIMS)
    if lake.exists(TABLE):
        connection.execute(
            f"""INSERT INTO claims
                SELECT coalesce(leads.profile_id, d.profile_id), true, channel, purpose, as_of, destination, "release"
                FROM {TABLE} AS d LEFT JOIN identity.assignments AS leads ON leads.own_profile_id = d.profile_id
                UNION ALL
                SELECT entry.key || ':' || entry.value, false, channel, purpose, as_of, destination, "release"
                FROM (SELECT *, unnest(map_entries(mailbox_hashes)) AS entry FROM {TABLE})"""
        )


def plan(connection: "duckdb.DuckDBPyConnection", destination: Destination, release: int, as_of: datetime.date) -> None:
    """Claim for a destination that was not exported yet whom ``decided`` has for it."""
    connection.execute(
        f"""INSERT INTO claims
            SELECT key, is_person, $channel, $purpose, $as_of, $destination, $release FROM ({_keys(destination)})""",
        {"channel": destination.channel, "purpose": destination.purpose, "as_of": as_of,
         "destination": destination.destination, "release": release},
    )  # fmt: skip


def hold_back(
    contracts: "Contracts",
    connection: "duckdb.DuckDBPyConnection",
    destination: Destination,
    release: int,
    as_of: datetime.date,
) -> None:
    """Refuse in ``decided`` who has got enough, and make the table ``capped``: profile_id, cap and until.

    What this very export claimed before, in a try that died, does not count against it.
    """
    caps = _of(contracts, destination)
    count(connection, caps, as_of, destination.destination, release)
    connection.execute(_CAPPED.format(keys=_keys(destination), caps=rows_of(caps)), {"day": as_of})
    connection.execute(
        "UPDATE decided SET reason = 'capped' WHERE reason IS NULL AND profile_id IN (SELECT profile_id FROM capped)"
    )


def count(
    connection: "duckdb.DuckDBPyConnection",
    caps: Mapping[str, Cap],
    day: datetime.date,
    destination: str = "",
    release: int = 0,
) -> None:
    """Make the table ``counted`` of ``claims``, without those of an export, if one is named with its release."""
    values = {"day": day, "destination": destination, "release": release}
    connection.execute(_COUNTED.format(caps=rows_of(caps)), values)


def tally(connection: "duckdb.DuckDBPyConnection") -> dict[str, dict[str, Any]]:
    """By cap, how many people it refused, and how many of them until which date."""
    found = connection.execute(
        """SELECT cap, strftime(until, '%Y-%m-%d'), count(*) FROM capped JOIN decided USING (profile_id)
           WHERE reason = 'capped' GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    told: dict[str, dict[str, int]] = {}
    for cap, until, people in found:
        told.setdefault(cap, {})[until] = people
    return {cap: {"people": sum(by_date.values()), "until": by_date} for cap, by_date in told.items()}


def rows_of(caps: Mapping[str, Cap]) -> str:
    """Caps as SQL: cap, channels, purposes, at_most and days. Names of contracts need no quoting."""
    if not caps:
        return f"{rows_of({'none': Cap(at_most=1, days=1, why='there is none')})} WHERE false"
    return " UNION ALL ".join(
        f"""SELECT '{name}' AS cap, {list(cap.channels)}::VARCHAR[] AS channels,
                   {"NULL" if cap.purposes is None else list(cap.purposes)}::VARCHAR[] AS purposes,
                   {cap.at_most} AS at_most, {cap.days} AS days"""
        for name, cap in caps.items()
    )


def _keys(destination: Destination) -> str:
    """SQL of whom ``decided`` has for a destination: profile_id and each key of ``claims``."""
    mailboxes = {destination.fields[name].profile: f'"_{name}"' for name in destination.address}
    return "SELECT profile_id, profile_id AS key, true AS is_person FROM decided WHERE reason IS NULL" + "".join(
        f""" UNION ALL SELECT profile_id, '{identifier}:' || clew_keyed({mailbox}), false
             FROM decided WHERE reason IS NULL AND {mailbox} IS NOT NULL"""
        for identifier, mailbox in mailboxes.items()
    )


def _of(contracts: "Contracts", destination: Destination) -> dict[str, Cap]:
    return contracts.caps.of(destination.channel, destination.purpose) if contracts.caps else {}


@dataclass(frozen=True)
class Near:
    """How near people are to a cap on the day of the newest release.

    Attributes:
        cap: Its name.
        at_most: Deliveries that it allows.
        days: Within so many days.
        people: How many people have got how many, by the number of deliveries; who got none is not counted.
        full: How many of them have got all that it allows.
        until: Of these, how many until which date.
    """

    cap: str
    at_most: int
    days: int
    people: dict[int, int]
    full: int
    until: dict[str, int]


@dataclass(frozen=True)
class Full:
    """A person who has got all that a cap allows, and the first day on which they may get more."""

    profile_id: str
    cap: str
    until: datetime.date


@dataclass(frozen=True)
class Standing:
    """Where people stand on the day of a release, and who may get nothing more by some channel."""

    release: int
    as_of: datetime.date
    caps: tuple[Near, ...]
    full: tuple[Full, ...]


def standing(lake: "Lake") -> Standing:
    """Where people stand with the caps on the date of the newest release.

    Raises:
        UsageError: If no caps are declared, or nothing was released yet.
    """
    declared, release = lake.contracts.caps, latest_release(lake)
    if declared is None:
        raise UsageError("no caps are declared", "contracts/consent/caps.yml", "declare them; see the activation guide")
    if release is None:
        raise UsageError("there is no release yet", "ops.releases", "publish one first: clew run")
    as_of = release_dates(lake)[release]
    near: list[Near] = []
    full: list[Full] = []
    with lake.duck(release, only=[TABLE, "identity.assignments"]) as connection:
        read_claims(lake, connection)
        for name, cap in declared.caps.items():
            counted = connection.execute(
                f"""SELECT got, count(*) FROM (
                        SELECT key, count(*) AS got FROM claims JOIN ({rows_of({name: cap})}) AS caps
                        ON list_contains(channels, channel) AND (purposes IS NULL OR list_contains(purposes, purpose))
                        WHERE is_person AND abs(date_diff('day', claims.as_of, $day)) < days GROUP BY key)
                    GROUP BY got ORDER BY got""",
                {"day": as_of},
            ).fetchall()
            count(connection, {name: cap}, as_of)
            rows = connection.execute(
                "SELECT key, cap, until FROM counted WHERE is_person AND place = at_most ORDER BY ALL"
            ).fetchall()
            people = [Full(*row) for row in rows]
            until = Counter(str(item.until) for item in people)
            near.append(Near(name, cap.at_most, cap.days, dict(counted), len(people), dict(sorted(until.items()))))
            full += people
    return Standing(release, as_of, tuple(near), tuple(full))
