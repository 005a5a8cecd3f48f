"""Real video and picture files, made with PyAV."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
BITS = 8


def numbered(number: int, w: int = 64, h: int = 64) -> Array:
    """A picture that says its number (0..255) in eight broad bands, black or white."""
    rows = np.arange(h) * BITS // h
    lit = ((number >> rows) & 1) * 255
    return np.broadcast_to(lit[:, None, None], (h, w, 3)).astype(np.uint8)


def number_of(picture: Array) -> int:
    """The number that `numbered` wrote."""
    h, w = picture.shape[:2]
    rows = ((np.arange(BITS) + 0.5) * h / BITS).astype(int)
    return sum(1 << bit for bit, row in enumerate(rows) if picture[row, w // 2].mean() > 127)


def make_video(
    path: Path,
    pictures: Iterable[Array],
    fps: int = 30,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    gop: int = 12,
    sound: bool = False,
    aspect: tuple[int, int] | None = None,
) -> Path:
    """A video of these pictures. `gop` is how many frames lie between keyframes."""
    with av.open(str(path), "w") as container:
        stream: Any = None
        tone: Any = None
        for picture in pictures:
            if stream is None:
                options = {"preset": "ultrafast"} if codec == "libx264" else {}
                stream = container.add_stream(codec, rate=fps, options=options)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = pixels
                stream.codec_context.gop_size = gop
                if aspect:
                    stream.codec_context.sample_aspect_ratio = _ratio(aspect)
                tone = container.add_stream("aac", rate=44100) if sound else None
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
            if tone is not None:
                silence = np.zeros((1, 1024), np.float32)
                audio = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
                audio.sample_rate = 44100
                container.mux(tone.encode(audio))
        for open_stream in filter(None, (stream, tone)):
            container.mux(open_stream.encode(None))
    return path


def turn_video(path: Path, degrees: int) -> None:
    """Say in an mp4's header that it is to be shown turned clockwise, as phones do."""
    data = bytearray(path.read_bytes())
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    one = 1 << 16
    matrix = struct.pack(">9i", cos * one, sin * one, 0, -sin * one, cos * one, 0, 0, 0, 1 << 30)
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes of fields
    data[at : at + len(matrix)] = matrix
    path.write_bytes(data)


def _ratio(aspect: tuple[int, int]) -> Any:
    from fractions import Fraction

    return Fraction(*aspect)
