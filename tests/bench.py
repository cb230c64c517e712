"""The numbers of docs/benchmarks.md, each beside a yardstick measured in the same run on the same machine.

Run by ``make bench``; each part has its section of the report, with the day and the versions. Nothing here asserts: a
shared machine has slow hours, and the yardstick has them too.
"""

import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import psutil

from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from sandbox.real import data_folder
from spark_jobs.bronze.land import land
from spark_jobs.silver.conform import conform
from tests import (
    bench_attribution,
    bench_campaigns,
    bench_erasure,
    bench_experiments,
    bench_hostile,
    bench_identity,
    bench_journeys,
    bench_people,
    bench_privacy,
    bench_replay,
    bench_report,
)

CHECKOUT = Path(__file__).resolve().parents[1]
REPORT = CHECKOUT / "docs" / "benchmarks.md"
PACKAGES = (
    "pyspark",
    "delta-spark",
    "deltalake",
    "duckdb",
    "splink",
    "dbt-core",
    "great-expectations",
    "apache-airflow",
)
QUERY = "select count(*) from gold.profiles"


def main(chosen: Sequence[str]) -> None:
    """Measure, print each part as it is done, and put it into the report.

    Args:
        chosen: Names of parts; none means all.
    """
    rows = int(os.environ.get("CLEW_BENCH_ROWS", "1469307"))
    sizes = os.environ.get("CLEW_BENCH_CROWDS", "100000,1000000")
    parts: dict[str, Callable[[], str]] = {
        "ingest": lambda: _ingest(rows),
        "people": lambda: bench_people.section([int(size) for size in sizes.split(",")]),
        "identity": lambda: bench_identity.section([int(size) for size in sizes.split(",")]),
        "privacy": bench_privacy.section,
        "erasure": bench_erasure.section,
        "experiments": bench_experiments.section,
        "attribution": bench_attribution.section,
        "demo": lambda: _demo("400", wanted=180),
        "all": lambda: _demo("all", wanted=360),
        "kills": bench_replay.kills,
        "replay": bench_replay.section,
        "hostile": bench_hostile.section,
        "campaigns": bench_campaigns.section,
        "report": bench_report.section,
        "tests": _tests,
    }
    if unknown := sorted(set(chosen) - set(parts)):
        raise SystemExit(f"error: there is no part {', '.join(unknown)}; use one of: {', '.join(parts)}")
    for name in chosen or parts:
        sys.stderr.write(f"measuring: {name}\n")
        made = parts[name]()
        print(f"\n{made}", flush=True)
        _report(f"{made}\n\nMeasured {_today()}. {_machine()}")


def _report(section: str) -> None:
    """Put a section in the place of the one of its title, or at the end."""
    head, *sections = REPORT.read_text(encoding="utf-8").rstrip().split("\n\n## ")
    titled = {one.partition("\n")[0]: one for one in sections}
    made = section.removeprefix("## ")
    titled[made.partition("\n")[0]] = made
    REPORT.write_text("\n\n## ".join([head, *titled.values()]) + "\n", encoding="utf-8")


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def _machine() -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    memory = psutil.virtual_memory().total / 2**30
    where = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory:.0f} GB, {where}; {versions}; yardstick {_yardstick():.1f} s."


def _yardstick() -> float:
    """Seconds of a fixed piece of work, which tell how fast the machine is just now."""

    def add() -> None:
        total = 0
        for number in range(10_000_000):
            total += number

    return _seconds(add)


def _ingest(rows: int) -> str:
    """Land and conform against Spark's own way from JSON to Delta, on the same lines, in one warm session."""
    home = Path(tempfile.mkdtemp(prefix="clew-bench-"))
    try:
        (home / ".clew").mkdir()
        (home / ".clew" / "jars").symlink_to(CHECKOUT / ".clew" / "jars")
        lake = Lake(Settings(home=home))
        small, large = home / "small", home / "large"
        _write_json(small, 20_000)
        size = _write_json(large, rows)
        timed: dict[str, float] = {}
        before = _yardstick()
        for name, folder in (("warm", small), ("measured", large)):
            timed["bare"] = _seconds(_bare, lake, folder, home / f"bare-{name}")
            _move_in(folder, lake.settings.landing / "web")
            run = Run(name, datetime.date(2017, 12, 30))
            timed["land"] = _seconds(land, lake, run)
            timed["conform"] = _seconds(conform, lake, run)
        both = timed["land"] + timed["conform"]
        return (
            f"## Bronze and silver\n\n{rows:,} Segment messages, {size / 1e6:,.0f} MB of JSON lines, local[*], after a "
            f"first run of 20,000. Yardstick: {before:.1f} s before, {_yardstick():.1f} s after.\n\n"
            "| step | seconds | against bare Spark | wanted |\n| --- | ---: | ---: | ---: |\n"
            f"| bare Spark: read JSON with inference, write Delta | {timed['bare']:.1f} | 1 | |\n"
            f"| land (bronze) | {timed['land']:.1f} | {timed['land'] / timed['bare']:.2f} | 1 |\n"
            f"| land + conform (bronze and silver) | {both:.1f} | {both / timed['bare']:.2f} | 2.5 |"
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _write_json(folder: Path, rows: int) -> int:
    """Real purchases told as product views, in eight files."""
    folder.mkdir()
    source = data_folder() / "transactions.parquet"
    with duckdb.connect() as connection:
        for part in range(8):
            path = folder / f"{part}.jsonl"
            connection.execute(
                f"""copy (
                    select 'track' as type, 'Product Viewed' as event, 'm-' || n as "messageId",
                        'a-' || household_id as "anonymousId",
                        strftime(transaction_timestamp, '%Y-%m-%dT%H:%M:%S.000Z') as timestamp,
                        {{'product_id': product_id::varchar, 'price': sales_value, 'category': 'GROCERY',
                          'basket_id': basket_id::varchar}} as properties,
                        {{'library': {{'name': 'analytics.js', 'version': '2.1.0'}}}} as context
                    from (select *, row_number() over () as n from '{source}' limit {rows})
                    where n % 8 = {part}) to '{path}' (format json)"""
            ).fetchall()
    return sum(path.stat().st_size for path in folder.iterdir())


def _move_in(folder: Path, landing: Path) -> None:
    landing.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.iterdir()):
        path.rename(landing / f"{folder.name}-{path.name}")


