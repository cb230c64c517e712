"""Rounding that keeps sums, and cells of few people put together."""

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from math import floor
from typing import TypeVar

from contracts.metric import FEWEST_SHOWN

Key = TypeVar("Key", bound=Hashable)


def to_whole(parts: Sequence[Fraction], total: int) -> list[int]:
    """Round parts to whole numbers that sum to the total: the largest remainders are rounded up.

    Of equal remainders the first is rounded up first. Where the parts sum to something else, by what was lost in
    computing them, the difference goes the same way.
    """
    if not parts:
        return []
    whole = [floor(part) for part in parts]
    order = sorted(range(len(parts)), key=lambda place: (whole[place] - parts[place], place))
    each, left = divmod(total - sum(whole), len(parts))
    for rank, place in enumerate(order):
        whole[place] += each + (rank < left)
    return whole


def too_few(people: Mapping[Key, int]) -> set[Key]:
    """The cells that may only be told together: those of fewer people, and as many more as hide the last of them.

    A cell of nobody hides nothing, and stays.
    """
    order = sorted((key for key, count in people.items() if count), key=lambda key: (people[key], str(key)))
    chosen: set[Key] = set()
    most = 0
    for key in order:
        if people[key] >= FEWEST_SHOWN and not 0 < most < FEWEST_SHOWN:
            break
        chosen.add(key)
        most = max(most, people[key])
    return chosen
