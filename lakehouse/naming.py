"""By which key silver names mailboxes and telephones: that of the workspace, or nothing may be added to it.

Each account of ops.row_counts has the fingerprint of the key by which its messages were conformed. Under another key
the same mailbox would be a second record, and what it said before would be somebody else's word.
"""

from typing import TYPE_CHECKING

from contracts.plain import plain_sql
from contracts.records import DIGITS, HASHED_KINDS
from lakehouse.errors import DataError
from lakehouse.pseudonym import fingerprint

if TYPE_CHECKING:
    from lakehouse.lake import Lake

IS_HASHED = f"split_part(record_id, ':', 1) IN ({', '.join(repr(kind) for kind in sorted(HASHED_KINDS))})"
"""SQL: whether record_id is that of a mailbox or a telephone."""
ACCOUNTS = "(SELECT NULL::VARCHAR AS record_key WHERE false UNION ALL BY NAME FROM ops.row_counts)"
"""SQL of the accounts; one of before there was a key has none."""


def bare_name(kind: str, value: str) -> str:
    """SQL of DuckDB: what a mailbox or a telephone was called before names were keyed, over its kind and value."""
    return f"{kind} || ':' || left(sha256({_spelled(kind, value, value)}), {DIGITS})"


def spelled(kind: str, value: str) -> str:
    """SQL of DuckDB: the twin of :func:`contracts.records.cleaned`, for a mailbox or a telephone."""
    return _spelled(kind, value, plain_sql(value))


def _spelled(kind: str, value: str, number: str) -> str:
    plus = f"if(starts_with(trim({number}), '+'), '+', '')"
    return f"if({kind} = 'mailbox', lower(trim({value})), {plus} || regexp_replace({number}, '[^0-9]', '', 'g'))"


def refuse_other_names(lake: "Lake") -> None:
    """Refuse to go on where silver names a mailbox otherwise than a message of today would.

    Raises:
        DataError: If any landing was conformed under another key, or before names were keyed.
    """
    if not lake.exists("ops.row_counts"):
        return
    with lake.quick("ops.row_counts") as connection:
        row = connection.execute(
            f"SELECT min(landing), bool_or(record_key IS NULL) FROM {ACCOUNTS} WHERE record_key IS DISTINCT FROM ?",
            [fingerprint(lake.settings.identity_key)],
        ).fetchone()
    first, is_bare = row or (None, False)
    if first is None:
        return
    if is_bare:
        raise DataError(
            "silver names mailboxes and telephones by hashes that anybody can make: it is older than their key",
            f"ops.row_counts, landing {first}",
            "build it anew, out of bronze: clew run --from-landing 1",
        )
    raise DataError(
        "silver names mailboxes and telephones by another key than that of this workspace",
        f"ops.row_counts, landing {first}",
        "put the key back (.clew/identity.key or CLEW_IDENTITY_KEY); if it is lost, every profile gets another id, and "
        "decisions about mailboxes and telephones must be made again: clew run --from-landing 1",
    )
