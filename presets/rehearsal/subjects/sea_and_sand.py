"""Two level places: the sea and the desert."""

from __future__ import annotations

from typing import Final

import numpy as np

from presets.rehearsal.canvas import Canvas, Colour, Floats, Layout, blend, dim
from presets.rehearsal.subjects.common import Look, count_of, sky, spread
from presets.rehearsal.subjects.scenery import Paint, below, moonlit, pick, wavy, words

WATERS: Final[tuple[Paint, ...]] = (
    ("blue", 0.58, 0.78, 0.7),
    ("blue", 0.61, 0.8, 0.6),
    ("blue", 0.54, 0.65, 0.8),
    ("green", 0.47, 0.62, 0.68),
)


def _sails(canvas: Canvas, look: Look, x: float, foot: float, size: float, hue: float) -> None:
    """A sailing boat: hull, mast, two sails."""
    hull, sail = look.lit(hue, 0.7, 0.55), moonlit(look, look.lit(0.1, 0.05, 1.0))
    keel = [(-1, -0.12), (1.1, -0.12), (0.75, 0.22), (-0.75, 0.22)]
    main = [(0.04, -0.2), (0.04, -1.9), (0.95, -0.3)]
    jib = [(-0.08, -0.3), (-0.04, -1.6), (-0.85, -0.3)]
    for outline, colour in (
        (main, sail), (jib, dim(sail, 0.88)), (keel, hull),
    ):  # fmt: skip
        points = [(x + across * size, foot + down * size) for across, down in outline]
        canvas.polygon(points, colour, depth=0.32)


def _lighthouse(canvas: Canvas, look: Look, x: float, foot: float, high: float, hue: float) -> None:
    """A striped tower with a lamp, on a rock."""
    rock, white = look.ground(0.08, 0.2, 0.38), moonlit(look, look.lit(0.1, 0.04, 1.0))
    stone = [(-0.6, 0.1), (-0.42, -0.12), (-0.15, -0.2), (0.2, -0.18), (0.45, -0.08), (0.7, 0.1)]
    canvas.polygon([(x + a * high, foot + b * high) for a, b in stone], rock, depth=0.35)
    base = foot - high * 0.15
    bands = 5
    for band in range(bands):
        low, top = band / bands, (band + 1) / bands
        a, b = high * (0.13 - 0.05 * low), high * (0.13 - 0.05 * top)
        colour = look.lit(hue, 0.8, 0.8) if band % 2 else white
        side = [(x - a, base - high * low), (x - b, base - high * top)]
        side += [(x + b, base - high * top), (x + a, base - high * low)]
        canvas.polygon(side, colour, depth=0.33)
    top = base - high
    canvas.rectangle(x - high * 0.11, top - 0.012, high * 0.22, 0.016, rock, depth=0.33)
    canvas.rectangle(
        x - high * 0.06, top - high * 0.13, high * 0.12, high * 0.12, (255, 236, 150),
        depth=0.33, relief=0.1, glow=look.time != "day",
    )  # fmt: skip
    roof = [(x - high * 0.1, top - high * 0.12), (x, top - high * 0.24)]
    canvas.polygon(
        [*roof, (x + high * 0.1, top - high * 0.12)], look.lit(hue, 0.8, 0.6), depth=0.33
    )


def _foam(canvas: Canvas, crest: Floats, width: float, colour: Colour, depth: float) -> None:
    """White pieces along a wave's crest."""
    rng = canvas.rng
    start = int(rng.integers(0, 8))
    while start < len(crest) - 8:
        length = int(rng.integers(8, 22))
        piece = crest[start : start + length] + np.array([0, width * 0.4], np.float32)
        canvas.line(piece, (width, width * 0.35), colour, depth=depth, relief=0.2)
        start += length + int(rng.integers(5, 22))


