"""All channels behind one door: what a source delivers in a window, with the truth noted as it is handed out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sandbox.clock import Window
from sandbox.consents import consent_entries
from sandbox.crm import crm_entries
from sandbox.entries import Entry
from sandbox.mailings import email_entries
from sandbox.segment import segment_entries
from sandbox.shop import shop_entries
from sandbox.support import support_entries
from sandbox.truth import Truth
from sandbox.world import World

# Small enough to be made once for the whole year.
YEARLY: dict[str, Callable[[World], Iterable[Entry]]] = {
    "email": email_entries,
    "support": support_entries,
    "consent": consent_entries,
}


class Channels:
    """The seven sources of a world."""

    def __init__(self, world: World, truth: Truth) -> None:
        self.world = world
        self.truth = truth
        self._years: dict[str, list[Entry]] = {}

    def entries(self, source: str, window: Window) -> list[Entry]:
        """Return what a source delivers in the window, in order of receipt; note whose records occur in it."""
        found = list(self._delivered(source, window))
        for entry in found:
            if entry.record is not None:
                self.truth.occurs(*entry.record)
        found.sort(key=lambda entry: entry.received)
        return found

    def _delivered(self, source: str, window: Window) -> Iterable[Entry]:
        if source == "web":
            return segment_entries(self.world, window, self.truth, "web")
        if source == "app":
            return segment_entries(self.world, window, self.truth, "app")
        if source == "shop":
            return shop_entries(self.world, window, self.truth)
        if source == "crm":
            return crm_entries(self.world, window, self.truth)
        if source not in self._years:
            self._years[source] = list(YEARLY[source](self.world))
        return [entry for entry in self._years[source] if window.holds(entry.received)]
