"""The map of the whole: system, channel, process, owner against stages, moments, cost, value, effort; a roadmap."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clew.explained.markup import element, joined
from clew.report.asked import Answer, Asked, Row
from clew.report.cells import FEW, is_few, number, people, right, words
from clew.report.charts import bars, sankey
from clew.report.site import Page, absent, chart, section, source, table

if TYPE_CHECKING:
    from contracts.costs import Costs
    from contracts.journey import Journey

FILE = "map.html"
_READS = ("gold.touchpoints", "gold.journey_stages", "gold.signals", "gold.friction_events")


def page(asked: Asked) -> Page:
    """The map of the whole."""
    lead = (
        "Which system and whose process serves which stage of which journey, what it costs, what it brings and "
        "how hard it is: over the year that ends with the release."
    )
    parts = [part for journey in asked.journeys for part in _of_journey(asked, journey)]
    return Page(FILE, "The map of the whole", "Roadmap", lead, parts)


def _of_journey(asked: Asked, journey: "Journey") -> list[Any]:
    name, costs = journey.journey, asked.contracts.costs
    if missing := [read for read in _READS if not asked.has(read)]:
        return [section(words(name), f"{name}-whole", absent(asked, missing[0], "map"))]
    answer = asked.answer(_whole(asked, journey, costs))
    touched = _moments_by_channel(asked, journey)
    places = [
        asked.declarations.find("journeys/*.yml", "journey", name, "stages"),
        asked.declarations.part("costs.yml"),
    ]
    told = source(asked, [answer], places, _READS, f"the map of {words(name)}")
    return [
        section(
            f"Stage by stage: {words(name)}",
            f"{name}-whole",
            element("p", f"Costs and values: {asked.currency}. The cost of a contact is declared, not measured."),
            _picture(asked, journey, answer),
            told,
        ),
        section(f"System by system: {words(name)}", f"{name}-systems", _systems(asked, journey, answer, touched)),
        section(f"Process by process: {words(name)}", f"{name}-processes", _processes(asked, journey)),
        section(f"Roadmap: {words(name)}", f"{name}-roadmap", *_roadmap(asked, journey, costs)),
    ]


def _whole(asked: Asked, journey: "Journey", costs: "Costs | None") -> str:
    """Contacts, value and effort by the stage of their time and their channel."""
    known = costs.contacts if costs else {}
    prices = ", ".join(f"('{channel}', {cost.cost!r})" for channel, cost in sorted(known.items())) or "(NULL, NULL)"
    year = f"occurred_at >= {asked.horizon} - INTERVAL 365 DAY AND occurred_at < {asked.horizon}"
    return f"""WITH spells AS (
  SELECT profile_id, stage, entered_at FROM gold.journey_stages WHERE journey = '{journey.journey}'
), contacts AS (
  SELECT coalesce(stage, 'start') AS stage, channel, count(DISTINCT made.profile_id) AS people,
    count(*) AS contacts
  FROM (SELECT profile_id, channel, occurred_at FROM gold.touchpoints WHERE profile_id IS NOT NULL AND {year}) AS made
  ASOF LEFT JOIN spells ON made.profile_id = spells.profile_id AND made.occurred_at >= spells.entered_at
  GROUP BY 1, 2
), worth AS (
  SELECT coalesce(stage, 'start') AS stage, channel, count(DISTINCT paid.profile_id) AS people_paying,
    sum(amount) AS value
  FROM (SELECT profile_id, channel, occurred_at, amount FROM gold.signals
    WHERE signal = '{journey.value_signal}' AND {year}) AS paid
  ASOF LEFT JOIN spells ON paid.profile_id = spells.profile_id AND paid.occurred_at >= spells.entered_at
  GROUP BY 1, 2
), hard AS (
  SELECT stage, channel, count(DISTINCT profile_id) AS people_hindered, sum(effort) AS effort
  FROM gold.friction_events
  WHERE journey = '{journey.journey}' AND {year}
  GROUP BY 1, 2
), prices AS (
  SELECT * FROM (VALUES {prices}) AS told(channel, price)
)
SELECT stage, channel, people, contacts, round(contacts * price, 2) AS cost,
  people_paying, value, people_hindered, effort,
  round(value / nullif(contacts * price, 0), 2) AS value_by_cost
