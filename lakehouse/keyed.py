"""HMAC-SHA256 as RFC 2104 defines it, in SQL: of all rows at once."""

import hashlib
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb


def keyed_hash(text: str) -> str:
    """The hash, in hex digits, of an expression over the columns of ``keys``."""
    return f"sha256(outer_key || unhex(sha256(inner_key || encode({text}))))"


def keys(key: bytes) -> pa.Table:
    """The inner and the outer key, inner_key and outer_key; in a table, so that they stand in no statement."""
    block = hashlib.sha256().block_size
    whole = (hashlib.sha256(key).digest() if len(key) > block else key).ljust(block, b"\0")
    return pa.table({"inner_key": [bytes(b ^ 0x36 for b in whole)], "outer_key": [bytes(b ^ 0x5C for b in whole)]})


def install(connection: "duckdb.DuckDBPyConnection", key: bytes) -> None:
    """Make the macro ``clew_keyed(value)`` known on a connection: the hash of a text in hex digits, NULL of NULL."""
    connection.register("clew_given_keys", keys(key))
    connection.execute("CREATE OR REPLACE TEMP TABLE clew_keys AS FROM clew_given_keys")
    connection.unregister("clew_given_keys")
    connection.execute(
        "CREATE OR REPLACE TEMP MACRO clew_keyed(value) AS sha256((SELECT outer_key FROM clew_keys) "
        "|| unhex(sha256((SELECT inner_key FROM clew_keys) || encode(value))))"
    )
