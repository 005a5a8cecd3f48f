"""What lies in the system's shared memory by name, and whose it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FOLDER = Path("/dev/shm")
JACK = "jack"
"""What JACK's server and its clients' libraries keep there begins so: theirs to remove."""


def names() -> set[str]:
    return {path.name for path in FOLDER.iterdir()} if FOLDER.is_dir() else set()


def left_since(before: Iterable[str]) -> set[str]:
    """Names that are new, but for those of other programs, which come and go beside the tests:
    what is left behind is held by nobody who lives.
    """
    new = {name for name in names() - set(before) if not name.startswith(JACK)}
    return {name for name in new if not _held(name)} if new else new


def _held(name: str) -> bool:
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            if f"{FOLDER}/{name}\n" in maps.read_text(errors="replace"):
                return True
        except OSError:  # it is gone, or not ours to look into
            continue
    return False
