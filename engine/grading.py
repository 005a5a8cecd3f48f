"""What the output stage does to a picture: plain functions over RGB uint8 arrays.

Each takes pictures of shape (height, width, 3) and never writes into what it was given. A neutral
setting returns the very same array. Arithmetic is exact to within one level of the formulas below,
and is worked through in blocks that fit a core's cache.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.latest import Picture

LUMA: Final = (0.2126, 0.7152, 0.0722)
"""Weights of R, G and B in luma: Rec. ITU-R BT.709-6, item 3.2."""

MID_GREY: Final = 127.5
_BLOCK_PIXELS: Final = 32768
_SETTLED_AFTER: Final = 8.0
"""Time constants after which smoothing is over: 255 x exp(-8) is a tenth of a level."""


def mixed(painted: Picture, source: Picture, amount: float) -> Picture:
    """`source` at `amount` 0, `painted` at 1, in between the linear blend. Both of one shape."""
    weight = round(amount * 256)
    if weight >= 256:
        return painted
    if weight <= 0:
        return source
    blend = np.multiply(painted, np.uint16(weight), dtype=np.uint16)
    blend += np.multiply(source, np.uint16(256 - weight), dtype=np.uint16)
    blend += np.uint16(128)
    blend >>= np.uint16(8)
    return blend.astype(np.uint8)


class Smoother:
    """Exponential smoothing in time: after one time constant 63 % of a step has arrived.

    y += (x - y) * (1 - exp(-elapsed / time constant)), so the frame rate does not matter. The state
    is kept in float: in 8 bits slow smoothing would stop short of where it is going.
    """

    def __init__(self) -> None:
        self._state: NDArray[np.float32] | None = None
        self._target: Picture | None = None
        self._at_s = 0.0
        self._arrives_s = 0.0
        self.settled = True
        """Whether the smoothed picture has arrived at the newest one."""

    def reset(self) -> None:
        """Forget the past: the next picture is shown as it is."""
        self._state = self._target = None
        self.settled = True

    def step(self, picture: Picture, now_s: float, constant_s: float) -> Picture:
        """The smoothed picture at `now_s` (monotonic seconds), `picture` being the newest."""
        state = self._state
        if state is None or state.shape != picture.shape or constant_s <= 0:
            self._state = picture.astype(np.float32) if constant_s > 0 else None
            self._target, self._at_s, self._arrives_s = picture, now_s, now_s
            self.settled = True
            return picture
        if picture is not self._target:
            self._target = picture
            self._arrives_s = now_s + _SETTLED_AFTER * constant_s
        share = np.float32(1 - math.exp(-max(0.0, now_s - self._at_s) / constant_s))
        self._at_s = now_s
        self.settled = now_s >= self._arrives_s
        if self.settled:
            np.copyto(state, picture)
            return picture
        return _approach(state, picture, share)


def _approach(state: NDArray[np.float32], picture: Picture, share: np.float32) -> Picture:
    flat, target = state.reshape(-1), picture.reshape(-1)
    out = np.empty(target.shape, np.uint8)
    for start in range(0, target.size, _BLOCK_PIXELS):
        block = slice(start, start + _BLOCK_PIXELS)
        part = flat[block]
        difference = target[block] - part
        difference *= share
        part += difference
        np.rint(part, out=difference)
        out[block] = difference
    return out.reshape(picture.shape)


def graded(
    picture: Picture,
    brightness: float = 1.0,
    contrast: float = 1.0,
    saturation: float = 1.0,
    fade: float = 1.0,
) -> Picture:
    """Brightness, contrast around mid grey, saturation around luma, and last the fade to black.

    v = (brightness * v - 127.5) * contrast + 127.5
    v = luma + (v - luma) * saturation, clipped to 0..255
    v = fade * v
    """
    if brightness == contrast == saturation == fade == 1.0:
        return picture
    gain = brightness * contrast
    offset = MID_GREY * (1 - contrast)
    if saturation == 1.0:
        levels = np.clip(np.arange(256) * gain + offset, 0, 255) * fade
        table = np.rint(levels).astype(np.uint8).tobytes()
        flat = np.frombuffer(picture.tobytes().translate(table), np.uint8)
        return flat.reshape(picture.shape)
    return _saturated(picture, gain, offset, saturation, fade)


def _saturated(
    picture: Picture, gain: float, offset: float, saturation: float, fade: float
) -> Picture:
    own = np.float32(gain * saturation)
    # the weights add up to 1, so the offset passes through luma and saturation unchanged
    grey = [np.float32(weight * gain * (1 - saturation)) for weight in LUMA]
    pixels = picture.reshape(-1, 3)
    out = np.empty(pixels.shape, np.uint8)
    for start in range(0, len(pixels), _BLOCK_PIXELS):
        block = pixels[start : start + _BLOCK_PIXELS].astype(np.float32)
        luma = block[:, 0] * grey[0]
        luma += block[:, 1] * grey[1]
        luma += block[:, 2] * grey[2]
        luma += np.float32(offset)
        block *= own
        for channel in range(3):
            block[:, channel] += luma
        np.clip(block, 0, 255, out=block)
        block *= np.float32(fade)
        block += np.float32(0.5)  # the cast below cuts off
        out[start : start + _BLOCK_PIXELS] = block
    return out.reshape(picture.shape)


def turned(picture: Picture, flip: str = "none", rotate: int = 0) -> Picture:
    """Flipped ("horizontal", "vertical", "both"), then turned clockwise by 0, 90, 180 or 270."""
    if flip == "none" and rotate == 0:
        return picture
    # whole pixels of three bytes move a third as often as bytes do
    pixels = np.ascontiguousarray(picture).view("V3")[..., 0]
    if flip in ("horizontal", "both"):
        pixels = pixels[:, ::-1]
    if flip in ("vertical", "both"):
        pixels = pixels[::-1]
    pixels = np.rot90(pixels, -(rotate // 90))
    height, width = pixels.shape
    return np.ascontiguousarray(pixels).view(np.uint8).reshape(height, width, 3)
