"""Where sound comes from: an input of this machine, or a file played round and round.

Each listens on a thread of its own and keeps what it heard last; whoever wants it looks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Final, Protocol

import av
import numpy as np
from av.error import FFmpegError, InvalidDataError
from numpy.typing import NDArray

from engine.errors import SoundError
from engine.hearing import Heard, Hearing, Samples

MISSING: Final = "listening needs one more package: pip install 'artflow-live[audio]'"

FILE: Final = "file:"
"""How the name of a file begins, where an input's name could stand."""

SILENT_S: Final = 3.0
"""An input that gives no samples for this long is gone: a driver says so only sometimes."""

FILE_RATE: Final = 48000

_NO_SOUND: Final = "holds no sound; use wav, flac, mp3, m4a, ogg, ..."


class Sound(Protocol):
    """A sound that is listened to until it is closed. To be asked from any thread."""

    @property
    def name(self) -> str:
        """What the performer calls it."""
        ...

    @property
    def heard(self) -> Heard:
        """What the newest samples say."""
        ...

    @property
    def lost(self) -> str | None:
        """Why it ended by itself, in one line; None while it goes on."""

    def close(self) -> None:
        """Listen no more."""


def open_sound(wanted: str) -> Sound:
    """`default`, an input's name or number, or `file:PATH`. Blocks; raises `SoundError`."""
    if wanted.startswith(FILE):
        return SoundFile(Path(wanted.removeprefix(FILE)))
    return SoundInput(wanted)


class SoundInput:
    """An input through PortAudio, which calls back on a thread of its own."""

    def __init__(self, wanted: str) -> None:
        library = _portaudio()
        chosen: int | str | None = int(wanted) if wanted.isdecimal() else wanted
        try:
            told = library.query_devices(None if chosen == "default" else chosen, "input")
            rate, channels = told["default_samplerate"], min(2, told["max_input_channels"])
            self.name = str(told["name"])
            self._hearing = Hearing(rate)
            self._fed_s = time.monotonic()
            self._stream: Any = library.InputStream(
                device=told["index"],
                samplerate=rate,
                channels=channels,
                dtype="float32",
                latency="low",
                callback=self._feed,
            )
        except (ValueError, OverflowError, library.PortAudioError) as error:
            raise SoundError(_no_input(library, wanted, error)) from error
        try:
            self._stream.start()
        except library.PortAudioError as error:
            self.close()
            raise SoundError(_no_input(library, wanted, error)) from error

    def _feed(self, samples: NDArray[np.float32], *_told: object) -> None:
        self._hearing.feed(samples.mean(axis=1))
        self._fed_s = time.monotonic()

    @property
    def heard(self) -> Heard:
        return self._hearing.heard

    @property
    def lost(self) -> str | None:
        if self._stream.active and time.monotonic() - self._fed_s < SILENT_S:
            return None
        return f"{self.name} gives no more sound"

    def close(self) -> None:
        self._stream.close(ignore_errors=True)


def _portaudio() -> Any:
    """sounddevice, which looks what is plugged in. Raises `SoundError` where it is not there.

    (Typed as Any: the package is an extra, and types must hold without it.)
    """
    try:
        metadata.version("sounddevice")
        library: Any = import_module("sounddevice")
        # PortAudio looks once, when it begins; nothing of ours is open now
        library._terminate()
        library._initialize()
    except metadata.PackageNotFoundError:
        raise SoundError(MISSING) from None
    except OSError as error:
        what = "PortAudio is not on this machine; install it (Debian: libportaudio2)"
        raise SoundError(what) from error
    except Exception as error:  # its own error class is only there where it could be imported
        raise SoundError(f"PortAudio does not start: {_line(error)}") from error
    return library


def _no_input(library: Any, wanted: str, error: Exception) -> str:
    try:
        found = [told["name"] for told in library.query_devices() if told["max_input_channels"]]
    except library.PortAudioError:
        found = []
    if not found:
        return "this machine has no sound input; plug one in, or listen to a file: file:PATH"
    inputs = ", ".join(map(repr, found))
    return f"input {wanted!r} cannot be opened: {_line(error)}; inputs here: {inputs}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


class SoundFile:
    """A file that FFmpeg can read, in its own time, round and round; nothing is played aloud."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.lost: str | None = None
        self._path = path
        self._hearing = Hearing(FILE_RATE)
        self._end = threading.Event()
        blocks = read_blocks(path)
        first = next(blocks, None)  # here, so that who opens it hears what is wrong with it
        if first is None:
            raise SoundError(f"{path} {_NO_SOUND}")
        blocks.close()
        self._thread = threading.Thread(target=self._run, name="sound file", daemon=True)
        self._thread.start()

    @property
    def heard(self) -> Heard:
        return self._hearing.heard

    def _run(self) -> None:
        due_s = time.monotonic()
        try:
            while not self._end.is_set():
                silent = True  # until it gives a block: going round without any would take a core
                for block in read_blocks(self._path):
                    silent = False
                    due_s += len(block) / FILE_RATE
                    if self._end.wait(max(0.0, due_s - time.monotonic())):
                        return
                    self._hearing.feed(block)
                if silent:
                    raise SoundError(f"{self.name} {_NO_SOUND}")
        except SoundError as error:
            self.lost = str(error)
        except Exception as error:  # a decoder's own; who listens must hear that it is over
            self.lost = f"{self.name} cannot be read on: {_line(error)}"

    def close(self) -> None:
        self._end.set()
        self._thread.join()


def read_blocks(path: Path) -> Generator[Samples]:
    """The file's sound as one channel at `FILE_RATE`, a block at a time.

    Raises `SoundError` where there is nothing to read, or nothing that is sound.
    """
    options = {"protocol_whitelist": "file"}  # a file, and no list that leads elsewhere
    try:
        with av.open(f"file:{path}", options=options) as container:
            if not container.streams.audio:
                raise SoundError(f"{path} {_NO_SOUND}")
            resampler, form = None, None
            for frame in container.decode(container.streams.audio[0]):
                told = (frame.format.name, frame.layout.name, frame.sample_rate)
                if resampler is None or told != form:  # files that were joined change in the middle
                    resampler = av.AudioResampler(format="flt", layout="mono", rate=FILE_RATE)
                    form = told
                for part in resampler.resample(frame):
                    yield part.to_ndarray().reshape(-1).astype(np.float32)
    except FileNotFoundError as error:
        raise SoundError(f"there is no sound file {path}; check the path") from error
    except InvalidDataError as error:
        raise SoundError(f"{path} {_NO_SOUND}") from error
    except (FFmpegError, OSError) as error:
        raise SoundError(f"{path} cannot be read: {error.strerror or _line(error)}") from error
