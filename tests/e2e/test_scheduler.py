"""The daily DAG run by Airflow's real scheduler: each task a process of its own."""

import json
import re
import socket
import time
import urllib.request
from datetime import date
from typing import Any

import psutil
import pytest

from clew import server
from sandbox.generate import generate
from tests.conftest import COMPILED
from tests.dags.test_dags import ORDER

DAG = "clew_daily"
UNTIL = date(2017, 2, 28)
MINUTES = 15


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Page:
    """Airflow's API, logged in."""

    def __init__(self, port: int, name: str, password: str) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.token = ""
        self.token = self.ask("POST", "/auth/token", {"username": name, "password": password})["access_token"]

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            self.root + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            told: dict[str, Any] = json.load(answer)
            return told


def _listening(process: psutil.Process) -> set[str]:
    family = [process, *process.children(recursive=True)]
    return {
        connection.laddr.ip
        for member in family
        for connection in member.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def test_the_scheduler_runs_every_task_in_a_process_of_its_own(workspace):
    generate(workspace.settings.landing, workspace.home / "truth", households=8, until=UNTIL)
    port = _free_port()
    # The test asks for its run; the clock must not start another one beside it.
    alone = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False", "CLEW_JAVA_OPTIONS": COMPILED}
    up = workspace.call("up", "--port", str(port), module="clew.server", **alone)
    assert up.returncode == 0, up.stderr
    try:
        name, password = server.login(workspace.settings)
        assert f"http://localhost:{port}" in up.stdout
        assert password in up.stdout
        leader = psutil.Process(json.loads(server.record_of(workspace.settings).read_text())["pid"])
        assert {address.removeprefix("::ffff:") for address in _listening(leader)} == {"127.0.0.1"}
        page = Page(port, name, password)
        run = page.ask("POST", f"/api/v2/dags/{DAG}/dagRuns", {"logical_date": f"{UNTIL}T00:00:00Z", "conf": {}})[
            "dag_run_id"
        ]
        page.ask("PATCH", f"/api/v2/dags/{DAG}", {"is_paused": False})
        state = ""
        deadline = time.monotonic() + MINUTES * 60
        while state not in ("success", "failed") and time.monotonic() < deadline:
            time.sleep(2)
            state = page.ask("GET", f"/api/v2/dags/{DAG}/dagRuns/{run}")["state"]
        tasks = page.ask("GET", f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances")["task_instances"]
        states = {task["task_id"]: task["state"] for task in tasks}
        assert state == "success", f"{states}\n{_failed_log(workspace, states)}"
        assert set(states) == set(ORDER)
        assert set(states.values()) == {"success"}
        assert {task["try_number"] for task in tasks} == {1}
        pids = {task["pid"] for task in tasks}
        assert len(pids) == len(tasks)
    finally:
        down = workspace.call("down", module="clew.server")
    assert re.search(r"Stopped Airflow \(\d+ processes\)", down.stdout), down.stderr
    assert not leader.is_running() or leader.status() == psutil.STATUS_ZOMBIE
    assert set(workspace.lake.arrow("ops.releases")["as_of"].to_pylist()) == {UNTIL}
    assert [path.name for path in sorted(workspace.settings.exports.glob("*/*"))] == ["000001", "000001"]


def _failed_log(workspace: Any, states: dict[str, str]) -> str:
    failed = next((task for task, state in states.items() if state == "failed"), "")
    logs = sorted((workspace.settings.state / "airflow" / "logs").glob(f"**/task_id={failed}/*.log"))
    return logs[-1].read_text(errors="replace")[-3000:] if logs else ""


def test_a_port_in_use_is_said_before_anything_starts(workspace):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        began = time.monotonic()
        up = workspace.call("up", "--port", str(port), module="clew.server")
    assert up.returncode == 3
    assert f"Port {port} is in use" in up.stderr
    assert f"make up PORT={port + 1}" in up.stderr
    assert time.monotonic() - began < 30
    assert not (workspace.settings.state / "airflow").exists()


def test_down_without_up_says_so(workspace):
    down = workspace.call("down", module="clew.server")
    assert down.returncode == 0
    assert "does not run" in down.stdout


@pytest.fixture(autouse=True)
def _nothing_left_running(workspace):
    yield
    workspace.call("down", module="clew.server")
