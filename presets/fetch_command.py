"""Fetching from the command line: what an id wants, and one terminal that watches it come."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import trio

from engine.lora_base import NAME_OF_BASE
from presets.catalogue import Catalogue, Preset, PresetError, Variant
from presets.download import Download, Downloader
from presets.fetch_progress import Tell, say, telling
from presets.library import Library
from presets.listing import begun_model, opened, read_whole, size_told
from presets.mirrors import Rates
from presets.model_shelf import Entry, folder_of, is_bundled, named
from presets.models import Model
from presets.statistics import Statistics
from presets.wanted import Limits, Progress, Wanted
from presets.wanting import is_here, lacking, wanted_model, wanted_preset

log = logging.getLogger(__name__)

STOPPED_BY: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
TOLD_WITHIN_S: Final = 5.0
"""So long a cancelled fetch may take to say what is kept."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be fetched, and the lines to say beforehand; nothing where all is here."""

    wanted: tuple[Wanted, ...] = ()
    told: tuple[str, ...] = ()


async def fetch_all(
    wanted: Sequence[Wanted],
    statistics: Statistics,
    on_progress: Tell,
    *,
    limits: Limits | None = None,
) -> dict[str, Progress]:
    """Fetch these, the first of them first; the last word on each, by id.

    `on_progress(id, progress)` hears of every change. Cancelled, it hears what is kept of each
    before the cancellation goes on. Statistics are recorded, and written at the end.
    """
    fetched: set[str] = set()  # an installed file was only looked at

    def publish(id: str, progress: Progress) -> None:
        if progress.state == "resolving":
            fetched.add(id)
        elif progress.state == "installed" and id in fetched:
            statistics.installed(id)
        on_progress(id, progress)

    downloader = Downloader(
        publish, rates=Rates(_rates(statistics)), limits=limits, on_transfer=statistics.transferred
    )
    # the newest wanted goes first
    downloads = [downloader.want(each) for each in reversed(wanted)][::-1]
    until_told = trio.CancelScope(shield=True)

    async def work() -> None:
        with until_told:
            await downloader.run()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
            try:
                await _ended(downloads)
            except trio.Cancelled:
                for download in downloads:
                    downloader.cancel(download.wanted.id)
                with trio.CancelScope(deadline=trio.current_time() + TOLD_WITHIN_S, shield=True):
                    await _ended(downloads)
                raise
            finally:
                until_told.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(_flush, statistics)
    return {download.wanted.id: download.progress for download in downloads}


async def _ended(downloads: Iterable[Download]) -> None:
    for download in downloads:
        await download.wait()


def _rates(statistics: Statistics) -> dict[str, float]:
    try:
        return statistics.rates()
    except PresetError as error:
        log.warning("%s", error)
        return {}


def _flush(statistics: Statistics) -> None:
    try:
        statistics.flush()
    except PresetError as error:
        log.warning("%s", error)


# what an id wants


def errand(
    id: str,
    library: Library,
    data: Path,
    *,
    model: str = "",
    base: str = "",
    mirror: int | None = None,
) -> Errand:
    """What has to be fetched for a preset, a base model or a tiny autoencoder.

    Of a preset, the file for `base`, else for `model` (an id or a folder; by default the one that a
    show begins with). A base model brings what it comes up with. Reads what is here already.

    Raises `PresetError`: unknown, not to be had, or here but wrong; `ModelError` for `model`.
    """
    catalogue = library.snapshot.catalogue
    entry = named(id, catalogue)
    if isinstance(entry, Preset):
        return _with_mirror(_for_preset(entry, library, data, model, base), mirror)
    if model or base:
        raise PresetError(f"{id} is no preset; --model and --base choose between a preset's files")
    return _with_mirror(_for_entry(entry, catalogue, data), mirror)


def _for_preset(preset: Preset, library: Library, data: Path, model: str, base: str) -> Errand:
    asked = base
    if not asked:
        model, base = begun_model(model, data)
    variant = preset.variant(base)
    others = [f"--base {each.base}" for each in preset.variants if not each.bundled]
    if variant is None and asked:
        allowed = " or ".join(others) or "none, it comes with the program"
        raise PresetError(f"{preset.id} has no file for {NAME_OF_BASE[base]}; allowed: {allowed}")
    if variant is None:
        misfit = library.snapshot.catalogue.misfit(preset, preset.bases, base, model)
        choices = f"; to fetch a file of it all the same: {' or '.join(others)}" * bool(others)
        raise PresetError(f"{misfit}{choices}")
    match library.snapshot.status(variant):
        case "absent":
            return _absent(preset, variant, library, data, model)
        case "wrong":
            # why, has been complained of with all the library's troubles
            raise PresetError(
                f"{variant.filename} is on this disk and cannot be used; artflow presets delete "
                f"{preset.id} removes it, then download it again"
            )
        case "bundled":
            more = f"; for another model: {' or '.join(others)}" * bool(others)
            told = f"{preset.id} for {NAME_OF_BASE[base]} comes with the program{more}"
            return Errand(told=(told,))
    verdict = read_whole(library, preset, variant)
    if verdict.whole is False:
        raise PresetError(verdict.told)
    told = f"{preset.id} is installed already, there is nothing to fetch; {verdict.told}"
    return Errand(told=(told, f"  {library.path(variant)}"))


