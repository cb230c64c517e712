"""Seeded chance that depends on what is drawn for, never on how much was drawn before.

A draw is a hash of (seed, what it is for, the keys of the row). So one household's year is the same whether
12 or 2,469 households are written, and one day's files can be written without replaying the year before.
"""

from __future__ import annotations

import hashlib
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def number_of(*parts: object) -> int:
    """Return 64 bits that depend on the parts alone."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def dice(*parts: object) -> Random:
    """Return a random generator of its own for one person, visit or file."""
    return Random(number_of(*parts))


def hexadecimal(digits: int, *parts: object) -> str:
    """Return a stable hexadecimal text, as ids in the wild look."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()[:digits]


def uuid(*parts: object) -> str:
    """Return a stable text in the shape of a version 4 UUID."""
    digits = hexadecimal(32, *parts)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def uniform(seed: int, what: str, *keys: Any) -> Floats:
    """Return one number in [0, 1) per row of the key columns (splitmix64 over the keys)."""
    state = np.zeros(len(np.atleast_1d(keys[0])), dtype=np.uint64) + np.uint64(number_of(seed, what))
    with np.errstate(over="ignore"):
        for key in keys:
            state = state ^ np.atleast_1d(np.asarray(key)).astype(np.int64).astype(np.uint64)
            state = state + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    numbers: Floats = (state >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    return numbers
