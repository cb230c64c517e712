"""The plan of an erasure: what is to go, written down before anything goes, so that a death in between costs nothing.

It holds the values it is about and so is readable by its owner only, and removed with the last of them. While it is
there, the erasure is under way.
"""

import datetime
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.erasing import plan_file
from lakehouse.private import replace_private
from spark_jobs.privacy.bury import Grave
from spark_jobs.privacy.whose import Theirs

if TYPE_CHECKING:
    from lakehouse.lake import Lake


INTERRUPTED = "interrupted"
"""Under this name ``Plan.done`` has the parts in which an erasure died."""


@dataclass(frozen=True)
class Plan:
    """One erasure under way.

    Attributes:
        number: Its number.
        reason: Why, in words without a personal value.
        author: Who erases.
        at: When it began.
        people: How many are erased.
        theirs: What goes.
        versions: The version of each table before it.
        released: Tables that went on since the latest release, each with the version that it shows; None where no
            release can stand in for the latest.
        done: What its parts have reported so far, by part; a part that is there is not done again.
        request: The file in ``.clew/requests`` that asked for it, if one did.
    """

    number: int
    reason: str
    author: str
    at: datetime.datetime
    people: int
    theirs: Theirs
    versions: dict[str, int]
    released: dict[str, int] | None
    done: dict[str, Any]
    request: str | None = None


def read(lake: "Lake") -> Plan | None:
    """The plan of the erasure under way, if there is one."""
    try:
        told = json.loads(path(lake).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    theirs = told["theirs"]
    lines = tuple(
        Grave(source, position, tuple(parts), messages) for source, position, parts, messages in theirs["lines"]
    )
    lists = {name: tuple(value) for name, value in theirs.items() if isinstance(value, list)}
    values = tuple((identifier, value) for identifier, value in theirs["values"])
    told["theirs"] = Theirs(**(theirs | lists | {"lines": lines, "values": values}))
    told["at"] = datetime.datetime.fromisoformat(told["at"])
    return Plan(**told)


def write(lake: "Lake", plan: Plan) -> None:
    """Write the plan down, in one rename."""
    told = asdict(plan)
    told["at"] = plan.at.isoformat()
    told["theirs"]["lines"] = [(g.source, g.position, g.parts, g.messages) for g in plan.theirs.lines]
    file = path(lake)
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_private(file, json.dumps(told))


def reported(lake: "Lake", plan: Plan, part: str, report: Any) -> Plan:
    """The plan with what a part reported, written down."""
    plan = replace(plan, done=plan.done | {part: report})
    write(lake, plan)
    return plan


def remove(lake: "Lake") -> None:
    """Remove the plan, and what a death left of its drafts: the values that it held are then nowhere.

    The plan goes last: while it is there, an erasure that died is finished, and finds the drafts again.
    """
    for draft in path(lake).parent.glob(f"{path(lake).name}.*"):
        draft.unlink()
    path(lake).unlink()


def path(lake: "Lake") -> Path:
    return plan_file(lake)
