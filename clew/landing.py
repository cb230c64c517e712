"""Makes the demo's landing files in a process of its own, so that Airflow and Spark can start meanwhile."""

import multiprocessing
from collections.abc import Callable
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from lakehouse.errors import ClewError, EnvironmentFault
from lakehouse.settings import Settings

Say = Callable[[str, int], None]


def truth_of(settings: Settings) -> Path:
    """Who is who in the demo; only the evaluation reads it."""
    return settings.home.absolute() / "truth"


def _make(out: Connection, arguments: dict[str, Any]) -> None:
    make: Callable[..., dict[str, int]]
    if "folder" in arguments:
        from sandbox.scenario.generate import generate as make
    else:
        from sandbox.generate import generate as make

    try:
        out.send(("lines", make(**arguments, say=lambda source, lines: out.send(("file", source, lines)))))
    except ClewError as error:
        out.send(("error", error))
    finally:
        out.close()


class LandingFiles:
    """Landing files under way.

    Args:
        settings: The workspace.
        number: How many households or people; None for all, or for what the scenario says.
        since: First local day.
        until: Last local day.
        folder: The scenario of which there are so many people; None is the retailer with so many households.
    """

    def __init__(
        self, settings: Settings, number: int | None, since: date, until: date, folder: Path | None = None
    ) -> None:
        # A fork would take the JVM's sockets and Airflow's threads along.
        clean = multiprocessing.get_context("spawn")
        self._messages, out = clean.Pipe(duplex=False)
        arguments: dict[str, Any] = {
            "landing": settings.landing,
            "truth": truth_of(settings),
            **({"households": number} if folder is None else {"folder": folder, "count": number}),
            "since": since,
            "until": until,
        }
        self._process = clean.Process(target=_make, args=(out, arguments), daemon=True)
        self._process.start()
        out.close()

    def wait(self, say: Say) -> int:
        """Wait for the files, passing on what is written; returns the number of lines.

        Raises:
            ClewError: What the sandbox raised.
        """
        while True:
            try:
                message = self._messages.recv()
            except EOFError as error:
                self._process.join()
                raise EnvironmentFault(
                    f"the sandbox ended without its files (exit code {self._process.exitcode})",
                    "",
                    "clew doctor; its memory may not have sufficed, then: clew demo --households 100",
                ) from error
            match message:
                case ("file", source, lines):
                    say(source, lines)
                case ("lines", counts):
                    self._process.join()
                    return sum(counts.values())
                case ("error", error):
                    raise error
