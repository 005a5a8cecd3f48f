"""Files of recordings and snapshots: none is ever overwritten."""

from __future__ import annotations

import itertools
from pathlib import Path


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
