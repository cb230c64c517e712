"""Proves of a published export, at any later time, what its gate proved before: seal, file, and a permission a row.

It believes neither the step that wrote the file nor the marts: the permission of each row is looked up in
silver.consents of the release, by way of identity.assignments.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from activation.files import DATA, MANIFEST, RETRACTIONS
from activation.held import published_folders
from contracts.purpose import STRICTEST_FIRST
from lakehouse.errors import UsageError
from lakehouse.seal import broken

if TYPE_CHECKING:
    from lakehouse.lake import Lake

NAMED = 5
"""Of the profiles whose rows are wrong so many are named."""


@dataclass(frozen=True)
class Proof:
    """What became of one export.

    Attributes:
        folder: The export.
        destination: From its manifest; empty where that cannot be read.
        release: Likewise; None.
        rows: Rows that the file really has.
        checked: What was looked at: ``seal``, ``file``, ``receipts``.
        problems: What is wrong, in sentences; nothing where all of it holds.
    """

    folder: str
    destination: str
    release: int | None
    rows: int
    checked: tuple[str, ...]
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def exports_of(lake: "Lake", destination: str | None = None, release: int | None = None) -> list[Path]:
    """The folders of the published exports, by destination and release.

    Raises:
        UsageError: If there is none of what was asked for.
    """
    found = published_folders(lake)
    asked = [
        path
        for path in found
        if destination in (None, path.parent.name) and (release is None or path.name == f"{release:06d}")
    ]
    if not asked:
        have = ", ".join(sorted({f"{path.parent.name} {int(path.name)}" for path in found})) or "none"
        raise UsageError("there is no such export", str(lake.settings.exports), f"there is: {have}")
    return asked


def verify(folder: Path, key: str, lake: "Lake | None" = None) -> Proof:
    """Check one export.

    Args:
        folder: With data.csv, retractions.csv and manifest.json.
        key: The public key of who should have sealed it.
        lake: The lake it was made from; without it, as where the file was sent to, receipts are not looked up.
    """
    try:
        return _verify(folder, key, lake)
    except (OSError, ValueError, KeyError, TypeError, duckdb.Error) as error:
        return Proof(str(folder), "", None, 0, (), (f"it cannot be read: {type(error).__name__}",))


def _verify(folder: Path, key: str, lake: "Lake | None") -> Proof:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    release = int(manifest["release"])
    problems = [f"the manifest: {wrong}"] if (wrong := broken(manifest, key)) else []
    described = {DATA: manifest["data"], RETRACTIONS: manifest.get("retractions")}
    problems += [
        f"{name} is not the file that the manifest describes: it was altered or cut off"
        for name, told in described.items()
        if told and _measured(folder / name) != (told["sha256"], told["bytes"])
    ]
    checked = ["seal", "file"]
    with _opened(lake, release) as connection:
        _show(connection, folder / DATA)
        rows = _count(connection, "SELECT count(*) FROM exported")
        if rows != manifest["rows"]:
            problems.append(f"{DATA} has {rows} rows, and the manifest says {manifest['rows']}")
        problems += _receipts_agree(connection, release, manifest["policy_version"])
        if lake is not None:
            checked.append("receipts")
            problems += _are_permitted(connection, manifest["purpose"])
    return Proof(str(folder), str(manifest["destination"]), release, rows, tuple(checked), tuple(problems))


def _measured(file: Path) -> tuple[str, int]:
    content = file.read_bytes()
    return hashlib.sha256(content).hexdigest(), len(content)


def _opened(lake: "Lake | None", release: int) -> duckdb.DuckDBPyConnection:
    if lake is None:
        return duckdb.connect()
    return lake.duck(release, only=["silver.consents", "identity.assignments"])


def _show(connection: duckdb.DuckDBPyConnection, data: Path) -> None:
    path = str(data).replace("'", "''")
    connection.execute(
        f"CREATE TEMP VIEW exported AS SELECT * FROM read_csv('{path}', header = true, all_varchar = true, "
        "nullstr = '', delim = ',', quote = '\"', escape = '\"')"
    )


def _receipts_agree(connection: duckdb.DuckDBPyConnection, release: int, policy: str) -> list[str]:
    """What rows say of themselves: one a person, of this release and policy, with their consent and their notice."""
    twice = _profiles(connection, "profile_id IN (SELECT profile_id FROM exported GROUP BY 1 HAVING count(*) > 1)")
    other = _profiles(connection, '"release" IS DISTINCT FROM $a OR policy_version IS DISTINCT FROM $b', a=str(release),
                      b=policy)  # fmt: skip
    lacking = _profiles(connection, "profile_id IS NULL OR consent_event_id IS NULL OR notice_version IS NULL "
                        "OR link_kind IS NULL OR link_probability IS NULL")  # fmt: skip
    told = (
        (twice, "in more rows than one"),
        (other, "name another release or policy than the manifest"),
        (lacking, "have no whole receipt"),
    )
    return [f"{found} {what}" for found, what in told if found]


def _are_permitted(connection: duckdb.DuckDBPyConnection, purpose: str) -> list[str]:
    """Each row's consent event is a yes of that person to this purpose, with that notice, and their last word."""
    strictest = ", ".join(f"'{status}'" for status in STRICTEST_FIRST)
    connection.execute(
        f"""CREATE TEMP TABLE said AS
            SELECT profile_id, event_id, notice_version, status,
                   row_number() OVER (PARTITION BY profile_id ORDER BY given_at DESC,
                                      list_position([{strictest}], status), event_id) AS place
            FROM silver.consents JOIN identity.assignments USING (record_id)
            WHERE purpose = $purpose AND given_at IS NOT NULL""",
        {"purpose": purpose},
    )
    same = "said.profile_id = exported.profile_id AND said.event_id = exported.consent_event_id"
    unknown = _profiles(connection, f"NOT EXISTS (FROM said WHERE {same})")
    no_yes = _profiles(connection, f"EXISTS (FROM said WHERE {same} AND status <> 'granted')")
    other_notice = _profiles(
        connection, f"EXISTS (FROM said WHERE {same} AND notice_version IS DISTINCT FROM exported.notice_version)"
    )
    later = _profiles(connection, f"EXISTS (FROM said WHERE {same} AND place > 1)")
    told = (
        (unknown, "name a consent event that is not theirs"),
        (no_yes, f"name a consent event that is no yes to {purpose}"),
        (other_notice, "name another notice than their consent event"),
        (later, f"said something else of {purpose} after the consent event that they name"),
    )
    return [f"{found} {what}" for found, what in told if found]


def _profiles(connection: duckdb.DuckDBPyConnection, condition: str, **values: Any) -> str:
    """Whose rows a condition holds of: how many, and the first by name; empty where it holds of none."""
    rows = connection.execute(
        f"SELECT DISTINCT coalesce(profile_id, '(no id)') FROM exported WHERE {condition} ORDER BY 1", values
    ).fetchall()
    if not rows:
        return ""
    named = ", ".join(str(profile) for (profile,) in rows[:NAMED])
    return f"{len(rows)} profile{'s' if len(rows) > 1 else ''} ({named}{', …' if len(rows) > NAMED else ''})"


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(connection.execute(sql).fetchall()[0][0])
