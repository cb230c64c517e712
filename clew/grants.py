"""The roles of contracts/roles.yml as rights elsewhere: an S3 bucket policy, or GRANTs of Unity Catalog.

Both name tables one by one where a role may read some of a schema's, so that a new table is nobody's until the rights
are made anew.
"""

import re
from collections.abc import Sequence
from typing import Any

from contracts import ALL, Contracts
from contracts.errors import UsageError
from lakehouse.places import FOLDER

WRITER = ALL
"""The role that runs the steps, and so writes."""

_CLOUD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def every_table(contracts: Contracts) -> list[str]:
    """All declared tables by name, a bronze table for each source."""
    named = {name for name in contracts.tables if name != "bronze.<source>"}
    return sorted(named | {f"bronze.{source}" for source in contracts.sources} | set(contracts.marts))


def bucket_policy(contracts: Contracts, bucket: str, prefix: str, account: str) -> dict[str, Any]:
    """A bucket policy by which the IAM role ``clew-<role>`` reads what its role may.

    Args:
        contracts: Declare tables and roles.
        bucket: The bucket of the lake.
        prefix: The folder of the lake in it; empty for the whole bucket.
        account: The AWS account of the IAM roles, 12 digits.
    """
    _hold_to(_CLOUD_NAME, bucket, "--bucket")
    _hold_to(re.compile(r"\d{12}"), account, "--account")
    _hold_to(re.compile(rf"({_CLOUD_NAME.pattern}(/{_CLOUD_NAME.pattern})*)?"), prefix.strip("/"), "--prefix")
    root = f"arn:aws:s3:::{bucket}"
    base = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    statements: list[dict[str, Any]] = [
        {"Sid": f"{_sid([WRITER])}Works", "Effect": "Allow", "Principal": _principal(account, [WRITER]),
         "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": [f"{root}/{base}*"]},
        {"Sid": f"{_sid([WRITER])}Lists", "Effect": "Allow", "Principal": _principal(account, [WRITER]),
         "Action": ["s3:ListBucket"], "Resource": [root]},
    ]  # fmt: skip
    for roles, tables in _by_readers(contracts).items():
        folders = [f"{base}{_folder(contracts, table)}/*" for table in tables]
        name, principal = _sid(roles), _principal(account, roles)
        statements += [
            {"Sid": f"{name}Reads", "Effect": "Allow", "Principal": principal, "Action": ["s3:GetObject"],
             "Resource": [f"{root}/{folder}" for folder in folders]},
            {"Sid": f"{name}Lists", "Effect": "Allow", "Principal": principal, "Action": ["s3:ListBucket"],
             "Resource": [root], "Condition": {"StringLike": {"s3:prefix": folders}}},
        ]  # fmt: skip
    for role in contracts.roles:
        if role != WRITER and not any(contracts.is_restricted(table) for table in _readable(contracts, role)):
            # Said twice over: an Allow that somebody adds elsewhere does not open it.
            statements.append(
                {"Sid": f"{_sid([role])}NeverEnters", "Effect": "Deny", "Principal": _principal(account, [role]),
                 "Action": ["s3:GetObject"], "Resource": [f"{root}/{base}{FOLDER}/*"]}
            )  # fmt: skip
    return {"Version": "2012-10-17", "Statement": statements}


def unity_grants(contracts: Contracts, catalog: str) -> list[str]:
    """Statements by which the account group ``clew-<role>`` reads what its role may."""
    _hold_to(re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), catalog, "--catalog")
    statements = []
    for role in contracts.roles:
        tables = _readable(contracts, role)
        group = f"`clew-{role}`"
        statements.append(f"GRANT USE CATALOG ON CATALOG {catalog} TO {group}")
        for schema in dict.fromkeys(table.split(".")[0] for table in tables):
            statements.append(f"GRANT USE SCHEMA ON SCHEMA {catalog}.{schema} TO {group}")
        rights = "SELECT, MODIFY" if role == WRITER else "SELECT"
        statements += [f"GRANT {rights} ON TABLE {catalog}.{table} TO {group}" for table in tables]
    return statements


def _by_readers(contracts: Contracts) -> dict[tuple[str, ...], list[str]]:
    """Tables by the roles that may read them: told once for all of these, since S3 takes no policy beyond 20 KB."""
    found: dict[tuple[str, ...], list[str]] = {}
    for table in every_table(contracts):
        readers = contracts.readers(table)
        if roles := tuple(role for role in contracts.roles if role != WRITER and role in readers):
            found.setdefault(roles, []).append(table)
    return found


def _sid(roles: Sequence[str]) -> str:
    return "".join(role.title().replace("_", "") for role in roles)


def _principal(account: str, roles: Sequence[str]) -> dict[str, list[str]]:
    return {"AWS": [f"arn:aws:iam::{account}:role/clew-{role}" for role in roles]}


def _readable(contracts: Contracts, role: str) -> list[str]:
    return [table for table in every_table(contracts) if role in contracts.readers(table)]


def _folder(contracts: Contracts, table: str) -> str:
    return (f"{FOLDER}/" if contracts.is_restricted(table) else "") + table.replace(".", "/")


def _hold_to(form: re.Pattern[str], value: str, option: str) -> None:
    if not form.fullmatch(value):
        raise UsageError(f"{value!r} cannot be written into a policy", option, "see: clew roles --help")
