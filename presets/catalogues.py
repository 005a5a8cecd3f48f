"""The catalogues on top of one another: the bundled one, the data folder's own, those named beside.

Each file is read when it has changed. One that can no longer be read keeps the entries that it had:
a slip while the show runs takes nothing away.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from engine.errors import SettingError
from engine.option_readers import shown
from presets.catalogue import BUNDLED_CATALOGUE, Catalogue
from presets.catalogue_file import CatalogueFile, read_catalogue

USER_CATALOGUE: Final = "presets.yaml"
"""In the data folder: a user's own entries."""

HIDES: Final = "which hides that of"
"""Stands in a line that tells of an entry that counts all the same."""

Version = tuple[int, ...]
"""What is another when a file's content is; () where there is no file."""
Versions = tuple[Version, ...]


class Catalogues:
    """The catalogue files of a data folder and those of `more`, the later over the earlier.

    Everything here may block: call it in a worker thread.
    """

    def __init__(self, data: Path, more: Iterable[Path] = ()) -> None:
        self._bundled = _Layer(BUNDLED_CATALOGUE)
        self._layers = [_Layer(data / USER_CATALOGUE, optional=True), *map(_Layer, more)]

    def look(self) -> Versions:
        """How the files stand now, a stat for each."""
        return tuple(_version(layer.path) for layer in self._layers)

    def read(
        self, versions: Versions, here: Container[str] = (), *, anew: bool = False
    ) -> tuple[Catalogue, tuple[str, ...]]:
        """All that they say at these versions, and what is wrong: told once for each version.

        `here` are the names of the files in the LoRA folder, which need no mirror. `anew`: read
        those, too, that look unchanged.
        """
        problems = list(self._bundled.read((0,), here))  # part of the program: read once
        catalogue = Catalogue(self._bundled.file.presets)
        for layer, version in zip(self._layers, versions, strict=True):
            problems += layer.read(version, here, anew=anew)
            problems += layer.hiding(catalogue, here)
            catalogue = catalogue.over(layer.file.presets)
        return catalogue, tuple(problems)


class _Layer:
    """One file, and what stood in it when it could last be read. `optional`: it need not be."""

    def __init__(self, path: Path, *, optional: bool = False) -> None:
        self.path = path
        self.file = CatalogueFile()
        self._optional = optional
        self._version: Version | None = None
        self._hiding: tuple[str, ...] = ()

    def read(
        self, version: Version, here: Container[str], *, anew: bool = False
    ) -> tuple[str, ...]:
        """Read it if that may show something new; the lines to tell of it."""
        before, known = self.file.problems, version == self._version
        if known and not anew and not any(name in here for name in self.file.lacking):
            return ()
        self._version = version
        if not known:
            self._hiding = ()
        try:
            missing = self._optional and not version
            self.file = CatalogueFile() if missing else read_catalogue(self.path, here)
        except SettingError as error:
            stay = "; the entries that it had stay" * bool(self.file.presets)
            problems = (f"{error}{stay}",)
            self.file = replace(self.file, problems=problems)
        return tuple(line for line in self.file.problems if not (known and line in before))

    def hiding(self, below: Catalogue, here: Container[str]) -> tuple[str, ...]:
        """The lines to tell of entries that take another's place and cannot play: once each."""
        before = self._hiding
        self._hiding = tuple(
            f"{self.file.places[preset.id]}: {shown(preset.id)} has no mirrors, and "
            f"the LoRA folder has no {' nor '.join(shown(each.file) for each in preset.variants)}; "
            f"copy it there, add mirrors: or remove the entry, {HIDES} {hidden.origin.name}"
            for preset in self.file.presets
            if (hidden := below.get(preset.id)) is not None
            and not any(
                each.bundled or each.mirrors or each.file in here for each in preset.variants
            )
        )
        return tuple(line for line in self._hiding if line not in before)


def _version(path: Path) -> Version:
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (OSError, ValueError):  # reading it will say what is the matter
        return (-1,)
    # its number, too: another file may be put in its place with the same date
    return status.st_size, status.st_mtime_ns, status.st_ino
