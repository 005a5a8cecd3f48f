"""Flowers, a cup on a table, fire; and the table of these and the animals."""

from __future__ import annotations

from typing import Final

import numpy as np

from presets.rehearsal.canvas import Canvas, Colour, Layout, blend, dim, hsv
from presets.rehearsal.subjects.animals import bird, cat, fish
from presets.rehearsal.subjects.common import Look, Subject, backdrop, count_of, sky, spread
from presets.rehearsal.subjects.pen import Path, Pen, called, lamplit

# --- flowers: the blossom's middle is (0, 0), its radius 1


def _daisy(pen: Pen, petal: Colour, heart: Colour, depth: float) -> None:
    rng = pen.canvas.rng
    of = int(rng.integers(5, 13))
    round_ = min(0.42, 1.75 / of)
    for ring, shade in ((1.0, 0.8), (0.9, 1.0)) if of > 7 else ((1.0, 1.0),):
        for number in range(of):
            angle = (number + (0.5 if shade < 1 else 0)) * 2 * np.pi / of
            u, v = 0.6 * ring * np.cos(angle), 0.6 * ring * np.sin(angle)
            pen.ellipse(
                u, v, 0.43 * ring, round_ * ring, dim(petal, shade), turn=angle, depth=depth
            )
    share = float(rng.uniform(0.24, 0.46))
    pen.ellipse(0, 0, share, share, heart, depth=depth - 0.02)


def _tulip(pen: Pen, petal: Colour, heart: Colour, depth: float) -> None:
    del heart  # hidden in the cup
    for side in (-1, 1):
        wing = [(0, 0.8), (side * 0.55, 0.6), (side * 0.72, -0.1), (side * 0.62, -0.95)]
        pen.blob([*wing, (side * 0.15, -0.3)], dim(petal, 0.82), depth=depth)
    front = [(0, 0.85), (0.42, 0.45), (0.36, -0.3), (0, -0.95), (-0.36, -0.3), (-0.42, 0.45)]
    pen.blob(front, petal, depth=depth - 0.02, form="ball")


def _rose(pen: Pen, petal: Colour, heart: Colour, depth: float) -> None:
    del heart
    for ring, share in enumerate((1.0, 0.74, 0.48, 0.24)):
        for angle in np.arange(5) * 2 * np.pi / 5 + ring * 0.6:
            u, v = 0.45 * share * np.cos(angle), 0.45 * share * np.sin(angle)
            tint = dim(petal, 1.0 - 0.17 * ring + 0.08 * np.cos(angle))
            pen.ellipse(u, v, 0.5 * share, 0.5 * share, tint, depth=depth - 0.01 * ring)


BLOSSOMS: Final = (_daisy, _daisy, _tulip, _rose)


def _stem(pen: Pen, green: Colour, depth: float) -> None:
    """From the blossom down past the border, with two leaves."""
    foot = float(pen.canvas.rng.normal() * 0.5)
    pen.limb([(0, 0.2), (foot * 0.3, 3.0), (foot, 9.0)], (0.17, 0.2, 0.24), green, depth=depth)
    for side in (-1, 1):
        v = 1.7 + 0.35 * side
        leaf = [(foot * 0.15, v + 0.6), (side * 0.8, v + 0.15), (side * 1.5, v - 0.5)]
        pen.blob(
            [*leaf, (side * 0.65, v - 0.35)], dim(green, 0.85 + 0.15 * side), depth=depth - 0.01
        )