FROM contacts
FULL JOIN worth USING (stage, channel)
FULL JOIN hard USING (stage, channel)
LEFT JOIN prices USING (channel)
ORDER BY stage, channel"""


def _moments_by_channel(asked: Asked, journey: "Journey") -> Mapping[str, Sequence[str]]:
    """The moments that a channel's events open or resolve."""
    found: dict[str, list[str]] = {}
    for moment in journey.moments:
        signals = (*moment.starts_on, *moment.resolved_by)
        events = {one.event for name in signals if name in asked.contracts.signals
                  for one in asked.contracts.signals[name].any_}  # fmt: skip
        senders = {sender for name in events if name in asked.contracts.events
                   for sender in asked.contracts.events[name].sources}  # fmt: skip
        for channel in sorted(
            {asked.contracts.sources[name].channel for name in senders if name in asked.contracts.sources}
        ):
            found.setdefault(channel, []).append(moment.moment)
    return found


def _picture(asked: Asked, journey: "Journey", answer: Answer) -> Any:
    """Contacts drawn from channel to stage; a table of each stage, row by row its channels."""
    stages = {stage.stage: stage for stage in journey.stages}
    tables, links = [], []
    for name in ("start", *journey.names):
        stage = stages.get(name)
        mine = [row for row in answer.rows if row["stage"] == name]
        cells = []
        for row in mine:
            why = stage.channels.get(row["channel"], "–") if stage else "–"
            told = ", ".join(f"{system} ({words(owner)})" for system, owner in _systems_of(asked, row["channel"]))
            cells.append((words(row["channel"]), element("td", told or "–", class_="wide"),
                          element("td", why, class_="wide"), *_figures(row)))  # fmt: skip
            if row["contacts"] and not is_few(row["people"]):
                links.append((words(row["channel"]), words(name), row["contacts"]))
        about = f"{words(name)}: owned by {words(stage.owner)}. “{stage.goal}”" if stage else "before the first stage"
        if cells:
            tables.append(table(about[0].upper() + about[1:], _HEADS, cells))
    about = "Contacts of the year, from each channel to the stage that the person was in"
    return chart(sankey(links, about) if links else None, joined(tables), is_open=True)


_HEADS = ("channel", "system (its owner)", "why it is used in this stage", "people", "contacts", "cost",
          "value", "value by cost", "effort")  # fmt: skip


def _systems_of(asked: Asked, channel: str) -> Iterator[tuple[str, str]]:
    for name, declared in sorted(asked.contracts.sources.items()):
        if declared.channel == channel:
            yield name, declared.owner


def _figures(row: Row) -> tuple[Any, ...]:
    """Figures of a row; each is hidden where it is of few people."""
    few, paying, hindered = (is_few(row[key]) for key in ("people", "people_paying", "people_hindered"))

    def told(value: Any, hidden: bool, digits: int = 0) -> Any:
        return right(FEW if hidden else "–" if value is None else number(float(value), digits))

    return (
        right(people(row["people"] or 0)), told(row["contacts"], few), told(row["cost"], few),
        told(row["value"], paying), told(row["value_by_cost"], few or paying, 1), told(row["effort"], hindered, 1),
    )  # fmt: skip


def _systems(asked: Asked, journey: "Journey", answer: Answer, touched: Mapping[str, Sequence[str]]) -> Any:
    rows = []
    for name, declared in sorted(asked.contracts.sources.items()):
        mine = [row for row in answer.rows if row["channel"] == declared.channel]
        known = [row for row in mine if not is_few(row["people"])]
        using = [stage.stage for stage in journey.stages if declared.channel in stage.channels]
        handed = [handoff.handoff for handoff in journey.handoffs if declared.channel in (handoff.from_, handoff.to)]
        sums = []
        for key, few in (
            ("contacts", "people"),
            ("cost", "people"),
            ("value", "people_paying"),
            ("effort", "people_hindered"),
        ):
            parts = [float(row[key]) for row in known if row[key] is not None and not is_few(row[few])]
            sums.append(right(number(sum(parts), 0) if parts else "–"))
        rows.append((name, words(declared.channel), words(declared.owner), ", ".join(map(words, using)) or "–",
                     element("td", ", ".join(map(words, touched.get(declared.channel, ()))) or "–", class_="wide"),
                     element("td", ", ".join(map(words, handed)) or "–", class_="wide"), *sums))  # fmt: skip
    heads = ("system", "channel", "owner", "stages that use it", "moments by its events", "handoffs", "contacts",
             "cost", "value", "effort")  # fmt: skip
    return table(
        "Each system: sums of the rows above that are of five people or more; systems of one channel share them.",
        heads,
        rows,
    )


