"""What a machine lacks is said in one sentence, with the command that mends it."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from clew import machine
from clew.main import run


def _java(folder: Path, version: str) -> Path:
    """A program that answers as the java of some version does."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.mark.parametrize(
    ("printed", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("Error: no JVM", None),
    ],
)
def test_the_version_of_java_is_read_from_what_it_prints(printed, major):
    assert machine.java_version(printed) == major


def test_java_that_is_too_old_is_named_with_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(_java(tmp_path / "java", "11.0.2")))
    finding = machine.check_java(tmp_path)
    assert not finding.ok
    assert finding.what == "Java 11 is too old; Spark needs Java 17 or newer."
    assert "17" in finding.do


def test_java_that_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = machine.check_java(tmp_path)
    assert (finding.ok, finding.what) == (False, "Java is missing; Spark needs Java 17 or newer.")


def test_a_java_home_that_leads_nowhere_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    finding = machine.check_java(tmp_path)
    assert not finding.ok
    assert "does not start (FileNotFoundError)" in finding.what
    assert "JAVA_HOME" in finding.do


def test_memory_is_the_least_of_the_machine_and_its_container(tmp_path):
    proc, cgroup = tmp_path / "meminfo", tmp_path / "cgroup"
    cgroup.mkdir()
    proc.write_text("MemTotal: 9 kB\nMemAvailable:   8388608 kB\n")
    assert machine.free_memory_gb(proc, cgroup) == 8
    (cgroup / "memory.max").write_text(f"{3 * 1024**3}\n")
    (cgroup / "memory.current").write_text(f"{1024**3}\n")
    assert machine.free_memory_gb(proc, cgroup) == 2
    (cgroup / "memory.max").write_text("max\n")
    assert machine.free_memory_gb(proc, cgroup) == 8
    assert machine.free_memory_gb(tmp_path / "none", tmp_path / "none") is None


def test_too_little_memory_or_disk_is_said_with_both_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "MIN_MEMORY_GB", 1_000_000.0)
    monkeypatch.setattr(machine, "MIN_DISK_GB", 1_000_000_000.0)
    memory, disk = machine.check_memory(tmp_path), machine.check_disk(tmp_path)
    assert not memory.ok
    assert "a run needs 1000000 GB" in memory.what
    assert not disk.ok
    assert "Clew needs 1000000000 GB" in disk.what
    assert "CLEW_HOME" in disk.do


def test_a_port_in_use_is_said_with_the_next_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finding = machine.check_port(Path(), port)
    assert finding == machine.Finding(
        "port", False, f"Port {port} is in use by another program.", f"make up PORT={port + 1}"
    )
    assert machine.port_is_free(port)


@pytest.mark.parametrize("port", [0, 65536])
def test_a_port_that_cannot_be_is_refused_before_anything_starts(port):
    assert machine.check_port(Path(), port) == machine.Finding(
        "port", False, f"There is no port {port}.", "make up PORT=8081"
    )


def test_missing_jars_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "code" / "clew" / "machine.py"))
    folder = tmp_path / ".clew" / "jars"
    folder.mkdir(parents=True)
    (folder / "delta-spark_4.2_2.13-4.4.0.jar").touch()
    assert machine.check_jars(tmp_path).what == "Delta's jars are missing: delta-storage."
    (folder / "delta-storage-4.4.0.jar").touch()
    assert machine.check_jars(tmp_path).ok


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_workspace_that_cannot_be_written_is_said(tmp_path):
    tmp_path.chmod(0o500)
    finding = machine.check_home(tmp_path)
    tmp_path.chmod(0o700)
    assert not finding.ok
    assert "cannot be written" in finding.what


def test_the_checks_run_before_anything_is_installed(tmp_path):
    """-S hides installed packages: what `make setup` calls may import the standard library only."""
    root = Path(machine.__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-S", "-m", "clew.machine", "python", "java"],
        cwd=root,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 3
    assert ran.stderr.startswith("error: Java is missing; Spark needs Java 17 or newer.\n  do:    ")


def test_doctor_answers_3_on_a_fault_and_says_the_same_as_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CLEW_HOME", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(_java(tmp_path / "java", "11.0.2")))
    assert run(["doctor"]) == 3
    text = capsys.readouterr().out
    assert "FAULT  java    Java 11 is too old" in text
    assert run(["doctor", "--json"]) == 3
    findings = {finding["check"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert set(findings) == {*machine.CHECKS, "rights"}
    assert not findings["java"]["ok"]
    assert findings["python"]["ok"]


def test_a_run_is_refused_on_a_machine_that_cannot_finish_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CLEW_HOME", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(_java(tmp_path / "java", "11.0.2")))
    assert run(["run", "--date", "2017-12-31"]) == 3
    said = capsys.readouterr().err
    assert "Java 11 is too old" in said
    assert "do:" in said
    assert not (tmp_path / "lake").exists()
