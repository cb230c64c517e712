"""Silver stands still between the gate that looks at it and the release: who could change it meanwhile gives way.

A daily run reads silver from its conform to its release, one task after another, maybe each in a process of its own.
Were something conformed in between, the release would refuse what changed after its gate, and the day's work would be
for nothing. So the hourly run, before it lands or conforms, looks whether another run is on that way, and leaves with
an error that Airflow tries again after a while. The daily run retracts by itself, right after its own conform.
"""

import datetime
from typing import TYPE_CHECKING

from lakehouse.errors import EnvironmentFault
from lakehouse.run import Run, at_work

if TYPE_CHECKING:
    from lakehouse.lake import Lake

HOURLY = "privacy-"
"""How the ids of runs begin that release nothing, and so give way to those that do."""
FIRST, LAST = "conform", "release"
GAP = datetime.timedelta(minutes=20)
"""A run whose step ended, or died, is taken to go on for so long: Airflow tries again after a quarter of an hour at
most."""


def give_way(lake: "Lake", run: Run) -> None:
    """Leave if this run releases nothing, and another is between its conform and its release.

    Call it under the lock of the step: whoever begins after that waits for the lock, and sees what was written.

    Raises:
        EnvironmentFault: If there is such a run. It is no fault to be mended: trying again later helps.
    """
    if not run.run_id.startswith(HOURLY):
        return
    refuse_between(lake, "; what is to be retracted it retracts itself")


def refuse_between(lake: "Lake", besides: str = "") -> None:
    """Leave if a run is between its conform and its release.

    Args:
        lake: The lake.
        besides: What else to say of it.

    Raises:
        EnvironmentFault: If there is such a run.
    """
    other = under_way(lake, datetime.datetime.now(datetime.UTC))
    if other is not None:
        raise EnvironmentFault(
            f"run {other} is between its conform and its release, and silver stands still for it",
            "ops.runs",
            f"nothing is lost: try again when it has released (clew runs), or 20 minutes after it died{besides}",
        )


def under_way(lake: "Lake", now: datetime.datetime) -> str | None:
    """The run that is between its conform and its release, or None.

    Args:
        lake: The lake.
        now: A run that did nothing for longer than GAP before is given up.
    """
    if not lake.exists("ops.runs"):
        return None
    with lake.quick("ops.runs") as connection:
        row = connection.execute(
            f"""WITH newest AS (
                    SELECT run_id FROM ops.runs WHERE step = '{FIRST}' AND NOT starts_with(run_id, '{HOURLY}')
                      AND NOT starts_with(run_id, 'requeue-')
                    ORDER BY "at" DESC LIMIT 1)
                SELECT run_id, arg_max(step, "at"), arg_max(state, "at"), max("at"),
                       coalesce(max("at") FILTER (step = '{LAST}' AND state = 'done'), '-infinity')
                           > max("at") FILTER (step = '{FIRST}')
                FROM ops.runs WHERE run_id IN (FROM newest) GROUP BY run_id"""
        ).fetchone()
    if row is None:
        return None
    run_id, step, state, at, is_released = row
    is_over = is_released or state == "failed"
    is_alive = state == "started" and lake.is_locked(at_work(step))
    return None if is_over or not (is_alive or now - at < GAP) else str(run_id)
