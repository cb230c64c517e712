"""The number of docs/benchmarks.md on withdrawals: landed until every destination was told, with a warm session.

``python -m tests.bench_privacy FOLDER`` measures on the workspace in a folder, which has exports; it writes into it.
"""

import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from activation.measure import measured
from activation.withdrawals import retract
from lakehouse.hold import HOURLY
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from spark_jobs.bronze.land import land
from spark_jobs.silver.conform import conform

PEOPLE, BATCH = 100, 10
_SECTION = """## Withdrawals

{people} withdrawals of people whom the e-mail tool got, in the demo of {households} households, {batch} at a time: each
batch is landed, conformed and retracted, one after the other, in one session that is warm. Landed until the
retraction was written: median {median:.0f} s, worst {worst:.0f} s (wanted: 120 or less). Of that the retraction
itself, {destinations} destinations: median {retract:.1f} s."""
_LAST_WORD = datetime.datetime(2018, 1, 1, tzinfo=datetime.UTC)


def section(households: int = 250) -> str:
    """The section of docs/benchmarks.md."""
    checkout = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
        (Path(folder) / ".clew").mkdir()
        (Path(folder) / ".clew" / "jars").symlink_to(checkout / ".clew" / "jars")
        environment = os.environ | {"CLEW_HOME": folder}
        for command in (["clew", "demo", f"--households={households}", "--json"], ["tests.bench_privacy", folder]):
            ran = subprocess.run(
                [sys.executable, "-m", *command], env=environment, cwd=checkout, stdout=subprocess.PIPE, check=True
            )
        found = json.loads(ran.stdout)
    return _SECTION.format(households=households, batch=BATCH, **found)


def measure(lake: Lake) -> dict[str, Any]:
    """Land and retract the withdrawals of people who were handed over, batch after batch.

    Returns:
        How many, the median and the worst seconds from landed to written, and the median of the step ``retract``.
    """
    people = _handed_over(lake)[: PEOPLE + BATCH]
    seconds = []
    for number in range(0, len(people), BATCH):
        _withdraw(lake, number, people[number : number + BATCH])
        run = Run(f"{HOURLY}bench-{number:03}", datetime.date(2017, 12, 31))
        land(lake, run)
        conform(lake, run)
        begin = time.monotonic()
        made = retract(lake, run)
        seconds.append(time.monotonic() - begin)
        sys.stderr.write(f"withdrawals: {number + BATCH} of {len(people)}\n")
    with lake.duck(only=["ops.retractions"]) as connection:
        warm = connection.execute(
            "SELECT date_diff('millisecond', landed_at, written_at) / 1000.0 FROM ops.retractions "
            "WHERE destination = 'email_tool' AND landed_at > delivered_at AND event_id NOT LIKE 'consent:bench-000-%'"
        ).fetchall()  # the first batch warms the session
    times = [float(value) for (value,) in warm]
    _, of_all = measured(lake)
    assert of_all["withdrawals"] >= len(times)
    return {
        "people": len(times),
        "median": statistics.median(times),
        "worst": max(times),
        "retract": statistics.median(seconds[1:]),
        "destinations": len(made),
    }


def _handed_over(lake: Lake) -> list[str]:
    """The accounts, one a person, of people whom the e-mail tool got and who did not withdraw since."""
    retract(lake, Run(f"{HOURLY}bench-before", datetime.date(2017, 12, 31)))
    with lake.duck(only=["ops.deliveries", "ops.retractions", "identity.assignments"]) as connection:
        gone = "SELECT profile_id FROM ops.retractions" if lake.exists("ops.retractions") else "SELECT NULL WHERE false"
        return [
            account
            for (account,) in connection.execute(
                f"""SELECT min(a.record_id) FROM identity.assignments AS a JOIN ops.deliveries AS d
                    ON d.profile_id = a.profile_id AND d.destination = 'email_tool'
                    WHERE starts_with(a.record_id, 'account:') AND a.profile_id NOT IN ({gone})
                    GROUP BY a.profile_id ORDER BY 1"""
            ).fetchall()
        ]


def _withdraw(lake: Lake, number: int, accounts: list[str]) -> None:
    lines = [
        {
            "consent_id": f"bench-{number:03}-{place}",
            "purpose": "email_marketing",
            "status": "withdrawn",
            "notice_version": "2017-1",
            "region": "US-NY",
            "anonymous_id": None,
            "user_id": account.removeprefix("account:"),
            "given_at": _LAST_WORD.isoformat(),
        }
        for place, account in enumerate(accounts)
    ]
    path = lake.settings.landing / "consent" / f"bench-{number:03}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


if __name__ == "__main__":
    print(json.dumps(measure(Lake(Settings(home=Path(sys.argv[1]))))))
