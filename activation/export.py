"""Exports of a release: staged under a hidden name, checked there, then made visible by one rename.

An export is never changed once it is visible. Staging reads the release only, takes no clock and no random number, and
sorts its rows, so the same release gives the same bytes; a run that was killed is simply run again.
"""

import csv
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activation import decide, retract
from contracts.export import Destination
from lakehouse import audit
from lakehouse.errors import DataError, UsageError
from lakehouse.releases import latest_release
from lakehouse.seal import sealed

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run import Run

Gate = Callable[["Lake", "Run", Path], Mapping[str, int]]
"""Checks a staged folder and raises GateClosed if it must not be published: expectations.gate.check_staged."""

DATA, RETRACTIONS, MANIFEST = "data.csv", "retractions.csv", "manifest.json"


def export_all(lake: "Lake", run: "Run", gate: Gate) -> dict[str, int]:
    """Export the latest release to every declared destination: that of the latest date, whatever this run published.

    Returns:
        Rows and refusals by destination, as ``email_tool`` and ``email_tool_refused``.

    Raises:
        UsageError: If nothing was released yet.
        GateClosed: If a staged export fails its gate; destinations before it stay published.
    """
    counts: dict[str, int] = {}
    with run.step(lake, "export") as step:
        for name in sorted(lake.contracts.destinations):
            made = export(lake, run, name, gate)
            step.say(name, made["rows"], made["considered"])
            step.rows += made["rows"]
            counts |= {name: made["rows"], f"{name}_refused": made["refused"]}
    return counts


def export(lake: "Lake", run: "Run", destination: str, gate: Gate) -> dict[str, int]:
    """Export the latest release to one destination, unless that was done before.

    Returns:
        ``rows``, ``refused`` and ``considered``.
    """
    declared = _destination(lake, destination)
    release = latest_release(lake)
    if release is None:
        raise UsageError("there is no release to export", "ops.releases", "publish one first: clew run")
    with lake.lock(f"export_{destination}"):
        final = folder(lake, destination, release)
        if final.exists():
            audit.note(lake, [export_act(final)])  # the process may have died before it was written down
            return _counts(_unchanged(lake, declared, final))
        staged = stage(lake, declared, release)
        try:
            gate(lake, run, staged)
        except BaseException:
            shutil.rmtree(staged)  # people refused by a gate do not stay lying about in a file
            raise
        publish(staged)
        audit.note(lake, [export_act(final)])
        return _counts(read_manifest(final))


def export_act(export_folder: Path) -> audit.Act:
    """A published export as an act for the audit: its manifest, which names the checksum of its rows."""
    manifest = read_manifest(export_folder)
    subject = f"export {manifest['destination']} {manifest['release']}"
    return audit.Act("export", subject, f"{manifest['rows']} rows", audit.fingerprint(manifest))


def published_folders(lake: "Lake") -> list[Path]:
    """The folders of all published exports, by destination and release."""
    return [path.parent for path in sorted(lake.settings.exports.glob(f"*/[0-9]*/{MANIFEST}"))]


def folder(lake: "Lake", destination: str, release: int) -> Path:
    """Where an export is once it is published."""
    return lake.settings.exports / destination / f"{release:06d}"


