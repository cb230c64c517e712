"""`airflow standalone` that listens on the loopback address only.

Its scheduler and triggerer would each serve logs on every address of the machine, with no setting against it but a
flag that `airflow standalone` does not pass on. The page reads the log files itself on one machine, so nothing is lost.
"""

from airflow.cli.commands import standalone_command

SERVES_LOGS = ("scheduler", "triggerer")


class QuietCommand(standalone_command.SubCommand):
    """One component of Airflow, without its log server."""

    def __init__(self, parent: object, name: str, command: list[str], env: dict[str, str]) -> None:
        flags = ["--skip-serve-logs"] if name in SERVES_LOGS else []
        super().__init__(parent, name, [*command, *flags], env)


if __name__ == "__main__":
    standalone_command.SubCommand = QuietCommand  # type: ignore[misc]
    standalone_command.StandaloneCommand().run()
