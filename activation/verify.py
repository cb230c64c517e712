"""Proves of what was handed over, at any later time, what its gate proved before: seal, file, and a permission a row.

It believes neither the step that wrote the file nor the marts: the permission of each row is decided anew
(activation.allowed).
"""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from activation import allowed
from activation.deliveries import RETRACTED, TABLE
from activation.files import DATA, MANIFEST, RETRACTIONS, is_as_described, show_csv
from activation.held import Held, all_held, misnamed
from lakehouse import audit, keyed, spill
from lakehouse.errors import DataError, UsageError
from lakehouse.releases import release_dates
from lakehouse.seal import broken

if TYPE_CHECKING:
    from lakehouse.lake import Lake


@dataclass(frozen=True)
class Proof:
    """What became of one folder that was handed over.

    Attributes:
        folder: The folder.
        destination: From its manifest; empty where that cannot be read.
        release: Of an export; from its manifest.
        retraction: The number of a retraction; from its manifest.
        rows: Rows that the file really has.
        checked: What was looked at: ``seal``, ``file``, ``receipts``, ``ledger``.
        unchecked: What could not be, and why, in sentences; it is no fault of the folder.
        problems: What is wrong, in sentences; nothing where all of it holds.
    """

    folder: str
    destination: str
    release: int | None
    retraction: int | None
    rows: int
    checked: tuple[str, ...]
    unchecked: tuple[str, ...]
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def exports_of(lake: "Lake", destination: str | None = None, release: int | None = None) -> list[Path]:
    """The folders that are held, exports and retractions, by destination and number.

    Args:
        lake: The lake.
        destination: Only those of this destination.
        release: Only exports of this release.

    Raises:
        UsageError: If there is none of what was asked for.
    """
    found = all_held(lake)
    asked = [
        held.folder
        for held in found
        if destination in (None, held.destination)
        and (release is None or (held.kind, held.number) == ("export", release))
    ]
    if not asked:
        have = ", ".join(f"{held.destination} {held.number}" for held in found if held.kind == "export") or "none"
        raise UsageError("there is no such export", str(lake.settings.exports), f"there is: {have}")
    return asked


def verify(folder: Path, keys: Sequence[str], lake: "Lake | None" = None) -> Proof:
    """Check one folder.

    Args:
        folder: With data.csv and manifest.json, and retractions.csv if it is an export.
        keys: The public key of who should have sealed it, then the former ones, the newest first. What was sealed with
            a former one must have been written down in the audit while it was the key.
        lake: The lake it was made from; without it, as where the file was sent to, receipts are not looked up.
    """
    try:
        return _verify(folder, keys, lake)
    except FileNotFoundError as error:
        return _unreadable(folder, f"there is no {Path(str(error.filename)).name}")
    except (OSError, duckdb.Error) as error:
        return _unreadable(folder, f"it cannot be read: {type(error).__name__}")
    except (ValueError, KeyError, TypeError, AttributeError):
        return _unreadable(folder, f"{MANIFEST} cannot be read: it was altered or cut off")


def _unreadable(folder: Path, why: str) -> Proof:
    return Proof(str(folder), "", None, None, 0, (), (), (why,))


def _verify(folder: Path, keys: Sequence[str], lake: "Lake | None") -> Proof:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    is_retraction = "retraction" in manifest
    held = _held(folder, is_retraction)
    problems = _is_sealed(manifest, keys, held, lake)
    if lake is not None and (wrong := misnamed(held, manifest)):
        problems.append(f"the manifest is {wrong}, and not of its folder")
    told = [manifest["data"], *([manifest["retractions"]] if "retractions" in manifest else [])]
    if [Path(str(item["file"])).name for item in told] != [DATA, RETRACTIONS][: len(told)]:
        problems.append("the manifest describes other files")
    problems += [
        f"{item['file']} is not the file that the manifest describes: it was altered or cut off"
        for item in told
        if not is_as_described(folder, item)
    ]
    checked, unchecked = ["seal", "file"], []
    release, number = (None, held.number) if is_retraction else (int(manifest["release"]), None)
    named = str(manifest["destination"])
    with ExitStack() as stack:
        connection, why_not = _opened(lake, None if is_retraction else int(manifest["release"]))
        stack.enter_context(connection)
        try:
            show_csv(connection, "exported", folder / DATA)
            rows = _count(connection, "SELECT count(*) FROM exported")
        except duckdb.Error:
            problems = problems or [f"{DATA} is no CSV"]
            return Proof(str(folder), named, release, number, 0, tuple(checked), (), tuple(problems))
        if rows != manifest["rows"]:
            problems.append(f"{DATA} has {rows} rows, and the manifest says {manifest['rows']}")
        if not is_retraction:
            problems += _receipts_agree(connection, int(manifest["release"]), manifest["policy_version"])
        if why_not:
            unchecked.append(why_not)
        elif lake is not None:
            checked.append("receipts")
            if is_retraction:
                problems += _say_no(connection)
            else:
                as_of = release_dates(lake)[int(manifest["release"])]
                wrong_rows, unknown = allowed.problems(lake, connection, manifest, as_of)
                problems, unchecked = problems + wrong_rows, unchecked + unknown
        if lake is not None and _has_ledger(lake, connection, held):
            checked.append("ledger")
            problems += _ledger_agrees(lake, connection, held, manifest)
    return Proof(str(folder), named, release, number, rows, tuple(checked), tuple(unchecked), tuple(problems))


def _held(folder: Path, is_retraction: bool) -> Held:
    """A folder by its own names; of one that was sent elsewhere they mean nothing."""
    number = int(folder.name) if folder.name.isdecimal() else 0
    if is_retraction:
        return Held("retract", folder.parent.parent.name, number, folder)
    return Held("export", folder.parent.name, number, folder)


