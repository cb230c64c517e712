"""`clew airflow`: Airflow's own command line, on this workspace's Airflow."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from clew import airflow_home
from clew.workspace import settings as workspace

# From the first word on, everything is Airflow's, its own --help too.
CONTEXT_SETTINGS = {"allow_interspersed_args": False}


def airflow(
    arguments: Annotated[list[str] | None, typer.Argument(help="What Airflow's command line takes.")] = None,
) -> None:
    """Airflow's own commands, on this workspace: its DAGs, its database. The exit code is Airflow's."""
    airflow_home.enter(workspace())
    program = Path(sys.executable).with_name("airflow")
    raise typer.Exit(subprocess.run([program, *(arguments or [])], env=os.environ, check=False).returncode)
