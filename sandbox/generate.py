"""Make the demo's landing files for some days, and the truth about them aside."""

from __future__ import annotations

import gc
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from contracts.errors import UsageError
from sandbox import clock, crm, names, shop
from sandbox.channels import Channels
from sandbox.dirt import Line, soil
from sandbox.draws import dice
from sandbox.entries import SOURCES
from sandbox.files import Landing
from sandbox.groups import groups
from sandbox.truth import Truth
from sandbox.world import World

SEED = 20170101
HOLIDAY = date(2017, 12, 25)
ZIPPED_MONTHS = (4, 8)
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf]")
Say = Callable[[str, int], None]


def generate(
    landing: Path,
    truth: Path,
    households: int | None = 400,
    seed: int = SEED,
    since: date = clock.FIRST_DAY,
    until: date = clock.LAST_DAY,
    say: Say | None = None,
) -> dict[str, int]:
    """Write what the channels deliver on the local days from `since` to `until`, and return lines per source.

    Whole months get a file per source and month, other stretches one per source. A year may be written in
    several calls, in the order of time: they share no message but the planned duplicates. A call takes back our
    own files from `since` on, and all of them if they are of another seed or number of households.

    Args:
        landing: the landing folder; a folder per source is made in it.
        truth: the folder for records.parquet, groups.parquet and summary.json; only an evaluation may read it.
        households: how many real households; None takes all 2,469.
        seed: the same seed gives the same bytes.
        since: the first local day.
        until: the last local day.
        say: told (source, lines) after each file.

    Raises:
        UsageError: The days are not in 2017 or not in order, or there are no households.
    """
    if not clock.FIRST_DAY <= since <= until <= clock.LAST_DAY:
        raise UsageError("the days must be within 2017 and in order", do="leave out since and until for the whole year")
    if households is not None and households < 1:
        raise UsageError("at least one household is needed", do="give a positive number, or all")
    if truth.resolve().is_relative_to(landing.resolve()):
        raise UsageError("the truth may not lie in the landing folder", do="give a folder aside")
    world = World(households, seed)
    window = clock.Window(since, until)
    target = Landing(landing, seed, households)
    known = Truth()
    if target.begin(window):
        known.recall(truth)
    channels = Channels(world, known)
    lines_written: Counter[str] = Counter(dict.fromkeys(SOURCES, 0))
    with _without_collector():
        for part in window.parts():
            for source in SOURCES:
                lines_written[source] += _write_part(channels, target, source, part)
                if say:
                    say(source, lines_written[source])
    _write_oddities(target, window)
    _write_truth(truth, world, target, known)
    world.real.close()
    return dict(lines_written)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause Python's cycle collector: no cycles are made here, and its walks over the year took 15 % of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _write_part(channels: Channels, target: Landing, source: str, part: clock.Window) -> int:
    entries = channels.entries(source, part)
    if not entries:
        return 0
    counts: Counter[str] = Counter()
    lines = soil(source, entries, dice(target.seed, "dirt", source, part.label()), counts)
    if source != "shop":
        _count_scripts(lines, counts)
    header = {"shop": shop.header, "crm": crm.header}.get(source)
    content = [header().encode()] if header else []
    content += [line.data for line in lines]
    is_zipped = part.since.month in ZIPPED_MONTHS and part.since != part.until
    counts["gz_file"] += is_zipped
    name = f"{source}-{part.label()}{'.csv' if header else '.jsonl'}{'.gz' * is_zipped}"
    facts = {
        "lines": len(content),
        "headers": len(content) - len(lines),
        "good_messages": sum(line.messages for line in lines),
        "unpacked": sum(line.messages - 1 for line in lines if line.messages > 1),
        "dirt": {kind: count for kind, count in sorted(counts.items()) if count},
    }
    target.write(source, name, b"\n".join(content) + b"\n", part, **facts)
    return len(content)


def _count_scripts(lines: list[Line], counts: Counter[str]) -> None:
    """Count lines with emoji and with letters of other scripts than Latin."""
    for line in lines:
        if not line.data.isascii():
            text = line.data.decode(errors="ignore")
            counts["emoji"] += EMOJI.search(text) is not None
            counts["non_latin"] += names.NOT_LATIN.search(text) is not None


def _write_oddities(target: Landing, window: clock.Window) -> None:
    """Add a file that is still being written, and the empty file of a day on which the desk was closed."""
    tomorrow = window.until + timedelta(days=1)
    half = b'{"timestamp":"' + clock.iso(window.end).encode() + b'","integrations":{},"anonymousId":"8b1f'
    nothing = {"lines": 0, "headers": 0, "good_messages": 0, "unpacked": 0}
    name = f"web-{tomorrow:%Y-%m-%d}.jsonl.tmp"
    target.write("web", name, half, clock.Window(tomorrow, tomorrow), **nothing, dirt={"unfinished_file": 1})
    if window.since <= HOLIDAY <= window.until:
        day = clock.Window(HOLIDAY, HOLIDAY)
        target.write("support", f"support-{HOLIDAY}-closed.jsonl", b"", day, **nothing, dirt={"empty_file": 1})


def _write_truth(truth: Path, world: World, target: Landing, known: Truth) -> None:
    records = known.write(truth)
    pq.write_table(groups(world), truth / "_groups.parquet")
    os.replace(truth / "_groups.parquet", truth / "groups.parquet")
    expected: dict[str, dict[str, int]] = {source: {} for source in SOURCES}
    for path, facts in sorted(target.files.items()):
        if not facts["is_unfinished"]:
            source, name = path.split("/", 1)
            expected[source][name] = facts["lines"]
    summary = {
        "seed": world.seed,
        "households": len(world.by_household),
        "people": len(world.people),
        "people_with_records": len({person for person, _, _ in known.owners.values()}),
        "records": records,
        "lines": {source: sum(files.values()) for source, files in expected.items()},
        "lines_per_file": expected,
        "dirt": dict(sorted(target.dirt().items())),
    }
    (truth / "_summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    os.replace(truth / "_summary.json", truth / "summary.json")
