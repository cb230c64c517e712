"""What the identity tables were made of: the one row of ops.resolutions.

The row is written last. So where the identity tables have other versions than it names, a run died between them, or
somebody else wrote; and the next run makes them whole.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from identity.model import Model
from lakehouse.commits import has_the_rows_of
from lakehouse.pseudonym import fingerprint

if TYPE_CHECKING:
    from lakehouse.lake import Lake

TABLE = "ops.resolutions"
KEPT = (
    "identity.records",
    "identity.identifiers",
    "identity.edges",
    "identity.assignments",
    "identity.history",
)
"""The tables on which the next run builds."""

ROOT = Path(__file__).parents[1]
_COMPUTES = ("duckdb", "numpy", "pandas", "phonenumbers", "pyarrow", "splink")
_DECLARE = (
    *("base", "identity", "link", "mailbox", "permission", "permission_sql", "phone", "plain", "purpose", "records"),
    "source",
)
_CODE = ("identity/*.py", "identity/*.csv", "identity/spark/*.py", *(f"contracts/{name}.py" for name in _DECLARE))
"""The files by which a run works out who is who; identity/people is for files of people, not for the lake."""


@dataclass(frozen=True)
class Basis:
    """What a run goes by beside the data: ``rules``, ``model``, ``key`` and ``code``, as the declaration says."""

    rules: str
    model: str
    key: str
    code: str

    @classmethod
    def of(cls, lake: "Lake", model: Model) -> "Basis":
        """That of a run now."""
        rules = lake.contracts.identity.model_dump_json().encode()
        return cls(_digits(rules), model.version, fingerprint(lake.settings.identity_key), _code())


@dataclass(frozen=True)
class Last:
    """The last resolution: what it went by, and the versions of the tables that it read and left."""

    basis: Basis
    silver: dict[str, int]
    tables: dict[str, int]


def versions(lake: "Lake", tables: tuple[str, ...]) -> dict[str, int]:
    """The version of each table as of now."""
    return {table: lake.version(table) for table in tables}


def publish(lake: "Lake", run_id: str, basis: Basis, silver: dict[str, int]) -> None:
    """Keep what the identity tables were made of.

    Args:
        lake: The lake, with the identity tables as the run leaves them.
        run_id: The run.
        basis: What it went by.
        silver: ``versions`` of silver, taken before it was read.
    """
    read, left = json.dumps(silver, sort_keys=True), json.dumps(versions(lake, KEPT), sort_keys=True)
    lake.overwrite(TABLE, [{"run_id": run_id, "silver": read, "tables": left} | asdict(basis)])


def last(lake: "Lake") -> Last | None:
    """The last resolution, or None where there is none."""
    if not lake.exists(TABLE):
        return None
    with lake.quick(TABLE) as connection:
        rows = connection.sql(f"SELECT rules, model, key, code, silver, tables FROM {TABLE}").fetchall()
    if not rows:
        return None
    *basis, silver, tables = rows[0]
    return Last(Basis(*basis), json.loads(silver), json.loads(tables))


def why_whole(lake: "Lake", before: Last | None, now: Basis) -> str | None:
    """Why everything is to be resolved; None where only what changed need be."""
    if before is None:
        return "nothing was resolved before"
    names = {"rules": "the contract", "model": "the model", "key": "the identity key", "code": "the code"}
    for field, what in names.items():
        if getattr(before.basis, field) != getattr(now, field):
            return f"{what} is not that of the last run"
    for table, of_then in before.tables.items():
        if not has_the_rows_of(lake, table, of_then):
            return f"{table} is not as the last run left it"
    return None


def _code() -> str:
    parts = [f"{name} {version(name)}".encode() for name in _COMPUTES]
    parts += [path.read_bytes() for pattern in _CODE for path in sorted(ROOT.glob(pattern))]
    return _digits(b"\0".join(parts))


def _digits(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
