"""Runs the daily DAG in this process: Airflow's own task runner, one warm Spark session, nothing to start."""

import contextlib
import datetime
import fcntl
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from clew import airflow_home
from clew.screen import StepScreen
from lakehouse.errors import DataError, EnvironmentFault
from lakehouse.faults import explained
from lakehouse.lake import Lake
from lakehouse.private import make_private, open_private
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import DAG

DAILY = "clew_daily"


@dataclass(frozen=True)
class DayRun:
    """One finished run of the daily DAG."""

    run_id: str
    as_of: datetime.date
    seconds: float


@contextlib.contextmanager
def own_terminal(log: Path) -> Iterator[IO[str]]:
    """Send whatever Airflow, dbt, Spark and the JVM print to a log; yields the real stderr for our own lines."""
    make_private(log.parent)
    sys.stdout.flush()
    sys.stderr.flush()
    terminal, out = os.dup(2), os.dup(1)
    target = open_private(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    screen = os.fdopen(terminal, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
    try:
        yield screen
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        screen.flush()
        os.dup2(terminal, 2)
        os.dup2(out, 1)
        os.close(terminal)
        os.close(out)


@contextlib.contextmanager
def only_run(settings: Settings) -> Iterator[None]:
    """Hold the workspace for one run: two at once would share one Airflow database and one queue of landings.

    Raises:
        EnvironmentFault: If another run is under way.
    """
    for private in (settings.state, settings.exports, settings.places.restricted):
        make_private(private)
    folder = settings.state / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / "run.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EnvironmentFault(
                "another run is under way in this workspace", str(settings.home), "wait for its end: clew runs"
            ) from error
        yield


class Pipeline:
    """The daily DAG, loaded once, and the Spark session that its runs share.

    Args:
        settings: The workspace.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lake = Lake(settings)
        self._spark_error: BaseException | None = None
        # The JVM starts in another process; Airflow's imports (4 s) fill the wait on this one.
        self._spark = threading.Thread(target=self._start_spark, name="start-spark", daemon=True)
        self._spark.start()
        self._dag: DAG | None = None

    def _start_spark(self) -> None:
        try:
            self.lake.spark.sql("select 1").collect()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for the session
            self._spark_error = error

    def load(self) -> "DAG":
        """Start Airflow and wait for Spark; the second call returns at once.

        Raises:
            EnvironmentFault: If one of them cannot be started.
        """
        if self._dag is not None:
            return self._dag
        airflow_home.enter(self.settings)
        import airflow
        from airflow.dag_processing.dagbag import DagBag
        from airflow.sdk.execution_time.supervisor import in_process_api_server
        from airflow.utils import db

        for noisy in ("airflow", "alembic", "httpx", "httpcore", "py4j", "sqlalchemy"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        stamp = airflow_home.home_of(self.settings) / "database.version"
        if not stamp.exists() or stamp.read_text() != airflow.__version__:
            db.initdb()  # creates what is missing, and brings an older database up to date
            stamp.write_text(airflow.__version__)
        bag = DagBag(str(airflow_home.DAGS))
        if bag.import_errors:
            file, reason = next(iter(bag.import_errors.items()))
            raise EnvironmentFault(
                f"Airflow cannot load {Path(file).name}: {reason.strip().splitlines()[-1]}", file, "make setup"
            )
        dag: DAG = bag.dags[DAILY]
        for task in dag.tasks:
            # A person is waiting and sees the fault; trying again by itself is for the scheduler.
            task.retries = 0
        in_process_api_server().transport  # noqa: B018 - built here, its 5 s pass while the JVM starts
        self._spark.join()
        if self._spark_error is not None:
            raise self._spark_error
        self._dag = dag
        return dag

    def run(self, as_of: datetime.date, screen: StepScreen) -> DayRun:
        """Run the DAG once, for a date.

        Args:
            as_of: The date the run stands for.
            screen: Hears each step.

        Raises:
            ClewError: What the failed step raised; its message says what to do.
        """
        begin = time.monotonic()
        dag = self.load()
        from airflow.sdk import DagRunState

        import clew_tasks

        clew_tasks.watch = clew_tasks.Watch(screen)
        screen.begin(f"run for {as_of}", list(dag.task_dict))
        midnight = datetime.datetime.combine(as_of, datetime.time(), datetime.UTC)
        dag_run: Any = dag.test(logical_date=midnight, run_conf={"as_of": as_of.isoformat()})
        screen.finish()
        if clew_tasks.watch.errors:
            error = clew_tasks.watch.errors[0]
            raise explained(self.lake, error) or error
        if dag_run.state != DagRunState.SUCCESS:
            raise DataError(
                f"the run for {as_of} ended {dag_run.state}",
                f"Airflow run {dag_run.run_id}",
                f"read {self.settings.state / 'logs'}, then: clew run --date {as_of}",
            )
        return DayRun(clew_tasks.run_id(dag_run.run_id), as_of, time.monotonic() - begin)