def _absent(preset: Preset, variant: Variant, library: Library, data: Path, model: str) -> Errand:
    snapshot = library.snapshot
    if variant.bundled:
        raise PresetError(
            f"{preset.id} comes with the program, but {library.path(variant)} is not there; "
            "install artflow again"
        )
    wanted = wanted_preset(snapshot.catalogue, preset.id, variant.base, data, model=model)
    size = size_told(variant, snapshot).replace("?", "size unknown")
    told = f"{preset.id} for {NAME_OF_BASE[variant.base]}: {variant.file}, {size}, {_from(wanted)}"
    return Errand((wanted,), (told,))


def _for_entry(entry: Entry, catalogue: Catalogue, data: Path) -> Errand:
    folder = folder_of(entry, data)
    if is_bundled(entry):
        return Errand(told=(f"{entry.id} comes with the program ({folder})",))
    if isinstance(entry, Model):
        wanted = lacking(entry.id, catalogue, data)
    else:
        wanted = () if is_here(entry, data) else (wanted_model(entry, data),)
    if not wanted:
        told = f"{entry.id} is installed already, there is nothing to fetch ({folder})"
        return Errand(told=(told,))
    return Errand(wanted, tuple(_told(each, entry) for each in wanted))


def _told(wanted: Wanted, entry: Entry) -> str:
    count = len(wanted.files)
    files = f"{count} files" if count > 1 else wanted.files[0].name
    own = isinstance(entry, Model) and wanted.id == entry.id
    size = f", about {entry.about_gb:g} GB" if isinstance(entry, Model) and own else ""
    return f"{wanted.id}: {files}{size}, {_from(wanted)}"


def _from(wanted: Wanted) -> str:
    return f"from {' or '.join(mirror.name for mirror in wanted.files[0].mirrors)}"


def _with_mirror(job: Errand, mirror: int | None) -> Errand:
    """Ask `mirror` (from 0) first, of what it has. Raises `PresetError`: there is none such."""
    if mirror is None or not job.wanted:
        return job
    counts = [len(each.files[0].mirrors) for each in job.wanted]
    if not 0 <= mirror < counts[0]:
        allowed = " or ".join(map(str, range(counts[0])))
        raise PresetError(f"{job.wanted[0].id} has no mirror {mirror}; allowed: {allowed}")
    wanted = (
        replace(each, first_mirror=mirror) if mirror < count else each
        for each, count in zip(job.wanted, counts, strict=True)
    )
    return replace(job, wanted=tuple(wanted))


# the command


def download(
    id: str,
    data: Path,
    more: Iterable[Path] = (),
    *,
    model: str = "",
    base: str = "",
    mirror: int | None = None,
) -> None:
    """Fetch what `id` lacks and watch it come; returns when all is installed.

    Raises `PresetError` with a line for each that did not come, `KeyboardInterrupt` where it was
    stopped.
    """
    library = opened(data, more)
    job = errand(id, library, data, model=model, base=base, mirror=mirror)
    for line in job.told:
        say(line)
    if not job.wanted:
        return
    with telling() as tell:
        ended = trio.run(_watched, job.wanted, Statistics(data), tell)
    if ended is None:
        raise KeyboardInterrupt
    failed = [f"{id}: {word.error}" for id, word in ended.items() if word.state != "installed"]
    if failed:
        raise PresetError("\n".join(failed))
    for wanted in job.wanted:
        one = len(wanted.files) == 1
        say(f"{wanted.id} is here: {wanted.target(wanted.files[0]) if one else wanted.folder}")


async def _watched(
    wanted: Sequence[Wanted], statistics: Statistics, tell: Tell
) -> dict[str, Progress] | None:
    """The last word on each; None where a signal stopped them."""
    ended = None
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_stop_when_asked, scope.cancel)
            ended = await fetch_all(wanted, statistics, tell)
            nursery.cancel_scope.cancel()
    return ended


async def _stop_when_asked(stop: Callable[[], None]) -> None:
    # who ignores a signal (nohup) goes on ignoring it
    heard = [number for number in STOPPED_BY if signal.getsignal(number) != signal.SIG_IGN]
    if not heard:
        return
    with trio.open_signal_receiver(*heard) as signals:
        await anext(signals)
        stop()  # the next signal is the system's again, and ends at once
