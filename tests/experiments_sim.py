"""Simulated experiments whose truth is known: many runs at once, looked at every day, in numpy.

The numbers of a day come from running sums; a test holds them against measures.experiments.stats on the people.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from measures.experiments import sequential

Numbers = NDArray[np.float64]
Drawn = Callable[[np.random.Generator, tuple[int, ...]], tuple[Numbers, Numbers]]
"""What people did before and after, without any experiment, of a shape."""
LEAST = 100
"""People of each arm before the first look: the least that a contract may ask for is 30, its default this."""


@dataclass(frozen=True)
class Setting:
    """How the simulated experiments are.

    Attributes:
        drawn: What people do.
        mean: The mean of what they do after, without an effect.
        share: Chance to be in the treatment.
        lift: The true one, which scales what a treated person does.
        days: Of taking people in, each of which is looked at.
        a_day: People a day.
        alpha: Of every interval.
        tuned_for: People for whom the always-valid interval is tuned.
    """

    drawn: Drawn
    mean: float
    share: float = 0.5
    lift: float = 0.0
    days: int = 60
    a_day: int = 40
    alpha: float = 0.05
    tuned_for: int = 1_200


@dataclass(frozen=True)
class Looks:
    """What is seen, by run and day: plain and adjusted by CUPED. NaN before the first look.

    Attributes:
        difference: Treatment less control.
        error: Its standard error.
        fixed_half: Half of the interval for one planned look.
        always_half: Half of the interval that holds at every look.
        control_mean: Mean of the control arm.
        control_of_mean: Variance of that mean.
    """

    difference: Numbers
    error: Numbers
    fixed_half: Numbers
    always_half: Numbers
    control_mean: Numbers
    control_of_mean: Numbers


def visits(generator: np.random.Generator, shape: tuple[int, ...]) -> tuple[Numbers, Numbers]:
    """Counts, some people many: Poisson with a rate of each person's own (gamma, shape 0.8, mean 4)."""
    rate = generator.gamma(0.8, 5.0, shape)
    return generator.poisson(rate).astype(np.float64), generator.poisson(rate).astype(np.float64)


def spend(generator: np.random.Generator, shape: tuple[int, ...]) -> tuple[Numbers, Numbers]:
    """Money: 40 % spend nothing, the others log-normally, alike before and after."""
    habit = generator.normal(0, 0.7, shape)
    found = [
        np.where(generator.random(shape) < 0.6, np.exp(3 + habit + generator.normal(0, 0.7, shape)), 0.0) for _ in "ba"
    ]
    return found[0], found[1]


def any_(generator: np.random.Generator, shape: tuple[int, ...]) -> tuple[Numbers, Numbers]:
    """One in ten does it; what was before says a little."""
    chance = generator.beta(1, 9, shape)
    return (generator.random(shape) < chance) * 1.0, (generator.random(shape) < chance) * 1.0


SPEND_MEAN = 0.6 * float(np.exp(3 + 0.49))
SETTINGS = {
    "counts, half and half": Setting(visits, 4.0),
    "counts, nine to one": Setting(visits, 4.0, share=0.1, a_day=80, tuned_for=2_400),
    "money, half and half": Setting(spend, SPEND_MEAN),
    "one in ten, half and half": Setting(any_, 0.1),
}


def people(setting: Setting, runs: int, generator: np.random.Generator) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
    """Before, after and arm of everybody, by run, day and person."""
    shape = (runs, setting.days, setting.a_day)
    before, after = setting.drawn(generator, shape)
    is_treated = generator.random(shape) < setting.share
    if setting.drawn is any_:  # who would not have done it does it with the chance that makes the lift
        more = setting.lift * setting.mean / (1 - setting.mean)
        after = np.where(is_treated & (after == 0) & (generator.random(shape) < more), 1.0, after)
    else:
        after = np.where(is_treated, after * (1 + setting.lift), after)
    return before, after, is_treated


def look(setting: Setting, before: Numbers, after: Numbers, is_treated: NDArray[np.bool_]) -> tuple[Looks, Looks]:
    """Every day's look at each run: plain, and adjusted by CUPED."""
    arms = [_moments(before, after, mask) for mask in (~is_treated, is_treated)]
    control, treatment = arms
    least = np.minimum(control["n"], treatment["n"]) >= LEAST
    plain = _looks(setting, control, treatment, least, None)
    cross = control["xy"] + treatment["xy"]
    spread = control["xx"] + treatment["xx"]
    return plain, _looks(setting, control, treatment, least, cross / np.where(spread > 0, spread, 1))


