"""A steady clock of deadlines for sources that have none of their own."""

from __future__ import annotations

import time
from typing import Final

OFFER_S: Final = 1 / 30
"""How often a still picture is offered again, so that stream batches flush."""


class Pace:
    """Ticks `period_s` apart, from the first `wait` on; who comes late finds the newest one."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._start: float | None = None
        self._tick = 0

    def wait(self) -> int:
        """Sleep until the next tick; its number, from 0. Ticks that were missed are left out."""
        now = time.monotonic()
        if self._start is None:
            self._start = now
            return 0
        due = max(self._tick + 1, int((now - self._start) / self._period_s))
        time.sleep(max(0.0, self._start + due * self._period_s - now))
        self._tick = due
        return due
