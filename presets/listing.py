"""What `artflow presets` prints and does: list, info, verify, delete, add, stats.

An id may be a preset's, or that of a base model or tiny autoencoder (`model_shelf`).

Each raises an `ArtflowError` of one line where it cannot do what was asked.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.errors import LoraError
from engine.logs import complain, one_line
from engine.lora_base import NAME_OF_BASE
from engine.lora_format import read_lora
from engine.painter.model_files import PICKLES
from presets import model_shelf
from presets.catalogue import KINDS, Preset, PresetError, Variant
from presets.catalogues import HIDES
from presets.entry_readers import ALLOWED_FILE, SUFFIX, is_file_name
from presets.kept import Kept, of_variant
from presets.library import Library, Snapshot, Status, open_library
from presets.models import catalogue as model_catalogue
from presets.models import default_model, find_model
from presets.part_file import Tell, read_through
from presets.statistics import Event, Statistics
from presets.verdict import Verdict
from presets.wanted import megabytes

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

TITLES: Final = {"acceleration": "Acceleration (its own slot, always on):", "style": "Styles:"}
ON_DISK: Final[dict[Status, str]] = {
    "bundled": "bundled",
    "installed": "yes",
    "absent": "no",
    "wrong": "not usable",
}
SHOWN_EVENTS: Final = 12


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list: the variant that fits the model, or else the one to be told of."""

    preset: Preset
    variant: Variant
    status: Status
    fits: bool
    kept: Mapping[str, Kept]
    """By base, what is kept of downloads that were stopped."""


def rows(library: Library, kind: str, base: str) -> list[Row]:
    """The presets of a kind: what fits a model of `base` first, else in the catalogue's order."""
    snapshot, found = library.snapshot, []
    for preset in snapshot.catalogue.presets:
        if preset.kind == kind:
            fitting = preset.variant(base)
            here = [each for each in preset.variants if snapshot.status(each) != "absent"]
            kept = {each.base: part for each in preset.variants if (part := _kept(library, each))}
            begun = [each for each in preset.variants if each.base in kept]
            variant = fitting or (here or begun or preset.variants)[0]
            status = snapshot.status(variant)
            found.append(Row(preset, variant, status, fitting is not None, kept))
    return sorted(found, key=lambda row: not row.fits)


def _kept(library: Library, variant: Variant) -> Kept | None:
    absent = library.snapshot.status(variant) == "absent"
    return of_variant(library.folder, variant) if absent else None


def _on_disk(row: Row) -> str:
    """`no, 2.7 MB kept`, or `bundled, 2.7 MB kept for SD 1.5`"""
    words = [ON_DISK[row.status]]
    for base, kept in row.kept.items():
        if kept.goes_on:
            other = "" if base == row.variant.base else f" for {NAME_OF_BASE[base]}"
            words.append(f"{megabytes(kept.received)} kept{other}")
    return ", ".join(words)


def size_told(variant: Variant, snapshot: Snapshot) -> str:
    """`27.2 MB`, or `about 136.0 MB` where nobody knows exactly, or `?`."""
    file = (snapshot.bundled if variant.bundled else snapshot.files).get(variant.filename)
    exact = variant.size or (file.stamp.size if file else None)
    if exact is not None:
        return megabytes(exact)
    return f"about {megabytes(variant.about_bytes)}" if variant.about_bytes else "?"


def print_presets(data: Path, more: Iterable[Path] = (), model: str = "") -> None:
    """The presets in their groups, what fits `model` (or the default one) first; then models."""
    library = opened(data, more)
    snapshot = library.snapshot
    id, base = begun_model(model, data)
    console = _console()
    console.print(f"For {id} ({NAME_OF_BASE.get(base, 'a model of another kind')}):")
    for kind in KINDS[::-1]:
        table = _table("id", "fits", "on disk", "size", "verified", "what it is")
        for row in rows(library, kind, base):
            preset, variant = row.preset, row.variant
            fits = "yes" if row.fits else "/".join(preset.bases)
            verified = "yes" if variant.verified else "no"
            size = size_told(variant, snapshot)
            told = preset.description or preset.name
            _add(table, preset.id, fits, _on_disk(row), size, verified, told)
        console.print()
        console.print(TITLES[kind])
        console.print(table)
    console.print()
    console.print(
        "verified: no means that nobody vouches for the file's digest. What is kept of a download "
        f"is continued by the next one. Files belong in {library.folder}; artflow presets download "
        "ID fetches one, artflow presets info ID tells more.",
        soft_wrap=True,
        markup=False,
    )
    console.print()
    model_shelf.print_models(data)


