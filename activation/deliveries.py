"""The ledger ops.deliveries: whom each destination ever got, also when the files are long gone.

It is written before an export becomes visible, so nobody is handed over whom it does not know; who is in it and was
not handed over after all, since the process died between, is only asked to be removed once too often. It has no
address, but keyed hashes of them (``CLEW_PRIVACY_KEY``).
"""

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from activation import convert
from activation.files import DATA, is_as_described, read_manifest, show_csv
from activation.named import Named
from contracts.export import HASHING, Destination
from lakehouse import keyed, spill
from lakehouse.errors import DataError
from lakehouse.seal import is_sealed

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake

TABLE, RETRACTED = "ops.deliveries", "ops.retractions"
_NOT_KNOWN = f"""
    ANTI JOIN (FROM {TABLE} WHERE destination = $destination AND "release" = $release) AS known
    ON known.profile_id = new.profile_id
    AND list_sort(map_entries(known.address_hashes)) = list_sort(map_entries(new.address_hashes))"""
"""SQL: without whom the ledger has for an export, at those addresses."""


def given(connection: "duckdb.DuckDBPyConnection", destination: Destination) -> pa.Table:
    """Whom an export hands over: profile_id, address_hashes and mailbox_hashes, sorted by profile.

    Args:
        connection: Has the table ``decided`` (activation.decide) and the macro ``clew_keyed``.
        destination: Who gets it.
    """
    addresses = _map({name: f'lower("{name}")' for name in destination.address})
    mailboxes = _map({destination.fields[name].profile: f'"_{name}"' for name in destination.address})
    return _hashed(connection, "decided WHERE reason IS NULL", addresses, mailboxes)


def _hashed(connection: "duckdb.DuckDBPyConnection", rows: str, addresses: str, mailboxes: str) -> pa.Table:
    return connection.sql(
        f"SELECT profile_id, {addresses} AS address_hashes, {mailboxes} AS mailbox_hashes FROM {rows} ORDER BY 1"
    ).to_arrow_table()


def record(
    lake: "Lake", destination: Destination, release: int, as_of: datetime.date, rows: pa.Table, *, published: bool
) -> None:
    """Write down whom an export is about to hand over.

    Args:
        lake: The lake.
        destination: Who gets it.
        release: What is exported.
        as_of: The date of that release.
        rows: What ``given`` said of the very export.
        published: Whether the release was handed over before, in a folder that was taken away since. Then whom that
            had stays, whether this one has them or not; what a try claimed that never became visible is replaced.
    """
    name = destination.destination
    is_known = (name, release) in releases_of(lake, name)
    told = {
        "destination": name,
        "channel": destination.channel,
        "purpose": destination.purpose,
        "release": release,
        "as_of": as_of,
        "delivered_at": datetime.datetime.now(datetime.UTC),
    }
    columns = ", ".join(f'${key} AS "{key}"' for key in told)
    with lake.quick(TABLE) as connection:
        connection.register("new", rows)
        made = connection.sql(
            f"SELECT {columns}, new.* FROM new {_NOT_KNOWN if is_known and published else ''} ORDER BY profile_id",
            params=told,
        ).to_arrow_table()
    if is_known and not published:
        lake.overwrite(TABLE, made, where=f"destination = '{name}' AND release = {release}")
    elif made.num_rows:
        lake.append(TABLE, made)


def record_held(lake: "Lake", folders: Iterable[Path], as_of: dict[int, datetime.date]) -> list[tuple[str, int]]:
    """Write down the exports of before there was this ledger, from their files, where their seal holds.

    Returns:
        The destinations and releases written down.
    """
    known = releases_of(lake)
    made = []
    for folder in folders:
        destination = lake.contracts.destinations.get(folder.parent.name)
        release = int(folder.name)
        if destination is None or (folder.parent.name, release) in known:
            continue
        try:
            manifest = read_manifest(folder)
            if not manifest["rows"] or not is_sealed(lake.settings, manifest):
                continue
            if not is_as_described(folder, manifest["data"]):
                continue
        except (DataError, OSError, KeyError, TypeError):
            continue  # what is wrong with it, `clew export verify` says
        date = as_of.get(release, datetime.date.min)
        record(lake, destination, release, date, _given_by(lake, destination, folder), published=True)
        made.append((folder.parent.name, release))
    return made


