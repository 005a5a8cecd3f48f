"""How many weights may be written between two frames: a budget of time, by a measured rate.

A CPU is watched by the clock. A GPU works on while the host goes ahead, so what its part takes is
told by the rate of earlier turns: on CUDA from a pair of events that nobody waits for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import torch

FIRST_GUESS_MS: Final = {"cpu": 3e-6, "cuda": 5e-8, "mps": 5e-7}
"""Milliseconds for one element until the first turn was measured: rather too slow than too fast."""
LAYER_ELEMENTS: Final = 100_000
"""What beginning a layer costs, however small it is, as elements."""

Clock = Callable[[], float]
"""Seconds that only grow."""


class Pace:
    """Says for one layer after the other whether it still fits into this frame's budget.

    `ms_per_element` is what was measured so far. The first layer of a turn always fits, so that
    every turn gets somewhere.
    """

    def __init__(self, device: torch.device, clock: Clock = time.perf_counter) -> None:
        self._device = device
        self._clock = clock
        self._budget_ms: float | None = None
        self._begun_s = 0.0
        self._elements = 0
        self._start: torch.cuda.Event | None = None
        self._marks: tuple[torch.cuda.Event, torch.cuda.Event, int] | None = None
        self.ms_per_element = FIRST_GUESS_MS.get(device.type, FIRST_GUESS_MS["mps"])

    def begin(self, budget_ms: float | None) -> None:
        """A turn begins; None: it has all the time there is."""
        self._budget_ms = budget_ms
        self._elements = 0
        if self._device.type == "cuda":  # pragma: no cover - needs a GPU
            self._read_marks()
            self._start = torch.cuda.Event(enable_timing=True)
            self._start.record()
        self._begun_s = self._clock()

    def allows(self, elements: int) -> bool:
        """Whether a layer of so many elements may be written; if so, it is counted as written."""
        cost = elements + LAYER_ELEMENTS
        if self._elements and self._budget_ms is not None:
            gone_ms = max(self._gone_ms(), self._elements * self.ms_per_element)
            if gone_ms + cost * self.ms_per_element > self._budget_ms:
                return False
        self._elements += cost
        return True

    def end(self) -> None:
        """The turn is over: learn from it."""
        if self._device.type == "cuda":  # pragma: no cover - needs a GPU
            if self._marks is None and self._start is not None:
                end = torch.cuda.Event(enable_timing=True)
                end.record()
                self._marks = self._start, end, self._elements
            return
        if self._device.type == "mps":  # pragma: no cover - needs a Mac
            torch.mps.synchronize()
        self._learn(self._gone_ms(), self._elements)

    def _gone_ms(self) -> float:
        return (self._clock() - self._begun_s) * 1000.0

    def _read_marks(self) -> None:  # pragma: no cover - needs a GPU
        if self._marks is not None:
            start, end, elements = self._marks
            if end.query():
                self._marks = None
                self._learn(start.elapsed_time(end), elements)

    def _learn(self, took_ms: float, elements: int) -> None:
        if elements:
            self.ms_per_element += 0.5 * (took_ms / elements - self.ms_per_element)
