"""Composing: which picture the audience sees now, decided without threads or clocks.

The order is fixed: the painted picture (or what stands in for it), mixed with the input, smoothed,
held by freeze, then brightness, contrast, saturation, fade, blackout, flip and rotate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.controls import Snapshot
from engine.grading import Smoother, graded, mixed, turned
from engine.latest import Frame, Picture


@dataclass(frozen=True, slots=True)
class Look:
    """The controls that the output stage obeys, as they stand in one snapshot."""

    mix: float = 1.0
    smooth_s: float = 0.0
    freeze: bool = False
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    fade: float = 1.0
    blackout: bool = False
    flip: str = "none"
    rotate: int = 0
    on_fault: str = "hold"
    active: bool = True

    @classmethod
    def of(cls, snapshot: Snapshot) -> Look:
        number, text = snapshot.number, snapshot.text
        return cls(
            mix=number("output/mix"),
            smooth_s=number("output/smooth"),
            freeze=bool(number("output/freeze")),
            brightness=number("output/brightness"),
            contrast=number("output/contrast"),
            saturation=number("output/saturation"),
            fade=number("output/fade"),
            blackout=bool(number("output/blackout")),
            flip=text("output/flip"),
            rotate=int(number("output/rotate")),
            on_fault=text("output/on-fault"),
            active=bool(number("paint/active")),
        )


NEUTRAL: Final = Look()


@dataclass(frozen=True, slots=True)
class Inputs:
    """What there is to compose from. `faulty`: the painter has painted before and is not now."""

    painted: Frame | None
    source: Frame | None
    faulty: bool = False

    def stands_in(self, look: Look) -> str:
        """What is shown in the painted picture's place: "" (itself), "input" or "black"."""
        if self.painted is None or (look.mix <= 0 and self.source is not None):
            return "input"  # asked for, so it is shown whatever the painter does
        if not self.faulty or not look.active or look.on_fault == "hold":
            return ""
        return look.on_fault

    def needs_source(self, look: Look) -> bool:
        """Whether a new input picture changes what is shown."""
        stand_in = self.stands_in(look)
        return stand_in == "input" or (stand_in == "" and look.mix < 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Mix:
    """The last mix and what it was made of: the same again is the same array, which can settle."""

    painted: Picture
    source: Picture
    amount: float
    picture: Picture

    def is_of(self, painted: Picture, source: Picture, amount: float) -> bool:
        return painted is self.painted and source is self.source and amount == self.amount


class Composer:
    """Makes the audience's picture. Holds what outlives a frame: smoothing, freeze, one black."""

    def __init__(self) -> None:
        self._smoother = Smoother()
        self._stand_in = "input"
        self._mix: _Mix | None = None
        self._held: Frame | None = None
        self._black: Picture = np.zeros((0, 0, 3), np.uint8)

    def compose(self, inputs: Inputs, look: Look, now_s: float) -> Frame | None:
        """The frame to show; None while there is nothing to show yet. Never raises on odd sizes.

        At neutral settings the painted frame itself comes back, its picture uncopied.
        """
        frame = self._held
        if frame is None or not look.freeze:
            frame = self._base(inputs, look, now_s)
            self._held = frame
        if frame is None:
            return None
        if look.blackout:
            picture = self._black_like(frame.picture)
        else:
            picture = graded(
                frame.picture, look.brightness, look.contrast, look.saturation, look.fade
            )
        picture = turned(picture, look.flip, look.rotate)
        return frame if picture is frame.picture else replace(frame, picture=picture)

    def moving(self, look: Look) -> bool:
        """Whether the picture goes on changing by itself (smoothing that has not arrived)."""
        return not (look.freeze or look.blackout or self._smoother.settled)

    def _base(self, inputs: Inputs, look: Look, now_s: float) -> Frame | None:
        stand_in = inputs.stands_in(look)
        if stand_in != self._stand_in:
            if "black" in (stand_in, self._stand_in) or inputs.faulty:
                self._smoother.reset()  # a fault cuts, it does not fade
            self._stand_in = stand_in
        painted, source = inputs.painted, inputs.source
        frame = painted if stand_in != "input" else source or painted
        if frame is None:
            return None
        if stand_in == "black":
            return replace(frame, picture=self._black_like(frame.picture))
        if stand_in == "":
            frame = self._mixed(frame, source, look.mix)
        elif painted is not None and frame is not painted:  # recordings have begun
            frame = replace(frame, snapshot_seq=painted.snapshot_seq)
        picture = self._smoother.step(frame.picture, now_s, look.smooth_s)
        return frame if picture is frame.picture else replace(frame, picture=picture)

    def _mixed(self, painted: Frame, source: Frame | None, amount: float) -> Frame:
        # sizes differ for a moment while models change
        if amount >= 1 or source is None or source.picture.shape != painted.picture.shape:
            return painted
        mix = self._mix
        if mix is None or not mix.is_of(painted.picture, source.picture, amount):
            picture = mixed(painted.picture, source.picture, amount)
            mix = self._mix = _Mix(painted.picture, source.picture, amount, picture)
        return replace(painted, picture=mix.picture)

    def _black_like(self, picture: Picture) -> Picture:
        if self._black.shape != picture.shape:
            self._black = np.zeros(picture.shape, np.uint8)
        return self._black
