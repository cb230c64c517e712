"""The audit held against what the lake and the exports are today."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from activation.held import act_of, all_held, unwritten_acts
from identity.decisions import decision_acts, read_decisions
from lakehouse import audit
from lakehouse.declared import model_acts
from lakehouse.errors import DataError
from lakehouse.policies import policy_acts
from lakehouse.releases import release_acts
from lakehouse.tombstones import ERASURES
from spark_jobs.privacy import certificate
from spark_jobs.privacy.forget import erasure_acts
from spark_jobs.privacy.holds import hold_acts

if TYPE_CHECKING:
    from lakehouse.lake import Lake

KEPT = ("decision", "release", "policy", "erase", "certificate", "hold")
"""Actions whose subject must be there for ever. A folder that was fetched is taken away, a destination is given up; of
what else was done, the entry is all there is."""


def problems(lake: "Lake", key: str | None = None) -> list[str]:
    """Everything that is wrong with the audit, in sentences; nothing where it holds.

    First the chain itself, then each entry against what it is about: a decision, a model or a release altered or
    removed behind its back, and what was done without being written down.
    """
    known = audit.entries(lake)
    return [*audit.broken_links(lake, known, key), *_against_today(lake, known)]


def _against_today(lake: "Lake", known: list[audit.Entry]) -> Iterator[str]:
    written = {(item.action, item.subject): item for item in known}
    today, unread = _acts(lake)
    vouched = {act.subject for act in unwritten_acts(lake)}
    yield from unread
    for name, act in today.items():
        item = written.get(name)
        if item is None:
            writer = _WRITTEN_BY.get(act.action, act.action)
            yield f"{_named(act)} was never written down; if a process died there, the next {writer} does it"
        elif item.fingerprint not in (act.fingerprint, act.former):
            is_made_anew = act.subject in vouched
            yield f"{_named(act)} is not what entry {item.entry} wrote down: " + (
                "it was made anew, and a process died before that was written down, which the next does"
                if is_made_anew
                else "it was altered since"
            )
    erased = _erased_decisions(lake)
    for name, item in written.items():
        if name not in today and item.action in KEPT and item.subject not in erased:
            yield f"{_named(item)}, written down in entry {item.entry}, is there no more"


_WRITTEN_BY = {"model": "release", "certificate": "erase"}
"""Which act writes down what none of its own name does."""


def _named(what: audit.Act | audit.Entry) -> str:
    return f"the certificate of {what.subject}" if what.action == "certificate" else what.subject


def _acts(lake: "Lake") -> tuple[dict[tuple[str, str], audit.Act], list[str]]:
    """What there is today, and what of it cannot be read: one damaged manifest hides nothing else."""
    found = [*decision_acts(read_decisions(lake)), *release_acts(lake), *policy_acts(lake)]
    found += [*erasure_acts(lake), *hold_acts(lake), *model_acts(lake)]
    sealed, unread = certificate.acts(lake)
    found += sealed
    for held in all_held(lake):
        try:
            found.append(act_of(held))
        except DataError as error:
            unread.append(f"{held.subject}: {error.what}")
        except (OSError, KeyError, TypeError, ValueError) as error:
            unread.append(f"{held.subject}: its manifest cannot be read ({type(error).__name__})")
    return {(act.action, act.subject): act for act in found}, unread


def _erased_decisions(lake: "Lake") -> set[str]:
    """What decisions about erased people were called: they went with them, and ops.erasures says so."""
    if not lake.exists(ERASURES):
        return set()
    told = lake.arrow(ERASURES, columns=["decisions"])["decisions"].to_pylist()
    return {f"decision {number}" for text in told for number in text.split(",") if number}
