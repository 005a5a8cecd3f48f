"""The library: which presets are on this disk, whether they are whole, and their removal.

Readers get snapshots; one at a time makes a new one (`rescan`). Files copied in by hand are found
and get an entry made from their header, or a reason why not. The catalogues are read again, too.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

import trio

from engine.logs import one_line
from presets.catalogue import HERE, Catalogue, Preset, PresetError, Variant
from presets.catalogues import Catalogues, Versions
from presets.lora_folder import HeaderCache, Look, OnDisk, Stamp, generated, look
from presets.models import taken_ids
from presets.part_file import Lock, Tell, clear, lock_path, part_path, read_through
from presets.verdict import Known, Verdict, judged

log = logging.getLogger(__name__)

LORAS: Final = "loras"
WATCH_EVERY_S: Final = 3.0

Status = Literal["bundled", "installed", "absent", "wrong"]
"""wrong: a file of that name is there, but it cannot be the one; the snapshot's `troubles` say
why."""
InUse = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is here. `catalogue` has the entries of files copied in by hand at its end.

    `files` and `bundled` are by name; `troubles` say in a line each what cannot be used and why.
    """

    catalogue: Catalogue = field(default_factory=Catalogue)
    files: Mapping[str, OnDisk] = field(default_factory=dict)
    bundled: Mapping[str, OnDisk] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)

    def status(self, variant: Variant) -> Status:
        """Judged by presence, size and header; `Library.verify` reads it all."""
        file = self._file(variant)
        if file is None:
            return "absent"
        if variant.filename in self.troubles or _misfit(variant, file):
            return "wrong"
        return "bundled" if variant.bundled else "installed"

    def stamp(self, variant: Variant) -> Stamp | None:
        """What is another when its file is another; None where none is here."""
        file = self._file(variant)
        return file.stamp if file else None

    def _file(self, variant: Variant) -> OnDisk | None:
        return (self.bundled if variant.bundled else self.files).get(variant.filename)

    def ready(self, id: str, base: str) -> bool:
        """Whether this preset can play on a model of this base without fetching anything."""
        preset = self.catalogue.get(id)
        variant = preset.variant(base) if preset else None
        return variant is not None and self.status(variant) in ("bundled", "installed")


