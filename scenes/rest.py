"""Rest: what rides on a mix comes to rest while the decks change, and goes on afterwards.

A modulator on a mix lets both decks be heard. Decks may only change where one of them is silent; so
before they do the movement becomes less and less, and after they did it comes back.
"""

from __future__ import annotations

from typing import Final

from engine.controls import Controls
from engine.fading import Course, Timed

BACK_S: Final = 0.5
"""Seconds that the movement takes to come back."""


class Rest:
    """How much of what rides on the parameter `name` shows: all of it, but for a while."""

    def __init__(self, controls: Controls, name: str) -> None:
        self._controls, self._name = controls, name
        self._from = self._to = 1.0
        self._course: Course | None = None
        self.share = 1.0
        """0..1 of the movement that shows now."""

    @property
    def rests(self) -> bool:
        """Whether some of it is missing, or will be."""
        return self.share < 1.0 or self._to < 1.0

    @property
    def needed(self) -> bool:
        """Whether anything rides there, and shows."""
        return self.share > 0.0 and self._controls.rides(self._name)

    def lie_down(self, course: Course | None) -> None:
        """Let it become nothing along the course; at once where there is none."""
        self._send(0.0, course)

    def get_up(self, now: float) -> None:
        """Let it come back, where it is not on its way back yet."""
        if self._to < 1.0:
            self._send(1.0, Timed(now, BACK_S))

    def _send(self, to: float, course: Course | None) -> None:
        self._from, self._to, self._course = self.share, to, course
        if course is None:
            self._show(to)

    def step(self, now: float) -> None:
        """Go on to where it is at `now`."""
        if self._course is None:
            return
        done = self._course.share(now)
        self._show(self._from + (self._to - self._from) * done if done < 1.0 else self._to)
        if done >= 1.0:
            self._course = None

    def _show(self, share: float) -> None:
        self.share = share
        self._controls.let_ride(self._name, share)
