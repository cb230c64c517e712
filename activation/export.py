"""Exports of a release: staged under a hidden name, checked there, then made visible by one rename.

An export is never changed once it is visible. Staging reads the release only, takes no clock and no random number, and
sorts its rows, so the same release gives the same bytes; a run that was killed is simply run again.
"""

import datetime
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activation import caps, decide, deliveries, retract
from activation.files import (
    DATA,
    MANIFEST,
    RETRACTIONS,
    described,
    is_as_described,
    publish,
    read_manifest,
    staging,
    write_manifest,
    write_table,
)
from activation.held import Held, act_of, finish_cut_off, folder, misnamed, published_folders, unwritten_acts
from contracts.bucketing_sql import held_out_sql
from contracts.export import Destination
from lakehouse import audit, keyed, policies
from lakehouse.declared import declared_acts
from lakehouse.erasing import no_erasure
from lakehouse.errors import ContractError, DataError, UsageError
from lakehouse.export_tables import export_tables
from lakehouse.releases import latest_release, release_dates
from lakehouse.seal import is_sealed, sealed

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from lakehouse.lake import Lake
    from lakehouse.run import Run

Gate = Callable[["Lake", "Run", Path], Mapping[str, int]]
"""Checks a staged folder and raises GateClosed if it must not be published: expectations.gate.check_staged."""


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
        for name in (one.destination for one in caps.in_order(lake.contracts)):
            made = export(lake, run, name, gate)
            step.say(name, made["rows"], made["considered"])
            step.rows += made["rows"]
            counts |= {name: made["rows"], f"{name}_refused": made["refused"]}
    return counts


def export(lake: "Lake", run: "Run", destination: str, gate: Gate) -> dict[str, int]:
    """Export the latest release to one destination, unless that was done before.

    Returns:
        ``rows``, ``refused`` and ``considered``.

    Raises:
        DataError: If an erasure died before its end.
    """
    declared = _destination(lake, destination)
    with no_erasure(lake), lake.lock(f"export_{destination}"):
        release = latest_release(lake)  # the latest now: who waited exports no older one after a newer
        if release is None:
            raise UsageError("there is no release to export", "ops.releases", "publish one first: clew run")
        audit.ready(lake)
        finish_cut_off(lake, destination)
        catch_up(lake)
        final = folder(lake, destination, release)
        if final.exists():
            return _counts(_unchanged(lake, declared, final))
        with lake.lock("claims"):  # who is counted for one destination is not yet for another
            staged, given = _staged(lake, declared, release)
            try:
                gate(lake, run, staged)
                # Whom the file has, whatever was said or delivered while the gate looked at it.
                published = release in retract.written_down(lake, destination)
                deliveries.record(lake, declared, release, release_dates(lake)[release], given, published=published)
                publish(staged)
            except BaseException:
                shutil.rmtree(staged, ignore_errors=True)  # people refused by a gate do not stay lying about in a file
                raise
        audit.note(lake, [act_of(Held("export", destination, release, final))])
        return _counts(read_manifest(final))


def catch_up(lake: "Lake") -> None:
    """Write down what a process that died, or a version of Clew without the ledger, left unwritten."""
    deliveries.record_held(lake, published_folders(lake), release_dates(lake))
    audit.note(lake, declared_acts(lake), late=unwritten_acts(lake))


def stage(lake: "Lake", destination: Destination, release: int) -> Path:
    """Write an export to a hidden folder beside its place.

    Returns:
        The folder, ``_<release>``, with data.csv, retractions.csv and their sealed manifest.json.

    Raises:
        DataError: If a profile is neither exported nor refused, or both; if the export before was altered.
        UsageError: If the policy does not know the destination's purpose.
    """
    return _staged(lake, destination, release)[0]


def _staged(lake: "Lake", destination: Destination, release: int) -> tuple[Path, "pa.Table"]:
    """The staged folder, and the people in it as the ledger has them."""
    policy = lake.contracts.policy
    if destination.purpose not in policy.purposes:
        raise UsageError(
            f"the export {destination.destination} is for a purpose that the policy does not know",
            f"contracts/exports/{destination.destination}.yml, purpose: {destination.purpose}",
            f"use one of: {', '.join(policy.purposes)}",
        )
    with staging(folder(lake, destination.destination, release)) as staged:
        given = _fill(lake, destination, release, staged)
    return staged, given


