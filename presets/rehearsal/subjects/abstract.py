"""Pictures of nothing: shapes, waves, colours running into each other."""

from __future__ import annotations

from typing import Final

import numpy as np

from presets.rehearsal.canvas import Canvas, Layout, dim, hsv
from presets.rehearsal.subjects.common import Look, Subject


def abstract(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """One of five compositions."""
    dark = 0.55 if look.night else 1.0
    compositions = (_bands, _rings, _scattered, _stripes, _grid)
    compositions[int(layout.hues[5] * len(compositions)) % len(compositions)](canvas, layout, dark)
    return ()


def _bands(canvas: Canvas, layout: Layout, dark: float) -> None:
    """Wavy bands above one another, standing or lying."""
    rng, bands = canvas.rng, int(canvas.rng.integers(5, 11))
    hue, turned = layout.hues[0], layout.hues[1] < 0.5
    canvas.background(hsv(hue, 0.6, 0.9 * dark))
    along = np.linspace(-0.02, 1.02, 60)
    for band in range(bands):
        across = np.full_like(along, (band + 0.6) / bands)
        for octave in (1, 2):
            wave = along * rng.uniform(0.6, 1.6) * octave + rng.uniform(0, 1)
            across += 0.07 / octave * np.sin(wave * 2 * np.pi)
        points = [(-0.02, 1.05), *zip(along, across, strict=True), (1.02, 1.05)]
        if turned:
            points = [(y, x) for x, y in points]
        tint = hsv(hue + band * 0.06 * (layout.hues[2] + 0.3), 0.7, rng.uniform(0.4, 1) * dark)
        canvas.polygon(points, tint, depth=0.9 - 0.06 * band, form="ground", relief=0.9)


def _rings(canvas: Canvas, layout: Layout, dark: float) -> None:
    """Rings, stars or petals round one centre."""
    rng, rings = canvas.rng, int(canvas.rng.integers(5, 11))
    hue, petals = layout.hues[0], int(canvas.rng.integers(0, 8))
    canvas.background(hsv(hue + 0.5, 0.5, 0.7 * dark))
    around = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    swing, turn = rng.uniform(0.08, 0.25), rng.uniform(0, 0.5)
    for ring in range(rings):
        reach = 0.75 * (1 - ring / rings) * (1 + swing * np.sin(around * petals + ring * turn))
        points = np.stack(
            [layout.x + reach * np.cos(around), layout.y + reach * np.sin(around)], axis=1
        )
        tint = hsv(hue + ring * 0.08, 0.75, rng.uniform(0.4, 1) * dark)
        canvas.polygon(points, tint, form="ball", depth=0.8 - 0.05 * ring)


def _scattered(canvas: Canvas, layout: Layout, dark: float) -> None:
    """Discs, bars and polygons, few and large or many and small."""
    rng = canvas.rng
    canvas.background(
        hsv(layout.hues[0], layout.hues[1] * 0.7, layout.hues[2] * dark),
        hsv(layout.hues[3], layout.hues[1] * 0.7, layout.hues[4] * dark),
    )
    large = rng.random() < 0.5
    for _ in range(int(rng.integers(4, 12) if large else rng.integers(14, 45))):
        size = rng.uniform(0.09, 0.3) if large else rng.uniform(0.03, 0.1)
        tint = hsv(rng.uniform(0, 1), rng.uniform(0.1, 1), rng.uniform(0.15, 1) * dark)
        x, y, turn = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0, np.pi)
        kind = int(rng.integers(4))
        if kind == 0:
            canvas.ellipse(x, y, size, size * rng.uniform(0.4, 1), tint, turn=turn)
        elif kind == 1:
            end = (x + 2 * size * np.cos(turn), y + 2 * size * np.sin(turn))
            canvas.line([(x, y), end], rng.uniform(0.015, 0.08), tint)
        elif kind == 2:
            angles = turn + np.arange(int(rng.integers(3, 7)))
            angles = angles * 2 * np.pi / len(angles)
            canvas.polygon(
                np.stack([x + size * np.cos(angles), y + size * np.sin(angles)], 1), tint
            )
        else:
            for ring, share in enumerate((1.0, 0.75, 0.5, 0.25)):
                colour = tint if ring % 2 else dim(tint, 0.5)
                canvas.ellipse(x, y, size * share, size * share, colour)


def _stripes(canvas: Canvas, layout: Layout, dark: float) -> None:
    """Rays from the centre, or slanted stripes."""
    rng, hue = canvas.rng, layout.hues[0]
    rays = int(rng.integers(6, 16))
    canvas.background(hsv(hue, 0.5, 0.8 * dark))
    start = rng.uniform(0, np.pi)
    for ray in range(rays):
        angle = start + ray * 2 * np.pi / rays
        half = np.pi / rays * 0.5
        far = [(layout.x + 1.6 * np.cos(a), layout.y + 1.6 * np.sin(a))
               for a in (angle - half, angle + half)]  # fmt: skip
        tint = hsv(hue + 0.5 * layout.hues[1] + 0.04 * ray, 0.8, rng.uniform(0.5, 1) * dark)
        canvas.polygon([(layout.x, layout.y), *far], tint, relief=0.6)
    size = 0.12 * layout.scale
    canvas.ellipse(layout.x, layout.y, size, size, hsv(hue + 0.5, 0.6, dark), depth=0.3)


def _grid(canvas: Canvas, layout: Layout, dark: float) -> None:
    """Tiles in two or three colours, each with something in it."""
    rng, tiles = canvas.rng, int(canvas.rng.integers(3, 7))
    side = 1 / tiles
    canvas.background(hsv(layout.hues[0], 0.4, 0.6 * dark))
    for row in range(tiles):
        for column in range(tiles):
            hue = layout.hues[int(rng.integers(3))]
            ground = hsv(hue, 0.65, rng.uniform(0.35, 0.95) * dark)
            x, y = column * side, row * side
            canvas.rectangle(x, y, side, side, ground, depth=0.8)
            tint = hsv(hue + 0.4, 0.7, rng.uniform(0.4, 1) * dark)
            middle = (x + side / 2, y + side / 2)
            kind = int(rng.integers(3))
            if kind == 0:
                canvas.ellipse(*middle, side * 0.36, side * 0.36, tint, depth=0.5)
            elif kind == 1:
                canvas.polygon([(x, y), (x + side, y), (x, y + side)], tint, depth=0.5)


SUBJECTS: Final = (
    Subject(
        "abstract",
        abstract,
        (
            "abstract shapes",
            "abstract art",
            "abstract",
            "geometric shapes",
            "patterns",
            "kaleidoscope",
        ),
        outdoors=False,
    ),
)