def flowers(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """One to four blossoms on their stems, from a meadow's height."""
    rng = canvas.rng
    sky(canvas, layout, look)
    meadow = look.ground(0.2 + 0.2 * layout.hues[4], 0.55, 0.6)
    canvas.ridge(layout.horizon, 0.02, 1.0, meadow, depth=0.8)
    of = count_of(layout)
    size = (0.2, 0.15, 0.13, 0.115)[of - 1] * layout.scale
    blossom = BLOSSOMS[int(rng.integers(len(BLOSSOMS)))]
    # anything but the green of leaves
    h = 0.55 + 0.6 * layout.hues[1]
    s, v = float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.85, 1.0))
    if rng.random() < 0.12:
        s, v = 0.04, 1.0
    petal = lamplit(look, h, s, v)
    heart = lamplit(look, 0.09 + 0.06 * layout.hues[3], 0.8, 0.9)
    green = lamplit(look, 0.24 + 0.12 * layout.hues[2], 0.65, 0.45)
    for number in range(of):
        x = spread(layout, number, of, 0.86 / max(of, 2))
        y = layout.y - 0.1 + (float(rng.normal() * 0.07) if of > 1 else 0.0)
        pen = Pen(canvas, x, y, size * float(rng.uniform(0.85, 1.1)), float(rng.normal() * 0.12))
        _stem(pen, green, 0.4)
        blossom(pen, petal, heart, 0.3)
    return () if look.night else called(petal)


# --- still life: things stand with their foot at (0, 0), about 1 high


def _cup(pen: Pen, colour: Colour, depth: float) -> None:
    rng = pen.canvas.rng
    around = np.linspace(-1.9, 1.9, 12)
    handle = [(0.46 + 0.24 * np.cos(a), -0.5 + 0.26 * np.sin(a)) for a in around]
    pen.line(handle, 0.11, dim(colour, 0.8), depth=depth + 0.01)
    pen.ellipse(0, -0.02, 0.78, 0.13, blend(colour, (245, 242, 236), 0.4), depth=depth + 0.02)
    pen.ellipse(0, -0.05, 0.45, 0.08, dim(colour, 0.55), depth=depth + 0.01)
    right = [(0.52, -0.9), (0.5, -0.4), (0.34, -0.02), (0, 0.02)]
    pen.polygon([*right, *((-u, v) for u, v in reversed(right))], colour, depth=depth, relief=1.2)
    if rng.random() < 0.4:
        band = blend(colour, (255, 255, 255), 0.55)
        pen.polygon([(-0.51, -0.6), (0.51, -0.6), (0.48, -0.42), (-0.48, -0.42)], band,
                    depth=depth - 0.01, relief=1.2)  # fmt: skip
    pen.ellipse(0, -0.9, 0.52, 0.13, blend(colour, (255, 255, 255), 0.35), depth=depth - 0.01)
    pen.ellipse(0, -0.88, 0.43, 0.09, (74, 42, 24), depth=depth - 0.02, relief=0.3)
    if rng.random() < 0.4:
        for u in (-0.18, 0.14):
            steam = [(u, -1.05), (u + 0.1, -1.25), (u - 0.06, -1.45), (u + 0.06, -1.68)]
            pen.limb(steam, (0.09, 0.06), (226, 226, 228), depth=depth, relief=0.1)


def _bottle(pen: Pen, colour: Colour, depth: float) -> None:
    right = [(0.13, -1.95), (0.13, -1.4), (0.36, -1.05), (0.38, -0.05), (0.3, 0.0)]
    outline = [*right, *((-u, v) for u, v in reversed(right))]
    pen.polygon(outline, colour, depth=depth, relief=1.2)
    pen.polygon([(-0.16, -2.1), (0.16, -2.1), (0.16, -1.9), (-0.16, -1.9)], dim(colour, 0.5),
                depth=depth - 0.01)  # fmt: skip
    pen.polygon([(-0.36, -0.8), (0.36, -0.8), (0.37, -0.3), (-0.37, -0.3)], (238, 230, 208),
                depth=depth - 0.01)  # fmt: skip
    pen.limb([(-0.22, -1.0), (-0.06, -1.4)], (0.07, 0.05), blend(colour, (255, 255, 255), 0.6),
             depth=depth - 0.01)  # fmt: skip


def _glass(pen: Pen, colour: Colour, depth: float) -> None:
    pen.ellipse(0, -0.02, 0.36, 0.07, (206, 216, 222), depth=depth + 0.01)
    pen.limb([(0, -0.05), (0, -0.6)], (0.1, 0.1), (206, 216, 222), depth=depth)
    bowl = [(-0.36, -1.35), (0.36, -1.35), (0.38, -0.9), (0, -0.5), (-0.38, -0.9)]
    pen.blob(bowl, (214, 224, 230), depth=depth - 0.01)
    wine = [(-0.33, -1.05), (0.33, -1.05), (0.27, -0.8), (0, -0.6), (-0.27, -0.8)]
    pen.blob(wine, colour, depth=depth - 0.02)


