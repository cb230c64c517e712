"""The class archive: Spark's classes, parsed and verified once at set-up, mapped into memory at each later start.

A JVM that runs Clew loads some twenty thousand classes, which takes a good part of a short run. The archive is
HotSpot's (JEP 350, Dynamic CDS Archives). It holds what a rehearsal has loaded: the examples of the event dictionary,
landed and conformed. The JVM checks it against its own build and class path and does without where they differ.
"""

import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lakehouse.errors import ClewError, EnvironmentFault
from lakehouse.jars import class_archive, jar_paths
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from spark_jobs.bronze.land import land
from spark_jobs.silver.conform import conform


def make_archive(settings: Settings) -> Path | None:
    """Make the archive beside the jars.

    Returns:
        Its path, or nothing if this JVM makes no archives.

    Raises:
        EnvironmentFault: If the rehearsal fails.
    """
    archive = class_archive(jar_paths(settings.state))
    draft = archive.with_name("_" + archive.name)
    for path in (draft, archive):
        path.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as home:
        # Whatever workspace is set, the rehearsal has its own.
        outside = {name: value for name, value in os.environ.items() if not name.startswith("CLEW_")}
        environment = outside | {"CLEW_HOME": home, "CLEW_JAVA_OPTIONS": f"-XX:ArchiveClassesAtExit={draft}"}
        command = [sys.executable, "-m", "spark_jobs.class_archive", "--rehearse"]
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        reason = next((line for line in said if line.startswith("error: ")), said[-1])
        raise EnvironmentFault(f"the rehearsal failed: {reason}", str(archive), "clew doctor, then: make setup")
    if not draft.exists():
        return None
    return draft.replace(archive)


def rehearse(lake: Lake) -> None:
    """Land and conform the dictionary's examples, and wait until the JVM has ended."""
    for event in lake.contracts.events.values():
        for example in event.examples:
            if example.record is not None and lake.contracts.sources[example.source].format.type != "csv":
                path = lake.settings.landing / example.source / f"{event.event}.jsonl"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(example.record) + "\n")
    run = Run("rehearsal", datetime.date(2017, 12, 30))
    land(lake, run)
    conform(lake, run)
    gateway: Any = lake.spark.sparkContext._gateway  # there is one, for the JVM is this process's own
    lake.spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()  # the JVM ends, and writes the archive, when this pipe does
    gateway.proc.wait()


def main() -> int:
    """Make the archive, or rehearse for it, from the command line."""
    try:
        if sys.argv[1:] == ["--rehearse"]:
            rehearse(Lake())
        else:
            made = make_archive(Settings())
            print("class archive: " + (f"{made.stat().st_size / 1e6:.0f} MB" if made else "none; this JVM makes none"))
    except ClewError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
