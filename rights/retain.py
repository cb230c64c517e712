"""Retention as a whole: the rooms that take part."""

import datetime
from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from activation import expiry
from contracts import period
from identity.apart import as_one
from spark_jobs.privacy import retention
from spark_jobs.privacy.retention import Past, Retained

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run import Run


def retain(lake: "Lake", run: "Run", *, dry_run: bool = False) -> Retained:
    """Remove, or only tell, what is past its period in every room; see ``spark_jobs.privacy.retention``."""
    if dry_run:
        return retention.preview(lake, run.as_of, exports=_exports, together=as_one)
    return retention.retain(lake, run, exports=_exports, together=as_one)


def step(lake: "Lake", run: "Run") -> dict[str, int]:
    """What clew_maintenance does: ``retain``, and what was removed by table, or by folder of a destination."""
    return retain(lake, run).removed()


def _exports(lake: "Lake", as_of: datetime.date, kept: Collection[str], dry_run: bool) -> Retained:
    declared = {name: period.of_destination(lake.contracts, name) for name in sorted(lake.contracts.destinations)}
    days = {name: found for name, found in declared.items() if found is not None}
    old = expiry.find(lake, as_of, days, kept)
    if not dry_run:
        expiry.remove(lake, old, as_of)
    counts = Counter((item.folder.destination, item.fate) for item in old)
    past = [Past(f"exports/{name}", "", days[name], counts[name, "goes"], counts[name, "held"]) for name in days]
    unknown = tuple(item.folder.subject for item in old if item.fate == "unknown")
    return Retained(tuple(one for one in past if one.removed or one.held), unknown)
