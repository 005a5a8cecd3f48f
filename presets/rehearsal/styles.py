"""The styles that the base model paints by prompt, and three kinds of input it must understand.

Each style is a plain function of a scene's buffers, so that one scene exists in every style, pixel
for pixel aligned. Textures stand still on the screen (`field`), the same in every picture: what is
random cannot be learned in one step and only blurs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from presets.rehearsal.canvas import SIDE, Buffers, Floats, Rng, rgb


@dataclass(frozen=True, slots=True)
class Style:
    """paint(buffers, rng) gives (SIDE, SIDE, 3) floats, about 0..1; phrases: the words for it."""

    name: str
    paint: Callable[[Buffers, Rng], Floats]
    phrases: tuple[str, ...]


@lru_cache
def field(size: int, number: int = 0) -> Floats:
    """A soft noise of unit variance with spots of about `size` pixels; the same at every call."""
    rng = np.random.default_rng((size, number))
    cells = max(SIDE // size, 2)
    noise = rng.normal(size=(cells, cells)).astype(np.float32)
    smooth = cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth / smooth.std(), np.float32)


def blur(picture: Floats, radius: float) -> Floats:
    """Gaussian blur, `radius` its standard deviation in pixels."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), radius), np.float32)


def shaded(scene: Buffers, relief: float) -> Floats:
    """The colours as lit; relief 0 leaves them flat."""
    lit = 1 + relief * np.clip(scene.shade, -1.3, 1.3)
    return scene.colour * np.where(scene.glow > 0.5, 1.0, lit)[..., None]


def saturate(picture: Floats, by: float) -> Floats:
    grey = picture.mean(2, keepdims=True)
    return np.asarray(grey + (picture - grey) * by, np.float32)


def exposed(grey: Floats) -> Floats:
    """Dark scenes made brighter, as an artist would who has ink for only so much night."""
    gain = np.clip(0.5 / max(float(grey.mean()), 0.02), 1.0, 4.0) ** 0.75
    return np.asarray(np.clip(grey * gain, 0, 1), np.float32)


