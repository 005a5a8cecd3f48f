"""A scene as a performer draws it: strokes on even ground, some of the shapes filled in.

Where a drawing is only one more input of a full scene, a white ground means any colour at all, and
comes back grey. As scenes of their own, drawings are painted in every style as the drawings they
are: white paper stays white paper.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from presets.rehearsal.canvas import DRAWN, SIDE, Buffers, Rng, shrink

_PENS: Final = (13, 11, 9, 7, 5)
"""Thicknesses of a stroke in drawn pixels, twice those of the picture."""
_FULL: Final = 0.3
"""A thinner pen is taken where strokes would cover more of the picture."""


def as_drawing(scene: Buffers, rng: Rng) -> Buffers:
    """The scene's outlines in one colour or in their own, on black, white or coloured ground."""
    dark = rng.random() < 0.5
    ground = np.full(3, rng.uniform(0, 0.1) if dark else rng.uniform(0.9, 1.0), np.float32)
    if rng.random() < 0.2:
        ground = rng.uniform(0.05, 0.95, 3).astype(np.float32)
        dark = float(ground.mean()) < 0.45
    plain, own = rng.random() < 0.4, rng.random() < 0.5
    pen = np.full(3, 1.0 - round(float(ground.mean())), np.float32)
    if not plain:
        pen = rng.uniform(0, 1, 3).astype(np.float32)
        pen = pen / pen.max() if dark else pen * 0.7
    line = _strokes(scene, int(rng.integers(len(_PENS))))
    shapes = np.unique(scene.number)
    chosen = shapes[rng.random(len(shapes)) < rng.choice([0.0, 0.25, 0.6])]
    filled = np.isin(scene.number, chosen[chosen > 0])
    number = np.where(line, 1, np.where(filled, scene.number + 2, 0)).astype(np.int32)
    stroke = shrink(line.astype(np.float32))[..., None]
    fill = shrink(filled.astype(np.float32))[..., None]
    vivid = scene.colour / np.maximum(scene.colour.max(2, keepdims=True), 0.05)
    colour = ground * (1 - fill) + scene.colour * fill
    inked = (vivid if dark else scene.colour * 0.8) if own else pen
    colour = colour * (1 - stroke) + inked * stroke
    even = np.zeros((SIDE, SIDE), np.float32)
    return Buffers(
        colour=np.asarray(colour, np.float32),
        shade=even,
        depth=even + np.float32(0.5),
        glow=stroke[..., 0] if dark else even,
        edge=shrink(_outlines(number)),
        number=number,
    )


def _outlines(number: np.ndarray) -> np.ndarray:
    """1 where two shapes meet, else 0; (DRAWN, DRAWN)."""
    square, each = np.ones((3, 3), np.uint8), number.astype(np.float32)
    return np.asarray(cv2.dilate(each, square) != cv2.erode(each, square), np.float32)


def _strokes(scene: Buffers, first: int) -> np.ndarray:
    """Where the pen has been; (DRAWN, DRAWN) bool. first: the pen to try first."""
    edge = _outlines(scene.number)
    edge[:3], edge[-3:], edge[:, :3], edge[:, -3:] = 0, 0, 0, 0
    line = np.zeros((DRAWN, DRAWN), bool)
    for thick in _PENS[first:]:
        pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thick, thick))
        line = cv2.dilate(edge, pen) > 0.5
        if line.mean() < _FULL:
            break
    return line
