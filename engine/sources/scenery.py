"""The test card's cut-outs: hills, clouds, a balloon, a mill. Made once for each size."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.latest import Picture
from engine.sources.paintbox import FULL, Cover, Sprite, Tone, blend, polygon

_FIRS: Final = ((0.05, 1.0), (0.10, 0.70), (0.155, 0.86), (0.94, 0.80), (0.985, 0.60))
_FINE: Final = 4  # columns looked at within one pixel of a skyline
_SOFT: Final = 2  # the balloon is drawn so much larger, then averaged


class Hill:
    """A skyline: rows of colour below it, blended where it runs through.

    `waves` are (turns over two widths, height, phase); `firs` is the size of its trees in pixels.
    """

    def __init__(
        self,
        w: int,
        h: int,
        height: float,
        waves: tuple[tuple[int, float, float], ...],
        firs: float = 0.0,
    ) -> None:
        x = (np.arange(w * _FINE) + 0.5) / (w * _FINE)
        rise = [a * np.sin(math.pi * n * x + phase) for n, a, phase in waves]
        top = h * (height - np.sum(rise, 0))
        for at, size in _FIRS if firs else ():
            away = np.abs(x - at) * w / (firs * size)  # in heights of the tree
            foot = top[int(at * w * _FINE)]
            # three skirts, each narrower than the one below
            for base, wide in ((0.05, 0.27), (0.38, 0.21), (0.68, 0.15)):
                skirt = foot - firs * size * (base + 0.5 * (1 - away / wide))
                top = np.where(away < wide, np.minimum(top, skirt), top)
        self.h = h
        self.top = min(h, max(0, math.floor(top.min())))
        self.bottom = max(self.top, min(h, math.ceil(top.max()) + 1))
        rows = np.arange(self.top, self.bottom)[:, None] + 0.5
        cover = np.clip(rows - top + 0.5, 0, 1).reshape(len(rows), w, _FINE).mean(2)
        self.cover: Cover = (cover * FULL).astype(np.uint16)

    def draw(self, out: Picture, above: Tone, below: Tone) -> None:
        """`above` is its colour at the highest point, `below` at the picture's foot."""
        share = np.linspace(0, 1, self.h - self.top, dtype=np.float32)[:, None]
        tones = above * (1 - share) + below * share
        through = self.bottom - self.top
        blend(out[self.top : self.bottom], tones[:through, None, :], self.cover)
        fill_rows(out, self.bottom, tones[through:])


def fill_rows(out: Picture, top: int, tones: Tone) -> None:
    """Rows of one colour each, `tones` (n, 3), from row `top` on."""
    for channel in range(3):
        out[top : top + len(tones), :, channel] = tones[:, channel, None].astype(np.uint8)


def ramp(stops: Tone, rows: int, reach: float) -> Tone:
    """`rows` colours through `stops` (n, 3), evenly spread over the first `reach` of them."""
    at = np.clip((np.arange(rows) + 0.5) / (rows * reach), 0, 1) * (len(stops) - 1)
    places = np.arange(len(stops))
    return np.stack([np.interp(at, places, stops[:, c]) for c in range(3)], 1).astype(np.float32)


def glow(radius: int) -> Cover:
    """Light that fades to nothing at `radius`."""
    axis = np.arange(-radius, radius + 1) / max(1, radius)
    away = np.hypot(axis[:, None], axis)
    light: Cover = (np.clip(1 - away, 0, 1) ** 2.2 * FULL).astype(np.uint16)
    return light


