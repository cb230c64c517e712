"""Whom a text means: the profiles that hold what it names, or else a stranger, of whom something is held."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.errors import DataError
from contracts.identity import IdentityRules
from identity.apart import as_one
from identity.standardise import standard_of
from lakehouse.erasing import LOCK
from lakehouse.pseudonym import keyed_hash
from rights.who import PROFILES_MEANT, Who, parse
from spark_jobs.privacy.keys import ERASED, RECORD, forms
from spark_jobs.privacy.strangers import Stranger, new_records
from spark_jobs.privacy.whose import NAMED_BY, Theirs, find

if TYPE_CHECKING:
    from lakehouse.lake import Lake


@dataclass(frozen=True)
class Meant:
    """Who was meant.

    Attributes:
        profiles: Ids of their profiles; several of one person who refused that their records are put together.
        strangers: Those of whom no profile is known.
        people: How many they are.
    """

    profiles: tuple[str, ...] = ()
    strangers: tuple[Stranger, ...] = ()
    people: int = 0

    @property
    def is_anybody(self) -> bool:
        """Whether it is anybody."""
        return bool(self.profiles or self.strangers)


def meant(lake: "Lake", texts: Iterable[str]) -> Meant:
    """The people that are meant, by the live tables: what landed yesterday counts, whatever was released.

    Of who refused that their records are put together, those are all records that evidence says are theirs.

    Raises:
        UsageError: If one of the texts is no way to name a person.
        DataError: If one names nobody, several people, or somebody who was erased before.
    """
    with lake.lock(LOCK, shared=True):  # an erasure at work takes files away that are read here
        return _meant(lake, texts)


def _meant(lake: "Lake", texts: Iterable[str]) -> Meant:
    asked: list[tuple[Who, set[str]]] = []
    strangers: list[Stranger] = []
    for text in texts:
        who = parse(text)
        its = set(profiles_named(lake, who))
        if its:
            asked.append((who, its))
            continue
        found = stranger(lake, who)
        if found is None:
            raise nobody(lake, who)
        strangers.append(found[0])
    known, unknown = _people(lake, asked), tuple(dict.fromkeys(strangers))
    return Meant(tuple(sorted(set().union(*known))), unknown, len(known) + len(unknown))


def stranger(lake: "Lake", who: Who) -> tuple[Stranger, Theirs] | None:
    """Somebody whom no profile knows, and everything of theirs; None where nothing is.

    Raises:
        DataError: If it cannot be told yet what is theirs alone.
    """
    if who.is_profile_id:
        return None
    one = _with_records(lake, who)
    if not one.values and not one.records:
        return None
    theirs = find(lake, (), [one])
    if theirs.unresolved or sum(_is_of_a_person(record) for record in one.records) > 1:
        raise DataError(
            f"no profile holds this {who.noun} yet, and records that have landed since do, or share a value with those",
            "silver.identifiers",
            "see whose they are first: clew run",
        )
    return (one, theirs) if theirs.is_anything else None


def nobody(lake: "Lake", who: Who) -> DataError:
    """What to raise where nothing is held of whom a text names."""
    number = _erased_in(lake, who)
    if number is not None:
        return DataError(
            f"this {who.noun} was erased in erasure {number}",
            "ops.erased",
            f"prove it: clew forget verify certificates/erasure-{number:06d}.json --identifier VALUE",
        )
    if who.is_profile_id:
        return DataError(
            f"no profile has this {who.noun}",
            "identity.assignments",
            "name them by an identifier: then records without a profile and refused messages are searched, too; "
            "the id of an erased profile is not kept",
        )
    if who.unusable:
        return DataError(
            f"no profile holds this {who.noun}, and it identifies nobody ({who.unusable})",
            "contracts/identity.yml",
            "name them by another identifier, or a record",
        )
    return DataError(
        f"nothing is held of this {who.noun}",
        "profiles, records that are not resolved yet, events without a record, refused messages: all were searched",
        "check how it is written, and ask for another identifier of theirs",
    )


def is_erased(lake: "Lake", who: Who) -> bool:
    """Whether somebody was erased, and nothing has come of them since."""
    with lake.lock(LOCK, shared=True):
        return not profiles_named(lake, who) and _erased_in(lake, who) is not None and stranger(lake, who) is None


def profiles_named(lake: "Lake", who: Who) -> Sequence[str]:
    """The profiles that hold what was named."""
    with lake.quick("identity.assignments", "identity.identifiers") as connection:
        return [row[0] for row in connection.execute(PROFILES_MEANT, who.asked).fetchall()]


def as_of(lake: "Lake") -> datetime.date:
    """The date of the newest run."""
    with lake.quick("ops.runs") as connection:
        (newest,) = connection.execute("SELECT max(as_of) FROM ops.runs").fetchall()[0]
    return newest or datetime.datetime.now(datetime.UTC).date()


def _people(lake: "Lake", asked: Sequence[tuple[Who, set[str]]]) -> set[frozenset[str]]:
    """The people who were asked for, each by the profiles that are one person's."""
    everybody = as_one(lake, set().union(*(its for _, its in asked)), as_of(lake)) if asked else []
    found: set[frozenset[str]] = set()
    for who, its in asked:
        people = [one for one in everybody if one & its]
        if len(people) > 1:
            # An identifier of several people names none of them: only one of them asked.
            raise DataError(
                f"{len(people)} people hold this {who.noun}",
                "the live tables",
                f"name one of: {', '.join(min(one & its) for one in people)}",
            )
        found.add(frozenset(people[0]))
    return found


def _with_records(lake: "Lake", who: Who) -> Stranger:
    """The stranger: the records that hold the value, what else these gave, and mailboxes and numbers in that."""
    rules = lake.contracts.identity
    is_value = who.identifier is not None and who.unusable is None
    named = [(str(who.identifier), form, who.forms[0]) for form in who.forms[-1:] if is_value]
    new = new_records(lake, [(identifier, value) for identifier, value, _ in named], who.text)
    values = {*named, *_usable(new, rules)}
    more = new_records(lake, [(identifier, value) for identifier, value, _ in values])
    boxes = {record for record in more if not _is_of_a_person(record)}
    return Stranger(tuple(sorted(values)), tuple(sorted({*new, *boxes})))


def _usable(given: Mapping[str, Sequence[tuple[str, str]]], rules: IdentityRules) -> Iterable[tuple[str, str, str]]:
    """What records gave, in its standard form, without what identifies nobody."""
    for identifier, raw in sorted({value for values in given.values() for value in values}):
        if identifier in rules.identifiers:
            standard = standard_of(rules.identifiers[identifier], rules.phone_region)(raw)
            if standard.reason is None:
                yield identifier, standard.value, raw


def _is_of_a_person(record: str) -> bool:
    return record.partition(":")[0] not in NAMED_BY


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
