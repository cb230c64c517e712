"""The demo, through Airflow in one process: its screen agrees with the files that it speaks of."""

import csv
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from contracts.records import record_id

STEPS = [
    "land",
    "conform",
    "retract",
    "gate_silver",
    "resolve",
    "gate_identity",
    "build_events",
    "build_marts",
    "measure",
    "gate_gold",
    "release",
    "export",
]
DOCS = Path(__file__).resolve().parents[2] / "docs"
_QUESTION = re.compile(r"^## (\d+\. .*?)$.*?```sql\n(.*?)```", re.DOTALL | re.MULTILINE)
QUESTIONS = _QUESTION.findall((DOCS / "analyst.md").read_text())


def _lines(path: Path) -> int:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))


def _counts(lake, table: str) -> Counter:
    return Counter(lake.arrow(table, columns=["source"])["source"].to_pylist())


def test_every_line_of_every_landing_file_is_accounted_for(demo):
    files: Counter = Counter()
    for path in demo.settings.landing.glob("*/*"):
        if not path.name.startswith((".", "_")) and path.suffix != ".tmp":
            files[path.parent.name] += _lines(path)
    assert len(files) == 7
    counted: dict[str, Counter] = {}
    for row in demo.lake.arrow("ops.row_counts").to_pylist():
        counted.setdefault(row["source"], Counter()).update(
            {
                name: row[name]
                for name in ("lines", "unpacked", "headers", "kept", "duplicates", "quarantined", "erased")
            }
        )
    assert {source: row["lines"] for source, row in counted.items()} == dict(files)
    for row in counted.values():
        assert row["lines"] + row["unpacked"] == (
            row["headers"] + row["kept"] + row["duplicates"] + row["quarantined"] + row["erased"]
        )


def test_the_screen_counts_events_as_the_tables_hold_them(demo):
    held = {
        name: _counts(demo.lake, table)
        for name, table in (
            ("kept", "silver.events"),
            ("duplicates", "silver.duplicates"),
            ("quarantined", "silver.quarantine"),
        )
    }
    assert len(demo.outcome["sources"]) == 7
    for row in demo.outcome["sources"]:
        for name, tables in held.items():
            assert row[name] == tables[row["source"]], f"{name} of {row['source']}"
        assert row["landed"] == row["kept"] + row["duplicates"] + row["quarantined"] + row["erased"]
        assert row["kept"] > 0


def test_the_screen_rates_the_people_found_as_counting_pairs_by_hand_does(demo):
    truth = {
        record_id(row["kind"], row["value"], demo.lake.settings.identity_key): row["person_id"]
        for row in pq.read_table(demo.home / "truth" / "records.parquet").to_pylist()
        if not row["is_shared"]
    }
    people: dict[str, list[str]] = {}
    profiles: dict[str, list[str]] = {}
    for row in demo.lake.arrow("identity.assignments").to_pylist():
        if row["record_id"] in truth and row["refused_by"] is None:
            people.setdefault(truth[row["record_id"]], []).append(row["record_id"])
            profiles.setdefault(row["profile_id"], []).append(row["record_id"])
    true_pairs = {pair for members in people.values() for pair in combinations(sorted(members), 2)}
    found_pairs = {pair for members in profiles.values() for pair in combinations(sorted(members), 2)}
    right = len(true_pairs & found_pairs)
    shown = demo.outcome["people"]
    assert right
    assert shown["precision"] == round(right / len(found_pairs), 4)
    assert shown["recall"] == round(right / len(true_pairs), 4)
    assert shown["truth"] == len(people)
    assert shown["found"] == len(profiles)


def test_the_screen_counts_profiles_and_each_stands_in_one_stage_at_most(demo):
    profiles = demo.lake.arrow("gold.profiles", columns=["profile_id"])["profile_id"].to_pylist()
    assert demo.outcome["profiles"] == len(profiles) == len(set(profiles)) > 0
    standing = sum(row["profiles"] for row in demo.outcome["journey_stages"])
    assert 0 < standing <= len(profiles)


