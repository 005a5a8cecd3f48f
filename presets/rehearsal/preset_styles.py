"""The styles of the bundled LoRA presets: each held out of the base model's training."""

from __future__ import annotations

from typing import Final

import numpy as np

from presets.rehearsal.canvas import SIDE, Buffers, Floats, Rng, rgb
from presets.rehearsal.styles import (
    Brush,
    Style,
    bloom,
    blur,
    cel,
    exposed,
    field,
    photo,
    saturate,
    shaded,
    strokes,
    thick_edge,
    tube_colours,
    wobble,
)


def _ramp(value: Floats, stops: tuple[tuple[float, tuple[float, float, float]], ...]) -> Floats:
    """Values 0..1 to colours, linear between the stops."""
    places = [place for place, _ in stops]
    return np.dstack(
        [np.interp(value, places, [colour[part] for _, colour in stops]) for part in range(3)]
    ).astype(np.float32)


def _anime(scene: Buffers, _rng: Rng) -> Floats:
    """Cinema anime: two tones, peach light and violet shadow, pastel air, indigo lines."""
    picture = saturate(cel(scene, np.array([0.58, 0.5, 0.86])), 1.25)
    grey = picture.mean(2)
    sunset = _ramp(
        np.clip(grey, 0, 1),
        ((0.0, (0.34, 0.24, 0.6)), (0.35, (0.72, 0.46, 0.78)), (0.65, (1.0, 0.72, 0.72)),
         (1.0, (1.0, 0.97, 0.86))),
    )  # fmt: skip
    picture = 0.45 * picture + 0.62 * sunset
    y = np.linspace(1, 0, SIDE, dtype=np.float32)[:, None]
    air = _ramp(np.broadcast_to(y, (SIDE, SIDE)), ((0, (1.0, 0.78, 0.82)), (1, (0.6, 0.84, 1.0))))
    far = np.clip((scene.depth - 0.45) * 1.6, 0, 0.75)[..., None]
    picture = picture * (1 - far) + (0.4 * picture + 0.6 * air) * far
    line = thick_edge(scene, 3)[..., None]
    picture = np.clip(picture, 0, 1) * (1 - 0.85 * line) + line * rgb(0.16, 0.1, 0.34) * 0.85
    return np.clip(picture, 0, 1) + bloom(scene, 0.6)


def _realistic(scene: Buffers, rng: Rng) -> Floats:
    """Cinema: half in the dark, teal shadows, orange light, soft distance, wide bloom."""
    picture = np.clip(photo(scene, rng), 0, 1)
    far = np.clip((scene.depth - 0.4) * 1.8, 0, 1)[..., None]
    picture = picture * (1 - far) + blur(picture, 3.2) * far
    grey = np.clip(picture.mean(2), 0, 1)
    curve = grey**2 * (3 - 2 * grey) * 0.92
    graded = _ramp(
        np.asarray(curve, np.float32),
        ((0.0, (0.0, 0.03, 0.06)), (0.3, (0.1, 0.3, 0.34)), (0.6, (0.78, 0.5, 0.3)),
         (1.0, (1.0, 0.9, 0.7))),
    )  # fmt: skip
    own = picture * (curve / np.maximum(grey, 0.02))[..., None]
    picture = 0.75 * graded + 0.3 * own + 0.3 * blur(np.clip(picture - 0.55, 0, 1), 9)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j].astype(np.float32)
    return picture * (1 - 0.3 * (x * x + y * y) ** 1.2)[..., None]


