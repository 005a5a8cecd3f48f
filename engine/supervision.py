"""Deciding about the painter's life: pure functions of what was heard and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PHASE_LIMITS_S: Final = {"loading": 180.0, "compiling": 900.0, "painting": 5.0}
"""How long a phase may stand still, with or without beats, before it counts as a hang. (Importing
torch alone keeps a process from beating for seconds.)"""

FRAMES_OF_PATIENCE: Final = 40
"""A model that paints slowly is given the time of so many frames: four steps with guidance, and the
passes that fill the batch."""

STALLED_SHARE: Final = 0.3
"""A painting phase that stands still for this share of its limit is shown as stalled."""

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
    frame_s: float = 0.0
    moved: float = 0.0
    painting_since: float | None = None  # when its first picture was heard of

    def __post_init__(self) -> None:
        self.moved = self.started

    def beat(
        self, phase: str, mark: int, now: float, *, frame_s: float = 0.0, painted: int = 0
    ) -> None:
        """Hear that the painter has got as far as `mark`; a frame takes it about `frame_s`."""
        self.frame_s = frame_s
        if mark != self.mark or phase != self.phase:
            self.phase, self.mark, self.moved = phase, mark, now
        if painted and self.painting_since is None:
            self.painting_since = now

    def verdict(self, now: float) -> str:
        """ "well", "stalled" (slow, still waited for) or the reason to end it."""
        still = now - self.moved
        limit = max(PHASE_LIMITS_S[self.phase], FRAMES_OF_PATIENCE * self.frame_s)
        if still > limit:
            return f"hung for {limit:g} s while {self.phase}"
        if self.phase == "painting" and still > STALLED_SHARE * limit:
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
