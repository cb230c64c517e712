"""Make the landing files of a scenario for some days, and the truth about them aside."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from contracts.errors import UsageError
from sandbox.clock import SECOND, Window
from sandbox.draws import dice, hexadecimal
from sandbox.files import Landing
from sandbox.scenario.check import read_scenario
from sandbox.scenario.life import Happening, Life, Scalar, looked_up
from sandbox.scenario.message import Message, header_of, line_of, number_of_message
from sandbox.scenario.people import DAY, Person, people_of, value_of
from sandbox.truth import Truth

if TYPE_CHECKING:
    from contracts.catalog import Contracts
    from contracts.source import Source
    from sandbox.scenario.model import Channel, Scenario

Say = Callable[[str, int], None]


@dataclass(frozen=True)
class Sent:
    """A line on its way.

    Attributes:
        received: Seconds since 1970.
        messages: How many good messages it holds: 0 of a duplicate and of a bad line.
    """

    received: float
    order: tuple[int, str]
    data: bytes
    messages: int


class Delivery:
    """What the channels deliver: the lives of all, as lines of their sources.

    Args:
        scenario, contracts: What is declared.
        count: How many people.
    """

    def __init__(self, scenario: Scenario, contracts: Contracts, count: int) -> None:
        self.scenario, self.contracts = scenario, contracts
        self.people = people_of(scenario, count)
        self._arrivals: dict[date, list[tuple[Person, Happening, float, bool]]] = {}
        for person in self.people:
            for event in Life(scenario, person).lived():
                day, received, is_late = self._received(person, event)
                self._arrivals.setdefault(day, []).append((person, event, received, is_late))

    def lines(self, window: Window, truth: Truth, dirt: Counter[str]) -> dict[str, list[Sent]]:
        """The lines received on the local days of a window by source, in order; told are truth and bad lines."""
        found: dict[str, list[Sent]] = {}
        days = (window.since + timedelta(days=number) for number in range((window.until - window.since).days + 1))
        for person, event, received, is_late in (item for day in days for item in self._arrivals.get(day, ())):
            channel = self.scenario.channels[event.channel]
            source = self.contracts.sources[channel.source]
            message = self._message(person, event, channel)
            dirt["late"] += is_late
            self._tell(truth, source, message, person)
            lines = found.setdefault(channel.source, [])
            lines.append(Sent(received, (person.number, event.key), line_of(source, message), 1))
            lines += self._noise(person, event, source, message, received, dirt)
        return {source: sorted(lines, key=lambda line: (line.received, line.order)) for source, lines in found.items()}

    def _received(self, person: Person, event: Happening) -> tuple[date, float, bool]:
        """On which local day and when a message arrives; a late one arrives within the scenario's days all the same."""
        late, at = self.scenario.noise.late, event.at
        if late is not None:
            chance = self._dice(person, event, "late")
            if chance.random() < late.share:
                delayed = at + chance.uniform(*late.days) * DAY
                day = self._day(delayed)
                if day <= self.scenario.last_day:
                    return day, delayed, True
        return self._day(at), at, False

    def _day(self, at: float) -> date:
        return datetime.fromtimestamp(at, self.scenario.clock).date()

    def _dice(self, person: Person, event: Happening, what: str) -> Random:
        return dice(self.scenario.seed, what, person.number, event.key)

    def _message(self, person: Person, event: Happening, channel: Channel) -> Message:
        scenario = self.scenario
        user = value_of(scenario, person, channel.user_id, event.at) if channel.user_id and event.is_known else None
        visitor = value_of(scenario, person, channel.anonymous_id, event.at) if channel.anonymous_id else None
        traits = looked_up(scenario, person, event.traits, event.at)
        return Message(
            number=number_of_message(scenario.seed, person.number, event.key),
            at=int(event.at * SECOND),
            event=self.contracts.events[event.event],
            anonymous_id=visitor,
            user_id=user,
            properties=looked_up(scenario, person, event.properties, event.at),
            traits=self._written_down(person, event, traits, channel.typos),
        )

    def _written_down(
        self, person: Person, event: Happening, traits: dict[str, Scalar], typos: float
    ) -> dict[str, Scalar]:
        if not (traits and typos):
            return traits
        chance = self._dice(person, event, "typos")
        return {name: _mistyped(value, typos, chance) for name, value in traits.items()}

    def _tell(self, truth: Truth, source: Source, message: Message, person: Person) -> None:
        for candidate in source.record:
            value = message.value_at(candidate.path)
            if value:
                truth.occurs(candidate.kind, value, person)
                return

    def _noise(
        self, person: Person, event: Happening, source: Source, message: Message, received: float, dirt: Counter[str]
    ) -> list[Sent]:
        """The bad lines beside a good one: an exact copy, and a line of another id that is cut off."""
        noise, chance, found = self.scenario.noise, self._dice(person, event, "noise"), []
        order = person.number, f"{event.key}~"
        if chance.random() < noise.duplicates:
            dirt["exact_duplicate"] += 1
            found.append(Sent(received, order, line_of(source, message), 0))
        if chance.random() < noise.truncated:
            dirt["truncated"] += 1
            fresh = Message(**{**vars(message), "number": hexadecimal(20, "cut", message.number)})
            line = line_of(source, fresh)
            end = line.rindex(source.format.delimiter.encode()) if source.format.type == "csv" else len(line) // 2
            found.append(Sent(received, order, line[:end], 0))
        return found


