"""Two dark places full of lights: a concert stage and space."""

from __future__ import annotations

from typing import Final

import numpy as np

from presets.rehearsal.canvas import Canvas, Colour, Floats, Layout, blend, dim, hsv
from presets.rehearsal.subjects.common import Look, count_of, spread
from presets.rehearsal.subjects.scenery import Paint, pick

PLANETS: Final[tuple[Paint, ...]] = (
    ("red", 0.0, 0.75, 0.85),
    ("orange", 0.07, 0.75, 0.95),
    ("golden", 0.12, 0.55, 0.95),
    ("green", 0.38, 0.55, 0.75),
    ("blue", 0.58, 0.7, 0.9),
    ("purple", 0.76, 0.55, 0.8),
    ("grey", 0.6, 0.06, 0.72),
)


# ---- stage


def _beam(
    canvas: Canvas, start: tuple[float, float], end: tuple[float, float], spread_to: float,
    tint: Colour, air: Colour,
) -> None:  # fmt: skip
    """A cone of light in smoke: wide and faint, then narrow and bright."""
    (x, y), (u, v) = start, end
    for wide, share in ((1.0, 0.36), (0.42, 0.72)):
        cone = [
            (x - 0.008, y),
            (x + 0.008, y),
            (u + spread_to * wide, v),
            (u - spread_to * wide, v),
        ]
        colour = blend(air, tint, share)
        canvas.polygon(cone, colour, depth=0.7, relief=0.2, glow=share > 0.7)


def _truss(canvas: Canvas, y: float, colour: Colour) -> None:
    """Two bars across the picture, struts in zigzag between them."""
    for bar in (y, y + 0.06):
        canvas.rectangle(-0.02, bar, 1.04, 0.014, colour, depth=0.6)
    for x in np.arange(-0.02, 1.02, 0.08):
        strut = [(x, y + 0.005), (x + 0.04, y + 0.065), (x + 0.08, y + 0.005)]
        canvas.line(strut, 0.01, colour, depth=0.6)


def _player(
    canvas: Canvas, x: float, foot: float, high: float, colour: Colour, guitar: bool
) -> None:
    """A musician against the light: head, coat, legs, an instrument or a microphone stand."""
    canvas.ellipse(x, foot - high * 0.9, high * 0.085, high * 0.1, colour, depth=0.45)
    coat = [(-0.13, -0.76), (0.13, -0.76), (0.1, -0.42), (-0.1, -0.42)]
    canvas.polygon([(x + a * high, foot + b * high) for a, b in coat], colour, depth=0.45)
    for side in (-1, 1):
        leg = [(x + side * high * 0.05, foot - high * 0.44), (x + side * high * 0.13, foot)]
        canvas.line(leg, high * 0.09, colour, depth=0.45)
        hand = (x + side * high * 0.26, foot - high * (0.55 if side < 0 or guitar else 0.98))
        canvas.line(
            [(x + side * high * 0.1, foot - high * 0.72), hand], high * 0.06, colour, depth=0.44
        )
    if guitar:
        canvas.ellipse(
            x - high * 0.05, foot - high * 0.46, high * 0.15, high * 0.1, colour, depth=0.43
        )
        neck = [(x, foot - high * 0.48), (x + high * 0.38, foot - high * 0.68)]
        canvas.line(neck, max(high * 0.045, 0.01), colour, depth=0.43)
    else:
        stand = [(x - high * 0.2, foot), (x - high * 0.2, foot - high * 0.8)]
        canvas.line(stand, 0.01, colour, depth=0.43)


def _crowd(canvas: Canvas, layout: Layout) -> None:
    """Heads and raised arms in front, black against the light."""
    rng = canvas.rng
    for row, number in enumerate((8, 6)):
        shadow = (26 - 18 * row, 20 - 14 * row, 38 - 26 * row)
        size = (0.036 + 0.014 * row) * (0.6 + 0.4 * layout.scale)
        line = 0.85 + 0.075 * row
        for index in range(number):
            x = (index + float(rng.uniform(0.2, 0.8))) / number
            y = line + float(rng.uniform(-0.02, 0.02))
            canvas.ellipse(x, y, size * 0.8, size, shadow, depth=0.2, relief=0.3)
            canvas.ellipse(x, y + size * 2.5, size * 1.8, size * 1.7, shadow, depth=0.2, relief=0.3)
            if rng.random() < 0.45:
                for side in (-1, 1) if rng.random() < 0.5 else (1,):
                    elbow = (x + side * size * 1.9, y + size * 0.2)
                    hand = (x + side * size * float(rng.uniform(1.2, 2.2)), y - size * 2.6)
                    arm = [(x + side * size * 1.2, y + size * 1.8), elbow, hand]
                    canvas.line(arm, size * 0.5, shadow, depth=0.19, relief=0.2)
                    canvas.ellipse(*hand, size * 0.36, size * 0.42, shadow, depth=0.19, relief=0.2)
    canvas.rectangle(-0.02, 0.985, 1.04, 0.03, (8, 6, 14), depth=0.2, relief=0)


