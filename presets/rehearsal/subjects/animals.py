"""Cat, bird and fish."""

from __future__ import annotations

from typing import Final

import numpy as np

from presets.rehearsal.canvas import Canvas, Colour, Layout, blend, dim, hsv
from presets.rehearsal.subjects.common import Look, backdrop, count_of, sky, spread
from presets.rehearsal.subjects.pen import Pen, called, lamplit

FURS: Final = (
    (0.075, 0.75, 0.9),
    (0.6, 0.06, 0.5),
    (0.05, 0.1, 0.13),
    (0.1, 0.05, 0.97),
    (0.07, 0.55, 0.45),
    (0.1, 0.3, 0.85),
)


# --- cat: the head's middle is (0, 0), half its height 1


def _cat_stripes(pen: Pen, stripe: Colour, depth: float) -> None:
    for u in (-0.26, 0.0, 0.26):
        pen.limb([(u * 1.2, -0.74), (u * 0.8, -0.4)], (0.16, 0.06), stripe, depth=depth)
    for side in (-1, 1):
        for v in (0.12, 0.38):
            pen.limb([(side * 0.95, v), (side * 0.62, v + 0.05)], (0.15, 0.06), stripe, depth=depth)


def _cat_eye(pen: Pen, u: float, side: int, iris: Colour, slit: float, depth: float) -> None:
    almond = [(u - 0.25, 0.02), (u, -0.2), (u + 0.25, -0.06 * side), (u, 0.14)]
    pen.ellipse(u, -0.04, 0.29, 0.23, (26, 22, 20), turn=-0.25 * side, depth=depth + 0.01)
    pen.blob(almond, iris, depth=depth, relief=0.3)
    pen.ellipse(u, -0.03, slit, 0.17, (8, 8, 8), depth=depth - 0.01, relief=0)
    pen.ellipse(u + 0.07, -0.1, 0.05, 0.05, (250, 250, 250), depth=depth - 0.02, relief=0)


def _cat_head(pen: Pen, fur: Colour, pale: Colour, stripe: Colour | None, depth: float) -> None:
    rng = pen.canvas.rng
    for side in (-1, 1):
        ear = [(side * 0.22, -0.66), (side * 0.8, -1.42), (side * 0.98, -0.3)]
        pen.polygon(ear, fur, depth=depth + 0.02)
        inner = [(side * 0.42, -0.72), (side * 0.76, -1.16), (side * 0.85, -0.5)]
        pen.polygon(inner, blend(fur, (232, 150, 150), 0.6), depth=depth + 0.01)
    right = [(0, -0.82), (0.6, -0.76), (1.0, -0.15), (1.02, 0.35), (0.62, 0.8), (0, 0.95)]
    pen.twin(right, fur, depth=depth, form="ball")
    if stripe:
        _cat_stripes(pen, stripe, depth - 0.01)
    iris = hsv(float(rng.choice([0.13, 0.22, 0.3, 0.55])), 0.7, 0.9)
    slit = float(rng.uniform(0.05, 0.13))
    for side in (-1, 1):
        _cat_eye(pen, side * 0.44, side, iris, slit, depth - 0.02)
        pen.ellipse(side * 0.2, 0.48, 0.27, 0.22, pale, depth=depth - 0.02, relief=0.6)
    pen.polygon([(-0.15, 0.22), (0.15, 0.22), (0, 0.38)], (214, 118, 122), depth=depth - 0.04)
    dark = dim(fur, 0.45) if sum(fur) > 150 else (90, 84, 84)
    pen.line([(-0.22, 0.58), (-0.08, 0.56), (0, 0.38), (0.08, 0.56), (0.22, 0.58)],
             max(0.05, 0.009 / pen.size), dark, depth=depth - 0.04)  # fmt: skip
    whisker = (250, 250, 246) if sum(fur) < 560 else (110, 100, 96)
    for side in (-1, 1):
        for slope in (-0.22, 0.0, 0.22):
            hair = [(side * 0.4, 0.46 + slope * 0.4), (side * 1.5, 0.44 + slope * 1.3)]
            pen.line(hair, max(0.035, 0.009 / pen.size), whisker, depth=depth - 0.05)


