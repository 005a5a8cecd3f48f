"""The styles of the bundled LoRA presets: each held out of the base model's training.

Every mark follows from the scene: what stands at a place of its own (a hatching, a stroke on even
ground) no network can know from the picture, and thin sharp lines it can hardly place.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from presets.rehearsal.canvas import SIDE, Buffers, Floats, Rng, rgb
from presets.rehearsal.styles import (
    Style,
    bloom,
    blur,
    cel,
    exposed,
    photo,
    relief,
    saturate,
    shaded,
    thick_edge,
    toned,
    tube_colours,
)


def _ramp(value: Floats, stops: tuple[tuple[float, tuple[float, float, float]], ...]) -> Floats:
    """Values 0..1 to colours, linear between the stops."""
    places = [place for place, _ in stops]
    return np.dstack(
        [np.interp(value, places, [colour[part] for _, colour in stops]) for part in range(3)]
    ).astype(np.float32)


def _over(value: Floats, level: float) -> Floats:
    """1 where the value is above the level, 0 below, and a short way between them."""
    return np.asarray(1 / (1 + np.exp(np.clip((level - value) * 24, -30, 30))), np.float32)


def _laid(picture: Floats, ink: Floats, share: Floats) -> Floats:
    """The picture with ink over it; share: (SIDE, SIDE) 0..1, how much of it covers each place."""
    cover = share[..., None]
    return np.asarray(picture * (1 - cover) + ink * cover, np.float32)


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
    """Cinema: teal shadows lifted off black, orange light on skins, soft distance, wide bloom."""
    picture = np.clip(photo(scene, rng), 0, 1)
    far = np.clip((scene.depth - 0.4) * 1.8, 0, 1)[..., None]
    picture = picture * (1 - far) + blur(picture, 3.2) * far
    grey = np.clip(picture.mean(2), 0, 1)
    lifted = grey**0.75
    curve = np.asarray(lifted + 0.4 * (lifted**2 * (3 - 2 * lifted) - lifted), np.float32)
    graded = _ramp(
        curve,
        ((0.0, (0.0, 0.08, 0.13)), (0.28, (0.0, 0.36, 0.42)), (0.5, (0.92, 0.5, 0.16)),
         (0.78, (1.0, 0.74, 0.34)), (1.0, (1.0, 0.95, 0.66))),
    )  # fmt: skip
    own = picture * (curve / np.maximum(grey, 0.02))[..., None]
    return 0.84 * graded + 0.18 * own + 0.3 * blur(np.clip(picture - 0.55, 0, 1), 9)


def _knife(scene: Buffers, _rng: Rng) -> Floats:
    """Palette knife: slabs of tone with raised edges, gold and fire out of a wine-red ground."""
    picture = np.clip(saturate(shaded(scene, 0.7), 1.6) + bloom(scene, 0.4), 0, 1)
    # the median is the knife: small things are pressed flat, edges stay sharp
    pressed = cv2.medianBlur(np.asarray(picture * 255, np.uint8), 9)
    picture = np.asarray(pressed, np.float32) / 255
    tone = toned(picture.mean(2) ** 0.85, 5, 16)
    fire = _ramp(
        tone,
        ((0.0, (0.1, 0.02, 0.2)), (0.25, (0.42, 0.06, 0.16)), (0.5, (0.92, 0.34, 0.02)),
         (0.75, (1.0, 0.7, 0.05)), (1.0, (1.0, 0.95, 0.55))),
    )  # fmt: skip
    raised = np.clip(0.5 * relief(blur(tone, 1.2)), -0.2, 0.2)[..., None]
    own = picture * (0.4 + 0.6 * tone)[..., None]
    return np.asarray(0.2 * own + 0.88 * fire + raised, np.float32)


def _cyberpunk(scene: Buffers, _rng: Rng) -> Floats:
    """A city's night: pink and violet light on black, every outline a wide cyan glow."""
    grey = blur(exposed(shaded(scene, 0.5) @ rgb(0.3, 0.55, 0.15)), 1.0)
    duotone = _ramp(
        grey**2,
        ((0.0, (0.01, 0.0, 0.05)), (0.3, (0.14, 0.01, 0.34)), (0.6, (0.75, 0.03, 0.6)),
         (0.85, (1.0, 0.3, 0.6)), (1.0, (1.0, 0.85, 0.55))),
    )  # fmt: skip
    outline = thick_edge(scene, 5)
    near, wide = blur(outline, 2.5)[..., None], blur(outline, 6)[..., None]
    light = 0.55 * near + 0.6 * wide
    return duotone * (1 - 0.5 * near) + light * rgb(0.05, 0.95, 1.0) + bloom(scene, 0.4)


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
    """Panes of pure colour with the sun behind: violet, ruby, amber, gold; wide lead between."""
    picture = np.clip(saturate(scene.colour * (1 + 0.3 * scene.shade)[..., None], 2.4), 0, 1)
    panes = _ramp(
        toned(np.asarray(picture.mean(2) ** 0.9, np.float32), 5, 12),
        ((0.0, (0.0, 0.0, 0.4)), (0.25, (0.3, 0.0, 0.75)), (0.45, (0.95, 0.0, 0.22)),
         (0.7, (1.0, 0.4, 0.0)), (1.0, (1.0, 0.9, 0.2))),
    )  # fmt: skip
    glass = np.asarray(0.8 * (0.15 * picture**1.4 + 0.85 * panes), np.float32)
    lead = np.clip(blur(thick_edge(scene, 7), 1.8) * 1.4, 0, 1)
    return _laid(glass + 0.3 * blur(glass, 7), rgb(0.01, 0.01, 0.02), lead)


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
    """Three blocks: vermilion, black, and cream paper left in the lights; knife-rounded corners.

    The black block's own outlines hold the shapes together.
    """
    grey = blur(exposed(shaded(scene, 0.6) @ rgb(0.3, 0.5, 0.2)), 2.5)
    black = rgb(0.05, 0.035, 0.05)
    picture = _laid(black, rgb(0.88, 0.14, 0.05), _over(grey, 0.3))
    picture = _laid(picture, rgb(1.0, 0.88, 0.62), _over(grey, 0.6))
    return _laid(picture, black, np.clip(blur(thick_edge(scene, 3), 1.0), 0, 1))


def _chalk(scene: Buffers, _rng: Rng) -> Floats:
    """Pale chalk on a green blackboard: soft lines, smeared round them, surfaces rubbed in."""
    pale = saturate(scene.colour, 0.9) * 0.6 + 0.38
    light = np.clip(blur(np.asarray(shaded(scene, 0.6).mean(2), np.float32), 1.5), 0, 1)
    outline = thick_edge(scene, 3)
    line = np.clip(1.6 * blur(outline, 2.5) + 0.6 * blur(outline, 6), 0, 0.7)
    picture = _laid(rgb(0.0, 0.1, 0.06), pale, 0.2 * light**1.5)
    return _laid(picture, 0.3 * pale + 0.66, line)


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
