"""How exports that were handed over may have people: an erasure and an access look for the same rows."""

from typing import TYPE_CHECKING

from activation.named import Named, named

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from spark_jobs.privacy.whose import Theirs


def handed_over_as(lake: "Lake", theirs: "Theirs") -> Named:
    """People by their profiles, their events, and the addresses that nobody else holds."""
    addresses = {*theirs.spellings, *(value for _, value in theirs.values)}
    return named(lake, theirs.profiles, theirs.event_ids, addresses)
