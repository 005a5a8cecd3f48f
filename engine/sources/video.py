"""A video file as a source: in its own time, round and round."""

from __future__ import annotations

import os
import time
from typing import Final

import av

from engine.errors import SourceError
from engine.latest import Picture
from engine.sources.av_reader import AvReader
from engine.sources.fit import Fitter, fit_picture

HOLD_S: Final = 0.2
"""A picture that stays longer than this is offered again, so that a slow video is never silent."""

_PATIENCE_S: Final = 0.25  # how long late frames are passed over before one is shown all the same
_LOST_S: Final = 1.0  # so late that reading on will not make it good
_GONE: Final = (0, 0, 0)


class Video:
    """A looping video; no sound. Frames that come too late are left out: it never runs slow.

    Raises `SourceError` where the file is missing, is not a video or is cut short while it plays.
    """

    def __init__(self, path: str, size: tuple[int, int]) -> None:
        self.size = size
        self.captured_ns = 0
        self._path = path
        self._fitter = Fitter()
        self._open()
        self._ahead: av.VideoFrame | None = None
        self._shown: Picture | None = None
        self._zero = time.monotonic()  # when the loop's first frame was due
        self._at = 0.0  # of the frame ahead, in seconds of the loop
        # some formats name absurd rates; the loop has to take some time
        self._step = max(1 / 240, 1 / float(self._reader.stream.average_rate or 25))
        self._first_pts: int | None = None

    def read(self) -> Picture:
        self._check()
        if self._ahead is None:
            self._advance()
            if self._shown is None:
                self._zero = time.monotonic()
        self._catch_up()
        wait = self._zero + self._at - time.monotonic()
        if self._shown is not None and wait > HOLD_S:
            time.sleep(HOLD_S)
            self.captured_ns = time.monotonic_ns()
            self._shown = fit_picture(self._shown, self.size)  # it may have changed since
            return self._shown
        time.sleep(max(0.0, wait))
        assert self._ahead is not None
        self.captured_ns = time.monotonic_ns()
        self._shown = self._fitter.fit(self._ahead, self.size, self._reader.pixel_aspect)
        self._ahead = None
        return self._shown

    def close(self) -> None:
        self._reader.close()

    def _open(self) -> None:
        self._reader = AvReader.file("video", self._path)
        self._file = _identity(self._path)

    def _check(self) -> None:
        # FFmpeg takes the end of a file that was cut short for the end of the video
        now = _identity(self._path)
        if now[:2] == self._file[:2] and now[2] < self._file[2]:
            raise SourceError(
                f"video {self._path} was cut short while it played; put it back whole"
            )

    def _late_s(self) -> float:
        return time.monotonic() - (self._zero + self._at)

    def _catch_up(self) -> None:
        """Pass over frames whose time is over."""
        if self._late_s() > _LOST_S:
            self._jump()
        end = time.monotonic() + _PATIENCE_S
        while self._late_s() > self._step and time.monotonic() < end:
            self._advance()

    def _jump(self) -> None:
        """Go where we should be, if there is a keyframe; else let the clock wait for us."""
        where = self._at + self._late_s()
        base = self._reader.stream.time_base
        pts = (self._first_pts or 0) + int(where / base) if base else 0
        if not self._reader.no_keyframe_after(pts):
            if not self._reader.seek(pts, backward=False):
                self._rewind()
                self._first_pts = None
            self._advance()
        if abs(self._late_s()) > _LOST_S:
            self._zero = time.monotonic() - self._at

    def _advance(self) -> None:
        """Read the next frame, from the start again where the end is reached."""
        frame = self._decoded()
        if frame is None:
            self._zero += self._at + self._step
            self._rewind()
            frame = self._decoded()
            if frame is None:
                raise SourceError(f"video {self._path} has no pictures in it; use another file")
            self._first_pts = None
        self._ahead = frame
        if frame.pts is None or frame.time_base is None:
            self._at = 0.0 if self._first_pts is None else self._at + self._step
            self._first_pts = self._first_pts or 0
            return
        if self._first_pts is None:
            self._first_pts = frame.pts
        self._at = float((frame.pts - self._first_pts) * frame.time_base)

    def _decoded(self) -> av.VideoFrame | None:
        return self._reader.next_frame()

    def _rewind(self) -> None:
        start = self._reader.stream.start_time or 0
        # a file that was taken away plays on from what we hold open
        if _identity(self._path) in (self._file, _GONE) and self._reader.seek(start):
            return
        self._reader.close()  # another file of that name by now, or one that only runs forward
        self._open()


def _identity(path: str) -> tuple[int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return _GONE
    return (found.st_dev, found.st_ino, found.st_size)
