"""Moments that matter, and handoffs between channels: what became of them, and who answers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from clew.explained.markup import Markup, element
from clew.report.asked import Asked
from clew.report.cells import hides, is_few, minutes, people, right, share, share_of, words
from clew.report.charts import Interval, intervals
from clew.report.site import Page, absent, chart, section, source, table
from clew.report.wilson import wilson

if TYPE_CHECKING:
    from contracts.journey import Journey, Moment

FILE, HANDOFFS = "moments.html", "handoffs.html"


def _moments(asked: Asked, journey: str) -> str:
    low, high = wilson("resolved", "people_judged")
    return f"""WITH first_times AS (
  SELECT moment, state, minutes
  FROM gold.moments
  WHERE journey = '{journey}'
  QUALIFY row_number() OVER (PARTITION BY moment, profile_id ORDER BY opened_at, opened_by_event) = 1
    AND due_at < {asked.horizon}
), counted AS (
  SELECT moment,
    count(*) AS people_judged,
    count(*) FILTER (WHERE state = 'resolved') AS resolved,
    count(*) FILTER (WHERE state = 'recovered') AS recovered,
    count(*) FILTER (WHERE state = 'overdue') AS overdue,
    count(*) FILTER (WHERE state = 'missed') AS missed,
    round(median(minutes), 1) AS median_minutes
  FROM first_times
  GROUP BY moment
)
SELECT *,
  round(resolved / people_judged, 4) AS share_resolved,
  {low} AS low,
  {high} AS high
FROM counted
ORDER BY moment"""


def _handoffs(journey: str) -> str:
    low, high = wilson("kept", "people_known")
    return f"""WITH first_times AS (
  SELECT handoff, context, minutes
  FROM gold.handoffs
  WHERE journey = '{journey}'
  QUALIFY row_number() OVER (PARTITION BY handoff, profile_id ORDER BY left_at, arrived_at, arrived_by_event) = 1
), counted AS (
  SELECT handoff,
    count(*) AS people,
    count(*) FILTER (WHERE context <> 'not_known') AS people_known,
    count(*) FILTER (WHERE context = 'kept') AS kept,
    count(*) FILTER (WHERE context = 'lost') AS lost,
    round(median(minutes), 1) AS median_minutes
  FROM first_times
  GROUP BY handoff
)
SELECT *,
  round(kept / nullif(people_known, 0), 4) AS share_kept,
  {low} AS low,
  {high} AS high
