"""Wide views of the land: hills, mountains, the sea, a desert, a forest."""

from __future__ import annotations

from typing import Final

import numpy as np

from presets.rehearsal.canvas import Canvas, Colour, Floats, Layout, blend, dim, hsv
from presets.rehearsal.subjects.common import Look, Subject, sky, spread
from presets.rehearsal.subjects.scenery import Paint, below, moonlit, pick, wavy, words
from presets.rehearsal.subjects.sea_and_sand import desert, sea

MEADOWS: Final[tuple[Paint, ...]] = (
    ("green", 0.29, 0.7, 0.68),
    ("green", 0.35, 0.6, 0.6),
    ("green", 0.24, 0.7, 0.78),
    ("golden", 0.14, 0.7, 0.85),
    ("purple", 0.77, 0.45, 0.65),
)
LEAVES: Final[tuple[Paint, ...]] = (
    ("green", 0.3, 0.7, 0.55),
    ("green", 0.36, 0.6, 0.45),
    ("green", 0.26, 0.7, 0.65),
    ("orange", 0.07, 0.8, 0.85),
    ("golden", 0.13, 0.8, 0.85),
)


def _height(crest: Floats, x: float) -> float:
    return float(np.interp(x, crest[:, 0], crest[:, 1]))


def _round_tree(
    canvas: Canvas, x: float, foot: float, high: float, leaf: Colour, bark: Colour, depth: float
) -> None:
    """A trunk under three balls of leaves."""
    rng = canvas.rng
    wide = max(high * 0.055, 0.005)
    canvas.polygon(
        [(x - wide, foot), (x - wide * 0.6, foot - high * 0.6),
         (x + wide * 0.6, foot - high * 0.6), (x + wide, foot)],
        bark, depth=depth,
    )  # fmt: skip
    if high < 0.12:
        canvas.ellipse(x, foot - high * 0.65, high * 0.34, high * 0.36, leaf, depth=depth)
        return
    balls = ((-0.2, 0.57, 0.21), (0.2, 0.6, 0.2), (0.0, 0.78, 0.24))
    for across, up, size in balls:
        size *= high * rng.uniform(0.9, 1.15)
        colour = dim(leaf, float(rng.uniform(0.86, 1.14)))
        canvas.ellipse(x + across * high, foot - up * high, size, size * 0.92, colour, depth=depth)


def _conifer(
    canvas: Canvas, x: float, foot: float, high: float, leaf: Colour, bark: Colour, depth: float
) -> None:
    """A short trunk under two to four skirts of needles."""
    wide = max(high * 0.04, 0.005)
    canvas.rectangle(x - wide, foot - high * 0.2, wide * 2, high * 0.2, bark, depth=depth)
    tiers = 2 if high < 0.12 else 4
    for tier in range(tiers):
        share = tier / tiers
        low, top = foot - high * (0.12 + 0.8 * share), foot - high * (0.12 + 0.88 * (share + 0.36))
        half = high * 0.29 * (1 - 0.75 * share)
        skirt = [
            (x - half, low),
            (x, max(top, foot - high)),
            (x + half, low),
            (x, low + half * 0.2),
        ]
        canvas.polygon(skirt, dim(leaf, 0.86 + 0.09 * tier), depth=depth)


def _cottage(canvas: Canvas, look: Look, x: float, foot: float, size: float, depth: float) -> None:
    """A house far away: a wall, a roof, a window."""
    rng = canvas.rng
    wall = look.lit(float(rng.uniform(0.05, 0.15)), 0.15, 0.95)
    roof = look.ground(float(rng.choice([0.01, 0.03, 0.07])), 0.7, 0.6)
    canvas.rectangle(x - size, foot - size, size * 2, size * 1.15, wall, depth=depth)
    eaves = [(x - size * 1.3, foot - size), (x - size * 0.5, foot - size * 1.8)]
    eaves += [(x + size * 0.5, foot - size * 1.8), (x + size * 1.3, foot - size)]
    canvas.polygon(eaves, roof, depth=depth)
    pane = (255, 214, 120) if look.night else hsv(0.6, 0.3, 0.35)
    side = size * 0.4
    canvas.rectangle(
        x - side, foot - size * 0.7, side, side * 1.2, pane, depth=depth, relief=0, glow=look.night
    )


