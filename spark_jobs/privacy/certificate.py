"""The certificate of an erasure: what was removed where, sealed, without a value of whom it was about."""

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse import audit
from lakehouse.errors import UsageError
from lakehouse.private import replace_private
from lakehouse.seal import broken, known_keys, sealed
from spark_jobs.privacy.keys import ERASED
from spark_jobs.privacy.plan import INTERRUPTED

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from spark_jobs.privacy.plan import Plan

KIND = "clew.erasure/1"


def write(lake: "Lake", made: "Plan") -> dict[str, Any]:
    """Write an erasure's certificate, readable by its owner only, and return it."""
    document = sealed(lake.settings, _document(lake, made))
    folder = lake.settings.certificates
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"erasure-{made.number:06d}.json"
    replace_private(file, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return document


def numbers(lake: "Lake") -> list[int]:
    """The numbers of the certificates that are there: none is written over, not even that of a lake of before."""
    stems = (path.stem.removeprefix("erasure-") for path in lake.settings.certificates.glob("erasure-*.json"))
    return [int(stem) for stem in stems if stem.isascii() and stem.isdecimal()]


def act_of(document: Mapping[str, Any]) -> audit.Act:
    """A certificate as an act for the audit, which thereby tells that it was sealed when its key was the key."""
    return audit.Act(
        "certificate",
        f"erasure {document['erasure']}",
        f"{document['people']} people",
        audit.fingerprint(document),
        document["author"],
    )


def acts(lake: "Lake") -> tuple[list[audit.Act], list[str]]:
    """The certificates that are there, as acts for the audit, and which files among them cannot be read."""
    made, unread = [], []
    for path in sorted(lake.settings.certificates.glob("erasure-*.json")):
        try:
            made.append(act_of(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError) as error:
            unread.append(f"certificates/{path.name}: it cannot be read ({type(error).__name__})")
    return made, unread


def read(path: Path, lake: "Lake") -> dict[str, Any]:
    """A certificate whose seal holds; one of a former key of the seals must be in the audit, too.

    Raises:
        UsageError: If it is none, or was altered.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError("that is no certificate", str(path), "name a file of certificates/") from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise UsageError("that is no certificate of an erasure", str(path), "name a file of certificates/")
    fault = _fault(document, lake)
    if fault:
        raise UsageError(f"the certificate does not hold: {fault}", str(path), "get the file as it was made")
    return document


def _fault(document: Mapping[str, Any], lake: "Lake") -> str | None:
    present, *former = known_keys(lake.settings)
    fault = broken(document, present)
    if fault is None or all(broken(document, key) for key in former):
        return fault
    made = act_of(document)
    told = {
        item.fingerprint for item in audit.entries(lake) if (item.action, item.subject) == (made.action, made.subject)
    }
    return None if made.fingerprint in told else "it was sealed with a former key, and the audit does not know it"


def _document(lake: "Lake", made: "Plan") -> dict[str, Any]:
    bronze, done = made.done["bronze"], made.done
    rows = dict(done["rows"]) | bronze["lines"]
    purged = {item["table"]: item for item in (*bronze["purged"], *done["purged"])}
    hashed: dict[str, list[str]] = {}
    for row in lake.arrow(ERASED).to_pylist():
        if row["erasure"] == made.number:
            hashed.setdefault(row["namespace"], []).append(row["hash"])
    return {
        "kind": KIND,
        "erasure": made.number,
        "people": made.people,
        "reason": made.reason,
        "author": made.author,
        "began_at": made.at.isoformat(),
        "ended_at": datetime.datetime.now(datetime.UTC).isoformat(),
        "tables": [
            {
                "table": table,
                "rows": rows.get(table, 0),
                "files_removed": item["files"],
                "log_files_removed": item["log_files"],
                "version_before": made.versions.get(table),
                "version_after": item["version"],
            }
            for table, item in sorted(purged.items())
        ],
        "messages_in_bronze": sum(len(grave.parts) for grave in made.theirs.lines),
        "landing": bronze["landing"],
        "exports": {name: done[name] for name in ("redacted", "retracted", "ledgers") if name in done},
        "state": done["state"],
        "release": done["release"],
        "counted_at_least": done.get(INTERRUPTED, []),
        "kept_because_shared": {"values": made.theirs.shared, "records": len(made.theirs.partly) + made.theirs.left},
        "decisions": list(made.theirs.decisions),
        "hashes": {namespace: sorted(its) for namespace, its in sorted(hashed.items())},
    }
