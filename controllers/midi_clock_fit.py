"""How fast a MIDI clock runs: a straight line through the times of its ticks."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

TICKS_PER_BEAT: Final = 24
"""MIDI clock messages in a quarter note, by the MIDI 1.0 specification."""

SLOWEST_BPM: Final = 20.0
FASTEST_BPM: Final = 300.0

WINDOW_S: Final = 1.0
"""The ticks of the last second count, 48 at 120 bpm: after a step nothing older does."""

LONG_S: Final = 2.0
"""Those of two seconds count where they agree: it halves the jitter, and half again."""

AGREE: Final = 3.0
DIFFER: Final = 6.0
"""Two slopes agree within three standard errors of the shorter one, and differ from six on."""

FEWEST: Final = 6
"""Ticks without which no tempo is told."""

LASTING: Final = 6
"""Intervals in a row that must differ before all earlier ones are forgotten."""

CHANGED: Final = 0.08
"""By what share of the period they differ then."""

ODD: Final = 0.5
"""A tick this share of a period from where it should be came late; it does not count."""

Tick = tuple[int, float]
"""Its number, and when it came in seconds."""


@dataclass(frozen=True, slots=True)
class Line:
    """Tick n came at about `mean_s + period_s * (n - mean_n)`.

    `error_s` is the standard error of `period_s`.
    """

    mean_n: float
    mean_s: float
    period_s: float
    error_s: float

    def at(self, number: float) -> float:
        """When tick `number` should come, in seconds."""
        return self.mean_s + self.period_s * (number - self.mean_n)

    @property
    def bpm(self) -> float | None:
        """Beats a minute; None beyond what a tempo can be."""
        if self.period_s <= 0:
            return None
        bpm = 60 / (TICKS_PER_BEAT * self.period_s)
        # a hair beyond the ends is jitter
        return bpm if SLOWEST_BPM * 0.98 <= bpm <= FASTEST_BPM * 1.02 else None


def fit(ticks: Sequence[Tick]) -> Line:
    """The least-squares line through at least two ticks.

    period = sum((n - mean n)(t - mean t)) / sum((n - mean n)^2); its standard error is
    sqrt(sum(residual^2) / (N - 2) / sum((n - mean n)^2)), as in any text on linear regression.
    """
    count = len(ticks)
    mean_n = sum(n for n, _ in ticks) / count
    mean_s = sum(t for _, t in ticks) / count
    spread = sum((n - mean_n) ** 2 for n, _ in ticks)
    period_s = sum((n - mean_n) * (t - mean_s) for n, t in ticks) / spread
    left = sum((t - mean_s - period_s * (n - mean_n)) ** 2 for n, t in ticks)
    return Line(mean_n, mean_s, period_s, math.sqrt(left / max(1, count - 2) / spread))


class ClockFit:
    """The tempo of a clock, tick by tick."""

    def __init__(self) -> None:
        self.line: Line | None = None
        """The clock as it runs now; None before it is known."""
        self._number = 0
        self._ticks: deque[Tick] = deque()
        self._recent: deque[Tick] = deque(maxlen=LASTING + 1)

    def forget(self) -> None:
        """Begin anew: the clock was away."""
        self.line = None
        self._ticks.clear()
        self._recent.clear()

    def add(self, at_s: float) -> None:
        """A tick came at `at_s`."""
        self._number += 1
        tick = (self._number, at_s)
        self._recent.append(tick)
        if self.line is None or not self._odd(self.line, tick):
            self._ticks.append(tick)
        if self.line is not None and self._changed(self.line):
            self._ticks = deque(self._recent)
        while self._ticks and self._ticks[0][1] < at_s - LONG_S and len(self._ticks) > FEWEST:
            self._ticks.popleft()
        if len(self._ticks) >= FEWEST:
            self.line = self._fitted(at_s)

    @property
    def newest_s(self) -> float:
        """When the newest tick should have come, by all of them."""
        assert self.line is not None
        return self.line.at(self._number)

    def _odd(self, line: Line, tick: Tick) -> bool:
        number, at_s = tick
        return abs(at_s - line.at(number)) > ODD * line.period_s

    def _changed(self, line: Line) -> bool:
        """Whether the newest ticks all tell of another clock than those before."""
        if len(self._recent) <= LASTING:
            return False
        recent = tuple(self._recent)
        if fit(recent).bpm is None:
            return False  # held up somewhere, and handed over all at once
        if all(self._odd(line, tick) for tick in recent):
            return True
        gaps = [later[1] - earlier[1] for earlier, later in pairwise(recent)]
        slower, faster = line.period_s * (1 + CHANGED), line.period_s * (1 - CHANGED)
        return min(gaps) > slower or max(gaps) < faster

    def _fitted(self, at_s: float) -> Line:
        """The line through two seconds where it agrees with that through the last one."""
        ticks = tuple(self._ticks)
        least = len(ticks) - 2 * FEWEST
        newer = tuple(
            tick for n, tick in enumerate(ticks) if n >= least or tick[1] >= at_s - WINDOW_S
        )
        short = fit(newer)
        if len(newer) == len(ticks):
            return short
        long = fit(ticks)
        apart = abs(long.period_s - short.period_s) / max(short.error_s, 1e-12)
        return _between(long, short, min(1.0, max(0.0, (apart - AGREE) / (DIFFER - AGREE))))


def _between(one: Line, other: Line, share: float) -> Line:
    """From `one` (0) to `other` (1), as lines; its tempo and its place go over smoothly."""
    if share in (0.0, 1.0):
        return other if share else one
    period_s = one.period_s + share * (other.period_s - one.period_s)
    error_s = one.error_s + share * (other.error_s - one.error_s)
    mean_s = one.at(other.mean_n)
    return Line(other.mean_n, mean_s + share * (other.mean_s - mean_s), period_s, error_s)
