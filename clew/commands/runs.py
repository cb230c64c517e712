"""`clew runs`: what ran, how long each step took, and why one failed."""

from typing import Annotated, Any

import typer

from clew.output import note, print_json, printable, results, time_text

_STEPS = """
    SELECT run_id, step, "at", as_of, state, seconds, "rows", message
    FROM ops.runs
    WHERE run_id IN (SELECT run_id FROM ops.runs GROUP BY 1 ORDER BY max("at") DESC, run_id LIMIT ?)
    ORDER BY "at", step
"""


def runs(
    limit: Annotated[int, typer.Option(min=1, help="How many runs, the newest first.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the runs: steps, seconds, and why one failed."""
    from clew.workspace import read

    reading = read("live", only=["ops.runs", "ops.releases"])
    events = reading.rows(_STEPS, [limit]) if "ops.runs" in reading.tables else []
    releases: dict[str, int] = {}
    if "ops.releases" in reading.tables:
        published = reading.rows("SELECT DISTINCT run_id, release FROM ops.releases")
        releases = {row["run_id"]: row["release"] for row in published}
    listed = _summed(events, releases)
    with results():
        if as_json:
            print_json({"runs": listed})
        else:
            print("\n\n".join(_text(run) for run in listed))
    if not listed:
        note("no run yet; start one: clew run")


def _summed(events: list[dict[str, Any]], releases: dict[str, int]) -> list[dict[str, Any]]:
    """One item a run, newest first; of a step that was tried again, its last try."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        grouped.setdefault(event["run_id"], []).append(event)
    listed = []
    for run_id, of_run in grouped.items():
        steps: dict[str, dict[str, Any]] = {}
        for event in of_run:
            tries = steps.get(event["step"], {}).get("tries", 0) + (event["state"] == "started")
            steps[event["step"]] = {
                "step": event["step"],
                "state": event["state"],
                "seconds": event["seconds"],
                "rows": event["rows"],
                "tries": tries,
                "message": event["message"] or "",
            }
        states = [step["state"] for step in steps.values()]
        listed.append(
            {
                "run_id": run_id,
                "as_of": of_run[-1]["as_of"],
                "started_at": of_run[0]["at"],
                "changed_at": of_run[-1]["at"],
                "state": "failed" if "failed" in states else "started" if "started" in states else "done",
                "seconds": round(sum(step["seconds"] for step in steps.values()), 3),
                "release": releases.get(run_id),
                "steps": list(steps.values()),
            }
        )
    return sorted(listed, key=lambda run: (run["changed_at"], run["run_id"]), reverse=True)


def _text(run: dict[str, Any]) -> str:
    outcome = {
        "done": "done",
        "failed": "FAILED",
        "started": "under way, or killed: a step has begun and not ended",
    }[run["state"]]
    released = "no release" if run["release"] is None else f"release {run['release']}"
    lines = [
        f"{run['run_id']}  as of {run['as_of']}  {outcome}, {released}, {run['seconds']:.1f} s",
        f"  began {time_text(run['started_at'])} UTC",
    ]
    width = max(len(step["step"]) for step in run["steps"])
    for step in run["steps"]:
        tries = f"  (try {step['tries']})" if step["tries"] > 1 else ""
        message = f"  {step['message']}" if step["message"] else ""
        lines.append(
            f"  {step['step']:<{width}}  {step['state']:<7}  {step['seconds']:>7.1f} s  "
            f"{step['rows'] or 0:>11,} rows{tries}{message}"
        )
    return "\n".join(map(printable, lines))