def test_the_screen_counts_exports_as_their_files_and_manifests_do(demo):
    release = demo.outcome["release"]
    assert release == 2
    assert {row["destination"] for row in demo.outcome["exports"]} == set(demo.lake.contracts.destinations)
    assert demo.outcome["exports"]
    for row in demo.outcome["exports"]:
        folder = demo.settings.exports / row["destination"] / f"{release:06d}"
        manifest = json.loads((folder / "manifest.json").read_text())
        with (folder / manifest["data"]["file"]).open(newline="") as file:
            assert sum(1 for _ in csv.reader(file)) - 1 == row["rows"] == manifest["rows"]
        assert row["refused"] == manifest["refused"]
        assert sum(row["refused"].values()) > 0


def test_there_are_ten_questions() -> None:
    assert [title.split(".")[0] for title, _ in QUESTIONS] == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize(("title", "sql"), QUESTIONS, ids=[title for title, _ in QUESTIONS])
def test_a_query_of_an_analyst_is_answered(demo: Any, title: str, sql: str) -> None:
    ran = demo.call("query", sql, "--format", "json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["rows"] or title.startswith("5."), "few people may meet no bottleneck"


def test_the_notebook_runs_to_its_end(demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEW_HOME", str(demo.settings.home))
    cells = json.loads((DOCS / "notebooks" / "journeys.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 4
    shared: dict[str, Any] = {}
    for cell in code:
        exec(compile(cell, "journeys.ipynb", "exec"), shared)  # noqa: S102 - it is ours
    assert shared["release"] == 2
    assert set(shared["stages"]["stage"]) & {"discovery", "value"}
    assert (shared["gates"]["low"] <= shared["gates"]["high"]).all()


def test_both_runs_went_through_every_step(demo):
    assert [run["as_of"] for run in demo.outcome["runs"]] == ["2017-12-30", "2017-12-31"]
    for run in demo.outcome["runs"]:
        assert list(run["steps"]) == STEPS
        assert run["seconds"] > 0
    assert len(demo.outcome["next"]) == 3


def test_progress_goes_to_stderr_and_each_step_says_what_it_did(demo):
    for place, step in enumerate(STEPS, start=1):
        assert sum(f"[{place:>2}/{len(STEPS)}] {step} " in line for line in demo.said.splitlines()) == 2, step
    assert "\x1b[" not in demo.said


def test_the_second_run_lands_the_last_day_only(demo):
    landings = Counter()
    for row in demo.lake.arrow("ops.row_counts").to_pylist():
        landings[row["landing"]] += row["lines"]
    assert set(landings) == {1, 2}
    assert landings[2] < landings[1] / 20


def _values_of_people(demo) -> list[str]:
    """Addresses, numbers, full names and streets, as sent and in standard form; none that stands for nobody."""
    with demo.lake.duck() as connection:
        rows = connection.execute(
            """SELECT unnest([value, raw_value]) FROM identity.identifiers
               WHERE identifier IN ('email', 'phone') AND is_usable
               UNION SELECT concat_ws(' ', first_name, last_name) FROM silver.customer_records
               WHERE first_name IS NOT NULL AND last_name IS NOT NULL
               UNION SELECT street FROM silver.customer_records WHERE street IS NOT NULL
               UNION SELECT street FROM identity.records WHERE street IS NOT NULL"""
        ).fetchall()
    return sorted(value for (value,) in rows if value and len(value) >= 8)


def _numbers_of_people(demo) -> list[str]:
    """Cards, accounts and customer numbers. They are pseudonymous by contract: records are named by them, and open
    tables have them; but no log needs one."""
    with demo.lake.duck() as connection:
        rows = connection.execute(
            """SELECT DISTINCT raw_value FROM identity.identifiers
               WHERE identifier IN ('loyalty_id', 'user_id', 'crm_id') AND length(raw_value) >= 6"""
        ).fetchall()
    return sorted(value for (value,) in rows)


def _births(demo) -> dict[bytes, set[bytes]]:
    """Birth dates, as sent and in standard form, with the names of whoever was born then."""
    with demo.lake.duck() as connection:
        rows = connection.execute(
            """SELECT birth_date, unnest([first_name, last_name]) AS name FROM silver.customer_records
               WHERE birth_date IS NOT NULL
               UNION SELECT CAST(birth_date AS VARCHAR), unnest([first_name, last_name]) FROM identity.records
               WHERE birth_date IS NOT NULL"""
        ).fetchall()
    births: dict[bytes, set[bytes]] = {}
    for date, name in rows:
        if name and len(name) >= 3:
            births.setdefault(date.encode(), set()).add(name.lower().encode())
    return births


def _any_of(values: Iterable[bytes]) -> re.Pattern[bytes]:
    return re.compile(b"|".join(re.escape(value) for value in sorted(values, key=len, reverse=True)))


def _found_in(content: bytes, values: re.Pattern[bytes]) -> int:
    return len(set(values.findall(content)))


def _names_born(content: bytes, births: dict[bytes, set[bytes]], dates: re.Pattern[bytes]) -> int:
    """How many birth dates stand with a name of theirs within 200 bytes; a date alone may be any day."""
    near = ((found[0], content[max(found.start() - 200, 0) : found.end() + 200]) for found in dates.finditer(content))
    return sum(any(name in around.lower() for name in births[date]) for date, around in near)


def _assert_nothing_of_people_or_secrets(demo) -> None:
    """No log, ledger, database or open table of the platform holds a value of a person, and no file a secret."""
    values, numbers, births = _values_of_people(demo), _numbers_of_people(demo), _births(demo)
    assert len(values) > 100
    assert len(numbers) > 10
    assert len(births) > 10
    sought, dates = _any_of(value.encode() for value in values), _any_of(births)
    numbered = re.compile(rb"(?<![0-9A-Za-z])(" + _any_of(n.encode() for n in numbers).pattern + rb")(?![0-9A-Za-z])")
    state = demo.settings.state
    secrets = [path.read_bytes().strip() for path in sorted(state.glob("*.key"))]
    assert len(secrets) >= 3
    files = [path for path in state.rglob("*") if path.is_file() and "jars" not in path.parts and path.suffix != ".key"]
    names = {path.name for path in files}
    assert {"demo.log", "spark.log", "dbt.log", "airflow.db"} <= names
    tables = [path for path in demo.settings.lake.rglob("*") if path.is_file()]
    restricted = [path for path in tables if path.is_relative_to(demo.settings.places.restricted)]
    assert all(any(path.parent.name == "_delta_log" for path in some) for some in (tables, restricted))
    hidden = set(restricted)
    for path in files + tables:
        content = path.read_bytes()
        assert not any(secret in content for secret in secrets), f"{path} holds a secret"
        if path not in hidden:
            assert _found_in(content, sought) == 0, f"{path} holds values of people"
            assert _names_born(content, births, dates) == 0, f"{path} tells when somebody was born"
        if path.suffix == ".log":
            assert _found_in(content, numbered) == 0, f"{path} holds numbers of people"


def test_no_log_nor_ledger_nor_database_of_the_platform_holds_a_value_of_a_person_or_a_secret(demo):
    _assert_nothing_of_people_or_secrets(demo)


def test_no_table_that_an_analyst_reads_holds_a_value_of_a_person(demo):
    sought = _any_of(value.encode() for value in _values_of_people(demo))
    contracts = demo.lake.contracts
    tables = [name for name in demo.lake.tables() if "analyst" in contracts.readers(name)]
    assert {"gold.profiles", "gold.touchpoints", "identity.edges", "ops.check_results"} <= set(tables)
    with demo.lake.duck() as connection:
        for name in tables:
            rows = connection.execute(f"SELECT CAST(t AS VARCHAR) FROM {name} AS t").fetchall()
            held = "\n".join(row[0] for row in rows).encode()
            assert _found_in(held, sought) == 0, f"{name} holds values of people"


def test_what_is_private_is_closed_to_other_users(demo):
    for folder in (demo.settings.state, demo.settings.places.restricted, demo.settings.exports):
        assert folder.stat().st_mode & 0o777 == 0o700, folder
    private = [*demo.settings.state.glob("logs/*.log"), *demo.settings.exports.rglob("*.csv")]
    assert len(private) > 2
    for path in private:
        assert path.stat().st_mode & 0o077 == 0, path
    faults = [item["what"] for item in json.loads(demo.call("doctor", "--json").stdout) if item["check"] == "rights"]
    assert faults == ["keys, logs, exports, certificates and restricted tables are closed to other users"]


def _linked(demo) -> tuple[str, str]:
    """Two records that are one person by a log-in."""
    with demo.lake.duck() as connection:
        return connection.execute(
            """SELECT left_record, right_record FROM identity.edges
               WHERE kind = 'deterministic' AND state = 'linked' ORDER BY ALL LIMIT 1"""
        ).fetchall()[0]


def _exported(demo, but: str) -> str:
    """Somebody whom the e-mail tool got, and who is not of a record."""
    with demo.lake.duck() as connection:
        return connection.execute(
            """SELECT min(profile_id) FROM ops.deliveries WHERE destination = 'email_tool'
               AND profile_id NOT IN (SELECT profile_id FROM identity.assignments WHERE record_id = ?)""",
            [but],
        ).fetchall()[0][0]


def test_after_a_decision_and_an_erasure_a_replay_from_bronze_finds_every_table_equal(demo):
    """Behind what looks at the two runs alone: it changes who is who, and makes a third."""
    left, right = _linked(demo)
    person = _exported(demo, but=left)
    for told in (["identity", "unlink", left, right], ["forget", "person", person]):
        ran = demo.call(*told, "--reason", "to see that a replay knows")
        assert ran.returncode == 0, f"{told[:2]}: {ran.stderr[-2000:]}"
    ran = demo.call("run", "--date", "2018-01-01")
    assert ran.returncode == 0, ran.stderr[-2000:]
    apart = {row["record_id"]: row["profile_id"] for row in demo.lake.arrow("identity.assignments").to_pylist()}
    assert apart[left] != apart[right]
    assert person not in apart.values()

    ran = demo.call("replay", "--json")

    assert ran.returncode == 0, f"{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"
    told = json.loads(ran.stdout)
    assert (told["equal"], told["landings"], told["first_difference"]) == (True, 3, None)
    made = {name for name in demo.lake.tables() if name.split(".")[0] in ("silver", "identity", "gold")}
    assert {item["table"] for item in told["tables"]} == made - {"identity.decisions"} | {"ops.row_counts"}
    assert not (demo.settings.state / "replay").exists()


def test_a_closed_gate_ends_the_run_with_1_keeps_the_release_and_logs_nothing_of_people(demo):
    """Last in this file: it takes a row out of silver, which the gate must notice."""
    table = demo.lake.delta("silver.events")
    victim = demo.lake.arrow("silver.events", columns=["event_id"])["event_id"][0].as_py()
    table.delete(f"event_id = '{victim}'")
    releases = set(demo.lake.arrow("ops.releases")["release"].to_pylist())
    ran = demo.call("run", "--date", "2018-01-01")
    assert ran.returncode == 1, ran.stderr
    assert "gate_silver" in ran.stderr
    assert "do:" in ran.stderr
    assert set(demo.lake.arrow("ops.releases")["release"].to_pylist()) == releases
    _assert_nothing_of_people_or_secrets(demo)
