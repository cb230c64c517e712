"""Keyed hashes: what stands for a value that may not be kept. Without the key nobody can tell which value it was.

A plain hash of an e-mail address is found by hashing all addresses there are; HMAC (RFC 2104) with a secret key is not.
"""

import hashlib
import hmac

from lakehouse.keyed import keys

SEPARATOR = "\x1f"


def keyed_hash(key: bytes, namespace: str, value: str) -> str:
    """HMAC-SHA256 of a value of a namespace, in hexadecimal digits."""
    return hmac.new(key, f"{namespace}{SEPARATOR}{value}".encode(), hashlib.sha256).hexdigest()


def fingerprint(key: bytes) -> str:
    """What tells the identity key from another and gives nothing of it away."""
    # Mailboxes and telephones are named by the key since; under the fingerprint of before they were not.
    return hmac.new(key, b"fingerprint of the key of records and profiles", hashlib.sha256).hexdigest()[:16]


def pads(key: bytes) -> tuple[bytes, bytes]:
    """The inner and the outer pad of a key, by which an engine that has SHA-256 only makes the same hash.

    ``sha256(outer + sha256(inner + message))`` is the HMAC of the message.
    """
    made = keys(key)
    return made["inner_key"][0].as_py(), made["outer_key"][0].as_py()
