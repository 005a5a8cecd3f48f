"""Plain names: what a performer may call a file, on any system and over any wire."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Final

from engine.errors import SettingError

MAX_NAME: Final = 100
_MAX_NAME_BYTES: Final = 200  # file systems count bytes, and a suffix has to fit too
_REFUSED: Final = frozenset('/\\:*?"<>|')  # separators, and what Windows cannot store
_NEVER: Final = ("Cc", "Cs", "Zl", "Zp")


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
    if not can_be_said(stem):
        return "it contains a control character"
    if len(stem.encode()) > _MAX_NAME_BYTES:
        return f"it has over {_MAX_NAME_BYTES} bytes"
    if not stem or stem.startswith(".") or stem.endswith("."):
        return "it is empty or has a dot at its start or end"
    return ""


def can_be_said(name: str) -> bool:
    """Whether a wire can carry it: no control characters, no half of a pair, no line's end.

    (What joins the parts of an emoji is no control character.)
    """
    return not any(unicodedata.category(each) in _NEVER for each in name)
