"""Keys, settings and logs are their owner's alone; what is open is told with the command that closes it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from clew import main
from clew.file_rights import rights
from contracts.errors import EnvironmentFault, UsageError
from lakehouse.private import open_private
from lakehouse.settings import Settings


def _file(home: Path, text: str, mode: int = 0o600) -> Path:
    path = home / ".clew" / "settings.env"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture(autouse=True)
def _no_settings_of_this_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CLEW_")]:
        monkeypatch.delenv(name)


def test_settings_come_from_the_file_and_the_environment_goes_before_it(tmp_path: Path, monkeypatch: Any) -> None:
    _file(tmp_path, "# ours\n\nCLEW_DRIVER_MEMORY = 5g\nCLEW_IDENTITY_KEY='top secret'\nCLEW_AUTHOR=sam\n")
    monkeypatch.setenv("CLEW_AUTHOR", "kim")
    settings = Settings(home=tmp_path)
    assert (settings.driver_memory, settings.identity_key, settings.author) == ("5g", b"top secret", "kim")
    assert "top secret" not in repr(settings)
    assert Settings(home=tmp_path / "elsewhere").driver_memory == "3g"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_settings_that_others_may_read_or_write_are_refused(tmp_path: Path, mode: int) -> None:
    path = _file(tmp_path, "CLEW_IDENTITY_KEY=top secret\n", mode)
    with pytest.raises(EnvironmentFault, match=r"settings\.env is open to other users") as refused:
        Settings(home=tmp_path)
    assert refused.value.do == f"chmod 600 {path}"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("CLEW_DRIVER_MEMROY=4g", "CLEW_DRIVER_MEMROY is no setting"),
        ("CLEW_HOME=/elsewhere", "CLEW_HOME is no setting"),
        ("hunter2", "a line is no setting"),
        ("hunter two=3", "a line is no setting"),
        ("CLEW_AUTHOR=sam\nCLEW_AUTHOR=hunter", "CLEW_AUTHOR is set twice"),
    ],
)
def test_a_line_that_is_no_setting_is_told_without_its_text(tmp_path: Path, line: str, what: str) -> None:
    _file(tmp_path, f"CLEW_SPARK=local[2]\n{line}\n")
    with pytest.raises(UsageError) as refused:
        Settings(home=tmp_path)
    assert refused.value.what == what
    assert ", line " in refused.value.where
    assert "hunter" not in str(refused.value)


@pytest.mark.parametrize("name", ["identity.key", "signing.key", "privacy.key"])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, name: str) -> None:
    read = {"identity.key": "identity_key", "signing.key": "signing_key", "privacy.key": "privacy_key"}[name]
    assert getattr(Settings(home=tmp_path), read)
    path = tmp_path / ".clew" / name
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.chmod(0o644)
    with pytest.raises(EnvironmentFault) as refused:
        getattr(Settings(home=tmp_path), read)
    assert (refused.value.where, refused.value.do) == (str(path), f"chmod 600 {path}")


def test_a_log_is_closed_even_if_it_was_open(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text("before\n")
    log.chmod(0o644)
    with os.fdopen(open_private(log, os.O_WRONLY | os.O_APPEND), "a") as file:
        file.write("after\n")
    assert log.read_text() == "before\nafter\n"
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_traceback_that_is_kept_holds_no_text_of_an_error(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("CLEW_HOME", str(tmp_path))
    try:
        try:
            raise ValueError("ana@example.org is no number")
        except ValueError as error:
            raise KeyError("+12025550143") from error
    except KeyError as error:
        with pytest.raises(SystemExit):
            main.report_unforeseen(type(error), error, error.__traceback__)
    (file,) = (tmp_path / ".clew" / "logs").iterdir()
    text = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "test_a_traceback_that_is_kept" in text
    assert text.index("builtins.ValueError") < text.index("which led to") < text.index("builtins.KeyError")
    for value in ("ana@example.org is", "example.org is no"):
        assert value not in "\n".join(line for line in text.splitlines() if "raise " not in line)
    assert "ana@" not in capsys.readouterr().err


def test_doctor_tells_what_is_open_and_the_command_that_closes_it(small: Any, clew: Any) -> None:
    settings = small.lake.settings
    assert settings.identity_key
    for folder in (settings.exports, settings.certificates):
        folder.mkdir(mode=0o700)
    assert [finding.ok for finding in rights(settings)] == [True]
    key, restricted = settings.state / "identity.key", settings.places.restricted
    key.chmod(0o644)
    restricted.chmod(0o755)
    settings.exports.chmod(0o755)
    settings.certificates.chmod(0o755)
    here = settings.places.found("silver.events")
    there = settings.lake / "silver" / "events"
    here.rename(there)
    told = json.loads(clew("doctor", "--json", home=settings.home).out)
    faults = {item["do"]: item["what"] for item in told if item["check"] == "rights"}
    assert faults == {
        f"chmod 700 {restricted}": "restricted is open to other users (mode 755, not 700).",
        f"chmod 700 {settings.exports}": "exports is open to other users (mode 755, not 700).",
        f"chmod 700 {settings.certificates}": "certificates is open to other users (mode 755, not 700).",
        f"chmod 600 {key}": "identity.key is open to other users (mode 644, not 600).",
        "clew run": "silver.events can name or reach a person and lies in the open folder.",
    }


def test_doctor_tells_of_an_open_mart_whose_history_has_what_it_may_not_have(small: Any) -> None:
    import deltalake
    import pyarrow as pa

    path = small.lake.path("gold.orders")
    wider = small.lake.arrow("gold.orders").append_column("email", pa.array([], pa.string()))
    deltalake.write_deltalake(path, wider, mode="overwrite", schema_mode="overwrite")
    deltalake.write_deltalake(path, wider.drop_columns(["email"]), mode="overwrite", schema_mode="overwrite")
    (fault,) = rights(small.lake.settings)
    assert fault.what == "gold.orders keeps versions with columns that it may not have now: email."
    assert fault.do == f"rm -r {path} && clew run"
