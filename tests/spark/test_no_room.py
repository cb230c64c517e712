"""A disk that is full, or may only be read, under a step of Spark: a clear word, and the next run as if nothing was."""

import datetime
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse.content import contents
from lakehouse.errors import EnvironmentFault
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from spark_jobs.bronze.land import land
from spark_jobs.silver.conform import conform
from tests.mounts import fill, make_read_only, make_writable, small_disk
from tests.spark.conftest import link_jars
from tests.spark.pipeline import put, recount, run, view

DISK_MB, LEFT = 96, 1 << 20
RUN = Run("r2", datetime.date(2017, 12, 30))


def _fault(step: Callable[[Lake, Run], object], lake: Lake) -> EnvironmentFault:
    with pytest.raises(EnvironmentFault) as told:
        step(lake, RUN)
    assert told.value.exit_code == 3
    assert "then run the same command again" in told.value.do
    return told.value


def _puts(lake: Lake) -> None:
    """More than is left of the disk, of texts that cannot be packed."""
    draw = random.Random(1)
    texts = (draw.randbytes(40_000).hex() for _ in range(60))
    put(lake, "web/b.jsonl", *(view(f"b{n}", context={"text": text}) for n, text in enumerate(texts)))


def test_a_full_and_a_read_only_disk_are_named_and_the_next_run_ends_as_one_undisturbed(
    make_lake, jars, tmp_path: Path
) -> None:
    undisturbed = make_lake()
    with small_disk(tmp_path / "small", DISK_MB) as disk:
        link_jars(tmp_path, jars)
        lake = Lake(Settings(home=tmp_path, restricted_folder=disk / "restricted", spark_master="local[2]"))
        lake.ensure_tables()
        for one in (undisturbed, lake):
            put(one, "web/a.jsonl", view("a1"))
            run(one, "r1")
            _puts(one)
        for step in (land, conform):
            ballast = fill(disk, LEFT)
            fault = _fault(step, lake)
            assert "no room to write" in fault.what
            assert str(disk) in fault.where
            ballast.unlink()
            make_read_only(disk)
            fault = _fault(step, lake)
            assert "may not be written" in fault.what
            assert str(disk) in fault.where
            make_writable(disk)
            step(lake, RUN)
        land(undisturbed, RUN)
        conform(undisturbed, RUN)
        assert recount(lake) == []
        found = contents(lake)
        assert found["silver.events"].rows == 61
        assert found == contents(undisturbed)
