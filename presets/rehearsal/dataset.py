"""Pictures on disk: every scene in every style, rendered beforehand by several processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from presets.rehearsal.canvas import SIDE
from presets.rehearsal.progress import progress
from presets.rehearsal.scene import Spec, draw, paint, spec_of
from presets.rehearsal.styles import Style

_CHUNK = 20  # scenes a process renders at a time


@dataclass(frozen=True, slots=True)
class Pictures:
    """What was rendered; specs and words by scene.

    pixels: (scenes, styles, SIDE, SIDE, 3) bytes, mapped from the file.
    """

    pixels: npt.NDArray[np.uint8]
    specs: tuple[Spec, ...]
    words: tuple[tuple[str, ...], ...]
    styles: tuple[str, ...]
    first: int = 0

    def __len__(self) -> int:
        return len(self.specs)

    def few(self, scenes: int) -> Pictures:
        """Only the first so many scenes."""
        return replace(
            self, pixels=self.pixels[:scenes], specs=self.specs[:scenes], words=self.words[:scenes]
        )


def render(folder: Path, first: int, count: int, styles: Sequence[Style], workers: int) -> Pictures:
    """Scenes `first` .. `first + count - 1` in `styles`; what is already in the folder is kept.

    Raises `WrongPictures` where the folder holds others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "scenes.json").exists():
        _draw(folder, first, count, styles, workers)
    pictures = load(folder)
    names = tuple(style.name for style in styles)
    if (pictures.first, len(pictures), pictures.styles) != (first, count, names):
        raise WrongPictures(
            f"{folder} holds {len(pictures)} scenes from number {pictures.first} on in "
            f"{len(pictures.styles)} styles; wanted are {count} from {first} on in {len(names)}. "
            "Another plan drew them: name another --work folder, or delete this one"
        )
    return pictures


def _draw(folder: Path, first: int, count: int, styles: Sequence[Style], workers: int) -> None:
    """A part file for the pixels and one for the words; a line of words for each finished chunk."""
    shape = (count, len(styles), SIDE, SIDE, 3)
    names = [style.name for style in styles]
    # named by what is drawn: another plan's beginnings are not gone on with
    mark = zlib.crc32(json.dumps([first, *names]).encode())
    part, log = folder / f"pixels-{mark:08x}.part", folder / f"scenes-{mark:08x}.part"
    told = _drawn(log)
    if not told or not part.exists() or np.load(part, mmap_mode="r").shape != shape:
        told.clear()
        log.unlink(missing_ok=True)
        np.lib.format.open_memmap(part, "w+", np.uint8, shape).flush()
    jobs = [
        (part, first, start, min(start + _CHUNK, count), tuple(styles))
        for start in range(0, count, _CHUNK)
        if start not in told
    ]
    # not forked: a fork that inherits OpenCV's threads may wait for them for ever
    with multiprocessing.get_context("spawn").Pool(workers) as pool, log.open("a") as lines:
        lines.write("\n")  # ends a line that was cut off
        done = pool.imap_unordered(_render_some, jobs)
        for start, words in progress(done, len(jobs), f"draw {folder.name}"):
            told[start] = words
            lines.write(json.dumps([start, words]) + "\n")
            lines.flush()
    os.replace(part, folder / "pixels.npy")
    every = [list(row) for start in sorted(told) for row in told[start]]
    facts = {"styles": names, "first": first, "words": every}
    whole = folder / "scenes.json"
    whole.with_suffix(".new").write_text(json.dumps(facts))
    os.replace(whole.with_suffix(".new"), whole)
    log.unlink()


def _drawn(log: Path) -> dict[int, list[tuple[str, ...]]]:
    """Words by the first scene of each finished chunk; a line cut off is a chunk not finished."""
    told: dict[int, list[tuple[str, ...]]] = {}
    for line in log.read_text().splitlines() if log.exists() else []:
        try:
            start, words = json.loads(line)
        except ValueError:
            continue
        told[start] = [tuple(row) for row in words]
    return told


def load(folder: Path) -> Pictures:
    """What `render` left in the folder."""
    facts = json.loads((folder / "scenes.json").read_text())
    first = facts["first"]
    return Pictures(
        pixels=np.load(folder / "pixels.npy", mmap_mode="r"),
        specs=tuple(spec_of(first + row) for row in range(len(facts["words"]))),
        words=tuple(tuple(row) for row in facts["words"]),
        styles=tuple(facts["styles"]),
        first=first,
    )


class WrongPictures(Exception):
    """The folder holds pictures of another plan."""


def _render_some(
    job: tuple[Path, int, int, int, tuple[Style, ...]],
) -> tuple[int, list[tuple[str, ...]]]:
    part, first, start, end, styles = job
    cv2.setNumThreads(1)
    pixels = np.lib.format.open_memmap(part, "r+")
    words = []
    for row in range(start, end):
        scene = draw(spec_of(first + row))
        for column, style in enumerate(styles):
            pixels[row, column] = paint(scene, style)
        words.append(scene.words)
    return start, words
