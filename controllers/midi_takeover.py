"""Takeover: what a knob does that does not stand where its value is.

Everything is in places: 0 to 1 over the mapping's range; a value from outside it lies below or
above. `pickup` waits until the knob reaches or crosses the value. `scale` moves the value in
proportion to the travel that both have left that way. `jump` goes there at once.

Whatever the order of events, `pickup` and `scale` move a value by no more than the knob itself
moved, plus the window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from controllers.midi_map import TakeoverMode

WINDOW: Final = 3 / 128
"""How near is near enough to pick up, as a share of the range: three steps of a 7-bit knob."""


TOGETHER: Final = 1 / 256
"""How near knob and value are for one that scales to be done: half a step of a 7-bit knob."""


@dataclass(frozen=True, slots=True)
class Grip:
    """How a knob holds its value.

    `knob` is where it last stood (None: nobody knows). `aim` is where it last brought the value:
    the value itself may be rounded to whole numbers or choices. None since something else moved it.
    """

    knob: float | None = None
    aim: float | None = None
    held: bool = False

    def rearmed(self) -> Grip:
        """After something else moved the value."""
        return Grip(self.knob)

    def unseen(self, knob: float | None) -> Grip:
        """After the knob was moved while it meant something else (None: nobody knows where)."""
        return Grip(knob)


def moved(
    mode: TakeoverMode, grip: Grip, knob: float, value: float, *, same: bool = False
) -> tuple[Grip, float | None]:
    """The knob moved to `knob` while the value lies at `value`: how it holds it now, and where
    the value goes; None where it stays.

    `same`: the knob stands for just this value, where values are few.
    """
    if mode == "jump":
        return Grip(knob, knob, True), knob
    here = value if grip.aim is None else grip.aim
    step = 0.0 if grip.knob is None else abs(knob - grip.knob)
    if grip.held or (mode == "pickup" and (same or _reached(grip.knob, knob, here))):
        aim = _toward(here, knob, step + WINDOW)
        return Grip(knob, aim, True), aim
    if mode == "scale" and grip.knob is not None:
        aim = _toward(here, _scaled(grip.knob, knob, here), step + WINDOW)
        return Grip(knob, aim, abs(aim - knob) <= TOGETHER), aim
    return Grip(knob, grip.aim, mode == "scale" and abs(here - knob) <= TOGETHER), None


def distance(grip: Grip, value: float) -> float:
    """Knob minus value, -1 to 1; 0 where the knob holds it, or nobody knows where it stands."""
    if grip.held or grip.knob is None:
        return 0.0
    return max(-1.0, min(1.0, grip.knob - (value if grip.aim is None else grip.aim)))


def _reached(last: float | None, knob: float, value: float) -> bool:
    # to a value that lies beyond its end the knob comes no nearer than that end
    near = max(0.0, min(1.0, value))
    if abs(knob - near) <= WINDOW:
        return True
    if last is None:
        return False
    return abs(last - near) <= WINDOW or (last < near < knob) or (knob < near < last)


def _scaled(last: float, knob: float, value: float) -> float:
    """Where the value goes in proportion, when the knob goes from `last` to `knob`."""
    if knob > last:
        left, travel = max(0.0, 1 - value), 1 - last
    else:
        left, travel = max(0.0, value), last
    return value + (knob - last) * left / travel if travel else value


def _toward(here: float, there: float, most: float) -> float:
    return there if abs(there - here) <= most else here + math.copysign(most, there - here)
