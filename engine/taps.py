"""The tempo that somebody taps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

KEPT: Final = 9
"""How many taps count: eight intervals, two bars."""

ANEW_S: Final = 3.2
"""A tap this long after the last begins anew: the slowest tempo, 20 bpm, has 3 s between beats."""

ANEW_INTERVALS: Final = 2.5
"""So does one this many intervals after it; one beat may be left out."""

BOUNCE_S: Final = 0.1
"""What comes sooner is the same tap once more (300 bpm has 0.2 s between beats)."""

OUTLIER: Final = 0.25
"""An interval that differs from the median by more than this share does not count."""


@dataclass(frozen=True, slots=True)
class Taps:
    """The taps that count, as times in seconds, oldest first."""

    at_s: tuple[float, ...] = ()

    def tapped(self, now_s: float) -> Taps:
        """With a tap at `now_s`."""
        if not self.at_s:
            return Taps((now_s,))
        since_s = now_s - self.at_s[-1]
        if since_s < BOUNCE_S:
            return self
        usual_s = self.interval_s
        late = usual_s is not None and len(self.at_s) > 2 and since_s > ANEW_INTERVALS * usual_s
        if late or since_s >= ANEW_S:
            return Taps((now_s,))
        return Taps((*self.at_s, now_s)[-KEPT:])._latest()

    def _latest(self) -> Taps:
        """Only the newest taps, where three intervals agree on another tempo than those before."""
        if len(self.at_s) < 6:
            return self
        older, newer = _intervals(self.at_s[:-3]), _intervals(self.at_s[-4:])
        alike = max(newer) - min(newer) <= OUTLIER * median(newer)
        other = all(_is_outlier(each, median(older)) for each in newer)
        return Taps(self.at_s[-4:]) if alike and other else self

    @property
    def interval_s(self) -> float | None:
        """Seconds between beats: the median of the intervals that are near their median."""
        intervals = _intervals(self.at_s)
        if not intervals:
            return None
        middle = median(intervals)
        return median([each for each in intervals if not _is_outlier(each, middle)] or intervals)

    @property
    def bpm(self) -> float | None:
        """Beats a minute; None until there are two taps."""
        interval_s = self.interval_s
        return None if interval_s is None else 60 / interval_s


def _intervals(at_s: tuple[float, ...]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(at_s)]


def _is_outlier(interval_s: float, middle_s: float) -> bool:
    return abs(interval_s - middle_s) > OUTLIER * middle_s
