"""Erasure as a whole: whom a command means, the rooms that take part, and the certificate."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from activation import deliveries, held, withdrawals
from activation.named import Named, by_id, named
from contracts.errors import DataError, UsageError
from identity.apart import as_one
from lakehouse.pseudonym import keyed_hash
from rights.who import PROFILES_MEANT, Who, parse
from spark_jobs.privacy import forget, plan
from spark_jobs.privacy.keys import ERASED, RECORD, forms
from spark_jobs.privacy.state import REQUESTS

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run import Run
    from spark_jobs.privacy.whose import Theirs


def profiles_of(lake: "Lake", texts: Iterable[str]) -> list[str]:
    """The profiles that are meant, by the live tables: what landed yesterday counts, whatever was released.

    Of who refused that their records are put together, those are all records that evidence says are theirs.

    Raises:
        UsageError: If one of the texts is no way to name a person.
        DataError: If one names nobody, several people, or somebody who was erased before.
    """
    asked: list[tuple[Who, set[str]]] = []
    for text in texts:
        who = parse(text)
        its = set(_profiles(lake, who))
        if not its:
            raise _nobody(lake, who)
        asked.append((who, its))
    everybody = as_one(lake, set().union(*(its for _, its in asked)), as_of(lake)) if asked else []
    found: set[str] = set()
    for who, its in asked:
        people = [one for one in everybody if one & its]
        if len(people) > 1:
            # An identifier of several people names none of them: only one of them asked.
            raise DataError(
                f"{len(people)} people hold this {who.noun}",
                "the live tables",
                f"name one of: {', '.join(min(one & its) for one in people)}",
            )
        found |= people[0]
    return sorted(found)


def erase(
    lake: "Lake",
    run: "Run",
    profiles: Iterable[str],
    *,
    reason: str,
    author: str | None = None,
    without_release: bool = False,
    request: str | None = None,
) -> dict[str, Any]:
    """Erase people from every room of the house; see ``spark_jobs.privacy.forget``.

    Returns:
        The certificate.
    """
    return forget.forget(
        lake,
        run,
        profiles,
        reason=reason,
        author=author or lake.settings.author,
        exports=EXPORTS,
        check=lambda lake, theirs: held.refuse_altered(lake, _named(lake, theirs)),
        without_release=without_release,
        request=request,
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
        profiles = profiles_of(lake, [name for name in names if not _is_erased(lake, parse(name))])
        if profiles:
            return _counts(erase(lake, run, profiles, reason=reason, without_release=without_release, request=request))
    except DataError:
        if not all(_is_erased(lake, parse(name)) for name in names):
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
    return held.redact(lake, _named(lake, theirs), f"erasure {erasure}")


def _retract(lake: "Lake", run: "Run", theirs: "Theirs", erasure: int) -> Mapping[str, Any]:
    counts = withdrawals.retract(lake, run, erased=_named(lake, theirs))
    return counts | withdrawals.told_of_erasure(lake, by_id(theirs.profiles))  # those of a try that died, too


def _out_of_ledgers(lake: "Lake", run: "Run", theirs: "Theirs", erasure: int) -> Mapping[str, Any]:
    return deliveries.forget(lake, _named(lake, theirs))


def _named(lake: "Lake", theirs: "Theirs") -> Named:
    addresses = {*theirs.spellings, *(value for _, value in theirs.values)}
    return named(lake, theirs.profiles, theirs.event_ids, addresses)


EXPORTS: forget.Exports = {"redacted": _redact, "retracted": _retract, "ledgers": _out_of_ledgers}
"""In this order: what is held is redacted before a retraction is added to it, and the ledger knows whom to retract."""


def as_of(lake: "Lake") -> datetime.date:
    """The date of the newest run."""
    with lake.quick("ops.runs") as connection:
        (newest,) = connection.execute("SELECT max(as_of) FROM ops.runs").fetchall()[0]
    return newest or datetime.datetime.now(datetime.UTC).date()


def _profiles(lake: "Lake", who: Who) -> Sequence[str]:
    with lake.quick("identity.assignments", "identity.identifiers") as connection:
        return [row[0] for row in connection.execute(PROFILES_MEANT, who.asked).fetchall()]


def _nobody(lake: "Lake", who: Who) -> DataError | UsageError:
    number = _erased_in(lake, who)
    if number is not None:
        return DataError(
            f"this {who.noun} was erased in erasure {number}",
            "ops.erased",
            f"prove it: clew forget verify certificates/erasure-{number:06d}.json --identifier VALUE",
        )
    return DataError(
        f"no profile holds this {who.noun}",
        "the live tables",
        "if it has just landed, resolve it first: clew run; the id of an erased profile is not kept",
    )


def _is_erased(lake: "Lake", who: Who) -> bool:
    return not _profiles(lake, who) and _erased_in(lake, who) is not None


def _erased_in(lake: "Lake", who: Who) -> int | None:
    if not lake.exists(ERASED):
        return None
    key = lake.settings.privacy_key
    keys = {(RECORD, who.text)}
    if who.identifier is not None:
        keys |= {
            (who.identifier, form)
            for text in who.forms
            for form in forms(who.identifier, text, lake.contracts.identity)
        }
    sought = {(namespace, keyed_hash(key, namespace, form)) for namespace, form in keys}
    rows = lake.arrow(ERASED).to_pylist()
    return next((row["erasure"] for row in rows if (row["namespace"], row["hash"]) in sought), None)
