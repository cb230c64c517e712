"""Experiments: the ledger of all, what each arm did with its intervals, and where two of them meet."""

from typing import Any

from clew.explained.markup import Markup, element
from clew.report.asked import Answer, Asked, Row
from clew.report.cells import plain, right, share, words
from clew.report.charts import Interval, intervals
from clew.report.judged import value
from clew.report.site import Page, absent, badge, chart, section, source, table

FILE = "experiments.html"
_LEDGER = ("experiment", "owner", "kind", "status", "phase", "starts_on", "ends_on", "hypothesis", "stop_rule",
           "people_exposed", "people_counted", "people_mixed", "excluded", "people_needed", "verdict", "guardrails",
           "learned")  # fmt: skip
_RESULTS = (
    "experiment",
    "metric",
    "arm",
    "control",
    "role",
    "people",
    "control_people",
    "mean",
    "control_mean",
    "lift",
    "lift_low",
    "lift_high",
    "minimum_effect",
    "has_sample_ratio",
    "decided_by",
    "verdict",
    "reason",
)
_MEET = ("experiment", "other", "arm", "other_arm", "people", "difference", "low", "high", "verdict")
_SIGNS = {"wins": "good", "holds": "good", "none_known": "good", "loses": "bad", "harmed": "bad", "interacts": "warn",
          "sample_ratio_broken": "bad", "too_few": "open", "too_early": "open", "not_known": "open",
          "no_difference_known": "open"}  # fmt: skip


def page(asked: Asked) -> Page:
    """The page of experiments."""
    lead = (
        "Everything that was tried, dead experiments too: who was in it, what each arm did, and whether the arms "
        "had the people they should."
    )
    parts: list[Any] = []
    if asked.has("gold.experiment_ledger", *_LEDGER):
        answer = _all(asked, "gold.experiment_ledger", _LEDGER, "experiment")
        cards = [_entry(row) for row in answer.rows]
        places = [asked.declarations.find("experiments/*.yml", "experiment", row["experiment"]) for row in answer.rows]
        parts.append(section("The ledger", "ledger", element("div", cards, class_="cards"),
                             source(asked, [answer], places, ["gold.experiment_ledger"], "the ledger")))  # fmt: skip
    else:
        parts.append(absent(asked, "gold.experiment_ledger", "ledger of experiments"))
    if asked.has("gold.experiment_results", *_RESULTS):
        answer = _all(asked, "gold.experiment_results", _RESULTS, "experiment, role DESC, metric, arm")
        parts.append(section("What the arms did", "results", _results(answer),
                             source(asked, [answer], [], ["gold.experiment_results"], "results")))  # fmt: skip
    else:
        parts.append(absent(asked, "gold.experiment_results", "results of experiments"))
    if asked.has("gold.experiment_interactions", *_MEET):
        answer = _all(asked, "gold.experiment_interactions", _MEET, "experiment, other, arm, other_arm")
        rows = [(f"{words(row['experiment'])} ({words(row['arm'])}) beside {words(row['other'])} "
                 f"({words(row['other_arm'])})", plain(row["people"], "people"), right(value(row["difference"])),
                 right(_ends(row["low"], row["high"])), _verdict(row["verdict"])) for row in answer.rows]  # fmt: skip
        parts.append(
            section(
                "Where two meet",
                "meet",
                table(
                    "Whether an arm does something else beside an arm of another.",
                    ("arms", "people", "difference of effects", "interval", "verdict"),
                    rows,
                ),
                source(asked, [answer], [], ["gold.experiment_interactions"], "interactions"),
            )
        )
    return Page(FILE, "What was tried", "Experiments", lead, parts)


def _all(asked: Asked, name: str, columns: tuple[str, ...], order: str) -> Answer:
    return asked.answer(f"SELECT {', '.join(columns)}\nFROM {name}\nORDER BY {order}")


def _verdict(given: Any) -> Markup:
    return element("td", badge(words(given), _SIGNS.get(str(given), "none")))


def _ends(low: Any, high: Any) -> str:
    return "not known" if low is None or high is None else f"{value(low)} to {value(high)}"


def _entry(row: Row) -> Markup:
    facts = (("phase", words(row["phase"])), ("owner", words(row["owner"])),
             ("days", f"{row['starts_on']} to {row['ends_on']}"), ("stop rule", words(row["stop_rule"])),
             ("people exposed", plain(row["people_exposed"], "people")),
             ("of whom count", plain(row["people_counted"], "people")),
             ("saw several arms", plain(row["people_mixed"], "people")),
             ("people needed", plain(row["people_needed"])))  # fmt: skip
    return element(
        "article",
        element("h3", words(row["experiment"]).capitalize(), element("span", f" · {row['kind']}, {row['status']}",
                class_="kind"), id=f"experiment-{row['experiment']}"),
        element("p", row["hypothesis"], class_="goal"),
        element("p", element("strong", "Verdict: "), words(row["verdict"] or "none yet")),
        element("p", element("strong", "Guardrails: "), words(row["guardrails"])) if row["guardrails"] else None,
        element("p", element("strong", "Learned: "), row["learned"]) if row["learned"] else None,
        element("dl", [[element("dt", name), element("dd", _bare(given))] for name, given in facts]),
        class_="card",
    )  # fmt: skip


def _bare(given: Any) -> Any:
    """What would stand in a cell, without the cell."""
    if isinstance(given, Markup):
        return Markup(given.split(">", 1)[1].rsplit("<", 1)[0])
    return given


def _results(answer: Answer) -> Any:
    rows, shown = [], []
    for row in answer.rows:
        name = (
            f"{words(row['experiment'])}: {words(row['metric'])}, {words(row['arm'])} against {words(row['control'])}"
        )
        lift = "–" if row["lift"] is None else share(row["lift"], 1)
        ends = "–" if row["lift_low"] is None or row["lift_high"] is None else (
            f"{100 * row['lift_low']:.1f} to {100 * row['lift_high']:.1f} %")  # fmt: skip
        ratio = badge("as declared", "good") if row["has_sample_ratio"] else badge("broken", "bad")
        rows.append(
            (
                name,
                _verdict(row["verdict"]),
                plain(row["people"], "people"),
                plain(row["control_people"], "people"),
                right(value(row["mean"])),
                right(value(row["control_mean"])),
                right(lift),
                right(ends),
                right(share(row["minimum_effect"], 1)),
                element("td", ratio),
                element("td", row["reason"], class_="wide"),
            )
        )
        if row["lift"] is not None and row["lift_low"] is not None and row["lift_high"] is not None:
            values = (round(100 * row[key], 2) for key in ("lift", "lift_low", "lift_high"))
            shown.append(Interval(name, *values))
    heads = ("experiment, metric, arm", "verdict", "people", "of control", "mean", "of control", "lift", "its interval",
             "minimum effect", "sizes of arms", "why")  # fmt: skip
    drawn = intervals([("lift", shown)], "Lift of each arm over its control, with the interval that decides",
                      "% more than the control arm", line=0) if shown else None  # fmt: skip
    return chart(drawn, table("Each arm against its control.", heads, rows))