def print_info(id: str, data: Path, more: Iterable[Path] = ()) -> None:
    """All that is known of one preset, or of a base model or tiny autoencoder."""
    library = opened(data, more)
    snapshot = library.snapshot
    preset = model_shelf.named(id, snapshot.catalogue)
    console = _console()

    def say(line: str = "") -> None:
        console.print(one_line(line), soft_wrap=True, markup=False)

    if not isinstance(preset, Preset):
        for line in model_shelf.lines(preset, data):
            say(line)
        return
    say(f"{preset.id}: {preset.name}" + (f"; {preset.description}" * bool(preset.description)))
    tags = f", {', '.join(preset.tags)}" if preset.tags else ""
    say(f"{preset.kind}, weight {preset.weight:g}{tags}; from {preset.origin}")
    totals = Statistics(data).read().presets.get(id)
    if totals and totals.last_used:
        say(f"in the mix {totals.uses} times, last {_when(totals.last_used)}")
    for variant in preset.variants:
        say()
        say(f"for {NAME_OF_BASE[variant.base]}: {ON_DISK[snapshot.status(variant)]}")
        say(f"  file      {library.path(variant)}")
        say(f"  size      {size_told(variant, snapshot)}")
        say(f"  sha256    {variant.sha256 or 'not known'}" + " (not vouched for)" * _doubt(variant))
        say(f"  licence   {variant.license or 'not known'}")
        if variant.triggers:
            say(f"  triggers  {', '.join(variant.triggers)}")
        for number, mirror in enumerate(variant.mirrors):
            say(f"  mirror {number}  {mirror.name}")
        if kept := _kept(library, variant):
            say(f"  download  {kept}")
        if variant.filename in snapshot.troubles:
            say(f"  trouble   {snapshot.troubles[variant.filename]}")


def verify_presets(data: Path, id: str = "", more: Iterable[Path] = ()) -> None:
    """Read all that is on this disk of one entry, or of all. Raises where something is wrong."""
    library = opened(data, more)
    console, wrong, count, unknown = _console(), [], 0, 0
    for verdict in _verdicts(library, data, id):
        mark = {True: "whole", False: "WRONG", None: "no digest to compare"}[verdict.whole]
        line = f"{verdict.id}: {mark}; {verdict.told}"
        console.print(one_line(line), soft_wrap=True, markup=False)
        count += 1
        unknown += verdict.whole is None
        if verdict.whole is False:
            wrong.append(verdict.id)
    if id and not count:
        raise PresetError(f"{id} is not on this disk; artflow presets download {id} fetches it")
    if wrong:
        told = ", ".join(dict.fromkeys(wrong))
        raise PresetError(f"not whole: {told}; delete and download what is wrong")
    files = f"{count} file{'s' * (count != 1)}"
    unsure = f"; {unknown} without a digest to compare" * bool(unknown)
    console.print(f"{files} read, nothing wrong found{unsure}", markup=False)


def _verdicts(library: Library, data: Path, id: str) -> Iterator[Verdict]:
    """On each file that is here, once, of the entry `id` or of all."""
    catalogue, done = library.snapshot.catalogue, set()
    every = (*catalogue.presets, *model_shelf.entries())
    for entry in [model_shelf.named(id, catalogue)] if id else every:
        if not isinstance(entry, Preset):
            with _reading(entry.id) as tell:
                yield from model_shelf.verify(entry, data, tell)
            continue
        for variant in entry.variants:
            path = library.path(variant)
            if library.snapshot.status(variant) != "absent" and path not in done:
                done.add(path)  # another entry's, too
                yield read_whole(library, entry, variant)


def read_whole(library: Library, preset: Preset, variant: Variant) -> Verdict:
    """As `Library.verify`, with a bar on the terminal while it lasts."""
    with _reading(preset.id) as tell:
        return library.verify(preset, variant, tell)


@contextmanager
def _reading(id: str) -> Iterator[Tell]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn()
    console = _console()
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        task = progress.add_task(f"reading {id}")
        yield lambda count, total: progress.update(task, completed=count, total=total)


def delete_entry(id: str, data: Path, more: Iterable[Path] = ()) -> None:
    """Remove the files of a preset or model, and say what becomes of a show that plays them."""
    library = opened(data, more)
    entry = model_shelf.named(id, library.snapshot.catalogue)
    removed: Iterable[Path]
    if not isinstance(entry, Preset):
        removed = [model_shelf.delete(entry, data)]
    else:
        removed = library.delete(id, in_use=lambda _: False)
    for path in removed:
        _console().print(f"deleted {path}", soft_wrap=True, markup=False)
    if any(not path.name.endswith(".part") for path in removed):
        until = (
            "until it is unloaded" if isinstance(entry, Preset) else "until its painter restarts"
        )
        _console().print(
            f"a show that plays {id} now has it in memory and goes on with it, {until}",
            soft_wrap=True,
            markup=False,
        )