def stars(w: int, h: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of sixty stars."""
    places = np.random.default_rng(7).random((2, 60))
    return (places[0] * h * 0.5).astype(np.intp), (places[1] * w).astype(np.intp)


def balloon(height: int) -> Sprite:
    """A hot-air balloon of this many pixels, two thirds as wide."""
    h, w = max(3, height), max(2, round(height * 0.66))
    across = ((np.arange(w * _SOFT) + 0.5) / (w * _SOFT) * 2 - 1)[None, :]
    down = ((np.arange(h * _SOFT) + 0.5) / (w * _SOFT) * 2)[:, None]  # in radii
    # a sphere whose lower half tapers to the mouth
    half = np.where(
        down < 1,
        np.sqrt(np.clip(1 - (down - 1) ** 2, 0, 1)),
        np.clip(1 - 0.52 * np.clip(down - 1, 0, 9) ** 1.7, 0.0, 1),
    )
    envelope = (np.abs(across) < half) & (down < 2.18)
    turn = np.arcsin(np.clip(across / np.maximum(half, 0.05), -1, 1)) / math.pi + 0.5
    gores = np.array([(206, 52, 48), (252, 216, 120)])[np.minimum(turn * 7, 6).astype(int) % 2]
    shade = np.clip(1.10 - 0.34 * (across + 0.4) ** 2 - 0.08 * down, 0.5, 1.1)[..., None]
    basket = (np.abs(across) < 0.22) & (down > 2.55) & (down < 2.92)
    rope = np.abs(np.abs(across) - 0.30 + (down - 2.1) * 0.18) < 0.05
    hung = basket | (rope & (down > 2.1) & (down < 2.6))
    tones = np.clip(gores * shade, 0, 255)
    tones[hung] = (112, 72, 44)
    cover = (envelope | hung).reshape(h, _SOFT, w, _SOFT).mean((1, 3))
    return Sprite(cover, tones.reshape(h, _SOFT, w, _SOFT, 3).mean((1, 3)))


def cloud(width: int, seed: int) -> Sprite:
    """A flat-bottomed heap of puffs, white above."""
    w = max(4, width)
    h = max(3, round(width * 0.40))
    y, x = np.mgrid[0:h, 0:w] + 0.5
    random = np.random.default_rng(seed)
    cover = np.zeros((h, w))
    for puff in np.linspace(0, 1, 6):
        swell = math.sin(math.pi * (0.08 + 0.84 * puff)) * (0.22 + 0.10 * random.random())
        radius = h * (0.15 + swell)
        away = np.hypot(x - w * (0.14 + 0.72 * puff), y - h * 0.80 + radius * 0.62)
        cover = np.maximum(cover, np.clip((radius - away) * 0.7 + 0.5, 0, 1))
    cover *= np.clip((h * 0.80 - y) * 0.7 + 0.5, 0, 1)
    shadow = np.clip(y / h, 0, 1)[..., None] ** 2 * np.array((54, 44, 30))
    return Sprite(cover * 0.94, 255 - shadow)


def mill(height: int) -> Sprite:
    """A windmill without its sails; their hub is at half its width, a quarter down."""
    h = max(4, height)
    w = max(3, round(h * 0.52))
    hub, middle = h * 0.25, w / 2
    tower = [(w * 0.06, h), (w * 0.26, hub), (w * 0.74, hub), (w * 0.94, h)]
    shaded = [(w * 0.60, h), (w * 0.55, hub), (w * 0.74, hub), (w * 0.94, h)]
    cap = [
        (w * 0.17, hub),
        (w * 0.30, h * 0.09),
        (middle, h * 0.02),
        (w * 0.70, h * 0.09),
        (w * 0.83, hub),
    ]
    door = [(w * 0.38, h), (w * 0.38, h * 0.82), (w * 0.58, h * 0.82), (w * 0.58, h)]
    pane = [(w * 0.43, h * 0.58), (w * 0.43, h * 0.48), (w * 0.55, h * 0.48), (w * 0.55, h * 0.58)]
    tones, mask = np.zeros((h, w, 3), np.uint8), np.zeros((h, w, 3), np.uint8)
    tones[:] = (238, 224, 196)  # under thin edges too, so that they do not darken
    tones[: round(hub)] = (164, 62, 48)
    for outline, colour in (
        (tower, (238, 224, 196)),
        (shaded, (208, 186, 158)),
        (door, (104, 66, 44)),
        (pane, (104, 66, 44)),
        (cap, (164, 62, 48)),
    ):
        polygon(tones, outline, np.array(colour, np.float32))
        polygon(mask, outline, np.array((255, 255, 255), np.float32))
    return Sprite(mask[..., 0] / 255.0, tones.astype(np.float32))
