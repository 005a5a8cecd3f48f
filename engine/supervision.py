"""Deciding about the painter's life: pure functions of what was heard and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BEAT_LIMIT_S: Final = 5.0
"""A painter that says nothing at all for this long is dead, whatever its phase."""

PHASE_LIMITS_S: Final = {"loading": 180.0, "compiling": 900.0, "painting": 5.0}
"""How long a phase may stand still (no mark) before it counts as a hang."""

STALLED_AFTER_S: Final = 1.5
"""A painting phase that stands still this long is shown as stalled."""

BACK_OFF_S: Final = (0.0, 1.0, 2.0, 5.0, 10.0)
"""Waits before the 1st, 2nd, ... restart in a row; the last one repeats."""

GIVE_UP_AFTER: Final = 5
"""Starts in a row that never painted."""

STEADY_S: Final = 1.0
"""A painter that painted this long has earned an immediate restart."""


@dataclass
class Life:
    """One painter process, as heard from this side. Times are the conductor's clock in seconds."""

    started: float
    phase: str = "loading"
    mark: int = -1
    heard: float = 0.0
    moved: float = 0.0
    painting_since: float | None = None

    def __post_init__(self) -> None:
        self.heard = self.moved = self.started

    def beat(self, phase: str, mark: int, now: float) -> None:
        self.heard = now
        if mark != self.mark or phase != self.phase:
            self.phase, self.mark, self.moved = phase, mark, now
        if phase == "painting" and self.painting_since is None:
            self.painting_since = now

    def verdict(self, now: float) -> str:
        """ "well", "stalled" (slow, still waited for) or the reason to end it."""
        # a starting interpreter cannot beat yet: the loading limit covers it
        if self.mark >= 0 and now - self.heard > BEAT_LIMIT_S:
            return f"said nothing for {BEAT_LIMIT_S:g} s while {self.phase}"
        still = now - self.moved
        limit = PHASE_LIMITS_S[self.phase]
        if still > limit:
            return f"hung for {limit:g} s while {self.phase}"
        if self.phase == "painting" and still > STALLED_AFTER_S:
            return "stalled"
        return "well"


@dataclass
class Restarts:
    """How often the painter failed in a row, and what follows."""

    in_a_row: int = 0
    never_painted: int = 0
    total: int = 0

    def after(self, life: Life, now: float) -> float | None:
        """Seconds to wait before the next start, or None to give up until asked."""
        painted = life.painting_since
        self.never_painted = self.never_painted + 1 if painted is None else 0
        if painted is not None and now - painted >= STEADY_S:
            self.in_a_row = 0
        if self.never_painted >= GIVE_UP_AFTER:
            return None
        wait = BACK_OFF_S[min(self.in_a_row, len(BACK_OFF_S) - 1)]
        self.in_a_row += 1
        self.total += 1
        return wait

    def forgive(self) -> None:
        """Somebody asked for another try."""
        self.in_a_row = self.never_painted = 0
