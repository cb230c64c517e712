"""The stages of a journey: who is where, who passes the gates in time, and how people move from one to the next."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clew.explained.markup import Markup, element
from clew.report.asked import Answer, Asked, Row
from clew.report.cells import hides, is_few, number, people, right, share, share_of, words
from clew.report.charts import Interval, intervals, sankey
from clew.report.site import Page, absent, chart, section, source, table
from clew.report.wilson import wilson

if TYPE_CHECKING:
    from contracts.journey import Journey, Stage

FILE = "stages.html"
_PLACE = ("journeys/*.yml", "journey")


class Standing:
    """The stages of one journey, counted."""

    def __init__(self, asked: Asked, journey: "Journey") -> None:
        self.journey = journey
        self.stages = asked.answer(_stages(journey.journey))
        self.gates = asked.answer(_gates(asked, journey.journey)) if asked.has("gold.stage_gates") else None
        self._stages = {row["stage"]: row for row in self.stages.rows}
        self._gates = {row["stage"]: row for row in self.gates.rows} if self.gates else {}

    def of(self, stage: str) -> Row:
        """How many people are and were in a stage."""
        return self._stages.get(stage, {"people_now": 0, "people_entered": 0, "everybody": 0})

    def gate(self, stage: str) -> Row | None:
        """What became of the gate of a stage; None where nobody's time is over."""
        return self._gates.get(stage)


def _stages(journey: str) -> str:
    low, high = wilson("people_entered", "everybody")
    return f"""WITH entered AS (
  SELECT stage,
    count(DISTINCT profile_id) FILTER (WHERE is_current) AS people_now,
    count(DISTINCT profile_id) AS people_entered
  FROM gold.journey_stages
  WHERE journey = '{journey}'
  GROUP BY stage
), whole AS (
  SELECT count(DISTINCT profile_id) AS everybody FROM gold.journey_stages WHERE journey = '{journey}'
)
SELECT stage, people_now, people_entered, everybody,
  round(people_entered / everybody, 4) AS share_entered,
  {low} AS low,
  {high} AS high
FROM entered CROSS JOIN whole
ORDER BY stage"""


def _gates(asked: Asked, journey: str) -> str:
    low, high = wilson("passed_in_time", "people_judged")
    return f"""WITH first_times AS (
  SELECT stage, state, days_to_pass
  FROM gold.stage_gates
  WHERE journey = '{journey}'
  QUALIFY row_number() OVER (PARTITION BY stage, profile_id ORDER BY spell) = 1
    AND due_at < {asked.horizon}
), counted AS (
  SELECT stage,
    count(*) AS people_judged,
    count(*) FILTER (WHERE state = 'passed') AS passed_in_time,
    count(*) FILTER (WHERE state = 'passed_late') AS passed_late,
    count(*) FILTER (WHERE state = 'missed') AS missed,
    round(quantile_cont(days_to_pass, 0.25), 1) AS days_quarter,
    round(quantile_cont(days_to_pass, 0.5), 1) AS days_half,
    round(quantile_cont(days_to_pass, 0.75), 1) AS days_three_quarters
  FROM first_times
  GROUP BY stage
)
SELECT *,
  round(passed_in_time / people_judged, 4) AS share_in_time,
  {low} AS low,
  {high} AS high
FROM counted
ORDER BY stage"""


def _moves(journey: str) -> str:
    return f"""WITH spells AS (
  SELECT profile_id, stage,
    lead(stage) OVER (PARTITION BY profile_id ORDER BY spell) AS next_stage
  FROM gold.journey_stages
  WHERE journey = '{journey}'
)
SELECT stage, coalesce(next_stage, 'still there') AS next_stage,
  count(DISTINCT profile_id) AS people, count(*) AS times
FROM spells
GROUP BY ALL
ORDER BY people DESC, stage, next_stage"""


def page(asked: Asked) -> Page:
    """The page of the stages of every journey."""
    lead = "How many people get how far, who passes each gate within its time, and which way people really move."
    parts = [part for journey in asked.journeys for part in _of_journey(asked, journey)]
    return Page(FILE, "From stage to stage", "Stages", lead, parts)


def _of_journey(asked: Asked, journey: "Journey") -> list[Any]:
    name = journey.journey
    if not asked.has("gold.journey_stages"):
        return [section(words(name), name, absent(asked, "gold.journey_stages", "stages"))]
    standing = Standing(asked, journey)
    declared = asked.declarations.find(*_PLACE, name, "stages")
    return [
        section(
            f"How far people get: {words(name)}",
            f"{name}-reached",
            element("p", f"{journey.about}. Of everybody in the journey, who was ever in the stage."),
            _reached(standing),
            source(
                asked, [standing.stages], [declared], ["gold.journey_stages"], f"how far people get in {words(name)}"
            ),
        ),
        section(
            f"Gates passed in time: {words(name)}",
            f"{name}-gates",
            element(
                "p",
                "Of each person the first time in the stage, once the time that the journey gives is over. "
                "Who lapses and comes back is judged by the first time only.",
            ),
            _gate_part(asked, standing),
        ),
        section(
            f"How people move: {words(name)}",
            f"{name}-moves",
            element("p", "Every change of stage, from the left to the right."),
            _moves_part(asked, journey),
        ),
    ]


