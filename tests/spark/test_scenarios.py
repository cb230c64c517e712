"""A vertical through the whole line: what its sandbox sends is kept or refused as meant, and its journeys come out."""

import datetime as dt
import json
from collections import Counter
from pathlib import Path

import pytest

from clew.scenario import FOLDER
from contracts import Contracts
from identity.resolve import resolve
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from measures.step import measure
from sandbox.scenario.generate import generate
from spark_jobs.bronze.land import land
from spark_jobs.gold.events import build_events
from spark_jobs.gold.marts import build_marts
from spark_jobs.silver.conform import conform
from tests.spark.conftest import link_jars

PEOPLE = 14
RUN = Run("run", dt.date(2024, 12, 31))
Made = tuple[Lake, dict[str, object]]


@pytest.fixture(scope="module")
def bank(jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The bank's lake after a run over a year of a few people, and the account of what was written."""
    home = tmp_path_factory.mktemp("bank")
    link_jars(home, jars)
    generate(FOLDER / "bank", home / "landing", home / "truth", PEOPLE)
    lake = Lake(Settings(home=home, spark_master="local[2]", contracts=FOLDER / "bank" / "contracts"))
    lake.ensure_tables()
    land(lake, RUN)
    conform(lake, RUN)
    resolve(lake, RUN)
    build_events(lake, RUN)
    build_marts(lake, RUN)
    measure(lake, RUN)
    return lake, json.loads((home / "truth" / "summary.json").read_text(encoding="utf-8"))


def test_each_message_is_kept_or_refused_as_meant(bank: Made) -> None:
    lake, told = bank
    counted: Counter[str] = Counter()
    for row in lake.arrow("ops.row_counts").to_pylist():
        counted.update({name: row[name] for name in ("kept", "duplicates", "quarantined")})
        counted[row["source"]] += row["kept"]
    assert {source: counted[source] for source in told["good_messages"]} == told["good_messages"]
    assert counted["duplicates"] == told["dirt"]["exact_duplicate"]
    assert counted["quarantined"] == told["dirt"].get("truncated", 0)
    assert counted["kept"] > 500


def test_stages_and_moments_come_of_the_events_that_the_contract_names(bank: Made) -> None:
    """Of one person who opened an account: the stages, looked up by eye in the events themselves."""
    lake, _ = bank
    with lake.duck() as connection:
        opened = connection.execute(
            "select profile_id, min(occurred_at) from gold.events where event = 'current_account_opened' "
            "group by profile_id order by 1"
        ).fetchall()
        assert opened
        for profile, at in opened:
            spells = connection.execute(
                "select stage, entered_at from gold.journey_stages where profile_id = ? order by spell", [profile]
            ).fetchall()
            assert ("opened", at) in spells, spells
        known = set(Contracts(FOLDER / "bank" / "contracts").journeys["everyday_banking"].names)
        found = {row[0] for row in connection.execute("select distinct stage from gold.journey_stages").fetchall()}
        assert {"discovery", "opened", "settled"} <= found <= known
        warned, opened_moments = (
            connection.execute(sql).fetchone()
            for sql in (
                "select count(*) from gold.events where event = 'overdraft_warned' and profile_id is not null",
                "select count(*) from gold.moments where moment = 'fee_avoided'",
            )
        )
        assert 0 < opened_moments[0] <= warned[0]
        assert connection.execute("select count(*) from gold.orders").fetchone() == (0,), "a bank has no baskets"


def test_its_metrics_claims_and_experiments_are_measured(bank: Made) -> None:
    lake, _ = bank
    contracts = Contracts(FOLDER / "bank" / "contracts")
    with lake.duck() as connection:
        values = dict(connection.execute("select metric, value from gold.metrics").fetchall())
        (people,) = connection.execute(
            "select count(distinct profile_id) from gold.signals join gold.profiles using (profile_id) where is_known "
            "and signal in ('paid_by_card', 'got_salary') and occurred_at >= timestamptz '2024-12-04 00:00:00+00'"
        ).fetchall()[0]
    assert values.keys() == {name for name, metric in contracts.metrics.items() if not metric.is_of_operation}
    assert values["people_banking"] == people > 0
    told = {row["hypothesis"]: row["verdict"] for row in lake.arrow("gold.hypotheses").to_pylist()}
    assert told.keys() == contracts.hypotheses.keys()
    (tried,) = lake.arrow("gold.experiment_ledger").to_pylist()
    assert tried["experiment"] == "equal_arms"