def sea(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """Open water up to a level horizon: waves, foam, perhaps a sail, a lighthouse, a beach."""
    rng = canvas.rng
    sky(canvas, layout, look)
    paint = pick(WATERS, layout.hues[1])
    level = layout.horizon - 0.12
    water = look.lit(*paint[1:])
    canvas.rectangle(-0.02, level, 1.04, 0.14, water, depth=0.8, form="ground", relief=0.5)
    if layout.hues[5] < 0.3:
        crest = wavy(canvas, level - 0.03, 0.03, 0.8)
        below(canvas, crest, level, look.ground(0.5, 0.25, 0.5), 0.85)
    if look.weather == "clear" and look.time in ("sunset", "night"):
        _glitter(canvas, layout, look, level)
    kind = int(layout.hues[2] * 4)  # 0 sails, 1 a lighthouse, 2 a beach, 3 nothing but waves
    white = moonlit(look, look.lit(0.55, 0.05, 1.0))
    rows = 4 + layout.count // 2
    for row in range(rows):
        near = (row + 0.5) / rows
        y = level + (1.0 - level) * near**1.5
        swing = (0.006 + 0.028 * near) * layout.scale
        crest = wavy(canvas, y, swing, (5.5 - 3.3 * near) / layout.scale, 2)
        tint = look.lit(
            paint[1] + 0.02, paint[2] * (1.08 - 0.25 * near), paint[3] * (1.2 - 0.5 * near)
        )
        depth = 0.7 - 0.5 * near
        below(canvas, crest, min(y + 0.25, 1.02) if row < rows - 1 else 1.02, tint, depth, 0.5)
        _foam(canvas, crest, 0.01 + 0.016 * near, white, depth - 0.01)
        if row == rows // 2 and kind == 1:
            x = 0.22 if layout.x > 0.5 else 0.78
            _lighthouse(canvas, look, x, y + 0.06, 0.34 * layout.scale, layout.hues[3] * 0.1 - 0.05)
        if row == rows // 2 - 1 and kind == 0:
            for boat in range(count_of(layout, 3)):
                x = spread(layout, boat, count_of(layout, 3), 0.3)
                size = 0.085 * layout.scale * float(rng.uniform(0.8, 1.2))
                _sails(canvas, look, x, y + 0.01, size, layout.hues[3])
    if kind == 2:
        _beach(canvas, layout, look, white)
    return words(paint, look)


def _glitter(canvas: Canvas, layout: Layout, look: Look, level: float) -> None:
    """The sun's or the moon's road on the water, under where the sky put it."""
    x = (layout.x + 0.31) % 1.0
    colour = (255, 196, 110) if look.time == "sunset" else (206, 212, 224)
    for step in range(7):
        y = level + 0.012 + 0.02 * step
        wide = 0.05 + 0.012 * step * float(canvas.rng.uniform(0.4, 1.4))
        canvas.ellipse(x, y, wide, 0.006, colour, depth=0.75, relief=0)


def _beach(canvas: Canvas, layout: Layout, look: Look, white: Colour) -> None:
    """Sand running in from one lower corner, foam along it."""
    side = 1 if layout.x < 0.5 else -1
    x = np.linspace(-0.02, 1.02, 40)
    slope = 0.9 - side * (x - 0.5) * 0.34 + 0.02 * np.sin(x * 14 + layout.hues[3] * 6)
    shore = np.stack([x, slope], axis=1).astype(np.float32)
    lift = np.array([0, -0.025], np.float32)
    below(canvas, shore + lift, 1.02, white, 0.2, 0.2)
    below(canvas, shore, 1.02, look.ground(0.11, 0.42, 0.88), 0.18, 0.3)


def _dune(
    canvas: Canvas, x: float, foot: float, half: float, high: float,
    sun: Colour, shadow: Colour, depth: float,
) -> None:  # fmt: skip
    """A dune: a soft lit slope, and a dark face behind a curved edge."""
    t = np.linspace(-1, 1, 40)
    side = np.where(t < 0, np.cos(t * np.pi / 2) ** 1.6, (1 - t) ** 1.35)
    outline = np.stack([x + t * half, foot - high * np.maximum(side, 0)], axis=1)
    canvas.polygon(outline, sun, depth=depth, relief=0.6)
    down = np.linspace(0, 1, 16)
    edge = np.stack([x + half * 0.3 * np.sin(down * 4.2), foot - high * (1 - down)], axis=1)
    face = np.concatenate([outline[20:], edge[::-1]])
    canvas.polygon(face, shadow, depth=depth, relief=0.4)


def _cactus(canvas: Canvas, x: float, foot: float, high: float, colour: Colour) -> None:
    """A saguaro with two arms."""
    thick = high * 0.17
    for side, reach, low, top in ((-1, 0.27, 0.42, 0.8), (1, 0.3, 0.3, 0.68)):
        elbow = x + side * reach * high
        arm = [(x, foot - low * high), (elbow, foot - low * high - 0.01)]
        canvas.line(arm, thick * 0.75, colour, depth=0.28, relief=0.5)
        canvas.line([(elbow, foot - low * high + thick * 0.3), (elbow, foot - top * high)],
                    thick * 0.75, colour, depth=0.28, relief=0.5)  # fmt: skip
        canvas.ellipse(elbow, foot - top * high, thick * 0.37, thick * 0.37, colour, depth=0.28)
    canvas.line([(x, foot), (x, foot - high)], thick, colour, depth=0.26, relief=0.7)
    canvas.ellipse(x, foot - high, thick / 2, thick / 2, colour, depth=0.26, relief=0.7)
    stripe = [(x, foot - high * 0.05), (x, foot - high * 0.95)]
    canvas.line(stripe, max(thick * 0.2, 0.009), dim(colour, 0.75), depth=0.26, relief=0)


def _pyramid(canvas: Canvas, x: float, foot: float, half: float, sun: Colour, dark: Colour) -> None:
    """A lit side and a dark side."""
    top, ridge = (x, foot - half * 1.25), (x + half * 0.35, foot + half * 0.06)
    canvas.polygon([(x - half, foot), top, ridge], sun, depth=0.5, relief=0.5)
    canvas.polygon([ridge, top, (x + half, foot - half * 0.04)], dark, depth=0.5, relief=0.5)


def desert(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """Dunes of sand under a wide sky, with cacti or pyramids."""
    rng = canvas.rng
    sky(canvas, layout, look)
    hue = 0.06 + 0.065 * layout.hues[1]

    def sand(value: float, saturation: float = 0.58) -> Colour:
        """Sand stays sand under a little snow."""
        bare = look.lit(hue, saturation, value)
        return moonlit(look, blend(bare, look.ground(hue, saturation, value), 0.3), 1.4)

    level = layout.horizon - 0.06
    canvas.rectangle(-0.02, level, 1.04, 0.14, sand(0.88), depth=0.8, form="ground", relief=0.3)
    kind = int(layout.hues[2] * 3)  # 0 cacti, 1 pyramids, 2 nothing but dunes
    if kind == 1:
        for index in range(count_of(layout, 3)):
            half = 0.23 * layout.scale * (1 - 0.25 * index)
            x = spread(layout, index, count_of(layout, 3), 0.36)
            _pyramid(
                canvas, x, level + 0.06 - 0.02 * index, half, sand(0.95, 0.5), sand(0.55, 0.65)
            )
    rows = 3
    for row in range(rows):
        near = row / (rows - 1)
        foot = level + 0.1 + (1.06 - level - 0.1) * near
        lump = 0.06 if kind == 1 else 0.115
        for _ in range(2):
            x = float(rng.uniform(-0.1, 1.1))
            high = lump * (0.6 + 1.4 * near) * float(rng.uniform(0.8, 1.4)) * layout.scale
            half = high * float(rng.uniform(2.6, 3.6))
            _dune(canvas, x, foot, half, high, sand(1.0, 0.5), sand(0.58, 0.7), 0.7 - 0.4 * near)
        front = wavy(canvas, foot - 0.012, 0.01, 0.8, 2)
        below(canvas, front, min(foot + 0.3, 1.02), sand(0.9 - 0.08 * near), 0.65 - 0.4 * near, 0.3)
    if kind == 0:
        green = moonlit(look, look.lit(0.3 + 0.08 * layout.hues[3], 0.6, 0.5), 1.3)
        for index in range(count_of(layout)):
            high = 0.44 * layout.scale * (1 if index == 0 else float(rng.uniform(0.4, 0.75)))
            x = spread(layout, (0, -2, 2, 4)[index], 1, 0.16)
            _cactus(canvas, x, level + 0.1 + high * 0.5, high, green)
    return ()
