from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from presets.rehearsal import dataset
from presets.rehearsal.dataset import WrongPictures, load, render
from presets.rehearsal.scene import draw, paint, spec_of
from presets.rehearsal.styles import BASE_STYLES

STYLES = BASE_STYLES[:2]
FIRST, COUNT, CHUNK = 6, 7, 3


@pytest.fixture(autouse=True)
def several_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "_CHUNK", CHUNK)


class Here:
    """A pool in this process: spawned ones take seconds to begin. Breaks after `jobs` jobs."""

    def __init__(self, jobs: int = 99) -> None:
        self.jobs = jobs
        self.drawn: list[int] = []

    def get_context(self, method: str) -> Any:
        assert method == "spawn"
        return self

    def Pool(self, _workers: int) -> Here:  # noqa: N802
        return self

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None: ...

    def imap_unordered(self, work: Callable[[Any], Any], jobs: list[Any]) -> Iterator[Any]:
        # the last first: they end in any order
        for job in reversed(jobs):
            if len(self.drawn) == self.jobs:
                raise KeyboardInterrupt
            self.drawn.append(job[2])
            yield work(job)


def drawing(monkeypatch: pytest.MonkeyPatch, pool: Here, folder: Path) -> list[int]:
    """Render with the pool; the first rows of the chunks that were drawn."""
    monkeypatch.setattr(dataset, "multiprocessing", pool)
    render(folder, FIRST, COUNT, STYLES, workers=1)
    return pool.drawn


@pytest.fixture
def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the last two of three chunks are drawn."""
    with pytest.raises(KeyboardInterrupt):
        drawing(monkeypatch, Here(jobs=2), tmp_path)
    return tmp_path


def assert_right(folder: Path) -> None:
    pictures = load(folder)
    assert (pictures.first, len(pictures)) == (FIRST, COUNT)
    assert pictures.styles == tuple(style.name for style in STYLES)
    assert pictures.specs == tuple(spec_of(FIRST + row) for row in range(COUNT))
    for row in range(COUNT):
        scene = draw(spec_of(FIRST + row))
        assert pictures.words[row] == scene.words
        for column, style in enumerate(STYLES):
            np.testing.assert_array_equal(pictures.pixels[row, column], paint(scene, style))
    assert sorted(file.name for file in folder.iterdir()) == ["pixels.npy", "scenes.json"]


def test_scenes_are_rendered_in_their_order_by_several_processes(tmp_path: Path) -> None:
    render(tmp_path / "set", FIRST, COUNT, STYLES, workers=2)
    assert_right(tmp_path / "set")
    assert not multiprocessing.active_children()


def test_what_is_there_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawing(monkeypatch, Here(), tmp_path) == [6, 3, 0]
    assert drawing(monkeypatch, Here(), tmp_path) == []
    assert_right(tmp_path)


def test_chunks_that_were_drawn_are_not_drawn_again(
    interrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert drawing(monkeypatch, Here(), interrupted) == [0]
    assert_right(interrupted)


def test_a_chunk_whose_line_is_torn_is_drawn_again(
    interrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = next(interrupted.glob("scenes-*.part"))
    log.write_bytes(log.read_bytes()[:-4])
    with pytest.raises(KeyboardInterrupt):
        drawing(monkeypatch, Here(jobs=1), interrupted)  # and its line is torn no more
    assert drawing(monkeypatch, Here(), interrupted) == [0]
    assert_right(interrupted)


def test_all_is_drawn_where_pixels_or_words_are_missing(
    interrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (next(interrupted.glob("scenes-*.part"))).unlink()
    with pytest.raises(KeyboardInterrupt):
        drawing(monkeypatch, Here(jobs=1), interrupted)
    (next(interrupted.glob("pixels-*.part"))).unlink()
    with pytest.raises(KeyboardInterrupt):
        drawing(monkeypatch, Here(jobs=0), interrupted)
    (next(interrupted.glob("pixels-*.part"))).write_bytes(b"cut off here")
    assert drawing(monkeypatch, Here(), interrupted) == [6, 3, 0]
    assert_right(interrupted)


def test_another_plans_pictures_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing(monkeypatch, Here(), tmp_path)
    for first, count, styles in (
        (FIRST + 1, COUNT, STYLES),
        (FIRST, COUNT + 1, STYLES),
        (FIRST, COUNT, STYLES[::-1]),
    ):
        told = (
            rf"{tmp_path.name} holds 7 scenes from number 6 .*wanted are {count} from {first} on "
            r"in 2\..*name another --work folder"
        )
        with pytest.raises(WrongPictures, match=told):
            render(tmp_path, first, count, styles, workers=1)
    assert_right(tmp_path)
