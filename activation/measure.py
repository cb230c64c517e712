"""How soon a withdrawal reaches the destinations: from landed to retraction written, as ops.retractions has it."""

from typing import TYPE_CHECKING, Any

from activation.deliveries import RETRACTED
from activation.held import retraction_folder

if TYPE_CHECKING:
    from lakehouse.lake import Lake

_TIMED, _UNTIMED = "landed_at > delivered_at", "landed_at <= delivered_at"
"""Of what landed before the person was last handed over, the ledger cannot tell when it began to count. Perhaps a file
was handed over between its landing and its conforming: that is the worst case there is. Perhaps two profiles were
joined since, and it was nobody's withdrawal until then. So these are counted, and told beside the others with the time
from landed to written, which is the longest that it can have been."""
_SECONDS = "date_diff('millisecond', landed_at, written_at) / 1000.0"
_TIMES = f"""median({_SECONDS}) FILTER ({_TIMED}), max({_SECONDS}) FILTER ({_TIMED}),
             count(*) FILTER ({_UNTIMED}), max({_SECONDS}) FILTER ({_UNTIMED})"""
_NAMES = ("median_seconds", "worst_seconds", "untimed", "untimed_worst_seconds")
_OF_ALL = ("withdrawals", *_NAMES)


def measured(lake: "Lake") -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Every retraction, the newest first, and the times of all withdrawals of what had been handed over.

    Returns:
        Of each retraction: destination, number, written_at, people, because (people by reason), median_seconds and
        worst_seconds (None where no withdrawal was timed), untimed (withdrawals that landed before the last delivery
        that they are of), untimed_worst_seconds (the longest from landed to written of those), folder (None where it
        was taken away). Of all: withdrawals (those timed), median_seconds, worst_seconds, untimed,
        untimed_worst_seconds.
    """
    if not lake.exists(RETRACTED):
        return [], dict.fromkeys(_OF_ALL) | {"withdrawals": 0, "untimed": 0}
    with lake.quick(RETRACTED) as connection:
        found = connection.execute(
            f"""SELECT destination, number, min(written_at), count(*), {_TIMES} FROM {RETRACTED}
                GROUP BY destination, number ORDER BY 3 DESC, destination"""
        ).fetchall()
        reasons = connection.execute(
            f"SELECT destination, number, reason, count(*) FROM {RETRACTED} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        of_all = connection.execute(f"SELECT count(*) FILTER ({_TIMED}), {_TIMES} FROM {RETRACTED}").fetchall()[0]
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
            **dict(zip(_NAMES, times, strict=True)),
            "folder": str(folder) if (folder := retraction_folder(lake, destination, number)).exists() else None,
        }
        for destination, number, written_at, people, *times in found
    ]
    return written, dict(zip(_OF_ALL, of_all, strict=True))


def in_words(times: dict[str, Any]) -> str:
    """The times of all, for a log or a screen; empty where nothing was withdrawn."""
    said = []
    if times["withdrawals"]:
        said.append(f"median {times['median_seconds']:.1f} s, worst {times['worst_seconds']:.1f} s")
    if times["untimed"]:
        said.append(
            f"{times['untimed']} not timed, since they landed before the last delivery: "
            f"at most {times['untimed_worst_seconds']:.1f} s"
        )
    return "; ".join(said)
