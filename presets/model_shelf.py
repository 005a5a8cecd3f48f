"""Entries of several files, base models and tiny autoencoders: what is here, whole or not, gone.

Everything here blocks. Presets have one file for each base and a library of their own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from engine.lora_base import NAME_OF_BASE
from presets.catalogue import Catalogue, Preset, PresetError, unknown
from presets.kept import Kept, of_files
from presets.models import Model, TinyAutoencoder, model_folder, tiny_folder
from presets.models import catalogue as model_catalogue
from presets.part_file import Lock, Tell, read_through
from presets.verdict import Known, Verdict, judged
from presets.wanted import Mirror, megabytes
from presets.wanting import hub_mirrors, is_here, wanted_model

Entry = Model | TinyAutoencoder
Presence = Literal["yes", "in part", "no"]


def named(id: str, catalogue: Catalogue) -> Preset | Entry:
    """The preset, base model or tiny autoencoder of this id.

    Raises `PresetError`, with the id that was perhaps meant.
    """
    known = model_catalogue()
    preset, model = catalogue.get(id), known.model(id)
    entry: Preset | Entry | None = preset or model or known.tiny_autoencoder(id)
    if entry is not None:
        return entry
    raise PresetError(unknown(id, (*catalogue.ids(), *(each.id for each in entries()))))


def entries() -> tuple[Entry, ...]:
    """All of them, in the catalogue's order."""
    known = model_catalogue()
    return (*known.models, *known.tiny_autoencoders)


def is_bundled(entry: Entry) -> bool:
    return isinstance(entry, Model) and bool(entry.bundled)


def folder_of(entry: Entry, data: Path) -> Path:
    """Where it is, or belongs."""
    return model_folder(entry, data) if isinstance(entry, Model) else tiny_folder(entry, data)


def presence(entry: Entry, data: Path) -> Presence:
    """Whether it can be played, judged by what lies in its folder; no file is read through."""
    if is_here(entry, data):
        return "yes"
    return "in part" if os.path.isdir(folder_of(entry, data)) else "no"


def kept(entry: Entry, data: Path) -> Kept | None:
    """What is here of one that is not whole, where a download of it was stopped; else None."""
    if not entry.files or presence(entry, data) != "in part":
        return None
    about_gb = entry.about_gb if isinstance(entry, Model) else 0.0
    return of_files(wanted_model(entry, data), round(about_gb * 1e9))


def print_models(data: Path) -> None:
    """The catalogue as a table, with what is on this disk."""
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "on disk", "size", "base", "what it is", box=None, padding=(0, 1))
    for model in model_catalogue().models:
        width, height = model.size
        about = f"; about {model.about_gb:g} GB" * bool(model.about_gb)
        part = kept(model, data)
        here = presence(model, data) + (f", {megabytes(part.received)} kept" if part else "")
        told = f"{model.description}{about}"
        table.add_row(model.id, here, f"{width}x{height}", model.base, told)
    console = Console(highlight=False)
    console.print("Base models (--model ID):")
    console.print(table)
    console.print(
        "artflow presets download ID fetches one with all that it comes up with; artflow --model "
        "ID does so while another plays, then changes to it.",
        soft_wrap=True,
    )


def lines(entry: Entry, data: Path) -> Iterator[str]:
    """All that is known of it."""
    yield f"{entry.id}: {entry.name}; {entry.description}"
    bases = (entry.base,) if isinstance(entry, Model) else entry.bases
    kind = "base model" if isinstance(entry, Model) else "tiny autoencoder"
    made_for = ", ".join(NAME_OF_BASE[base] for base in bases)
    yield f"{kind}, {made_for}; licence {entry.license}"
    if isinstance(entry, Model):
        yield "{}x{}".format(*entry.size) + f", about {entry.about_gb:g} GB" * bool(entry.about_gb)
        beside = [each for each in (entry.tiny_autoencoder, entry.acceleration) if each]
        if beside:
            yield f"comes up with {' and '.join(beside)}"
    yield f"on disk: {presence(entry, data)}, {folder_of(entry, data)}"
    if part := kept(entry, data):
        yield str(part)
    for number, mirror in enumerate(mirrors(entry)):
        yield f"  mirror {number}  {mirror.name}"
    for file in entry.files:
        size = megabytes(file.size) if file.size else "size unknown"
        yield f"  {file.file}: {size}, sha256 {file.sha256 or 'not known'}"


def mirrors(entry: Entry) -> tuple[Mirror, ...]:
    """Where its files are, in order; none for what comes with the program."""
    if not entry.files:
        return ()
    return hub_mirrors(entry.repository, entry.files[0].file, entry.modelscope)


def verify(entry: Entry, data: Path, tell: Tell) -> Iterator[Verdict]:
    """Read those of its files that are here, one after the other; `tell(bytes, of)` as it goes.

    Raises `PresetError` where one cannot be read.
    """
    folder = folder_of(entry, data)
    for file in entry.files:
        path = folder / file.file
        try:
            total, digest = read_through(path, tell)
        except FileNotFoundError:
            continue
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise PresetError(f"{entry.id} cannot be read: {reason} ({path})") from error
        yield judged(entry.id, file.file, Known(file.sha256 or None, file.size), total, digest)


def delete(entry: Entry, data: Path) -> Path:
    """Remove its folder with all that is in it, parts too; which one that was.

    Raises `PresetError`: part of the program, not here, being fetched, or refused by the disk.
    """
    folder = folder_of(entry, data)
    if is_bundled(entry):
        raise PresetError(f"{entry.id} comes with the program and stays")
    try:
        if folder.is_symlink():
            folder.unlink()  # what it leads to is somebody else's
            return folder
        if not folder.is_dir():
            raise PresetError(f"{entry.id} is not on this disk; there is nothing to delete")
        for path in sorted(folder.rglob("*.part.lock")):
            lock = Lock(path)
            if not lock.acquire():
                raise PresetError(f"{entry.id} is being downloaded; cancel that first")
            lock.release()
        shutil.rmtree(folder)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PresetError(f"{entry.id} cannot be deleted: {reason} ({folder})") from error
    return folder
