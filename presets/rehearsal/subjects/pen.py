"""A pen in a thing's own coordinates: soft outlines and limbs; lamplight; names of colours."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from presets.rehearsal.canvas import Canvas, Colour, blend, hsv
from presets.rehearsal.subjects.common import Look

Path = Sequence[tuple[float, float]]
Corners = npt.NDArray[np.float64]

STEPS: Final = 6  # points drawn between two given ones of a soft outline


class How(TypedDict, total=False):
    """How a shape is lit and how far it is, as in Canvas.polygon."""

    depth: float
    form: str
    relief: float
    glow: bool


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws in units of `size` round (x, y), turned by `turn` radians; flip -1 mirrors u."""

    canvas: Canvas
    x: float
    y: float
    size: float
    turn: float = 0.0
    flip: float = 1.0

    def at(self, u: float, v: float) -> tuple[float, float]:
        """A point of the thing's own in the picture."""
        (x, y) = self.place([(u, v)])[0]
        return float(x), float(y)

    def place(self, points: Path | Corners) -> Corners:
        own = np.asarray(points, np.float64) * (self.size * self.flip, self.size)
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        u, v = own[:, 0], own[:, 1]
        return np.stack([self.x + u * cos - v * sin, self.y + u * sin + v * cos], axis=1)

    def moved(self, u: float, v: float, size: float = 1.0, turn: float = 0.0) -> Pen:
        """A pen for a part: its place and size in this pen's units, turned on from this one."""
        x, y = self.at(u, v)
        return replace(self, x=x, y=y, size=self.size * size, turn=self.turn + turn * self.flip)

    def polygon(self, points: Path | Corners, colour: Colour, **how: Unpack[How]) -> None:
        self.canvas.polygon(self.place(points), colour, **how)

    def blob(self, points: Path, colour: Colour, **how: Unpack[How]) -> None:
        """A closed soft outline through the points."""
        self.polygon(soften(points), colour, **how)

    def twin(self, right: Path, colour: Colour, **how: Unpack[How]) -> None:
        """A soft outline given by its right half, from top to bottom, mirrored at u = 0."""
        left = [(-u, v) for u, v in reversed(right) if abs(u) > 1e-6]
        self.blob([*right, *left], colour, **how)

    def ellipse(
        self, u: float, v: float, wide: float, high: float, colour: Colour, turn: float = 0.0,
        **how: Unpack[How],
    ) -> None:  # fmt: skip
        x, y = self.at(u, v)
        self.canvas.ellipse(
            x, y, wide * self.size, high * self.size, colour,
            turn=self.turn + turn * self.flip, **how,
        )  # fmt: skip

    def line(self, points: Path, width: float, colour: Colour, **how: Unpack[How]) -> None:
        self.canvas.line(self.place(points), width * self.size, colour, **how)

    def limb(
        self, path: Path, widths: Path | Sequence[float], colour: Colour, **how: Unpack[How]
    ) -> None:
        """An arm, a leg, a finger: one outline along the path with round ends."""
        self.polygon(_limb(path, np.asarray(widths, np.float64)), colour, **how)


def soften(points: Path) -> Corners:
    """A closed Catmull-Rom curve through the points."""
    p = np.asarray(points, np.float64)
    before, after, beyond = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = (np.arange(STEPS) / STEPS)[None, :, None]
    a, b, c, d = (q[:, None, :] for q in (before, p, after, beyond))
    curve = (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    ) / 2
    return np.asarray(curve.reshape(-1, 2), np.float64)


def _limb(path: Path, widths: npt.NDArray[np.float64]) -> Corners:
    given = np.asarray(path, np.float64)
    knots = np.linspace(0, 1, len(given))
    way = np.linspace(0, 1, 2 if len(given) == 2 else 13)
    spine = np.stack(
        [np.interp(way, knots, given[:, 0]), np.interp(way, knots, given[:, 1])], axis=1
    )
    if len(given) > 2:  # a joint bends softly
        spine[1:-1] = (spine[:-2] + 2 * spine[1:-1] + spine[2:]) / 4
    half = np.interp(way, np.linspace(0, 1, len(widths)), widths)[:, None] / 2
    along = np.gradient(spine, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    aside = np.stack([-along[:, 1], along[:, 0]], axis=1)
    bend = np.linspace(0, np.pi, 9)[1:-1, None]
    tip = spine[-1] + half[-1] * (aside[-1] * np.cos(bend) + along[-1] * np.sin(bend))
    tail = spine[0] - half[0] * (aside[0] * np.cos(bend) + along[0] * np.sin(bend))
    return np.concatenate([spine + aside * half, tip, (spine - aside * half)[::-1], tail])


def lamplit(look: Look, hue: float, saturation: float, value: float) -> Colour:
    """Lit by a lamp as well as by the time of day: things stay readable at night."""
    return blend(hsv(hue, saturation, value), look.lit(hue, saturation, value), 0.5)


def called(colour: Colour) -> tuple[str, ...]:
    """The colour's name, or nothing where it is between two names or too dark to tell."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    if value < 0.14:
        return ("black",)
    if saturation < 0.12:
        return ("white",) if value > 0.86 else ("grey",) if 0.3 < value < 0.75 else ()
    if saturation < 0.4 or value < 0.38:
        return ()
    if 0.03 < hue < 0.11 and value < 0.6:
        return ("brown",)
    for name, low, high in _HUES:
        if low <= hue < high:
            return (name,)
    return ()


_HUES: Final = (
    ("red", 0.0, 0.025),
    ("orange", 0.045, 0.105),
    ("yellow", 0.13, 0.18),
    ("green", 0.24, 0.44),
    ("blue", 0.54, 0.69),
    ("purple", 0.73, 0.83),
    ("pink", 0.86, 0.95),
    ("red", 0.975, 1.01),
)
