"""What a destination got of a person, as the ledgers have it; and, apart from that, whether it would get them now."""

from typing import TYPE_CHECKING, Any

from activation.deliveries import RETRACTED, TABLE
from activation.held import folder
from activation.retract import NOT_ASKED, RETRACTED_BECAUSE, written_down
from clew.output import time_text
from contracts.export import REASONS

if TYPE_CHECKING:
    from clew.workspace import Reading
    from contracts.permission import Decision
    from lakehouse.lake import Lake

Told = dict[str, Any]
_NO_RETRACTIONS = """(SELECT NULL::VARCHAR AS destination, NULL::VARCHAR AS profile_id, 0 AS number,
    NULL::VARCHAR AS reason, NULL::TIMESTAMPTZ AS written_at, 0 AS last_release WHERE false)"""
_WHY: dict[str, str] = {
    **{str(reason): why for reason, why in REASONS.items()},
    **RETRACTED_BECAUSE,
    "erased": "the person was erased",
}


def tables_read() -> tuple[str, ...]:
    """What is opened to tell of an export: what its own decision reads, and the ledgers."""
    from clew.role import reader
    from clew.workspace import existing_lake, settings
    from lakehouse.duck import tables_in

    readable = reader(settings()).readable(tables_in(existing_lake()))
    return tuple(name for name in readable if name.startswith(("gold.", "ops.", "identity.assign")))


def told_of(
    reading: "Reading", destination: str, profile_id: str, records: list[str], decision: "Decision", *, is_past: bool
) -> Told:
    """What happened, and what would happen now.

    Args:
        reading: The release that was asked for, and the ledgers as they are.
        destination: An export of the purpose that was decided over.
        profile_id: The person.
        records: Their records.
        decision: What the policy says of them.
        is_past: Whether it says so of a past day, which has no export's conditions.

    Returns:
        ``destination``; ``handed_over``, a row an export that has them, the newest first: release, as_of, profile_id,
        delivered_at and ``retracted``, None or number, reason, written_at; ``claimed``, releases of which the ledger
        has them and no export was made; ``left_out_since``, a later release whose export does not have them;
        ``says``; ``now``: would_be_handed_over (None where that is not decided), reason, says.
    """
    from clew.workspace import settings
    from lakehouse.lake import Lake

    lake = Lake(settings())
    given = _given(reading, destination, _ids(reading, profile_id, records))
    made = set(written_down(lake, destination))
    made |= {row["release"] for row in given if folder(lake, destination, row["release"]).exists()}
    handed_over = [row for row in given if row["release"] in made]
    claimed = sorted({row["release"] for row in given} - made)
    later = [release for release in made if handed_over and release > handed_over[0]["release"]]
    left_out_since = min(later, default=None)
    return {
        "destination": destination,
        "handed_over": handed_over,
        "claimed": claimed,
        "left_out_since": left_out_since,
        "says": _says(handed_over, claimed, left_out_since),
        "now": _now(lake, reading, destination, profile_id, decision, is_past),
    }


def _ids(reading: "Reading", profile_id: str, records: list[str]) -> list[str]:
    """Every id under which the person may have been handed over: that of the profile, and of each record's own."""
    own = reading.rows(
        "SELECT DISTINCT own_profile_id AS id FROM identity.assignments WHERE list_contains(?, record_id)", [records]
    )
    return sorted({profile_id, *(row["id"] for row in own)})


def _given(reading: "Reading", destination: str, ids: list[str]) -> list[Told]:
    """The deliveries of the ledger, each with the retraction that came after it."""
    if TABLE not in reading.tables:
        return []
    retracted = RETRACTED if RETRACTED in reading.tables else _NO_RETRACTIONS
    rows = reading.rows(
        f"""WITH given AS (
                SELECT "release", as_of, profile_id, min(delivered_at) AS delivered_at FROM {TABLE}
                WHERE destination = $1 AND list_contains($2, profile_id) GROUP BY ALL)
            SELECT given.*, min(r.number) AS number, arg_min(r.reason, r.number) AS reason,
                   arg_min(r.written_at, r.number) AS written_at
            FROM given LEFT JOIN {retracted} AS r
              ON r.destination = $1 AND r.profile_id = given.profile_id AND r.last_release >= given."release"
            GROUP BY ALL ORDER BY "release" DESC, profile_id""",
        [destination, ids],
    )
    names = ("number", "reason", "written_at")
    for row in rows:
        retraction = {name: row.pop(name) for name in names}
        row["retracted"] = None if retraction["number"] is None else retraction
    return rows


def _says(handed_over: list[Told], claimed: list[int], left_out_since: int | None) -> str:
    """What happened, in a sentence."""
    if not handed_over:
        began = f"; release {claimed[-1]} was to, and its export was never made" if claimed else ""
        return f"not handed over: no export has this person{began}"
    newest = handed_over[0]
    said = f"handed over, with release {newest['release']} ({time_text(newest['delivered_at'])} UTC)"
    if gone := newest["retracted"]:
        why = _WHY.get(gone["reason"], gone["reason"])
        return f"{said}, and retracted since, with retraction {gone['number']}: {why}"
    if left_out_since is not None:
        return f"{said}; the export of release {left_out_since} does not have them any more"
    return f"{said}, and not retracted since"


def _now(
    lake: "Lake", reading: "Reading", destination: str, profile_id: str, decision: "Decision", is_past: bool
) -> Told:
    """Whether an export that was made now would have them, and why not."""
    if not decision.may_use:
        why = _WHY.get(decision.status, "the purpose may not use this person")
        return _would(False, decision.status, f"would not be handed over: {why}")
    if is_past or reading.release is None:
        over = "a past day" if is_past else "live tables"
        says = f"the purpose may use this person; what else an export asks is decided over a release, not over {over}"
        return _would(None, None, says)
    reason = _reason(lake, reading, destination, profile_id, reading.release)
    if reason is None:
        return _would(True, None, "would be handed over")
    why = "the person is not in its audience" if reason == NOT_ASKED else _WHY.get(reason, reason)
    return _would(False, reason, f"would not be handed over: {why}")


def _would(would_be: bool | None, reason: str | None, says: str) -> Told:
    return {"would_be_handed_over": would_be, "reason": reason, "says": says}


def _reason(lake: "Lake", reading: "Reading", destination: str, profile_id: str, release: int) -> str | None:
    """Why the export of a release would not have somebody, by the caps and the refusals of today."""
    from activation.export import decided

    decided(lake, reading.connection, lake.contracts.destinations[destination], release)
    rows = reading.rows("SELECT reason FROM decided WHERE profile_id = ?", [profile_id])
    return rows[0]["reason"] if rows else NOT_ASKED
