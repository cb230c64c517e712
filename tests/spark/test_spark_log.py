"""What the JVM logs holds no value of a person, and what it puts aside lies where an erasure clears it."""

from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from pyspark.errors import PySparkException

from lakehouse.lake import Lake


def test_a_task_that_stumbles_over_a_value_is_logged_without_it(lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    # Asked of the JVM itself: another session of this process may have started it, with a log of its own.
    config = lake.spark._jvm.System.getProperty("log4j2.configurationFile")
    log = Path(unquote(urlparse(config).path)).with_name("spark.log")
    assert log.stat().st_mode & 0o777 == 0o600
    start = len(log.read_text(encoding="utf-8"))
    values = ["ana@example.org", "Ana O'Hara", "+1 202 555 0143", "2025550143", "1980-03-04"]
    told = lake.spark.createDataFrame([(value,) for value in values], "told string").repartition(3)
    for value in values:
        # The one error quotes the value, the other does not: of a word it cannot be told, then, what it is.
        for stumbles in ("cast(told as boolean)", *(["raise_error(told)"] if value[0] != "A" else [])):
            with pytest.raises(PySparkException):
                told.where(told.told == value).selectExpr(f"max({stumbles})").collect()
    logged = log.read_text(encoding="utf-8")[start:]
    assert "CAST_INVALID_INPUT" in logged, "the error itself is there"
    assert "USER_RAISED_EXCEPTION" in logged
    assert not [value for value in values if value in logged]
    assert "Hara" not in logged
    assert "Hara" not in "".join(capfd.readouterr())


def test_what_spark_puts_aside_lies_in_the_folder_of_the_process(lake: Lake) -> None:
    place = Path(lake.spark.conf.get("spark.local.dir"))
    assert (place.parent.name, place.parent.parent.name) == ("tmp", ".clew")
    assert list(place.glob("blockmgr-*"))
    # What Python hands over to the JVM by a file goes there, too.
    assert Path(lake.spark.sparkContext._temp_dir).is_relative_to(place)
