"""Declarations and linkage models as acts for the audit: each file that decides over people's data, by its content."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from contracts import HERE
from lakehouse import audit

if TYPE_CHECKING:
    from lakehouse.lake import Lake

_VERSION = re.compile(r"^version: *(\S+)", re.MULTILINE)
GONE = hashlib.sha256(b"").hexdigest()
"""What a file that was taken away is called; no declaration is empty."""


def declared_acts(lake: "Lake") -> list[audit.Act]:
    """Declarations and models as they are today, by the SHA-256 of the file; what is there no more, as taken away.

    ``audit.note`` writes down what is another than it was when written down last.
    """
    return [*_contract_acts(lake), *model_acts(lake)]


def model_acts(lake: "Lake") -> list[audit.Act]:
    """The models in the workspace's folder, which go before those that come with Clew and say who is one person."""
    files = {f"models/{path.name}": path.read_bytes() for path in sorted(lake.settings.models.glob("[!.]*.json"))}
    acts = [
        audit.Act("model", name, f"{_model_version(content)}, as found", hashlib.sha256(content).hexdigest())
        for name, content in files.items()
    ]
    return acts + _taken_away(lake, "model", files)


def _contract_acts(lake: "Lake") -> list[audit.Act]:
    from contracts.check import declared_files

    root = lake.settings.contracts
    files = {_subject(path, root): path.read_bytes() for path in declared_files(root)}
    acts = [
        audit.Act("contract", name, _version(content), hashlib.sha256(content).hexdigest())
        for name, content in files.items()
    ]
    return acts + _taken_away(lake, "contract", files)


def _subject(path: Path, root: Path) -> str:
    """A declaration by its place in the contracts folder, or in Clew's own where that folder has none."""
    return path.relative_to(root if path.is_relative_to(root) else HERE).as_posix()


def _taken_away(lake: "Lake", action: str, files: Mapping[str, bytes]) -> list[audit.Act]:
    known = {item.subject for item in audit.entries(lake) if item.action == action}
    return [audit.Act(action, name, "taken away", GONE) for name in sorted(known - files.keys())]


def _version(content: bytes) -> str:
    found = _VERSION.search(content.decode(errors="replace"))
    return f"version {found[1]}" if found else "without a version"


def _model_version(content: bytes) -> str:
    try:
        return str(json.loads(content)["version"])
    except (ValueError, KeyError, TypeError):
        return "without a version"
