"""The audit held against what the lake and the exports are today."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from activation.export import export_act, published_folders
from identity.decisions import decision_acts, read_decisions
from lakehouse import audit
from lakehouse.releases import release_acts

if TYPE_CHECKING:
    from lakehouse.lake import Lake

REMOVABLE = ("export", "contract", "access")
"""Actions whose subject may be gone: an export that was fetched is taken away, a destination is given up, and what was
shown to a person is theirs."""


def problems(lake: "Lake", key: str | None = None) -> list[str]:
    """Everything that is wrong with the audit, in sentences; nothing where it holds.

    First the chain itself, then each entry against what it is about: a decision or a release altered or removed
    behind its back, and what was done without being written down.
    """
    known = audit.entries(lake)
    return [*audit.broken_links(lake, known, key), *_against_today(lake, known)]


def _against_today(lake: "Lake", known: list[audit.Entry]) -> Iterator[str]:
    written = {(item.action, item.subject): item for item in known}
    today = {(act.action, act.subject): act for act in _acts(lake)}
    for name, act in today.items():
        item = written.get(name)
        if item is None:
            yield f"{act.subject} was never written down; if a process died there, the next {act.action} does it"
        elif item.fingerprint != act.fingerprint:
            yield f"{act.subject} is not what entry {item.entry} wrote down: it was altered since"
    for name, item in written.items():
        if name not in today and item.action not in REMOVABLE:
            yield f"{item.subject}, written down in entry {item.entry}, is there no more"


def _acts(lake: "Lake") -> list[audit.Act]:
    exported = [export_act(folder) for folder in published_folders(lake)]
    return [*decision_acts(read_decisions(lake)), *release_acts(lake), *exported]
