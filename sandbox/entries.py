"""One line on its way to a landing file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SOURCES = ("web", "app", "shop", "crm", "email", "support", "consent")


@dataclass(slots=True)
class Entry:
    """A line to be: a JSON object, or the text of a CSV line, with the instant at which we receive it."""

    received: int
    payload: dict[str, Any] | str
    is_late: bool = False
