"""The catalogues of a data folder, read once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from presets.catalogue import Catalogue
from presets.catalogues import Catalogues


def load_catalogue(data: Path, more: Iterable[Path] = ()) -> tuple[Catalogue, list[str]]:
    """The catalogue, and what is wrong with it."""
    files = Catalogues(data, more)
    catalogue, problems = files.read(files.look())
    return catalogue, list(problems)
