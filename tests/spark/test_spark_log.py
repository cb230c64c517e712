"""What the JVM logs holds no value of a person."""

import re
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from pyspark.errors import PySparkException

from lakehouse.lake import Lake


def test_a_task_that_stumbles_over_a_value_is_logged_without_it(lake: Lake) -> None:
    options = lake.spark.conf.get("spark.driver.extraJavaOptions") or ""
    config = Path(unquote(urlparse(re.search(r"configurationFile=(\S+)", options)[1]).path))
    log = config.with_name("spark.log")
    assert log.stat().st_mode & 0o777 == 0o600
    start = len(log.read_text(encoding="utf-8"))
    values = ["ana@example.org", "Ana O'Hara", "+1 202 555 0143"]
    told = lake.spark.createDataFrame([(value,) for value in values], "told string").repartition(3)
    for value in values:
        with pytest.raises(PySparkException):
            told.where(told.told == value).selectExpr("sum(cast(told as int))").collect()
    logged = log.read_text(encoding="utf-8")[start:]
    assert "CAST_INVALID_INPUT" in logged, "the error itself is there"
    assert not [value for value in values if value in logged]
    assert "O'Hara" not in logged
