"""Delta's jars: resolved once by Spark's own Ivy, then kept in the workspace so that a session starts at once."""

import shutil
import subprocess
import sys
from pathlib import Path

from lakehouse.errors import EnvironmentFault

DELTA_VERSION = "4.4.0"
NEEDED = (f"delta-spark_4.2_2.13-{DELTA_VERSION}.jar", f"delta-storage-{DELTA_VERSION}.jar")
OF_CHECKOUT = Path(__file__).resolve().parents[1] / ".clew" / "jars"
"""Where `make setup` puts them; a workspace elsewhere uses them from there."""
_RESOLVE = """
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession
spark = configure_spark_with_delta_pip(SparkSession.builder.master("local[1]")).getOrCreate()
print("\\n".join("jar=" + path for path in spark.conf.get("spark.jars").split(",")))
spark.stop()
"""


def jar_paths(state: Path) -> list[str]:
    """The jars a session needs, fetched if this is the first start."""
    own = state / "jars"
    folder = next((f for f in (own, OF_CHECKOUT) if all((f / name).is_file() for name in NEEDED)), None)
    if folder is None:
        fetch(own)
    return [str((folder or own).resolve() / name) for name in NEEDED]


def class_archive(jars: list[str]) -> Path:
    """Where the class archive of sessions with these jars is, if one was made (:mod:`spark_jobs.class_archive`)."""
    return Path(jars[0]).parent / "spark.jsa"


def fetch(folder: Path) -> None:
    """Resolve Delta's jars and copy the two that Spark does not ship itself.

    Raises:
        EnvironmentFault: If they cannot be resolved.
    """
    result = subprocess.run([sys.executable, "-c", _RESOLVE], capture_output=True, text=True, check=False)
    resolved = [line[4:].removeprefix("file:") for line in result.stdout.splitlines() if line.startswith("jar=")]
    folder.mkdir(parents=True, exist_ok=True)
    for name in NEEDED:
        source = next((path for path in resolved if path.endswith(name)), None)
        if source is None:
            reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise EnvironmentFault(
                f"Delta's jar {name} could not be resolved: {reason}",
                str(folder),
                "check the network to the Maven repository, then run: make setup",
            )
        draft = folder / f"_{name}"
        shutil.copyfile(source, draft)
        draft.replace(folder / name)


if __name__ == "__main__":
    from lakehouse.settings import Settings

    jar_paths(Settings().state)