def _given_by(lake: "Lake", destination: Destination, folder: Path) -> pa.Table:
    """What ``given`` would have said of an export, as far as its file tells."""
    import duckdb

    with duckdb.connect(config=spill.duck()) as connection:
        convert.install(connection, lake.contracts.identity.mail_domains)
        keyed.install(connection, lake.settings.privacy_key)
        show_csv(connection, "held", folder / DATA)
        have = {row[0] for row in connection.execute("DESCRIBE held").fetchall()}
        there = [name for name in destination.address if name in have]
        # Of a hash nobody can tell the mailbox: such a row is found by its profile only.
        readable = [name for name in there if destination.fields[name].convert not in HASHING]
        addresses = _map({name: f'lower("{name}")' for name in there})
        mailboxes = _map({destination.fields[name].profile: f'clew_mailbox("{name}")' for name in readable})
        return _hashed(connection, "held", addresses, mailboxes)


def releases_of(lake: "Lake", destination: str | None = None) -> set[tuple[str, int]]:
    """The destinations and releases of which somebody was handed over."""
    if not lake.exists(TABLE):
        return set()
    with lake.quick(TABLE) as connection:
        found = connection.execute(
            f'SELECT DISTINCT destination, "release" FROM {TABLE} WHERE destination = $one OR $one IS NULL',
            {"one": destination},
        ).fetchall()
    return {(str(name), int(release)) for name, release in found}


def forget(lake: "Lake", who: Named) -> dict[str, int]:
    """Take people out of both ledgers, under whatever profile. Files and history are the caller's to purge.

    Returns:
        Rows removed, by table.
    """
    removed = {}
    for table, number in ((TABLE, "release"), (RETRACTED, "number")):
        if not lake.exists(table):
            removed[table] = 0
            continue
        with lake.lock(table):
            rows = _rows_named(lake, table, number, who)
            removed[table] = rows.num_rows
            if rows.num_rows:
                # Handed over as a table: a predicate would stand in Delta's log.
                same = " AND ".join(f't."{column}" = s."{column}"' for column in rows.column_names)
                merged = lake.delta(table).merge(rows, same, source_alias="s", target_alias="t")
                merged.when_matched_delete().execute()
    return removed


def rows_by_address(lake: "Lake", destination: str, who: Named) -> set[tuple[str, int]]:
    """Profile and release of the deliveries to a destination that had an address of these people."""
    if not who.hashes or not lake.exists(TABLE):
        return set()
    rows = _rows_named(lake, TABLE, "release", Named(frozenset(), hashes=who.hashes)).to_pylist()
    return {(row["profile_id"], row["release"]) for row in rows if row["destination"] == destination}


def _rows_named(lake: "Lake", table: str, number: str, who: Named) -> pa.Table:
    """The keys of the rows of a ledger that are of some people."""
    events = "OR list_contains($events::VARCHAR[], event_id)" if table == RETRACTED else ""
    hashed = "flatten([map_values(address_hashes), map_values(mailbox_hashes)])"
    asked = {"profiles": sorted(who.profiles), "hashes": sorted(who.hashes)}
    asked |= {"events": sorted(who.event_ids)} if events else {}
    with lake.quick(table) as connection:
        return connection.sql(
            f"""SELECT DISTINCT destination, "{number}", profile_id FROM {table}
                WHERE list_contains($profiles::VARCHAR[], profile_id) {events}
                   OR list_has_any(string_split(array_to_string({hashed}, ' '), ' '), $hashes::VARCHAR[])
                ORDER BY ALL""",
            params=asked,
        ).to_arrow_table()


def _map(values: dict[str, str]) -> str:
    """SQL of a map of keyed hashes, without those of NULL."""
    entries = ", ".join(f"{{'key': '{name}', 'value': clew_keyed({value})}}" for name, value in values.items())
    listed = f"[{entries}]" if entries else "[]::STRUCT(key VARCHAR, value VARCHAR)[]"
    return f"map_from_entries(list_filter({listed}, lambda x: x.value IS NOT NULL))"