FROM counted
ORDER BY handoff"""


def page(asked: Asked) -> Page:
    """The page of moments."""
    lead = "Moments that make or break a journey: the first of each person, once its deadline has passed."
    parts = [section(f"Moments: {words(j.journey)}", f"{j.journey}-moments", *_of_journey(asked, j))
             for j in asked.journeys]  # fmt: skip
    return Page(FILE, "Moments that matter", "Moments", lead, parts)


def _of_journey(asked: Asked, journey: "Journey") -> list[Any]:
    if not asked.has("gold.moments"):
        return [absent(asked, "gold.moments", "moments")]
    answer = asked.answer(_moments(asked, journey.journey))
    counted = {row["moment"]: row for row in answer.rows}
    rows, shown, cards = [], [], []
    for place, moment in enumerate(journey.moments):
        row = counted.get(moment.moment)
        hidden = row is None or hides(row["resolved"], row["people_judged"])
        rows.append((
            words(moment.moment), moment.owner, right(f"{moment.within_hours:g} h"),
            right(people(row["people_judged"] if row else 0)),
            right("–" if row is None or hidden else share(row["share_resolved"], 1)),
            right("–" if row is None or hidden else share_of(row["low"], row["high"], 1)),
            right("–" if row is None else people(row["recovered"])),
            right("–" if row is None else people(row["overdue"])),
            right("–" if row is None else people(row["missed"])),
            right("–" if row is None or hidden or row["median_minutes"] is None else minutes(row["median_minutes"])),
        ))  # fmt: skip
        if row is not None and not hidden:
            values = (round(100 * row[key], 2) for key in ("share_resolved", "low", "high"))
            shown.append(Interval(words(moment.moment), *values))
        found = asked.declarations.find("journeys/*.yml", "journey", journey.journey, "moments", place)
        cards.append(_card(journey.journey, moment, found))
    heads = ("moment", "owner", "deadline", "people judged", "resolved in time", "95 % interval", "recovered late",
             "late, may recover", "missed", "median time to resolve")  # fmt: skip
    drawn = intervals([("share", shown)], "Share of people whose moment was resolved in time, with intervals",
                      "% resolved in time", span=(0, 100)) if shown else None  # fmt: skip
    places = [asked.declarations.find("journeys/*.yml", "journey", journey.journey, "moments")]
    return [
        chart(drawn, table("What became of each moment.", heads, rows)),
        source(asked, [answer], places, ["gold.moments"], f"moments of {words(journey.journey)}"),
        element("h3", "What stands behind each"),
        element("div", cards, class_="cards"),
    ]


def _card(journey: str, moment: "Moment", place: Any) -> Markup:
    return element(
        "article",
        element("h4", words(moment.moment).capitalize(), id=f"{journey}-moment-{moment.moment}"),
        element("p", moment.about, "."),
        element("p", element("strong", "Depends on: "), ", ".join(moment.depends_on)),
        element("p", element("strong", "Recovered by: "), moment.recovery),
        element("p", element("strong", "Risks: "), "; ".join(moment.risks)),
        element("p", element("strong", "Guardrails: "), "; ".join(moment.guardrails)),
        element("p", place.name if place else "", class_="faint"),
        class_="card",
    )


def worst(asked: Asked, journey: "Journey") -> Iterator[Markup]:
    """The moment that is missed most, in a sentence."""
    if not asked.has("gold.moments"):
        return
    rows = [row for row in asked.answer(_moments(asked, journey.journey)).rows
            if not hides(row["resolved"], row["people_judged"])]  # fmt: skip
    for row in sorted(rows, key=lambda row: (row["share_resolved"], row["moment"]))[:1]:
        yield element(
            "span", element("strong", words(row["moment"]).capitalize()), " is resolved in time for ",
            f"{share(row['share_resolved'])} of {people(row['people_judged'])} people. ",
            element("a", "Moments", href=FILE),
        )  # fmt: skip


def handoffs(asked: Asked) -> Page:
    """The page of handoffs."""
    lead = (
        "Changes of channel that the business arranges: the first of each person, and whether they had to begin anew."
    )
    parts = [section(f"Handoffs: {words(j.journey)}", f"{j.journey}-handoffs", *_handed(asked, j))
             for j in asked.journeys]  # fmt: skip
    return Page(HANDOFFS, "Handoffs between channels", "Handoffs", lead, parts)


def _handed(asked: Asked, journey: "Journey") -> list[Any]:
    if not asked.has("gold.handoffs"):
        return [absent(asked, "gold.handoffs", "handoffs")]
    answer = asked.answer(_handoffs(journey.journey))
    counted = {row["handoff"]: row for row in answer.rows}
    rows, shown = [], []
    for handoff in journey.handoffs:
        row = counted.get(handoff.handoff)
        hidden = row is None or hides(row["kept"], row["people_known"]) or not row["people_known"]
        told = ("–",) * 4
        if row is not None and not hidden:
            told = (people(row["kept"]), people(row["lost"]), share(row["share_kept"], 1),
                    share_of(row["low"], row["high"], 1))  # fmt: skip
            values = (round(100 * row[key], 2) for key in ("share_kept", "low", "high"))
            shown.append(Interval(f"{words(handoff.from_)} → {words(handoff.to)}", *values))
        few = row is None or is_few(row["people"]) or row["median_minutes"] is None
        rows.append(
            (
                f"{words(handoff.from_)} → {words(handoff.to)}",
                handoff.owner,
                right(people(row["people"] if row else 0)),
                right(people(row["people_known"] if row else 0)),
                *map(right, told),
                right("–" if row is None or few else minutes(row["median_minutes"])),
            )
        )
    heads = ("from and to", "owner", "people", "of whom it is known", "context kept", "lost", "share kept",
             "95 % interval", "median time between")  # fmt: skip
    drawn = intervals([("share", shown)], "Share of people whose context was kept, with intervals",
                      "% of those of whom it is known", span=(0, 100)) if shown else None  # fmt: skip
    places = [asked.declarations.find("journeys/*.yml", "journey", journey.journey, "handoffs")]
    return [chart(drawn, table("What became of each handoff.", heads, rows)),
            source(asked, [answer], places, ["gold.handoffs"], f"handoffs of {words(journey.journey)}")]  # fmt: skip
