"""Where it is hard: bottlenecks by people × value × effort, with the command that leads to raw lines behind each."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from clew.explained.markup import Markup, element
from clew.report.asked import Asked, Row
from clew.report.cells import is_few, number, people, right, words
from clew.report.charts import bars
from clew.report.site import Page, absent, chart, in_shell, lines, section, source, table
from clew.traced.conditions import literal

if TYPE_CHECKING:
    from contracts.journey import Journey

FILE = "bottlenecks.html"
SHOWN = 12
"""So many bottlenecks are drawn, and their traces told; the table has all."""
_COLUMNS = ("journey", "place", "stage", "friction", "channel", "people", "occurrences", "effort_per_person",
            "value_per_person", "weight")  # fmt: skip


def _bottlenecks(journey: str) -> str:
    return f"""SELECT place, stage, friction, channel, people, occurrences, effort_per_person, value_per_person, weight
FROM gold.bottlenecks
WHERE journey = '{journey}'
ORDER BY place"""


def page(asked: Asked) -> Page:
    """The page of bottlenecks."""
    lead = "Frictions that people meet, ranked by people × their value × their effort: the top of the list costs most."
    parts = [section(f"Bottlenecks: {words(j.journey)}", f"{j.journey}-bottlenecks", *_of_journey(asked, j))
             for j in asked.journeys]  # fmt: skip
    return Page(FILE, "Where it is hard", "Bottlenecks", lead, parts)


def _of_journey(asked: Asked, journey: "Journey") -> list[Any]:
    if not asked.has("gold.bottlenecks", *_COLUMNS):
        return [absent(asked, "gold.bottlenecks", "bottlenecks")]
    answer = asked.answer(_bottlenecks(journey.journey))
    known = [row for row in answer.rows if not is_few(row["people"])]
    about = {friction.friction: friction for friction in journey.friction}
    rows = [
        (_name(row), right(str(row["place"])), right(people(row["people"])), right(f"{row['occurrences']:,}"),
         right(number(row["effort_per_person"])), right(number(row["value_per_person"], 0)),
         right(number(row["weight"], 0)))
        for row in known
    ]  # fmt: skip
    heads = ("friction, stage, channel", "rank", "people", "times", "effort a person",
             f"value a person, {asked.currency}", "people × value × effort")  # fmt: skip
    drawn = bars([(_name(row), round(float(row["weight"]))) for row in known[:SHOWN]],
                 f"The {min(SHOWN, len(known))} worst bottlenecks by people × value × effort",
                 "people × value × effort") if known else None  # fmt: skip
    places = [asked.declarations.find("journeys/*.yml", "journey", journey.journey, "friction", number_of)
              for number_of in range(len(journey.friction))]  # fmt: skip
    return [
        chart(drawn, table("All bottlenecks that five people or more met.", heads, rows)),
        source(asked, [answer], places, ["gold.bottlenecks"], f"bottlenecks of {words(journey.journey)}"),
        element("h3", "Traces back to raw events", id=f"{journey.journey}-traces"),
        element(
            "p",
            "The first command of each lists the newest events that show it; the second leads from one of them "
            "to the raw lines as they landed. Who it was stands on no page.",
        ),
        [
            _trace(asked, journey.journey, row, about[row["friction"]].about if row["friction"] in about else "")
            for row in known[:SHOWN]
        ],
    ]


def _name(row: Row) -> str:
    return f"{words(row['friction'])} · {words(row['stage'])} · {words(row['channel'])}"


def _trace(asked: Asked, journey: str, row: Row, about: str) -> Markup:
    sql = (
        f"SELECT event_id FROM gold.friction_events WHERE journey = {literal(journey)} "
        f"AND stage = {literal(row['stage'])} AND friction = {literal(row['friction'])} "
        f"AND channel = {literal(row['channel'])} "
        "ORDER BY occurred_at DESC, event_id LIMIT 3"
    )
    first = f"clew query --release {asked.release} --format csv {in_shell(sql)}"
    second = f"clew trace gold.events EVENT_ID --raw --release {asked.release}"
    return element(
        "details",
        element("summary", f"{row['place']}. {_name(row)}"),
        element("p", about) if about else None,
        element("pre", element("code", lines(f"{first}\n{second}")), class_="copy", tabindex="0", role="group",
                aria_label=f"Commands that trace {_name(row)}", data_what="the commands"),
        class_="trace",
    )  # fmt: skip


def worst(asked: Asked, journey: "Journey") -> Iterator[Markup]:
    """The worst bottleneck of a journey, in a sentence."""
    if not asked.has("gold.bottlenecks", *_COLUMNS):
        return
    for row in asked.answer(_bottlenecks(journey.journey)).rows[:1]:
        if not is_few(row["people"]):
            yield element(
                "span", element("strong", words(row["friction"]).capitalize()),
                f" in {words(row['stage'])} ({words(row['channel'])}) meets {people(row['people'])} people worth "
                f"{number(row['value_per_person'], 0)} a year each ({asked.currency}). ",
                element("a", "Bottlenecks", href=FILE),
            )  # fmt: skip
