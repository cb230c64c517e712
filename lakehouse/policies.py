"""The consent policies that runs have taken, and whom a change of policy lets in and out.

A version of a policy is taken once, with its content, in ops.policies and in the audit. The same version with another
content is refused: receipts of exports name versions, and must go on meaning what they meant.
"""

import datetime
import json
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
    """Take the declared policy for a run: written down with its effect where it is new, else looked up.

    Returns:
        What to say of it: empty where nothing is new.

    Raises:
        ContractError: If its version was taken before with another content.
    """
    policy = lake.contracts.policy
    with lake.lock("policy"):
        known = taken(lake)
        refuse_if_altered(policy, known)
        said = ""
        if policy.version not in {row["version"] for row in known}:
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
    return said and f"policy {policy.version} is new: {said}"


def taken(lake: "Lake") -> list[dict[str, Any]]:
    """The policies that were taken, in that order."""
    if not lake.exists(TABLE):
        return []
    with lake.duck(only=[TABLE]) as connection:
        cursor = connection.execute(f"SELECT * FROM {TABLE} ORDER BY taken_at, version")
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def refuse_if_altered(policy: Policy, known: list[dict[str, Any]]) -> None:
    """Refuse a policy that has the version of another.

    Raises:
        ContractError: If its version was taken before with another content.
    """
    for row in known:
        if row["version"] == policy.version and row["fingerprint"] != audit.fingerprint(_content(policy)):
            raise ContractError(
                f"the consent policy was changed and is still called {policy.version}, which a run of {row['as_of']} "
                "took with another content",
                "contracts/consent/purposes.yml, version",
                "give it a new version, and see first whom it lets in and out: clew policy diff",
            )


def policy_acts(lake: "Lake") -> list[audit.Act]:
    """Every policy taken, as an act for the audit."""
    return [
        audit.Act(
            "policy",
            f"policy {row['version']}",
            row["effect"],
            audit.fingerprint({name: row[name] for name in ("version", "content", "run_id", "as_of")}),
        )
        for row in taken(lake)
    ]


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
