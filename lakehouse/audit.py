"""The audit: who did what that decides over people's data, in a chain that shows every later change of it.

Each entry carries the hash of the one before and is signed, as in a tamper-evident log (Schneier and Kelsey, "Secure
audit logs to support computer forensics", 1999). An entry altered, left out, moved or put in between breaks the chain,
and none can be made without the key. The newest entry is also noted beside the lake (``.clew/audit.head``), since a
chain cut off at its end is still a chain.

An act and its entry are two writes, and a process may die between them. So entries are written for whatever has none
yet (``note``): the next act of that kind writes what is missing, and ``verify`` shows what is.
"""

import datetime
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import DataError
from lakehouse.seal import canonical, is_signed, public_key, signature

if TYPE_CHECKING:
    from lakehouse.lake import Lake

TABLE = "ops.audit"
HEAD = "audit.head"
NOTHING_BEFORE = "0" * 64
MAY_CHANGE = ("contract",)
"""Actions whose subject is written down again whenever it is another than when it was written down last. Any other is
written down once, and a later change of it is what ``verify`` finds."""


@dataclass(frozen=True)
class Act:
    """Something done.

    Attributes:
        action: What kind of act; one of those that ops.audit declares.
        subject: What it was done to, by a name that stays: ``decision 3``.
        detail: What of it a reader wants to know first; never a personal value.
        fingerprint: What it was; a later change of it shows by that.
        actor: Who did it; None is the author of the settings.
    """

    action: str
    subject: str
    detail: str
    fingerprint: str
    actor: str | None = None


@dataclass(frozen=True)
class Entry:
    """One row of ops.audit."""

    entry: int
    at: datetime.datetime
    actor: str
    action: str
    subject: str
    detail: str
    fingerprint: str
    previous: str
    hash: str
    signature: str

    @property
    def covered(self) -> dict[str, Any]:
        """What the hash covers."""
        values = {field.name: getattr(self, field.name) for field in fields(self)[:-2]}
        return values | {"at": self.at.astimezone(datetime.UTC).isoformat()}


def fingerprint(value: Mapping[str, Any]) -> str:
    """The SHA-256 of a row or a document; dates and times count as text."""
    return hashlib.sha256(canonical({key: _plain(item) for key, item in value.items()})).hexdigest()


def note(lake: "Lake", acts: Iterable[Act]) -> int:
    """Write down the acts that have no entry yet.

    Args:
        lake: The lake.
        acts: In their order.

    Returns:
        How many entries were written.

    Raises:
        DataError: If the newest entries were removed.
    """
    with lake.lock("audit"):
        known = entries(lake)
        _hold_to_head(lake, known)
        newest = {(item.action, item.subject): item.fingerprint for item in known}
        last = known[-1] if known else None
        made: list[Entry] = []
        for act in acts:
            seen = newest.get((act.action, act.subject))
            if seen is None or (act.action in MAY_CHANGE and seen != act.fingerprint):
                last = _chained(lake, last, act)
                made.append(last)
                newest[act.action, act.subject] = act.fingerprint
        if made:
            if not known:
                _keep_head(lake, 0, NOTHING_BEFORE)
            lake.append(TABLE, [asdict(item) for item in made])
            _keep_head(lake, made[-1].entry, made[-1].hash)
    return len(made)


def entries(lake: "Lake") -> list[Entry]:
    """The audit, first entry first."""
    if not lake.exists(TABLE):
        return []
    names = ", ".join(f'"{field.name}"' for field in fields(Entry))
    with lake.duck(only=[TABLE]) as connection:
        rows = connection.execute(f"SELECT {names} FROM {TABLE} ORDER BY entry").fetchall()
    return [Entry(*row) for row in rows]


def broken_links(lake: "Lake", known: Sequence[Entry], key: str | None = None) -> Iterator[str]:
    """What is wrong with the chain itself, in sentences; nothing where every entry is as it was written.

    Args:
        lake: The lake.
        known: All entries.
        key: The public key that must have signed them; else this workspace's.
    """
    key = key or public_key(lake.settings)
    before: Entry | None = None
    for item in known:
        expected = before.entry + 1 if before else 1
        if item.entry != expected:
            yield f"entry {expected} is missing: {item.entry} follows {before.entry if before else 'nothing'}"
        elif item.previous != (before.hash if before else NOTHING_BEFORE):
            yield f"entry {item.entry} does not follow the one before it: one of the two was put in its place"
        if item.hash != _hash(item):
            yield f"entry {item.entry} was altered: it is not what its hash says"
        elif not is_signed({"hash": item.hash}, item.signature, key):
            yield f"entry {item.entry} is not signed with the key of this workspace"
        before = item
    missing = _cut_off(lake, known)
    if missing:
        yield missing


def _chained(lake: "Lake", last: Entry | None, act: Act) -> Entry:
    number, previous = (last.entry + 1, last.hash) if last else (1, NOTHING_BEFORE)
    at, actor = datetime.datetime.now(datetime.UTC), act.actor or lake.settings.author
    made = Entry(number, at, actor, act.action, act.subject, act.detail, act.fingerprint, previous, "", "")
    made = replace(made, hash=_hash(made))
    return replace(made, signature=signature(lake.settings, {"hash": made.hash}))


def _hash(item: Entry) -> str:
    return hashlib.sha256(canonical(item.covered)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat()
    return value.isoformat() if isinstance(value, datetime.date) else value


def _keep_head(lake: "Lake", entry: int, hashed: str) -> None:
    """Note the newest entry beside the lake; one rename, so that it is the old note or the new."""
    path = _head(lake)
    draft = path.with_name(f"{HEAD}.{os.getpid()}")
    descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"entry": entry, "hash": hashed}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _cut_off(lake: "Lake", known: Sequence[Entry]) -> str | None:
    """That the newest entries are gone, by the note beside the lake. Entries after the note are not: a process died."""
    try:
        noted = json.loads(_head(lake).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "the note of the newest entry is missing, so entries may be missing at the end" if known else None
    if noted["hash"] in {NOTHING_BEFORE, *(item.hash for item in known)}:
        return None
    return f"entry {noted['entry']}, noted as the newest, is not in the audit: entries were removed or altered"


def _hold_to_head(lake: "Lake", known: Sequence[Entry]) -> None:
    missing = _cut_off(lake, known)
    if missing:
        raise DataError(
            missing,
            f"{TABLE}, {_head(lake)}",
            "restore both from a backup; nothing is written down until then, so that the loss stays to be seen",
        )


def _head(lake: "Lake") -> Path:
    lake.settings.state.mkdir(parents=True, exist_ok=True)
    return lake.settings.state / HEAD