def _is_sealed(manifest: dict[str, Any], keys: Sequence[str], held: Held, lake: "Lake | None") -> list[str]:
    wrong = [broken(manifest, key) for key in keys]
    if None not in wrong:
        return [f"the manifest: {wrong[0]}"]
    place = wrong.index(None)
    if place and lake is not None and not _was_written_down(lake, manifest, held, successor=keys[place - 1]):
        return ["the manifest: it was sealed with a former key, and not written down while that was the key"]
    return []


def _was_written_down(lake: "Lake", manifest: dict[str, Any], held: Held, successor: str) -> bool:
    is_it = (held.kind, held.subject, audit.fingerprint(manifest))
    for item in audit.entries(lake):
        if (item.action, item.subject) == (audit.NEW_KEY, f"key {successor}"):
            return False
        if (item.action, item.subject, item.fingerprint) == is_it:
            return True
    return False


def _opened(lake: "Lake | None", release: int | None) -> tuple[duckdb.DuckDBPyConnection, str]:
    """A connection that shows what a release knew, or what is known now; and why receipts cannot be looked up."""
    if lake is None:
        return duckdb.connect(config=spill.duck()), ""
    read = [*allowed.READ, TABLE, RETRACTED]
    try:
        return lake.duck("live" if release is None else release, only=read), ""
    except (DataError, UsageError):
        connection = lake.duck(only=[TABLE, RETRACTED])
        return connection, f"release {release} is kept no more, so permissions could not be looked up"


def _has_ledger(lake: "Lake", connection: duckdb.DuckDBPyConnection, held: Held) -> bool:
    """Whether the ledger knows of a folder; of one older than the ledger it does not."""
    table, number = (TABLE, "release") if held.kind == "export" else (RETRACTED, "number")
    if not lake.exists(table):
        return False
    sql = f'SELECT count(*) FROM {table} WHERE destination = $name AND "{number}" = $number'
    return bool(connection.execute(sql, {"name": held.destination, "number": held.number}).fetchall()[0][0])


def _ledger_agrees(
    lake: "Lake", connection: duckdb.DuckDBPyConnection, held: Held, manifest: dict[str, Any]
) -> list[str]:
    """The file has whom the ledger says, but those taken out since, at the addresses of which it has the hashes."""
    table, number = (TABLE, "release") if held.kind == "export" else (RETRACTED, "number")
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE ledger AS SELECT profile_id, address_hashes FROM {table}
            WHERE destination = $name AND "{number}" = $number""",
        {"name": held.destination, "number": held.number},
    )
    # Who was erased went from the ledger, too; their retraction keeps the row that says so.
    is_kept = " AND reason IS DISTINCT FROM 'erased'" if held.kind == "retract" else ""
    unknown = allowed.told(connection, f"profile_id NOT IN (SELECT profile_id FROM ledger){is_kept}")
    problems = [f"{unknown} not in {table}"] if unknown else []
    missing = _count(
        connection, "SELECT count(*) FROM ledger WHERE profile_id NOT IN (SELECT profile_id FROM exported)"
    )
    if missing > sum(int(item["rows"]) for item in manifest.get("redacted", [])) and not _made_anew(lake, held):
        problems.append(f"{missing} of {table} not in the file")
    if held.kind == "export":
        keyed.install(connection, lake.settings.privacy_key)
        have = {str(row[0]) for row in connection.execute("DESCRIBE exported").fetchall()}
        fields = connection.execute("SELECT DISTINCT unnest(map_keys(address_hashes)) FROM ledger").fetchall()
        same = " AND ".join(
            f"l.address_hashes['{field}'] IS NOT DISTINCT FROM clew_keyed(lower(exported.\"{field}\"))"
            for (field,) in fields
            if field in have
        )
        other = allowed.told(
            connection,
            "profile_id IN (SELECT profile_id FROM ledger) AND NOT EXISTS ("
            f"FROM ledger AS l WHERE l.profile_id = exported.profile_id AND {same or 'true'})",
        )
        if other:
            problems.append(f"{other} have another address than {table}")
    return problems


def _made_anew(lake: "Lake", held: Held) -> bool:
    """Whether a folder took the place of another: the ledger has whom that one handed over, too."""
    made = [item for item in audit.entries(lake) if (item.action, item.subject) == (held.kind, held.subject)]
    return sum(", " not in item.detail for item in made) > 1  # with rows taken out it is the same one


def _say_no(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Each row of a retraction that names a statement names one that is no yes."""
    unknown = allowed.told(
        connection,
        "consent_event_id IS NOT NULL AND consent_event_id NOT IN (SELECT event_id FROM silver.consents "
        "WHERE status <> 'granted')",
    )
    return [f"{unknown} name a consent event that is no refusal"] if unknown else []


def _receipts_agree(connection: duckdb.DuckDBPyConnection, release: int, policy: str) -> list[str]:
    """What rows say of themselves: one a person, of this release and policy, with their consent and their notice."""
    twice = allowed.told(connection, "profile_id IN (SELECT profile_id FROM exported GROUP BY 1 HAVING count(*) > 1)")
    other = allowed.told(
        connection, '"release" IS DISTINCT FROM $a OR policy_version IS DISTINCT FROM $b', a=str(release), b=policy
    )
    lacking = allowed.told(
        connection,
        "profile_id IS NULL OR consent_event_id IS NULL OR notice_version IS NULL OR link_kind IS NULL "
        "OR link_probability IS NULL",
    )
    told = (
        (twice, "in more rows than one"),
        (other, "name another release or policy than the manifest"),
        (lacking, "have no whole receipt"),
    )
    return [f"{found} {what}" for found, what in told if found]


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(connection.execute(sql).fetchall()[0][0])
