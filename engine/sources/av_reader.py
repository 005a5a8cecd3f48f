"""The one way into PyAV: everything that FFmpeg can open, as frames and as our own errors."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Mapping
from typing import Final

import av
from av.error import FFmpegError, InvalidDataError
from av.video.stream import VideoStream

from engine.errors import SourceError
from engine.latest import Picture
from engine.sources.fit import Fitter

_BAD_PACKETS: Final = 100  # in a row; a few are a scratch, so many are the end
_STALE_S: Final = 0.001
_STALE_PACKETS: Final = 8


class AvReader:
    """One open input and its first video stream. Use it from one thread; `close` it there too.

    `what` is how the performer calls it. Raises `SourceError` where it cannot be opened.
    """

    def __init__(
        self,
        what: str,
        url: str,
        *,
        format: str | None = None,
        options: Mapping[str, str] | None = None,
        threads: str = "SLICE",
    ) -> None:
        self.what = what
        self.waited_s = 0.0
        """How long the newest packet had to be waited for."""
        try:
            self._container = av.open(url, format=format, options=dict(options or {}))
        except (FFmpegError, ValueError) as error:
            raise SourceError(f"{what} cannot be opened: {why(error)}") from error
        if not self._container.streams.video or self._container.format.name == "tty":
            self._container.close()
            raise SourceError(f"{what} holds no pictures; use mp4, mov, mkv, webm, png, jpg, ...")
        self.stream: VideoStream = self._container.streams.video[0]
        # frame threads hold back as many frames as there are threads: not for anything live
        self.stream.thread_type = threads
        self._packets = self._container.demux(self.stream)
        self._frames: deque[av.VideoFrame] = deque()

    @classmethod
    def file(cls, kind: str, path: str) -> AvReader:
        """A file, and only a file: no device, no address, no list that leads to others."""
        what = f"{kind} {path}"
        if os.path.isdir(path):
            raise SourceError(f"{what} cannot be opened: it is a folder; name a file in it")
        options = {"protocol_whitelist": "file"}
        return cls(what, f"file:{path}", options=options, threads="AUTO")

    @property
    def pixel_aspect(self) -> float:
        """How much wider than tall a pixel is."""
        return float(self.stream.sample_aspect_ratio or 1)

    def next_frame(self) -> av.VideoFrame | None:
        """The next frame; None at the end. Raises `SourceError` where it cannot be read on."""
        bad = 0
        while not self._frames:
            start = time.monotonic()
            try:
                packet = next(self._packets, None)
                self.waited_s = time.monotonic() - start
                if packet is None:
                    return None
                self._frames.extend(packet.decode())
            except BlockingIOError:  # pragma: no cover - avfoundation has nothing yet
                time.sleep(0.002)
                self._packets = self._container.demux(self.stream)
            except InvalidDataError as error:
                bad += 1
                if bad > _BAD_PACKETS:
                    raise SourceError(f"{self.what} is damaged: {why(error)}") from error
            except FFmpegError as error:
                raise SourceError(f"{self.what} stopped: {why(error)}") from error
        return self._frames.popleft()

    def no_keyframe_after(self, pts: int) -> bool:
        """Whether the file's index rules one out: it reaches as far as `pts`, and has none."""
        index = self.stream.index_entries
        if not len(index) or index[len(index) - 1].timestamp < pts:
            return False
        return index.search_timestamp(pts, backward=False) < 0

    def seek(self, pts: int, *, backward: bool = True) -> bool:
        """Go on at the keyframe before `pts` (or after it).

        False where that cannot be done: FFmpeg may have read to the end of the file to find out.
        """
        try:
            self._container.seek(pts, stream=self.stream, backward=backward)
        except FFmpegError:
            return False
        self._packets = self._container.demux(self.stream)
        self._frames.clear()
        return True

    def close(self) -> None:
        self._frames.clear()
        self._container.close()


class LiveReader:
    """A camera or a screen: the newest picture, at its own rate.

    A picture that did not have to be waited for has been lying in a queue: it is passed over, so
    that a reader that was late is late only once.
    """

    def __init__(self, reader: AvReader, size: tuple[int, int]) -> None:
        self.size = size
        self.captured_ns = 0
        self._reader = reader
        self._fitter = Fitter()

    def read(self) -> Picture | None:
        for _ in range(_STALE_PACKETS):
            frame = self._reader.next_frame()
            self.captured_ns = time.monotonic_ns()
            if frame is None or self._reader.waited_s > _STALE_S:
                break
        if frame is None:
            return None
        return self._fitter.fit(frame, self.size, self._reader.pixel_aspect)

    def close(self) -> None:
        self._reader.close()


def why(error: Exception) -> str:
    """An FFmpeg error in words of ours, one line."""
    if isinstance(error, FileNotFoundError):
        return "there is nothing of that name"
    if isinstance(error, PermissionError):
        return "we may not read it; check its permissions"
    if isinstance(error, InvalidDataError):
        return "it is not a video or picture that can be read, or it is damaged"
    text = str(getattr(error, "strerror", None) or error or type(error).__name__)
    return " ".join(text.split())
