"""One small demo, run as a person runs it, for all tests that look at what it left behind."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clew.airflow_home import CODE
from lakehouse.lake import Lake
from lakehouse.settings import Settings
from tests.conftest import INTERPRETED

HOUSEHOLDS = 15


@dataclass(frozen=True)
class Workspace:
    """A folder in which `clew` is called as a program."""

    home: Path

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home)

    @property
    def lake(self) -> Lake:
        return Lake(self.settings)

    def environment(self, **more: str) -> dict[str, str]:
        here = {"CLEW_HOME": str(self.home), "PYTHONPATH": str(CODE), "CLEW_JAVA_OPTIONS": INTERPRETED}
        return {**os.environ, **here, **more}

    def call(self, *arguments: str, module: str = "clew", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.home,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )


@dataclass(frozen=True)
class Demo(Workspace):
    """A workspace in which the demo has run."""

    outcome: dict[str, Any]
    said: str


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo on a few households, and what it printed."""
    workspace = Workspace(tmp_path_factory.mktemp("demo"))
    ran = workspace.call("demo", "--households", str(HOUSEHOLDS), "--json")
    log = workspace.settings.state / "logs" / "demo.log"
    tail = log.read_text(errors="replace")[-4000:] if log.exists() else ""
    assert ran.returncode == 0, f"{ran.stderr}\n{tail}"
    return Demo(workspace.home, json.loads(ran.stdout), ran.stderr)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path)
