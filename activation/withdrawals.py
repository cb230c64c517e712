"""Retractions that do not wait for a release: who may be used no longer is taken out wherever they were handed over.

Who was ever handed over is known by ops.deliveries, what they say today by silver.consents as it is now, not as a
release has it. A retraction is a folder, ``exports/<destination>/retractions/<number>/``, that appears whole by one
rename and is never changed. Its rows are then kept in ops.retractions; a process that died between the two is made up
for by the next, out of the folder itself.
"""

import datetime
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from deltalake.exceptions import DeltaError

from activation import addresses, convert, due
from activation.deliveries import RETRACTED, TABLE, releases_of, rows_by_address
from activation.export import catch_up
from activation.files import (
    DATA,
    MANIFEST,
    described,
    is_as_described,
    publish,
    read_manifest,
    show_csv,
    staging,
    write_manifest,
    write_table,
)
from activation.held import Held, act_of, finish_cut_off, published_retractions, retraction_folder
from activation.measure import in_words, measured
from activation.named import NOBODY, Named
from lakehouse import audit, keyed
from lakehouse.erasing import no_erasure
from lakehouse.errors import ClewError, DataError
from lakehouse.seal import is_sealed, sealed

if TYPE_CHECKING:
    import duckdb

    from contracts.export import Destination
    from lakehouse.lake import Lake
    from lakehouse.run import Run


def retract(lake: "Lake", run: "Run", erased: Named | None = None) -> dict[str, int]:
    """Have every destination remove whom it ever got and may keep no longer.

    A fault at one of them keeps none of the others waiting; it is raised when all were served.

    Args:
        lake: The lake.
        run: The run.
        erased: People who are about to be erased, by an erasure that holds its lock. They are retracted whatever they
            said, from every destination that ever got them, under whatever profile, by that and keyed hash only: no
            address of theirs is written anew.

    Returns:
        People retracted, by destination.

    Raises:
        DataError: If the audit can take no entry, or an erasure died before its end.
    """
    import duckdb

    counts: dict[str, int] = {}
    failed: dict[str, Exception] = {}
    # An erasure calls it under its own lock, also of who has no profile.
    with run.step(lake, "retract") as step, no_erasure(lake) if erased is None else nullcontext():
        audit.ready(lake)
        catch_up(lake)
        if not all(lake.exists(table) for table in due.READ):
            step.message = "nobody was resolved yet"
            return counts
        for name in sorted({destination for destination, _ in releases_of(lake)}):
            try:
                with lake.lock(f"export_{name}"):
                    finish_cut_off(lake, name)
                    make_up(lake, name)
                    counts[name] = _retract(lake, name, erased or NOBODY)
                step.say(name, counts[name])
            except (ClewError, duckdb.Error, DeltaError, OSError, LookupError, TypeError, ValueError) as error:
                failed[name] = error
        step.rows = sum(counts.values())
        if failed:
            at_fault = ", ".join(f"{name} ({type(error).__name__})" for name, error in failed.items())
            step.message = f"{step.rows} people retracted; at fault: {at_fault}"
            raise next(iter(failed.values()))
        if step.rows:
            step.message = f"{step.rows} people retracted{_how_soon(lake)}"
    return counts


def _how_soon(lake: "Lake") -> str:
    said = in_words(measured(lake)[1])
    return f"; of all so far, landed to written: {said}" if said else ""


def told_of_erasure(lake: "Lake", who: Named) -> dict[str, int]:
    """How many of these people were retracted as erased, by destination."""
    if not lake.exists(RETRACTED):
        return {}
    with lake.quick(RETRACTED) as connection:
        found = connection.execute(
            f"""SELECT destination, count(DISTINCT profile_id) FROM {RETRACTED}
                WHERE reason = 'erased' AND list_contains($ids, profile_id) GROUP BY ALL ORDER BY ALL""",
            {"ids": sorted(who.profiles)},
        ).fetchall()
    return {str(name): int(people) for name, people in found}