def _reached(standing: Standing) -> Markup:
    rows, shown = [], []
    for stage in standing.journey.stages:
        row = standing.of(stage.stage)
        hidden = hides(row["people_entered"], row["everybody"]) or not row["everybody"]
        told = ("–", "–") if hidden else (share(row["share_entered"], 1), share_of(row["low"], row["high"], 1))
        rows.append((words(stage.stage), stage.owner, right(people(row["people_entered"])), right(told[0]),
                     right(told[1]), right(people(row["people_now"]))))  # fmt: skip
        if not hidden:
            shown.append(Interval(words(stage.stage), *(_percent(row[k]) for k in ("share_entered", "low", "high"))))
    figures = table("People who were ever in each stage.",
                    ("stage", "owner", "people ever", "share", "95 % interval", "people now"), rows)  # fmt: skip
    drawn = intervals([("share", shown)], "Share of people who ever reached each stage, with intervals",
                      "% of everybody in the journey", span=(0, 100)) if shown else None  # fmt: skip
    return chart(drawn, figures)


def _gate_part(asked: Asked, standing: Standing) -> list[Any]:
    if standing.gates is None:
        return [absent(asked, "gold.stage_gates", "gates")]
    rows, shown = [], []
    for stage in (stage for stage in standing.journey.stages if stage.gate):
        told = gate_words(standing.gate(stage.stage))
        rows.append(
            (
                f"{words(stage.stage)} → {words(stage.gate and stage.gate.to)}",
                stage.owner,
                right(f"{stage.gate and stage.gate.within_days} days"),
                *(right(told[key]) for key in ("judged", "in_time", "share", "interval", "late", "days")),
            )
        )
        row = standing.gate(stage.stage)
        if row is not None and not hides(row["passed_in_time"], row["people_judged"]):
            values = (_percent(row[key]) for key in ("share_in_time", "low", "high"))
            shown.append(Interval(f"{words(stage.stage)} → {words(stage.gate and stage.gate.to)}", *values))
    heads = ("gate", "owner", "target", "people judged", "in time", "share", "95 % interval", "late",
             "days to pass: quarter, half, three quarters")  # fmt: skip
    drawn = intervals([("share", shown)], "Share of people who passed each gate in time, with intervals",
                      "% passed in time", span=(0, 100)) if shown else None  # fmt: skip
    name = standing.journey.journey
    declared = [stage_place(asked, standing.journey, stage) for stage in standing.journey.stages]
    return [chart(drawn, table("Gates of the journey.", heads, rows)),
            source(asked, [standing.gates], declared, ["gold.stage_gates"], f"gates of {words(name)}")]  # fmt: skip


def gate_words(row: Row | None) -> Mapping[str, str]:
    """The figures of a gate, in words."""
    keys = ("judged", "in_time", "share", "interval", "late", "days")
    if row is None:
        return dict.fromkeys(keys, "nobody yet") | {"days": "–", "interval": "–"}
    hidden = hides(row["passed_in_time"], row["people_judged"])
    passed = row["passed_in_time"] + row["passed_late"]
    days = "–"
    if not is_few(passed) and row["days_half"] is not None:
        days = ", ".join(number(row[key]) for key in ("days_quarter", "days_half", "days_three_quarters"))
    return {
        "judged": people(row["people_judged"]),
        "in_time": "few, or all but few" if hidden else people(row["passed_in_time"]),
        "share": "–" if hidden else share(row["share_in_time"], 1),
        "interval": "–" if hidden else share_of(row["low"], row["high"], 1),
        "late": people(row["passed_late"]) if not hidden else "–",
        "days": days,
    }


def _moves_part(asked: Asked, journey: "Journey") -> list[Any]:
    answer = asked.answer(_moves(journey.journey))
    rows = [(f"{words(row['stage'])} → {words(row['next_stage'])}", right(people(row["people"])), _times(row))
            for row in answer.rows]  # fmt: skip
    order = {stage: place for place, stage in enumerate(journey.names)}
    told = [row for row in answer.rows if not is_few(row["people"])]
    told.sort(key=lambda row: (order.get(row["stage"], 99), order.get(row["next_stage"], 99)))
    drawn = sankey([(words(row["stage"]), words(row["next_stage"]), row["times"]) for row in told],
                   "Changes of stage, from each stage to the next") if told else None  # fmt: skip
    figures = table("Changes of stage.", ("from and to", "people", "times"), rows)
    return [chart(drawn, figures),
            source(asked, [answer], [], ["gold.journey_stages"], f"moves in {words(journey.journey)}")]  # fmt: skip


def _times(row: Row) -> Markup:
    return right("–" if is_few(row["people"]) else f"{row['times']:,}")


def _percent(value: Any) -> float | None:
    return None if value is None else round(100 * value, 2)


def gauge(row: Row) -> Markup:
    """A share with its interval, as a line from 0 to 100 %; the words beside it say the same."""
    low, high, value = (float(_percent(row[key]) or 0) for key in ("low", "high", "share_in_time"))
    return element(
        "svg",
        element("rect", x=0, y=6, width=100, height=6, rx=1, class_="track", vector_effect="non-scaling-stroke"),
        element("rect", x=low, y=4, width=round(high - low, 2), height=10, class_="span"),
        element("rect", x=round(max(value - 0.5, 0), 2), y=1, width=1.2, height=16, class_="point"),
        viewBox="0 0 100 18", preserveAspectRatio="none", class_="gauge", aria_hidden="true", focusable="false",
    )  # fmt: skip


def stage_place(asked: Asked, journey: "Journey", stage: "Stage") -> Any:
    """Where a stage is declared."""
    return asked.declarations.find(*_PLACE, journey.journey, "stages", journey.stages.index(stage))


def standing(asked: Asked, journey: "Journey") -> tuple[Standing | None, list[Answer]]:
    """The stages of a journey counted, with the queries that did; None where they are not there."""
    if not asked.has("gold.journey_stages"):
        return None, []
    found = Standing(asked, journey)
    return found, [found.stages, *([found.gates] if found.gates else [])]
