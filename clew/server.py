"""`make up` and `make down`: Airflow's scheduler and page on this machine, in the background."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from clew import airflow_home, machine
from lakehouse.errors import ClewError, EnvironmentFault
from lakehouse.private import make_private, open_private
from lakehouse.settings import Settings

START_SECONDS = 300
STOP_SECONDS = 20
LINE_EVERY_SECONDS = 10
COMPONENTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")


def record_of(settings: Settings) -> Path:
    return airflow_home.home_of(settings) / "standalone.json"


def running(settings: Settings) -> tuple[psutil.Process, int] | None:
    """The process that `up` started, and its port, if it still runs."""
    try:
        record = json.loads(record_of(settings).read_text())
        process = psutil.Process(record["pid"])
        # A number may have gone to another process since; the time of its start tells.
        same = abs(process.create_time() - record["started"]) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None
    return (process, record["port"]) if same else None


def up(settings: Settings, port: int) -> None:
    """Start Airflow with Clew's DAGs, wait until it is healthy, print address and login.

    Raises:
        EnvironmentFault: If the port is taken, the machine is not fit, or Airflow does not come up.
    """
    found = running(settings)
    if found is not None:
        print(f"Airflow runs already (process {found[0].pid}).")
        _print_login(settings, found[1])
        return
    for finding in [
        machine.check_port(settings.home, port),
        *machine.examine(settings.home, ["java", "memory", "jars"]),
    ]:
        if not finding.ok:
            raise EnvironmentFault(finding.what, "", finding.do)
    airflow_home.enter(settings)
    environment = {
        **os.environ,
        **airflow_home.environment(settings, port),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }
    log = settings.state / "logs" / "airflow.log"
    make_private(log.parent)
    with os.fdopen(open_private(log, os.O_WRONLY | os.O_APPEND), "ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "clew.standalone"],
            cwd=settings.home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = psutil.Process(process.pid).create_time()
    record_of(settings).write_text(json.dumps({"pid": process.pid, "started": started, "port": port}))
    try:
        _wait_until_healthy(process, port, log)
    except BaseException:
        down(settings)
        raise
    _print_login(settings, port)


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    begin, said, next_line = time.monotonic(), "", 0.0
    while (waited := time.monotonic() - begin) < START_SECONDS:
        if process.poll() is not None:
            tail = log.read_text(errors="replace").splitlines()[-1:]
            raise EnvironmentFault(f"Airflow ended while starting: {''.join(tail)}", str(log), f"less {log}")
        health = _health(port)
        ready = [name for name in COMPONENTS if health.get(name, {}).get("status") == "healthy"]
        now = f"{len(ready)} of {len(COMPONENTS)} parts of Airflow are up"
        if now != said or waited > next_line:
            print(f"{waited:5.0f} s  {now}", file=sys.stderr, flush=True)
            said, next_line = now, waited + LINE_EVERY_SECONDS
        if len(ready) == len(COMPONENTS):
            return
        time.sleep(0.5)
    raise EnvironmentFault(f"Airflow was not healthy after {START_SECONDS} s ({said})", str(log), f"less {log}")


def _health(port: int) -> dict[str, Any]:
    address = f"http://{airflow_home.LOOPBACK}:{port}/api/v2/monitor/health"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            health: dict[str, Any] = json.load(answer)
            return health
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return {}


def login(settings: Settings) -> tuple[str, str]:
    """Name and password of the page's administrator, which Airflow makes at its first start."""
    passwords = json.loads(
        (airflow_home.home_of(settings) / "simple_auth_manager_passwords.json.generated").read_text()
    )
    name, password = next(iter(passwords.items()))
    return name, password


def _print_login(settings: Settings, port: int) -> None:
    name, password = login(settings)
    print(f"address   http://localhost:{port}")
    print(f"login     {name} / {password}")
    print(f"log       {settings.state / 'logs' / 'airflow.log'}")
    print("The DAGs are paused until you switch them on there. Stop Airflow with: make down")


def down(settings: Settings) -> None:
    """Stop exactly the processes that `up` started."""
    found = running(settings)
    if found is None:
        print("Airflow does not run.")
        record_of(settings).unlink(missing_ok=True)
        return
    leader = found[0]
    # Taken before the leader goes: an orphan could no longer be told from a stranger.
    family = [leader, *leader.children(recursive=True)]
    os.kill(leader.pid, signal.SIGINT)
    _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
    for stop in (psutil.Process.terminate, psutil.Process.kill):
        for process in alive:
            try:
                stop(process)
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(alive, timeout=STOP_SECONDS)
    record_of(settings).unlink(missing_ok=True)
    print(f"Stopped Airflow ({len(family)} processes).")


def main(arguments: list[str]) -> int:
    """Entry point of `python -m clew.server`."""
    parser = argparse.ArgumentParser(prog="clew.server", description=__doc__)
    parser.add_argument("action", choices=["up", "down"])
    parser.add_argument("--port", type=int, default=8080)
    asked = parser.parse_args(arguments)
    try:
        if asked.action == "up":
            up(Settings(), asked.port)
        else:
            down(Settings())
    except ClewError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
