"""Erasure as a whole: the rooms that take part, and the certificate."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from activation import deliveries, held, withdrawals
from activation.named import by_id
from contracts.errors import DataError, UsageError
from rights.handed_over import handed_over_as
from rights.meant import is_erased, meant
from rights.who import parse
from spark_jobs.privacy import forget, plan
from spark_jobs.privacy.state import REQUESTS

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run import Run
    from spark_jobs.privacy.strangers import Stranger
    from spark_jobs.privacy.whose import Theirs


def erase(
    lake: "Lake",
    run: "Run",
    profiles: Iterable[str],
    strangers: Sequence["Stranger"] = (),
    *,
    reason: str,
    author: str | None = None,
    without_release: bool = False,
    request: str | None = None,
    people: int | None = None,
) -> dict[str, Any]:
    """Erase people from every room of the house; see ``spark_jobs.privacy.forget``.

    Returns:
        The certificate.
    """
    return forget.forget(
        lake,
        run,
        profiles,
        strangers,
        reason=reason,
        author=author or lake.settings.author,
        exports=EXPORTS,
        check=lambda lake, theirs: held.refuse_altered(lake, handed_over_as(lake, theirs)),
        without_release=without_release,
        request=request,
        people=people,
    )


def finish(lake: "Lake", run: "Run") -> dict[str, Any] | None:
    """Finish the erasure that died, if one did."""
    return forget.finish(lake, run, EXPORTS)


def on_request(
    lake: "Lake", run: "Run", request: str | None, reason: str, *, without_release: bool = False
) -> dict[str, int]:
    """Erase whom a file in ``.clew/requests`` names, one a line, and remove the file; without one, finish what died.

    Where an earlier try for the same file died, that one is finished. Who was erased before is passed over.

    Raises:
        UsageError: If there is no such file, it names nobody, or a line of it names nobody in a way that is known.
        DataError: If a line names nobody who was ever here, or several people.
    """
    if not request:
        done = finish(lake, run)
        return {"people": done["people"] if done else 0}
    unfinished = plan.read(lake)
    finished = finish(lake, run)
    if finished is not None and unfinished is not None and unfinished.request == request:
        return _counts(finished)
    folder = lake.settings.state / REQUESTS
    file = (folder / request).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise UsageError("there is no such file of names", f".clew/requests/{request}", "put one there, of mode 600")
    names = named_in(file.read_text(encoding="utf-8"))
    if not names:
        raise UsageError("the file names nobody", f".clew/requests/{request}", "write a person on each line")
    try:
        who = meant(lake, [name for name in names if not is_erased(lake, parse(name))])
        if who.is_anybody:
            how: dict[str, Any] = {"reason": reason, "without_release": without_release, "request": request}
            return _counts(erase(lake, run, who.profiles, who.strangers, people=who.people, **how))
    except DataError:
        if not all(is_erased(lake, parse(name)) for name in names):
            raise  # else somebody erased them while this one waited
    file.unlink(missing_ok=True)
    return {"people": 0, "erased_before": len(names)}


def _counts(certificate: Mapping[str, Any]) -> dict[str, int]:
    return {"people": certificate["people"], "rows": sum(table["rows"] for table in certificate["tables"])}


def named_in(text: str) -> list[str]:
    """The people that a file names, one a line; a line that begins with # is a remark."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def is_unfinished(lake: "Lake") -> bool:
    """Whether an erasure died before its end."""
    return plan.read(lake) is not None


def _redact(lake: "Lake", run: "Run", theirs: "Theirs", erasure: int) -> Mapping[str, Any]:
    return held.redact(lake, handed_over_as(lake, theirs), f"erasure {erasure}")


def _retract(lake: "Lake", run: "Run", theirs: "Theirs", erasure: int) -> Mapping[str, Any]:
    counts = withdrawals.retract(lake, run, erased=handed_over_as(lake, theirs))
    return counts | withdrawals.told_of_erasure(lake, by_id(theirs.profiles))  # those of a try that died, too


def _out_of_ledgers(lake: "Lake", run: "Run", theirs: "Theirs", erasure: int) -> Mapping[str, Any]:
    return deliveries.forget(lake, handed_over_as(lake, theirs))


EXPORTS: forget.Exports = {"redacted": _redact, "retracted": _retract, "ledgers": _out_of_ledgers}
"""In this order: what is held is redacted before a retraction is added to it, and the ledger knows whom to retract."""
