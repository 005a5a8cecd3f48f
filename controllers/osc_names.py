"""What the show says, for the wire: files by their names, without this machine's folders.

The terminal and the log keep the whole path. Whoever plays from elsewhere has no use for it, and it
tells who works on this machine and where.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

MAX_CHARS: Final = 4000
"""Longer texts are cut before they are looked through; what leaves is shorter still."""

_BEGINS: Final = r"(?:~[\\/]|/(?!artflow/)(?=[^\s/]+/)|[A-Za-z]:[\\/](?!/)|\\\\)"
"""Of the home, absolute (but not an OSC address of ours), on a drive, on another machine."""
_WORD: Final = r"[^\s'\",;()\[\]]"
_PATHS: Final = re.compile(
    # in quotes to their end; bare to the next space, and on where a folder's name held that space
    # (after a colon it did not: what follows a file and its line is what is wrong there)
    rf"(?<=')(?:{_BEGINS})[^']+(?=')"
    rf'|(?<=")(?:{_BEGINS})[^"]+(?=")'
    rf"|(?<![\w/\\.~-]){_BEGINS}{_WORD}*(?:(?<!:) {_WORD}*[\\/]{_WORD}*)*"
)


def without_folders(text: str) -> str:
    """`text` with the last name of every path in it: `no /home/me/loras/a.yaml` -> `no a.yaml`."""
    if "/" not in text and "\\" not in text:
        return text
    text = text[:MAX_CHARS]
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~")  # whose name may hold a space
    return _PATHS.sub(lambda path: _last(path[0]), text)


def _last(path: str) -> str:
    parts = [part for part in re.split(r"[\\/]+", path) if part]
    return parts[-1] if parts else path
