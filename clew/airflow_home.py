"""How Airflow is set up for one workspace: its home, its database, its DAGs, and what it must not do.

Airflow reads its settings when it is first imported, so they are put in the environment before that.
"""

import os
import sys
from pathlib import Path

from lakehouse.errors import EnvironmentFault
from lakehouse.private import make_private
from lakehouse.settings import Settings

CODE = Path(__file__).resolve().parents[1]
DAGS = CODE / "dags"
LOOPBACK = "127.0.0.1"


def home_of(settings: Settings) -> Path:
    """Where Airflow keeps its database, logs and passwords."""
    return settings.state / "airflow"


def environment(settings: Settings, port: int = 8080) -> dict[str, str]:
    """The variables that every Airflow process of this workspace gets."""
    home = home_of(settings)
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # A task starts a JVM of its own; two at a time are what a small machine can hold.
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        # A fork would inherit threads of the scheduler; a JVM is best started by a clean process.
        "AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER": "True",
        # Airflow would listen on every address of the machine.
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
        # Left to itself, each of Airflow's processes invents a secret, and they refuse each other's tokens.
        "AIRFLOW__API_AUTH__JWT_SECRET": settings.secret("airflow.key").decode(),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        "CLEW_HOME": str(settings.home.absolute()),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
        # Steps are imported by their top-level names wherever the working directory is.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(CODE), os.environ.get("PYTHONPATH", "")])),
    }


def enter(settings: Settings) -> None:
    """Put this workspace's Airflow settings into the environment of this process.

    Raises:
        EnvironmentFault: If the DAGs are not where the code is.
    """
    if not (DAGS / "clew_daily.py").is_file():
        raise EnvironmentFault(f"the DAGs are missing at {DAGS}", "", "install Clew from a checkout: make setup")
    make_private(settings.state)
    make_private(home_of(settings))
    os.environ.update(environment(settings))
    if str(DAGS) not in sys.path:
        sys.path.append(str(DAGS))  # as Airflow's own processes do