def _cat_body(pen: Pen, fur: Colour, pale: Colour, stripe: Colour | None, depth: float) -> None:
    """Sitting, seen from the front."""
    side = 1 if pen.canvas.rng.random() < 0.5 else -1
    tail = [(side * 0.8, 3.5), (side * 1.9, 3.5), (side * 2.2, 2.6), (side * 1.8, 1.9)]
    pen.limb(tail, (0.5, 0.42, 0.34), dim(fur, 0.85), depth=depth + 0.03)
    right = [(0, 0.5), (0.62, 0.9), (0.85, 1.9), (1.28, 3.1), (1.05, 3.8), (0, 3.85)]
    pen.twin(right, fur, depth=depth + 0.02, form="ball")
    pen.blob([(0, 0.8), (0.42, 1.2), (0.3, 2.2), (0, 2.5), (-0.3, 2.2), (-0.42, 1.2)], pale,
             depth=depth + 0.01, relief=0.5)  # fmt: skip
    for leg in (-1, 1):
        if stripe:
            for v in (1.8, 2.4, 3.0):
                path = [(leg * (0.68 + v * 0.13), v), (leg * 0.55, v + 0.12)]
                pen.limb(path, (0.22, 0.1), stripe, depth=depth + 0.01)
        pen.limb([(leg * 0.34, 1.9), (leg * 0.36, 3.6)], (0.62, 0.5), dim(fur, 0.93),
                 depth=depth + 0.01, relief=0.6)  # fmt: skip
        pen.ellipse(leg * 0.4, 3.75, 0.4, 0.24, pale, depth=depth, relief=0.6)
        pen.ellipse(leg * 0.98, 3.75, 0.4, 0.2, dim(fur, 0.8), depth=depth + 0.01)


