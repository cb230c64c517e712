"""The name of a record: the node of the identity graph that an event speaks of.

A mailbox or a telephone is named by a hash, because ids appear in logs and reports. An id that a sender
gives (a user id, say) is taken as it is; where senders use addresses as user ids, messages name such ids by their hash.
``spark_jobs.silver`` builds the same ids in Spark; a test holds the two together.
"""

import hashlib
import re

HASHED_KINDS = frozenset({"mailbox", "phone"})
KINDS = ("account", "anonymous", "crm", "loyalty", "mailbox", "phone")


def record_id(kind: str, value: str) -> str:
    """``kind:value``; for a mailbox or a phone, the first 16 hex digits of SHA-256 of the cleaned value."""
    if kind == "mailbox":
        return f"mailbox:{_digest(value.strip().lower())}"
    if kind == "phone":
        cleaned = value.strip()
        digits = re.sub(r"[^0-9]", "", cleaned)
        return f"phone:{_digest(('+' if cleaned.startswith('+') else '') + digits)}"
    return f"{kind}:{value.strip()}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
