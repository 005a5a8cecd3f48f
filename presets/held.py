"""Held: what the painter was told to have of each preset, and whether its file is still that one.

A file is read once and then played from memory. When another one is copied over it, or it is
deleted, or its entry names another, the painter's is outdated: it plays on until it is out of the
mix, so that nothing jumps, and is forgotten then.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import NamedTuple

from engine.mixing import LoraFile, Mix
from presets.lora_folder import Stamp
from presets.preset_roster import Roster, Shelf


class _Told(NamedTuple):
    """What the painter was told, and the stamp of the file then; None: not looked at yet."""

    file: LoraFile
    stamp: Stamp | None


class Held:
    """`outdated` are the ids of what the painter was told that is not what is on the disk now."""

    def __init__(self, roster: Roster, shelf: Shelf) -> None:
        self.outdated: set[str] = set()
        self._roster, self._shelf = roster, shelf
        self._told: dict[str, _Told] = {}

    def tell(self, mix: Mix, staged: Container[str]) -> Mix:
        """The mix as the painter is told it: of what it has, that file and no other.

        Another is told once the one before is forgotten, or is of another base.
        """
        for id, file in mix.files.items():
            before = self._told.get(id)
            if before is None or before.file != file._replace(path=before.file.path):
                self._told[id] = _Told(file, self._stamp(id))
                self.outdated.discard(id)
        for id in [id for id in self._told if id not in mix.files and id not in staged]:
            self.forget(id)
        return replace(mix, files={id: self._told[id].file for id in mix.files})

    def look(self) -> None:
        """The library has looked again."""
        for id, told in self._told.items():
            if told.stamp is None:  # it had just come when the painter was told of it
                self._told[id] = told._replace(stamp=self._stamp(id))
        self.outdated = {id for id, told in self._told.items() if self._differs(id, told)}

    def forget(self, id: str) -> None:
        """The painter is told to: what it is told next is what is there then."""
        self._told.pop(id, None)
        self.outdated.discard(id)

    def _differs(self, id: str, told: _Told) -> bool:
        now = self._roster.file(id) if self._roster.here(id) else None
        return now is None or now.path != told.file.path or self._stamp(id) != told.stamp

    def _stamp(self, id: str) -> Stamp | None:
        variant = self._roster.variant(id)
        return self._shelf.snapshot.stamp(variant) if variant else None
