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
    (r"to whom it may concern:\nann@example.com\tsaid", "to whom it may concern: ann@example.com said"),
    (r"C:\nancy@example.com, 100 %", "C: ancy@example.com, 100 %"),
    ("nothing to read", None),
]  # fmt: skip


def expected(sent: str, read: str | None) -> str:
    """The text as it is, and beside it as it is read."""
    return sent if read is None else f"{sent} {read}"


@pytest.mark.parametrize(("sent", "read"), TEXTS)
def test_a_text_is_read_as_it_is_and_without_escapes(sent: str, read: str | None) -> None:
    with duckdb.connect() as connection:
        (by_duckdb,) = connection.execute(
            f"SELECT {written.duckdb_sql('t')} FROM (SELECT ?::VARCHAR AS t)", [sent]
        ).fetchall()
    assert by_duckdb == (expected(sent, read),)
    assert written.of_bytes(sent.encode()) == expected(sent, read).encode()


@pytest.mark.parametrize(
    ("sent", "word"),
    [
        ("\\" * 1_000_000 + "u0040", "@"),
        ("".join(f"\\u{code:04x}" for code in range(0x100, 0x8000) for _ in range(5)), "\u0100"),
        ("\\" * 1_000_000 + "n" + "%" * 1_000_000, " "),
    ],
    ids=["backslashes", "codes", "blanks"],
)
def test_a_megabyte_of_escapes_is_read_in_one_pass(sent: str, word: str) -> None:
    with duckdb.connect() as connection:
        (read,) = connection.execute(
            f"SELECT {written.duckdb_sql('t')} FROM (SELECT ?::VARCHAR AS t)", [sent]
        ).fetchall()[0]
    assert word in read
    assert word.encode() in written.of_bytes(sent.encode())
