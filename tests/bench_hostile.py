"""Hostile input: what was tried, what was lost, and the memory it took; a part of ``make bench``."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from lakehouse.lake import Lake
from lakehouse.settings import Settings
from tests.hostile import corpus
from tests.spark.pipeline import put, recount, rows, run

CHECKOUT = Path(__file__).resolve().parents[1]
ENDLESS = 100_000_000
LIMIT = corpus.LONG_LINE


def section() -> str:
    """The section of docs/benchmarks.md, measured in a process of its own, so that its peak is nobody else's."""
    ran = subprocess.run(
        [sys.executable, "-m", __name__], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=3600
    )
    if ran.returncode:
        why = next((line for line in ran.stderr.splitlines() if "OutOfMemoryError" in line), ran.stderr[-200:])
        return f"## Hostile input\n\nThe run did not end well: {why}"
    told = json.loads(ran.stdout.splitlines()[-1])
    return (
        "## Hostile input\n\n"
        f"The corpus of tests/hostile, a line of {ENDLESS // 1_000_000} MB, and lines that just keep to the limit of "
        f"{LIMIT // 1024} KiB: all brackets, {told['fields']:,} fields, {told['messages']:,} messages, and 40 of plain "
        "length; landed and conformed with a heap of 3 GB.\n\n"
        "| | |\n| --- | --- |\n"
        f"| lines tried | {told['lines']:,} |\n"
        f"| other things in the folder | {told['things']} |\n"
        f"| lines lost | {told['lost']} |\n"
        f"| kept, quarantined | {told['kept']:,}, {told['quarantined']:,} messages |\n"
        f"| seconds | {told['seconds']:.0f} |\n"
        f"| peak memory of the JVM | {told['jvm_mb']:,} MB |\n"
        f"| peak memory of Python | {told['python_mb']:,} MB |\n"
    )


def _heavy(lake: Lake) -> dict[str, int]:
    """Lines that cost the most that a line can, each below the limit but one."""
    head = json.dumps(corpus.message("wide")).encode()[:-2]
    fields = LIMIT // 14
    wide = head + b"".join(b',"k%d":1' % number for number in range(fields))[: LIMIT - len(head) - 3]
    wide = wide[: wide.rfind(b",")] + b"}}"
    messages = LIMIT // 3 - 8
    plain = [
        json.dumps(corpus.message(f"plain-{n}", context={"text": "x" * (LIMIT - 300)})).encode() for n in range(40)
    ]
    put(lake, "web/heavy.jsonl", b"[" * LIMIT, wide, b"[" + b"{}," * messages + b"{}]", *plain)
    put(lake, "web/endless.jsonl", corpus.message("before"), b"x" * ENDLESS, corpus.message("after"))
    return {"fields": wide.count(b'":1'), "messages": messages + 1, "lines": 46}


def _measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="clew-hostile-") as home:
        state = Path(home) / ".clew"
        state.mkdir()
        (state / "jars").symlink_to(CHECKOUT / ".clew" / "jars")
        lake = Lake(Settings(home=Path(home), spark_master="local[2]"))
        web, shop = list(corpus.json_lines()), list(corpus.csv_lines())
        put(lake, "web/corpus.jsonl", *(line.text for line in web))
        put(lake, "shop/corpus.csv", corpus.SHOP, *(line.text for line in shop))
        for name in corpus.NAMES:
            put(lake, f"web/{name}", corpus.message(f"in {name}"))
        things = corpus.odd_things(lake.settings.landing / "web", 1_000)
        for name, make in things.items():
            make(lake.settings.landing / "web" / name)
        told = _heavy(lake)
        began = time.monotonic()
        counts = run(lake, "bench")
        seconds = time.monotonic() - began
        # The bombs of the corpus are small enough here to be lines like any other.
        tried = len(web) + len(shop) + 1 + len(corpus.NAMES) + len(things) + told["lines"]
        broken = recount(lake)
        landed = sum(len(rows(lake, f"bronze.{name}", "position")) for name in ("web", "shop"))
        return {
            **told, "lines": tried - len(things), "things": len(things), "seconds": seconds,
            "lost": tried - landed if not broken else -1, "kept": counts["kept"],
            "quarantined": counts["quarantined"],
            "jvm_mb": max(_peak_mb(child.pid) for child in psutil.Process().children(recursive=True)),
            "python_mb": _peak_mb(psutil.Process().pid),
        }  # fmt: skip


def _peak_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next((int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


if __name__ == "__main__":
    print(json.dumps(_measure()))
