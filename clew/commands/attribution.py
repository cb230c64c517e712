"""`clew attribution`: what each model credits channels with, beside what was measured."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

import typer

from clew.output import note, print_json, print_section, print_table, results

_TABLE = "gold.attribution"
_MIX = "gold.media_mix"
_NOT_KNOWN = "not known"
_ROWS = f"""SELECT period, model, level, channel, campaign, people, orders, "value", share, status, measured_value,
                   measured_low, measured_high, method, measured_by, gap, is_within
            FROM {_TABLE} WHERE level = ? ORDER BY period <> 'all', period, channel, campaign, model"""


def attribution(
    campaigns: Annotated[bool, typer.Option("--campaigns", help="By campaign, where touchpoints name theirs.")] = False,
    release: Annotated[str, typer.Option(help="Which release: a number, latest or live.")] = "latest",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the value that each model credits channels with, and how far from what was measured that is."""
    from clew.workspace import read
    from contracts.attribution import MODELS

    reading = read(release, only=[_TABLE, _MIX])
    found = reading.rows(_ROWS, ["campaign" if campaigns else "channel"]) if _TABLE in reading.tables else []
    models = [model for model in MODELS if any(row["model"] == model for row in found)]
    far = _distances(found, models)
    mix = reading.rows(f"SELECT * FROM {_MIX} ORDER BY channel") if _MIX in reading.tables else []
    with results():
        if as_json:
            told = {"release": reading.release, "as_of": reading.as_of}
            print_json(told | {"rows": found, "distances": far, "media_mix": mix})
        elif found:
            print_table(*_shown([row for row in found if row["period"] == "all"], models, campaigns))
            for period in dict.fromkeys(row["period"] for row in found if row["status"] == "measured"):
                of_period = [row for row in found if row["period"] == period and row["status"] == "measured"]
                print_section(f"Measured in {period}", *_shown(of_period, models, campaigns))
            if far:
                print_section(
                    "How far each model is from what was measured",
                    ("model", "measured", "mean distance", "too high", "too low", "within the interval"),
                    [tuple(item.values()) for item in far],
                )
            if mix:
                print_section(
                    "What was added by sales of weeks and regions",
                    ("channel", "by regression", "with lifts", "out of sample"),
                    [_of_mix(row) for row in mix],
                )
    note(_said(found, reading.name))


def _said(found: list[dict[str, Any]], name: str) -> str:
    if not found:
        return f"{name} credits no channel: declare contracts/attribution.yml, and run it: clew run"
    if not any(row["status"] == "measured" for row in found):
        return f"{name}: nothing was measured, so nobody knows how right any model is"
    return f"{name}: a model credits what came after a channel, a measurement what came because of it"


def _shown(
    rows: list[dict[str, Any]], models: list[str], campaigns: bool
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """A line for each channel or campaign: each model's value, and the measured one."""
    cells = dict.fromkeys((row["channel"], row["campaign"]) for row in rows)
    lines = []
    for channel, campaign in cells:
        of_cell = {row["model"]: row for row in rows if (row["channel"], row["campaign"]) == (channel, campaign)}
        any_row = next(iter(of_cell.values()))
        values = [of_cell[model]["value"] if model in of_cell else "" for model in models]
        lines.append((channel, *([campaign] if campaigns else []), *values, _measured(any_row)))
    head = ("channel", *(["campaign"] if campaigns else []), *(model.replace("_", " ") for model in models), "measured")
    return head, lines


def _measured(row: dict[str, Any]) -> str:
    if row["status"] != "measured":
        return _NOT_KNOWN
    low, high = row["measured_low"], row["measured_high"]
    return f"{row['measured_value']:,} ({low:,} to {high:,}) by {row['method'].replace('_', ' ')}"


def _of_mix(row: dict[str, Any]) -> tuple[str, str, str, str]:
    """A medium by regression and with lifts, each with its interval; or why that is not known."""
    known = row["status"] == "estimated"
    alone = _between(row["contribution"], row["low"], row["high"]) if known else f"{_NOT_KNOWN}: {_why(row)}"
    with_lifts = (
        _between(row["calibrated"], row["calibrated_low"], row["calibrated_high"]) if row["lifts"] else _NOT_KNOWN
    )
    ahead = "" if row["r2_out_of_sample"] is None else f"{row['r2_out_of_sample']:.1%} explained"
    return row["channel"], alone, with_lifts, ahead


def _between(value: float, low: float, high: float) -> str:
    return f"{value:,.2f} ({low:,.2f} to {high:,.2f})"


def _why(row: dict[str, Any]) -> str:
    return str(row["reason"]).replace("_", " ")


def _distances(rows: Iterable[dict[str, Any]], models: list[str]) -> list[dict[str, Any]]:
    """By model, over every channel, campaign and period that was measured."""
    known = [row for row in rows if row["status"] == "measured"]
    told = []
    for model in models:
        of_model = [row for row in known if row["model"] == model]
        if of_model:
            distance = sum((abs(row["gap"]) for row in of_model), Decimal(0)) / len(of_model)
            told.append(
                {
                    "model": model,
                    "measured": len(of_model),
                    "mean_distance": distance.quantize(Decimal("0.01")),
                    "too_high": sum(row["value"] > row["measured_high"] for row in of_model),
                    "too_low": sum(row["value"] < row["measured_low"] for row in of_model),
                    "within": sum(bool(row["is_within"]) for row in of_model),
                }
            )
    return told
