"""One line on its way to a landing file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.people import Person

SOURCES = ("web", "app", "shop", "crm", "email", "support", "consent")


@dataclass(slots=True)
class Entry:
    """A line to be: a JSON object, or the text of a CSV line, with the instant at which it arrives."""

    received: int
    payload: dict[str, Any] | str
    is_late: bool = False
    # The record it speaks of: kind, value, owner, and whether several people share it.
    record: tuple[str, str, Person, bool] | None = None
