"""`clew doctor`: is this machine ready, and if not, what mends it."""

from typing import Annotated

import typer

from clew import machine
from clew.file_rights import rights
from clew.output import print_json
from clew.server import running
from clew.workspace import settings as workspace
from lakehouse.errors import EnvironmentFault
from lakehouse.settings import Settings

NEEDED_BY_A_RUN = ["java", "memory", "disk", "jars", "home"]


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    tables: Annotated[
        bool, typer.Option("--tables", help="Hold the files of every table against its log, instead.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port that `make up` would use.")] = 8080,
) -> None:
    """Check Python, Java, memory, disk, the port of `make up`, Delta's jars, the workspace and who may read it."""
    settings = workspace()
    if tables:
        _tables(settings, as_json)
        return
    home = settings.home.absolute()
    findings = [_port(settings, port) if name == "port" else machine.CHECKS[name](home) for name in machine.CHECKS]
    findings += rights(settings)
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{'ok   ' if finding.ok else 'FAULT'}  {finding.check:<7} {finding.what}")
            if not finding.ok:
                typer.echo(f"       do:     {finding.do}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EnvironmentFault.exit_code)


def _tables(settings: Settings, as_json: bool) -> None:
    """Say what is damaged, and how each table is restored."""
    from dataclasses import asdict

    from clew.workspace import existing_lake
    from lakehouse.intact import damages
    from lakehouse.lake import Lake
    from lakehouse.remedy import remedy

    existing_lake()
    lake = Lake(settings)
    found = damages(lake)
    told = [asdict(item) | {"do": remedy(item)} for item in found]
    if as_json:
        print_json({"tables": len(lake.tables()), "damages": told})
    else:
        for item in told:
            typer.echo(f"FAULT  {item['table']}, {item['file']}: {item['what']}\n       do:     {item['do']}")
        typer.echo(f"{len(lake.tables())} tables: " + (f"{len(found)} files are damaged" if found else "all are whole"))
    if found:
        raise typer.Exit(1)


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