def _processes(asked: Asked, journey: "Journey") -> Any:
    behind: dict[str, list[Any]] = {}
    for moment in journey.moments:
        for process in moment.depends_on:
            behind.setdefault(process, []).append(moment)
    rows = [
        (process, ", ".join(words(one.moment) for one in moments),
         ", ".join(sorted({words(one.owner) for one in moments})),
         element("td", "; ".join(dict.fromkeys(one.recovery for one in moments)), class_="wide"))
        for process, moments in sorted(behind.items())
    ]  # fmt: skip
    place = asked.declarations.find("journeys/*.yml", "journey", journey.journey, "moments")
    note = element("p", f"Declared in {place.name}.", class_="faint") if place else None
    heads = ("process behind the stage", "moments that depend on it", "owners", "how they are recovered")
    return [table("What moments depend on.", heads, rows), note]


def _roadmap(asked: Asked, journey: "Journey", costs: "Costs | None") -> list[Any]:
    planned = [item for item in (costs.improvements if costs else ()) if item.journey == journey.journey]
    if not planned or costs is None:
        return [element("p", "No improvement is declared: contracts/costs.yml.", class_="absent")]
    if not asked.has("gold.bottlenecks", "weight"):
        return [absent(asked, "gold.bottlenecks", "roadmap")]
    answer = asked.answer(_ranked(planned))
    about = {item.improvement: item for item in planned}
    rows = []
    for place, row in enumerate(answer.rows, 1):
        item = about[row["improvement"]]
        rows.append((f"{place}. {words(item.improvement)}", element("td", item.about, class_="wide"), words(item.owner),
                     ", ".join(map(words, item.removes)), right(number(row["effort_saved"], 1)),
                     right("–" if row["value_per_person"] is None else number(row["value_per_person"], 0)),
                     right(number(item.cost, 0)), right(number(row["saved_by_cost"], 3)),
                     element("td", item.because, class_="wide")))  # fmt: skip
    heads = ("improvement", "what", "owner", "removes", "effort saved", f"value of a person it meets, {costs.currency}",
             f"cost, {costs.currency}", "value × effort saved / cost", "because")  # fmt: skip
    drawn = bars([(f"{place}. {words(row['improvement'])}", row["saved_by_cost"])
                  for place, row in enumerate(answer.rows, 1)],
                 "Improvements by value × effort saved / cost", "value × effort saved / cost")  # fmt: skip
    return [
        element("p", "What each improvement would take away of the bottlenecks, by the share that its owner expects: a "
                "wager that a run a year from now can refute."),
        chart(drawn, table("Improvements, the best first.", heads, rows), is_open=True),
        source(asked, [answer], [asked.declarations.part("costs.yml", "improvements")], ["gold.bottlenecks"],
               f"the roadmap of {words(journey.journey)}"),
    ]  # fmt: skip


def _ranked(planned: Sequence[Any]) -> str:
    rows = ",\n    ".join(
        f"('{item.improvement}', '{item.journey}', {_list(item.removes)}, {_list(item.stages)}, "
        f"{_list(item.channels)}, {item.share!r}, {item.cost!r})"
        for item in planned
    )
    return f"""WITH planned AS (
  SELECT * FROM (VALUES
    {rows}
  ) AS told(improvement, journey, removes, stages, channels, share, cost)
)
SELECT improvement,
  round(coalesce(sum(people * effort_per_person) * any_value(share), 0), 1) AS effort_saved,
  round(sum(weight) / nullif(sum(people * effort_per_person), 0), 2) AS value_per_person,
  round(coalesce(sum(weight) * any_value(share), 0) / any_value(cost), 3) AS saved_by_cost
FROM planned
LEFT JOIN gold.bottlenecks AS met
  ON met.journey = planned.journey
  AND list_contains(planned.removes, met.friction)
  AND (planned.stages IS NULL OR list_contains(planned.stages, met.stage))
  AND (planned.channels IS NULL OR list_contains(planned.channels, met.channel))
GROUP BY improvement
ORDER BY saved_by_cost DESC, improvement"""


def _list(names: Sequence[str] | None) -> str:
    """Names of declarations as a list of SQL; they are letters, digits and underscores."""
    return "NULL::VARCHAR[]" if names is None else "[" + ", ".join(f"'{name}'" for name in names) + "]::VARCHAR[]"
