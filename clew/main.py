"""The program `clew`: finds the command, runs it, and turns every error into one sentence and an exit code.

A command lives in ``clew/commands/<name>.py`` as a function of the same name, or as a group of them, and is imported
only when it is called, so that `clew query` does not pay for Spark, Airflow or Great Expectations.
"""

import datetime
import importlib
import os
import re
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from clew.output import print_error
from contracts.errors import ClewError, EnvironmentFault, UsageError
from lakehouse.private import make_private, open_private

COMMANDS = (
    "demo",
    "run",
    "query",
    "tables",
    "runs",
    "profile",
    "explain",
    "trace",
    "access",
    "identity",
    "resolve",
    "requeue",
    "privacy",
    "forget",
    "hold",
    "retain",
    "replay",
    "restore",
    "policy",
    "export",
    "metrics",
    "hypotheses",
    "caps",
    "attribution",
    "campaigns",
    "experiment",
    "report",
    "audit",
    "check",
    "doctor",
    "roles",
    "airflow",
)
EXIT_STOPPED = 130


class Commands(TyperGroup):
    """The commands by name, each imported when it is called or when its help is shown."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands and cmd_name in COMMANDS:
            module = importlib.import_module(f"clew.commands.{cmd_name}")
            command = getattr(module, cmd_name)
            if not isinstance(command, typer.Typer):  # a group of commands is one already
                single = typer.Typer(add_completion=False, rich_markup_mode=None)
                settings = getattr(module, "CONTEXT_SETTINGS", None)
                single.command(cmd_name, context_settings=settings)(command)
                command = single
            self.commands[cmd_name] = typer.main.get_command(command)
        return self.commands.get(cmd_name)


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="A customer data platform on a lakehouse: raw events to profiles, journeys and exports.",
    epilog="Exit: 0 done, 1 problems found or gate closed, 2 bad usage or contract, 3 environment fault.",
)


@app.callback()
def _program() -> None:
    """Without a callback typer would take a single command for the program itself."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit."""
    sys.excepthook = report_unforeseen
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    as_json = wants_json(arguments)
    try:
        code = typer.main.get_command(app).main(
            args=list(arguments) or ["--help"], prog_name="clew", standalone_mode=False
        )
    except ClewError as error:
        told = _explained(error) or error
        print_error(told, as_json)
        return told.exit_code
    except typer.TyperException as error:
        print_error(_usage_error(error), as_json)
        return UsageError.exit_code
    except typer.Abort:
        return EXIT_STOPPED
    except OSError as error:
        fault = _explained(error) or _environment_fault(error)
        print_error(fault, as_json)
        return fault.exit_code
    return code if isinstance(code, int) else 0


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether the caller is a program: then an error is told as JSON on stdout too."""
    spelled = any(argument in ("--json", "--format=json") for argument in arguments)
    return spelled or ("--format", "json") in pairwise(arguments)


def report_unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell of an error nobody foresaw in one sentence; the traceback goes to a file under .clew/logs.

    A full disk, a folder that may not be written and a damaged table are told as such, whatever library met them.

    Both name only the kind of error: its text might hold a personal value.
    """
    if issubclass(kind, KeyboardInterrupt):
        raise SystemExit(EXIT_STOPPED)
    if cause := _explained(error):
        print_error(cause, wants_json(sys.argv[1:]))
        raise SystemExit(cause.exit_code)
    from lakehouse.faults import without_texts

    folder = Path(os.environ.get("CLEW_HOME") or ".").absolute() / ".clew" / "logs"
    now = datetime.datetime.now(datetime.UTC)
    file = folder / f"unforeseen-{now:%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    try:
        make_private(folder.parent)
        make_private(folder)
        with os.fdopen(open_private(file, os.O_WRONLY), "w", encoding="utf-8") as written:
            written.write(without_texts(error))
        where = str(file)
    except OSError as refused:
        where = f"no traceback was kept: {folder} cannot be written ({type(refused).__name__})"
    fault = EnvironmentFault(
        f"an error that Clew did not foresee: {kind.__name__}",
        where,
        "run the command again; if the error stays, report it with that file, which holds no values",
    )
    print_error(fault, wants_json(sys.argv[1:]))
    traceback.clear_frames(trace)
    raise SystemExit(fault.exit_code)


def _usage_error(error: typer.TyperException) -> UsageError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "clew"
    message = error.format_message().rstrip(".")
    if wrong := re.fullmatch(r"No such command '(.+)'", message):
        meant = get_close_matches(wrong[1], COMMANDS, n=1)
        return UsageError(
            f"there is no command {wrong[1]}",
            do=f"did you mean clew {meant[0]}?" if meant else "see: clew --help",
        )
    return UsageError(message[:1].lower() + message[1:], do=f"see: {command} --help")


def _explained(error: BaseException) -> ClewError | None:
    """What an error of a library or of the system comes from, if that can be found."""
    from lakehouse.faults import explained
    from lakehouse.lake import Lake
    from lakehouse.settings import Settings

    try:
        return explained(Lake(Settings()), error)
    except (ClewError, OSError, ValueError):  # to look for the cause must not hide what happened
        return None


def _environment_fault(error: OSError) -> EnvironmentFault:
    reason = (error.strerror or type(error).__name__).lower()
    return EnvironmentFault(
        f"the system refused: {reason}",
        str(error.filename or ""),
        "mend that, then run the command again: clew doctor",
    )
