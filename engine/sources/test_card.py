"""The test card: a camera for those without one.

A small landscape that lives by the clock alone, so that anybody can check anything against it: the
ball strikes the next colour bar on every half second (a beat at 120 bpm), a sail of the mill stands
upright on every whole one, a day passes in a minute. Sun and ball are true circles, the sky is a
smooth gradient, the bars are white, yellow, cyan, green, magenta, red, blue and black at 75 %.
"""

from __future__ import annotations

import math
import time
from functools import lru_cache
from typing import Final

import numpy as np

from engine.latest import Picture
from engine.sources.pace import OFFER_S, Pace
from engine.sources.paintbox import Colour, Tone, blend, disc, polygon, window
from engine.sources.scenery import Hill, balloon, cloud, fill_rows, glow, mill, ramp, stars

DAY_S: Final = 60.0
BEAT_S: Final = 0.5

BARS: Final[tuple[Colour, ...]] = (
    (191, 191, 191),
    (191, 191, 0),
    (0, 191, 191),
    (0, 191, 0),
    (191, 0, 191),
    (191, 0, 0),
    (0, 0, 191),
    (16, 16, 16),
)

# the hours: sky at its top, half-way and at the horizon; far, middle and near hills; the sun or
# moon; and the light on everything else
_MORNING: Final = ((72, 128, 200), (150, 188, 214), (255, 214, 160))
_NOON: Final = ((44, 116, 214), (96, 164, 232), (190, 224, 240))
_SUNSET: Final = ((74, 58, 132), (214, 92, 104), (255, 178, 92))
_NIGHT: Final = ((14, 20, 58), (34, 44, 98), (82, 84, 142))
_DAY: Final = np.array(
    (
        (
            *_MORNING,
            (132, 140, 178),
            (92, 132, 104),
            (74, 122, 56),
            (255, 240, 176),
            (255, 244, 222),
        ),
        (*_NOON, (112, 144, 186), (80, 142, 98), (86, 150, 54), (255, 250, 214), (255, 255, 250)),
        (*_SUNSET, (122, 74, 128), (104, 66, 96), (70, 62, 60), (255, 214, 128), (255, 206, 176)),
        (*_NIGHT, (44, 52, 98), (32, 46, 78), (24, 42, 52), (236, 240, 255), (150, 164, 214)),
    ),
    np.float32,
)
_WHITE: Final = np.ones(3, np.float32)


class TestCard:
    """The test card as a source: 30 pictures a second, each what its exact moment asks for."""

    __test__ = False  # a card, not a test

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.captured_ns = 0
        self._pace = Pace(OFFER_S)

    def read(self) -> Picture:
        tick = self._pace.wait()
        self.captured_ns = time.monotonic_ns()
        return picture(tick * OFFER_S, *self.size)

    def close(self) -> None:
        """Nothing to give back."""


def picture(t_s: float, w: int, h: int) -> Picture:
    """The card `t_s` seconds after its start: RGB uint8, (h, w, 3), the same every time."""
    return _scene(w, h).paint(t_s)


@lru_cache(maxsize=4)
def _scene(w: int, h: int) -> _Scene:
    return _Scene(w, h)


