"""The name of a record: the node of the identity graph that an event speaks of.

A mailbox or a telephone is named by a keyed hash, because ids stand in tables that analysts read, in logs and reports.
A bare hash would not do: all telephone numbers of a country are hashed in minutes, and a known address at once. An id
that a sender gives (a user id, say) is taken as it is; where senders use addresses as user ids, messages name such ids
by their hash. ``spark_jobs.silver`` builds the same ids in Spark; a test holds the two together.
"""

import hashlib
import hmac
import re

from contracts.plain import plain

HASHED_KINDS = frozenset({"mailbox", "phone"})
KINDS = ("account", "anonymous", "crm", "loyalty", "mailbox", "phone")
DIGITS = 16
"""How many hexadecimal digits of the hash name a mailbox or a telephone."""
SEPARATOR = "\x1f"
"""Between the kind and the value in what is hashed: no profile id and no hash in evidence is made of such a text."""


def record_id(kind: str, value: str, key: bytes) -> str | None:
    """``kind:value``; for a mailbox or a phone, 16 hex digits of HMAC-SHA256 of kind and cleaned value.

    None where nothing is left to name: a telephone without a digit, as ``n/a``, is nobody's.

    Args:
        kind: One of ``KINDS``.
        value: As it was sent.
        key: The identity key of the workspace.
    """
    named = cleaned(kind, value)
    if not named:
        return None
    if kind not in HASHED_KINDS:
        return f"{kind}:{named}"
    return f"{kind}:{hmac.new(key, f'{kind}{SEPARATOR}{named}'.encode(), hashlib.sha256).hexdigest()[:DIGITS]}"


def cleaned(kind: str, value: str) -> str:
    """The spelling of a value that names a record: values that are spelled alike by it are one record."""
    trimmed = value.strip()
    if kind == "mailbox":
        return trimmed.lower()
    if kind == "phone":
        number = plain(value).strip()
        digits = re.sub(r"[^0-9]", "", number)
        return f"+{digits}" if digits and number.startswith("+") else digits
    return trimmed
