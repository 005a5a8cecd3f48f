"""Newest-wins boxes inside one process: state is a value that is replaced, never a queue."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

SWITCH_INTERVAL_S: Final = 0.0005
"""How soon a thread that computes lets another have its turn: a knob must not wait for a picture.
For `sys.setswitchinterval`; Python's own 5 ms cost ten times as much at the 99th percentile."""

T = TypeVar("T")
Picture = NDArray[np.uint8]
"""RGB, shape (height, width, 3), uint8. Never written to after it was handed over."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture and where it comes from.

    `seq` counts from 1. `captured_ns` is `time.monotonic_ns()` when its source took it;
    `snapshot_seq` tells the settings it was painted with (0 for a source's own picture).
    """

    picture: Picture
    seq: int
    captured_ns: int
    snapshot_seq: int = 0


class Latest(Generic[T]):
    """One value that any thread may replace and any thread may read or wait for."""

    def __init__(self, value: T | None = None) -> None:
        self._value = value
        self._changed = threading.Condition()
        self.replaced = 0
        """How often a value was put."""

    def put(self, value: T) -> None:
        with self._changed:
            self._value = value
            self.replaced += 1
            self._changed.notify_all()

    def get(self) -> T | None:
        return self._value

    def wait(self, seen: int, timeout_s: float) -> int:
        """Block until more than `seen` values were put or the time is over; how many were put."""
        with self._changed:
            self._changed.wait_for(lambda: self.replaced > seen, timeout_s)
            return self.replaced
