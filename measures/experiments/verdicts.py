"""Two arms of an experiment compared by one metric: every number that is shown, and the verdict that it comes to."""

from dataclasses import dataclass

import numpy as np

from contracts.experiment import Experiment, Guardrail, Metric
from measures.experiments import sequential, stats
from measures.experiments.outcomes import Outcomes
from measures.experiments.stats import Effect, Sample

TUNED_FOR = 5_000
"""People for whom the always-valid interval of a fixed horizon is tuned; it decides where that was stopped early."""
BROKEN, FEW, EARLY = "sample_ratio_broken", "too_few", "too_early"
WINS, LOSES, NO_DIFFERENCE = "wins", "loses", "no_difference_known"
HOLDS, HARMED, NOT_KNOWN = "holds", "harmed", "not_known"
ALIKE = "everybody of an arm has the same value, so nothing tells how sure a difference is"


@dataclass(frozen=True)
class Standing:
    """What of an experiment does not depend on metric and arm.

    Attributes:
        sample_ratio: The p-value of the sample ratio.
        is_over: Whether every window of the metric is over.
    """

    sample_ratio: float
    is_over: bool

    @property
    def has_ratio(self) -> bool:
        return self.sample_ratio >= stats.SAMPLE_RATIO_ALPHA


@dataclass(frozen=True)
class Compared:
    """A difference with its interval at one look, and the one that holds at every look."""

    effect: Effect
    control: Sample
    always_half: float
    always_p: float

    @property
    def always(self) -> tuple[float, float]:
        return self.effect.difference - self.always_half, self.effect.difference + self.always_half


def alpha_of(experiment: Experiment) -> float:
    """Of one comparison: the declared one, shared evenly by the arms beside the control (Bonferroni)."""
    return experiment.alpha / len(experiment.treatments)


def compare(experiment: Experiment, name: str, arm: str, found: Outcomes, standing: Standing) -> dict[str, object]:
    """One row of gold.experiment_results, but for the people who wait.

    Args:
        experiment: As declared.
        name: Of the metric.
        arm: The one that is compared with the control.
        found: The metric of everybody who counts.
        standing: Of the experiment.
    """
    metric = experiment.metrics[name]
    control, treatment = found.of(experiment.control), found.of(arm)
    row: dict[str, object] = {
        "experiment": experiment.name, "metric": name, "arm": arm, "control": experiment.control,
        "role": "guardrail" if isinstance(metric, Guardrail) else "primary",
        "minimum_effect": metric.tolerated_harm if isinstance(metric, Guardrail) else experiment.minimum_effect,
        "sample_ratio_p_value": standing.sample_ratio, "has_sample_ratio": standing.has_ratio,
        "is_over": standing.is_over,
    }  # fmt: skip
    if min(len(control), len(treatment)) < experiment.at_least:
        verdict = FEW if standing.has_ratio else BROKEN
        return row | {"verdict": verdict, "reason": _reason(verdict, experiment, metric)}
    alpha = alpha_of(experiment)
    plain = _compared(experiment, stats.sample(control), stats.sample(treatment), alpha)
    row |= {
        "mean": plain.control.mean + plain.effect.difference, "control_mean": plain.control.mean,
        "difference": plain.effect.difference,
    }  # fmt: skip
    if plain.effect.error == 0:
        verdict = NOT_KNOWN if isinstance(metric, Guardrail) else NO_DIFFERENCE
        verdict = verdict if standing.has_ratio else BROKEN
        reason = ALIKE if standing.has_ratio else _reason(verdict, experiment, metric)
        return row | {"verdict": verdict, "reason": reason}
    row |= {
        "low": plain.effect.low, "high": plain.effect.high,
        "p_value": plain.effect.p_value, "always_low": plain.always[0], "always_high": plain.always[1],
        "always_p_value": plain.always_p,
    }  # fmt: skip
    deciding, prefix = plain, ""
    before_control, before = found.before_of(experiment.control), found.before_of(arm)
    if before_control is not None and before is not None:
        prefix = "adjusted_"
        deciding = _compared(experiment, *stats.cuped(control, treatment, before_control, before), alpha)
        row |= {
            "adjusted_difference": deciding.effect.difference,
            "adjusted_low": deciding.effect.low, "adjusted_high": deciding.effect.high,
            "adjusted_always_low": deciding.always[0], "adjusted_always_high": deciding.always[1],
            "variance_reduction": _saved(plain.effect, deciding.effect),
        }  # fmt: skip
    return row | _decided(experiment, metric, deciding, prefix, standing, len(treatment))


