"""The DAGs load, say what a reader needs, and give up where trying again cannot help."""

import ast
import datetime
import re
import shlex
from itertools import pairwise, permutations
from types import SimpleNamespace

import pytest

from clew.airflow_home import CODE, DAGS
from lakehouse.errors import ContractError, DataError, EnvironmentFault, GateClosed

FILES = sorted(path for path in DAGS.glob("*.py"))
NAMES = ["clew_daily", "clew_forget", "clew_maintenance", "clew_privacy"]
ORDER = [
    "land",
    "conform",
    "retract",
    "gate_silver",
    "resolve",
    "gate_identity",
    "build_events",
    "build_marts",
    "measure",
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
        assert task.retries == (6 if name == "clew_privacy" else 2)
        assert task.retry_exponential_backoff == 2.0
        assert task.execution_timeout == datetime.timedelta(hours=4)
        assert [callback.__name__ for callback in task.on_failure_callback] == ["say_what_next"]
        assert task.owner == "clew"


def test_the_daily_steps_run_one_after_the_other_in_this_order(dag_bag):
    dag = dag_bag.dags["clew_daily"]
    assert list(dag.task_dict) == ORDER
    for before, after in pairwise(ORDER):
        assert dag.task_dict[before].downstream_task_ids == {after}


def test_the_hourly_run_lands_conforms_and_retracts_under_a_name_of_its_own(dag_bag):
    import clew_tasks

    tasks = dag_bag.dags["clew_privacy"].task_dict
    assert list(tasks) == ["land", "conform", "retract"]
    assert (tasks["land"].downstream_task_ids, tasks["conform"].downstream_task_ids) == ({"conform"}, {"retract"})
    names = [
        clew_tasks.run_of({"dag_run": SimpleNamespace(run_id="scheduled__1"), "ti": SimpleNamespace(dag_id=dag)})
        for dag in ("clew_daily", "clew_privacy")
    ]
    assert names == ["scheduled__1", "privacy-scheduled__1"]


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
    assert imported <= {"airflow", "clew_shared", "clew_tasks", "dataclasses", "datetime", "re", "typing"}
    assert "airflow" in imported
    modules = {node.module.split(".")[0] for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert "clew" not in modules


def _ending_of(error, day=30):
    """Run a DAG of two tasks whose first raises ``error``; the run."""
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

    return failing().test(logical_date=datetime.datetime(2017, 12, day, tzinfo=datetime.UTC))


@pytest.mark.parametrize("ours", [False, True], ids=["of a library", "of Clew, led to by one"])
def test_the_log_of_a_failed_task_names_the_place_and_no_value(dag_bag, ours, capfd, caplog):
    error = ValueError("ana@example.org is no number")
    if ours:
        error, cause = DataError("a number is wrong", "silver.events", "mend it"), error
        error.__cause__ = cause
    assert _tries(_ending_of(error, day=3 + ours))["gate_silver"][0] == "failed"
    told = "".join(capfd.readouterr()) + caplog.text
    assert "ana@example.org" not in told
    assert "builtins.ValueError" in told
    assert "in work" in told
    assert ("a number is wrong" if ours else "Clew did not foresee: ValueError") in told


def _tries(run):
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
    assert _tries(_ending_of(error)) == {"gate_silver": ("failed", 1), "resolve": ("upstream_failed", 0)}


def test_a_fault_of_the_machine_is_tried_again(dag_bag):
    fault = EnvironmentFault("the disk is full", "/", "free some")
    assert _tries(_ending_of(fault)) == {"gate_silver": ("failed", 2), "resolve": ("upstream_failed", 0)}


def _advice(capsys, task, logical_date=datetime.datetime(2017, 12, 30, tzinfo=datetime.UTC), dag="clew_daily"):
    """What the failure callback prints."""
    import clew_tasks

    run_after = datetime.datetime(2018, 1, 2, tzinfo=datetime.UTC)
    capsys.readouterr()
    clew_tasks.say_what_next(
        {
            "ti": SimpleNamespace(dag_id=dag, task_id=task),
            "exception": ContractError("a source has no owner"),
            "dag_run": SimpleNamespace(logical_date=logical_date, run_after=run_after),
        }
    )
    return capsys.readouterr().out


def _airflow(command):
    """Run what follows ``clew airflow`` in this process."""
    from airflow.cli.cli_parser import get_parser

    asked = get_parser().parse_args(shlex.split(command))
    asked.func(asked)


def test_the_failure_callback_says_what_to_run_next(dag_bag, capsys):
    said = _advice(capsys, "conform")
    assert "clew_daily.conform failed: a source has no owner" in said
    assert (
        "clew airflow tasks clear clew_daily --task-regex conform --downstream "
        "-s 2017-12-30T00:00:00+00:00 -e 2017-12-30T00:00:00+00:00 --yes\n"
    ) in said
    assert "clew run --date 2017-12-30" in said


def test_the_failure_of_maintenance_advises_no_run_of_the_daily_work(dag_bag, capsys):
    said = _advice(capsys, "maintain", dag="clew_maintenance")
    assert "clew airflow tasks clear clew_maintenance --task-regex maintain" in said
    assert "clew run" not in said


def test_what_the_failure_callback_says_clears_the_task_and_what_follows_in_its_own_run_only(dag_bag, capsys):
    fault = EnvironmentFault("the disk is full", "/", "free some")
    runs = {day: _ending_of(fault, day) for day in (29, 30, 31)}
    _airflow(re.search(r"clew airflow (.+)", _advice(capsys, "gate_silver"))[1])
    failed = {"gate_silver": "failed", "resolve": "upstream_failed"}
    cleared = {"gate_silver": "None", "resolve": "None"}
    states = {day: {task: state for task, (state, _) in _tries(run).items()} for day, run in runs.items()}
    assert states == {29: failed, 30: cleared, 31: failed}


def test_a_run_without_a_logical_date_is_cleared_on_its_page(dag_bag, capsys):
    said = _advice(capsys, "gate_gold", logical_date=None)
    assert "clear build_events with what follows it on this run's page" in said
    assert "tasks clear clew_daily" not in said
    assert "clew run --date 2018-01-02" in said


@pytest.mark.parametrize(
    ("gate", "writer"),
    [("gate_silver", "conform"), ("gate_identity", "resolve"), ("gate_gold", "build_events"), ("export", "export")],
)
def test_a_closed_gate_is_opened_by_the_task_that_writes_what_it_reads(dag_bag, capsys, gate, writer):
    task = dag_bag.dags["clew_daily"].task_dict[gate]
    said = _advice(capsys, gate)
    assert f"--task-regex {writer} --downstream" in said
    assert writer == gate or writer in task.get_flat_relative_ids(upstream=True)
    assert "clear this task" in task.doc_md if writer == gate else f"then clear {writer}" in task.doc_md
    assert ("clew run --from-landing N" in said) == (gate == "gate_silver")


def test_no_task_has_a_name_that_holds_anothers(dag_bag):
    # Airflow's --task-regex, of which the callback makes use, would take both.
    assert not [(one, other) for one, other in permutations(ORDER, 2) if one in other]


def test_every_airflow_command_shown_is_one_that_airflow_takes(dag_bag):
    from airflow.cli.cli_parser import get_parser

    pages = {path.name: path.read_text() for path in sorted((CODE / "docs").glob("[!a]*/*.md"))}
    pages |= {name: dag.doc_md for name, dag in dag_bag.dags.items()}
    whole = re.compile(r"(?:^|`)clew airflow ([a-z][^`\n…]*)(?:`|$)", re.MULTILINE)
    shown = {name: whole.findall(text) for name, text in pages.items()}
    assert {"data-engineer.md", "cli.md", "clew_daily"} <= {name for name, commands in shown.items() if commands}
    for commands in shown.values():
        for command in commands:
            get_parser().parse_args(shlex.split(command, comments=True))
    assert not [name for name, text in pages.items() if re.search(r"(?:^|`)airflow ", text, re.MULTILINE)]


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
