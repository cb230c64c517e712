"""What this machine must have before anything slow starts: Python, Java, memory, disk, a port, the jars.

Standard library only, and readable by an old Python: `make setup` runs it before anything is installed
(`python3 -m clew.machine python java memory disk`), `clew doctor`, `demo` and `run` use it afterwards.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional

MIN_MEMORY_GB = 4.0
MIN_DISK_GB = 5.0
MIN_JAVA = 17
JARS = ("delta-spark", "delta-storage")
FAULT_EXIT = 3
GB = 1024.0**3


class Finding(NamedTuple):
    """What one check found: `do` is the command that mends it, empty when all is well."""

    check: str
    ok: bool
    what: str
    do: str = ""


def check_python(_home: Path) -> Finding:
    """Python 3.11 or 3.12: what the pinned packages were resolved for."""
    version = platform.python_version()
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        return Finding("python", True, f"Python {version}")
    return Finding(
        "python",
        False,
        f"Python {version} is running, Clew needs 3.11 or 3.12.",
        "apt-get install python3.11 python3.11-venv, then make setup PYTHON=python3.11",
    )


def find_java() -> Optional[str]:
    """The java that Spark will start: JAVA_HOME's, else the first on the PATH."""
    home = os.environ.get("JAVA_HOME")
    if home:
        return str(Path(home) / "bin" / "java")
    return shutil.which("java")


def java_version(printed: str) -> Optional[int]:
    """The major version in what `java -version` prints; 8 for the old style "1.8.0"."""
    match = re.search(r'version "(\d+)(?:\.(\d+))?', printed)
    if not match:
        return None
    major = int(match.group(1))
    return int(match.group(2) or 0) if major == 1 else major


def check_java(_home: Path) -> Finding:
    """Java 17 or newer, which Spark 4 needs."""
    install = (
        "brew install openjdk@17 && export JAVA_HOME=$(brew --prefix openjdk@17)"
        if sys.platform == "darwin"
        else "apt-get install openjdk-17-jre-headless"
    )
    java = find_java()
    if java is None:
        return Finding("java", False, f"Java is missing; Spark needs Java {MIN_JAVA} or newer.", install)
    try:
        ran = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(
            "java",
            False,
            f"{java} does not start ({type(error).__name__}); Spark needs Java {MIN_JAVA} or newer.",
            "unset JAVA_HOME, or set it to the folder of a Java that starts" if "JAVA_HOME" in os.environ else install,
        )
    found = java_version(ran.stderr + ran.stdout)
    if ran.returncode or found is None:
        return Finding("java", False, f"{java} -version fails; Spark needs Java {MIN_JAVA} or newer.", install)
    if found < MIN_JAVA:
        do = install if "JAVA_HOME" not in os.environ else f"{install}, then set JAVA_HOME to it"
        return Finding("java", False, f"Java {found} is too old; Spark needs Java {MIN_JAVA} or newer.", do)
    return Finding("java", True, f"Java {found}")


def free_memory_gb(proc: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> Optional[float]:
    """Memory that can be had without swapping: the least of the machine's and the container's; None if unknown."""
    free: List[float] = []
    if proc.exists():
        match = re.search(r"^MemAvailable:\s+(\d+) kB", proc.read_text(), re.MULTILINE)
        if match:
            free.append(int(match.group(1)) * 1024 / GB)
    limit, used = cgroup / "memory.max", cgroup / "memory.current"
    if limit.exists() and used.exists() and limit.read_text().strip() != "max":
        free.append((int(limit.read_text()) - int(used.read_text())) / GB)
    return min(free) if free else None


def check_memory(_home: Path) -> Finding:
    """Memory for one Spark JVM and one Python process."""
    free = free_memory_gb()
    if free is None:
        return Finding("memory", True, "free memory cannot be read on this system")
    if free >= MIN_MEMORY_GB:
        return Finding("memory", True, f"{free:.1f} GB of memory free")
    return Finding(
        "memory",
        False,
        f"{free:.1f} GB of memory is free, a run needs {MIN_MEMORY_GB:.0f} GB.",
        "close other programs (ps aux --sort=-rss | head shows the largest), or give the container more memory",
    )


def nearest_folder(path: Path) -> Path:
    """The path itself, or the closest parent that exists."""
    path = path.resolve()
    while not path.exists():
        path = path.parent
    return path


def check_disk(home: Path) -> Finding:
    """Disk for the lake and, at set-up, for the packages."""
    folder = nearest_folder(home)
    free = shutil.disk_usage(folder).free / GB
    if free >= MIN_DISK_GB:
        return Finding("disk", True, f"{free:.0f} GB of disk free")
    return Finding(
        "disk",
        False,
        f"{free:.1f} GB of disk is free at {folder}, Clew needs {MIN_DISK_GB:.0f} GB.",
        "free some (make clean removes a former demo), or set CLEW_HOME to a folder on a larger disk",
    )


def check_jars(home: Path) -> Finding:
    """Delta's two jars, fetched once by `make setup`."""
    folders = [home / ".clew" / "jars", Path(__file__).resolve().parents[1] / ".clew" / "jars"]
    missing = [jar for jar in JARS if not any(list(folder.glob(jar + "*.jar")) for folder in folders)]
    if missing:
        return Finding(
            "jars", False, f"Delta's jars are missing: {', '.join(missing)}.", "rm -f .clew/jars/.fetched && make setup"
        )
    return Finding("jars", True, "Delta's jars are present")


def check_home(home: Path) -> Finding:
    """The workspace can be written."""
    folder = nearest_folder(home)
    lake = folder / "lake"
    for place in (folder, lake):
        if place.exists() and not os.access(str(place), os.W_OK | os.X_OK):
            return Finding(
                "home", False, f"{place} cannot be written.", f"sudo chown -R $USER {place}, or set CLEW_HOME"
            )
    return Finding("home", True, f"{folder} can be written")


def port_is_free(port: int) -> bool:
    """Whether nothing listens on the port of the loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def check_port(_home: Path, port: int = 8080) -> Finding:
    """The port of `make up`."""
    if not 0 < port < 65536:
        return Finding("port", False, f"There is no port {port}.", "make up PORT=8081")
    if port_is_free(port):
        return Finding("port", True, f"port {port} is free")
    return Finding("port", False, f"Port {port} is in use by another program.", f"make up PORT={port % 65535 + 1}")


CHECKS: Dict[str, Callable[[Path], Finding]] = {
    "python": check_python,
    "java": check_java,
    "memory": check_memory,
    "disk": check_disk,
    "jars": check_jars,
    "home": check_home,
    "port": check_port,
}


def examine(home: Path, names: List[str]) -> List[Finding]:
    """Run the named checks, in their order."""
    return [CHECKS[name](home) for name in names]


def main(names: List[str]) -> int:
    """Print each fault of the named checks; 3 if there is one."""
    faults = [f for f in examine(Path(os.environ.get("CLEW_HOME") or "."), names) if not f.ok]
    for fault in faults:
        sys.stderr.write(f"error: {fault.what}\n  do:    {fault.do}\n")
    return FAULT_EXIT if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(CHECKS)))
