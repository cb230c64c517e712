"""Attribution beside what was measured: what models credit a channel with, and what it really added where known."""

from collections.abc import Sequence
from typing import Any

from clew.explained.markup import element
from clew.report.asked import Asked, Row
from clew.report.cells import is_few, number, people, right, words
from clew.report.charts import Interval, columns, intervals
from clew.report.site import Page, absent, badge, chart, section, source, table

FILE = "attribution.html"
_COLUMNS = (
    "period",
    "period_from",
    "period_until",
    "model",
    "level",
    "channel",
    "campaign",
    "people",
    "orders",
    "value",
    "share",
    "status",
    "measured_value",
    "measured_low",
    "measured_high",
    "method",
    "gap",
    "is_within",
)
_MIX = (
    "channel",
    "status",
    "reason",
    "weeks",
    "regions",
    "people",
    "contribution",
    "low",
    "high",
    "lifts",
    "calibrated",
    "calibrated_low",
    "calibrated_high",
)
_MODELS = ("first", "last", "linear", "time_decay", "position", "markov", "shapley")
_NO_CHANNEL = ("no_touchpoint", "no_person", "not_yet", "other")


def page(asked: Asked) -> Page:
    """The page of attribution."""
    lead = (
        "Seven models share the same orders out among channels; none of them measures what a channel added. "
        "Where a holdout or a comparison did, it stands beside them."
    )
    parts: list[Any] = []
    if asked.has("gold.attribution", *_COLUMNS):
        parts += _attribution(asked)
    else:
        parts.append(absent(asked, "gold.attribution", "attribution"))
    if asked.has("gold.media_mix", *_MIX):
        parts.append(_media_mix(asked))
    else:
        parts.append(absent(asked, "gold.media_mix", "media mix"))
    return Page(FILE, "Credit, and what was measured", "Attribution", lead, parts)


def _attribution(asked: Asked) -> list[Any]:
    answer = asked.answer(f"""SELECT {", ".join(_COLUMNS)}
FROM gold.attribution
WHERE level = 'channel' AND period = 'all'
ORDER BY channel, model""")
    beside = asked.answer(f"""SELECT {", ".join(_COLUMNS)}
FROM gold.attribution
WHERE status = 'measured'
ORDER BY period, level, channel, campaign, model""")
    models = [model for model in _MODELS if any(row["model"] == model for row in answer.rows)]
    place = asked.declarations.part("attribution.yml")
    return [
        section("By every model, over all orders", "models", _credits(answer.rows, models),
                source(asked, [answer], [place], ["gold.attribution"], "credits of models")),
        section("Beside what was measured", "measured", _measured(beside.rows),
                source(asked, [beside], [place], ["gold.attribution"], "credits beside measurements")),
    ]  # fmt: skip


def _credits(rows: Sequence[Row], models: Sequence[str]) -> Any:
    """One row a channel, one column a model: they sum to the same orders."""
    credit = {(row["channel"], row["model"]): row for row in rows}
    names = list(dict.fromkeys(row["channel"] for row in rows))
    names.sort(key=lambda name: (name in _NO_CHANNEL, name))
    cells, kinds = [], [(words(model), []) for model in models]  # type: list[Any], list[tuple[str, list[float | None]]]
    for name in names:
        given = [credit.get((name, model)) for model in models]
        cells.append((words(name), *(right(_money(row)) for row in given)))
        if name not in _NO_CHANNEL:
            for (_, figures), row in zip(kinds, given, strict=True):
                known = row is not None and not is_few(row["people"])
                figures.append(round(float(row["value"]), 2) if known and row is not None else None)
    sums = [sum(float(row["value"]) for row in rows if row["model"] == model) for model in models]
    cells.append(("all orders", *(right(number(total, 2)) for total in sums)))
    shown = [name for name in names if name not in _NO_CHANNEL]
    drawn = columns([words(name) for name in shown], kinds, "Value credited to each channel by each model",
                    "value credited") if shown else None  # fmt: skip
    return chart(drawn, table("Value credited to each channel.", ("channel", *map(words, models)), cells))


def _money(row: Row | None) -> str:
    if row is None:
        return "–"
    return people(row["people"]) + " people" if is_few(row["people"]) else number(float(row["value"]), 2)


def _measured(rows: Sequence[Row]) -> Any:
    if not rows:
        return element("p", "Nothing was measured yet: what any channel really added is not known.")
    told: list[Any] = []
    groups: dict[str, list[Row]] = {}
    for row in rows:
        name = f"{words(row['channel'])}, {words(row['campaign'])}, from {row['period_from']}"
        groups.setdefault(name, []).append(row)
        within = badge("within", "good") if row["is_within"] else badge("outside", "bad")
        told.append((f"{name}, {words(row['model'])}", right(_money(row)), right(number(row["measured_value"], 2)),
                     right(f"{number(row['measured_low'], 0)} to {number(row['measured_high'], 0)}"),
                     right(number(row["gap"], 2)), element("td", within), words(row["method"])))  # fmt: skip
    shown, credited = [], []
    for name, group in groups.items():
        known = sorted(float(row["value"]) for row in group if not is_few(row["people"]))
        if group[0]["measured_low"] is None or not known:
            continue
        shown.append(Interval(name, *(float(group[0][f"measured_{end}"]) for end in ("value", "low", "high"))))
        credited.append(Interval(name, known[len(known) // 2], known[0], known[-1]))
    kinds = [
        ("measured, with its interval", shown),
        ("credited by models, least to most", credited),
    ]
    heads = ("channel, campaign, model", "credited", "measured", "its interval", "credited less measured",
             "within the interval", "measured by")  # fmt: skip
    drawn = intervals(kinds, "Value that was measured to be added, beside what models credit", "value",
                      line=0) if shown else None  # fmt: skip
    return chart(drawn, table("Credits of models beside what was measured.", heads, told))


def _media_mix(asked: Asked) -> Any:
    answer = asked.answer(f"SELECT {', '.join(_MIX)}\nFROM gold.media_mix\nORDER BY channel")
    rows, shown, calibrated = [], [], []
    for row in answer.rows:
        rows.append((words(row["channel"]), words(row["status"]), words(row["reason"]) if row["reason"] else "–",
                     right(people(row["people"])), right(f"{row['weeks']:,}"), right(number(row["contribution"], 0)),
                     right(_ends(row["low"], row["high"])), right(f"{row['lifts']:,}"),
                     right(number(row["calibrated"], 0)),
                     right(_ends(row["calibrated_low"], row["calibrated_high"]))))  # fmt: skip
        if row["low"] is not None and row["high"] is not None:
            shown.append(Interval(words(row["channel"]), row["contribution"], row["low"], row["high"]))
            calibrated.append(Interval(words(row["channel"]), row["calibrated"], row["calibrated_low"],
                                       row["calibrated_high"]))  # fmt: skip
    kinds = [("by the regression", shown), ("with measured lifts", calibrated)]
    drawn = intervals(kinds, "Value that sales by week and region say each medium added", "value added", line=0)
    heads = ("medium", "known", "why not", "people", "weeks", "value added", "interval", "lifts", "with lifts",
             "interval with lifts")  # fmt: skip
    return section(
        "Media mix by week and region",
        "mix",
        chart(drawn if shown else None, table("What each medium added by a regression.", heads, rows)),
        source(asked, [answer], [asked.declarations.part("attribution.yml")], ["gold.media_mix"], "media mix"),
    )


def _ends(low: Any, high: Any) -> str:
    return "not known" if low is None or high is None else f"{number(low, 0)} to {number(high, 0)}"