def _mistyped(value: Scalar, share: float, chance: Random) -> Scalar:
    """Two letters of a text changed places."""
    if not isinstance(value, str) or len(value) < 4 or chance.random() >= share:
        return value
    place = chance.randrange(len(value) - 2)
    return value[:place] + value[place + 1] + value[place] + value[place + 2 :]


def generate(
    folder: Path,
    landing: Path,
    truth: Path,
    count: int | None = None,
    since: date | None = None,
    until: date | None = None,
    say: Say | None = None,
) -> dict[str, int]:
    """Write what a scenario's channels deliver on the local days from `since` to `until`; lines per source.

    A period may be written in several calls, in the order of time; together they give the same lines as one. A call
    takes back our own files from `since` on, and all of them if they are of another number of people.

    Args:
        folder: The scenario, with sandbox.yml and contracts/.
        landing: The landing folder; a folder per source is made in it.
        truth: The folder for records.parquet and summary.json; only an evaluation may read it.
        count: How many people; None takes what the scenario says.
        since: The first local day; None takes the scenario's.
        until: The last local day; None takes the scenario's.
        say: Told (source, lines) after each file.

    Raises:
        ContractError: If sandbox.yml is wrong.
        UsageError: If the days are not the scenario's, there are no people, or the folder is of another scenario.
    """
    scenario, contracts = read_scenario(folder)
    count = scenario.people.count if count is None else count
    since, until = since or scenario.first_day, until or scenario.last_day
    if not scenario.first_day <= since <= until <= scenario.last_day:
        days = f"{scenario.first_day} to {scenario.last_day}"
        raise UsageError(f"the days must be within {days} and in order", do="leave them out for all of them")
    if count < 1:
        raise UsageError("at least one person is needed", do="give a positive number")
    target, known, window = Landing(landing, scenario.seed, count, scenario.scenario), Truth(), Window(since, until)
    if target.begin(window):
        known.recall(truth)
    delivery = Delivery(scenario, contracts, count)
    written: Counter[str] = Counter(dict.fromkeys(sorted(contracts.sources), 0))
    for part in window.parts():
        dirt: Counter[str] = Counter()
        for source, lines in sorted(delivery.lines(part, known, dirt).items()):
            written[source] += _write(target, contracts.sources[source], part, lines, dirt)
            dirt = Counter()  # the part's, told once
            if say:
                say(source, written[source])
    _write_truth(truth, scenario, delivery, known, target)
    return dict(written)


def _write(target: Landing, source: Source, part: Window, lines: list[Sent], dirt: Counter[str]) -> int:
    header = header_of(source)
    content = ([header] if header else []) + [line.data for line in lines]
    name = f"{source.source}-{part.label()}{'.csv' if header else '.jsonl'}"
    facts = {
        "lines": len(content),
        "headers": len(content) - len(lines),
        "good_messages": sum(line.messages for line in lines),
        "unpacked": 0,
        "dirt": {kind: number for kind, number in sorted(dirt.items()) if number},
    }
    target.write(source.source, name, b"\n".join(content) + b"\n", part, **facts)
    return len(content)


def _write_truth(truth: Path, scenario: Scenario, delivery: Delivery, known: Truth, target: Landing) -> None:
    records = known.write(truth)
    lines: Counter[str] = Counter()
    good: Counter[str] = Counter()
    for path, facts in target.files.items():
        lines[path.split("/", 1)[0]] += facts["lines"]
        good[path.split("/", 1)[0]] += facts["good_messages"]
    summary = {
        "scenario": scenario.scenario,
        "seed": scenario.seed,
        "people": len(delivery.people),
        "people_with_records": len({person for person, _, _ in known.owners.values()}),
        "records": records,
        "lines": dict(sorted(lines.items())),
        "good_messages": dict(sorted(good.items())),
        "dirt": dict(sorted(target.dirt().items())),
    }
    (truth / "_summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    os.replace(truth / "_summary.json", truth / "summary.json")
