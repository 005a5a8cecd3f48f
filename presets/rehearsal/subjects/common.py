"""What many subjects share: the light of the day, skies, backdrops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from presets.rehearsal.canvas import Canvas, Colour, Layout, Rng, blend, hsv

TIMES: Final = ("day", "sunset", "night", "overcast")
WEATHERS: Final = ("clear", "clouds", "rain", "snow", "fog")


@dataclass(frozen=True, slots=True)
class Look:
    """When and in what weather: one of TIMES, one of WEATHERS."""

    time: str
    weather: str

    @classmethod
    def draw_lots(cls, rng: Rng) -> Look:
        time = str(rng.choice(TIMES, p=[0.4, 0.22, 0.25, 0.13]))
        weather = str(rng.choice(WEATHERS, p=[0.42, 0.28, 0.1, 0.1, 0.1]))
        return cls(time, weather)

    @property
    def night(self) -> bool:
        return self.time == "night"

    def lit(self, hue: float, saturation: float, value: float) -> Colour:
        """A thing's own colour as it looks in this light."""
        if self.time == "night":
            return blend(hsv(hue, saturation * 0.8, value * 0.42), (16, 20, 58), 0.3)
        if self.time == "sunset":
            return blend(hsv(hue, saturation, value * 0.8), (222, 92, 40), 0.22)
        if self.time == "overcast":
            return blend(hsv(hue, saturation * 0.65, value * 0.85), (128, 134, 142), 0.15)
        if self.weather == "snow":
            return hsv(hue, saturation * 0.85, value)
        return hsv(hue, saturation, value)

    def ground(self, hue: float, saturation: float, value: float) -> Colour:
        """The same for what snow would lie on."""
        if self.weather == "snow":
            hue, saturation, value = 0.6, 0.06, 0.95
        return self.lit(hue, saturation, value)


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to draw.

    draw(canvas, layout, look) fills the whole picture and returns words that are true of this very
    drawing ("red", "snowy"; often none). phrases: how a performer would call it, the commonest
    first, lower case, without an article where none is needed. outdoors: the sky and the weather
    show in it.
    """

    name: str
    draw: Callable[[Canvas, Layout, Look], tuple[str, ...]]
    phrases: tuple[str, ...]
    outdoors: bool


def sky(canvas: Canvas, layout: Layout, look: Look) -> None:
    """The whole background as a sky: gradient, then sun or moon, stars, clouds."""
    # a generator of its own: what stands on the ground stays the same by day and by night
    rng, hue = canvas.rng.spawn(1)[0], layout.hues[0]
    if look.time == "day":
        canvas.background(hsv(0.54 + 0.08 * hue, 0.65, 0.9), hsv(0.55, 0.14, 1.0), 0.8)
    elif look.time == "sunset":
        canvas.background(
            hsv(0.66 + 0.2 * hue, 0.6, 0.5), hsv(0.02 + 0.09 * layout.hues[1], 0.8, 1.0), 1.1
        )
    elif look.time == "night":
        canvas.background(hsv(0.62 + 0.12 * hue, 0.85, 0.1), hsv(0.62, 0.7, 0.32))
    else:
        canvas.background(hsv(0.58, 0.13, 0.66), hsv(0.6, 0.06, 0.88))
    if look.night and look.weather in ("clear", "clouds"):
        for _ in range(int(rng.integers(25, 60))):
            size = float(rng.uniform(0.002, 0.006))
            x, y = rng.uniform(0, 1), rng.uniform(0, layout.horizon)
            canvas.ellipse(x, y, size, size, (255, 252, 228), depth=1.0, relief=0, glow=True)
    x, size = (layout.x + 0.31) % 1.0, 0.045 + 0.05 * layout.hues[2]
    if look.weather in ("clear", "clouds"):
        if look.time == "day" and layout.hues[3] < 0.6:
            canvas.ellipse(x, 0.15, size, size, (255, 240, 150), depth=1.0, relief=0.1, glow=True)
        elif look.time == "sunset":
            y = layout.horizon - 0.02 - 0.16 * layout.hues[3]
            tint = hsv(0.05 + 0.08 * layout.hues[4], 0.6, 1.0)
            canvas.ellipse(x, y, size * 1.3, size * 1.3, tint, depth=1.0, relief=0.1, glow=True)
        elif look.night and layout.hues[3] < 0.7:
            canvas.ellipse(x, 0.17, size, size, (246, 240, 214), depth=1.0, relief=0.3, glow=True)
    if look.weather == "clouds":
        _clouds(canvas, look, rng)


def _clouds(canvas: Canvas, look: Look, rng: Rng) -> None:
    colour = {
        "day": (244, 246, 250),
        "sunset": hsv(float(rng.uniform(0.92, 1.04)), 0.42, 0.98),
        "night": (62, 68, 104),
        "overcast": (232, 235, 238),
    }[look.time]
    for _ in range(int(rng.integers(2, 5))):
        x, y = rng.uniform(0, 1), rng.uniform(0.06, 0.36)
        for _ in range(int(rng.integers(3, 7))):
            canvas.ellipse(
                x + rng.normal() * 0.055,
                y + rng.normal() * 0.012,
                rng.uniform(0.03, 0.085),
                rng.uniform(0.016, 0.036),
                colour,
                depth=0.95,
                relief=0.4,
            )


def weather(canvas: Canvas, look: Look) -> None:
    """What falls from the sky, in front of everything."""
    rng = canvas.rng.spawn(1)[0]
    if look.weather == "rain":
        colour = (96, 104, 140) if look.night else (196, 208, 222)
        lean = float(rng.uniform(-0.05, 0.05))
        for x, y in rng.uniform(0, 1, (38, 2)):
            canvas.line([(x, y), (x + lean, y + 0.11)], 0.008, colour, depth=0.2, relief=0)
    elif look.weather == "snow":
        for x, y, size in rng.uniform(0, 1, (46, 3)):
            size = 0.005 + 0.008 * size
            canvas.ellipse(x, y, size, size, (248, 250, 255), depth=0.2, relief=0)


def backdrop(canvas: Canvas, layout: Layout, look: Look) -> None:
    """What is behind a person or a thing: a plain wall, a room, soft lights out of focus."""
    rng, kind = canvas.rng, layout.hues[5]
    dark = 0.35 if look.night else 1.0
    wall = hsv(layout.hues[0], 0.1 + 0.5 * layout.hues[1], (0.45 + 0.5 * layout.hues[2]) * dark)
    other = hsv(
        layout.hues[0] + 0.1, 0.1 + 0.4 * layout.hues[3], (0.4 + 0.5 * layout.hues[4]) * dark
    )
    canvas.background(wall, other)
    if kind < 0.3:
        for _ in range(int(rng.integers(6, 18))):
            size = rng.uniform(0.02, 0.07)
            tint = hsv(rng.uniform(0, 1), rng.uniform(0.3, 0.8), rng.uniform(0.6, 1.0))
            canvas.ellipse(
                rng.uniform(0, 1), rng.uniform(0, 0.9), size, size, tint,
                depth=1.0, relief=0.1, glow=look.night,
            )  # fmt: skip
    elif kind < 0.6:
        _room(canvas, layout, look, dark)


def _room(canvas: Canvas, layout: Layout, look: Look, dark: float) -> None:
    """A window, a shelf, a picture on the wall."""
    rng = canvas.rng
    left = 0.05 if layout.x > 0.5 else 0.66
    canvas.rectangle(left - 0.015, 0.085, 0.29, 0.37, hsv(0.1, 0.15, 0.9 * dark), depth=0.9)
    pane = hsv(0.62, 0.7, 0.25) if look.night else hsv(0.55, 0.25, 0.98)
    for column in (0, 1):
        for row in (0, 1):
            x, y = left + column * 0.135, 0.1 + row * 0.175
            canvas.rectangle(x, y, 0.125, 0.165, pane, depth=0.92, relief=0.3, glow=not look.night)
    side = 0.62 if layout.x > 0.5 else 0.06
    canvas.rectangle(side, 0.4, 0.32, 0.025, hsv(0.08, 0.5, 0.45 * dark), depth=0.85)
    x = side + 0.01
    while x < side + 0.28:
        wide, high = rng.uniform(0.015, 0.04), rng.uniform(0.07, 0.14)
        tint = hsv(rng.uniform(0, 1), rng.uniform(0.2, 0.8), rng.uniform(0.3, 0.9) * dark)
        canvas.rectangle(x, 0.4 - high, wide, high, tint, depth=0.84)
        x += wide + rng.uniform(0, 0.012)


def count_of(layout: Layout, most: int = 4) -> int:
    return min(layout.count, most)


def spread(layout: Layout, number: int, of: int, gap: float = 0.28) -> float:
    """x of the `number`-th of `of` things standing side by side round the layout's x."""
    return float(np.clip(layout.x + (number - (of - 1) / 2) * gap, 0.06, 0.94))
