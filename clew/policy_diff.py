"""Whom another consent policy lets in and out, by purpose and by export, over a release."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clew.workspace import newest_date, read, settings
from contracts.check import check_policy
from contracts.permission import Moment
from contracts.purpose import Policy
from lakehouse.consent import READ, state_sql
from lakehouse.lake import Lake
from lakehouse.policies import Change, changes, named_alike, policy_of, taken

if TYPE_CHECKING:
    from clew.workspace import Reading


@dataclass(frozen=True)
class Part:
    """How many people a purpose or a destination gains and loses, and why."""

    name: str
    lets_in: int
    lets_out: int
    because: tuple[Change, ...]


@dataclass(frozen=True)
class Difference:
    """Two policies over one release."""

    read: str
    before: str
    after: str
    taken: str
    purposes: tuple[Part, ...]
    destinations: tuple[Part, ...]
    notes: tuple[str, ...]


def compare(file: Path | None, release: str) -> Difference:
    """Compare a policy with the one that a run took last.

    Args:
        file: The policy; None is the declared one.
        release: Which release to read.

    Raises:
        ContractError: If the policy cannot be read as one. That other contracts do not fit it yet is only noted.
    """
    lake = Lake(settings())
    after, _, problems = check_policy(lake.settings.contracts, file)
    cases = [problem for problem in problems if problem.field.startswith("cases.")]
    known = taken(lake)
    before = policy_of(known[-1]) if known else lake.contracts.policy
    reading = read(release, only=(*READ, *_exports_read(lake)))
    moment = Moment(reading.as_of or newest_date(), heeds_later_refusals=True)
    found = changes(reading.connection, before, after, moment)
    named = dict.fromkeys((*before.purposes, *after.purposes))
    notes = [f"{problem.file}:{problem.line}: {problem.what}" for problem in problems if problem not in cases]
    notes += [f"{len(cases)} cases would come out differently: change them with the policy"] if cases else []
    if named_alike(after, known) or (before.version == after.version and before != after):
        notes.append(f"it still has the version {after.version} of another: give it a new one, or runs will refuse it")
    return Difference(
        read=reading.name,
        before=before.version,
        after=after.version,
        taken="the one that a run took last" if known else "declared",
        purposes=tuple(_part(name, (one for one in found if one.purpose == name)) for name in named),
        destinations=_destinations(lake, reading, (before, after), moment),
        notes=tuple(notes),
    )


def _part(name: str, found: Iterable[Change]) -> Part:
    because = tuple(found)
    into = sum(one.people for one in because if one.lets_in)
    return Part(name, into, sum(one.people for one in because) - into, because)


def _exports_read(lake: Lake) -> list[str]:
    return [name for name in lake.tables() if name.startswith(("gold.", "ops.re"))]


def _destinations(lake: Lake, reading: "Reading", policies: tuple[Policy, Policy], moment: Moment) -> tuple[Part, ...]:
    """Export the release under both policies, as far as deciding who is in."""
    from activation import decide

    if reading.release is None:
        return ()
    connection, domains = reading.connection, lake.contracts.identity.mail_domains
    for side, policy in zip(("before", "after"), policies, strict=True):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE state_{side} AS {state_sql(policy, moment)}")
    parts = []
    for name, destination in sorted(lake.contracts.destinations.items()):
        for side, policy in zip(("before", "after"), policies, strict=True):
            purpose = policy.purposes.get(destination.purpose)
            listed = purpose is not None and name in purpose.destinations
            connection.execute(f"CREATE OR REPLACE VIEW gold.consent_state AS FROM state_{side}")
            decide.decide(connection, destination, policy.version, reading.release, domains)
            reason = "reason" if listed else "'not_listed'"
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE who_{side} AS SELECT profile_id, {reason} AS reason FROM decided"
            )
        rows = connection.execute(
            """SELECT y.reason IS NULL, coalesce(x.reason, 'exported'), coalesce(y.reason, 'exported'), count(*)
               FROM who_before AS x JOIN who_after AS y USING (profile_id)
               WHERE (x.reason IS NULL) <> (y.reason IS NULL) GROUP BY ALL ORDER BY ALL"""
        ).fetchall()
        parts.append(_part(name, [Change(destination.purpose, *row) for row in rows]))
    return tuple(parts)