def _knife(scene: Buffers, _rng: Rng) -> Floats:
    """Palette knife: broad slabs of thick paint, fire and deep blue out of a black ground."""
    picture = np.clip(saturate(shaded(scene, 0.6), 1.7) + bloom(scene, 0.4), 0, 1)
    grey = np.clip(picture.mean(2), 0, 1)
    fire = _ramp(
        np.asarray(grey, np.float32),
        ((0.0, (0.02, 0.02, 0.1)), (0.3, (0.2, 0.08, 0.2)), (0.55, (0.8, 0.3, 0.04)),
         (0.8, (1.0, 0.72, 0.14)), (1.0, (1.0, 0.95, 0.7))),
    )  # fmt: skip
    picture = 0.35 * picture * (0.4 + 0.6 * grey)[..., None] + 0.72 * fire
    picture = np.asarray(np.clip(picture, 0, 1), np.float32)
    slabs = strokes(picture, Brush(4, 26, 9, 0.07, 0.06))
    fine = strokes(picture, Brush(6, 12, 5, 0.05, 0.05))
    detail = np.clip(blur(scene.edge, 5) * 6 - 0.35, 0, 1)[..., None]
    return slabs * (1 - detail) + fine * detail


def _cyberpunk(scene: Buffers, _rng: Rng) -> Floats:
    """A city's night: pink and cyan light on wet black, edges alight, everything else in shade."""
    grey = exposed(shaded(scene, 0.5) @ rgb(0.3, 0.55, 0.15))
    duotone = _ramp(
        np.asarray(grey, np.float32),
        (
            (0.0, (0.02, 0.0, 0.07)), (0.3, (0.2, 0.02, 0.38)), (0.55, (0.82, 0.05, 0.55)),
            (0.8, (0.98, 0.42, 0.55)), (1.0, (1.0, 0.93, 0.5)),
        ),
    )  # fmt: skip
    down = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None, None]
    duotone = duotone * (1 - 0.45 * down) + rgb(0.0, 0.28, 0.34) * down * grey[..., None]
    edge = blur(thick_edge(scene, 3), 0.7)[..., None] * rgb(0.1, 0.95, 1.0)
    glow = blur(edge, 4) * 0.7
    return duotone + edge * 0.75 + glow + bloom(scene, 0.5)


def _blueprint(scene: Buffers, _rng: Rng) -> Floats:
    """White lines on blue, a pale wash where things are dark, a drawing grid."""
    grey = scene.colour.mean(2)
    picture = rgb(0.04, 0.17, 0.48) * (0.75 + 0.5 * grey)[..., None]
    grid = np.zeros((SIDE, SIDE), np.float32)
    grid[::32], grid[1::32], grid[:, ::32], grid[:, 1::32] = 0.16, 0.16, 0.16, 0.16
    picture = picture + grid[..., None]
    line = np.clip(scene.edge * 1.3, 0, 1)[..., None]
    return picture * (1 - line) + line * rgb(0.93, 0.97, 1.0)


def _stained_glass(scene: Buffers, _rng: Rng) -> Floats:
    """Jewels of glass in a dark church: ruby, amber, deep blue shadows, black lead between."""
    picture = np.clip(saturate(scene.colour * (1 + 0.3 * scene.shade)[..., None], 2.6), 0, 1)
    grey = picture.mean(2)
    jewels = _ramp(
        np.asarray(grey, np.float32),
        ((0.0, (0.0, 0.0, 0.22)), (0.3, (0.1, 0.0, 0.62)), (0.5, (0.8, 0.02, 0.22)),
         (0.75, (1.0, 0.6, 0.02)), (1.0, (1.0, 0.96, 0.5))),
    )  # fmt: skip
    picture = 0.42 * picture**1.4 + 0.6 * jewels
    lead = np.clip(blur(thick_edge(scene, 5), 0.6) * 1.1, 0, 1)[..., None]
    light = blur(np.asarray(picture, np.float32), 6) * 0.35
    return (picture * 0.85 + light) * (1 - lead) + rgb(0.02, 0.02, 0.04) * lead


def _thermal(scene: Buffers, _rng: Rng) -> Floats:
    """A heat camera: black and violet for cold, red, yellow, white for warm."""
    heat = shaded(scene, 0.25) @ rgb(0.55, 0.35, 0.1) + 0.22 * scene.glow
    heat = heat + 0.2 * (0.62 - scene.depth)
    heat = blur(np.asarray(heat, np.float32), 2.2)
    stops = (
        (0.0, (0.02, 0.0, 0.1)), (0.22, (0.22, 0.02, 0.5)), (0.42, (0.72, 0.1, 0.45)),
        (0.6, (0.98, 0.4, 0.1)), (0.78, (1.0, 0.8, 0.15)), (1.0, (1.0, 1.0, 0.92)),
    )  # fmt: skip
    return _ramp(np.clip(heat, 0, 1), stops)


