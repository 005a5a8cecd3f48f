"""Any picture to the painted size: it fills the frame, keeps its shape, and loses its margins.

swscale does the scaling, so that a 4K camera costs about as much as a small one.
"""

from __future__ import annotations

from typing import Final

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from engine.latest import Picture

_UNSPECIFIED: Final = 2  # AVCOL_SPC_UNSPECIFIED
_HD_LINES: Final = 720


class Fitter:
    """Scales the frames of one source; keeps swscale's tables between them."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()

    def fit(
        self, frame: av.VideoFrame, size: tuple[int, int], pixel_aspect: float = 1.0
    ) -> Picture:
        """RGB uint8 (h, w, 3), contiguous, for `size` (w, h), centred, upright.

        `pixel_aspect` is how much wider than tall a pixel of the frame is.
        """
        w, h = size
        turns = round(frame.rotation / 90) % 4
        across, down = (w, h) if turns % 2 == 0 else (h, w)
        wide, tall = frame.width * pixel_aspect, frame.height
        scale = max(across / wide, down / tall)
        across, down = max(across, round(wide * scale)), max(down, round(tall * scale))
        scaled = self._scaler.reformat(
            frame,
            across,
            down,
            "rgb24",
            src_colorspace=_colours(frame),
            # averaging keeps small print when shrinking; growing wants a curve
            interpolation=Interpolation.AREA if scale < 1 else Interpolation.BICUBIC,
            threads=1,
        )
        picture = np.rot90(scaled.to_ndarray(), turns)
        top, left = (picture.shape[0] - h) // 2, (picture.shape[1] - w) // 2
        return np.ascontiguousarray(picture[top : top + h, left : left + w], np.uint8)


def fit_picture(picture: Picture, size: tuple[int, int]) -> Picture:
    """`picture` (h, w, 3) at another size (w, h); itself where it fits already."""
    w, h = size
    if picture.shape == (h, w, 3):
        return picture
    return Fitter().fit(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture)), size)


def stretch_picture(picture: Picture, size: tuple[int, int]) -> Picture:
    """The whole of `picture` at another size, whatever becomes of its proportions."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture))
    scaled = frame.reformat(*size, interpolation=Interpolation.BILINEAR).to_ndarray()
    return np.ascontiguousarray(scaled, np.uint8)


def _colours(frame: av.VideoFrame) -> Colorspace | None:
    # HD that does not say what its colours are is BT.709, smaller pictures BT.601 (swscale's guess)
    if frame.colorspace == _UNSPECIFIED and frame.height >= _HD_LINES:
        return Colorspace.ITU709
    return None