def _moments(before: Numbers, after: Numbers, mask: NDArray[np.bool_]) -> dict[str, Numbers]:
    """Of an arm after each day: people, means, and sums of squares and products about them."""
    x, y = np.where(mask, before, 0.0), np.where(mask, after, 0.0)
    sums = {
        name: np.cumsum(value.sum(axis=2), axis=1)
        for name, value in {
            "n": mask.astype(np.float64),
            "x": x,
            "y": y,
            "sx": x * x,
            "sy": y * y,
            "sxy": x * y,
        }.items()
    }
    n = np.maximum(sums["n"], 1)
    mean_x, mean_y = sums["x"] / n, sums["y"] / n
    return {
        "n": sums["n"], "x": mean_x, "y": mean_y, "xx": sums["sx"] - n * mean_x**2, "yy": sums["sy"] - n * mean_y**2,
        "xy": sums["sxy"] - n * mean_x * mean_y,
    }  # fmt: skip


def _looks(
    setting: Setting, control: dict[str, Numbers], treatment: dict[str, Numbers], least: NDArray[np.bool_],
    theta: Numbers | None,
) -> Looks:  # fmt: skip
    means, of_means = [], []
    everybody = control["n"] + treatment["n"]
    middle = (control["n"] * control["x"] + treatment["n"] * treatment["x"]) / np.maximum(everybody, 1)
    for arm in (control, treatment):
        mean, spread = arm["y"], arm["yy"]
        if theta is not None:
            mean = mean - theta * (arm["x"] - middle)
            spread = spread - 2 * theta * arm["xy"] + theta**2 * arm["xx"]
        means.append(mean)
        of_means.append(np.maximum(spread, 0) / np.maximum(arm["n"] - 1, 1) / np.maximum(arm["n"], 1))
    error = np.sqrt(of_means[0] + of_means[1])
    error = np.where(least & (error > 0), error, np.nan)
    freedom = error**4 / (
        of_means[0] ** 2 / np.maximum(control["n"] - 1, 1) + of_means[1] ** 2 / np.maximum(treatment["n"] - 1, 1)
    )
    return Looks(
        means[1] - means[0],
        error,
        t.ppf(1 - setting.alpha / 2, freedom) * error,
        sequential.half_width(error, everybody, setting.alpha, setting.tuned_for),
        means[0],
        of_means[0],
    )


@dataclass(frozen=True)
class Rates:
    """Shares of runs.

    Attributes:
        peeked: The planned-look interval left the truth out on some day: what peeking does to it.
        sequential: The always-valid one did.
        covered: The planned-look interval held the truth on the last day.
        lift_covered: That of the lift did.
        found: The always-valid interval left 0 out by the last day.
        lift: Mean of the estimated lift on the last day.
    """

    peeked: float
    sequential: float
    covered: float
    lift_covered: float
    found: float
    lift: float


def rates(setting: Setting, runs: int, seed: int, batch: int = 250) -> tuple[Rates, Rates]:
    """How often what is said is right, plain and adjusted.

    Args:
        setting: Of the experiments.
        runs: How many, a multiple of the batch or less than one.
        seed: Of the generator.
        batch: Runs in memory at once.
    """
    generator = np.random.default_rng(seed)
    told: tuple[list[Numbers], list[Numbers]] = ([], [])
    for size in [batch] * (runs // batch) + ([runs % batch] if runs % batch else []):
        for place, looks in enumerate(look(setting, *people(setting, size, generator))):
            told[place].append(_judged(setting, looks))
    found = [Rates(*np.concatenate(one, axis=1).mean(axis=1).tolist()) for one in told]
    return found[0], found[1]


def _judged(setting: Setting, looks: Looks) -> Numbers:
    """Of each run what ``Rates`` averages."""
    truth = setting.lift * setting.mean
    off = np.abs(looks.difference - truth)
    share = looks.difference[:, -1] / looks.control_mean[:, -1]
    variance = looks.error[:, -1] ** 2 + (share**2 + 2 * share) * looks.control_of_mean[:, -1]
    widths = looks.fixed_half[:, -1] / looks.error[:, -1]
    spread = widths * np.sqrt(variance) / np.abs(looks.control_mean[:, -1])
    return np.stack(
        [
            (off > looks.fixed_half).any(axis=1),
            (off > looks.always_half).any(axis=1),
            off[:, -1] <= looks.fixed_half[:, -1],
            np.abs(share - setting.lift) <= spread,
            (np.abs(looks.difference) > looks.always_half).any(axis=1),
            share,
        ]
    ).astype(np.float64)
