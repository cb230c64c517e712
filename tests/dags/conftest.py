"""Airflow with a database of its own, and Clew's DAGs loaded once."""

import sys
from collections.abc import Iterator

import pytest

from clew import airflow_home
from lakehouse.settings import Settings


@pytest.fixture(scope="session")
def dag_bag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """All DAGs of dags/, as Airflow loads them."""
    settings = Settings(home=tmp_path_factory.mktemp("airflow"))
    airflow_home.home_of(settings).mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        # CLEW_HOME stays as it is: other tests of this process have workspaces of their own.
        for name, value in airflow_home.environment(settings).items():
            if name != "CLEW_HOME":
                patch.setenv(name, value)
        patch.setattr(sys, "path", [*sys.path, str(airflow_home.DAGS)])
        from airflow.dag_processing.dagbag import DagBag
        from airflow.utils import db

        db.initdb()
        yield DagBag(str(airflow_home.DAGS))
