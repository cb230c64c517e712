"""`clew roles`: who may read which tables, here and as rights in S3 or Unity Catalog."""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from clew.output import print_json, print_table, results
from contracts.errors import UsageError


class Elsewhere(StrEnum):
    """Where the lake lies."""

    S3 = "s3"
    UNITY = "unity"


def roles(
    place: Annotated[
        Elsewhere | None, typer.Option("--for", help="Print the rights for a lake that lies elsewhere.")
    ] = None,
    bucket: Annotated[str | None, typer.Option(help="With --for s3: the bucket of the lake.")] = None,
    prefix: Annotated[str, typer.Option(help="With --for s3: the folder of the lake in the bucket.")] = "lake",
    account: Annotated[str | None, typer.Option(help="With --for s3: the AWS account of the IAM roles.")] = None,
    catalog: Annotated[str, typer.Option(help="With --for unity: the catalog of the lake.")] = "clew",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show who may read which tables; with --for, as a bucket policy or as GRANTs."""
    from clew.grants import bucket_policy, every_table, unity_grants
    from clew.workspace import settings
    from contracts import Contracts

    contracts = Contracts(settings().contracts)
    with results():
        if place is Elsewhere.S3:
            if bucket is None or account is None:
                raise UsageError(
                    "a bucket policy names a bucket and an account",
                    "",
                    "clew roles --for s3 --bucket NAME --account 123456789012",
                )
            print(json.dumps(bucket_policy(contracts, bucket, prefix, account), indent=2))
        elif place is Elsewhere.UNITY:
            statements = unity_grants(contracts, catalog)
            if as_json:
                print_json({"catalog": catalog, "statements": statements})
            else:
                print("\n".join(f"{statement};" for statement in statements))
        else:
            tables: list[dict[str, Any]] = [
                {"table": name, "is_restricted": contracts.is_restricted(name), "roles": list(contracts.readers(name))}
                for name in every_table(contracts)
            ]
            if as_json:
                about = {name: role.about for name, role in contracts.roles.items()}
                print_json({"roles": about, "tables": tables})
                return
            rows = [
                (item["table"], "restricted" if item["is_restricted"] else "open",
                 *("reads" if role in item["roles"] else "" for role in contracts.roles))
                for item in tables
            ]  # fmt: skip
            print_table(("table", "folder", *contracts.roles), rows)
