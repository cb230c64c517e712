"""Which arm of an experiment an id is in: GrowthBook's published hash, pure and the same everywhere.

We follow "Build your own SDK" of GrowthBook's documentation (hash versions 1 and 2, bucket ranges, namespaces), so that
any of its SDKs gives the same answer: FNV-1a with 32 bits (Fowler, Noll and Vo) over the code points of the text.

SDKs differ on letters beyond ASCII (some hash bytes, some UTF-16 units): ids and seeds should be ASCII, as ours are.
"""

from collections.abc import Sequence
from typing import Literal

HashVersion = Literal[1, 2]
Range = tuple[float, float]
OFFSET, PRIME, WORD = 2166136261, 16777619, 1 << 32
BUCKETS: dict[HashVersion, int] = {1: 1_000, 2: 10_000}
"""Into how many buckets each version of the hash parts ids."""
NAMESPACE_VERSION: HashVersion = 1
NOBODY = -1
"""The place of the arm of an id that is in no arm."""


def fnv1a32(text: str) -> int:
    """FNV-1a with 32 bits over code points."""
    value = OFFSET
    for letter in text:
        value = (value ^ ord(letter)) * PRIME % WORD
    return value


def bucket(seed: str, hashed: str, version: HashVersion = 2) -> float:
    """Where an id lies in [0, 1) for a seed."""
    number = fnv1a32(str(fnv1a32(seed + hashed))) if version == 2 else fnv1a32(hashed + seed)
    return (number % BUCKETS[version]) / BUCKETS[version]


def namespace_seed(name: str) -> str:
    """The seed by which a namespace parts ids."""
    return f"__{name}"


def in_namespace(name: str, hashed: str, within: Range) -> bool:
    """Whether an id is in a range of a namespace; the end of the range is not in it."""
    return within[0] <= bucket(namespace_seed(name), hashed, NAMESPACE_VERSION) < within[1]


def ranges(weights: Sequence[float], coverage: float = 1.0) -> tuple[Range, ...]:
    """The range of [0, 1) that each arm takes: its weight, of which the first part, the coverage, is used.

    Args:
        weights: Of the arms in their order; they add up to 1.
        coverage: The share of each arm's range that takes part.
    """
    found, start = [], 0.0
    for weight in weights:
        found.append((start, start + coverage * weight))
        start += weight
    return tuple(found)


def chosen(place: float, of: Sequence[Range]) -> int:
    """Which range, from 0, a place in [0, 1) is in; ``NOBODY`` if in none."""
    return next((number for number, (low, high) in enumerate(of) if low <= place < high), NOBODY)
