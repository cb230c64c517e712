"""Tables that can name a person lie in a folder of their own, whatever wrote them and wherever they lay before."""

from pathlib import Path
from typing import Any

import pytest

from contracts.table import is_restricted
from lakehouse.duck import connect
from lakehouse.lake import Lake
from lakehouse.places import Places
from lakehouse.private import make_private
from lakehouse.settings import Settings


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (["none", "pseudonymous", "behavioural", "demographic"], False),
        (["none", "contact"], True),
        (["raw"], True),
        (["pseudonymous", "free_text"], True),
        (["none", None], True),
    ],
)
def test_a_table_is_restricted_by_the_classes_of_its_columns(classes: list[str | None], expected: bool) -> None:
    assert is_restricted(classes) is expected


def test_every_restricted_table_lies_in_the_restricted_folder_and_no_other(small: Any) -> None:
    lake: Lake = small.lake
    places = lake.settings.places
    lying = {name for name in lake.tables() if places.found(name).is_relative_to(places.restricted)}
    assert lying == {name for name in lake.tables() if lake.contracts.is_restricted(name)}
    assert {"bronze.web", "silver.events", "identity.records", "gold.profile_contact"} <= lying
    assert not lying & {"gold.profiles", "gold.orders", "identity.assignments", "silver.consents", "ops.audit"}


def test_the_restricted_folder_is_closed_to_others_even_if_it_was_open(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.places.restricted.mkdir(parents=True, mode=0o755)
    Lake(settings).ensure_tables()
    assert settings.places.restricted.stat().st_mode & 0o777 == 0o700
    assert settings.lake.stat().st_mode & 0o055, "others may enter the lake"


def test_a_table_that_lies_in_the_wrong_folder_is_moved_with_its_rows(small: Any) -> None:
    lake: Lake = small.lake
    places = lake.settings.places
    for name in ("silver.events", "gold.orders"):
        here = places.found(name)
        assert here is not None
        there = (places.open if places.is_restricted(here) else places.restricted).joinpath(*name.split("."))
        there.parent.mkdir(parents=True, exist_ok=True)
        here.rename(there)
    before = lake.arrow("silver.events").num_rows
    assert before
    lake.ensure_tables()
    assert places.found("silver.events") == places.restricted / "silver" / "events"
    assert places.found("gold.orders") == places.open / "gold" / "orders"
    assert lake.arrow("silver.events").num_rows == before


def test_a_setting_moves_the_restricted_folder_out_of_the_lake(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", restricted_folder=tmp_path / "vault")
    lake = Lake(settings)
    lake.ensure_tables()
    assert lake.path("identity.records") == str(tmp_path / "vault" / "identity" / "records")
    assert "identity.records" in lake.tables()
    assert connect(settings.places).execute("SELECT count(*) FROM identity.records").fetchone() == (0,)


def test_a_private_folder_keeps_the_mode_that_somebody_made_stricter(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o500)
    assert make_private(folder).stat().st_mode & 0o777 == 0o500


def test_a_table_whose_first_commit_was_never_made_is_not_there(tmp_path) -> None:
    log = tmp_path / "gold" / "personas" / "_delta_log"
    (log / "_staged_commits").mkdir(parents=True)
    places = Places.of(tmp_path)
    assert places.tables() == []
    assert places.found("gold.personas") is None
    (log / "00000000000000000000.json").write_text("{}")
    assert places.tables() == ["gold.personas"]
    assert places.found("gold.personas") == log.parent