def add_file(file: Path, data: Path, more: Iterable[Path] = ()) -> None:
    """Copy a LoRA file into the library, if it can be played, and say what it became."""
    library = opened(data, more)
    if file.suffix.lower() in PICKLES:
        raise LoraError(
            f"{file.name!r} is a pickle, which can run code and is never loaded; get the {SUFFIX} "
            "file"
        )
    if not file.name.endswith(SUFFIX) or not is_file_name(file.name):
        raise PresetError(f"{file.name!r} cannot be added; allowed: {ALLOWED_FILE}")
    told = {
        variant.file: variant.base
        for preset in library.catalogue.presets
        for variant in preset.variants
    }
    read_lora(file, base=told.get(file.name))
    target, said = library.folder / file.name, "added"
    try:
        if target.exists():
            if read_through(target) != read_through(file):
                raise PresetError(f"another {file.name} is in {library.folder}; rename yours")
            said = "there already"
        else:
            _copy(file, target)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PresetError(f"{file.name} cannot be added to {library.folder}: {reason}") from error
    library.rescan()
    console = _console()
    for preset in library.snapshot.catalogue.presets:
        for variant in preset.variants:
            if variant.file == file.name:
                base = NAME_OF_BASE[variant.base]
                line = f"{said}: {preset.id} ({preset.name}, {preset.kind} for {base}); {target}"
                console.print(one_line(line), soft_wrap=True, markup=False)
    if trouble := library.snapshot.troubles.get(file.name):
        raise PresetError(trouble)


def print_stats(data: Path) -> None:
    """What was fetched, how fast, from where; what was played last."""
    content = Statistics(data).read()
    console = _console()
    if not content.history:
        console.print("nothing has been fetched or played yet")
        return
    mirrors = _table("mirror", "answers", "faults", "fetched", "in", "rate")
    for name, mirror in sorted(content.mirrors.items()):
        rate = f"{megabytes(round(mirror.rate))}/s" if mirror.rate else "?"
        fetched, seconds = megabytes(mirror.bytes), f"{mirror.seconds:,.0f} s"
        _add(mirrors, name, mirror.count, mirror.faults, fetched, seconds, rate)
    presets = _table("preset", "downloads", "fetched", "last download", "played", "last played")
    newest = sorted(
        content.presets.items(), key=lambda item: -max(item[1].last_used, item[1].last_download)
    )
    for id, each in newest:
        fetched, came = megabytes(each.bytes), _when(each.last_download)
        _add(presets, id, each.downloads, fetched, came, each.uses, _when(each.last_used))
    history = _table("when", "what", "preset", "mirror", "how it went")
    for event in content.history[: -SHOWN_EVENTS - 1 : -1]:
        _add(history, _when(event.at), event.what, event.id, event.mirror, _went(event))
    console.print(mirrors, presets, history, sep="\n\n")


def _went(event: Event) -> str:
    if event.what != "transfer":
        return ""
    fetched = f"{megabytes(event.bytes)} in {event.seconds:.1f} s"
    return f"{fetched}; {event.fault}" if event.fault else fetched


def _when(moment: float) -> str:
    if not moment:
        return "never"
    try:
        return datetime.fromtimestamp(moment).isoformat(" ", "minutes")
    except (OverflowError, ValueError, OSError):  # the file may say anything
        return "?"


def opened(data: Path, more: Iterable[Path]) -> Library:
    """The library; what is wrong with the catalogues or the folder is complained of."""
    library, problems = open_library(data, more)
    for problem in problems:
        complain(problem if HIDES in problem else f"{problem}; left out")
    return library


def begun_model(model: str, data: Path) -> tuple[str, str]:
    """The id and base of `model` (an id or a folder), or of the one that a show begins with.

    Raises `ModelError`: unknown.
    """
    known = model_catalogue().model(model or default_model(data))
    if known is not None:
        return known.id, known.base
    found = find_model(model, data)
    return found.id, found.base


def _doubt(variant: Variant) -> bool:
    return not variant.verified and variant.sha256 is not None


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")  # a look passes over it
    try:
        shutil.copyfile(file, fresh)
        with open(fresh, "rb+") as copied:
            os.fsync(copied.fileno())
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _table(*columns: str) -> Table:
    from rich.table import Column, Table

    # ids are to be typed: where the terminal is narrow, the last column alone is folded
    *whole, last = columns
    return Table(*(Column(name, no_wrap=True) for name in whole), last, box=None, padding=(0, 1))


def _add(table: Table, *cells: object) -> None:
    from rich.text import Text  # plain: a catalogue's words may hold rich's marks

    table.add_row(*(Text(one_line(str(cell))) for cell in cells))
