"""What people say beside what they do, how they behave, how soon they have what they came for, and early signs."""

from typing import TYPE_CHECKING, Any

from clew.explained.markup import element
from clew.report.asked import Asked, Row
from clew.report.cells import between, hides, is_few, number, people, right, share, share_of, words
from clew.report.charts import Interval, bars, intervals
from clew.report.judged import verdict
from clew.report.site import Page, absent, chart, section, source, table
from clew.report.wilson import wilson

if TYPE_CHECKING:
    from contracts.journey import Journey

FILE = "voice.html"
_VALUE_DAYS = (7, 30, 90)
_SAYS = {
    "agrees": "word and deed agree",
    "too_early": "too early to say",
    "says_good_and_left": "content, and left",
    "says_good_and_comes_less": "content, and comes less",
    "says_bad_and_comes_more": "unhappy, and comes more",
    "says_good_and_had_it_hard": "content, and had it hard",
}


def page(asked: Asked) -> Page:
    """The page of voice and behaviour."""
    lead = (
        "The last word of each person who said how content they are, held against what they did; and who behaves how."
    )
    parts: list[Any] = []
    for journey in asked.journeys:
        name = journey.journey
        parts += [
            section(f"Word and deed: {words(name)}", f"{name}-voice", *_voice(asked, journey)),
            section(f"Personas: {words(name)}", f"{name}-personas", *_personas(asked, journey)),
            section(f"Time to value: {words(name)}", f"{name}-value", *_time_to_value(asked, journey)),
            section(f"Early signs: {words(name)}", f"{name}-signs", *_signs(asked, journey)),
        ]
    return Page(FILE, "What people say, and do", "Voice", lead, parts)


def _voice(asked: Asked, journey: "Journey") -> list[Any]:
    if not asked.has("gold.voice_of_customer"):
        return [absent(asked, "gold.voice_of_customer", "voices")]
    answer = asked.answer(f"""SELECT mood, verdict, count(*) AS people
FROM gold.voice_of_customer
WHERE journey = '{journey.journey}'
GROUP BY mood, verdict
ORDER BY mood, people DESC, verdict""")
    rows = [(_said(row["mood"], row["verdict"]), right(people(row["people"]))) for row in answer.rows]
    shown = [row for row in answer.rows if not is_few(row["people"])]
    drawn = bars([(_said(row["mood"], row["verdict"]), row["people"]) for row in shown],
                 "People by their last word and what they did", "people") if shown else None  # fmt: skip
    place = asked.declarations.find("journeys/*.yml", "journey", journey.journey, "voice")
    return [
        chart(drawn, table("People by their last word.", ("last word, and the deed", "people"), rows)),
        source(asked, [answer], [place], ["gold.voice_of_customer"], f"voices of {words(journey.journey)}"),
    ]


def _said(mood: str, told: str) -> str:
    says = _SAYS.get(told, words(told))
    return says if says.startswith(mood) else f"{mood}: {says}"


def _personas(asked: Asked, journey: "Journey") -> list[Any]:
    if not (asked.has("gold.personas") and asked.has("gold.journey_stages")):
        return [absent(asked, "gold.personas", "personas")]
    answer = asked.answer(f"""SELECT coalesce(persona, 'none') AS persona, count(*) AS people
FROM (SELECT DISTINCT profile_id FROM gold.journey_stages WHERE journey = '{journey.journey}')
LEFT JOIN (SELECT profile_id, persona FROM gold.personas WHERE journey = '{journey.journey}') USING (profile_id)
GROUP BY 1
ORDER BY people DESC, persona""")
    about = {persona.persona: persona.about for persona in journey.personas} | {"none": "Fits no persona"}
    rows = [(words(row["persona"]), about.get(row["persona"], ""), right(people(row["people"]))) for row in answer.rows]
    shown = [row for row in answer.rows if not is_few(row["people"])]
    drawn = (
        bars([(words(row["persona"]), row["people"]) for row in shown], "People by persona", "people")
        if shown
        else None
    )
    place = asked.declarations.find("journeys/*.yml", "journey", journey.journey, "personas")
    return [
        chart(
            drawn,
            table("People by persona; who fits several has the first.", ("persona", "how they behave", "people"), rows),
        ),
        source(
            asked, [answer], [place], ["gold.personas", "gold.journey_stages"], f"personas of {words(journey.journey)}"
        ),
    ]


