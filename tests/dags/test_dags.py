"""The DAGs load, say what a reader needs, and give up where trying again cannot help."""

import ast
import datetime
from itertools import pairwise
from types import SimpleNamespace

import pytest

from clew.airflow_home import DAGS
from lakehouse.errors import ContractError, EnvironmentFault, GateClosed

FILES = sorted(path for path in DAGS.glob("*.py"))
NAMES = ["clew_daily", "clew_maintenance"]
ORDER = [
    "land",
    "conform",
    "gate_silver",
    "resolve",
    "gate_identity",
    "build_events",
    "build_marts",
    "gate_gold",
    "release",
    "export",
]


def test_every_dag_loads(dag_bag):
    assert dag_bag.import_errors == {}
    assert sorted(dag_bag.dags) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_dag_says_what_it_does_and_never_runs_twice_at_once(dag_bag, name):
    dag = dag_bag.dags[name]
    for heading in ("When:", "Safe to re-run?", "When it fails:"):
        assert heading in dag.doc_md
    assert dag.max_active_runs == 1
    assert dag.catchup is False
    assert dag.tasks


@pytest.mark.parametrize("name", NAMES)
def test_a_task_says_what_a_reader_needs_and_backs_off(dag_bag, name):
    for task in dag_bag.dags[name].tasks:
        for heading in ("Inputs:", "Outputs:", "Safe to re-run?", "When it fails:"):
            assert heading in task.doc_md, f"{task.task_id} does not say {heading}"
        assert task.retries == 2
        assert task.retry_exponential_backoff == 2.0
        assert task.execution_timeout == datetime.timedelta(hours=4)
        assert [callback.__name__ for callback in task.on_failure_callback] == ["say_what_next"]
        assert task.owner == "clew"


def test_the_daily_steps_run_one_after_the_other_in_this_order(dag_bag):
    dag = dag_bag.dags["clew_daily"]
    assert list(dag.task_dict) == ORDER
    for before, after in pairwise(ORDER):
        assert dag.task_dict[before].downstream_task_ids == {after}


def test_only_the_release_announces_the_release(dag_bag):
    announcing = {
        task.task_id: [asset.name for asset in task.outlets]
        for task in dag_bag.dags["clew_daily"].tasks
        if task.outlets
    }
    assert announcing == {"release": ["clew_release"]}


def test_a_backfill_stands_for_each_of_its_days(dag_bag):
    from airflow.serialization.serialized_objects import DagSerialization

    dag = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag_bag.dags["clew_daily"]))
    first, last = (datetime.datetime(2017, 12, day, tzinfo=datetime.UTC) for day in (30, 31))
    days = [info.logical_date.date() for info in dag.iter_dagrun_infos_between(first, last)]
    assert days == [datetime.date(2017, 12, 30), datetime.date(2017, 12, 31)]


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_a_dag_file_is_short_and_imports_nothing_slow_at_its_top(file):
    text = file.read_text()
    if file.name != "clew_tasks.py":
        assert len(text.splitlines()) < 80
    imported = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert imported <= {"airflow", "clew_tasks", "dataclasses", "datetime", "re", "typing"}
    assert "airflow" in imported
    modules = {node.module.split(".")[0] for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert "clew" not in modules


def _ending_of(error, dag_bag):
    """Run a DAG of two tasks whose first raises ``error``; the states and tries of both."""
    from airflow.sdk import dag, task

    import clew_tasks

    def work(lake, run):
        raise error

    # One quick retry: the test is about how many tries, not about the wait between them.
    hurry = {"retries": 1, "retry_delay": datetime.timedelta(0), "retry_exponential_backoff": 0}

    @dag(**clew_tasks.dag_settings("clew_daily", None, "A run that fails."))
    def failing():
        @task(**clew_tasks.about("gate_silver"), **hurry)
        def gate_silver():
            return clew_tasks.perform(work)

        @task(**clew_tasks.about("resolve"))
        def resolve():
            return {}

        gate_silver() >> resolve()

    run = failing().test(logical_date=datetime.datetime(2017, 12, 30, tzinfo=datetime.UTC))
    return {ti.task_id: (str(ti.state), ti.try_number) for ti in run.get_task_instances()}


@pytest.mark.parametrize(
    "error",
    [
        GateClosed("3 rows have no source", "silver.events", "clew query …"),
        ContractError("a source has no owner", "contracts/sources/web.yml", "write one"),
    ],
    ids=["a closed gate", "a wrong contract"],
)
def test_what_a_retry_cannot_help_is_tried_once_and_stops_the_run(dag_bag, error):
    assert _ending_of(error, dag_bag) == {"gate_silver": ("failed", 1), "resolve": ("upstream_failed", 0)}


def test_a_fault_of_the_machine_is_tried_again(dag_bag):
    fault = EnvironmentFault("the disk is full", "/", "free some")
    assert _ending_of(fault, dag_bag) == {"gate_silver": ("failed", 2), "resolve": ("upstream_failed", 0)}


def test_the_failure_callback_says_what_to_run_next(dag_bag, capsys):
    import clew_tasks

    dag_run = SimpleNamespace(logical_date=datetime.datetime(2017, 12, 30, tzinfo=datetime.UTC))
    clew_tasks.say_what_next(
        {
            "ti": SimpleNamespace(dag_id="clew_daily", task_id="conform"),
            "exception": ContractError("a source has no owner"),
            "dag_run": dag_run,
        }
    )
    said = capsys.readouterr().out
    assert "clew_daily.conform failed: a source has no owner" in said
    assert "airflow tasks clear clew_daily --task-regex '^conform$' --downstream --yes" in said
    assert "clew run --date 2017-12-30" in said


def test_the_date_asked_for_comes_before_the_logical_date_and_that_before_the_day_it_runs_after(dag_bag):
    import clew_tasks

    noon = datetime.datetime(2018, 1, 2, 12, tzinfo=datetime.UTC)
    dated = SimpleNamespace(logical_date=datetime.datetime(2017, 12, 30, tzinfo=datetime.UTC), run_after=noon)
    undated = SimpleNamespace(logical_date=None, run_after=noon)
    asked = {"as_of": "2017-12-24"}
    assert clew_tasks.as_of({"params": asked, "dag_run": dated}) == datetime.date(2017, 12, 24)
    assert clew_tasks.as_of({"params": {"as_of": None}, "dag_run": dated}) == datetime.date(2017, 12, 30)
    assert clew_tasks.as_of({"params": {}, "dag_run": undated}) == datetime.date(2018, 1, 2)


def test_a_run_id_can_be_the_name_of_a_file(dag_bag):
    import clew_tasks

    assert clew_tasks.run_id("backfill__2017-12-30T00:00:00+00:00") == "backfill__2017-12-30T00-00-00-00-00"