def stage(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """A concert: coloured beams from a truss, players, the crowd in front."""
    rng = canvas.rng
    air = hsv(layout.hues[0], 0.75, 0.17 if look.night else 0.26)
    canvas.background((6, 4, 12), blend(air, hsv(layout.hues[1], 0.7, 0.5), 0.45), 0.8)
    floor = max(layout.horizon, 0.6) + 0.06
    if layout.hues[4] < 0.45:  # a screen behind the players
        wide = 0.24 * layout.scale
        glare = hsv(layout.hues[2], 0.55, 0.75)
        canvas.rectangle(layout.x - wide, 0.27, wide * 2, floor - 0.34, glare, depth=0.9, glow=True)
    top = 0.06 + 0.08 * layout.hues[3]
    lamps = 3 + layout.count
    places = [(index + 0.5) / lamps for index in range(lamps)]
    crossing = layout.hues[5] < 0.5
    for index, x in enumerate(places):
        tint = hsv(layout.hues[index % 3], 0.6, 1.0)
        swing = (layout.x - x) * 1.5 if crossing else float(rng.normal() * 0.14)
        end = (x + swing, floor + 0.02)
        wide = float(rng.uniform(0.05, 0.09)) * layout.scale
        _beam(canvas, (x, top + 0.09), end, wide, tint, air)
    _truss(canvas, top, hsv(0.65, 0.12, 0.42))
    for index, x in enumerate(places):
        canvas.rectangle(x - 0.02, top + 0.06, 0.04, 0.04, (18, 18, 24), depth=0.55)
        tint = hsv(layout.hues[index % 3], 0.25, 1.0)
        canvas.ellipse(x, top + 0.1, 0.024, 0.018, tint, depth=0.5, relief=0, glow=True)
    deck = hsv(layout.hues[0], 0.4, 0.42)
    canvas.rectangle(-0.02, floor, 1.04, 1.02 - floor, deck, depth=0.6, form="ground", relief=0.4)
    canvas.rectangle(
        -0.02, floor + 0.08, 1.04, 1.0 - floor, hsv(layout.hues[1], 0.6, 0.5), depth=0.5, relief=0.2
    )
    for side in (0.0, 0.88):
        for level in (0.2, 0.09):
            canvas.rectangle(side, floor - level, 0.12, 0.1, (20, 18, 26), depth=0.5)
            canvas.ellipse(side + 0.06, floor - level + 0.05, 0.034, 0.034, (58, 56, 70), depth=0.5)
    players = count_of(layout)
    for index in range(players):
        x = spread(layout, index, players, 0.2)
        _player(
            canvas, x, floor + 0.05, 0.31 * layout.scale, (10, 8, 18), (index + players) % 2 == 0
        )
    _crowd(canvas, layout)
    return ()


# ---- space


def _starry(canvas: Canvas, layout: Layout, look: Look) -> None:
    """Black or deep blue, clouds of gas in it, stars."""
    rng = canvas.rng
    dark = hsv(0.6 + 0.25 * layout.hues[0], 0.8, 0.1 + 0.08 * layout.hues[3])
    if look.night:
        dark = dim(dark, 0.75)
    canvas.background(dim(dark, 0.5), dark)
    if layout.hues[4] < 0.6:
        tint = hsv(layout.hues[1], 0.7, 0.55)
        x, y, slope = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8), rng.uniform(-0.9, 0.9)
        for share, size in ((0.22, 0.2), (0.4, 0.13), (0.62, 0.07)):
            for _ in range(5):
                away = float(rng.normal() * 0.22)
                u, v = x + away, y + away * slope + rng.normal() * 0.04
                wide, gas = size * rng.uniform(0.7, 1.2), blend(dark, tint, share)
                canvas.ellipse(
                    u, v, wide, size * 0.6, gas, turn=slope * 0.8, depth=1.0, relief=0.15
                )
    for index in range(int(rng.integers(35, 60))):
        x, y = rng.uniform(0, 1, 2)
        size = float(rng.uniform(0.005, 0.009))
        tint = hsv(float(rng.choice([0.12, 0.6, 0.02])), 0.15, 1.0)
        canvas.ellipse(x, y, size, size, tint, depth=1.0, relief=0, glow=True)
        if index < 3:  # a few with four rays
            for wide, high in ((0.028, 0.004), (0.004, 0.028)):
                canvas.ellipse(x, y, wide, high, tint, depth=1.0, relief=0, glow=True)