def _had_value(row: Row) -> str:
    if hides(row["with_value"], row["everybody"]):
        return f"within {row['within']} days too few people to say"
    return (
        f"within {row['within']} days {share(row['share'], 1)} of {people(row['everybody'])} people "
        f"({share_of(row['low'], row['high'], 1)})"
    )


def _time_to_value(asked: Asked, journey: "Journey") -> list[Any]:
    if not asked.has("gold.time_to_value"):
        return [absent(asked, "gold.time_to_value", "time to value")]
    low, high = wilson("with_value", "everybody")
    answer = asked.answer(f"""WITH counted AS (
  SELECT within, count(*) AS everybody, count(*) FILTER (WHERE days <= within) AS with_value
  FROM gold.time_to_value, (VALUES {", ".join(f"({days})" for days in _VALUE_DAYS)}) AS asked(within)
  WHERE journey = '{journey.journey}' AND arrived_at < {asked.horizon} - to_days(within)
  GROUP BY within
)
SELECT *, round(with_value / everybody, 4) AS share, {low} AS low, {high} AS high
FROM counted
ORDER BY within""")
    told = f"Who had what they came for, the signal {words(journey.value_signal)}, so many days after arriving: "
    told += "; ".join(map(_had_value, answer.rows)) if answer.rows else "nobody arrived a week ago or before"
    told += ". Who arrived later than that does not count."
    place = asked.declarations.find("journeys/*.yml", "journey", journey.journey, "value_signal")
    return [
        element("p", told),
        source(asked, [answer], [place], ["gold.time_to_value"], f"time to value of {words(journey.journey)}"),
    ]


def _signs(asked: Asked, journey: "Journey") -> list[Any]:
    if not asked.has("gold.leading_indicators", "people_with", "reached_with", "people_without", "reached_without"):
        return [absent(asked, "gold.leading_indicators", "early signs")]
    answer = asked.answer(f"""SELECT indicator, claim, people_with, reached_with, people_without, reached_without,
  share_with, share_without, lift, lift_low, lift_high, verdict
FROM gold.leading_indicators
WHERE journey = '{journey.journey}'
ORDER BY indicator""")
    rows, shown = [], []
    for row in answer.rows:
        hidden = any(hides(row[f"reached_{side}"], row[f"people_{side}"]) for side in ("with", "without"))
        cells = ["–"] * 4 if hidden or row["lift"] is None else [
            share(row["share_with"], 1), share(row["share_without"], 1), _points(row["lift"]),
            f"{between(100 * row['lift_low'], 100 * row['lift_high'])} points"]  # fmt: skip
        rows.append((row["claim"], right(people(row["people_with"])), right(people(row["people_without"])),
                     *map(right, cells), verdict(row["verdict"])))  # fmt: skip
        if not hidden and row["lift"] is not None:
            values = (round(100 * row[key], 2) for key in ("lift", "lift_low", "lift_high"))
            shown.append(Interval(words(row["indicator"]), *values))
    drawn = intervals([("lift", shown)], "How much more or less often the outcome comes after each early sign",
                      "percentage points more than without the sign", line=0) if shown else None  # fmt: skip
    heads = (
        "claim",
        "people with the sign",
        "without",
        "reach it with",
        "without",
        "difference",
        "95 % interval",
        "verdict",
    )
    place = asked.declarations.find("journeys/*.yml", "journey", journey.journey, "indicators")
    return [
        element("p", "What goes with what, not what brings what about."),
        chart(drawn, table("Early signs, and what came after them.", heads, rows)),
        source(asked, [answer], [place], ["gold.leading_indicators"], f"early signs of {words(journey.journey)}"),
    ]


def _points(value: float) -> str:
    return f"{number(100 * value)} points"
