"""Order: which scene comes after which, and when one may start. Decisions on values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.beats import BEATS_PER_BAR
from scenes.scene import Quantize

GRID: Final[dict[Quantize, float]] = {"beat": 1.0, "bar": float(BEATS_PER_BAR)}
"""Beats between two moments at which a change may start."""

_EXACT: Final = 1e-9
"""Beats: closer than this is there."""


def neighbour(count: int, place: int | None, step: int, *, wrap: bool) -> int | None:
    """The place that is `step` (1 or -1) from `place` among `count`; None where it stops.

    From nowhere it is the first, or the last.
    """
    if not count:
        return None
    if place is None:
        return 0 if step > 0 else count - 1
    there = place + step
    return there % count if wrap else there if 0 <= there < count else None


@dataclass(frozen=True, slots=True)
class Goal:
    """The beat at which a change starts: the first multiple of `grid` beats since it was asked."""

    grid: float
    beat: float

    @classmethod
    def after(cls, beat: float, quantize: Quantize) -> Goal | None:
        """The first at or after `beat`; None where nothing is waited for."""
        grid = GRID.get(quantize)
        return None if grid is None else cls(grid, _at_or_after(beat, grid))

    def seen(self, beat: float) -> Goal:
        """The goal now that the beat is `beat`: nearer, where the beat was put back."""
        return Goal(self.grid, min(self.beat, _at_or_after(beat, self.grid)))

    def reached(self, beat: float) -> bool:
        return beat >= self.beat - _EXACT


def _at_or_after(beat: float, grid: float) -> float:
    return math.ceil(beat / grid - _EXACT) * grid


def listed(names: Sequence[str], most_bytes: int = 1000) -> str:
    """The names with commas between; of more than fits, the first and how many follow."""
    text = ", ".join(names)
    if len(text.encode()) <= most_bytes:
        return text
    kept: list[str] = []
    room = most_bytes - len(f", +{len(names)}")
    for name in names:
        room -= len(name.encode()) + 2
        if room < 0:
            break
        kept.append(name)
    return ", ".join([*kept, f"+{len(names) - len(kept)}"])
