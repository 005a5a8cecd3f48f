"""What is kept of downloads that were stopped, and whether the next one goes on from there."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from presets.catalogue import Variant
from presets.part_file import Notes, kept_bytes, part_path, read_notes
from presets.wanted import NEVER_YET, Wanted, WantedFile, megabytes
from presets.wanting import LORA_CEILING


@dataclass(frozen=True, slots=True)
class Kept:
    """So many bytes of so many (0: nobody knows); `about`: the whole is rounded.

    `goes_on`: the next download continues them; else it begins anew.
    """

    received: int
    total: int = 0
    about: bool = False
    goes_on: bool = True

    @property
    def share(self) -> float:
        """As the next download begins with, 0..1; 0 where the whole is not exactly known."""
        exact = self.goes_on and self.total and not self.about
        return min(self.received / self.total, NEVER_YET) if exact else 0.0

    def __str__(self) -> str:
        """`2.7 MB of 27.2 MB are kept, the next download goes on from there`"""
        if self.goes_on:
            return keeps(self.received, self.total, self.about)
        return (
            f"{megabytes(self.received)} are kept that cannot be continued; the next download "
            "begins anew"
        )


def keeps(received: int, total: int = 0, about: bool = False) -> str:
    """What is kept, in words; `total` 0 where nobody knows it."""
    if not received:
        return "nothing is kept"
    of = f" of {'about ' * about}{megabytes(total)}" if total else ""
    return f"{megabytes(received)}{of} are kept, the next download goes on from there"


def of_variant(folder: Path, variant: Variant) -> Kept | None:
    """What is kept of a preset's file in this LoRA folder; None where nothing is."""
    if not variant.file or not variant.mirrors:
        return None
    file = WantedFile(
        variant.file, variant.mirrors, variant.size, variant.sha256, ceiling_bytes=LORA_CEILING
    )
    kept = _of_file(folder / variant.file, file)
    if kept is None or kept.total or not variant.about_bytes:
        return kept
    return Kept(kept.received, variant.about_bytes, about=True, goes_on=kept.goes_on)


def of_files(wanted: Wanted, about_bytes: int) -> Kept | None:
    """What is on this disk of an entry with several files, the whole ones and the parts together.

    `about_bytes` is told where not every file's size is known. None where nothing is.
    """
    parts = {file.name: _of_file(wanted.target(file), file) for file in wanted.files}
    if not any(parts.values()):
        return None
    received = sum(part.received for part in parts.values() if part and part.goes_on)
    received += sum(_whole(wanted.target(f)) for f in wanted.files if parts[f.name] is None)
    sizes = [file.size or 0 for file in wanted.files]
    exact = all(sizes)
    return Kept(received, sum(sizes) if exact else about_bytes, about=not exact)


def kept_of(wanted: Wanted, total: int) -> tuple[int, str]:
    """Bytes on this disk of a download that has stopped, and what is kept in words.

    `total` in bytes, 0 where nobody knows it. Raises `DownloadError` for a name that leaves the
    folder.
    """
    received = sum(kept_bytes(wanted.target(file), file.size) for file in wanted.files)
    parts = [part for file in wanted.files if (part := _of_file(wanted.target(file), file))]
    lost = sum(part.received for part in parts if not part.goes_on)
    if lost and lost == received:
        return received, str(Kept(lost, goes_on=False))
    return received, keeps(received - lost, total)


def continued(wanted: Wanted) -> dict[str, tuple[int, int]]:
    """By file: the bytes that its download begins with, and its size (0: nobody knows it yet).

    Raises `DownloadError` for a name that leaves the folder.
    """
    found = {}
    for file in wanted.files:
        part = _of_file(wanted.target(file), file)
        if part is None:
            found[file.name] = kept_bytes(wanted.target(file), file.size), file.size or 0
        else:
            found[file.name] = (part.received, part.total) if part.goes_on else (0, file.size or 0)
    return found


def _of_file(target: Path, file: WantedFile) -> Kept | None:
    received = _whole(part_path(target))
    if not received:
        return None
    notes = read_notes(target)
    total = notes.size if file.size is None else file.size
    return Kept(received, total or 0, goes_on=is_worth_continuing(received, notes, file))


def _whole(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


def is_worth_continuing(kept: int, notes: Notes, file: WantedFile) -> bool:
    """Whether a part belongs to this file, and something will tell in the end that it did."""
    if kept > file.limit or (file.size is not None and notes.size not in (None, file.size)):
        return False
    if file.sha256:
        return notes.sha256 in ("", file.sha256)
    return bool(notes.sha256 or notes.validators)