def _apple(pen: Pen, colour: Colour, depth: float) -> None:
    right = [(0, -0.62), (0.24, -0.7), (0.44, -0.42), (0.3, -0.04), (0, 0.0)]
    pen.twin(right, colour, depth=depth, form="ball")
    pen.limb([(0, -0.6), (0.08, -0.85)], (0.08, 0.07), (82, 54, 30), depth=depth - 0.01)
    pen.ellipse(0.24, -0.8, 0.17, 0.08, (84, 140, 60), turn=-0.4, depth=depth - 0.02)


def _fruit_bowl(pen: Pen, colour: Colour, depth: float) -> None:
    rng = pen.canvas.rng
    for u, v in ((-0.36, -0.3), (0.36, -0.3), (0, -0.32), (-0.18, -0.62), (0.2, -0.62)):
        hue = float(rng.choice([0.0, 0.06, 0.1, 0.14, 0.27]))
        _apple(pen.moved(u, v, 0.75), dim(hsv(hue, 0.8, 0.9), max(colour) / 255), depth + 0.02)
    right = [(0.85, -0.52), (0.62, -0.12), (0.3, 0.0)]
    pen.polygon([*right, *((-u, v) for u, v in reversed(right))], colour, depth=depth, relief=1.2)
    pen.limb([(-0.85, -0.52), (0.85, -0.52)], (0.09, 0.09), dim(colour, 1.2), depth=depth - 0.01)


BESIDES: Final = (_bottle, _glass, _apple, _fruit_bowl)


