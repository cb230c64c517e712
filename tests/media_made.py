"""Made-up panels of sales and media, whose truth is known."""

import datetime as dt

import numpy as np

from contracts.attribution import MediaMix
from measures.media_mix import Shape, shaped
from measures.media_panel import Panel

MIX = MediaMix.model_validate(
    {"channels": ["email_sent"], "region": "city", "adstock": [0, 0.5], "saturation": [0, 1], "holdout_weeks": 8}
)


def made(
    seed: int, slope: float = 2.0, shape: Shape = (0.5, 0), weeks: int = 52, regions: int = 14, noise: float = 1.0
) -> tuple[Panel, float]:
    """A panel, and what the medium really added in it.

    Sales have levels of weeks, of regions, and noise that lasts from week to week and is partly that of all regions.
    """
    dice = np.random.default_rng(seed)
    people = dice.integers(20, 80, regions).astype(float)
    sent = dice.poisson(0.4 * people[:, None], (regions, weeks)) / people[:, None]
    own, shared = dice.normal(size=(regions, weeks)), dice.normal(size=weeks)
    rest = own + shared
    for week in range(1, weeks):
        rest[:, week] += 0.3 * rest[:, week - 1]
    added = slope * shaped(sent, shape)
    season = 3 * np.sin(np.arange(weeks) / 8)
    sales = 30 + season + dice.normal(0, 3, (regions, 1)) + noise * rest + added
    panel = Panel(dt.date(2017, 1, 2), people, sales, {"email_sent": sent})
    return panel, panel.total(added)


def coverage(runs: int, slope: float = 2.0) -> float:
    """How often the interval has the truth in it."""
    from measures.media_mix import table_rows

    hits = 0
    for seed in range(runs):
        panel, truth = made(seed, slope)
        (row,) = table_rows(panel, MIX, {})
        hits += row["low"] <= truth <= row["high"]
    return hits / runs