def cat(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """A cat's face near the camera, or a sitting cat or two."""
    rng = canvas.rng
    backdrop(canvas, layout, look)
    close = rng.random() < 0.45
    cats = 1 if close else min(count_of(layout), 2)
    if not close:
        rug = lamplit(look, layout.hues[3], 0.5, 0.6)
        canvas.rectangle(-0.02, layout.horizon + 0.1, 1.04, 0.5, rug, depth=0.7, form="ground")
    words: tuple[str, ...] = ()
    for number in range(cats):
        h, s, v = FURS[int(rng.integers(len(FURS)))]
        fur = lamplit(look, h, s, v)
        stripe = dim(fur, 0.55) if v > 0.3 and rng.random() < 0.6 else None
        pale = blend(fur, (250, 244, 236), 0.12 if v < 0.3 else 0.6)
        words = called(hsv(h, s, v)) if cats == 1 else ()
        tilt = float(np.clip(rng.normal() * 0.12, -0.3, 0.3))
        x = spread(layout, number, cats, 0.4)
        if close:
            pen = Pen(canvas, x, layout.y + 0.03, 0.25 * layout.scale)
            right = [(0, 0.2), (0.75, 0.7), (1.15, 1.8), (1.3, 3.4), (0, 3.5)]
            pen.twin(right, dim(fur, 0.85), depth=0.4)
        else:
            size = 0.125 * (0.4 + 0.6 * layout.scale) * (0.85 if cats == 2 else 1.0)
            pen = Pen(canvas, x, min(layout.horizon + 0.2, 0.9) - 3.6 * size, size)
            pen.ellipse(0, 3.8, 1.7, 0.22, (34, 28, 30), depth=0.6, relief=0)
            _cat_body(pen, fur, pale, stripe, 0.35)
        _cat_head(pen.moved(0, 0, turn=tilt), fur, pale, stripe, 0.3)
    return words


# --- bird: the body's middle is (0, 0), half its length 1, looking towards +u


def _wing(pen: Pen, up: float, colour: Colour, tips: Colour, depth: float) -> None:
    """A spread wing from the shoulder; up: angle of its middle from upright, radians."""
    wing = pen.moved(0.1, -0.12, turn=up)
    outline = [(0.45, 0.1), (0.5, -0.8), (0.15, -1.9), (-0.15, -2.05), (-0.25, -1.7)]
    outline += [
        (-0.5, -1.75),
        (-0.5, -1.35),
        (-0.8, -1.3),
        (-0.7, -0.85),
        (-0.95, -0.7),
        (-0.5, 0.1),
    ]
    wing.polygon(outline, tips, depth=depth)
    inner = [(0.38, 0.1), (0.4, -0.8), (0.08, -1.4), (-0.35, -0.95), (-0.4, 0.1)]
    wing.blob(inner, colour, depth=depth - 0.01)


def _bird(pen: Pen, back: Colour, belly: Colour, tips: Colour, flying: bool, depth: float) -> None:
    rng = pen.canvas.rng
    if flying:
        flap = float(rng.uniform(-0.5, 0.3))
        _wing(pen, flap + 0.55, dim(back, 0.75), dim(tips, 0.75), depth + 0.03)
    fan = float(rng.uniform(0.18, 0.34))
    tail = [(-0.7, -0.12), (-1.75, -fan), (-1.6, 0.05), (-1.75, fan), (-0.7, 0.22)]
    pen.polygon(tail, tips, depth=depth + 0.02)
    pen.ellipse(0, 0, 1.0, 0.48, back, depth=depth)
    pen.ellipse(0.12, 0.17, 0.78, 0.29, belly, depth=depth - 0.01)
    pen.polygon([(1.2, -0.42), (1.78, -0.22), (1.2, -0.1)], (238, 160, 40), depth=depth)
    pen.ellipse(0.88, -0.3, 0.44, 0.4, back, depth=depth - 0.02)
    pen.ellipse(1.02, -0.38, 0.13, 0.13, (250, 250, 250), depth=depth - 0.03, relief=0)
    pen.ellipse(1.05, -0.38, 0.08, 0.08, (8, 8, 8), depth=depth - 0.04, relief=0)
    if flying:
        _wing(pen, flap - 0.25, back, tips, depth - 0.04)
    else:
        folded = [(0.5, -0.22), (0.2, 0.2), (-0.6, 0.22), (-1.3, 0.1), (-0.5, -0.25)]
        pen.blob(folded, tips, depth=depth - 0.03)


def bird(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """Birds in the air, or sitting on a branch."""
    rng = canvas.rng
    sky(canvas, layout, look)
    flying = rng.random() < 0.55
    birds = count_of(layout)
    if flying and rng.random() < 0.6:
        hill = look.ground(0.2 + 0.25 * layout.hues[4], 0.5, 0.5)
        canvas.ridge(layout.horizon * 0.3 + 0.65, 0.03, 1.0, hill, depth=0.8)
    size = (0.2, 0.16, 0.135, 0.115)[birds - 1] * layout.scale * (1.0 if flying else 1.15)
    if not flying:
        bark, slope = look.ground(0.07, 0.5, 0.36), float(rng.uniform(-0.12, 0.12))
        perch = layout.y + 0.12
        canvas.line([(-0.05, perch - slope), (0.5, perch + 0.015), (1.05, perch + slope)],
                    (0.05, 0.03), bark, depth=0.45)  # fmt: skip
        for x in rng.uniform(0.02, 0.98, 6):
            leaf = look.lit(0.22 + 0.16 * layout.hues[3], 0.6, 0.6)
            y = perch + slope * (2 * x - 1)
            canvas.ellipse(x, y - 0.045, 0.05, 0.022, leaf, turn=rng.uniform(-1.2, 1.2), depth=0.44)
    h, s, v = layout.hues[2], float(rng.uniform(0.15, 0.85)), float(rng.uniform(0.45, 0.95))
    facing = 1.0 if rng.random() < 0.5 else -1.0
    for number in range(birds):
        flip = facing if flying or rng.random() < 0.7 else -facing
        x = spread(layout, number, birds, 0.9 / max(birds, 2))
        if flying:
            y = layout.y + (float(rng.uniform(-0.26, 0.22)) if birds > 1 else 0.0)
            pen = Pen(canvas, x, y, size, float(rng.normal() * 0.2), flip)
        else:
            y = perch + slope * (2 * x - 1) - 0.62 * size
            pen = Pen(canvas, x, y, size, -0.35 * flip, flip)
            for foot in (0.0, 0.3):
                pen.line([(foot, 0.3), (foot + 0.1, 0.75)], 0.09, (230, 150, 50), depth=0.4)
        back, belly = lamplit(look, h, s, v), lamplit(look, layout.hues[3], 0.25, 0.95)
        _bird(pen, back, belly, dim(back, 0.6), flying, 0.3)
    return called(lamplit(look, h, s, v))


# --- fish: the body's middle is (0, 0), half its length 1, looking towards +u


def _fish(pen: Pen, body: Colour, fin: Colour, band: Colour, stripes: int, depth: float) -> None:
    rng = pen.canvas.rng
    fat = float(rng.uniform(0.42, 0.68))
    fork = float(rng.uniform(0.5, 0.75))
    tail = [(-0.8, 0), (-1.55, -fork), (-1.35, 0), (-1.55, fork)]
    pen.polygon(tail, fin, depth=depth + 0.02)
    pen.blob([(0.45, -fat * 0.75), (-0.15, -fat - 0.38), (-0.65, -fat * 0.85), (-0.5, -fat * 0.4)],
             fin, depth=depth + 0.02)  # fmt: skip
    pen.blob([(0.2, fat * 0.8), (-0.25, fat + 0.3), (-0.45, fat * 0.55)], fin, depth=depth + 0.02)
    outline = [(1.0, 0.02), (0.55, -fat * 0.8), (0, -fat), (-0.55, -fat * 0.62), (-0.95, -0.1)]
    outline += [(-0.95, 0.1), (-0.55, fat * 0.62), (0, fat), (0.55, fat * 0.8)]
    pen.blob(outline, body, depth=depth, form="ball")
    for number in range(stripes):
        u = 0.3 - 0.42 * number
        half = fat * (0.97 - 0.75 * abs(u) ** 1.7)
        path = [(u, -half * 0.9), (u - 0.1, 0), (u, half * 0.9)]
        pen.limb(path, (0.16, 0.2, 0.16), band, depth=depth - 0.01, relief=0.5)
    pen.blob([(0.2, 0.1), (-0.25, 0.0), (-0.35, 0.38)], fin, depth=depth - 0.02)
    pen.ellipse(0.62, -0.14, 0.15, 0.15, (250, 250, 250), depth=depth - 0.02, relief=0.2)
    pen.ellipse(0.66, -0.14, 0.08, 0.08, (6, 6, 6), depth=depth - 0.03, relief=0)
    pen.line([(0.96, 0.1), (0.76, 0.17)], max(0.06, 0.009 / pen.size), dim(body, 0.5),
             depth=depth - 0.03)  # fmt: skip


def _water(canvas: Canvas, layout: Layout, look: Look) -> None:
    rng, hue = canvas.rng, 0.47 + 0.16 * layout.hues[0]
    bright = 0.4 if look.night else 0.95
    top, deep = hsv(hue, 0.55, bright), hsv(hue + 0.03, 0.85, bright * 0.4)
    canvas.background(top, deep)
    if rng.random() < 0.5:
        for x in rng.uniform(0, 1, 3):
            beam = [(x - 0.03, -0.01), (x + 0.04, -0.01), (x + 0.02, 0.6), (x - 0.14, 0.6)]
            canvas.polygon(beam, blend(top, (255, 255, 255), 0.12), depth=0.95, relief=0.2)
    canvas.ridge(0.9, 0.02, 1.0, blend(lamplit(look, 0.12, 0.35, 0.8), deep, 0.35), depth=0.75)
    weed = blend(lamplit(look, 0.26 + 0.16 * layout.hues[4], 0.75, 0.55), deep, 0.2)
    for x in rng.uniform(0, 1, int(rng.integers(2, 7))):
        high, sway = rng.uniform(0.2, 0.5), rng.uniform(0.02, 0.05)
        v = np.linspace(0, 1, 14)
        path = np.stack([x + sway * np.sin(v * 9 + x * 20), 0.97 - high * v], axis=1)
        canvas.line(path, (0.05, 0.014), weed, depth=0.6)


def fish(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """Fish among seaweed and bubbles."""
    rng = canvas.rng
    _water(canvas, layout, look)
    shoal = count_of(layout)
    size = (0.25, 0.19, 0.155, 0.135)[shoal - 1] * layout.scale
    hue, stripes = layout.hues[1], int(rng.choice([0, 2, 3]))
    body, band = lamplit(look, hue, 0.8, 0.95), lamplit(look, layout.hues[2], 0.35, 0.97)
    facing = 1.0 if rng.random() < 0.5 else -1.0
    for number in range(shoal):
        flip = facing if rng.random() < 0.75 else -facing
        x = spread(layout, number, shoal, 0.95 / max(shoal, 2))
        y = layout.y + (((number % 2) - 0.5) * 0.34 + rng.normal() * 0.04 if shoal > 1 else -0.03)
        pen = Pen(canvas, x, float(y), size, float(rng.normal() * 0.12), flip)
        _fish(pen, body, dim(body, 0.72), band, stripes, 0.3)
    for _ in range(int(rng.integers(3, 12))):
        bubble = float(rng.uniform(0.009, 0.022))
        x, y = rng.uniform(0, 1), rng.uniform(0, 0.85)
        canvas.ellipse(x, y, bubble, bubble, (206, 236, 246), depth=0.4)
    return called(body)
