"""Recording: what the audience sees as an H.264 mp4 at a constant rate.

The clock of a recording never breaks: every tick has exactly one frame. A tick without a new
picture repeats the last one, and so do ticks that passed during a stall or while a large picture
was encoded: the number of frames is always the elapsed time times the rate, and each picture
stands at the time when it was seen.

While it runs, the file is a fragmented mp4: whatever ends the process, all but the last half second
can be played. Closed properly, it is a regular mp4.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.errors import OutputError
from engine.latest import Frame, Latest, Picture
from engine.outputs.names import reserve
from engine.outputs.sink import Sink
from engine.plain_names import plain_name

if TYPE_CHECKING:
    import av

log = logging.getLogger(__name__)

FRAGMENT_US: Final = 100_000
"""Not in the file yet are a fragment (3 frames) and what x264 looks ahead at (11 frames)."""
_BT709: Final = 1  # the same number for primaries, transfer and matrix: ITU-T H.273
_LIMITED_RANGE: Final = 1
_HYBRID_SINCE: Final = (61, 7)  # the libavformat of ffmpeg 7.1
_HYBRID: Final = "+hybrid_fragmented"
_FRAGMENTS: Final = "+frag_keyframe+empty_moov+default_base_moof"
_X264: Final = {
    "preset": "veryfast",
    "crf": "18",
    "bf": "0",  # a hybrid file has no edit list: B-frames would let its time begin late
}


class Recorder:
    """Records `shown` into files in `folder`, one at a time.

    `active` while a recording runs, `seconds` and `frames` are its length (or the last one's),
    `error` is why one ended early ("" if none did), until whoever tells of it empties it. `start`
    and `stop` may block for some milliseconds; call them from one thread at a time.
    """

    def __init__(
        self,
        shown: Latest[Frame],
        folder: Path,
        fps: int = 30,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.fps = fps
        self.frames = 0
        self.error = ""
        self.path: Path | None = None
        self._shown = shown
        self._folder = folder
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._broken = False
        self._stopping = threading.Event()

    @property
    def active(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and not self._broken

    @property
    def seconds(self) -> float:
        return self.frames / self.fps

    def start(self, name: str | None = None) -> Path:
        """Begin `folder`/NAME.mp4 (without a name: date and time) and return its path.

        The clock starts with the first picture, whose size the recording keeps. Raises
        `SettingError` for a name that is not plain, `OutputError` if a recording runs already or
        the folder cannot be written.
        """
        return self._start(self._folder, plain_name(name, ".mp4"))

    def start_file(self, path: Path) -> Path:
        """Begin at a path of the command line's, with the first painted picture.

        A taken name gets "-2" here too. Raises `OutputError`.
        """
        if path.suffix.lower() != ".mp4":
            raise OutputError(f"cannot record to {path.name}: the file's name must end in .mp4")
        return self._start(path.parent, path.stem, painted_only=True)

    def _start(self, folder: Path, stem: str, painted_only: bool = False) -> Path:
        if self.active and self.path is not None:
            raise OutputError(f"already recording to {self.path.name}; record/stop ends it")
        try:
            path = reserve(folder, stem, ".mp4")
        except OSError as error:
            raise OutputError(
                f"cannot record into {folder}: {_reason(error)}; choose one that can be written"
            ) from error
        self.path, self.frames, self._broken = path, 0, False
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._run, args=(path, painted_only), name="recorder", daemon=True
        )
        self._thread.start()
        return path

    def stop(self) -> Path | None:
        """Close the running recording; its path, or None if none was running or nothing came."""
        thread, self._thread = self._thread, None
        if thread is None:
            return None
        self._stopping.set()
        thread.join()
        return self.path if self.frames else None

    # the recorder's own thread

    def _run(self, path: Path, painted_only: bool) -> None:
        try:
            first = self._first(painted_only)
            if first is None:
                path.unlink(missing_ok=True)
                return
            height, width = (max(2, side - side % 2) for side in first.picture.shape[:2])
            with _Encoder(path, width, height, self.fps) as encoder:
                self._record(encoder, first)
        except Exception as error:
            log.exception("recording to %s ended", path)
            kept = "what was written so far can be played" if self.frames else "nothing was kept"
            advice = "make room on the disk" if _errno(error) == errno.ENOSPC else "see the log"
            told = (
                f"recording {path.name} ended after {self.seconds:.1f} s: {_reason(error)}; "
                f"{kept}; {advice}"
            )
            if not self.frames:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
            self._broken, self.error = True, told  # from here on the next one may begin

    def _first(self, painted_only: bool) -> Frame | None:
        seen = 0
        while not self._stopping.is_set():
            seen = self._shown.wait(seen, 0.05)
            frame = self._shown.get()
            # a source's own picture was made with no settings
            if frame is not None and (frame.snapshot_seq > 0 or not painted_only):
                return frame
        return None

    def _record(self, encoder: _Encoder, frame: Frame) -> None:
        start_s = self._clock()
        while not self._stopping.is_set():
            self._catch_up(encoder, start_s)
            frame = self._shown.get() or frame
            encoder.encode(frame.picture, self.frames)
            self.frames += 1
            left_s = start_s + self.frames / self.fps - self._clock()
            if left_s > 0:
                self._stopping.wait(left_s)
        self._repeat(encoder, round((self._clock() - start_s) * self.fps) - self.frames)

    def _catch_up(self, encoder: _Encoder, start_s: float) -> None:
        """Repeat the last picture for ticks that have passed, so that the next has its own time."""
        behind = self._behind(start_s)
        while behind > 0 and not self._stopping.is_set():
            self._repeat(encoder, behind)
            before, behind = behind, self._behind(start_s)
            if behind >= before:
                return  # even repeating does not keep up; a new picture is worth more

    def _behind(self, start_s: float) -> int:
        """How many ticks have passed without a frame, not counting the one that is due now."""
        return int((self._clock() - start_s) * self.fps) - self.frames

    def _repeat(self, encoder: _Encoder, ticks: int) -> None:
        for _ in range(ticks):
            encoder.repeat(self.frames)
            self.frames += 1


class _Encoder:
    """One mp4 being written: pictures in, at tick numbers that grow by one."""

    def __init__(self, path: Path, width: int, height: int, fps: int) -> None:
        import av  # here, not above: opening the window should not wait for it

        self._av = av
        self._size = (width, height)
        self._rate = Fraction(1, fps)
        self._last: Picture | None = None
        self._image: av.VideoFrame | None = None
        self._sink = Sink(path)
        hybrid = av.library_versions["libavformat"] >= _HYBRID_SINCE
        options = {
            "movflags": _HYBRID if hybrid else _FRAGMENTS,
            "frag_duration": str(FRAGMENT_US),
            "flush_packets": "1",
        }
        self._container = av.open(self._sink, "w", format="mp4", options=options)
        stream = self._container.add_stream("libx264", rate=fps, options=_X264)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.gop_size = fps
        context.thread_count = 2  # of the cores, most belong to the painter
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED_RANGE
        self._stream = stream

    def encode(self, picture: Picture, tick: int) -> None:
        if picture is not self._last:
            self._image = self._converted(picture)
            self._last = picture
        self.repeat(tick)

    def repeat(self, tick: int) -> None:
        """The last picture once more, which costs a fraction of a new one."""
        assert self._image is not None
        self._image.pts = tick
        self._image.time_base = self._rate
        self._container.mux(self._stream.encode(self._image))
        self._sink.check()

    def _converted(self, picture: Picture) -> av.VideoFrame:
        rgb = self._av.VideoFrame.from_ndarray(
            np.ascontiguousarray(fitted(picture, *self._size)), format="rgb24"
        )
        return rgb.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")

    def __enter__(self) -> _Encoder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            # only what has pictures: ffmpeg 8.1 crashes at the end of an mp4 without any, so the
            # header, too, is left to the first packet
            if self._image is not None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
        finally:
            self._sink.close()
        if kind is None:
            self._sink.check()


def fitted(picture: Picture, width: int, height: int) -> Picture:
    """`picture` in `width` x `height`: cut by an odd last pixel, else scaled between black bars."""
    import av

    own_height, own_width, _ = picture.shape
    if 0 <= own_width - width <= 1 and 0 <= own_height - height <= 1:
        return picture[:height, :width]
    scale = min(width / own_width, height / own_height)
    inner_width = max(1, min(width, round(own_width * scale)))
    inner_height = max(1, min(height, round(own_height * scale)))
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    inner = frame.reformat(width=inner_width, height=inner_height).to_ndarray()
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[top : top + inner_height, left : left + inner_width] = inner
    return canvas


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


def _errno(error: Exception) -> int | None:
    return error.errno if isinstance(error, OSError) else None
