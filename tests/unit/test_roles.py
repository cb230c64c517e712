"""Who may read what: derived from classes, refused with what to do, and held by the file system beneath."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from clew.grants import bucket_policy, every_table, unity_grants
from contracts import Contracts
from contracts.errors import UsageError
from contracts.roles import Role

CONTRACTS = Contracts()


def test_a_role_reads_a_table_only_if_it_may_see_every_column() -> None:
    analyst = Role(about="a crowd", schemas=("gold",), reads=("none", "behavioural"))
    assert analyst.may_read("gold.orders", ["none", "behavioural"])
    assert not analyst.may_read("gold.orders", ["none", "contact"])
    assert not analyst.may_read("silver.orders", ["none"])
    assert not analyst.may_read("gold.orders", ["none", None]), "a column that nobody classed may hold anything"


def test_no_role_but_those_that_must_reads_what_names_or_reaches_a_person() -> None:
    assert set(CONTRACTS.readers("gold.profile_contact")) == {"engineer", "steward", "privacy", "activation"}
    assert set(CONTRACTS.readers("bronze.web")) == {"engineer", "privacy"}
    assert "analyst" in CONTRACTS.readers("gold.profiles")
    for table in every_table(CONTRACTS):
        assert ("analyst" in CONTRACTS.readers(table)) <= (not CONTRACTS.is_restricted(table)), table


def test_an_analyst_is_told_who_may_read_a_restricted_table_and_what_to_do(clew: Any) -> None:
    for sql in ("SELECT email FROM gold.profile_contact", "SELECT * FROM profile_contact", "FROM bronze.web"):
        ran = clew("query", sql, "--role", "analyst")
        assert (ran.code, ran.out) == (2, ""), sql
        assert " is not for the role analyst: it can name or reach a person" in ran.err
        assert "may read it" in ran.err
        assert "--role engineer" in ran.err
    assert clew("query", "SELECT email FROM gold.profile_contact", "--role", "privacy").code == 0
    assert clew("query", "SELECT profile_id FROM gold.profiles", "--role", "analyst").code == 0


def test_an_analyst_does_not_see_a_restricted_table_in_the_catalog(clew: Any) -> None:
    ran = clew(
        "query",
        "SELECT view_name, sql FROM duckdb_views() WHERE schema_name = 'gold'",
        "--role",
        "analyst",
        "--format",
        "csv",
    )
    assert "profiles" in ran.out
    assert "profile_contact" not in ran.out
    assert "restricted" not in ran.out


def test_the_role_of_the_environment_can_be_narrowed_and_not_widened(clew: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("CLEW_ROLE", "activation")
    assert clew("query", "SELECT count(*) FROM gold.profile_contact").code == 0
    assert clew("query", "FROM gold.profile_contact", "--role", "analyst").code == 2
    ran = clew("query", "FROM gold.profiles", "--role", "engineer")
    assert ran.code == 2
    assert "CLEW_ROLE is activation, and the role engineer may read more" in ran.err
    monkeypatch.setenv("CLEW_ROLE", "analyst")
    ran = clew("profile", "p-ana")
    assert ran.code == 2
    assert "gold.profile_contact is not for the role analyst" in ran.err
    listed = {item["table"] for item in json.loads(clew("tables", "--json").out)["tables"]}
    assert "gold.profiles" in listed
    assert "gold.profile_contact" not in listed
    monkeypatch.setenv("CLEW_ROLE", "boss")
    assert "there is no role boss" in clew("query", "FROM gold.profiles").err


@pytest.fixture
def shared(unread: Path) -> Iterator[Path]:
    """The workspace where another user of this machine can get at it, as far as its files let them."""
    home = Path(tempfile.mkdtemp(prefix="clew-shared-"))
    home.chmod(0o755)
    shutil.copytree(unread / "lake", home / "lake")
    (home / "exports").mkdir(mode=0o700)
    yield home
    for closed in (home / "lake" / "restricted", home / "exports"):
        closed.chmod(0o700)
    shutil.rmtree(home)


OTHER_USER = """
import json, os, sys
from pathlib import Path
from clew.main import run

asked, restricted = json.loads(sys.argv[1]), Path(sys.argv[2])
before = [run(arguments) for arguments in asked]  # imports what the other user may not be allowed to load
print("---")
print("---", file=sys.stderr)
if os.geteuid() == 0:
    os.setuid(65534)
else:
    restricted.chmod(0)  # nobody at all may enter it
    restricted.parents[1].joinpath("exports").chmod(0)
