"""A picture file as a source: read once, then offered again and again."""

from __future__ import annotations

import time

import av
import numpy as np

from engine.errors import SourceError
from engine.latest import Picture
from engine.sources.av_reader import AvReader
from engine.sources.fit import Fitter
from engine.sources.pace import OFFER_S, Pace


class Image:
    """A still picture; what is see-through in it is black.

    Raises `SourceError` where the file is missing or not a picture.
    """

    def __init__(self, path: str, size: tuple[int, int]) -> None:
        self.size = size
        self.captured_ns = 0
        reader = AvReader.file("image", path)
        try:
            frame = reader.next_frame()
        finally:
            reader.close()
        if frame is None:
            raise SourceError(f"image {path} holds no picture; use png, jpg, webp or the like")
        self._frame = _opaque(frame)
        self._fitted: tuple[tuple[int, int], Picture] | None = None
        self._pace = Pace(OFFER_S)

    def read(self) -> Picture:
        self._pace.wait()
        self.captured_ns = time.monotonic_ns()
        if self._fitted is None or self._fitted[0] != self.size:
            self._fitted = (self.size, Fitter().fit(self._frame, self.size))
        return self._fitted[1]

    def close(self) -> None:
        """Nothing to give back."""


def _opaque(frame: av.VideoFrame) -> av.VideoFrame:
    if not any(part.is_alpha for part in frame.format.components):
        return frame
    rgba = np.asarray(frame.to_ndarray(format="rgba"), np.uint8)
    cover = rgba[..., 3:].astype(np.uint16)
    return av.VideoFrame.from_ndarray((rgba[..., :3] * cover // 255).astype(np.uint8))
