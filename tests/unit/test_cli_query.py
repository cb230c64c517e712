"""`clew query`: results, shapes, and the words of every refusal."""

import csv
import datetime
import io
import json
from pathlib import Path
from typing import Any

import pytest

from lakehouse.run import Run

NAMES = "SELECT profile_id, sales_value FROM gold.profiles ORDER BY 1"


def test_the_default_release_is_the_latest_and_is_named_on_stderr(clew) -> None:
    ran = clew("query", NAMES, "--format", "csv")
    assert (ran.code, ran.out) == (0, "profile_id,sales_value\np-ana,12.50\n")
    assert ran.err.startswith("release 1 (as of 2017-12-30) · 1 row · ")


def test_a_past_day_that_is_released_afterwards_does_not_become_the_latest(clew, small: Any) -> None:
    small.release()
    small.run = Run("backfill", small.run.as_of - datetime.timedelta(days=1))
    small.change("gold.profiles", lambda rows: rows[:1])
    assert small.release() == 2
    home = small.lake.settings.home
    told = json.loads(clew("query", "SELECT count(*) AS n FROM gold.profiles", "--json", home=home).out)
    assert (told["release"], told["as_of"], told["rows"]) == (1, "2017-12-30", [{"n": 7}])
    tables = json.loads(clew("tables", "--json", home=home).out)["tables"]
    assert [item["released_version"] for item in tables if item["table"] == "gold.profiles"] == [0]


def test_live_shows_what_came_after_the_release(clew) -> None:
    ran = clew("query", NAMES, "--format", "csv", "--release", "live")
    assert ran.out.splitlines() == ["profile_id,sales_value", "p-ana,12.50", "p-ben,0.00"]


def test_a_table_is_aligned_with_numbers_to_the_right(clew) -> None:
    ran = clew("query", NAMES, "--release", "live")
    assert ran.out.splitlines() == [
        "profile_id  sales_value",
        "──────────  ───────────",
        "p-ana             12.50",
        "p-ben              0.00",
    ]


def test_json_has_its_documented_shape(clew) -> None:
    sql = """SELECT profile_id AS p, 1 AS p, sales_value AS v, birth_date AS d, email_at AS t, NULL::INT AS n,
             'nan'::DOUBLE AS f, MAP {'k': [1, 2]} AS m
             FROM gold.profiles JOIN gold.profile_contact USING (profile_id)"""
    ran = clew("query", sql, "--json")
    assert json.loads(ran.out) == {
        "release": 1,
        "as_of": "2017-12-30",
        "columns": [
            {"name": "p", "type": "VARCHAR"},
            {"name": "p_2", "type": "INTEGER"},
            {"name": "v", "type": "DECIMAL(18,2)"},
            {"name": "d", "type": "DATE"},
            {"name": "t", "type": "TIMESTAMP WITH TIME ZONE"},
            {"name": "n", "type": "INTEGER"},
            {"name": "f", "type": "DOUBLE"},
            {"name": "m", "type": "MAP(VARCHAR, INTEGER[])"},
        ],
        "rows": [
            {
                "p": "p-ana",
                "p_2": 1,
                "v": 12.5,
                "d": "1980-05-04",
                "t": "2017-12-29T09:00:00Z",
                "n": None,
                "f": None,
                "m": {"k": [1, 2]},
            }
        ],
    }


def test_json_of_no_rows_is_valid(clew) -> None:
    told = json.loads(clew("query", "SELECT 1 AS a WHERE false", "--format", "json", "--release", "live").out)
    assert told == {
        "release": "live",
        "as_of": None,
        "columns": [{"name": "a", "type": "INTEGER"}],
        "rows": [],
    }


def test_csv_survives_commas_quotes_and_line_breaks(clew) -> None:
    ran = clew("query", """SELECT 'a,"b"\nc' AS x, NULL AS y, true AS z""", "--format", "csv")
    assert list(csv.reader(io.StringIO(ran.out))) == [["x", "y", "z"], ['a,"b"\nc', "", "true"]]


def test_a_long_table_ends_at_200_rows_and_says_so_while_csv_prints_all(clew) -> None:
    shown = clew("query", "SELECT * FROM range(1234)")
    assert len(shown.out.splitlines()) == 202
    assert "1,034 more rows are not shown; --format csv prints all" in shown.err
    assert len(clew("query", "SELECT * FROM range(1234)", "--format", "csv").out.splitlines()) == 1235


def test_control_characters_in_data_do_not_reach_the_terminal(clew) -> None:
    ran = clew("query", r"SELECT 'red' || chr(27) || '[31m' AS x")
    assert "\x1b" not in ran.out
    assert "red\\x1b[31m" in ran.out
    controls = r"SELECT 'a' || chr(155) || chr(8238) || 'b' || chr(8232) || 'é😀' AS x"
    assert "a\\x9b\\u202eb\\u2028é😀" in clew("query", controls).out
    told = clew("query", controls, "--format", "json").out
    assert "a\\u009b\\u202eb\\u2028é😀" in told
    assert json.loads(told)["rows"] == [{"x": "a\x9b\u202eb\u2028é😀"}]


def test_without_a_release_the_live_tables_are_read_and_that_is_said(clew, tmp_path: Path) -> None:
    import deltalake
    import pyarrow as pa

    deltalake.write_deltalake(str(tmp_path / "lake/gold/things"), pa.table({"a": [1]}))
    ran = clew("query", "SELECT a FROM gold.things", "--format", "csv", home=tmp_path)
    assert (ran.code, ran.out) == (0, "a\n1\n")
    assert "there is no release yet" in ran.err


