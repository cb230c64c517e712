"""What the marts go by that is each business's own: which sources are visits, which to believe, who counts as new.

One optional file, contracts/marts.yml. What it leaves out follows from the sources' declarations, so a business need
not write one. spark_jobs.gold.marts hands the rules to dbt as variables.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from contracts.base import Declared, Name, problem_at
from contracts.errors import Problem
from contracts.source import Source


class MartRules(Declared):
    """The rules; None where nothing is said."""

    survivorship_sources: tuple[Name, ...] | None = Field(
        None,
        description="Of several values of one attribute the one from the source named first is kept, then the latest; "
        "a source that is not named comes last. Left out: sources that copy records, then visits, then the others.",
    )
    visit_sources: tuple[Name, ...] | None = Field(
        None, description="Sources whose events are cut into visits. Left out: those that send a segment envelope."
    )
    record_sources: tuple[Name, ...] | None = Field(
        None,
        description="Sources that copy records and are no contact with the person. Left out: those of which every "
        "mapping is an identify call.",
    )
    joining_events: tuple[Name, ...] = Field((), description="Events by which a person joins: audience_new_joiners")

    def completed(self, sources: Iterable[Source]) -> "MartRules":
        """The rules with what the sources say in the place of what is left out."""
        known = sorted(sources, key=lambda source: source.source)
        visits = self.visit_sources
        if visits is None:
            visits = tuple(source.source for source in known if source.envelope == "segment")
        records = self.record_sources
        if records is None:
            records = tuple(s.source for s in known if s.maps and all(item.type == "identify" for item in s.maps))
        order = self.survivorship_sources
        if order is None:
            order = tuple(dict.fromkeys((*records, *visits, *(source.source for source in known))))
        return MartRules(
            survivorship_sources=order,
            visit_sources=visits,
            record_sources=records,
            joining_events=self.joining_events,
        )

    def variables(self) -> dict[str, list[str]]:
        """The rules as dbt's variables; of a list that dbt puts behind `in`, an empty one holds a word that is none."""
        told = {name: list(words or ()) for name, words in self.model_dump().items()}
        return {name: words or [NOTHING] for name, words in told.items()}


NOTHING = "-"
"""No source and no event has this name."""


def wrong_mart_rules(loaded: Mapping[str, Mapping[Path, Any]]) -> Iterator[Problem]:
    """Sources and events that marts.yml names and nothing declares."""
    sources = sorted(source.source for source in loaded["source"].values())
    events = sorted(event.event for event in loaded["event"].values())
    for path, rules in loaded["marts"].items():
        for field, words in rules.model_dump().items():
            known, kind = (events, "event") if field == "joining_events" else (sources, "source")
            for number, word in enumerate(words or ()):
                if word not in known:
                    yield problem_at(path, (field, number), f"{word} is no {kind}", known)
