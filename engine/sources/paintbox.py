"""Anti-aliased shapes in numpy, for the test card and the brush.

Everything draws in place on RGB uint8 pictures (h, w, 3), with pixel centres at .5, and may hang
over any edge. A `cover` says how much of each pixel a shape takes: uint16, 0..256.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.latest import Picture

Colour = tuple[int, int, int]
Cover = NDArray[np.uint16]
Tone = NDArray[np.float32]
"""A colour of three floats 0..255, alone or as an array (..., 3)."""

FULL: Final = 256


def blend(view: Picture, tone: Tone, cover: Cover) -> None:
    """Lay `tone` (one colour, or anything that spreads over (h, w, 3)) over `view` by `cover`."""
    rest = FULL - cover
    whole = tone.astype(np.uint16)
    for channel in range(3):  # plane by plane: numpy is four times slower on a last axis of three
        plane = view[..., channel]
        plane[...] = (plane * rest + whole[..., channel] * cover) >> 8


def window(out: Picture, left: int, top: int, cover: Cover) -> tuple[Picture, Cover]:
    """The part of `out` under `cover` laid at (left, top), and the part of `cover` over it."""
    h, w = cover.shape
    y0, y1 = max(0, top), min(out.shape[0], top + h)
    x0, x1 = max(0, left), min(out.shape[1], left + w)
    y1, x1 = max(y0, y1), max(x0, x1)
    return out[y0:y1, x0:x1], cover[y0 - top : y1 - top, x0 - left : x1 - left]


def disc(out: Picture, x: float, y: float, radius: float, tone: Tone) -> None:
    """A filled circle round (x, y)."""
    line(out, (x, y, radius), (x, y, radius), tone)


def line(
    out: Picture, start: tuple[float, float, float], end: tuple[float, float, float], tone: Tone
) -> int:
    """A round-ended line between two points (x, y, radius); how many pixels were looked at."""
    (x0, y0, r0), (x1, y1, r1) = start, end
    box = _box(
        out,
        min(x0 - r0, x1 - r1),
        min(y0 - r0, y1 - r1),
        max(x0 + r0, x1 + r1),
        max(y0 + r0, y1 + r1),
    )
    if box is None:
        return 0
    view, x, y = box
    dx, dy = x1 - x0, y1 - y0
    squared = dx * dx + dy * dy
    if squared < 1e-6:
        away = max(r0, r1) - np.hypot(x - x1, y - y1)
    else:
        along = np.clip(((x - x0) * dx + (y - y0) * dy) / squared, 0, 1)
        away = r0 + (r1 - r0) * along - np.hypot(x - x0 - along * dx, y - y0 - along * dy)
    blend(view, tone, _cover(away))
    return view.size // 3


def polygon(out: Picture, points: Sequence[tuple[float, float]], tone: Tone) -> None:
    """A filled convex polygon; the points run round it either way."""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    box = _box(out, min(xs), min(ys), max(xs), max(ys))
    if box is None:
        return
    view, x, y = box
    inside = np.full(view.shape[:2], np.float32(np.inf))
    sides = list(zip(points, [*points[1:], points[0]], strict=True))
    turn = math.copysign(1.0, sum(ax * by - bx * ay for (ax, ay), (bx, by) in sides))
    for (ax, ay), (bx, by) in sides:
        length = math.hypot(bx - ax, by - ay)
        if length > 1e-6:
            side = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) * np.float32(turn / length)
            np.minimum(inside, side, out=inside)
    blend(view, tone, _cover(inside))


class Sprite:
    """A cut-out that can be laid anywhere, also between pixels.

    `cover` is 0..1, (h, w); `tone` 0..255, (h, w, 3).
    """

    def __init__(self, cover: NDArray[np.floating], tone: NDArray[np.floating]) -> None:
        self.h, self.w = cover.shape
        # room for the part pixel; colours are multiplied by the cover once, here
        self._cover = np.pad(np.asarray(cover, np.float32) * FULL, 1)
        self._tone = np.pad(np.asarray(tone, np.float32), ((1, 1), (1, 1), (0, 0)), "edge")
        self._tone *= self._cover[..., None] / FULL

    def draw(self, out: Picture, x: float, y: float, light: Tone) -> None:
        """Lay it with its upper left corner at (x, y), its colours multiplied by `light` (3,)."""
        left, top = math.floor(x), math.floor(y)
        cover = _shifted(self._cover, x - left, y - top)
        view, cut = window(out, left, top, cover.astype(np.uint16))
        if not cut.size:
            return
        y0, x0 = max(0, -top), max(0, -left)
        rest = FULL - cut
        for channel in range(3):
            tone = _shifted(self._tone[..., channel], x - left, y - top) * light[channel]
            part = tone[y0 : y0 + cut.shape[0], x0 : x0 + cut.shape[1]].astype(np.uint16)
            plane = view[..., channel]
            plane[...] = np.minimum(((plane * rest) >> 8) + part, 255)


def _shifted(plane: NDArray[np.float32], right: float, down: float) -> NDArray[np.float32]:
    """One part pixel to the right and down, by linear interpolation; one row and column less."""
    rows = plane[1:] + (plane[:-1] - plane[1:]) * np.float32(down)
    moved: NDArray[np.float32] = rows[:, 1:] + (rows[:, :-1] - rows[:, 1:]) * np.float32(right)
    return moved


def _box(
    out: Picture, left: float, top: float, right: float, bottom: float
) -> tuple[Picture, NDArray[np.float32], NDArray[np.float32]] | None:
    """The pixels that a shape within these bounds can touch, with their centres' x and y."""
    x0, x1 = max(0, math.floor(left - 1)), min(out.shape[1], math.ceil(right + 1))
    y0, y1 = max(0, math.floor(top - 1)), min(out.shape[0], math.ceil(bottom + 1))
    if x0 >= x1 or y0 >= y1:
        return None
    x = np.arange(x0, x1, dtype=np.float32) + np.float32(0.5)
    y = np.arange(y0, y1, dtype=np.float32)[:, None] + np.float32(0.5)
    return out[y0:y1, x0:x1], x, y


def _cover(inside: NDArray[np.floating]) -> Cover:
    """From the distance to the edge in pixels, positive inside."""
    cover: Cover = (np.clip(inside + 0.5, 0, 1) * FULL).astype(np.uint16)
    return cover