def hills(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """Rounded hills one behind the other, a few trees and houses on them."""
    rng = canvas.rng
    sky(canvas, layout, look)
    paint = pick(MEADOWS, layout.hues[1])
    layers = 3 + layout.count % 3
    top = layout.horizon - 0.13
    farthest = hsv(0.58, 0.2, 0.4 if look.night else 0.85)
    for layer in range(layers):
        near = layer / (layers - 1)
        height = top + (1.0 - top) * 0.72 * near
        hue = paint[1] + 0.04 * (layout.hues[2] - 0.5) * layer
        value = paint[3] * (1.1 - 0.4 * near) * (1 if layer % 2 else 0.86)
        colour = look.ground(hue, paint[2], value)
        if look.weather == "snow":
            colour = dim(colour, 0.8 if layer % 2 else 0.97)
        colour = blend(moonlit(look, colour, 1.5), farthest, 0.35 * (1 - near))
        swing = (0.055 + 0.03 * near) * layout.scale
        crest = wavy(canvas, height, swing, float(rng.uniform(0.7, 1.5)) / layout.scale, 2)
        depth = 0.85 - 0.6 * near
        bottom = height + 0.72 * (1.0 - top) / (layers - 1) + 0.17 * layout.scale
        below(canvas, crest, min(bottom, 1.02), colour, depth, 0.8)
        size = (0.035 + 0.08 * near) * layout.scale
        for _ in range(int(rng.integers(0, 4)) if layer < layers - 1 else 0):
            x = float(rng.uniform(0.03, 0.97))
            leaf = look.lit(0.3 + 0.06 * layout.hues[3], 0.65, 0.42)
            tree = _round_tree if layout.hues[4] < 0.6 else _conifer
            foot = _height(crest, x) + 0.01
            tree(canvas, x, foot, size, leaf, look.lit(0.07, 0.5, 0.3), depth)
        if layer in (1, 2) and rng.random() < 0.5:
            x = spread(layout, layer, 4, 0.2)
            _cottage(canvas, look, x, _height(crest, x) + 0.02, size * 0.4, depth)
    return words(paint, look)


def _mountain(
    canvas: Canvas, x: float, foot: float, half: float, high: float,
    sun: Colour, shadow: Colour, snow: Colour, depth: float,
) -> None:  # fmt: skip
    """A jagged peak with a dark side and a cap of snow."""
    rng = canvas.rng
    top = foot - high
    steps = np.linspace(0, 1, 8)[1:]
    jag = half * 0.09
    left = [(x - half * s + rng.uniform(-jag, jag), top + high * s) for s in steps]
    right = [(x + half * s + rng.uniform(-jag, jag), top + high * s) for s in steps]
    # the ridge between the two sides wanders down from the peak
    lean = rng.uniform(-0.25, 0.25)
    middle = [
        (x + half * s * lean + (jag if i % 2 else -jag) * 1.6, top + high * s)
        for i, s in enumerate(steps)
    ]
    peak = [(x, top)]
    canvas.polygon(peak + left + right[::-1], sun, depth=depth)
    canvas.polygon(peak + middle + right[::-1], shadow, depth=depth)
    # the cap follows the same outline down to the third step, then zigzags across
    a, b, c = left[2], middle[2], right[2]
    zigzag = [
        ((a[0] * 2 + b[0]) / 3, a[1] - high * 0.09),
        ((a[0] + b[0] * 2) / 3, a[1] + high * 0.06),
        (b[0], b[1] - high * 0.05),
    ]
    across = [((b[0] + c[0]) / 2, c[1] + high * 0.07), ((b[0] + c[0] * 4) / 5, c[1] - high * 0.1)]
    canvas.polygon([*peak, *left[:3], *zigzag, *middle[1::-1]], snow, depth=depth)
    pale = blend(snow, shadow, 0.35)
    canvas.polygon([*peak, *middle[:2], zigzag[-1], *across, *right[2::-1]], pale, depth=depth)


def mountains(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """Peaks with snow on them over a lake or a meadow."""
    rng = canvas.rng
    sky(canvas, layout, look)
    foot = layout.horizon + 0.04
    hue = 0.56 + 0.22 * layout.hues[1]
    snow = moonlit(look, look.lit(0.6, 0.04, 1.0), 2.0)
    peaks = 2 + layout.count
    main = int(rng.integers(0, peaks))
    order = [index for index in range(peaks) if index != main] + [main]
    for place, index in enumerate(order):
        first = index == main
        x = layout.x if first else (index + rng.uniform(0.2, 0.8)) / peaks * 1.2 - 0.1
        high = foot - 0.1 if first else foot * rng.uniform(0.45, 0.72)
        high *= min(0.72 + 0.22 * layout.scale, 1.0)
        value = 0.62 - 0.16 * place / peaks
        sun = moonlit(look, look.lit(hue, 0.28, value), 1.3)
        shadow = look.lit(hue, 0.42, value * 0.58)
        half = high * rng.uniform(0.55, 0.8)
        depth = 0.85 - 0.25 * place / peaks
        _mountain(canvas, float(x), foot + 0.03, half, high, sun, shadow, snow, depth)
    woods = wavy(canvas, foot - 0.015, 0.02, 1.5)
    below(canvas, woods, foot + 0.05, look.ground(0.36, 0.5, 0.34), 0.55)
    if layout.hues[2] < 0.6:
        _lake(canvas, layout, look, foot, hue)
    else:
        meadow = look.ground(0.24 + 0.12 * layout.hues[3], 0.6, 0.58)
        below(canvas, wavy(canvas, foot + 0.04, 0.012, 1.0), 1.02, meadow, 0.4)
        near = dim(look.ground(0.3, 0.6, 0.42), 0.85)
        below(canvas, wavy(canvas, (foot + 1.1) / 2, 0.03, 0.8), 1.02, near, 0.25)
    leaf, bark = look.lit(0.38, 0.6, 0.3), look.lit(0.07, 0.5, 0.25)
    for _ in range(int(rng.integers(0, 5))):
        x = float(rng.uniform(0, 0.3)) if rng.random() < 0.5 else float(rng.uniform(0.7, 1))
        high = float(rng.uniform(0.1, 0.2)) * layout.scale
        _conifer(canvas, x, float(rng.uniform(foot + 0.06, 1.05)), high, leaf, bark, 0.2)
    return ()


def _lake(canvas: Canvas, layout: Layout, look: Look, shore: float, hue: float) -> None:
    """Water with the main peak upside down in it, and a bank in front."""
    water = look.lit(0.56 + 0.05 * layout.hues[3], 0.55, 0.75)
    canvas.rectangle(-0.02, shore + 0.02, 1.04, 1.0 - shore, water, depth=0.4, form="ground")
    deep = min(1.0 - shore, 0.3) * 0.8
    image = [
        (layout.x - 0.2, shore + 0.02),
        (layout.x, shore + deep),
        (layout.x + 0.2, shore + 0.02),
    ]
    canvas.polygon(image, blend(water, look.lit(hue, 0.4, 0.4), 0.6), depth=0.4, relief=0.3)
    light = blend(water, look.lit(0.58, 0.05, 1.0), 0.55)
    for _ in range(5):
        x, y = canvas.rng.uniform(0.1, 0.9), canvas.rng.uniform(shore + 0.07, 0.95)
        canvas.ellipse(x, y, canvas.rng.uniform(0.06, 0.16), 0.006, light, depth=0.38, relief=0)
    if layout.hues[4] < 0.6:
        below(canvas, wavy(canvas, 0.95, 0.03, 0.7), 1.02, look.ground(0.3, 0.5, 0.35), 0.15)


def _path(canvas: Canvas, layout: Layout, look: Look, level: float) -> None:
    """A winding path, wide in front, gone at the horizon."""
    down = np.linspace(0, 1, 24)
    bend = 0.09 * np.sin(down * 5 + layout.hues[3] * 6) * (0.3 + down)
    middle = layout.x + (0.5 - layout.x) * down * 0.5 + bend
    half = 0.012 + 0.17 * layout.scale * down**1.7
    y = level + (1.03 - level) * down
    left, right = np.stack([middle - half, y], axis=1), np.stack([middle + half, y], axis=1)
    earth = dim(look.ground(0.09, 0.38, 0.72), 0.92)
    canvas.polygon(np.concatenate([left, right[::-1]]), earth, depth=0.4, form="ground", relief=0.4)


def forest(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """Trees from border to border: rows of round or pointed ones, or trunks seen from within."""
    sky(canvas, layout, look)
    paint = pick(LEAVES, layout.hues[1])
    level = layout.horizon - 0.04
    haze = moonlit(look, look.lit(paint[1], paint[2] * 0.55, paint[3] * 0.95), 1.2)
    below(canvas, wavy(canvas, level - 0.26, 0.04, 3.0), level + 0.03, haze, 0.9, 0.5)
    floor = moonlit(look, look.ground(0.2 + 0.12 * layout.hues[2], 0.55, 0.42), 1.2)
    below(canvas, wavy(canvas, level, 0.012, 1.0), 1.02, floor, 0.7, 0.7)
    if layout.hues[4] < 0.55:
        _path(canvas, layout, look, level)
    if layout.hues[5] < 0.35:
        _trunks(canvas, layout, look, level, paint)
    else:
        _rows(canvas, layout, look, level, paint)
    return words(paint, look)


def _rows(canvas: Canvas, layout: Layout, look: Look, level: float, paint: Paint) -> None:
    """Three rows of trees, the nearest cropped by the border, the path left free."""
    rng = canvas.rng
    bark = look.lit(0.07, 0.5, 0.3)
    pointed = 0.1 if layout.hues[5] < 0.55 else (0.9 if layout.hues[5] < 0.8 else 0.5)
    for row, number in enumerate((7, 5, 3)):
        foot = level + 0.02 + 0.13 * row * layout.scale
        for index in range(number):
            x = float((index + rng.uniform(0.25, 0.75)) / number * 1.16 - 0.08)
            if row == 2 and abs(x - layout.x) < 0.24:
                x = layout.x + (0.38 if x > layout.x else -0.38)
            high = (0.36 + 0.13 * row) * layout.scale * float(rng.uniform(0.8, 1.15))
            value = paint[3] * (1.02 - 0.14 * row) * float(rng.uniform(0.85, 1.12))
            needles = rng.random() < pointed
            hue = 0.38 if needles and paint[0] == "green" else paint[1]
            leaf = moonlit(look, look.lit(hue + 0.02 * rng.normal(), paint[2], value))
            if look.weather == "snow":
                leaf = blend(leaf, look.lit(0.6, 0.04, 1.0), 0.3)
            tree = _conifer if needles else _round_tree
            tree(canvas, x, foot + float(rng.uniform(0, 0.05)), high, leaf, bark, 0.65 - 0.2 * row)


def _trunks(canvas: Canvas, layout: Layout, look: Look, level: float, paint: Paint) -> None:
    """Inside the wood: bare trunks from the ground up into a roof of leaves."""
    rng = canvas.rng
    birch = layout.hues[0] < 0.3
    for row, number in enumerate((7, 5, 3)):
        foot = level + 0.03 + 0.14 * row * layout.scale
        half = 0.011 + 0.014 * row * layout.scale
        value = (0.85 if birch else 0.5) - 0.1 * row
        bark = moonlit(look, look.lit(0.08, 0.08 if birch else 0.45, value), 1.4)
        for index in range(number):
            x = float((index + rng.uniform(0.2, 0.8)) / number)
            if row == 2 and abs(x - layout.x) < 0.15:
                x = layout.x + (0.3 if x > layout.x else -0.3)
            lean, y = float(rng.normal() * 0.02), foot + float(rng.uniform(0, 0.05))
            stem = [(x - half * 1.7, y), (x - half, y - 0.08), (x + lean - half * 0.7, -0.02)]
            stem += [(x + lean + half * 0.7, -0.02), (x + half, y - 0.08), (x + half * 1.7, y)]
            canvas.polygon(stem, bark, depth=0.65 - 0.2 * row, relief=0.8)
        for _ in range(7):
            size = float(rng.uniform(0.09, 0.15)) * layout.scale
            value = paint[3] * float(rng.uniform(0.75, 1.1)) * (1.05 - 0.12 * row)
            leaf = moonlit(look, look.lit(paint[1] + 0.02 * rng.normal(), paint[2], value))
            x, y = float(rng.uniform(0, 1)), float(rng.uniform(-0.04, 0.22 - 0.08 * row))
            canvas.ellipse(x, y, size * 1.25, size * 0.8, leaf, depth=0.6 - 0.2 * row)


SUBJECTS: Final = (
    Subject("hills", hills, ("hills", "rolling hills", "landscape", "meadow", "countryside",
                             "valley"), outdoors=True),
    Subject("mountains", mountains, ("mountains", "mountain", "snowy peaks", "alps",
                                     "mountain lake"), outdoors=True),
    Subject("sea", sea, ("sea", "ocean", "waves", "ocean waves", "seaside", "coast"),
            outdoors=True),
    Subject("desert", desert, ("desert", "sand dunes", "dunes", "desert sand", "sahara"),
            outdoors=True),
    Subject("forest", forest, ("forest", "woods", "deep forest", "pine forest", "woodland",
                               "jungle"), outdoors=True),
)  # fmt: skip
