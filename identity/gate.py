"""The gate before a trained model: what must hold of it, against the model in use, before it is taken.

Labels come first: a model that is right about fewer of them, beyond chance, is not taken, neither by the labels of
stewards nor by pairs that identifiers tell. Counts hold where stewards have labelled too little: a model may link more
than the one in use only if identifiers do not speak against it more often, and may not flood the review queue or grow
a giant profile. The bounds are wide: they stop a training that failed, not one that differs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from identity.diff import Difference
from identity.drift import Level
from identity.judge import Judgement
from identity.quality import ENOUGH_LABELS

WORSE_BY_CHANCE = 0.05
"""A loss that chance explains more rarely than this is none of chance."""

MORE_LINKS = 1.25
"""More links than this times those in use need at least the agreement of today; a retraining on the same data moves the
number of links by some per cent."""

MORE_QUESTIONS, FREE_QUESTIONS = 2.0, 100
"""Twice today's questions is a queue that stewards did not plan for; a hundred more is an afternoon."""

BIGGER_PROFILE, FREE_RECORDS = 1.5, 5
"""A profile grows by half only if people were merged; small ones may grow by some records."""


@dataclass(frozen=True)
class Check:
    """One thing that must hold.

    Attributes:
        name: What is looked at.
        holds: Whether it is so.
        found: What was found, in words.
        wanted: What must hold, in words.
    """

    name: str
    holds: bool
    found: str
    wanted: str


def checks(
    levels: Sequence[Level],
    stewards: Judgement,
    identifiers: Judgement,
    links: tuple[int, int],
    change: Difference | None,
) -> tuple[Check, ...]:
    """Everything that must hold of a new model.

    Args:
        levels: Its levels.
        stewards: What stewards' labels say of it.
        identifiers: What pairs that identifiers tell say of it.
        links: Pairs at or above the link threshold, in the model in use and in the new one.
        change: What it would change on this lake; None where no model is in use.
    """
    found = [_order(levels)]
    if change is None:
        return tuple(found)
    found += [_labels("labels of stewards", stewards), _labels("pairs that identifiers tell", identifiers)]
    if stewards.pairs < ENOUGH_LABELS:
        found += [_links(identifiers, *links), _questions(change), _biggest(change)]
    return tuple(found)


def _order(levels: Sequence[Level]) -> Check:
    """A comparison must speak for one person where values are equal, and against it where they differ."""
    wrong = []
    for comparison in dict.fromkeys(level.comparison for level in levels):
        weights = [level.weight for level in levels if level.comparison == comparison]
        if weights[0] <= 0 or weights[-1] >= 0:
            wrong.append(comparison)
    return Check(
        "order of levels",
        not wrong,
        f"not so in {', '.join(wrong)}" if wrong else "so in every comparison",
        "the first level of each comparison weighs for one person, the last against",
    )


def _labels(name: str, judged: Judgement) -> Check:
    return Check(
        name,
        judged.lost <= judged.gained or judged.chance >= WORSE_BY_CHANCE,
        f"of {judged.pairs:,} pairs, {judged.gained:,} right that were wrong, {judged.lost:,} wrong that were right",
        f"no more lost than gained, or chance explains it (p at least {WORSE_BY_CHANCE:g}; it is {judged.chance:.3g})",
    )


def _links(judged: Judgement, before: int, after: int) -> Check:
    share_before = (judged.linked_others_in_use or 0) / max(before, 1)
    share = judged.linked_others / max(after, 1)
    return Check(
        "links",
        after <= MORE_LINKS * before or share <= share_before,
        f"{after:,} links, {share:.2%} of them against identifiers; in use {before:,}, {share_before:.2%}",
        f"at most {MORE_LINKS:g} times the links in use, or no greater share against identifiers",
    )


def _questions(change: Difference) -> Check:
    before, after = _count(change, "review")
    most = max(MORE_QUESTIONS * before, before + FREE_QUESTIONS)
    return Check("pairs left to people", after <= most, f"{after:,}; in use {before:,}", f"at most {most:,.0f}")


def _biggest(change: Difference) -> Check:
    before, after = change.biggest_before, change.biggest_after
    most = max(BIGGER_PROFILE * before, before + FREE_RECORDS)
    return Check(
        "biggest profile", after <= most, f"{after:,} records; in use {before:,}", f"at most {most:,.0f} records"
    )


def _count(change: Difference, state: str) -> tuple[int, int]:
    of_model = [edge for edge in change.edges if edge.kind == "probabilistic" and edge.state == state]
    return sum(edge.before for edge in of_model), sum(edge.after for edge in of_model)
