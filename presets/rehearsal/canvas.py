"""What a scene is drawn on: one set of buffers that every style is painted from.

Shapes are filled polygons in unit coordinates: x to the right, y down, 0..1 inside the picture.
Each shape leaves its colour, a number of its own, how it is lit, how far away it is, and whether
it shines; so one drawing can be a photograph, a line drawing or neon tubes, pixel for pixel
aligned.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]] | npt.NDArray[np.floating]

DRAWN: Final = 512  # shapes are drawn at twice the size and averaged down: smooth edges
SIDE: Final = 256  # of the finished picture

# a random generator for each scene, so that a scene is the same wherever it is drawn
Rng = np.random.Generator


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """An 8-bit RGB colour; hue wraps round 1, the others are clipped to 0..1."""
    red, green, blue = colorsys.hsv_to_rgb(
        hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0)
    )
    return round(red * 255), round(green * 255), round(blue * 255)


def dim(colour: Colour, by: float) -> Colour:
    """The colour, its brightness multiplied."""
    red, green, blue = (min(round(part * by), 255) for part in colour)
    return red, green, blue


def blend(one: Colour, other: Colour, share: float) -> Colour:
    """`one` at share 0, `other` at share 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def rgb(red: float, green: float, blue: float) -> Floats:
    """Three numbers to add to colours of 0..1, or to multiply them by."""
    return np.array((red, green, blue), np.float32)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand; two subjects drawn on one layout share their composition.

    horizon, x, y: unit coordinates of the skyline and of the main thing. scale: size of the main
    thing, 0.7..1.35. hues: six hues to choose from, 0..1. light: direction the light comes from, in
    radians, screen coordinates. count: how many of the main thing, 1..4.
    """

    horizon: float
    x: float
    y: float
    scale: float
    hues: tuple[float, ...]
    light: float
    count: int

    @classmethod
    def draw_lots(cls, rng: Rng) -> Layout:
        """A layout by chance: mostly central, as cameras are pointed."""
        return cls(
            horizon=float(rng.uniform(0.48, 0.76)),
            x=float(np.clip(0.5 + rng.normal() * 0.12, 0.2, 0.8)),
            y=float(np.clip(0.5 + rng.normal() * 0.07, 0.35, 0.65)),
            scale=float(rng.uniform(0.7, 1.35)),
            hues=tuple(float(hue) for hue in rng.uniform(0, 1, 6)),
            light=float(rng.uniform(-2.5, -0.65)),
            count=int(rng.choice([1, 1, 1, 2, 2, 3, 4])),
        )


@dataclass(frozen=True, slots=True)
class Buffers:
    """A drawn scene, SIDE x SIDE, for the styles to paint from.

    colour: (SIDE, SIDE, 3) 0..1. shade: how much the surface faces the light, about -1.3..1.3.
    depth: 0 near, 1 far. glow: share of the pixel that shines by itself. edge: share of the pixel
    on an outline one drawn pixel wide. number: (DRAWN, DRAWN) the shapes' own numbers.
    """

    colour: Floats
    shade: Floats
    depth: Floats
    glow: Floats
    edge: Floats
    number: npt.NDArray[np.int32]


class Canvas:
    """Buffers being drawn on. `rng` is the scene's own chance, for details."""

    def __init__(self, rng: Rng, light: float) -> None:
        self.rng = rng
        self._toward_light = (np.cos(light), np.sin(light))
        self._colour = np.zeros((DRAWN, DRAWN, 3), np.uint8)
        self._number = np.zeros((DRAWN, DRAWN), np.int32)
        self._shade = np.zeros((DRAWN, DRAWN), np.float32)
        self._depth = np.ones((DRAWN, DRAWN), np.float32)
        self._glow = np.zeros((DRAWN, DRAWN), np.uint8)
        self._shapes = 0

    def background(self, top: Colour, bottom: Colour | None = None, power: float = 1.0) -> None:
        """Fill everything with a vertical gradient, infinitely far away."""
        down = (np.linspace(0, 1, DRAWN, dtype=np.float32) ** power)[:, None, None]
        first, last = np.array(top, np.float32), np.array(bottom or top, np.float32)
        self._colour[:] = (first * (1 - down) + last * down).astype(np.uint8)

    def polygon(
        self,
        points: Points,
        colour: Colour,
        *,
        depth: float = 0.5,
        form: str = "flat",
        relief: float = 1.0,
        glow: bool = False,
    ) -> None:
        """Fill a polygon; points outside the picture are fine.

        form: how it is lit: "flat" a slanted plane, "ball" round, "ground" brighter towards the
        viewer. relief: strength of the light on it, 0 for none. depth: 0 near .. 1 far; it blurs
        and fogs, but what is drawn later covers what was drawn before. glow: it shines by itself.
        """
        corners = np.round(np.asarray(points, np.float64) * DRAWN).astype(np.int32)
        low, high = corners.min(0), corners.max(0)
        left, top = np.maximum(low, 0)
        right, bottom = np.minimum(high + 1, DRAWN)
        if right <= left or bottom <= top:
            return
        self._shapes += 1
        mask = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillPoly(mask, [corners - np.array([left, top], np.int32)], 1)
        inside = mask.astype(bool)
        here = np.s_[top:bottom, left:right]
        across, down = np.maximum(high - low, 1)
        u = ((np.arange(left, right, dtype=np.float32) - low[0]) / across * 2 - 1)[None, :]
        v = ((np.arange(top, bottom, dtype=np.float32) - low[1]) / down * 2 - 1)[:, None]
        if form == "ground":
            lit = v + 0 * u
        else:
            lit = self._toward_light[0] * u + self._toward_light[1] * v
        if form == "ball":
            lit = lit * 0.9 - 0.35 * (u * u + v * v - 0.6)
        self._colour[here][inside] = colour
        self._number[here][inside] = self._shapes
        self._shade[here][inside] = (lit * relief)[inside]
        self._depth[here][inside] = depth
        self._glow[here][inside] = 255 if glow else 0

    def ellipse(
        self,
        x: float,
        y: float,
        wide: float,
        high: float,
        colour: Colour,
        *,
        turn: float = 0.0,
        depth: float = 0.5,
        form: str = "ball",
        relief: float = 1.0,
        glow: bool = False,
    ) -> None:
        """An ellipse by its centre, half width and half height, turned by `turn` radians."""
        corners = 10 if max(wide, high) < 0.02 else 44
        around = np.linspace(0, 2 * np.pi, corners, endpoint=False)
        cos, sin = np.cos(turn), np.sin(turn)
        a, b = wide * np.cos(around), high * np.sin(around)
        points = np.stack([x + a * cos - b * sin, y + a * sin + b * cos], axis=1)
        self.polygon(points, colour, depth=depth, form=form, relief=relief, glow=glow)

    def rectangle(
        self,
        x: float,
        y: float,
        wide: float,
        high: float,
        colour: Colour,
        *,
        depth: float = 0.5,
        form: str = "flat",
        relief: float = 1.0,
        glow: bool = False,
    ) -> None:
        """A rectangle by its upper left corner."""
        self.polygon(
            [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)],
            colour,
            depth=depth,
            form=form,
            relief=relief,
            glow=glow,
        )

    def line(
        self,
        points: Points,
        width: float | tuple[float, float],
        colour: Colour,
        *,
        depth: float = 0.5,
        form: str = "flat",
        relief: float = 1.0,
        glow: bool = False,
    ) -> None:
        """A stroke along the points, its width running from the first to the last number."""
        path = np.asarray(points, np.float64)
        first, last = width if isinstance(width, tuple) else (width, width)
        way = np.gradient(path, axis=0)
        way /= np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-6)[:, None]
        aside = np.stack([-way[:, 1], way[:, 0]], axis=1)
        half = np.linspace(first / 2, last / 2, len(path))[:, None]
        outline = np.concatenate([path + aside * half, (path - aside * half)[::-1]])
        self.polygon(outline, colour, depth=depth, form=form, relief=relief, glow=glow)

    def ridge(
        self,
        height: float,
        swing: float,
        waves: float,
        colour: Colour,
        *,
        roughness: float = 1.2,
        depth: float = 0.5,
        relief: float = 1.0,
    ) -> None:
        """Everything below a wavy line: hills, dunes, a shore. Heights in unit coordinates."""
        x = np.linspace(-0.02, 1.02, 90)
        y = np.full_like(x, height)
        for octave in range(1, 6):
            phase = self.rng.uniform(0, 2 * np.pi)
            y += swing / octave**roughness * np.sin(waves * octave * x * 2 * np.pi + phase)
        points = [(-0.02, 1.05), *zip(x, y, strict=True), (1.02, 1.05)]
        self.polygon(points, colour, depth=depth, form="ground", relief=relief)

    def finish(self) -> Buffers:
        """The buffers, averaged down to SIDE x SIDE."""
        number = self._number.astype(np.float32)
        square = np.ones((3, 3), np.uint8)
        edge = (cv2.dilate(number, square) != cv2.erode(number, square)).astype(np.float32)
        return Buffers(
            colour=shrink(self._colour.astype(np.float32) / 255.0),
            shade=shrink(self._shade),
            depth=shrink(self._depth),
            glow=shrink(self._glow.astype(np.float32) / 255.0),
            edge=shrink(edge),
            number=self._number,
        )


def shrink(picture: Floats) -> Floats:
    """DRAWN x DRAWN averaged down to SIDE x SIDE."""
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