@dataclass(frozen=True, slots=True)
class News:
    """What a look found anew: ids, and lines on files and entries that cannot be used.

    `added` and `removed` have a file more or less, or came and went altogether; of the others,
    `changed` have another entry, or another file in the place of one.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.troubles)


class _Seen(NamedTuple):
    """What one look saw: the files of the folder, and how the catalogues stood."""

    files: Look
    catalogues: Versions


def open_library(data: Path, more: Iterable[Path] = ()) -> tuple[Library, list[str]]:
    """The library of this data folder, looked through once, and all that is wrong: a line each.

    `more` are catalogues on top of the bundled one and the data folder's own. Blocks.
    """
    catalogues = Catalogues(data, more)
    here: Look = {}
    with contextlib.suppress(OSError):  # the look that counts tells of it
        here = look(data / LORAS)
    catalogue, problems = catalogues.read(catalogues.look(), here)
    library = Library(data, catalogue, catalogues=catalogues)
    try:
        troubles = library.rescan(anew=False).troubles
    except PresetError as error:
        troubles = (str(error),)
    return library, [*problems, *troubles]


class Library:
    """The presets of `<data>/loras` and those that come with the program (beside `bundled`).

    `catalogue` is what was written; a snapshot's has the files copied in by hand, too. It is read
    again from `catalogues`, where there are any.
    """

    def __init__(
        self,
        data: Path,
        catalogue: Catalogue,
        bundled: Path = HERE,
        *,
        catalogues: Catalogues | None = None,
    ) -> None:
        self.folder = data / LORAS
        self.snapshot = Snapshot(catalogue)
        self.catalogue = catalogue
        self._bundled = bundled
        self._catalogues = catalogues
        self._headers = HeaderCache(self.folder)
        self._bundled_headers = HeaderCache(bundled / LORAS)
        self._given: dict[str, str] = {}
        self._untold: tuple[str, ...] = ()
        self._seen = _Seen({}, ())
        self._scanning = threading.Lock()

    def path(self, variant: Variant) -> Path:
        """Where its file is, or belongs."""
        return self._bundled / variant.bundled if variant.bundled else self.folder / variant.file

    def rescan(self, *, anew: bool = True) -> News:
        """Look again; files that changed are read anew. Blocks: call it in a worker thread.

        `anew`: catalogues are read in any case. Raises `PresetError` where the folder cannot be
        read; the last snapshot stands.
        """
        with self._scanning:
            return self._read(self._look(), anew=anew)

    def _look(self) -> _Seen:
        try:
            files = look(self.folder)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise PresetError(
                f"{self.folder} cannot be read ({reason}); mend it, or name another --data folder"
            ) from error
        return _Seen(files, self._catalogues.look() if self._catalogues else ())

    def _read(self, seen: _Seen, *, anew: bool = False) -> News:
        wrong: tuple[str, ...] = ()
        if self._catalogues is not None:
            self.catalogue, wrong = self._catalogues.read(seen.catalogues, seen.files, anew=anew)
        entries = self._entries()
        files = self._headers.read(seen.files, lambda name: _base(entries.get(name)))
        shipped = {
            variant.filename: variant.base
            for preset in self.catalogue.presets
            for variant in preset.variants
            if variant.bundled
        }
        with contextlib.suppress(OSError):  # it is part of the program: what is not there is absent
            beside = {n: s for n, s in look(self._bundled / LORAS).items() if n in shipped}
            bundled = self._bundled_headers.read(beside, shipped.get)
        by_hand = [file for name, file in files.items() if name not in entries]
        made = generated(by_hand, (*self.catalogue.ids(), *taken_ids()), self._given)
        troubles = {name: file.trouble for name, file in files.items() if file.trouble}
        for name, variant in entries.items():
            if name in files and name not in troubles:
                misfit = _misfit(variant, files[name])
                troubles |= {name: misfit} if misfit else {}
        troubles |= {name: file.trouble for name, file in bundled.items() if file.trouble}
        before = self.snapshot
        self.snapshot = Snapshot(self.catalogue.over(made), files, bundled, troubles)
        self._seen = seen
        wrong, self._untold = (*self._untold, *wrong), ()
        return _news(before, self.snapshot, wrong)

    def _entries(self) -> dict[str, Variant]:
        return {
            variant.file: variant
            for preset in self.catalogue.presets
            for variant in preset.variants
            if variant.file
        }

    async def watch(
        self, on_news: Callable[[News], Awaitable[None] | None], every_s: float = WATCH_EVERY_S
    ) -> None:
        """Find files and entries as they come and go, until cancelled.

        `on_news` hears of them in this task.
        A file counts once it has stood still from one look to the next: one that is being copied
        would only be called cut short.
        """
        last: _Seen | None = None
        while True:
            await trio.sleep(every_s)
            try:
                news, last = await trio.to_thread.run_sync(self._glance, last)
            except PresetError as error:
                log.warning("%s", error)
                continue
            if news and (answer := on_news(news)) is not None:
                await answer

    def _glance(self, last: _Seen | None) -> tuple[News, _Seen]:
        with self._scanning:
            seen = self._look()
            new = self._untold or seen != self._seen
            return (self._read(seen) if new and seen == last else News()), seen

    def verify(self, preset: Preset, variant: Variant, tell: Tell) -> Verdict:
        """Read all of its file; `tell` hears of the bytes. Blocks.

        Raises `PresetError` where it is not here or cannot be read.
        """
        path = self.path(variant)
        try:
            total, digest = read_through(path, tell)
        except FileNotFoundError as error:
            raise PresetError(f"{preset.id} is not on this disk ({path})") from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise PresetError(f"{preset.id} cannot be read: {reason} ({path})") from error
        name = variant.filename
        seen = (self.snapshot.bundled if variant.bundled else self.snapshot.files).get(name)
        trouble = self.snapshot.troubles.get(name, "")
        # a look has read the header of each file, but not of one that came since
        header = seen is not None and seen.stamp.size == total
        known = Known(variant.sha256, variant.size, header, trouble)
        return judged(preset.id, name, known, total, digest)

    def delete(self, id: str, in_use: InUse, base: str | None = None) -> tuple[Path, ...]:
        """Remove the files of a preset (or only that for `base`), and what is kept of downloads.

        Blocks. Raises `PresetError`: in use, not here, part of the program, or refused by the disk.
        """
        preset = self.snapshot.catalogue.preset(id)
        variants = [each for each in preset.variants if base in (None, each.base)]
        names = {each.file: None for each in variants if each.file}
        for other in self.snapshot.catalogue.presets:
            shares = any(each.file in names for each in other.variants)
            if (shares or other.id == id) and in_use(other.id):
                whose = "" if other.id == id else f" and plays the file of {id}"
                raise PresetError(f"{other.id} is in the mix{whose}; unload it first")
        files = [self.folder / name for name in names]
        with self._scanning:
            removed = tuple(gone for path in files if (gone := self._remove(id, path)))
        if not removed:
            if any(each.bundled for each in variants):
                raise PresetError(f"{id} comes with the program and stays")
            raise PresetError(f"{id} is not on this disk; there is nothing to delete")
        with self._scanning:
            # who hears of the deletion hears of nothing else: that is for the next look
            self._untold = self._read(self._look()).troubles
        return removed

    def _remove(self, id: str, path: Path) -> Path | None:
        """What was removed: the file, or else what was kept of a download."""
        # names are checked where they are read; a link in the folder is removed, not its target
        if path.parent != self.folder or path.name in ("", ".", ".."):
            raise PresetError(f"{id} lies outside of {self.folder} and is not deleted")
        if not self.folder.is_dir():
            return None
        lock = Lock(lock_path(path))
        try:
            if not lock.acquire():
                raise PresetError(f"{id} is being downloaded; cancel that first")
            try:
                part = part_path(path)
                removed = next((each for each in (path, part) if os.path.lexists(each)), None)
                if removed == path:
                    os.unlink(path)
                clear(path)
            finally:
                lock.release()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise PresetError(f"{id} cannot be deleted: {reason} ({path})") from error
        return removed


def _base(variant: Variant | None) -> str | None:
    return variant.base if variant else None


def _misfit(variant: Variant, file: OnDisk) -> str:
    """Why this cannot be the file that the catalogue means, by its size; "" where it can."""
    if variant.size in (None, file.stamp.size):
        return ""
    return one_line(
        f"'{file.name}' has {file.stamp.size} bytes, its entry says {variant.size}; delete it and "
        "fetch it again"
    )


def _news(before: Snapshot, now: Snapshot, wrong: tuple[str, ...]) -> News:
    old, new = set(before.catalogue.ids()), set(now.catalogue.ids())
    was_here, is_here = _here(before), _here(now)
    came = {*new - old, *(id for id, _ in is_here.keys() - was_here.keys())}
    went = {*old - new, *(id for id, _ in was_here.keys() - is_here.keys())} - came
    changed = {id for id in old & new if before.catalogue.get(id) != now.catalogue.get(id)}
    changed |= {id for id, base in is_here if is_here[id, base] != was_here.get((id, base))}
    lines = (line for name, line in now.troubles.items() if before.troubles.get(name) != line)
    return News(
        tuple(id for id in now.catalogue.ids() if id in came),
        tuple(id for id in before.catalogue.ids() if id in went),
        tuple(id for id in now.catalogue.ids() if id in changed - came - went),
        (*wrong, *lines),
    )


def _here(snapshot: Snapshot) -> dict[tuple[str, str], Stamp | None]:
    """The presets that are installed, for which base, and as which file."""
    return {
        (preset.id, variant.base): snapshot.stamp(variant)
        for preset in snapshot.catalogue.presets
        for variant in preset.variants
        if snapshot.status(variant) == "installed"
    }
