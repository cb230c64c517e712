"""Metrics with their intervals and bands, and hypotheses with their verdicts."""

import datetime
from collections.abc import Iterator
from typing import Any

from clew.explained.markup import Markup, element
from clew.report.asked import Asked, Row
from clew.report.cells import figures, is_few, number, people, plain, right, words
from clew.report.charts import Interval, intervals
from clew.report.site import Page, absent, badge, chart, section, source, table
from expectations.promises import VERDICTS, refuted_since

FILE, HYPOTHESES = "metrics.html", "hypotheses.html"
METRIC_COLUMNS = (
    "metric",
    "kind",
    "value",
    "unit",
    "direction",
    "low",
    "high",
    "value_certain",
    "low_links",
    "high_links",
    "whole_low",
    "whole_high",
    "people",
    "status",
    "threshold",
    "verdict",
    "guards",
    "why",
    "owner",
)
METRICS = f"SELECT {', '.join(METRIC_COLUMNS)}\nFROM gold.metrics"
_HYPOTHESIS_COLUMNS = (
    "hypothesis",
    "claim",
    "owner",
    "metric",
    "claimed",
    "threshold",
    "unit",
    "judged_on",
    "verdict",
    "estimate",
    "low",
    "high",
    "people",
    "people_of_those",
    "minimum_people",
    "refuted_if",
    "why",
    "answer",
    "answered_on",
)
_HYPOTHESES = f"SELECT {', '.join(_HYPOTHESIS_COLUMNS)}\nFROM gold.hypotheses\nORDER BY hypothesis"
_GROUP_COLUMNS = ("metric", "group_column", "group_value", "people", "value", "difference", "difference_low",
                  "difference_high", "verdict", "unit")  # fmt: skip
_SIGNS = {"kept": "good", "broken": "bad", "holds": "good", "refuted": "bad", "not_enough_people": "open",
          "not_judged_yet": "open", "not_known": "open", "differs": "warn", "no_difference_known": "good"}  # fmt: skip
_KINDS = (("north_star", "North star"), ("guardrail", "Guardrails"), ("input", "Inputs"))


def value(given: Any, unit: str = "") -> str:
    """A figure, or that it is not known; shares in per cent."""
    if given is None:
        return "not known"
    return f"{number(100 * float(given))} %" if unit.startswith("share") else figures(float(given))


def verdict(given: Any) -> Markup:
    """A verdict as a cell."""
    return element("td", badge(words(given), _SIGNS.get(str(given), "none")) if given else "–")


def metrics(asked: Asked) -> Page:
    """The page of metrics."""
    lead = (
        "Every figure with its interval over people, and beside it what it would be by certain links only: the "
        "band that uncertain identities leave."
    )
    if not asked.has("gold.metrics", *METRIC_COLUMNS):
        return Page(FILE, "Metrics", "Metrics", lead, [absent(asked, "gold.metrics", "metrics")])
    answer = asked.answer(f"{METRICS}\nORDER BY metric")
    parts = []
    for kind, title in _KINDS:
        rows = [row for row in answer.rows if row["kind"] == kind]
        if rows:
            parts.append(
                section(
                    title,
                    kind.replace("_", "-"),
                    element("div", [_metric(row) for row in rows], class_="pairs"),
                    table(f"{title}: all figures.", _METRIC_HEADS, [_cells(row) for row in rows]),
                )
            )
    places = [asked.declarations.find("metrics/*.yml", "metric", row["metric"]) for row in answer.rows]
    parts.append(source(asked, [answer], places, ["gold.metrics"], "metrics"))
    if asked.has("gold.metric_groups", *_GROUP_COLUMNS):
        parts.append(_groups(asked))
    return Page(FILE, "Metrics", "Metrics", lead, parts)


_METRIC_HEADS = ("metric", "value", "unit", "95 % interval", "certain links only", "whole interval", "people",
                 "guardrail stands at", "verdict", "owner")  # fmt: skip


def _cells(row: Row) -> tuple[Any, ...]:
    few = is_few(row["people"])
    unit = row["unit"]
    told = (
        ["–"] * 4
        if few
        else [
            value(row["value"], unit),
            ends(row["low"], row["high"], unit),
            value(row["value_certain"], unit),
            ends(row["whole_low"], row["whole_high"], unit),
        ]
    )
    return (words(row["metric"]), right(told[0]), row["unit"], *map(right, told[1:]), right(people(row["people"])),
            row["threshold"] or "–", verdict(row["verdict"]), words(row["owner"]))  # fmt: skip


def ends(low: Any, high: Any, unit: str = "") -> str:
    """An interval; shares in per cent."""
    return "not known" if low is None or high is None else f"{value(low, unit)} to {value(high, unit)}"


def _metric(row: Row) -> Any:
    """One metric on its own scale: all links above, certain links and the band below."""
    if row["value"] is None or is_few(row["people"]):
        return None
    unit = row["unit"]
    size = 100 if unit.startswith("share") else 1
    all_links = [_scaled(size, row["value"], row["low"], row["high"])]
    both = [_scaled(size, row["value_certain"], row["whole_low"], row["whole_high"])]
    drawn = intervals([("by all links", all_links), ("by certain links, with the whole interval", both)],
                      f"{words(row['metric'])}: by all links, and with the doubt of who is who",
                      f"% ({unit})" if size > 1 else unit)  # fmt: skip
    heads = ("reading", "value", "interval")
    told = table(
        f"{words(row['metric'])}, in {row['unit']}.", heads,
        [("by all links", right(value(row["value"], unit)), right(ends(row["low"], row["high"], unit))),
         ("by certain links; the whole interval", right(value(row["value_certain"], unit)),
          right(ends(row["whole_low"], row["whole_high"], unit)))],
    )  # fmt: skip
    return element("div", element("h3", words(row["metric"]).capitalize()), chart(drawn, told))