def _bare(lake: Lake, folder: Path, target: Path) -> None:
    lake.spark.read.json(folder.as_uri()).write.format("delta").save(target.as_uri())


def _demo(households: str, wanted: int) -> str:
    """The demo as a process of its own, with the memory of all its processes, and a query on what it made."""
    with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
        home = Path(folder)
        (home / ".clew").mkdir()
        (home / ".clew" / "jars").symlink_to(CHECKOUT / ".clew" / "jars")
        environment = os.environ | {"CLEW_HOME": str(home)}
        clew = str(Path(sys.executable).with_name("clew"))
        before, begin = _yardstick(), time.monotonic()
        command = [clew, "demo", "--households", households, "--json"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            peak = PeakMemory(process.pid)
            output, _ = process.communicate()
        seconds, after = time.monotonic() - begin, _yardstick()
        if process.returncode:
            raise SystemExit(process.returncode)  # the demo has said why
        query = _median_seconds([clew, "query", QUERY], environment)
        imports = _median_seconds([sys.executable, "-c", "import duckdb, deltalake"], environment)
        journeys = bench_journeys.sentence((home / ".clew" / "dbt" / "logs" / "dbt.log").read_text(encoding="utf-8"))
    return (
        f"## The demo, {households} households\n\n"
        f"Both runs, start and landing files included: {seconds:.0f} s (wanted: {wanted} or less). Peak memory of all "
        f"processes: {peak.stop() / 2**30:.1f} GB (wanted: 6 or less). Yardstick: {before:.1f} s before, {after:.1f} s "
        f"after.\n\n{_steps(json.loads(output))}\n\n{journeys}\n\n"
        f'`clew query "{QUERY}"`, whole process, median of five: {query:.2f} s (wanted: 1.5 or less); Python that only '
        f"imports DuckDB and delta-rs: {imports:.2f} s."
    )


def _tests() -> str:
    """The tests, as ``make test`` runs them once everything is set up."""
    before, begin = _yardstick(), time.monotonic()
    ran = subprocess.run(["make", "test"], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=False)
    seconds, after = time.monotonic() - begin, _yardstick()
    closing = ran.stdout.strip().rpartition("\n")[2]
    if ran.returncode:
        raise SystemExit(f"error: make test failed: {closing}")
    return (
        f"## The tests\n\n`make test`, set-up aside: {seconds:.0f} s (wanted: 600 or less); {closing.strip('= ')}. "
        f"Yardstick: {before:.1f} s before, {after:.1f} s after."
    )


def _median_seconds(command: Sequence[str], environment: dict[str, str]) -> float:
    """Of five calls, as whole processes."""

    def call() -> None:
        subprocess.run(command, env=environment, capture_output=True, check=True)

    return statistics.median(_seconds(call) for _ in range(5))


def _steps(outcome: dict) -> str:
    """Seconds of each step in both runs, and the second run's share of the two."""
    first, second = outcome["runs"]
    head = f"| step | {first['as_of']} | {second['as_of']} | second run's share |\n| --- | ---: | ---: | ---: |\n"
    pairs = [(step, first["steps"][step], second["steps"][step]) for step in first["steps"]]
    pairs.append(("whole run", first["seconds"], second["seconds"]))
    body = [f"| {step} | {one:.1f} | {two:.1f} | {two / (one + two or 1):.0%} |" for step, one, two in pairs]
    return "Seconds by step:\n\n" + head + "\n".join(body)


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    begin = time.monotonic()
    work(*arguments)
    return time.monotonic() - begin


class PeakMemory:
    """Watches the resident memory of a process and all its children, in bytes, until stopped."""

    def __init__(self, pid: int) -> None:
        self.pid, self.peak, self.over = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def stop(self) -> int:
        self.over.set()
        self.thread.join()
        return self.peak

    def _watch(self) -> None:
        while not self.over.wait(0.5):
            self.peak = max(self.peak, _resident(self.pid))


def _resident(pid: int) -> int:
    total = 0
    try:
        family = [psutil.Process(pid)]
        family += family[0].children(recursive=True)
    except psutil.NoSuchProcess:
        return 0
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
            total += member.memory_info().rss
    return total


if __name__ == "__main__":
    main(sys.argv[1:])
