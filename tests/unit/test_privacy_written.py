"""Texts in which words are looked for, read by DuckDB and of bytes; tests/spark/test_erasure.py has Spark's."""

import duckdb
import pytest

from spark_jobs.privacy import written

TEXTS = [
    (r'{"mail": "ann\u0040example.com"', '{"mail": "ann@example.com"'),
    (r'{"said": "{\"mail\": \"ann\\u0040example.com\"}"}', r'{"said": "{\"mail\": \"ann@example.com\"}"}'),
    (r"\u002b18005550100 and \u002B18005550100", "+18005550100 and +18005550100"),
    (r"r&d\/sales@example.com", "r&d/sales@example.com"),
    (r"zo\u00eb@example.com", "zoë@example.com"),
    (r"\u0024\u0024 is money, \u005c and \u0000 stay, so does \ud83d\ude00",
     r"$$ is money, \u005c and \u0000 stay, so does \ud83d\ude00"),
    ("https://a.example/?m=ann%2Bx%40example.com&n=%2b1", "https://a.example/?m=ann+x@example.com&n=+1"),
    ("nothing to read, a\\b, 100%", "nothing to read, a\\b, 100%"),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "read"), TEXTS)
def test_a_text_is_read_without_escapes(sent: str, read: str) -> None:
    with duckdb.connect() as connection:
        (by_duckdb,) = connection.execute(
            f"SELECT {written.duckdb_sql('t')} FROM (SELECT ?::VARCHAR AS t)", [sent]
        ).fetchall()
    assert by_duckdb == (read,)
    assert written.of_bytes(sent.encode()) == read.encode()
