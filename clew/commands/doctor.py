"""`clew doctor`: is this machine ready, and if not, what mends it."""

from typing import Annotated

import typer

from clew import machine
from clew.output import print_json
from clew.server import running
from clew.workspace import settings as workspace
from lakehouse.errors import EnvironmentFault
from lakehouse.settings import Settings

NEEDED_BY_A_RUN = ["java", "memory", "disk", "jars", "home"]


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port that `make up` would use.")] = 8080,
) -> None:
    """Check Python, Java, memory, disk, the port of `make up`, Delta's jars and the workspace."""
    settings = workspace()
    home = settings.home.absolute()
    findings = [_port(settings, port) if name == "port" else machine.CHECKS[name](home) for name in machine.CHECKS]
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{'ok   ' if finding.ok else 'FAULT'}  {finding.check:<7} {finding.what}")
            if not finding.ok:
                typer.echo(f"       do:     {finding.do}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EnvironmentFault.exit_code)


def _port(settings: Settings, port: int) -> machine.Finding:
    """The port of `make up`; that our own Airflow holds it is no fault."""
    own = running(settings)
    if own is not None and own[1] == port:
        return machine.Finding("port", True, f"port {port} serves this workspace's Airflow")
    return machine.check_port(settings.home, port)


def require(settings: Settings) -> None:
    """Refuse to start anything slow on a machine that cannot finish it.

    Raises:
        EnvironmentFault: The first fault found, with the command that mends it.
    """
    for finding in machine.examine(settings.home.absolute(), NEEDED_BY_A_RUN):
        if not finding.ok:
            raise EnvironmentFault(finding.what, str(settings.home.absolute()), finding.do)
