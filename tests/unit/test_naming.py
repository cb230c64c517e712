"""A lake whose mailboxes are named by another key, or by none, is built anew before anything is added to it."""

import shutil
from typing import Any

import deltalake
import pytest
from pydantic import SecretStr

from lakehouse.errors import DataError
from lakehouse.lake import Lake
from lakehouse.naming import refuse_other_names
from lakehouse.settings import Settings
from spark_jobs.silver.conform import reopen
from spark_jobs.silver.recount import recount
from tests.conftest import at


@pytest.fixture
def older(small: Any) -> Any:
    """The small lake as it was before names were keyed: no account says by which key."""
    path = small.lake.path("ops.row_counts")
    rows = small.lake.arrow("ops.row_counts").drop_columns(["record_key"])
    shutil.rmtree(path)
    deltalake.write_deltalake(path, rows)
    return small


def test_a_lake_of_today_goes_on(small: Any, tmp_path: Any) -> None:
    refuse_other_names(small.lake)
    refuse_other_names(Lake(Settings(home=tmp_path / "nothing yet")))


def test_a_lake_of_before_names_were_keyed_is_refused_until_it_is_built_anew(older: Any) -> None:
    with pytest.raises(DataError, match="by hashes that anybody can make") as refused:
        refuse_other_names(older.lake)
    assert refused.value.do == "build it anew, out of bronze: clew run --from-landing 1"
    older.lake.append("ops.landings", [{"run_id": "run-1", "landing": 1, "landed_at": at(30)}])
    reopen(older.lake, 1)
    refuse_other_names(older.lake)


def test_an_erasure_in_a_lake_of_before_counts_and_claims_no_key(older: Any) -> None:
    told = recount(older.lake)
    assert told
    assert {row["record_key"] for row in told} == {None}
    older.lake.overwrite("ops.row_counts", told)
    with pytest.raises(DataError, match="by hashes that anybody can make"):
        refuse_other_names(older.lake)


def test_under_another_key_a_lake_is_refused_with_how_to_mend_it(small: Any) -> None:
    (key,) = {row["record_key"] for row in recount(small.lake)}
    assert key
    other = Lake(Settings(home=small.lake.settings.home, identity_secret=SecretStr("another")))
    with pytest.raises(DataError, match="by another key than that of this workspace") as refused:
        refuse_other_names(other)
    assert "put the key back" in refused.value.do
    assert "landing 1" in refused.value.where