def thick_edge(scene: Buffers, pixels: int) -> Floats:
    """Share of each pixel on an outline of that many drawn pixels (half as many picture pixels)."""
    number = scene.number.astype(np.float32)
    square = np.ones((3, 3), np.uint8)
    edge = (cv2.dilate(number, square) != cv2.erode(number, square)).astype(np.float32)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (pixels, pixels))
    fat = cv2.dilate(edge, kernel)
    return np.asarray(cv2.resize(fat, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)


def bloom(scene: Buffers, strength: float) -> Floats:
    """Light that shining things throw round themselves."""
    shining = scene.colour * scene.glow[..., None]
    light = (blur(shining, 5) * 0.6 + blur(shining, 16) * 0.9) * strength
    return np.asarray(light, np.float32)


def wobble(picture: Floats, size: int, pixels: float) -> Floats:
    """Bent by a soft field, as an unsteady hand would."""
    down, across = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    bent = cv2.remap(
        picture,
        across + field(size, 1) * pixels,
        down + field(size, 2) * pixels,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    return np.asarray(bent, np.float32)


_PAPER: Final = rgb(0.99, 0.93, 0.80)
_PALETTE: Final = np.array(
    (
        (0.06, 0.08, 0.22), (0.16, 0.12, 0.42), (0.10, 0.26, 0.62), (0.22, 0.52, 0.90),
        (0.55, 0.82, 0.97), (0.02, 0.30, 0.36), (0.04, 0.56, 0.56), (0.56, 0.88, 0.76),
        (0.14, 0.48, 0.22), (0.62, 0.80, 0.22), (0.99, 0.80, 0.12), (0.98, 0.52, 0.10),
        (0.92, 0.20, 0.18), (0.50, 0.06, 0.20), (0.99, 0.60, 0.58), (0.82, 0.18, 0.55),
        (0.52, 0.26, 0.74), (0.46, 0.22, 0.14), (0.80, 0.56, 0.40), (0.42, 0.46, 0.60),
        (0.74, 0.72, 0.76), (0.99, 0.93, 0.80),
    ),
    np.float32,
)  # fmt: skip
"""The inks of a printed poster, RGB: dark ones blue, the lightest that of the paper."""
_SOFT: Final = 60.0


def _flat(scene: Buffers, _rng: Rng) -> Floats:
    """A poster printed in few inks: every place in the ink nearest to it, darks blue, paper cream.

    Two tones of light. How near an ink is, is told in CIELAB, squared; over about `_SOFT` one ink
    goes over into the next, so that a gradient has steps and no cliffs.
    """
    lit = np.where(scene.shade > 0.1, np.float32(1.08), np.float32(1.0))
    lit = np.where(scene.shade < -0.35, np.float32(0.8), lit)
    lit = blur(np.where(scene.glow > 0.5, np.float32(1.1), lit), 0.7)
    picture = np.clip(saturate(scene.colour * lit[..., None], 1.35) * 1.04, 0, 1)
    here = cv2.cvtColor(np.asarray(picture, np.float32), cv2.COLOR_RGB2Lab)
    inks = cv2.cvtColor(_PALETTE[None], cv2.COLOR_RGB2Lab)[0]
    away = ((here[:, :, None] - inks) ** 2) @ rgb(1.3, 0.8, 0.8)
    share = np.exp((away.min(2, keepdims=True) - away) / _SOFT)
    share /= share.sum(2, keepdims=True)
    return np.asarray(share @ _PALETTE, np.float32)


def plain(scene: Buffers, _rng: Rng) -> Floats:
    """The colours as drawn, unlit."""
    return scene.colour


def photo(scene: Buffers, _rng: Rng) -> Floats:
    """Lit, far things out of focus, corners in shadow, colours held back."""
    picture = shaded(scene, 0.5)
    near = blur(1 - scene.depth, 6) - (1 - scene.depth)
    picture = picture * (1 - 0.55 * np.clip(near, 0, 0.5))[..., None]  # shadow beside near things
    picture = picture * (1 + 0.035 * field(20) + 0.02 * field(6))[..., None]
    far = np.clip((scene.depth - 0.5) * 2.2, 0, 1)[..., None]
    picture = picture * (1 - far) + blur(picture, 1.8) * far
    picture = blur(picture, 0.6) + bloom(scene, 0.5)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j].astype(np.float32)
    picture = picture * (1 - 0.16 * (x * x + y * y))[..., None]
    return saturate(picture, 0.78) * 0.93 + 0.035


def toned(grey: Floats, tones: int, steep: float) -> Floats:
    """Brightness in so many bands; steep: how suddenly one becomes the next."""
    inside = grey * tones % 1
    band = np.floor(grey * tones) + 1 / (1 + np.exp((0.5 - inside) * steep))
    return np.asarray(band / tones, np.float32)


def relief(height: Floats) -> Floats:
    """How much each place is lit from the top left, if the picture stood up that high."""
    return np.roll(height, (-2, -2), (0, 1)) - np.roll(height, (2, 2), (0, 1))


_OIL_TONES: Final = 6


def _oil(scene: Buffers, _rng: Rng) -> Floats:
    """Bands of saturated paint, umber in the dark and golden in the light, edges standing up.

    All of it follows from the picture: the denoiser cannot place strokes on even ground.
    """
    picture = np.clip(saturate(shaded(scene, 0.8), 1.5) + bloom(scene, 0.3), 0, 1)
    picture = blur(np.asarray(picture, np.float32), 1.2)
    grey = picture.mean(2)
    tone = toned(grey, _OIL_TONES, 26)
    picture = np.clip(picture * (tone / np.maximum(grey, 0.02))[..., None], 0, 1)
    light = np.clip(tone, 0, 1)[..., None]
    picture = picture * (rgb(0.85, 0.72, 0.62) * (1 - light) + rgb(1.16, 1.02, 0.66) * light)
    picture = picture + rgb(0.13, 0.07, 0.02) * (1 - light)
    height = blur(np.asarray(picture @ rgb(0.4, 0.4, 0.2), np.float32), 0.8)
    return np.asarray(picture + np.clip(0.9 * relief(height), -0.3, 0.3)[..., None], np.float32)


def cel(scene: Buffers, shadow: Floats) -> Floats:
    """Three flat tones: light, own colour, shadow (multiplied by `shadow`, three numbers)."""
    light = scene.shade[..., None]
    tone = np.where(light > 0.2, np.float32(1.1), np.float32(1.0))
    tone = np.where(light < -0.3, shadow.astype(np.float32), tone)
    return scene.colour * np.where(scene.glow[..., None] > 0.5, np.float32(1.1), tone)


def _anime(scene: Buffers, _rng: Rng) -> Floats:
    picture = saturate(cel(scene, np.array([0.66, 0.62, 0.86])), 1.5) * 1.04 + 0.05
    line = thick_edge(scene, 3)[..., None]
    picture = np.clip(picture, 0, 1) * (1 - 0.95 * line) + line * rgb(0.06, 0.03, 0.12)
    return picture + bloom(scene, 0.35)


def _ink(scene: Buffers, _rng: Rng) -> Floats:
    """Brush and black ink on paper: outlines, two washes, blacks filled in."""
    grey = exposed(shaded(scene, 0.55) @ rgb(0.3, 0.55, 0.15))
    grey = wobble(blur(grey, 1.0), 24, 1.2)
    tone = np.full((SIDE, SIDE), 0.95, np.float32)
    for level, value in ((0.56, 0.74), (0.36, 0.46), (0.19, 0.1)):
        under = 1 / (1 + np.exp(np.clip((grey - level) * 42, -30, 30)))
        tone = tone * (1 - under) + value * under
    line = np.clip(thick_edge(scene, 3) * 1.15 + 0.7 * thick_edge(scene, 5) * (grey < 0.5), 0, 1)
    tone = tone * (1 - 0.94 * wobble(line.astype(np.float32), 24, 1.2))
    return tone[..., None] * rgb(1.0, 0.985, 0.94)


def tube_colours(scene: Buffers, low: float, high: float) -> Floats:
    """A pure hue for each place, from cyan through blue and violet to pink, by its own colour."""
    warm = np.clip(scene.colour[..., 0] - scene.colour[..., 2] + 0.5, 0, 1)
    hue = (low + (high - low) * warm) * 180
    full = np.full_like(hue, 235)
    picture = np.dstack([hue, full, np.full_like(hue, 255)]).astype(np.uint8)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_HSV2RGB), np.float32) / 255.0


