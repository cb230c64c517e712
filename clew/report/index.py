"""The first page: the north star, the map of each journey with its figures, and what needs somebody."""

from typing import TYPE_CHECKING, Any

from clew.explained.markup import Markup, element
from clew.report import hard, judged, moments
from clew.report.asked import Asked
from clew.report.cells import hides, is_few, number, people, share, share_of, words
from clew.report.site import Page, absent, section, source
from clew.report.stages import gate_words, gauge, stage_place, standing

if TYPE_CHECKING:
    from clew.report.stages import Standing
    from contracts.journey import Journey, Stage

FILE = "index.html"


def page(asked: Asked) -> Page:
    """The first page."""
    parts: list[Any] = [_north_star(asked)]
    for journey in asked.journeys:
        parts.append(_map(asked, journey))
    if not asked.journeys:
        parts.append(element("p", "No journey is declared: write one under contracts/journeys.", class_="absent"))
    parts.append(_attention(asked))
    lead = (
        "Each stage of the journey with the people in it on the date of the release, and whether its gate is "
        "passed in time."
    )
    return Page(FILE, "The journey map", "Map", lead, parts)


def _north_star(asked: Asked) -> Markup:
    if not asked.has("gold.metrics", *judged.METRIC_COLUMNS):
        return section("North star", "north-star", absent(asked, "gold.metrics", "north star"))
    answer = asked.answer(f"{judged.METRICS}\nWHERE kind = 'north_star'\nORDER BY metric")
    if not answer.rows:
        return section("North star", "north-star", element("p", "No metric is declared to be it.", class_="absent"))
    row = answer.rows[0]
    unit = row["unit"]
    value = judged.value(row["value"], unit) if row["value"] is not None else words(row["status"])
    card = element(
        "div",
        element(
            "div",
            element("h2", f"North star: {words(row['metric'])}", id="north-star"),
            element("p", value, element("span", f" {unit}"), class_="figure"),
        ),
        element(
            "dl",
            element("dt", "95 % interval"),
            element("dd", judged.ends(row["low"], row["high"], unit)),
            element("dt", "by certain links only"),
            element("dd", judged.value(row["value_certain"], unit)),
            element("dt", "with both doubts"),
            element("dd", judged.ends(row["whole_low"], row["whole_high"], unit)),
            element("dt", "owner"),
            element("dd", words(row["owner"])),
        ),
        class_="star",
    )
    place = asked.declarations.find("metrics/*.yml", "metric", row["metric"])
    return element("section", card, source(asked, [answer], [place], ["gold.metrics"], "the north star"),
                   aria_labelledby="north-star")  # fmt: skip


def _map(asked: Asked, journey: "Journey") -> Markup:
    name = journey.journey
    counted, answers = standing(asked, journey)
    if counted is None:
        return section(f"{words(name).capitalize()}", f"map-{name}", absent(asked, "gold.journey_stages", "stages"))
    everybody = max((row["everybody"] for row in counted.stages.rows), default=0)
    cards = [_card(journey, stage, counted) for stage in journey.stages]
    places = [stage_place(asked, journey, stage) for stage in journey.stages]
    tables = ["gold.journey_stages", "gold.stage_gates"][: len(answers)]
    return section(
        f"{words(name).capitalize()}: {journey.about}",
        f"map-{name}",
        element(
            "p",
            f"{people(everybody)} people have been in this journey, which ",
            element("strong", words(journey.owner)),
            " owns. They have what they came for with the signal ",
            element("strong", words(journey.value_signal)),
            ".",
        ),
        element("ol", cards, class_="stages"),
        source(asked, answers, places, tables, f"the map of {words(name)}"),
    )


def _card(journey: "Journey", stage: "Stage", counted: "Standing") -> Markup:
    row = counted.of(stage.stage)
    channels = ", ".join(words(channel) for channel in stage.channels) or "none"
    return element(
        "li",
        element("h3", words(stage.stage), element("span", f" · {stage.lifecycle}", class_="kind")
                if stage.lifecycle != stage.stage else None, id=f"{journey.journey}-{stage.stage}"),
        element("p", "“", stage.goal, "”", class_="goal"),
        element("p", people(row["people_now"]), element("span", " people now"), class_="big"),
        _gate(stage, counted),
        element("dl",
                element("dt", "ever entered"), element("dd", people(row["people_entered"])),
                element("dt", "owner"), element("dd", words(stage.owner)),
                element("dt", "channels"), element("dd", channels)),
        class_="card",
    )  # fmt: skip


def _gate(stage: "Stage", counted: "Standing") -> Markup:
    if stage.gate is None:
        return element("p", "No gate to pass.", class_="gate faint")
    aim = f"to {words(stage.gate.to)} within {stage.gate.within_days} days"
    row = counted.gate(stage.stage)
    if row is None:
        return element("p", f"Gate {aim}: nobody's time is over yet.", class_="gate")
    if hides(row["passed_in_time"], row["people_judged"]):
        told = gate_words(row)
        return element("p", f"Gate {aim}: {told['in_time']} of {told['judged']} passed.", class_="gate")
    days = ""
    if not is_few(row["passed_in_time"] + row["passed_late"]) and row["days_half"] is not None:
        days = f" Half of those who pass need at most {number(row['days_half'])} days."
    return element(
        "p",
        element("strong", share(row["share_in_time"]), " in time"), f" {aim} "
        f"({share_of(row['low'], row['high'])}; {people(row['people_judged'])} people judged).{days}",
        gauge(row),
        class_="gate",
    )  # fmt: skip


def _attention(asked: Asked) -> Markup:
    """What needs somebody: refuted claims, broken guardrails, the worst bottleneck and moment of each journey."""
    items = [*judged.warnings(asked)]
    for journey in asked.journeys:
        items += [*hard.worst(asked, journey), *moments.worst(asked, journey)]
    told = element("ul", [element("li", item) for item in items], class_="attention") if items else element(
        "p", "Nothing that these tables tell of.")  # fmt: skip
    return section("What needs somebody", "attention", told)
