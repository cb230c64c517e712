"""The ways that people really go from one contact to the next, stage by stage."""

import re
from typing import TYPE_CHECKING, Any

from clew.explained.markup import element
from clew.report.asked import Asked, Row
from clew.report.cells import is_few, minutes, people, right, share, words
from clew.report.charts import sankey
from clew.report.site import Page, absent, chart, section, source, table

if TYPE_CHECKING:
    from contracts.journey import Journey

FILE = "paths.html"
DRAWN = 14
"""So many ways of a stage are drawn, those of most people; the table has all."""


def _paths(journey: str) -> str:
    return f"""SELECT stage, from_step, to_step, people, times, median_minutes, share
FROM gold.journey_paths
WHERE journey = '{journey}'
ORDER BY stage, people DESC, from_step, to_step"""


def page(asked: Asked) -> Page:
    """The page of paths."""
    lead = (
        "From each contact to the next, with how many people went that way and how long it took; stop is no "
        "contact for the days that the marts declare."
    )
    parts = [part for journey in asked.journeys for part in _of_journey(asked, journey)]
    return Page(FILE, "The ways people go", "Paths", lead, parts)


def _of_journey(asked: Asked, journey: "Journey") -> list[Any]:
    name = journey.journey
    if not asked.has("gold.journey_paths"):
        return [section(words(name), f"{name}-paths", absent(asked, "gold.journey_paths", "paths"))]
    answer = asked.answer(_paths(name))
    stages: dict[str, list[Row]] = {stage: [] for stage in ("start", *journey.names)}
    for row in answer.rows:
        stages.setdefault(row["stage"], []).append(row)
    parts = [
        section(f"While in {words(stage)}", f"{name}-paths-{stage}", _stage(stage, rows), level=3)
        for stage, rows in stages.items()
        if rows
    ]
    told = source(asked, [answer], [asked.declarations.find("journeys/*.yml", "journey", name, "stages")],
                  ["gold.journey_paths"], f"paths of {words(name)}")  # fmt: skip
    intro = element("p", "The width of a band is how many times it was gone: the contact on the left, what came next "
                    "on the right. Ways that fewer than five people went are told together as other.")  # fmt: skip
    return [section(words(name).capitalize(), f"{name}-paths", intro, told, parts or element("p", "None."))]


def _stage(stage: str, rows: list[Row]) -> Any:
    told = [row for row in rows if not is_few(row["people"])]
    cells = [
        (f"{_step(row['from_step'])} → {_step(row['to_step'])}", right(people(row["people"])),
         right("–" if is_few(row["people"]) else f"{row['times']:,}"),
         right("–" if is_few(row["people"]) else share(row["share"], 1)),
         right("–" if is_few(row["people"]) or row["median_minutes"] is None else minutes(row["median_minutes"])))
        for row in rows
    ]  # fmt: skip
    heads = ("from and to", "people", "times", "share of ways from there", "median time")
    drawn = [row for row in told if row["to_step"] != "other"][:DRAWN]
    drawn.sort(key=lambda row: (-_total(drawn, row, "from_step"), -row["times"], row["to_step"]))
    picture = (
        sankey(
            [(words(row["from_step"]), words(row["to_step"]), row["times"]) for row in drawn],
            f"The {len(drawn)} ways that most people went while in {words(stage)}",
        )
        if drawn
        else None
    )
    return chart(picture, table(f"Every way while in {words(stage)}.", heads, cells))


def _total(rows: list[Row], row: Row, side: str) -> int:
    return sum(one["times"] for one in rows if one[side] == row[side])


def _step(name: str) -> str:
    """A contact in words; where its kind begins as its channel does, that is said once."""
    return re.sub(r"^(\w+) (?=\1 )", "", words(name))