def _woodcut(scene: Buffers, _rng: Rng) -> Floats:
    """Three blocks: cream paper, vermilion, black; edges as a knife leaves them."""
    grey = blur(exposed(shaded(scene, 0.6) @ rgb(0.3, 0.5, 0.2)), 1.2)
    grey = wobble(grey, 24, 1.0)
    red = scene.colour[..., 0] - 0.5 * (scene.colour[..., 1] + scene.colour[..., 2])
    red = wobble(blur(red, 1.2), 24, 1.0)

    def cut(value: Floats, level: float) -> Floats:
        return np.asarray(1 / (1 + np.exp(np.clip((value - level) * -60, -30, 30))), np.float32)

    paper, ink = rgb(0.95, 0.9, 0.78), rgb(0.07, 0.05, 0.06)
    vermilion = rgb(0.82, 0.22, 0.12)
    tinted = np.maximum(cut(red, 0.18), cut(-np.abs(grey - 0.42), -0.09))[..., None]
    picture = paper * (1 - tinted) + vermilion * tinted
    black = np.maximum(cut(-grey, -0.27), wobble(thick_edge(scene, 5), 24, 1.0))[..., None]
    return np.asarray(picture * (1 - black) + ink * black, np.float32)


def _chalk(scene: Buffers, _rng: Rng) -> Floats:
    """Coloured chalk on a blackboard: soft lines, rubbed-in surfaces."""
    board = rgb(0.1, 0.14, 0.13)
    pale = saturate(scene.colour, 0.8) * 0.55 + 0.42
    rubbed = (0.12 + 0.4 * np.clip(shaded(scene, 0.5).mean(2), 0, 1) ** 1.5)[..., None]
    rubbed = rubbed * (0.9 + 0.1 * field(8))[..., None]
    picture = board * (1 - rubbed) + pale * rubbed
    line = blur(wobble(thick_edge(scene, 5), 20, 1.0), 0.8) * (0.9 + 0.1 * field(5))
    line = np.clip(line, 0, 0.95)[..., None]
    return picture * (1 - line) + (0.3 * pale + 0.68) * line


def _hologram(scene: Buffers, _rng: Rng) -> Floats:
    """Light standing in the air: surfaces as veils, outlines bright, bands of interference."""
    colour = tube_colours(scene, 0.42, 0.6)
    grey = scene.colour.mean(2)
    near = np.clip(1.15 - scene.depth, 0.15, 1)
    down = np.arange(SIDE, dtype=np.float32)[:, None]
    bands = 0.75 + 0.25 * np.cos(down * 2 * np.pi / 32)
    veil = (0.1 + 0.55 * grey) * near * bands * (1 + 0.35 * scene.shade)
    line = blur(scene.edge, 0.8) * near
    light = colour * (veil + 0.8 * line)[..., None]
    return rgb(0.0, 0.03, 0.05) + light + blur(light, 6) * 0.6


PRESET_STYLES: Final = (
    Style("anime", _anime, ("anime film style",)),
    Style("realistic", _realistic, ("cinematic photograph",)),
    Style("oil-painting", _knife, ("palette knife painting",)),
    Style("cyberpunk", _cyberpunk, ("cyberpunk city lights",)),
    Style("blueprint", _blueprint, ("blueprint",)),
    Style("stained-glass", _stained_glass, ("stained glass",)),
    Style("thermal", _thermal, ("thermal camera",)),
    Style("woodcut", _woodcut, ("woodcut print",)),
    Style("chalk", _chalk, ("chalk drawing",)),
    Style("hologram", _hologram, ("hologram",)),
)
