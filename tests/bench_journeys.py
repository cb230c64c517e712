"""How long dbt was at the marts of journeys in each run of a demo, read from its log."""

import datetime
import re

MARTS = (
    "signals", "journey_stages", "stage_gates", "moments", "time_to_value", "personas", "handoffs", "journey_paths",
    "friction_events", "effort", "bottlenecks", "bottleneck_examples", "voice_of_customer",
)  # fmt: skip
WANTED, SHARE = 120, 0.2
"""Seconds for all of them, and the share of that for one more day."""
_LINE = re.compile(r"^(?P<at>\S+ \S+) info: .* (?P<what>START|OK created) sql table model gold\.(?P<mart>\w+) ")


def seconds_of_runs(log: str) -> list[float]:
    """From the start of the first mart of journeys to the end of the last one, for each run in a log of dbt's.

    Others are built between them, on the same cores.

    Raises:
        ValueError: If the log lacks one of the marts.
    """
    told = [found for line in log.splitlines() if (found := _LINE.match(line)) and found["mart"] in MARTS]
    runs: list[tuple[datetime.datetime, dict[str, datetime.datetime]]] = []
    for found in told:
        at = datetime.datetime.fromisoformat(found["at"])
        if found["what"] == "START" and found["mart"] == MARTS[0]:
            runs.append((at, {}))
        elif found["what"] != "START":
            runs[-1][1][found["mart"]] = at
    for _, ended in runs:
        if missing := set(MARTS) - set(ended):
            raise ValueError(f"the log tells of no {', '.join(sorted(missing))}")
    return [(max(ended.values()) - begun).total_seconds() for begun, ended in runs]


def sentence(log: str) -> str:
    """What the section on a demo says of them."""
    first, second = seconds_of_runs(log)
    return (
        f"The {len(MARTS)} marts of journeys, from the start of the first to the end of the last, with others between "
        f"them: {first:.0f} s in the first run (wanted: {WANTED} or less), {second:.0f} s for one more day, "
        f"{second / first:.0%} of it (wanted: {SHARE:.0%} or less; every mart is built whole on every day)."
    )