def _fill(lake: "Lake", destination: Destination, release: int, staged: Path) -> "pa.Table":
    since = retract.export_before(lake, destination.destination, release)
    _hold_to_seal(lake, destination, since)
    with lake.duck(release, only=export_tables(lake.contracts, destination)) as connection:
        _hold_to_policy(lake, connection, release)
        decided(lake, connection, destination, release)
        refused, capped = decide.refusals(connection), caps.tally(connection)
        rows, considered = decide.handed_over(connection, destination), decide.considered(connection, destination)
        given = deliveries.given(connection, destination)
        because = retract.retractions(lake, connection, destination, since, release)
        is_unknown = since is not None and retract.unknown_since(lake, connection, destination.destination, since)
        write_table(connection, "handed_over", staged / DATA)
        write_table(connection, "retracted", staged / RETRACTIONS)
        columns = connection.table("retracted").columns
    if considered != rows + sum(refused.values()):
        raise DataError(
            f"{considered} profiles were considered for {destination.destination}, but {rows} exported and "
            f"{sum(refused.values())} refused",
            "gold.profiles, gold.consent_state",
            "report this as a fault of activation.decide; nothing was exported",
        )
    manifest = {
        "destination": destination.destination,
        "channel": destination.channel,
        "version": destination.version,
        "owner": destination.owner,
        "purpose": destination.purpose,
        "policy_version": lake.contracts.policy.version,
        "release": release,
        "audience": destination.audience,
        "identity": destination.identity.model_dump(mode="json"),
        "holdouts": {one.name: one.version for one in lake.contracts.holdouts(destination)},
        "considered": considered,
        "rows": rows,
        "refused": refused,
        "capped": capped,
        "data": described(staged / DATA) | {"format": destination.format, "columns": destination.schema_of_row()},
        "retractions": described(staged / RETRACTIONS)
        | {
            "rows": sum(because.values()),
            "columns": columns,
            "since": since,
            "because": because,
            "is_unknown": is_unknown,
        },
        "retract": destination.retract,
    }
    write_manifest(staged / MANIFEST, sealed(lake.settings, manifest))
    return given


def _hold_to_policy(lake: "Lake", connection: "duckdb.DuckDBPyConnection", release: int) -> None:
    """See that the policy that receipts are to name is the one by which the release was decided.

    A run takes a policy before it decides by it, so what the release names is in ops.policies and in the audit.

    Raises:
        ContractError: If the policy was changed and kept its version.
        DataError: If the release was decided by another.
    """
    policy = lake.contracts.policy
    policies.refuse_if_altered(policy, policies.taken(lake))
    found = connection.execute("SELECT DISTINCT policy_version FROM gold.consent_state ORDER BY 1").fetchall()
    if others := [str(version) for (version,) in found if version != policy.version]:
        raise DataError(
            f"release {release} was decided by policy {', '.join(others)}, and the one declared is {policy.version}",
            "contracts/consent/purposes.yml, version",
            "run the day again, which takes the policy, shows whom it lets in and out, and exports by it: clew run",
        )


def decided(lake: "Lake", connection: "duckdb.DuckDBPyConnection", destination: Destination, release: int) -> None:
    """Make the table ``decided`` of a release, without those whom the destination was told to remove since.

    And without those who have got enough, counting what destinations that come first are about to hand over.
    """
    as_of = release_dates(lake)[release]
    keyed.install(connection, lake.settings.privacy_key)
    caps.read_claims(lake, connection)
    for one in caps.ahead(lake.contracts, destination):
        if (one.destination, release) not in deliveries.releases_of(lake, one.destination) and not folder(
            lake, one.destination, release
        ).exists():
            try:
                _decided_alone(lake, connection, one, release, as_of)
            except ContractError:
                continue  # it cannot be exported, as its own export will say
            caps.plan(connection, one, release, as_of)
    _decided_alone(lake, connection, destination, release, as_of)


def _decided_alone(
    lake: "Lake", connection: "duckdb.DuckDBPyConnection", destination: Destination, release: int, as_of: datetime.date
) -> None:
    policy, domains = lake.contracts.policy.version, lake.contracts.identity.mail_domains
    held_out = held_out_sql(lake.contracts.holdouts(destination), "profile_id", as_of, "duckdb")
    decide.decide(connection, destination, policy, release, domains, held_out)
    retract.hold_back(lake, connection, destination, release)
    caps.hold_back(lake.contracts, connection, destination, release, as_of)


def _hold_to_seal(lake: "Lake", destination: Destination, since: int | None) -> None:
    """See that the export before, where it is held, is what was sealed: what to retract is told from it.

    Raises:
        DataError: If it is not.
    """
    if since is None or not (before := folder(lake, destination.destination, since)).exists():
        return
    manifest = read_manifest(before)
    is_own = misnamed(Held("export", destination.destination, since, before), manifest) is None
    if not is_own or not is_sealed(lake.settings, manifest) or not is_as_described(before, manifest["data"]):
        raise _altered(destination, before)


def _altered(destination: Destination, export_folder: Path) -> DataError:
    return DataError(
        f"an export to {destination.destination} was changed after it was exported: it is not what was sealed",
        str(export_folder),
        "put back what was exported, or take the folder away: the ledger knows who was in it, and an export of the "
        "latest release is written anew",
    )


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
    is_own = misnamed(Held("export", final.parent.name, int(final.name), final), manifest) is None
    if not is_own or not is_sealed(lake.settings, manifest) or not is_as_described(final, manifest["data"]):
        raise _altered(destination, final)
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