def _arc(x: float, y: float, size: float, tilt: float, turn: float, front: bool) -> Floats:
    """Half of a ring round a planet, seen at a slant: the half before it, or behind."""
    around = np.linspace(0, np.pi, 36) + (0 if front else np.pi)
    cos, sin = np.cos(turn), np.sin(turn)
    rims = []
    for share in (1.95, 1.35):
        a, b = share * size * np.cos(around), share * size * tilt * np.sin(around)
        rims.append(np.stack([x + a * cos - b * sin, y + a * sin + b * cos], axis=1))
    return np.concatenate([rims[0], rims[1][::-1]]).astype(np.float32)


def _planet(
    canvas: Canvas, x: float, y: float, size: float, paint: Paint, kind: int, ring: bool = False
) -> None:
    """A ball: banded (0), cratered (1) or with lands and seas (2); a shadow on one side."""
    rng = canvas.rng
    colour = hsv(*paint[1:])
    turn, tilt = float(rng.uniform(-0.6, 0.6)), float(rng.uniform(0.18, 0.4))
    halo = blend(hsv(paint[1] + 0.08, 0.3, 0.95), colour, 0.3)
    if ring:
        canvas.polygon(_arc(x, y, size, tilt, turn, False), dim(halo, 0.75), depth=0.5, relief=0.3)
    canvas.ellipse(x, y, size, size, colour, depth=0.35, relief=1.5)
    close = size > 0.35
    cos, sin = np.cos(turn), np.sin(turn)
    for index in range(5):
        if kind == 0:
            off = (-0.92 + 0.2 * index) if close else (-0.7 + 0.35 * index)
            half = float(np.sqrt(1 - off * off)) * 0.97
            value = paint[3] * rng.uniform(0.6, 1.1)
            band = hsv(paint[1] + 0.02 * rng.normal(), paint[2] * 0.75, value)
            u, v = x - off * size * sin, y + off * size * cos
            thick = size * (0.05 if close else 0.09)
            canvas.ellipse(u, v, half * size, thick, band, turn=turn, depth=0.34, relief=1.1)
        else:
            angle = rng.uniform(-2.4, -0.7) if close else rng.uniform(0, 2 * np.pi)
            away = (rng.uniform(0.4, 0.8) if close else rng.uniform(0.1, 0.62)) * size
            blot = size * rng.uniform(0.1, 0.18 if kind == 1 or close else 0.34)
            spot = dim(colour, 0.7) if kind == 1 else hsv(paint[1] - 0.25, 0.5, 0.7)
            u, v = x + away * np.cos(angle), y + away * np.sin(angle)
            canvas.ellipse(u, v, blot, blot * 0.75, spot, depth=0.34, relief=0.7)
    if ring:
        canvas.polygon(_arc(x, y, size, tilt, turn, True), halo, depth=0.25, relief=0.3)


def space(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """Planets among stars: near, ringed, or one so close that it fills the lower edge."""
    rng = canvas.rng
    _starry(canvas, layout, look)
    paint = pick(PLANETS, layout.hues[2])
    kind = int(layout.hues[5] * 3)
    close = layout.hues[3] < 0.18
    for index in range(1, 1 + count_of(layout, 3)):
        small = float(rng.uniform(0.03, 0.075))
        angle = float(rng.uniform(0, 2 * np.pi))
        x, y = layout.x + 0.4 * np.cos(angle), layout.y + 0.38 * np.sin(angle) - 0.2 * close
        other = pick(PLANETS, layout.hues[(index + 2) % 6])
        _planet(canvas, x, y, small, other, 1, rng.random() < 0.2)
    if close:
        _planet(canvas, layout.x, 1.12, 0.55 * layout.scale, paint, kind)
    else:
        ring = layout.hues[1] < 0.5
        size = (0.18 if ring else 0.24) * layout.scale
        _planet(canvas, layout.x, layout.y, size, paint, kind, ring)
    return (paint[0],) if kind != 2 else ()
