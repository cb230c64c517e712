"""How soon a withdrawal reaches the destinations: from landed to retraction written, as ops.retractions has it."""

from typing import TYPE_CHECKING, Any

from activation.deliveries import RETRACTED
from activation.held import retraction_folder

if TYPE_CHECKING:
    from lakehouse.lake import Lake

_TIMED = "landed_at > delivered_at"
"""What landed before the person was last handed over did not count then: two profiles were joined since, perhaps. Its
time tells nothing of how soon a withdrawal is acted on."""


def measured(lake: "Lake") -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Every retraction, the newest first, and the times of all withdrawals of what had been handed over.

    Returns:
        Of each retraction: destination, number, written_at, people, because (people by reason), median_seconds and
        worst_seconds (None where no withdrawal was timed), folder (None where it was taken away). Of all: withdrawals,
        median_seconds, worst_seconds.
    """
    if not lake.exists(RETRACTED):
        return [], {"withdrawals": 0, "median_seconds": None, "worst_seconds": None}
    seconds = "date_diff('millisecond', landed_at, written_at) / 1000.0"
    times = f"median({seconds}) FILTER ({_TIMED}), max({seconds}) FILTER ({_TIMED})"
    with lake.quick(RETRACTED) as connection:
        found = connection.execute(
            f"""SELECT destination, number, min(written_at), count(*), {times} FROM {RETRACTED}
                GROUP BY destination, number ORDER BY 3 DESC, destination"""
        ).fetchall()
        reasons = connection.execute(
            f"SELECT destination, number, reason, count(*) FROM {RETRACTED} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        timed = connection.execute(f"SELECT count(*) FILTER ({_TIMED}), {times} FROM {RETRACTED}").fetchall()[0]
    because: dict[tuple[str, int], dict[str, int]] = {}
    for destination, number, reason, people in reasons:
        because.setdefault((destination, number), {})[reason] = people
    written = [
        {
            "destination": destination,
            "number": number,
            "written_at": written_at,
            "people": people,
            "because": because[destination, number],
            "median_seconds": median,
            "worst_seconds": worst,
            "folder": str(folder) if (folder := retraction_folder(lake, destination, number)).exists() else None,
        }
        for destination, number, written_at, people, median, worst in found
    ]
    return written, dict(zip(("withdrawals", "median_seconds", "worst_seconds"), timed, strict=True))
