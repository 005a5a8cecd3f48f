"""What landscapes are made of: named colours, wavy lines, moonlight."""

from __future__ import annotations

import numpy as np

from presets.rehearsal.canvas import Canvas, Colour, Floats, dim
from presets.rehearsal.subjects.common import Look

# a word for the colour, and its hue, saturation and value
Paint = tuple[str, float, float, float]


def pick(paints: tuple[Paint, ...], share: float) -> Paint:
    return paints[min(int(share * len(paints)), len(paints) - 1)]


def words(paint: Paint, look: Look) -> tuple[str, ...]:
    """The colour's name where the light leaves it that colour."""
    return (paint[0],) if look.time == "day" and look.weather != "snow" else ()


def moonlit(look: Look, colour: Colour, by: float = 1.6) -> Colour:
    """Brighter than night would have it: what the moon falls on."""
    return dim(colour, by) if look.night else colour


def wavy(canvas: Canvas, height: float, swing: float, waves: float, octaves: int = 3) -> Floats:
    """A smooth wavy line right across the picture, (80, 2)."""
    x = np.linspace(-0.02, 1.02, 80)
    y = np.full_like(x, height)
    for octave in range(1, octaves + 1):
        phase = canvas.rng.uniform(0, 2 * np.pi)
        y += swing / octave**1.6 * np.sin(waves * octave * x * 2 * np.pi + phase)
    return np.stack([x, y], axis=1).astype(np.float32)


def below(
    canvas: Canvas, crest: Floats, bottom: float, colour: Colour, depth: float, relief: float = 0.6
) -> None:
    """Fill from a crest down to a level line."""
    feet = np.array([(1.02, bottom), (-0.02, bottom)], np.float32)
    points = np.concatenate([crest, feet])
    canvas.polygon(points, colour, depth=depth, form="ground", relief=relief)
