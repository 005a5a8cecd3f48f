"""Pictures with the statistics of natural ones, drawn from nothing, for the autoencoder alone.

Dead leaves (Lee, Mumford and Huang, 2001): discs and shards with power-law sizes covering one
another, each with 1/f texture, look to a small network much like photographs do.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from presets.rehearsal.canvas import Bytes, Floats, Rng

_BANK: Final = 24


@lru_cache
def _textures(side: int) -> Floats:
    """(_BANK, side, side) fields of unit variance with spectra 1/f^0.7 .. 1/f^1.6."""
    rng = np.random.default_rng(7)
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    frequency = np.maximum(np.hypot(down, across), 1 / side)
    fields = []
    for power in np.linspace(0.7, 1.6, _BANK):
        noise = np.fft.rfft2(rng.normal(size=(side, side))) / frequency**power
        field = np.fft.irfft2(noise, s=(side, side))
        fields.append(field / field.std())
    return np.array(fields, np.float32)


def dead_leaves(rng: Rng, side: int) -> Bytes:
    """(side, side, 3) bytes."""
    bank = _textures(side)
    picture = np.zeros((side, side, 3), np.float32)
    base = rng.uniform(0, 1, 3)
    count = int(rng.integers(30, 220))
    # density of radii falls with their third power
    radii = 3 / np.sqrt(np.maximum(1 - rng.uniform(0, 0.998, count), 1e-3))
    order = np.argsort(-radii) if rng.random() < 0.3 else np.arange(count)
    spread = rng.uniform(0.1, 0.4)
    for radius in np.minimum(radii[order], side * 0.6):
        x, y = rng.uniform(-5, side + 5, 2)
        colour = np.clip(base + rng.normal(size=3) * spread, 0, 1)
        if rng.random() < 0.6:
            axes = (max(int(radius), 1), max(int(radius * rng.uniform(0.3, 1)), 1))
            cv2.ellipse(
                picture, (int(x), int(y)), axes, float(rng.uniform(0, 180)), 0, 360,
                colour.tolist(), -1, cv2.LINE_AA,
            )  # fmt: skip
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 6))))
            points = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], 1)
            cv2.fillPoly(picture, [points.astype(np.int32)], colour.tolist(), cv2.LINE_AA)
    first, second = bank[rng.integers(_BANK, size=2)]
    light = 1 + rng.uniform(0.03, 0.3) * first + rng.uniform(0, 0.25) * np.roll(second, 31, 1)
    picture = picture * light[..., None] + rng.normal(size=3) * 0.05 * second[..., None]
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.5)))
    return np.asarray(np.clip(picture, 0, 1) * 255, np.uint8)