REFUSED = {
    "a table that is not there": (
        ["SELECT * FROM gold.profile"],
        "there is no table gold.profile",
        "did you mean gold.profiles or gold.profile_contact or gold.profile_redirects?",
    ),
    "a table without its schema": (["FROM orders"], "there is no table orders", "did you mean gold.orders?"),
    "a table outside the release": (
        ["FROM silver.quarantine"],
        "silver.quarantine is not part of release 1 (as of 2017-12-30)",
        "add --release live",
    ),
    "a column that is not there": (
        ["SELECT frist_name FROM gold.profile_contact"],
        "there is no column frist_name",
        "did you mean first_name",
    ),
    "bad SQL": (["SELEC 1"], 'syntax error at or near "SELEC"', "clew tables"),
    "a column named like a word of SQL": (
        ["SELECT at FROM ops.runs"],
        'syntax error at or near "FROM"',
        'needs quotes: "at"',
    ),
    "a value that does not convert": (
        ["SELECT CAST(first_name AS INT) FROM gold.profile_contact"],
        "Could not convert string",
        "TRY_CAST",
    ),
    "nothing": ([" "], "there is no SQL to run", "DESCRIBE gold.profiles"),
    "two queries": (["SELECT 1; SELECT 2"], "these are 2 statements, of which only the last", "once for each"),
    "a release that is not there": (
        ["SELECT 1", "--release", "9"],
        "there is no release 9",
        "use one of: 1, or live",
    ),
    "a release that is none": (["SELECT 1", "--release", "old"], "'old' is no release", "latest or live"),
    "a change": (["DROP VIEW gold.profiles"], "DROP is not possible", "write a SELECT"),
    "a table of one's own": (["CREATE TABLE x AS SELECT 1"], "CREATE is not possible", "write a SELECT"),
    "a file written": (["COPY (SELECT 1) TO '/tmp/x.csv'"], "COPY is not possible", "write a SELECT"),
    "a file written in a select": (
        ["WITH x AS (COPY (SELECT 1) TO '/tmp/x.csv') FROM x"],
        "touching other files or settings is not possible",
        "write a SELECT",
    ),
    "a file read": (
        ["FROM read_csv('/etc/passwd')"],
        "touching other files or settings is not possible",
        "write a SELECT",
    ),
    "an unknown option": (["SELECT 1", "--frobnicate"], "no such option: --frobnicate", "clew query --help"),
    "an unknown format": (
        ["SELECT 1", "--format", "xml"],
        "invalid value for '--format'",
        "clew query --help",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_what_and_what_to_do(clew, case: str) -> None:
    arguments, what, do = REFUSED[case]
    ran = clew("query", *arguments)
    assert (ran.code, ran.out) == (2, "")
    first, rest = ran.err.split("\n", 1)
    assert first.startswith("error: ")
    assert what in first
    assert do in rest[rest.index("  do:    ") :]


@pytest.mark.parametrize(
    "expression",
    [
        "CAST(first_name AS INT)",
        "CAST(chr(10) || first_name AS INT)",
        "strptime(first_name, '%Y')",
        "json(first_name)",
        "regexp_matches('a', first_name || '(')",
        "from_base64(first_name)",
        "strftime(now(), first_name || '%Q')",
        "error(first_name)",
        "error('LINE 1: ' || first_name || chr(10) || '^')",
        "timezone(first_name, now())",
        "CAST(year(birth_date) AS UTINYINT)",
    ],
)
def test_no_value_of_the_data_is_told_in_an_error(clew, expression: str) -> None:
    ran = clew("query", f"SELECT {expression} FROM gold.profile_contact")
    assert ran.code == 2
    assert "TRY" in ran.err
    assert "Ana" not in ran.err
    assert "1980" not in ran.err


def test_an_error_of_a_value_says_where_in_the_sql_and_what_duckdb_began_to_say(clew) -> None:
    told = clew("query", "SELECT email, CAST(first_name AS INT) FROM gold.profile_contact").err
    assert told.startswith("error: Could not convert string …: DuckDB's words are cut here")
    assert "  where: the SQL, line 1, at: CAST(first_name AS INT)" in told


def test_with_json_an_error_is_told_as_json_too(clew) -> None:
    ran = clew("query", "FROM orders", "--json")
    assert ran.code == 2
    assert json.loads(ran.out) == {
        "error": {
            "class": "UsageError",
            "what": "there is no table orders",
            "where": "release 1 (as of 2017-12-30)",
            "do": "did you mean gold.orders?",
            "exit_code": 2,
        }
    }


def test_a_folder_without_a_lake_says_how_to_make_one(clew, tmp_path: Path) -> None:
    ran = clew("query", "SELECT 1", home=tmp_path)
    assert ran.code == 2
    assert ran.err.splitlines()[0] == "error: there is no lake here yet"
    assert "clew demo" in ran.err


def test_a_file_that_maintenance_removed_is_told(clew, tmp_path: Path) -> None:
    import deltalake
    import pyarrow as pa

    deltalake.write_deltalake(str(tmp_path / "lake/gold/things"), pa.table({"a": [1]}))
    next((tmp_path / "lake/gold/things").glob("*.parquet")).unlink()
    ran = clew("query", "FROM gold.things", "--release", "live", home=tmp_path)
    assert ran.code == 1
    assert ran.err.startswith("error: a table is damaged: gold.things\n")
    assert "is missing" in ran.err
    assert "clew restore gold.things" in ran.err