after = [run(arguments) for arguments in asked]
print(json.dumps([before, after]))
"""


def test_the_file_system_keeps_another_user_out_whatever_role_they_name(shared: Path, clew_process: Any) -> None:
    asked = [
        ["query", "SELECT count(*) AS n FROM gold.profiles", "--format", "csv"],
        ["query", "FROM gold.profile_contact"],
        ["query", "FROM gold.profile_contact", "--role", "engineer"],
        ["profile", "p-ana"],
        ["identity", "decisions"],
        ["export", "list"],
    ]
    ran = clew_process("-c", OTHER_USER, json.dumps(asked), str(shared / "lake" / "restricted"), home=shared)
    assert ran.returncode == 0, ran.stderr
    *printed, codes = ran.stdout.split("---")[1].splitlines()
    assert json.loads(codes) == [[0, 0, 0, 0, 0, 2], [0, 2, 2, 2, 2, 2]], ran.stderr
    assert printed[1:] == ["n", "1"]
    before, errors = ran.stderr.split("---")
    assert "nothing was exported yet" in before
    assert "the exports lie in a folder that your account may not enter" in errors
    assert "gold.profile_contact is not for the role analyst" in errors
    assert "gold.profile_contact lies in the restricted folder, which your account may not enter" in errors
    assert "ana@example.org" in ran.stdout.split("---")[0]
    assert "ana@example.org" not in errors


def test_a_bucket_policy_gives_each_role_the_folders_of_its_tables_and_no_other() -> None:
    policy = bucket_policy(CONTRACTS, "acme-data", "lake", "123456789012")
    assert json.loads(json.dumps(policy)) == policy
    assert len(json.dumps(policy, separators=(",", ":"))) < 20_480, "S3 takes no longer policy"
    by_sid = {statement["Sid"]: statement for statement in policy["Statement"]}
    assert len(by_sid) == len(policy["Statement"])

    def reads(role: str) -> set[str]:
        who = f"arn:aws:iam::123456789012:role/clew-{role}"
        return {
            folder.removeprefix("arn:aws:s3:::acme-data/lake/").removesuffix("/*").replace("/", ".")
            for item in policy["Statement"]
            if item["Effect"] == "Allow" and who in item["Principal"]["AWS"] and item["Action"] == ["s3:GetObject"]
            for folder in item["Resource"]
        }

    for role in set(CONTRACTS.roles) - {"engineer"}:
        may = {table for table in every_table(CONTRACTS) if role in CONTRACTS.readers(table)}
        assert reads(role) == {f"restricted.{name}" if CONTRACTS.is_restricted(name) else name for name in may}
    assert "gold.profiles" in reads("analyst")
    assert not any(folder.startswith("restricted.") for folder in reads("analyst"))
    assert by_sid["AnalystNeverEnters"]["Effect"] == "Deny"
    assert by_sid["AnalystNeverEnters"]["Resource"] == ["arn:aws:s3:::acme-data/lake/restricted/*"]
    assert "restricted.gold.profile_contact" in reads("activation")
    assert "restricted.gold.events" not in reads("activation")
    writers = [sid for sid, item in by_sid.items() if "s3:PutObject" in item["Action"]]
    assert writers == ["EngineerWorks"]


@pytest.mark.parametrize(
    ("bucket", "prefix", "account", "option"),
    [
        ("a*b", "lake", "123456789012", "--bucket"),
        ("b", "../x", "123456789012", "--prefix"),
        ("b", "", "1", "--account"),
    ],
)
def test_what_could_widen_a_policy_is_refused(bucket: str, prefix: str, account: str, option: str) -> None:
    with pytest.raises(UsageError) as refused:
        bucket_policy(CONTRACTS, bucket, prefix, account)
    assert refused.value.where == option


def test_grants_parse_and_say_what_the_roles_say() -> None:
    granted: dict[str, set[str]] = {}
    for statement in unity_grants(CONTRACTS, "clew"):
        if " ON TABLE " not in statement:
            assert statement.startswith(("GRANT USE CATALOG ON CATALOG clew TO ", "GRANT USE SCHEMA ON SCHEMA clew."))
            continue
        parsed = sqlglot.parse_one(statement, read="databricks")
        assert isinstance(parsed, sqlglot.exp.Grant)
        table = parsed.args["securable"]
        assert table.catalog == "clew"
        (principal,) = parsed.args["principals"]
        granted.setdefault(principal.name, set()).add(f"{table.db}.{table.name}")
    assert granted == {
        f"clew-{role}": {table for table in every_table(CONTRACTS) if role in CONTRACTS.readers(table)}
        for role in CONTRACTS.roles
    }


def test_roles_are_printed_for_people_and_programs(clew: Any) -> None:
    told = json.loads(clew("roles", "--json").out)
    contact = next(item for item in told["tables"] if item["table"] == "gold.profile_contact")
    assert contact == {
        "table": "gold.profile_contact",
        "is_restricted": True,
        "roles": ["engineer", "steward", "privacy", "activation"],
    }
    assert "gold.profile_contact" in clew("roles").out
    assert json.loads(clew("roles", "--for", "s3", "--bucket", "b", "--account", "123456789012").out)["Statement"]
    assert "names a bucket and an account" in clew("roles", "--for", "s3").err
    assert clew("roles", "--for", "unity").out.startswith("GRANT USE CATALOG ON CATALOG clew TO `clew-analyst`;")
