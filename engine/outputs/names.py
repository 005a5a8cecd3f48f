"""Names of recordings and snapshots: plain names only, and no file is ever overwritten."""

from __future__ import annotations

import itertools
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Final

from engine.errors import SettingError

MAX_NAME: Final = 100
_MAX_NAME_BYTES: Final = 200  # file systems count bytes, and a suffix has to fit too
_REFUSED: Final = frozenset('/\\:*?"<>|')  # separators, and what Windows cannot store


def plain_name(name: str | None, suffix: str, now: datetime | None = None) -> str:
    """The stem of the file that `name` asks for; date and time where it asks for nothing.

    A `suffix` (such as ".mp4") that was typed along is dropped. Raises `SettingError` for anything
    that is not a plain name: nothing on the wire names a path.
    """
    if not name or not name.strip():
        return (now or datetime.now()).strftime("%Y-%m-%d %H.%M.%S")
    stem = name.strip()
    if stem.lower().endswith(suffix):
        stem = stem[: -len(suffix)].rstrip()
    problem = _problem(stem)
    if problem:
        shown = name if len(name) <= 40 else name[:40] + "..."
        raise SettingError(f"{shown!r} cannot be a file name: {problem}; use a plain name")
    return stem


def _problem(stem: str) -> str:
    if len(stem) > MAX_NAME:
        return f"it has {len(stem)} characters, at most {MAX_NAME} are allowed"
    refused = sorted(_REFUSED.intersection(stem))
    if refused:
        return f"it contains {refused[0]!r}"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in stem):
        return "it contains a control character"
    if len(stem.encode()) > _MAX_NAME_BYTES:
        return f"it has over {_MAX_NAME_BYTES} bytes"
    if not stem or stem.startswith(".") or stem.endswith("."):
        return "it is empty or has a dot at its start or end"
    return ""


def free_paths(folder: Path, stem: str, suffix: str) -> itertools.chain[Path]:
    """NAME, NAME-2, NAME-3 ... in `folder`: to be tried until one can be created anew."""
    return itertools.chain(
        [folder / f"{stem}{suffix}"],
        (folder / f"{stem}-{count}{suffix}" for count in itertools.count(2)),
    )


def reserve(folder: Path, stem: str, suffix: str) -> Path:
    """Create the first free one of `free_paths` as an empty file; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in free_paths(folder, stem, suffix):
        try:
            path.open("xb").close()
        except FileExistsError:
            continue
        return path
    raise AssertionError("counting never ends")  # pragma: no cover
