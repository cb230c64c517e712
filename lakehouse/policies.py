"""The consent policies that runs have taken, and whom a change of policy lets in and out.

A run that finds another policy than the last one taken takes it, be it one of before: a row in ops.policies and an
entry in the audit. A version with another content than it ever had is refused: receipts of exports name versions, and
must go on meaning what they meant.
"""

import datetime
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contracts.permission import Moment
from contracts.purpose import Policy
from lakehouse import audit
from lakehouse.consent import READ, state_sql
from lakehouse.errors import ContractError

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake
    from lakehouse.run import Run

TABLE = "ops.policies"


@dataclass(frozen=True)
class Change:
    """People whom another policy treats differently, for one purpose and one reason.

    Attributes:
        purpose: The purpose; of a purpose that one of the policies lacks, nobody may be used under it.
        lets_in: Whether they may be used now and might not before; else the other way round.
        before: Their status under the policy before; None where it has no such purpose.
        after: Likewise under the other.
        people: How many.
    """

    purpose: str
    lets_in: bool
    before: str | None
    after: str | None
    people: int


def take(lake: "Lake", run: "Run") -> str:
    """Take the declared policy for a run: written down with its effect unless it is the one taken last.

    Returns:
        What to say of it: empty where nothing changed.

    Raises:
        ContractError: If its version was taken before with another content.
    """
    policy = lake.contracts.policy
    with lake.lock("policy"):
        known = taken(lake)
        refuse_if_altered(policy, known)
        said = ""
        if not known or known[-1]["version"] != policy.version:
            said = _effect(lake, known[-1] if known else None, policy, run.as_of)
            lake.append(
                TABLE,
                [
                    {
                        "version": policy.version,
                        "content": json.dumps(_content(policy), sort_keys=True),
                        "fingerprint": audit.fingerprint(_content(policy)),
                        "run_id": run.run_id,
                        "as_of": run.as_of,
                        "taken_at": datetime.datetime.now(datetime.UTC),
                        "effect": said,
                    }
                ],
            )
        audit.note(lake, policy_acts(lake))  # a process may have died before it was written down
    again = policy.version in {row["version"] for row in known}
    return said and f"policy {policy.version} is {'taken again' if again else 'new'}: {said}"


def taken(lake: "Lake") -> list[dict[str, Any]]:
    """Each taking of a policy, in that order: a policy that was gone back to is there twice."""
    if not lake.exists(TABLE):
        return []
    with lake.quick(TABLE) as connection:
        cursor = connection.execute(f"SELECT * FROM {TABLE} ORDER BY taken_at, version")
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def refuse_if_altered(policy: Policy, known: list[dict[str, Any]]) -> None:
    """Refuse a policy that has the version of another.

    Raises:
        ContractError: If its version was taken before with another content.
    """
    if row := named_alike(policy, known):
        raise ContractError(
            f"the consent policy was changed and is still called {policy.version}, which a run of {row['as_of']} "
            "took with another content",
            "contracts/consent/purposes.yml, version",
            "give it a new version, and see first whom it lets in and out: clew policy diff",
        )


def named_alike(policy: Policy, known: list[dict[str, Any]]) -> dict[str, Any] | None:
    """A policy that was taken with the version of this one and another content, or None."""
    own = audit.fingerprint(_content(policy))
    return next((row for row in known if row["version"] == policy.version and row["fingerprint"] != own), None)


def policy_acts(lake: "Lake") -> list[audit.Act]:
    """Every taking of a policy, as an act for the audit; one gone back to is called `policy 2-0-0, time 2`."""
    acts, times = [], Counter[str]()
    for row in taken(lake):
        times[row["version"]] += 1
        subject = f"policy {row['version']}" + (f", time {times[row['version']]}" if times[row["version"]] > 1 else "")
        of_it = audit.fingerprint({name: row[name] for name in ("version", "content", "run_id", "as_of")})
        acts.append(audit.Act("policy", subject, row["effect"], of_it))
    return acts


def policy_of(row: dict[str, Any]) -> Policy:
    """A policy that was taken, as it was."""
    return Policy.model_validate_json(row["content"])


def changes(connection: "duckdb.DuckDBPyConnection", before: Policy, after: Policy, moment: Moment) -> list[Change]:
    """Whom another policy lets in and out, over the tables that the connection shows."""
    rows = connection.execute(
        f"""SELECT purpose, coalesce(y.may_use, false) AS lets_in, x.status, y.status, count(*)
            FROM ({state_sql(before, moment)}) AS x FULL JOIN ({state_sql(after, moment)}) AS y
                 USING (profile_id, purpose)
            WHERE coalesce(x.may_use, false) <> coalesce(y.may_use, false)
            GROUP BY ALL ORDER BY purpose, lets_in DESC, count(*) DESC, x.status, y.status"""
    ).fetchall()
    return [Change(*row) for row in rows]


def _effect(lake: "Lake", last: dict[str, Any] | None, policy: Policy, as_of: datetime.date) -> str:
    if last is None:
        return "the first policy of this lake"
    with lake.duck(only=READ) as connection:
        found = changes(connection, policy_of(last), policy, Moment(as_of, heeds_later_refusals=True))
    parts = []
    for purpose in sorted({one.purpose for one in found}):
        into = sum(one.people for one in found if one.purpose == purpose and one.lets_in)
        out = sum(one.people for one in found if one.purpose == purpose and not one.lets_in)
        parts.append(f"{purpose} lets {into} in and {out} out")
    return f"against {last['version']}: {'; '.join(parts) or 'it lets nobody in or out'}"


def _content(policy: Policy) -> dict[str, Any]:
    """What was declared; not what a model adds, so that a new field of it makes no policy another."""
    return policy.model_dump(mode="json", exclude_unset=True)
