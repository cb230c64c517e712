"""The audit: who did what that decides over people's data, in a chain that shows every later change of it.

Each entry carries the hash of the one before and is signed, as in a tamper-evident log (Schneier and Kelsey, "Secure
audit logs to support computer forensics", 1999). An entry altered, left out, moved or put in between breaks the chain,
and none can be made without the key. The newest entry is also noted beside the lake (``.clew/audit.head``, signed as
well), since a chain cut off at its end is still a chain.

An act and its entry are two writes, and a process may die between them. So whether an entry can be taken is asked
before the act (``ready``), and entries are written for whatever has none yet (``note``): the next act of that kind
writes what is missing, as late, and ``verify`` shows what is.
"""

import datetime
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import DataError
from lakehouse.private import replace_private
from lakehouse.seal import canonical, is_signed, known_keys, public_key, signature

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.settings import Settings

TABLE = "ops.audit"
HEAD = "audit.head"
NOTHING_BEFORE = "0" * 64
MAY_CHANGE = ("contract", "model", "export", "retract", "certificate")
"""Actions whose subject is written down again whenever it is another than it was when written down last: a contract, a
linkage model, and a folder that was handed over, made anew after it was taken away, or without the rows of somebody who
was erased. The same goes for the certificate of an erasure that died behind it. Who notes a folder has seen that its
seal is of the present key. Any other act is written down once, and a later change of it is what ``verify`` finds."""
NEW_KEY = "key"
"""The action by which the key of the seals says which key follows it."""


@dataclass(frozen=True)
class Act:
    """Something done.

    Attributes:
        action: What kind of act; one of those that ops.audit declares.
        subject: What it was done to, by a name that stays: ``decision 3``.
        detail: What of it a reader wants to know first; never a personal value.
        fingerprint: What it was; a later change of it shows by that.
        actor: Who did it; None is the author of the settings.
        former: What an earlier version of Clew would have written as the fingerprint, if that was another.
    """

    action: str
    subject: str
    detail: str
    fingerprint: str
    actor: str | None = None
    former: str | None = None


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


def ready(lake: "Lake") -> None:
    """Ask, before an act, whether its entry can be written: no act is done that cannot be written down.

    Raises:
        DataError: If the newest entries were removed.
        UsageError: If the key of the seals is none, or a change of it was cut off.
    """
    with lake.lock("audit"):
        _hold_to_head(lake, entries(lake))
    signature(lake.settings, {})


def note(lake: "Lake", acts: Iterable[Act], late: Iterable[Act] = ()) -> int:
    """Write down the acts that have no entry yet.

    Args:
        lake: The lake.
        acts: What was just done, in its order.
        late: What was done earlier, and may lack its entry since a process died there. Who did it is not known any
            more, unless the act says so, and the entry says that.

    Returns:
        How many entries were written.

    Raises:
        DataError: If the newest entries were removed.
    """
    author = lake.settings.author
    wanted = [replace(act, actor=act.actor or f"not known, written down later by {author}") for act in late]
    wanted += [replace(act, actor=act.actor or author) for act in acts]
    with lake.lock("audit"):
        return _add(lake, entries(lake), wanted)


def note_numbered(lake: "Lake", act: Act) -> str:
    """Write down an act that has no name of its own: its subject becomes its action and the next number of that.

    Returns:
        The subject.

    Raises:
        DataError: If the newest entries were removed.
    """
    with lake.lock("audit"):  # two at once are two numbers
        known = entries(lake)
        number = 1 + sum(item.action == act.action for item in known)
        subject = f"{act.action} {number}"
        _add(lake, known, [replace(act, subject=subject, actor=act.actor or lake.settings.author)])
    return subject


def _add(lake: "Lake", known: Sequence[Entry], wanted: Iterable[Act]) -> int:
    """Append the acts that have no entry yet. The caller holds the lock."""
    noted = _hold_to_head(lake, known)
    newest = {(item.action, item.subject): item.fingerprint for item in known}
    last = known[-1] if known else None
    made: list[Entry] = []
    for act in wanted:
        seen = newest.get((act.action, act.subject))
        if seen is None or (act.action in MAY_CHANGE and seen != act.fingerprint):
            last = _chained(lake, last, act)
            made.append(last)
            newest[act.action, act.subject] = act.fingerprint
    if made and noted is None:
        _keep_head(lake, 0, NOTHING_BEFORE)  # from now on a missing note is a loss
    if made:
        lake.append(TABLE, [asdict(item) for item in made])
    if last is not None and noted != last.hash:  # also after a process that died before this
        _keep_head(lake, last.entry, last.hash)
    return len(made)


