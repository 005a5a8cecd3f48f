"""Where people are: a city, a street, a house, a concert stage; and space, where few are."""

from __future__ import annotations

from typing import Final

import numpy as np

from presets.rehearsal.canvas import Canvas, Colour, Layout, blend, dim, hsv
from presets.rehearsal.subjects.common import Look, Subject, count_of, sky
from presets.rehearsal.subjects.scenery import Paint, pick
from presets.rehearsal.subjects.shows import space, stage

LAMP: Final[Colour] = (255, 216, 128)

WALLS: Final[tuple[Paint, ...]] = (
    ("red", 0.0, 0.68, 0.74),
    ("white", 0.1, 0.06, 0.98),
    ("yellow", 0.13, 0.55, 0.95),
    ("blue", 0.58, 0.5, 0.8),
    ("brown", 0.07, 0.5, 0.55),
    ("white", 0.6, 0.04, 0.94),
    ("pink", 0.96, 0.3, 0.95),
    ("green", 0.36, 0.35, 0.7),
)


def _lights_on(look: Look) -> bool:
    return look.time in ("night", "sunset")


def _pane(canvas: Canvas, look: Look) -> tuple[Colour, bool]:
    """A window's colour, and whether a lamp burns behind it."""
    if _lights_on(look) and canvas.rng.random() < (0.62 if look.night else 0.5):
        return hsv(0.1 + 0.05 * canvas.rng.random(), 0.55, 1.0), True
    return look.lit(0.58, 0.35, 0.5 if _lights_on(look) else 0.88), False


# ---- city


def _tower(
    canvas: Canvas, x: float, top: float, wide: float, foot: float,
    colour: Colour, depth: float,
) -> None:  # fmt: skip
    """A tall building and what stands on its roof."""
    rng = canvas.rng
    kind = int(rng.integers(0, 6))
    middle = x + wide / 2
    if kind == 0:  # a spire
        canvas.polygon([(x, top), (middle, top - wide * 0.9), (x + wide, top)], colour, depth=depth)
        canvas.rectangle(middle - 0.005, top - wide * 1.4, 0.01, wide, colour, depth=depth)
    elif kind == 1:  # two steps
        canvas.rectangle(x + wide * 0.15, top - 0.035, wide * 0.7, 0.05, colour, depth=depth)
        canvas.rectangle(x + wide * 0.32, top - 0.07, wide * 0.36, 0.05, colour, depth=depth)
    elif kind == 2:  # a slanted roof
        side = x if rng.random() < 0.5 else x + wide
        canvas.polygon([(x, top), (side, top - wide * 0.5), (x + wide, top)], colour, depth=depth)
    elif kind == 3:  # a mast
        canvas.rectangle(middle - 0.005, top - 0.08, 0.01, 0.09, colour, depth=depth)
    elif kind == 4:  # a dome
        canvas.ellipse(middle, top, wide * 0.46, wide * 0.4, colour, depth=depth)
    canvas.rectangle(x, top, wide, foot - top, colour, depth=depth)
    side = wide * 0.22
    canvas.rectangle(x + wide - side, top, side, foot - top, dim(colour, 0.78), depth=depth)


def _windows(
    canvas: Canvas, look: Look, x: float, top: float, wide: float, high: float, depth: float
) -> None:
    """Rows of windows on a front."""
    columns = max(int(wide / 0.043), 1)
    step = wide / columns
    bands = canvas.rng.random() < 0.3
    for row in range(min(int(high / 0.066), 7)):
        y = top + 0.022 + row * 0.066
        if bands:
            colour, glow = _pane(canvas, look)
            canvas.rectangle(
                x + 0.01, y, wide - 0.02, 0.026, colour, depth=depth, relief=0, glow=glow
            )
            continue
        for column in range(columns):
            colour, glow = _pane(canvas, look)
            left = x + (column + 0.5) * step - 0.011
            canvas.rectangle(left, y, 0.022, 0.032, colour, depth=depth, relief=0, glow=glow)