class _Scene:
    """What does not change at one size: outlines and cut-outs; `paint` puts them together."""

    def __init__(self, w: int, h: int) -> None:
        self.w, self.h = w, h
        self.unit = unit = min(w, h)
        self.far = Hill(w, h, 0.60, ((2, 0.030, 0.4), (6, 0.036, 2.0), (14, 0.014, 1.0)))
        self.middle = Hill(w, h, 0.71, ((2, 0.034, 3.6), (4, 0.026, 0.3), (10, 0.006, 2.0)))
        self.near = Hill(w, h, 0.80, ((2, 0.036, 4.2), (4, 0.016, 4.4)), firs=unit * 0.15)
        self.glow = glow(round(unit * 0.34))
        self.balloon = balloon(round(unit * 0.27))
        sizes = ((0.34, 1), (0.22, 5), (0.27, 9))
        self.clouds = tuple(cloud(round(unit * size), seed) for size, seed in sizes)
        self.mill = mill(round(unit * 0.29))
        self.stars = stars(w, h)

    def paint(self, t_s: float) -> Picture:
        hour = (t_s / DAY_S) % 1.0
        tones = _tones(hour)
        light = tones[7] / 255
        out = np.empty((self.h, self.w, 3), np.uint8)
        fill_rows(out, 0, ramp(tones[:3], self.h, 0.62))
        self._stars(out, hour)
        self._sun(out, hour, tones[6])
        self._clouds(out, t_s, light)
        self.far.draw(out, tones[3], tones[4])
        x = self.w * (0.36 + 0.22 * math.sin(t_s * math.tau / 38)) - self.balloon.w / 2
        y = self.h * (0.14 + 0.05 * math.sin(t_s * math.tau / 9))
        self.balloon.draw(out, x, y, 0.25 + light * 0.75)
        self.middle.draw(out, tones[4], tones[5])
        self.near.draw(out, tones[5], tones[5] * 0.55)
        self._windmill(out, t_s, 0.2 + light * 0.8)
        self._bars(out, t_s)
        self._ball(out, t_s)
        return out

    def _stars(self, out: Picture, hour: float) -> None:
        dark = 1.0 - abs(hour - 0.8) / 0.12
        if dark > 0:
            out[self.stars] = np.maximum(out[self.stars], np.uint8(230 * dark))

    def _sun(self, out: Picture, hour: float, tone: Tone) -> None:
        # the sun's way is from hour 0.9 to 0.6, high at midday; the moon has the rest
        since = (hour + 0.1) % 1.0
        by_day = since < 0.7
        way = since / 0.7 if by_day else (since - 0.7) / 0.3
        x = self.w * (0.06 + 0.88 * way)
        y = self.h * (0.68 - 0.52 * math.sin(math.pi * way))
        half = self.glow.shape[0] // 2
        view, cover = window(out, round(x) - half, round(y) - half, self.glow)
        blend(view, tone, (cover * (0.62 if by_day else 0.25)).astype(np.uint16))
        disc(out, x, y, self.unit * (0.062 if by_day else 0.045), tone)

    def _clouds(self, out: Picture, t_s: float, light: Tone) -> None:
        paths = ((0.014, 0.13, 0.70), (0.022, 0.31, 0.12), (0.009, 0.42, 0.93))
        for shape, (speed, height, start) in zip(self.clouds, paths, strict=True):
            span = self.w + shape.w
            x = (start * span + speed * self.w * t_s) % span - shape.w
            shape.draw(out, x, height * self.h, _WHITE * 0.45 + light * 0.55)

    def _windmill(self, out: Picture, t_s: float, light: Tone) -> None:
        left, top = self.w * 0.80 - self.mill.w / 2, self.h * 0.835 - self.mill.h
        self.mill.draw(out, left, top, light)
        x, y = left + self.mill.w / 2, top + self.mill.h * 0.25
        length, wide, thin = self.unit * 0.125, self.unit * 0.020, self.unit * 0.0045
        cloth, wood = _tone((236, 226, 206)) * light, _tone((94, 58, 44)) * light
        for sail in range(4):
            angle = math.tau * (t_s + sail) / 4  # a quarter turn a second
            dx, dy = math.sin(angle), -math.cos(angle)

            def at(
                along: float, across: float, dx: float = dx, dy: float = dy
            ) -> tuple[float, float]:
                return x + dx * along - dy * across, y + dy * along + dx * across

            polygon(
                out,
                (at(length * 0.2, 0), at(length, 0), at(length, wide), at(length * 0.2, wide)),
                cloth,
            )
            polygon(out, (at(0, -thin), at(length, -thin), at(length, thin), at(0, thin)), wood)
        disc(out, x, y, self.unit * 0.012, wood * 0.7)

    def _bar(self, index: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of a colour bar at rest, in pixels."""
        step = self.w * 0.88 / len(BARS)
        left = self.w * 0.06 + index * step
        half = self.h * (0.058 - 0.0028 * index)
        return left + step * 0.07, self.h * 0.915 - half, left + step * 0.93, self.h * 0.915 + half

    def _bars(self, out: Picture, t_s: float) -> None:
        thick = max(1, round(self.h * 0.010))
        for rail in (0.886, 0.940):
            top = round(self.h * rail)
            _fill(out, (self.w * 0.045, top, self.w * 0.955, top + thick), (64, 42, 34))
        beat = t_s / BEAT_S
        for index, colour in enumerate(BARS):
            left, rest, right, low = self._bar(index)
            dip = 0.0
            if index == _struck(int(beat)):  # it gives way and comes back
                dip = self.h * 0.010 * math.exp(-(beat % 1.0) * 7)
            above, below = rest + dip, low + dip
            red, green, blue = colour
            side = (red * 5 // 9, green * 5 // 9, blue * 5 // 9)
            _fill(out, (left, below, right, below + thick), side)
            _fill(out, (left, above, right, below), colour)

    def _ball(self, out: Picture, t_s: float) -> None:
        beat = t_s / BEAT_S
        done = beat % 1.0
        here, there = (self._bar(_struck(int(beat) + ahead)) for ahead in (0, 1))
        radius = self.unit * 0.045
        x = (here[0] + here[2]) / 2 * (1 - done) + (there[0] + there[2]) / 2 * done
        y = self.h * (0.905 - 0.84 * done * (1 - done)) - radius
        disc(out, x, y, radius, _tone((200, 40, 32)))
        disc(out, x - radius * 0.10, y - radius * 0.12, radius * 0.80, _tone((232, 72, 44)))
        disc(out, x - radius * 0.32, y - radius * 0.36, radius * 0.24, _tone((255, 200, 170)))


def _struck(beat: int) -> int:
    """The bar that is struck on a beat: up and down the scale."""
    last = len(BARS) - 1
    return last - abs(last - beat % (2 * last))


def _tones(hour: float) -> Tone:
    """The colours of an hour 0..1: each of the four rests a while, then turns into the next."""
    at = hour * len(_DAY)
    first = int(at)
    share = np.float32(min(1.0, max(0.0, (at - first - 0.4) / 0.6)))
    tones: Tone = _DAY[first] * (1 - share) + _DAY[(first + 1) % len(_DAY)] * share
    return tones


def _tone(colour: Colour) -> Tone:
    return np.array(colour, np.float32)


def _fill(out: Picture, box: tuple[float, float, float, float], colour: Colour) -> None:
    left, top, right, bottom = (max(0, round(edge)) for edge in box)
    for channel in range(3):
        out[top:bottom, left:right, channel] = colour[channel]
