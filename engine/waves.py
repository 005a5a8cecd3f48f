"""What a modulator follows in beats: shapes as functions of the cycle, and chance that repeats."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

_64_BITS: Final = (1 << 64) - 1


def _sine(place: float, _seed: int) -> float:
    return math.sin(math.tau * (place % 1.0))


def _triangle(place: float, _seed: int) -> float:
    return 1.0 - 4.0 * abs((place + 0.25) % 1.0 - 0.5)


def _saw(place: float, _seed: int) -> float:
    return 2.0 * (place % 1.0) - 1.0


def _square(place: float, _seed: int) -> float:
    return 1.0 if place % 1.0 < 0.5 else -1.0


def _random(place: float, seed: int) -> float:
    """Sample and hold: another value in each cycle."""
    return chance(seed, math.floor(place))


def _smooth_random(place: float, seed: int) -> float:
    """From the value of this cycle to that of the next, slow at both ends."""
    cycle = math.floor(place)
    share = place - cycle
    here, there = chance(seed, cycle), chance(seed, cycle + 1)
    return here + (there - here) * share * share * (3.0 - 2.0 * share)


WAVES: Final[Mapping[str, Callable[[float, int], float]]] = MappingProxyType(
    {
        "sine": _sine,
        "triangle": _triangle,
        "saw": _saw,
        "square": _square,
        "random": _random,
        "smooth-random": _smooth_random,
    }
)
"""(place in cycles, seed) to -1..1. Sine and triangle begin at 0 and rise, the saw at -1, the
square at 1; the same place and seed give the same, always."""


def chance(seed: int, cycle: int) -> float:
    """-1..1, evenly spread and without a pattern: splitmix64 (Steele, Lea and Flood, 2014)."""
    state = (seed * 0x9E3779B97F4A7C15 + cycle * 0xD1B54A32D192ED03) & _64_BITS
    for _round in range(2):  # once leaves neighbours alike
        state = (state + 0x9E3779B97F4A7C15) & _64_BITS
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _64_BITS
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _64_BITS
        state ^= state >> 31
    return (state >> 11) / (1 << 52) - 1.0
