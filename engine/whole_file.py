"""A file that stands written whole or not at all, even if the power goes."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` in the place of what stood at `path`; makes the folder. Raises `OSError`.

    Until it is all on the disk what stood there stays, and nothing else is left behind.
    """
    part = path.with_name(f".{path.stem[:40]}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
