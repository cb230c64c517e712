"""The declarations as acts for the audit: each file that decides over people's data, by its content."""

import hashlib
import re
from typing import TYPE_CHECKING

from lakehouse import audit

if TYPE_CHECKING:
    from lakehouse.lake import Lake

_VERSION = re.compile(r"^version: *(\S+)", re.MULTILINE)
GONE = hashlib.sha256(b"").hexdigest()
"""What a file that was taken away is called; no declaration is empty."""


def contract_acts(lake: "Lake") -> list[audit.Act]:
    """Every declaration as it is today, by the SHA-256 of its file; those written down that are no more, as taken away.

    ``audit.note`` writes down what is another than it was when written down last.
    """
    from contracts.check import declared_files

    root = lake.settings.contracts
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in declared_files(root)}
    acts = [
        audit.Act("contract", name, _version(content), hashlib.sha256(content).hexdigest())
        for name, content in files.items()
    ]
    known = {item.subject for item in audit.entries(lake) if item.action == "contract"}
    return acts + [audit.Act("contract", name, "taken away", GONE) for name in sorted(known - files.keys())]


def _version(content: bytes) -> str:
    found = _VERSION.search(content.decode(errors="replace"))
    return f"version {found[1]}" if found else "without a version"
