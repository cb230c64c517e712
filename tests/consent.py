"""The cases of the consent policy as relations in SQL, each case a person of its own, for any engine."""

import datetime as dt
from collections.abc import Iterable

import duckdb

from contracts import HERE
from contracts.base import load_yaml
from contracts.consent_case import Case, CaseTable
from contracts.permission import Moment

Cases = list[tuple[str, Case]]
NOBODY = "SELECT {} FROM (SELECT 1 AS one) AS nothing WHERE one = 2"


def load_cases() -> Cases:
    """Every case of the policy, by a name that is a person's id too."""
    tables = {path.stem: load_yaml(path, CaseTable) for path in sorted((HERE / "consent" / "cases").glob("*.yml"))}
    return [(f"{name}-{number}", case) for name, table in tables.items() for number, case in enumerate(table.cases, 1)]


def by_moment(cases: Cases) -> dict[Moment, Cases]:
    found: dict[Moment, Cases] = {}
    for name, case in cases:
        found.setdefault(case.moment, []).append((name, case))
    return found


def statements_sql(cases: Cases) -> str:
    """The relation ``statements`` of contracts.permission_sql."""
    rows = [
        ", ".join(
            (
                text(name),
                text(said.record),
                text(said.event_id),
                text(case.purpose),
                text(said.topic),
                text(said.status),
                time(said.given_at),
                time(said.until),
                text(said.notice_version),
                text(said.region),
                time(said.known_since),
            )
        )
        for name, case in cases
        for said in case.said
    ]
    texts = "profile_id, record_id, event_id, purpose, topic, status, given_at, until_at, notice_version, region"
    nothing = ", ".join(time(None) if word.endswith("_at") else text(None) for word in f"{texts}, x_at".split(", "))
    return f"(SELECT * FROM ({_union(rows, nothing)}) AS said ({texts}, received_at))"


def people_sql(cases: Cases) -> str:
    """The relation ``people``."""
    rows = [f"{text(name)}, cast({text(c.birth_date)} AS date), {text(c.country)}" for name, c in cases]
    return f"(SELECT * FROM ({_union(rows, '')}) AS people (profile_id, birth_date, country))"


def by_duckdb(sql: str) -> list[tuple]:
    """The rows of a statement, times without their zone, as Spark's Python shows them."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def text(value: object) -> str:
    return f"cast({'NULL' if value is None else repr(str(value))} AS string)"


def time(value: dt.datetime | None) -> str:
    return f"cast({'NULL' if value is None else repr(f'{value:%Y-%m-%d %H:%M:%S.%f}')} AS timestamp)"


def _union(rows: Iterable[str], nothing: str) -> str:
    selects = [f"SELECT {row}" for row in rows]
    return " UNION ALL ".join(selects or [NOBODY.format(nothing)])