def _compared(experiment: Experiment, control: Sample, treatment: Sample, alpha: float) -> Compared:
    effect = stats.welch(control, treatment, alpha)
    people = float(control.people + treatment.people)
    tuned = experiment.stop.tuned_for or TUNED_FOR
    if effect.error == 0:
        return Compared(effect, control, 0.0, effect.p_value)
    half = float(sequential.half_width(effect.error, people, alpha, tuned))
    return Compared(
        effect, control, half, float(sequential.p_value(effect.difference, effect.error, people, alpha, tuned))
    )


def _saved(plain: Effect, adjusted: Effect) -> float:
    return 1 - (adjusted.error / plain.error) ** 2 if plain.error else 0.0


def _decided(
    experiment: Experiment, metric: Metric, found: Compared, prefix: str, standing: Standing, people: int
) -> dict[str, object]:
    """Lift, power and verdict, by the interval that the contract's stop rule names."""
    effect = found.effect
    is_always = experiment.is_looked_at
    half = found.always_half if is_always else effect.high - effect.difference
    row: dict[str, object] = {"decided_by": prefix + ("always_valid" if is_always else "fixed")}
    share = low = high = None
    if found.control.mean != 0:
        share, low, high = stats.lift(found.control, effect.difference, half, effect.error)
        wanted = metric.tolerated_harm if isinstance(metric, Guardrail) else experiment.minimum_effect
        row |= {"lift": share, "lift_low": low, "lift_high": high}
        row |= _power(experiment, found, wanted * abs(found.control.mean), people)
    if not standing.has_ratio:
        verdict = BROKEN
    elif experiment.stop.rule == "fixed_horizon" and not standing.is_over:
        verdict = EARLY
    elif isinstance(metric, Guardrail):
        verdict = _guarded(metric, low, high)
    else:
        verdict = _won(metric, effect.difference - half, effect.difference + half)
    return row | {"verdict": verdict, "reason": _reason(verdict, experiment, metric)}


def _power(experiment: Experiment, found: Compared, effect: float, people: int) -> dict[str, object]:
    """The power to find the declared effect with these people, and the lift that they find with the wanted power."""
    alpha, control, error = alpha_of(experiment), found.control.people, found.effect.error
    deviation = error / np.sqrt(1 / control + 1 / people)
    if experiment.is_looked_at:
        tuned = experiment.stop.tuned_for or TUNED_FOR
        power = sequential.power_of(effect, error, control + people, alpha, tuned)
        least = sequential.detectable(error, control + people, alpha, experiment.power, tuned)
    else:
        power = stats.power_of(effect, deviation, control, people, alpha)
        least = stats.detectable(deviation, control, people, alpha, experiment.power)
    return {"power": power, "detectable_lift": least / abs(found.control.mean)}


def _won(metric: Metric, low: float, high: float) -> str:
    better = (low, high) if metric.direction == "up" else (-high, -low)
    return WINS if better[0] > 0 else LOSES if better[1] < 0 else NO_DIFFERENCE


def _guarded(metric: Guardrail, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return NOT_KNOWN
    better = (low, high) if metric.direction == "up" else (-high, -low)
    return HOLDS if better[0] > -metric.tolerated_harm else HARMED if better[1] < -metric.tolerated_harm else NOT_KNOWN


def _reason(verdict: str, experiment: Experiment, metric: Metric) -> str:
    harm = f"{metric.tolerated_harm:.0%}" if isinstance(metric, Guardrail) else ""
    better = "more" if metric.direction == "up" else "less"
    return {
        BROKEN: "the arms do not have the people that their shares say: find out why before anything is believed",
        FEW: f"an arm has fewer than {experiment.at_least} people whose window of {metric.window_days} days is over",
        EARLY: f"a fixed horizon is judged once, {metric.window_days} days after {experiment.last_day}",
        WINS: f"the whole interval is on the side of {better}, which is better",
        LOSES: f"the whole interval is on the worse side; {better} would be better",
        NO_DIFFERENCE: "the interval holds 0",
        HOLDS: f"the whole interval is within the tolerated harm of {harm}",
        HARMED: f"the whole interval is beyond the tolerated harm of {harm}",
        NOT_KNOWN: f"the interval holds the tolerated harm of {harm}, or the control arm's mean is 0",
    }[verdict]
