"""`clew doctor`: is this machine ready, and if not, what mends it."""

from typing import Annotated

import typer

from clew import machine
from clew.output import print_json
from clew.workspace import settings as workspace
from lakehouse.errors import EnvironmentFault
from lakehouse.settings import Settings

NEEDED_BY_A_RUN = ["java", "memory", "disk", "jars", "home"]


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    port: Annotated[int, typer.Option(help="The port that `make up` would use.")] = 8080,
) -> None:
    """Check Python, Java, memory, disk, the port of `make up`, Delta's jars and the workspace."""
    home = workspace().home.absolute()
    findings = [
        machine.check_port(home, port) if name == "port" else machine.CHECKS[name](home) for name in machine.CHECKS
    ]
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{'ok   ' if finding.ok else 'FAULT'}  {finding.check:<7} {finding.what}")
            if not finding.ok:
                typer.echo(f"       do:     {finding.do}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EnvironmentFault.exit_code)


def require(settings: Settings) -> None:
    """Refuse to start anything slow on a machine that cannot finish it.

    Raises:
        EnvironmentFault: The first fault found, with the command that mends it.
    """
    for finding in machine.examine(settings.home.absolute(), NEEDED_BY_A_RUN):
        if not finding.ok:
            raise EnvironmentFault(finding.what, str(settings.home.absolute()), finding.do)
