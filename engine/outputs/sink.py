"""The file a recording is written to, between the encoder and a disk that may fail."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import Final

_BOX: Final = struct.Struct(">I4s")
_LONG: Final = struct.Struct(">Q")


class Sink:
    """An existing file, as PyAV wants to write it; disk errors are kept for `check`.

    The encoder never hears of them: ffmpeg 8.1 crashes on some, and after the first one its last
    corrections must not reach the fragments that are on the disk already. So from then on nothing
    is written, and `close` cuts off what was written in part.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("r+b", buffering=0)
        self._at = self._end = 0
        self._error: OSError | None = None

    def check(self) -> None:
        """Raises the first OSError there was."""
        if self._error is not None:
            raise self._error

    # what PyAV asks of a file

    def write(self, data: bytes) -> int:
        if self._error is None:
            try:
                self._file.seek(self._at)
                rest = memoryview(data)
                while rest:
                    rest = rest[self._file.write(rest) :]
            except OSError as error:
                self._error = error
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._end}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        try:
            if self._error is not None:
                self._file.truncate(_whole_fragments(self._file))
        finally:
            self._file.close()


def _whole_fragments(file: io.FileIO) -> int:
    """Where the last complete fragment of an mp4 ends: a moof box together with its mdat.

    Box sizes: ISO/IEC 14496-12, 4.2.
    """
    size = file.seek(0, os.SEEK_END)
    at = whole = 0
    while at + _BOX.size <= size:
        file.seek(at)
        length, kind = _BOX.unpack(file.read(_BOX.size))
        if length == 1 and at + 16 <= size:
            (length,) = _LONG.unpack(file.read(_LONG.size))
        if length < _BOX.size or at + length > size:
            break
        at += length
        if kind != b"moof":
            whole = at
    return whole