def cup(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """A cup on a table, often with company."""
    rng = canvas.rng
    backdrop(canvas, layout, look)
    edge = layout.horizon
    table = lamplit(look, 0.05 + 0.08 * layout.hues[3], 0.3 + 0.3 * layout.hues[4], 0.6)
    canvas.rectangle(-0.02, edge, 1.04, 1.1 - edge, table, depth=0.6, form="ground", relief=0.6)
    foot = min(edge + 0.17, 0.93)
    company = count_of(layout) - 1
    size = 0.3 * layout.scale * (1.15, 0.95, 0.85, 0.75)[company]
    colour = lamplit(
        look, layout.hues[1], float(rng.uniform(0.1, 0.85)), float(rng.uniform(0.6, 1))
    )
    for number in range(company):
        side = (-1, 1, -1)[number] * (1 if layout.x < 0.5 else -1)
        x = layout.x - side * size * (1.0 if number < 2 else 1.7)
        other = BESIDES[int(rng.integers(len(BESIDES)))]
        hue = layout.hues[number + 2] * (0.3 if other is _apple else 1.0)
        pen = Pen(canvas, x, foot - 0.06 * (1 + number % 2), size)
        pen.ellipse(0.15, 0, 0.55, 0.08, dim(table, 0.6), depth=0.55, relief=0)
        other(pen, lamplit(look, hue, 0.7, 0.7), 0.4)
    flip = 1.0 if rng.random() < 0.6 else -1.0
    pen = Pen(canvas, layout.x, foot, size, 0.0, flip)
    pen.ellipse(0.15, 0.02, 0.85, 0.13, dim(table, 0.6), depth=0.55, relief=0)
    _cup(pen, colour, 0.3)
    return called(colour) if company == 0 else ()


# --- fire


def _tongue(pen: Pen, wide: float, high: float, bend: float, colour: Colour, depth: float) -> None:
    """A flame standing on (0, 0), its tip swaying by `bend`."""
    right = [(wide * 0.95, -high * 0.25), (wide * 0.55 + bend * 0.1, -high * 0.6)]
    left = [(-wide * 0.5 + bend * 0.35, -high * 0.62), (-wide * 0.95, -high * 0.25)]
    outline: Path = [(0, 0.04), (wide * 0.7, 0), *right, (bend, -high), *left, (-wide * 0.7, 0)]
    pen.blob(outline, colour, depth=depth, relief=0.15, glow=True)


def _flames(pen: Pen, hue: float, half: float, tongues: int, depth: float) -> None:
    """Red outside, orange, then a yellow core; half: half the width of the fire."""
    rng = pen.canvas.rng
    roots = np.linspace(-half, half, tongues)
    reach = 1.0 - 0.6 * np.abs(roots / (half + 0.2)) ** 2
    sway = rng.normal(size=tongues) * 0.12
    tall = rng.uniform(0.75, 1.15, tongues) * reach
    layers = ((1.0, 0.0, 0.95, 0.85), (0.74, 0.05, 0.9, 1.0), (0.5, 0.1, 0.8, 1.0),
              (0.27, 0.14, 0.35, 1.0))  # fmt: skip
    for share, shift, saturation, value in layers:
        tint = hsv(hue + shift, saturation, value)
        for root, high, bend in zip(roots, tall, sway, strict=True):
            tongue = pen.moved(float(root) * (0.75 + 0.25 * share), 0.0)
            _tongue(tongue, 0.3 * share + 0.04, 1.5 * high * share, float(bend), tint, depth)
        depth -= 0.02


def fire(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """A campfire in the dark, or flames that fill the picture."""
    rng = canvas.rng
    blaze = rng.random() < 0.35
    if not blaze and look.time in ("night", "sunset"):
        sky(canvas, layout, look)
    else:
        dusk = 0.08 + 0.14 * layout.hues[1]
        canvas.background(hsv(layout.hues[0], 0.5, dusk * 0.6), hsv(0.04, 0.6, dusk))
    hue = 0.985 + 0.03 * layout.hues[2]
    if blaze:
        pen = Pen(canvas, layout.x, 1.04, 0.42 * layout.scale + 0.08)
        _flames(pen, hue, 1.0, 7, 0.35)
        top = 0.5
    else:
        earth = blend(look.ground(0.07, 0.4, 0.3), (20, 12, 10), 0.5)
        canvas.ridge(layout.horizon, 0.015, 1.0, earth, depth=0.7)
        pen = Pen(canvas, layout.x, min(layout.horizon + 0.17, 0.9), 0.34 * layout.scale)
        pen.ellipse(0, 0.06, 1.15, 0.16, blend(earth, (255, 130, 40), 0.4), depth=0.6, relief=0)
        _flames(pen, hue, 0.42, 4, 0.35)
        for tilt in (-0.2, 0.2):
            log = [(-0.62, 0.1 + tilt * 0.6), (0.62, 0.1 - tilt * 0.6)]
            pen.limb(log, (0.16, 0.16), (74, 42, 26), depth=0.28)
        top = pen.y - 0.9 * pen.size
    for _ in range(int(rng.integers(5, 18))):
        spark = float(rng.uniform(0.005, 0.011))
        x, y = layout.x + rng.normal() * 0.16, top - abs(rng.normal()) * 0.22
        tint = hsv(float(rng.uniform(0.03, 0.13)), 0.7, 1.0)
        canvas.ellipse(x, y, spark, spark, tint, depth=0.35, relief=0, glow=True)
    return ("orange",)


SUBJECTS: Final = (
    Subject(
        "cat",
        cat,
        ("cat", "kitten", "cat face", "cats", "sitting cat", "pet"),
        outdoors=False,
    ),
    Subject(
        "bird",
        bird,
        ("bird", "birds", "flying bird", "parrot", "bird on a branch", "wings"),
        outdoors=True,
    ),
    Subject(
        "fish",
        fish,
        ("fish", "underwater", "aquarium", "goldfish", "coral reef", "shoal"),
        outdoors=False,
    ),
    Subject(
        "flowers",
        flowers,
        ("flowers", "flower", "tulips", "roses", "daisies", "blossoms"),
        outdoors=True,
    ),
    Subject(
        "cup",
        cup,
        ("cup", "still life", "cup on a table", "coffee", "bottle", "fruit bowl"),
        outdoors=False,
    ),
    Subject(
        "fire",
        fire,
        ("fire", "flames", "campfire", "bonfire", "burning", "blaze"),
        outdoors=True,
    ),
)
