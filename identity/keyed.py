"""HMAC-SHA256 as RFC 2104 defines it, in SQL: of all rows at once."""

import hashlib

import pyarrow as pa


def keyed_hash(text: str) -> str:
    """The hash, in hex digits, of an expression over the columns of ``keys``."""
    return f"sha256(outer_key || unhex(sha256(inner_key || encode({text}))))"


def keys(key: bytes) -> pa.Table:
    """The inner and the outer key, inner_key and outer_key; in a table, so that they stand in no statement."""
    block = hashlib.sha256().block_size
    whole = (hashlib.sha256(key).digest() if len(key) > block else key).ljust(block, b"\0")
    return pa.table({"inner_key": [bytes(b ^ 0x36 for b in whole)], "outer_key": [bytes(b ^ 0x5C for b in whole)]})
