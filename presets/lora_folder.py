"""What lies in a folder of LoRA files: found by one look, read once, told in one line each.

A look is one `scandir` and a `stat` a file; a file's header is read when its size or date is new.
Everything here may block: call it in a worker thread.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import LoraError
from engine.logs import one_line
from engine.lora_format import read_lora
from engine.painter.model_files import PICKLES
from presets.catalogue import RESERVED_IDS, Preset, Variant
from presets.entry_readers import SUFFIX, is_file_name

MAX_ID: Final = 64


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file does. `size` in bytes."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A file of the folder. `trouble` is "" for one that can be mixed, else why not."""

    name: str
    stamp: Stamp
    base: str = ""
    title: str = ""
    triggers: tuple[str, ...] = ()
    trouble: str = ""


Look = Mapping[str, Stamp]
"""Names and stamps of the files that may be LoRAs, pickles among them."""


def look(folder: Path) -> Look:
    """What is there now; nothing where there is no folder. Raises `OSError`."""
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not _is_ours(entry.name):
                    continue
                try:
                    if entry.is_file():
                        status = entry.stat()
                        found[entry.name] = Stamp(status.st_size, status.st_mtime_ns)
                except OSError:  # gone between the two, or a link to nowhere
                    continue
    except FileNotFoundError:
        return {}
    return dict(sorted(found.items()))


def _is_ours(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in (SUFFIX, *PICKLES)


class HeaderCache:
    """Reads the headers of a folder's files, each once for as long as it does not change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str | None], OnDisk] = {}

    def read(self, seen: Look, base_of: Callable[[str], str | None]) -> dict[str, OnDisk]:
        """What each file is. `base_of(name)` is what its entry says, None where it has none."""
        files = {}
        for name, stamp in seen.items():
            key = name, base_of(name)
            file = self._known.get(key)
            if file is None or file.stamp != stamp:
                file = _read(self._folder / name, stamp, key[1])
            files[key] = file
        self._known = files
        return {file.name: file for file in files.values()}


def _read(path: Path, stamp: Stamp, base: str | None) -> OnDisk:
    suffix = path.suffix.lower()
    if suffix != SUFFIX:
        return OnDisk(
            path.name,
            stamp,
            trouble=one_line(
                f"'{path.name}' is a pickle ({suffix}), which can run code and is never loaded; "
                f"get the {SUFFIX} file"
            ),
        )
    if not path.name.endswith(SUFFIX) or not is_file_name(path.name):
        told = one_line(f"'{path.name}' has a name that is not usable everywhere; rename it")
        return OnDisk(path.name, stamp, trouble=told)
    try:
        lora = read_lora(path, base=base)
    except LoraError as error:
        return OnDisk(path.name, stamp, trouble=str(error))
    return OnDisk(path.name, stamp, lora.base, lora.title, lora.triggers)


def generated(files: Iterable[OnDisk], taken: Iterable[str], given: dict[str, str]) -> list[Preset]:
    """Entries for files that no catalogue names, one each.

    Ids come from the names, made legal and unlike those `taken`. `given` holds the ids by name that
    were given before, so that they stay, and is added to.
    """
    used = {*taken, *RESERVED_IDS}
    presets = []
    for file in files:
        if file.trouble:
            continue
        id = given.get(file.name, "")
        if not id or id in used:
            id = _free(legal_id(file.name), used | set(given.values()))
            given[file.name] = id
        used.add(id)
        variant = Variant(
            base=file.base,
            file=file.name,
            about_bytes=file.stamp.size,
            triggers=file.triggers,
        )
        name = file.title or file.name.removesuffix(SUFFIX)
        presets.append(
            Preset(
                id=id,
                name=name,
                variants=(variant,),
                description="a file copied in by hand",
                tags=("by-hand",),
                origin=Path(file.name),
            )
        )
    return presets


def legal_id(name: str) -> str:
    """A legal id that reads like the file's name."""
    # letters with marks (Löve) keep the letter: NFKD takes the mark off it
    stem = unicodedata.normalize("NFKD", name.removesuffix(SUFFIX)).lower()
    stem = "".join(letter for letter in stem if not unicodedata.combining(letter))
    return re.sub("[^a-z0-9]+", "-", stem)[:MAX_ID].strip("-") or "lora"


def _free(id: str, used: set[str]) -> str:
    number, candidate = 1, id
    while candidate in used:
        number += 1
        end = f"-{number}"
        candidate = f"{id[: MAX_ID - len(end)].rstrip('-')}{end}"
    return candidate