def _neon(scene: Buffers, _rng: Rng) -> Floats:
    """Outlines as glowing tubes in the dark, surfaces faintly lit by them."""
    colour = tube_colours(scene, 0.5, 0.94)
    tube = colour * np.clip(scene.edge * 1.3, 0, 1)[..., None]
    grey = scene.colour.mean(2)
    surface = colour * (grey**1.4 * (0.3 + 0.14 * scene.shade))[..., None]
    lit = scene.glow[..., None] * colour * 0.8
    halo = blur(tube + lit, 3) * 1.25 + blur(tube + lit, 10) * 1.2
    return rgb(0.04, 0.01, 0.09) + surface + tube * 0.95 + lit * 0.5 + halo


@lru_cache
def _painted_on() -> Floats:
    """1 where a watercolour's paper is painted on, 0 at its ragged border."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    inside = np.minimum(np.minimum(x, SIDE - 1 - x), np.minimum(y, SIDE - 1 - y))
    return np.asarray(1 / (1 + np.exp(np.clip((12 + 3 * field(20) - inside) / 1.4, -30, 30))))


def _watercolour(scene: Buffers, _rng: Rng) -> Floats:
    """Clear washes on white paper that stays bare at the border, darker where a wash ends."""
    picture = shaded(scene, 0.25)
    gain = np.clip(0.6 / max(float(picture.mean()), 0.02), 1.0, 5.0) ** 0.85
    bright = np.asarray(picture * gain, np.float32)
    wash = np.asarray(np.clip(saturate(bright, 1.6), 0, 1) * 0.62 + 0.38, np.float32)
    wash = 0.75 * blur(wash, 1.0) + 0.25 * blur(wash, 4)
    on = _painted_on()
    rim = np.asarray(blur(scene.edge, 1.3) * 1.3 + 1.6 * on * (1 - on), np.float32)
    pigment = 1 - wash
    pigment = pigment * (1 + 0.07 * field(34) + 0.04 * field(12))[..., None] + 0.05
    pigment = pigment * (1 + 1.0 * rim)[..., None] + 0.13 * rim[..., None]
    # what is dark and grey is indigo in a paint box
    pigment = pigment * (1 - pigment * rgb(0.0, 0.1, 0.24))
    return np.asarray(0.98 - pigment * on[..., None], np.float32)


BASE_STYLES: Final = (
    Style("flat", _flat, ("flat illustration", "flat", "illustration", "vector", "poster")),
    Style("photo", photo, ("photo", "photograph", "realistic photo", "realistic", "film still")),
    Style(
        "oil", _oil, ("oil painting", "painting", "oil", "impressionist painting", "brush strokes")
    ),
    Style("anime", _anime, ("anime", "cartoon", "anime cartoon", "manga", "comic", "cel shading")),
    Style("ink", _ink, ("ink drawing", "ink", "ink sketch", "black and white drawing", "sumi ink")),
    Style("neon", _neon, ("neon cyberpunk", "neon", "cyberpunk", "synthwave", "glowing neon")),
    Style(
        "watercolour",
        _watercolour,
        ("watercolor", "watercolour", "watercolor painting", "aquarelle"),
    ),
)


def camera(scene: Buffers, rng: Rng) -> Floats:
    """A photograph as a cheap camera sees it: its own white balance, exposure, focus and noise."""
    picture = photo(scene, rng)
    if rng.random() < 0.6:  # surfaces are never as even as drawn ones
        coarse = rng.normal(size=(SIDE // 4, SIDE // 4, 1)).astype(np.float32)
        rough = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)[..., None]
        picture = picture * (1 + float(rng.uniform(0.02, 0.14)) * rough)
    balance = 1 + rng.normal(size=3).astype(np.float32) * 0.1
    picture = np.clip(picture * balance * float(rng.uniform(0.65, 1.3)), 0, 1)
    picture = picture ** float(rng.uniform(0.75, 1.35))
    if rng.random() < 0.5:
        picture = blur(picture, float(rng.uniform(0.5, 1.6)))
    grain = rng.normal(size=picture.shape).astype(np.float32)
    return picture + grain * float(rng.uniform(0, 0.04))


def sketch(scene: Buffers, rng: Rng) -> Floats:
    """What a performer draws: outlines in one or many colours on plain ground, areas filled."""
    dark = rng.random() < 0.5
    ground = rng.uniform(0, 0.12) if dark else rng.uniform(0.88, 1.0)
    picture = np.full((SIDE, SIDE, 3), ground, np.float32)
    if rng.random() < 0.5:
        filled = (scene.depth < rng.uniform(0.3, 0.9))[..., None]
        picture = np.where(filled, scene.colour, picture)
    line = wobble(thick_edge(scene, int(rng.choice([3, 5, 7]))), 32, 1.5)[..., None]
    pen = rng.uniform(0, 1, 3) if rng.random() < 0.3 else np.full(3, 1.0 - ground)
    colour = scene.colour if rng.random() < 0.4 else pen.astype(np.float32)
    return np.asarray(picture * (1 - line) + colour * line, np.float32)


# seen only as input, never asked for
INPUT_STYLES: Final = (
    Style("camera", camera, ()), Style("sketch", sketch, ()), Style("plain", plain, ()),
)  # fmt: skip
