"""Keyed hashes: what stands for a value that may not be kept. Without the key nobody can tell which value it was.

A plain hash of an e-mail address is found by hashing all addresses there are; HMAC (RFC 2104) with a secret key is not.
"""

import hashlib
import hmac

_BLOCK = 64
SEPARATOR = "\x1f"


def keyed_hash(key: bytes, namespace: str, value: str) -> str:
    """HMAC-SHA256 of a value of a namespace, in hexadecimal digits."""
    return hmac.new(key, f"{namespace}{SEPARATOR}{value}".encode(), hashlib.sha256).hexdigest()


def pads(key: bytes) -> tuple[bytes, bytes]:
    """The inner and the outer pad of a key, by which an engine that has SHA-256 only makes the same hash.

    ``sha256(outer + sha256(inner + message))`` is the HMAC of the message.
    """
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