def stage(lake: "Lake", destination: Destination, release: int) -> Path:
    """Write an export to a hidden folder beside its place.

    Returns:
        The folder, ``_<release>``, with data.csv, retractions.csv and their sealed manifest.json.

    Raises:
        DataError: If a profile is neither exported nor refused, or both; if the export before was altered.
    """
    final = folder(lake, destination.destination, release)
    staged = final.with_name(f"_{final.name}")
    if staged.exists():
        shutil.rmtree(staged)  # left by a run that was killed
    staged.mkdir(parents=True)
    policy = lake.contracts.policy
    if destination.purpose not in policy.purposes:
        raise UsageError(
            f"the export {destination.destination} is for a purpose that the policy does not know",
            f"contracts/exports/{destination.destination}.yml, purpose: {destination.purpose}",
            f"use one of: {', '.join(policy.purposes)}",
        )
    with lake.duck(release) as connection:
        decide.decide(connection, destination, policy.version, release, lake.contracts.identity.mail_domains)
        refused = decide.refusals(connection)
        rows = decide.rows(connection, destination)
        considered = decide.considered(connection, destination)
        before = _before(lake, destination, release)
        taken_out = retract.retractions(connection, destination, before / DATA) if before else []
    if considered != len(rows) + sum(refused.values()):
        raise DataError(
            f"{considered} profiles were considered for {destination.destination}, but {len(rows)} exported and "
            f"{sum(refused.values())} refused",
            "gold.profiles, gold.consent_state",
            "report this as a fault of activation.decide; nothing was exported",
        )
    _write_csv(staged / DATA, destination.columns, rows)
    _write_csv(staged / RETRACTIONS, retract.columns_of(destination), taken_out)
    because = Counter(row[retract.columns_of(destination).index("reason")] for row in taken_out)
    manifest = {
        "destination": destination.destination,
        "version": destination.version,
        "owner": destination.owner,
        "purpose": destination.purpose,
        "policy_version": policy.version,
        "release": release,
        "audience": destination.audience,
        "identity": destination.identity.model_dump(mode="json"),
        "considered": considered,
        "rows": len(rows),
        "refused": refused,
        "data": {
            "file": DATA,
            "format": destination.format,
            "bytes": (staged / DATA).stat().st_size,
            "sha256": _sha256(staged / DATA),
            "columns": destination.schema_of_row(),
        },
        "retractions": {
            "file": RETRACTIONS,
            "rows": len(taken_out),
            "bytes": (staged / RETRACTIONS).stat().st_size,
            "sha256": _sha256(staged / RETRACTIONS),
            "since": int(before.name) if before else None,
            "because": dict(sorted(because.items())),
        },
        "retract": destination.retract,
    }
    manifest = sealed(lake.settings, manifest)
    _write(staged / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    return staged


def _before(lake: "Lake", destination: Destination, release: int) -> Path | None:
    """The newest export to a destination that was published before a release.

    Raises:
        DataError: If its file was altered, so that what to retract cannot be told.
    """
    earlier = [path for path in published_folders(lake) if path.parent.name == destination.destination]
    found = max((path for path in earlier if int(path.name) < release), default=None)
    if found is not None and _sha256(found / DATA) != read_manifest(found)["data"]["sha256"]:
        raise _altered(destination, found / DATA)
    return found


def _altered(destination: Destination, data: Path) -> DataError:
    return DataError(
        f"the file of {destination.destination} was changed after it was exported: its checksum differs",
        str(data),
        "put back what was exported. Without it take the folder away: an export of the latest release is written anew; "
        "of an earlier one, have the destination load the next as a replacement, since what to retract is not known",
    )


def publish(staged: Path) -> Path:
    """Make a staged export visible, in one rename."""
    final = staged.with_name(staged.name.removeprefix("_"))
    _sync_folder(staged)
    staged.rename(final)
    _sync_folder(final.parent)
    return final


def read_manifest(export_folder: Path) -> dict[str, Any]:
    """The manifest of an export.

    Raises:
        DataError: If it is no JSON any more.
    """
    path = export_folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(
            "the manifest of an export cannot be read: it was altered or cut off",
            str(path),
            "take the folder away; if its release is the latest, the next export writes the same rows again",
        ) from error
    return manifest


def published(lake: "Lake", release: int) -> dict[str, dict[str, Any]]:
    """Manifests of the published exports of a release, by destination."""
    found = {name: folder(lake, name, release) for name in sorted(lake.contracts.destinations)}
    return {name: read_manifest(path) for name, path in found.items() if path.exists()}


def _destination(lake: "Lake", name: str) -> Destination:
    known = lake.contracts.destinations
    if name not in known:
        raise UsageError(f"there is no destination {name}", "contracts/exports", f"use one of: {', '.join(known)}")
    return known[name]


def _unchanged(lake: "Lake", destination: Destination, final: Path) -> dict[str, Any]:
    manifest = read_manifest(final)
    if _sha256(final / DATA) != manifest["data"]["sha256"]:
        raise _altered(destination, final / DATA)
    made_under = (manifest["version"], manifest["policy_version"])
    if made_under != (destination.version, lake.contracts.policy.version):
        raise DataError(
            f"release {manifest['release']} was exported to {destination.destination} under contract {made_under[0]} "
            f"and policy {made_under[1]}, and exports are not changed afterwards",
            str(final),
            "publish a new release, which is exported under the present ones: clew run",
        )
    return manifest


def _counts(manifest: Mapping[str, Any]) -> dict[str, int]:
    return {
        "rows": manifest["rows"],
        "refused": sum(manifest["refused"].values()),
        "considered": manifest["considered"],
    }


def _write_csv(path: Path, columns: tuple[str, ...], rows: list[tuple]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
