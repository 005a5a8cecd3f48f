from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from presets.rehearsal import dataset
from presets.rehearsal.dataset import chunks, load, render
from presets.rehearsal.scene import draw, paint, spec_of
from presets.rehearsal.styles import BASE_STYLES

STYLES = BASE_STYLES[:2]
FIRST, COUNT = 6, 4

# Python 3.12 and newer warn of it wherever threads are, numpy's among them
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


@pytest.fixture(autouse=True)
def several_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "_CHUNK", 3)


def assert_right(folder: Path) -> None:
    pictures = load(folder)
    assert len(pictures) == COUNT
    assert pictures.styles == tuple(style.name for style in STYLES)
    assert pictures.specs == tuple(spec_of(FIRST + row) for row in range(COUNT))
    for row in range(COUNT):
        scene = draw(spec_of(FIRST + row))
        assert pictures.words[row] == scene.words
        for column, style in enumerate(STYLES):
            np.testing.assert_array_equal(pictures.pixels[row, column], paint(scene, style))


def test_scenes_are_rendered_in_their_order_by_several_processes(tmp_path: Path) -> None:
    render(tmp_path / "set", FIRST, COUNT, STYLES, workers=2)
    assert_right(tmp_path / "set")
    assert sorted(file.name for file in (tmp_path / "set").iterdir()) == [
        "pixels.npy",
        "scenes.json",
    ]


def test_what_is_there_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = render(tmp_path, FIRST, COUNT, STYLES, workers=1)
    monkeypatch.delattr(dataset, "_render_some")  # nothing can be drawn any more
    again = render(tmp_path, FIRST, COUNT, STYLES, workers=1)
    np.testing.assert_array_equal(again.pixels, first.pixels)
    assert (again.specs, again.words, again.styles) == (first.specs, first.words, first.styles)


@pytest.mark.parametrize("left", ["pixels.part", "pixels.npy", "scenes.part"])
def test_what_was_interrupted_is_rendered_anew(tmp_path: Path, left: str) -> None:
    (tmp_path / left).write_bytes(b"cut off here")
    render(tmp_path, FIRST, COUNT, STYLES, workers=1)
    assert_right(tmp_path)


def test_chunks_are_all_pictures_in_order(tmp_path: Path) -> None:
    pictures = render(tmp_path, FIRST, COUNT, STYLES, workers=1)
    parts = list(chunks(pictures, 3))
    assert [len(part) for part in parts] == [3, 3, 2]
    np.testing.assert_array_equal(
        np.concatenate(parts), pictures.pixels.reshape(-1, *pictures.pixels.shape[2:])
    )
