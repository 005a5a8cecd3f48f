"""Snapshots: what the audience sees as a PNG that carries the settings it was made with."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from engine.errors import OutputError
from engine.latest import Frame, Picture
from engine.outputs.names import free_paths, reserve
from engine.plain_names import plain_name

KEYWORD: Final = "artflow"
"""The PNG text entry that holds the settings, as one JSON object."""

SOFTWARE: Final = "ArtFlow Live"
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_RGB: Final = 2
_UP: Final = 2  # the filter type that stores each row as its difference from the row above
_COMPRESSION: Final = 4  # a third of the default's time for a file a few per cent larger


def save_snapshot(
    frame: Frame, settings: Mapping[str, object], folder: Path, name: str | None = None
) -> Path:
    """Write `frame` as `folder`/NAME.png with `settings` inside, whole or not at all.

    Never overwrites: a taken name gets "-2" and so on. Raises `SettingError` for a name that is
    not plain, `OutputError` where nothing can be written.
    """
    stem = plain_name(name, ".png")
    data = png(frame.picture, settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.chmod(temporary, 0o644)  # mkstemp's are for the owner only
            return _move(Path(temporary), folder, stem)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"no snapshot in {folder}: {reason}; make room or choose another --data folder"
        ) from error


def _move(temporary: Path, folder: Path, stem: str) -> Path:
    for path in free_paths(folder, stem, ".png"):
        try:
            os.link(temporary, path)
        except FileExistsError:
            continue
        except OSError:
            break  # a file system without hard links
        return path
    path = reserve(folder, stem, ".png")
    os.replace(temporary, path)
    return path


def png(picture: Picture, settings: Mapping[str, object]) -> bytes:
    """`picture` (RGB uint8) as a PNG file (W3C PNG, third edition) with the settings as text."""
    height, width, _ = picture.shape
    rows = np.ascontiguousarray(picture).reshape(height, width * 3)
    filtered = np.empty((height, 1 + width * 3), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])  # modulo 256, as the filter wants
    text = json.dumps(dict(settings), ensure_ascii=False, sort_keys=True)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _RGB, 0, 0, 0)),
            _chunk(b"sRGB", b"\0"),
            _chunk(b"tEXt", b"Software\0" + SOFTWARE.encode("latin-1")),
            # iTXt: keyword, uncompressed, no language, no translated keyword, UTF-8 text
            _chunk(b"iTXt", KEYWORD.encode() + b"\0\0\0\0\0" + text.encode("utf-8", "replace")),
            _chunk(b"IDAT", zlib.compress(filtered.tobytes(), _COMPRESSION)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(body, zlib.crc32(kind))
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)