def due_now(lake: "Lake") -> dict[str, int]:
    """How many people would be retracted now, by destination."""
    counts = {}
    for name in sorted({destination for destination, _ in releases_of(lake)}):
        with lake.duck(only=[*due.READ, TABLE, RETRACTED]) as connection:
            _find(lake, connection, name, NOBODY)
            counts[name] = int(connection.execute("SELECT count(*) FROM due").fetchall()[0][0])
    return counts


def _find(lake: "Lake", connection: "duckdb.DuckDBPyConnection", name: str, erased: Named) -> None:
    keyed.install(connection, lake.settings.privacy_key)
    convert.install(connection, lake.contracts.identity.mail_domains)
    strictest = [one for one, purpose in lake.contracts.policy.purposes.items() if purpose.across == "strictest"]
    declared = lake.contracts.destinations.get(name)
    due.find(
        connection,
        name,
        lake.contracts.identity,
        has_retractions=lake.exists(RETRACTED),
        erased=erased.profiles,
        under_others=rows_by_address(lake, name, erased),
        strictest=strictest,
        topic=declared.topic if declared else None,
    )


def _retract(lake: "Lake", name: str, erased: Named) -> int:
    declared = lake.contracts.destinations.get(name)
    with lake.duck(only=[*due.READ, TABLE, RETRACTED]) as connection:
        _find(lake, connection, name, erased)
        people = int(connection.execute("SELECT count(*) FROM due").fetchall()[0][0])
        if not people:
            return 0
        addresses.find_plain(lake, connection, name, declared)
        because = _fill(connection, addresses.fields_lost(connection, declared))
        final = retraction_folder(lake, name, _next(lake, name))
        _hand_over(lake, connection, declared, final, because)
    _keep(lake, name, final)
    audit.note(lake, [act_of(Held("retract", name, int(final.name), final))])
    return people


def _hand_over(
    lake: "Lake",
    connection: "duckdb.DuckDBPyConnection",
    declared: "Destination | None",
    final: Path,
    because: dict[str, int],
) -> None:
    """Write the table ``retracted`` and its manifest into a folder that appears whole."""
    with staging(final) as staged:
        write_table(connection, "retracted", staged / DATA)
        manifest = {
            "destination": final.parent.parent.name,
            "retraction": int(final.name),
            "purpose": declared.purpose if declared else None,
            "policy_version": lake.contracts.policy.version,
            "written_at": datetime.datetime.now(datetime.UTC).isoformat(),
            "rows": sum(because.values()),
            "because": because,
            "data": described(staged / DATA) | {"format": "csv", "columns": connection.table("retracted").columns},
            "retract": declared.retract if declared else None,
        }
        write_manifest(staged / MANIFEST, sealed(lake.settings, manifest))
        publish(staged)