def city(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """A skyline in two or three rows, tallest about the layout's x; perhaps a river before it."""
    rng = canvas.rng
    sky(canvas, layout, look)
    river = layout.hues[5] < 0.35
    foot = layout.horizon + 0.1 if river else 1.02
    near = 0.85 + 0.3 * layout.scale
    shade = look.lit(layout.hues[2], 0.3, 0.28)
    canvas.rectangle(
        -0.02, layout.horizon - 0.05, 1.04, foot - layout.horizon + 0.05, shade, depth=0.7
    )
    for row in range(3):
        wide = (0.1 + 0.035 * row) * (0.4 + 0.6 * layout.scale)
        base = layout.horizon - 0.04 + (0.03 if river else 0.1) * row
        hue = layout.hues[1 + row % 2]
        value = 0.72 - 0.17 * row
        x = -0.06
        while x < 1.02:
            this = float(wide * rng.uniform(0.75, 1.35))
            central = float(np.exp(-(((x + this / 2 - layout.x) / 0.28) ** 2)))
            rise = (0.06 + 0.38 * central * float(rng.uniform(0.6, 1.0))) * near
            rise *= (1.0, 0.8, 0.5)[row] * float(rng.uniform(0.55, 1.1))
            colour = look.lit(
                hue + 0.02 * rng.normal(), 0.28, value * float(rng.uniform(0.85, 1.15))
            )
            depth = 0.8 - 0.2 * row
            top = max(base - rise - 0.03 * float(rng.random()), 0.03)
            low = foot if row == 2 else min(foot, base + 0.13)
            _tower(canvas, x, top, this, low, colour, depth)
            if row > 0 or this > 0.12:
                _windows(canvas, look, x, top, this * 0.78, low - top, depth)
            x += this + (float(rng.uniform(0, 0.05)) if row else 0)
    if river:
        _river(canvas, look, foot)
    return ()


def _river(canvas: Canvas, look: Look, bank: float) -> None:
    """Water before the city, the lights in it."""
    rng = canvas.rng
    water = look.lit(0.58, 0.5, 0.6)
    canvas.rectangle(-0.02, bank - 0.02, 1.04, 0.03, look.ground(0.1, 0.1, 0.5), depth=0.35)
    canvas.rectangle(-0.02, bank + 0.01, 1.04, 1.0 - bank, water, depth=0.3, form="ground")
    for _ in range(14):
        x, y = float(rng.uniform(0, 0.95)), float(rng.uniform(bank + 0.03, 0.98))
        colour = LAMP if _lights_on(look) else look.lit(0.56, 0.15, 0.9)
        colour = blend(water, colour, 0.65)
        canvas.rectangle(x, y, float(rng.uniform(0.04, 0.1)), 0.01, colour, depth=0.3, relief=0)


# ---- street


def _toward(layout: Layout, x: float, y: float, share: float) -> tuple[float, float]:
    """A point on the way from (x, y) to the vanishing point."""
    return x + (layout.x - x) * share, y + (layout.horizon - 0.06 - y) * share


def _front(canvas: Canvas, layout: Layout, look: Look, side: int) -> None:
    """A row of houses running to the vanishing point on one side of the street."""
    rng = canvas.rng
    kerb = layout.x + side * 0.78
    edges = np.cumsum([0.0, *rng.uniform(0.16, 0.26, 3)])
    edges = edges / edges[-1] * 0.88
    for index in (2, 1, 0):
        near, far = float(edges[index]), float(edges[index + 1])
        top = layout.horizon - float(rng.uniform(0.95, 1.7)) * min(layout.scale, 1.15)
        hue = layout.hues[1 + index + (side > 0)]
        wall = look.lit(hue, 0.3, 0.6 + 0.3 * float(rng.random()))
        corners = [_toward(layout, kerb, y, share) for y, share in
                   ((1.16, near), (top, near), (top, far), (1.16, far))]  # fmt: skip
        depth = 0.3 + 0.4 * far
        canvas.polygon(corners, wall if side > 0 else dim(wall, 0.85), depth=depth)
        across = (far - near) * 0.26
        for row in range(5):
            low, high = 1.0 - 0.2 * row, 1.0 - 0.2 * row - 0.12
            for column in (0.14, 0.58):
                a = near + (far - near) * column
                colour, glow = _pane(canvas, look)
                ys = (top + (1.16 - top) * low * 0.92, top + (1.16 - top) * high * 0.92)
                window = [_toward(layout, kerb, ys[0], a), _toward(layout, kerb, ys[1], a),
                          _toward(layout, kerb, ys[1], a + across),
                          _toward(layout, kerb, ys[0], a + across)]  # fmt: skip
                if abs(window[2][0] - window[0][0]) > 0.008:
                    canvas.polygon(window, colour, depth=depth, relief=0.2, glow=glow)


def _street_lamp(canvas: Canvas, layout: Layout, look: Look, side: int, share: float) -> None:
    """A post at the kerb, its arm over the street."""
    x, foot = _toward(layout, layout.x + side * 0.6, 1.14, share)
    size = 1 - share
    high, thick = 0.72 * size, max(0.026 * size, 0.008)
    post = look.lit(0.6, 0.1, 0.25)
    depth = 0.2 + 0.5 * share
    canvas.rectangle(x - thick / 2, foot - high, thick, high, post, depth=depth)
    end = x - side * 0.13 * size
    canvas.line([(x, foot - high), (end, foot - high)], thick * 0.8, post, depth=depth)
    bulb = LAMP if _lights_on(look) else look.lit(0.14, 0.1, 0.95)
    on = _lights_on(look)
    wide = 0.045 * size
    canvas.ellipse(
        end, foot - high + 0.6 * wide, wide, wide * 0.7, bulb, depth=depth, relief=0.1, glow=on
    )


def _car(
    canvas: Canvas, look: Look, x: float, foot: float, wide: float, colour: Colour, coming: bool
) -> None:
    """A car from the front or from behind."""
    black, half = (22, 22, 28), wide / 2
    depth = 0.25
    canvas.ellipse(x, foot, half * 1.1, wide * 0.05, (26, 26, 32), depth=depth, relief=0)
    for side in (-1, 1):
        wheel = x + side * half * 0.68 - wide * 0.1
        canvas.rectangle(wheel, foot - wide * 0.2, wide * 0.2, wide * 0.2, black, depth=depth)
    cabin = [(-0.42, -0.42), (-0.3, -0.78), (0.3, -0.78), (0.42, -0.42)]
    glass = [(-0.33, -0.45), (-0.25, -0.71), (0.25, -0.71), (0.33, -0.45)]
    body = [(-0.5, -0.12), (-0.5, -0.4), (-0.42, -0.47), (0.42, -0.47), (0.5, -0.4), (0.5, -0.12)]
    pane = look.lit(0.57, 0.35, 0.75)
    for outline, paint in ((cabin, dim(colour, 0.85)), (glass, pane), (body, colour)):
        points = [(x + a * wide, foot + b * wide) for a, b in outline]
        canvas.polygon(points, paint, depth=depth)
    lamp: Colour = (255, 248, 214) if coming else (235, 40, 36)
    for side in (-1, 1):
        canvas.ellipse(
            x + side * half * 0.74, foot - wide * 0.31, wide * 0.09, wide * 0.065, lamp,
            depth=depth, relief=0, glow=_lights_on(look),
        )  # fmt: skip
    plate = look.lit(0.1, 0.05, 0.9)
    canvas.rectangle(
        x - wide * 0.12, foot - wide * 0.25, wide * 0.24, wide * 0.07, plate, depth=depth
    )


def street(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """A road to the vanishing point between two rows of houses; cars, lamps."""
    rng = canvas.rng
    sky(canvas, layout, look)
    level = layout.horizon - 0.06
    pavement, road = look.ground(0.1, 0.08, 0.66), dim(look.ground(0.62, 0.1, 0.36), 0.85)
    canvas.rectangle(-0.02, level, 1.04, 1.02 - level, pavement, depth=0.7, form="ground")
    for side in (-1, 1):
        _front(canvas, layout, look, side)
    near = [(layout.x - 0.6, 1.14), (layout.x + 0.6, 1.14)]
    far = [_toward(layout, x, y, 0.96) for x, y in reversed(near)]
    canvas.polygon(near + far, road, depth=0.4, form="ground", relief=0.4)
    stripe = look.lit(0.13, 0.1 + 0.5 * float(layout.hues[5] < 0.3), 1.0)
    for a, b in ((0.05, 0.25), (0.38, 0.52), (0.61, 0.7), (0.76, 0.83)):
        corners = [_toward(layout, layout.x + x, 1.14, share)
                   for x, share in ((-0.028, a), (0.028, a), (0.028, b), (-0.028, b))]  # fmt: skip
        canvas.polygon(corners, stripe, depth=0.38, relief=0.2)
    for share in (0.78, 0.56, 0.18):
        for side in (-1, 1):
            _street_lamp(canvas, layout, look, side, share)
    cars = count_of(layout)
    for index in range(cars):
        share = 0.72 - 0.5 * (index + float(rng.uniform(0.2, 0.8))) / cars
        side = 1 if (index + int(layout.hues[4] * 2)) % 2 else -1
        x, foot = _toward(layout, layout.x + side * 0.27, 1.14, share)
        hue = layout.hues[index]
        colour = look.lit(hue, 0.75 if rng.random() < 0.75 else 0.05, float(rng.uniform(0.6, 0.95)))
        _car(canvas, look, x, foot, 0.4 * (1 - share), colour, side < 0)
    return ()


# ---- house


def _house_window(
    canvas: Canvas, look: Look, x: float, y: float, size: float, frame: Colour
) -> None:
    """A framed window with a cross in it, (x, y) its centre."""
    canvas.rectangle(x - size * 0.6, y - size * 0.65, size * 1.2, size * 1.3, frame, depth=0.3)
    pane = LAMP if _lights_on(look) else look.lit(0.57, 0.35, 0.85)
    step = size * 0.52
    for left in (x - step, x + step - size * 0.47):
        for top in (y - step * 1.08, y + step * 0.08):
            canvas.rectangle(
                left, top, size * 0.47, size * 0.5, pane, depth=0.29, relief=0.4,
                glow=_lights_on(look),
            )  # fmt: skip


def _one_house(
    canvas: Canvas, layout: Layout, look: Look, x: float, foot: float, size: float, wall: Colour,
    roof: Colour,
) -> None:  # fmt: skip
    """A house of half width `size`, x its middle: gable in front, or the long side of the roof."""
    rng = canvas.rng
    high = size * (0.85 if layout.hues[3] < 0.6 else 1.25)
    top = foot - high
    frame = look.lit(0.1, 0.04, 1.0)
    peak = top - size * (0.55 + 0.35 * layout.hues[4])
    chimney = x + size * 0.5
    canvas.rectangle(
        chimney, peak + size * 0.05, size * 0.2, size * 0.6, look.lit(0.02, 0.55, 0.5), depth=0.36
    )
    canvas.rectangle(x - size, top, size * 2, high, wall, depth=0.34)
    over = size * 0.14
    if layout.hues[2] < 0.55:
        gable = [(x - size, top + 0.005), (x, peak), (x + size, top + 0.005)]
        canvas.polygon(gable, wall, depth=0.34)
        for side in (-1, 1):
            eave = (x + side * (size + over), top + over * 0.7)
            slab = [(x, peak - over * 0.8), eave, (eave[0], eave[1] + over), (x, peak + over * 0.5)]
            canvas.polygon(slab, roof, depth=0.32)
        canvas.ellipse(x, top - size * 0.16, size * 0.13, size * 0.13, frame, depth=0.32)
    else:
        slab = [
            (x - size - over, top + over * 0.4),
            (x - size * 0.72, peak),
            (x + size * 0.72, peak),
        ]
        canvas.polygon([*slab, (x + size + over, top + over * 0.4)], roof, depth=0.32)
    door = look.lit(layout.hues[5], 0.6, 0.5)
    at = x if layout.hues[1] < 0.6 else x - size * 0.45
    canvas.rectangle(
        at - size * 0.2, foot - size * 0.62, size * 0.4, size * 0.62, frame, depth=0.31
    )
    canvas.rectangle(
        at - size * 0.155, foot - size * 0.57, size * 0.31, size * 0.57, door, depth=0.3
    )
    canvas.ellipse(at + size * 0.09, foot - size * 0.28, 0.007, 0.007, LAMP, depth=0.3)
    spots = [x - size * 0.62, x + size * 0.62] if at == x else [x + size * 0.12, x + size * 0.64]
    for spot in spots:
        _house_window(canvas, look, spot, foot - size * 0.5, size * 0.3, frame)
        if high > size:
            _house_window(canvas, look, spot, foot - size * 1.02, size * 0.26, frame)
    if rng.random() < 0.4:
        step = look.ground(0.1, 0.05, 0.6)
        canvas.rectangle(at - size * 0.27, foot - 0.012, size * 0.54, 0.025, step, depth=0.29)


def _garden_tree(
    canvas: Canvas, look: Look, x: float, foot: float, high: float, hue: float
) -> None:
    bark, leaf = look.lit(0.07, 0.5, 0.35), look.lit(hue, 0.65, 0.52)
    canvas.rectangle(x - high * 0.05, foot - high * 0.5, high * 0.1, high * 0.5, bark, depth=0.4)
    for across, up, share in ((-0.14, 0.55, 0.2), (0.14, 0.57, 0.19), (0.0, 0.75, 0.23)):
        canvas.ellipse(
            x + across * high, foot - up * high, share * high, share * high, leaf, depth=0.4
        )


def _fence(canvas: Canvas, look: Look, y: float, gap: tuple[float, float], size: float) -> None:
    """Pales and two rails right across, open between the ends of the gap."""
    colour = look.lit(0.1, 0.06, 0.98)
    for left, right in ((-0.02, gap[0]), (gap[1], 1.02)):
        for rail in (0.3, 0.7):
            canvas.rectangle(left, y - size * rail, right - left, size * 0.13, colour, depth=0.2)
        for x in np.arange(left, right - 0.02, 0.055):
            tip = [
                (x, y),
                (x, y - size * 0.9),
                (x + 0.012, y - size * 1.1),
                (x + 0.024, y - size * 0.9),
            ]
            canvas.polygon([*tip, (x + 0.024, y)], colour, depth=0.18, relief=0.4)


def house(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """One or two houses on grass, a path to the door, trees, often a fence."""
    rng = canvas.rng
    sky(canvas, layout, look)
    level = min(layout.horizon, 0.68)
    grass = look.ground(0.26 + 0.1 * layout.hues[1], 0.6, 0.6)
    x = np.linspace(-0.02, 1.02, 40)
    y = level + 0.015 * np.sin(x * 6 + layout.hues[2] * 6)
    lawn = [(1.02, 1.02), (-0.02, 1.02), *zip(x, y, strict=True)]
    canvas.polygon(lawn, grass, depth=0.6, form="ground", relief=0.6)
    paint = pick(WALLS, layout.hues[0])
    roof = look.ground(
        float(rng.choice([0.01, 0.04, 0.07, 0.6])), 0.62, float(rng.uniform(0.35, 0.62))
    )
    if look.weather == "snow":
        roof = dim(roof, 0.94)
    foot = level + 0.14
    size = 0.27 * layout.scale
    leaf = 0.25 + 0.12 * layout.hues[5]
    for _ in range(int(rng.integers(0, 3))):
        away = float(rng.choice([-1, 1])) * size * float(rng.uniform(1.3, 1.8))
        _garden_tree(canvas, look, layout.x + away, foot, size * float(rng.uniform(1.3, 2.1)), leaf)
    if layout.count > 2:
        other = pick(WALLS, layout.hues[4])
        beside = layout.x + size * (2.1 if layout.x < 0.5 else -2.1)
        wall = look.lit(*other[1:])
        _one_house(canvas, layout, look, beside, foot - 0.03, size * 0.72, wall, dim(roof, 0.85))
    _one_house(canvas, layout, look, layout.x, foot, size, look.lit(*paint[1:]), roof)
    at = layout.x if layout.hues[1] < 0.6 else layout.x - size * 0.45
    walk = [(at - size * 0.17, foot), (at + size * 0.17, foot), (at + size * 0.5, 1.02)]
    earth = dim(look.ground(0.1, 0.3, 0.75), 0.92)
    canvas.polygon([*walk, (at - size * 0.4, 1.02)], earth, depth=0.3, form="ground", relief=0.4)
    if layout.hues[5] < 0.55:
        gap = (at - size * 0.38, at + size * 0.46)
        _fence(canvas, look, min(foot + 0.12, 0.97), gap, 0.11 * layout.scale)
    return () if _lights_on(look) else (paint[0],)


SUBJECTS: Final = (
    Subject("city", city, ("city", "skyline", "city skyline", "skyscrapers", "downtown",
                           "tall buildings"), outdoors=True),
    Subject("street", street, ("street", "road", "avenue", "traffic",
                               "boulevard", "alley"), outdoors=True),
    Subject("house", house, ("house", "home", "cottage", "village house", "little house"),
            outdoors=True),
    Subject("stage", stage, ("stage", "concert", "concert stage", "band on stage", "live music",
                             "gig"), outdoors=False),
    Subject("space", space, ("space", "planet", "planets", "outer space", "galaxy", "cosmos"),
            outdoors=False),
)  # fmt: skip
