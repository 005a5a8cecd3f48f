"""What is seen while a source is lost or not there yet."""

from __future__ import annotations

import time
from typing import Final

from engine.latest import Picture
from engine.sources.pace import OFFER_S, Pace
from engine.sources.test_card import picture

HOLD_S: Final = 2.0
"""How long the last picture of a lost source stays."""


class StandIn:
    """The last picture for a while, then the test card, from its beginning."""

    def __init__(self, size: tuple[int, int], last: Picture | None, hold_s: float) -> None:
        self.size = size
        self.captured_ns = 0
        self._last = last
        self._until = time.monotonic() + hold_s
        self._pace = Pace(OFFER_S)

    def read(self) -> Picture:
        if self._last is not None and time.monotonic() >= self._until:
            self._last = None
            self._pace = Pace(OFFER_S)
        tick = self._pace.wait()
        self.captured_ns = time.monotonic_ns()
        if self._last is None:
            return picture(tick * OFFER_S, *self.size)
        if self._last.shape != (self.size[1], self.size[0], 3):
            from engine.sources.fit import fit_picture  # PyAV: only if the size changes just now

            self._last = fit_picture(self._last, self.size)
        return self._last

    def close(self) -> None:
        """Nothing to give back."""
