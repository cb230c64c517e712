"""The numbers of docs/benchmarks.md, each beside a yardstick measured in the same run on the same machine.

Run by ``make bench``. Nothing here asserts: a shared machine has slow hours, and the yardstick has them too.
"""

import datetime
import importlib.metadata
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from sandbox.real import data_folder
from spark_jobs.bronze.land import land
from spark_jobs.silver.conform import conform

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


def main() -> None:
    """Measure everything and write the report."""
    rows = int(os.environ.get("CLEW_BENCH_ROWS", "1469307"))
    sections = [_head(), _ingest(rows)]
    with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
        sections.append(_demo(Path(folder)))
    REPORT.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
    sys.stdout.write(REPORT.read_text(encoding="utf-8"))


def _head() -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        "# Benchmarks\n\nWritten by `make bench`; read the ratios rather than the seconds.\n\n"
        f"- {datetime.datetime.now(datetime.UTC).date()}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"load at the start {os.getloadavg()[0]:.1f}\n- {versions}"
    )


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
        for name, folder in (("warm", small), ("measured", large)):
            bare = _seconds(lambda folder=folder, name=name: _bare(lake, folder, home / f"bare-{name}"))
            _move_in(folder, lake.settings.landing / "web")
            run = Run(name, datetime.date(2017, 12, 30))
            landing = _seconds(lambda run=run: land(lake, run))
            timed = {"bare": bare, "land": landing, "conform": _seconds(lambda run=run: conform(lake, run))}
        both = timed["land"] + timed["conform"]
        return (
            f"## Bronze and silver\n\n{rows:,} Segment messages, {size / 1e6:,.0f} MB of JSON lines, local[*], after a "
            "first run of 20,000.\n\n| step | seconds | against bare Spark |\n| --- | ---: | ---: |\n"
            f"| bare Spark: read JSON with inference, write Delta | {timed['bare']:.1f} | 1 |\n"
            f"| land (bronze) | {timed['land']:.1f} | {timed['land'] / timed['bare']:.2f} |\n"
            f"| land + conform (bronze and silver) | {both:.1f} | {both / timed['bare']:.2f} |\n\n"
            "Wanted: land no slower than bare Spark, both together within 2.5 times of it."
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


def _demo(home: Path) -> str:
    """The demo as a process of its own, with the memory of all its processes, and a query on what it made."""
    (home / ".clew").mkdir(parents=True)
    (home / ".clew" / "jars").symlink_to(CHECKOUT / ".clew" / "jars")
    environment = os.environ | {"CLEW_HOME": str(home)}
    clew = Path(sys.executable).with_name("clew")
    begin = time.monotonic()
    with subprocess.Popen([clew, "demo", "--json"], env=environment, stdout=subprocess.PIPE, text=True) as process:
        peak = _PeakMemory(process.pid)
        output, _ = process.communicate()
    seconds = time.monotonic() - begin
    outcome = json.loads(output)
    query = [
        _seconds(lambda: subprocess.run([clew, "query", QUERY], env=environment, capture_output=True, check=True))
        for _ in range(5)
    ]
    python = [
        _seconds(lambda: subprocess.run([sys.executable, "-c", "import duckdb, deltalake"], check=True))
        for _ in range(5)
    ]
    return (
        f"## The demo, 400 households\n\nBoth runs, start and landing files included: {seconds:.0f} s (wanted: 180 or "
        f"less). Peak memory of all processes: {peak.stop() / 2**30:.1f} GB (wanted: 6 or less).\n\n"
        f'{_steps(outcome)}\n\n## A query without a JVM\n\n`clew query "{QUERY}"`, whole process, median of five: '
        f"{statistics.median(query):.2f} s (wanted: 1.5 or less); Python that only imports DuckDB and delta-rs: "
        f"{statistics.median(python):.2f} s."
    )


def _steps(outcome: dict) -> str:
    runs = {run["as_of"]: run["steps"] for run in outcome["runs"]}
    names = list(runs)
    steps = list(dict.fromkeys(step for name in names for step in runs[name]))
    head = f"| step | {' | '.join(names)} |\n| --- |{' ---: |' * len(names)}\n"
    body = [f"| {step} | " + " | ".join(f"{runs[name].get(step, 0):.1f}" for name in names) + " |" for step in steps]
    return "Seconds by step:\n\n" + head + "\n".join(body)


def _seconds(work: Callable[[], object]) -> float:
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


class _PeakMemory:
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
            self.peak = max(self.peak, sum(map(_resident, _family(self.pid))))


def _family(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended meanwhile
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting.extend(parents.get(found[-1], []))
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


if __name__ == "__main__":
    main()