def entries(lake: "Lake") -> list[Entry]:
    """The audit, first entry first."""
    if not lake.exists(TABLE):
        return []
    names = ", ".join(f'"{field.name}"' for field in fields(Entry))
    with lake.quick(TABLE) as connection:
        rows = connection.execute(f"SELECT {names} FROM {TABLE} ORDER BY entry").fetchall()
    return [Entry(*row) for row in rows]


def broken_links(lake: "Lake", known: Sequence[Entry], key: str | None = None) -> Iterator[str]:
    """What is wrong with the chain itself, in sentences; nothing where every entry is as it was written.

    Args:
        lake: The lake.
        known: All entries.
        key: The public key that must have signed the newest; else this workspace's. Those before it are known by the
            list of former keys, and each must have named the next.
    """
    keys = list(known_keys(lake.settings, key))[::-1] if known else []  # the oldest first
    before: Entry | None = None
    for item in known:
        expected = before.entry + 1 if before else 1
        if item.entry != expected:
            yield f"entry {expected} is missing: {item.entry} follows {before.entry if before else 'nothing'}"
        elif item.previous != (before.hash if before else NOTHING_BEFORE):
            yield f"entry {item.entry} does not follow the one before it: one of the two was put in its place"
        if item.hash != _hash(item):
            yield f"entry {item.entry} was altered: it is not what its hash says"
        elif not keys or not is_signed({"hash": item.hash}, item.signature, keys[0]):
            yield f"entry {item.entry} is not signed with the key of this workspace"
        if len(keys) > 1 and item.action == NEW_KEY and item.subject == f"key {keys[1]}":
            keys = keys[1:]
        before = item
    if known and len(keys) > 1:
        yield "the key of this workspace was changed, and no entry says so"
    missing = _cut_off(lake, known, key)
    if missing:
        yield missing


def _chained(lake: "Lake", last: Entry | None, act: Act) -> Entry:
    number, previous = (last.entry + 1, last.hash) if last else (1, NOTHING_BEFORE)
    at = datetime.datetime.now(datetime.UTC)
    made = Entry(
        number,
        at,
        act.actor or lake.settings.author,
        act.action,
        act.subject,
        act.detail,
        act.fingerprint,
        previous,
        "",
        "",
    )
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
    path = head_of(lake.settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    noted = {"entry": entry, "hash": hashed}
    replace_private(path, json.dumps({**noted, "signature": signature(lake.settings, noted)}))


def _cut_off(lake: "Lake", known: Sequence[Entry], key: str | None = None) -> str | None:
    """That the newest entries are gone, by the note beside the lake. Entries after the note are not: a process died."""
    noted = _noted(lake)
    if noted is None:
        return "the note of the newest entry is missing, so entries may be missing at the end" if known else None
    if not _is_own(lake.settings, noted, key):
        return "the note of the newest entry is not signed with the key of this workspace: it was altered"
    if noted["hash"] in {NOTHING_BEFORE, *(item.hash for item in known)}:
        return None
    return f"entry {noted['entry']}, noted as the newest, is not in the audit: entries were removed or altered"


def _hold_to_head(lake: "Lake", known: Sequence[Entry]) -> str | None:
    """The hash that is noted as the newest, or None before the first entry."""
    missing = _cut_off(lake, known)
    if missing:
        raise DataError(
            missing,
            f"{TABLE}, {head_of(lake.settings)}",
            "restore both from a backup; nothing is written down, released or exported until then, so that the loss "
            "stays to be seen. If the whole lake was taken away on purpose, take that note away too; if the key was "
            "changed, say so first: clew audit rotate-key",
        )
    noted = _noted(lake)
    return noted["hash"] if noted else None


def _is_own(settings: "Settings", noted: Mapping[str, Any], key: str | None) -> bool:
    """Whether this workspace signed the note, be it with a former key: it is of the entry that names the next one."""
    if key is None and not settings.has_signing_key:
        return False
    present = key or public_key(settings)
    document = {name: noted[name] for name in ("entry", "hash")}
    # The present key alone is asked first: while a change of it goes on, the list of former ones is not the old key's.
    return is_signed(document, noted["signature"], present) or any(
        is_signed(document, noted["signature"], former) for former in known_keys(settings, present)[1:]
    )


def _noted(lake: "Lake") -> dict[str, Any] | None:
    try:
        noted = json.loads(head_of(lake.settings).read_text(encoding="utf-8"))
        return {"entry": int(noted["entry"]), "hash": str(noted["hash"]), "signature": str(noted["signature"])}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return {"entry": "?", "hash": "?", "signature": ""}  # that is signed by nobody


def head_of(settings: "Settings") -> Path:
    """The note of the newest entry. It goes with the lake that it is of: whoever removes one removes the other."""
    return settings.state / HEAD