def _fill(connection: "duckdb.DuckDBPyConnection", fields: Sequence[str]) -> dict[str, int]:
    """Make the temporary table ``retracted``, sorted by profile and address; how many rows it has, by reason."""
    named = ", ".join(f'CASE WHEN d.reason <> \'erased\' THEN t."{name}" END AS "{name}"' for name in fields)
    order = ", ".join(f'"{name}"' for name in fields)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE retracted AS
            SELECT {named}{"," if named else ""} d.profile_id, d.reason,
                   CASE WHEN {convert.named_safely("d.event_id")} THEN d.event_id END AS consent_event_id,
                   strftime(d.landed_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS known_since,
                   array_to_string(d.releases, ' ') AS exported_in,
                   CASE WHEN d.reason = 'erased' THEN h.hashes ELSE t.address_hashes END AS address_hashes
            FROM due AS d
            LEFT JOIN ({addresses.taken_out(fields)}) AS t USING (profile_id)
            LEFT JOIN (SELECT profile_id, string_agg(field || ':' || hash, ' ' ORDER BY field, hash) AS hashes
                       FROM lost GROUP BY 1) AS h USING (profile_id)
            ORDER BY d.profile_id{"," if order else ""} {order}"""
    )
    return addresses.because(connection, "retracted")


def _next(lake: "Lake", name: str) -> int:
    """The number after the last, by what is held, by the ledger and by the audit: none is given twice."""
    found = {int(path.name) for path in published_retractions(lake) if path.parent.parent.name == name}
    found |= _kept(lake, name)
    head = f"retraction {name} "
    found |= {
        int(item.subject.removeprefix(head))
        for item in audit.entries(lake)
        if item.action == "retract" and item.subject.startswith(head)
    }
    return max(found, default=0) + 1


def _kept(lake: "Lake", name: str) -> set[int]:
    if not lake.exists(RETRACTED):
        return set()
    with lake.quick(RETRACTED) as connection:
        found = connection.execute(f"SELECT DISTINCT number FROM {RETRACTED} WHERE destination = $name", {"name": name})
        return {int(number) for (number,) in found.fetchall()}


def make_up(lake: "Lake", name: str) -> None:
    """Keep the retractions that became visible before a process died; what is wrong with others, the proof names."""
    kept = _kept(lake, name)
    for path in published_retractions(lake):
        if path.parent.parent.name != name or int(path.name) in kept:
            continue
        try:
            manifest = read_manifest(path)
            if manifest["rows"] and is_sealed(lake.settings, manifest) and is_as_described(path, manifest["data"]):
                _keep(lake, name, path)
        except (DataError, OSError, KeyError, TypeError):
            continue


def _keep(lake: "Lake", name: str, folder: Path) -> None:
    """Put down in ops.retractions what a folder says, with the hashes that the ledger has of those deliveries."""
    written_at = datetime.datetime.fromisoformat(read_manifest(folder)["written_at"])
    told = {"name": name, "number": int(folder.name), "written_at": written_at}
    with lake.quick(TABLE, "silver.consents") as connection:
        show_csv(connection, "told", folder / DATA)
        kept = connection.sql(
            f"""WITH gave AS (
                    SELECT t.profile_id, t.reason, t.consent_event_id, d."release", d.delivered_at, d.address_hashes,
                           d.mailbox_hashes
                    FROM (SELECT DISTINCT profile_id, reason, consent_event_id, exported_in FROM told) AS t
                    JOIN {TABLE} AS d ON d.destination = $name AND d.profile_id = t.profile_id
                     AND list_contains(string_split(t.exported_in, ' ')::INTEGER[], d."release")
                ), hashes AS ({_gathered("address_hashes")}), boxes AS ({_gathered("mailbox_hashes")})
                SELECT $name AS destination, $number AS number, $written_at AS written_at,
                       profile_id, any_value(reason) AS reason,
                       coalesce(any_value(hashes.of), MAP {{}}) AS address_hashes,
                       coalesce(any_value(boxes.of), MAP {{}}) AS mailbox_hashes,
                       any_value(consent_event_id) AS event_id, min(c.given_at) AS withdrawn_at,
                       min(c.received_at) AS landed_at, max("release") AS last_release,
                       max(delivered_at) AS delivered_at
                FROM gave
                LEFT JOIN hashes USING (profile_id) LEFT JOIN boxes USING (profile_id)
                LEFT JOIN silver.consents AS c ON c.event_id = gave.consent_event_id
                GROUP BY profile_id ORDER BY profile_id""",
            params=told,
        ).to_arrow_table()
    lake.append(RETRACTED, kept)


def _gathered(column: str) -> str:
    """SQL of all hashes of a person by their key, those of one key joined by spaces."""
    return f"""
        SELECT profile_id, map_from_entries(list({{'key': key, 'value': hashes}})) AS of FROM (
            SELECT profile_id, entry.key, string_agg(DISTINCT entry.value, ' ' ORDER BY entry.value) AS hashes
            FROM (SELECT profile_id, unnest(map_entries({column})) AS entry FROM gave) GROUP BY ALL) GROUP BY 1"""
