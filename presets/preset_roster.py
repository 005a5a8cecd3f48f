"""The roster: every preset the show knows, and what each is to the model that runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from engine.controls import Controls, Value
from engine.mixing import LoraFile
from presets import library
from presets.catalogue import Catalogue, Preset, PresetError, Variant
from presets.kept import of_variant
from presets.library import News
from presets.models import ModelChoice
from presets.part_file import part_path
from presets.preset_controls import control, rows
from presets.preset_progress import MB
from presets.preset_states import FETCHING, PLAYABLE
from presets.wanted import Wanted
from presets.wanting import LORAS, wanted_preset


class Shelf(Protocol):
    """As `presets.library.Library`; `rescan` and `delete` block and raise `PresetError`."""

    @property
    def snapshot(self) -> library.Snapshot: ...
    def path(self, variant: Variant) -> Path: ...
    def rescan(self) -> News: ...
    def delete(self, id: str, in_use: Callable[[str], bool]) -> object: ...
    async def watch(self, on_news: Callable[[News], None]) -> None: ...


class Roster:
    """Knows presets by id, in the order of the list; one that was known once keeps its place.

    `model` is the one that runs. `fetched` holds, by id, the base of what was just installed, which
    counts as here before the library has seen it.
    """

    def __init__(self, shelf: Shelf, model: ModelChoice, data: Path) -> None:
        self.model = model
        self.presets: dict[str, Preset] = {}  # also those whose file is gone
        self.fetched: dict[str, str] = {}
        self._files: dict[str, LoraFile] = {}
        self._shelf = shelf
        self._data = data

    @property
    def ids(self) -> tuple[str, ...]:
        """A number where an id is asked for means the one at that place."""
        return tuple(self.presets)

    @property
    def catalogue(self) -> Catalogue:
        """What there is now."""
        return self._shelf.snapshot.catalogue

    def declare(self, controls: Controls, refusal: Callable[[str], str]) -> None:
        """Give those that are new their controls, and publish what each is to the model.

        `refusal(id)` says why its weight cannot be set, "" where it can.
        """
        new = {id for id in self.catalogue.ids() if id not in self.presets}
        for preset in self.catalogue.presets:
            if preset.id in new:
                controls.declare(*rows(preset, lambda id=preset.id: refusal(id)))  # type: ignore[misc]
            self.presets[preset.id] = preset
        for preset in self.presets.values():
            fitting = self.variant(preset.id)
            size = (fitting.size or fitting.about_bytes or 0) if fitting else 0
            facts: dict[str, Value] = {
                "name": preset.name,
                "kind": preset.kind,
                "base": fitting.base if fitting else "/".join(preset.bases),
                "fits": int(fitting is not None),
            }
            before = [controls.get(control(preset.id, each)) for each in ("base", "total-mb")]
            another = before[0] != facts["base"]
            if another or not before[1]:  # else a download knows it best
                facts["total-mb"] = size / MB
            state = str(controls.get(control(preset.id, "state")))
            whole = controls.get(control(preset.id, "progress")) == 1.0
            if state not in FETCHING:
                facts |= self._arrived(preset.id, state, whole, anew=another or preset.id in new)
            for aspect, value in facts.items():
                controls.publish(control(preset.id, aspect), value)

    def _arrived(self, id: str, state: str, whole: bool, *, anew: bool) -> dict[str, Value]:
        """What of it has arrived, and of how much, where that is not told yet.

        `state` is what was told last, `whole` that all of it was here; `anew`: nothing was told of
        the file that is meant now. What a download has told stands, also after its end.
        """
        if self.on_disk(id):
            if not (anew or whole or state not in PLAYABLE):
                return {}  # its last word is on its way
            size = self._size_here(id)
            return {"progress": 1.0, "mb": size / MB, **({"total-mb": size / MB} if size else {})}
        if not (anew or (whole and state not in ("loading", "active"))):
            return {}
        variant = self.variant(id)
        kept = of_variant(self._data / LORAS, variant) if variant else None
        if kept is None or not kept.goes_on:
            return {"progress": 0.0, "mb": 0.0}
        return {"progress": kept.share, "mb": kept.received / MB}

    def _size_here(self, id: str) -> int:
        """Bytes of the file that is here: the one for the running model, or else the first."""
        snapshot, fitting = self._shelf.snapshot, self.variant(id)
        for variant in (fitting,) if fitting else self._present(self.presets[id]):
            file = (snapshot.bundled if variant.bundled else snapshot.files).get(variant.filename)
            if file is not None:
                return file.stamp.size
        return fitting.size or 0 if fitting else 0  # fetched, and not looked at yet

    def known(self, id: str) -> Preset:
        """Raises `PresetError`: no such preset, or its file is gone."""
        return self.catalogue.preset(id)

    def of_kind(self, kind: str) -> list[str]:
        return [id for id, preset in self.presets.items() if preset.kind == kind]

    def variant(self, id: str) -> Variant | None:
        """What of it plays on the running model."""
        return self.presets[id].variant(self.model.base)

    def file(self, id: str) -> LoraFile | None:
        """What the painter shall have of it: the file that is here, or the last one that was.

        That it may have in memory still, when an entry names another that is not here yet.
        """
        variant = self.variant(id)
        if variant is None:
            return None
        before = self._files.get(id)
        if before is None or before.base != variant.base or self.here(id):
            self._files[id] = LoraFile(str(self._shelf.path(variant)), variant.base)
        return self._files[id]

    def here(self, id: str) -> bool:
        """Whether it can play on the running model without fetching anything."""
        ready = self._shelf.snapshot.ready(id, self.model.base)
        return ready or self.fetched.get(id) == self.model.base

    def on_disk(self, id: str) -> bool:
        """Whether it is here, be it for another model: where it has no file for this one."""
        preset, snapshot = self.catalogue.get(id), self._shelf.snapshot
        if preset is None or self.variant(id) is not None:
            return self.here(id)
        return any(snapshot.ready(id, base) for base in preset.bases)

    def stays(self, id: str) -> bool:
        """Whether the file that plays, or else all that is here of it, is part of the program."""
        preset = self.catalogue.get(id)
        if preset is None:
            return False
        fitting = preset.variant(self.model.base)
        here = (fitting,) if fitting else self._present(preset)
        return bool(here) and all(variant.bundled for variant in here)

    def _present(self, preset: Preset) -> tuple[Variant, ...]:
        """Those of its files that lie on this disk, for whichever model."""
        status = self._shelf.snapshot.status
        return tuple(each for each in preset.variants if status(each) != "absent")

    def undeletable(self, id: str) -> str:
        """Why nothing of a bundled preset can be deleted, by a cheap look; "" where it may be."""
        variants = self.presets[id].variants
        if not any(each.bundled for each in variants) or id in self.fetched:
            return ""
        # also what has come since the last look, and what is kept of a download
        files = [self._shelf.path(each) for each in variants if not each.bundled]
        if any(os.path.lexists(path) or os.path.lexists(part_path(path)) for path in files):
            return ""
        return f"{id} comes with the program and stays"

    def seen(self, fetched: Mapping[str, str]) -> None:
        """The library has seen what was `fetched` before it looked."""
        for id, base in fetched.items():
            if self.fetched.get(id) == base:
                del self.fetched[id]

    def installed(self) -> list[str]:
        """The styles that are here, in the catalogue's order."""
        return [each.id for each in self.catalogue.fitting(self.model.base) if self.here(each.id)]

    def fitting(self) -> str:
        """The ids of the styles for the running model, in a line."""
        return ", ".join(each.id for each in self.catalogue.fitting(self.model.base)) or "none yet"

    def trouble(self, id: str) -> str:
        """Why a file that lies there cannot be used; "" for any other."""
        variant, snapshot = self.variant(id), self._shelf.snapshot
        if variant is None or id in self.fetched or snapshot.status(variant) != "wrong":
            return ""
        told = snapshot.troubles.get(variant.filename, f"{variant.filename} cannot be used")
        return f"{told}; preset/delete {id} makes room for it" if variant.mirrors else told

    def check_fit(self, id: str) -> None:
        """Raises `PresetError`: unknown, or made for another base; then it says what does fit."""
        self.catalogue.resolve(id, self.model.base, self.model.id)

    def misfit(self, id: str) -> str:
        preset = self.presets[id]
        return self.catalogue.misfit(preset, preset.bases, self.model.base, self.model.id)

    def absence(self, id: str) -> str:
        """Why it cannot be played as things are, and what to do; "" where it can."""
        if self.here(id):
            return ""
        try:
            self.check_fit(id)
        except PresetError as error:
            return str(error)
        return self.trouble(id) or (
            f"{id} is not on this disk; preset/load {id} fetches it and fades it in"
        )

    def wanted(self, id: str, mirror: int | None = None) -> Wanted:
        """What to fetch, from `mirror` (from 0) first. Raises `PresetError`: not to be had."""
        if trouble := self.trouble(id):
            raise PresetError(trouble)
        wanted = wanted_preset(
            self.catalogue,
            id,
            self.model.base,
            self._data,
            model=self.model.id,
            first_mirror=mirror,
        )
        count = len(wanted.files[0].mirrors)
        if mirror is not None and not 0 <= mirror < count:
            raise PresetError(f"{id} has no mirror {mirror}; allowed: 0 to {count - 1}")
        return wanted