def _scaled(size: int, *ends_of: float | None) -> Interval:
    point, low, high = (None if one is None else round(size * one, 6) for one in ends_of)
    return Interval("", point, low, high)


def _groups(asked: Asked) -> Markup:
    answer = asked.answer(
        f"SELECT {', '.join(_GROUP_COLUMNS)}\nFROM gold.metric_groups\nORDER BY metric, group_column, group_value"
    )
    rows = [
        (f"{words(row['metric'])}: {words(row['group_column'])} {row['group_value']}", plain(row["people"], "people"),
         *(right("–" if is_few(row["people"]) or row["verdict"] == "too_few_to_say" else told) for told in (
             value(row["value"], row["unit"]), value(row["difference"], row["unit"]),
             ends(row["difference_low"], row["difference_high"], row["unit"]))),
         verdict(row["verdict"]))
        for row in answer.rows
    ]  # fmt: skip
    heads = ("metric and group", "people", "value", "less the others", "interval", "verdict")
    return section("Fairness between groups", "fairness", table("Each group against all others.", heads, rows),
                   source(asked, [answer], [], ["gold.metric_groups"], "groups"))  # fmt: skip


def hypotheses(asked: Asked) -> Page:
    """The page of hypotheses."""
    lead = "What is believed of people, what would refute it, and what it comes to on the date of the release."
    if not asked.has("gold.hypotheses", *_HYPOTHESIS_COLUMNS):
        return Page(HYPOTHESES, "Hypotheses", "Hypotheses", lead, [absent(asked, "gold.hypotheses", "hypotheses")])
    answer = asked.answer(_HYPOTHESES)
    cards = [_claim(row) for row in answer.rows]
    rows = [
        (words(row["hypothesis"]), verdict(row["verdict"]), right(value(row["estimate"], row["unit"])),
         right(ends(row["low"], row["high"], row["unit"])), right(words(row["claimed"])), row["unit"],
         plain(row["people"], "people"), plain(row["judged_on"]), words(row["owner"]))
        for row in answer.rows
    ]  # fmt: skip
    heads = ("hypothesis", "verdict", "estimate", "whole interval", "claimed", "unit", "people", "judged on", "owner")
    places = [asked.declarations.find("hypotheses/*.yml", "hypothesis", row["hypothesis"]) for row in answer.rows]
    parts = [
        section("The claims", "claims", element("div", cards, class_="cards")),
        section("All figures", "figures", table("Hypotheses and their figures.", heads, rows),
                source(asked, [answer], places, ["gold.hypotheses"], "hypotheses")),
    ]  # fmt: skip
    return Page(HYPOTHESES, "Hypotheses", "Hypotheses", lead, parts)


def _claim(row: Row) -> Markup:
    told = "No figure yet." if row["estimate"] is None else (
        f"It is {value(row['estimate'], row['unit'])} ({ends(row['low'], row['high'], row['unit'])}); claimed is "
        f"{words(row['claimed'])}, in {row['unit']}.")  # fmt: skip
    return element(
        "article",
        element("p", badge(words(row["verdict"]), _SIGNS.get(row["verdict"], "none"))),
        element("h3", row["claim"]),
        element("p", told),
        element("p", element("strong", "Refuted if "), row["refuted_if"], "."),
        element("p", element("strong", "Its owner says: "), row["answer"]) if row["answer"] else None,
        element("p", element("span", f"{words(row['owner'])} · judged from {row['judged_on']}", class_="faint")),
        class_="card",
    )


def warnings(asked: Asked) -> Iterator[Markup]:
    """Refuted claims that nobody answered, and broken guardrails, in sentences."""
    if asked.has("gold.hypotheses", *_HYPOTHESIS_COLUMNS):
        since: dict[str, datetime.date] = {}
        if asked.has(VERDICTS):
            answer = asked.answer(refuted_since(f"DATE '{asked.as_of}'"))
            since = {row["hypothesis"]: row["since"] for row in answer.rows}
        for row in asked.answer(_HYPOTHESES).rows:
            answered = row["answered_on"]
            asked_on = since.get(row["hypothesis"], row["judged_on"])
            if row["verdict"] == "refuted" and (answered is None or answered < asked_on):
                yield element("span", badge("refuted", "bad"), " ", row["claim"], f" {words(row['owner'])} has not "
                              "answered. ", element("a", "Hypotheses", href=HYPOTHESES))  # fmt: skip
    if asked.has("gold.metrics", *METRIC_COLUMNS):
        for row in asked.answer(f"{METRICS}\nORDER BY metric").rows:
            if row["verdict"] == "broken":
                yield element(
                    "span",
                    badge("broken", "bad"),
                    f" {words(row['metric']).capitalize()} stands at "
                    f"{value(row['value'], row['unit'])}, {row['unit']}. ",
                    element("a", "Metrics", href=FILE),
                )
