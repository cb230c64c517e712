"""Spark gives out the arms that Python gives, from the same text of SQL."""

import pytest

from contracts.bucketing_sql import arm_sql, bucket_sql
from tests.experiment import declared
from tests.unit.test_bucketing import HASHES, WAYS


@pytest.fixture(scope="module")
def spark(make_lake):
    return make_lake().spark


def test_spark_puts_ids_where_growthbook_does(spark) -> None:
    rows = spark.createDataFrame([(hashed,) for _, hashed, _, _ in HASHES], "id string")
    for seed, hashed, version, wanted in HASHES:
        found = rows.where(rows.id == hashed).selectExpr(f"{bucket_sql(seed, 'id', version, 'spark')} as place").first()
        assert found is not None
        assert found.place == wanted


def test_spark_gives_the_arms_that_python_gives(spark) -> None:
    ids = [f"user-{number}" for number in range(300)] + ["", "it's", "ä€ – ü", "123"]
    rows = spark.createDataFrame([(one,) for one in [*ids, None]], "id string")
    experiments = {name: declared(**way) for name, way in WAYS.items()}
    named = [f"{arm_sql(one, 'id', 'spark')} as `{name}`" for name, one in experiments.items()]
    found = {row.id: row for row in rows.selectExpr("id", *named).collect()}
    for name, experiment in experiments.items():
        assert [found[one][name] for one in ids] == [experiment.arm_of(one) for one in ids]
        assert found[None][name] is None
