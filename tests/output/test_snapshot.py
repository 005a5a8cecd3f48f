from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from engine.errors import OutputError, SettingError
from engine.latest import Frame, Picture
from engine.outputs.snapshot import png, save_snapshot

SETTINGS = {"prompt/a": "Öl auf Leinwand 日本\nzwei", "paint/strength": 0.37, "paint/steps": 2}


def noise(height: int = 24, width: int = 40) -> Picture:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


def frame(picture: Picture) -> Frame:
    return Frame(picture, 1, 0)


def test_pillow_reads_picture_and_settings(tmp_path: Path) -> None:
    picture = noise()
    path = save_snapshot(frame(picture), SETTINGS, tmp_path / "snapshots", "one")
    assert path == tmp_path / "snapshots" / "one.png"
    with Image.open(path) as image:
        image.load()
        assert image.mode == "RGB"
        assert (np.asarray(image) == picture).all()
        assert image.info["Software"] == "ArtFlow Live"
        assert json.loads(image.info["artflow"]) == SETTINGS
    assert path.stat().st_mode & 0o444 == 0o444
    assert os.listdir(path.parent) == ["one.png"]


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))),
    st.dictionaries(st.text(max_size=8), st.text(max_size=20) | st.integers() | st.floats(0, 1)),
)
@settings(max_examples=60, deadline=None)
def test_any_picture_with_any_settings(picture: Picture, values: dict[str, object]) -> None:
    import io

    with Image.open(io.BytesIO(png(picture[:, ::-1], values))) as image:
        assert (np.asarray(image) == picture[:, ::-1]).all()
        assert image.mode == "RGB"
        text = str(image.info["artflow"])  # type: ignore[attr-defined, unused-ignore]
    assert json.loads(text) == json.loads(
        json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")
    )


def test_a_taken_name_is_never_overwritten(tmp_path: Path) -> None:
    paths = [save_snapshot(frame(noise()), {}, tmp_path, "x.png") for _ in range(3)]
    assert [path.name for path in paths] == ["x.png", "x-2.png", "x-3.png"]


def test_without_hard_links_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    paths = [save_snapshot(frame(noise()), {}, tmp_path, "x") for _ in range(2)]
    assert [path.name for path in paths] == ["x.png", "x-2.png"]
    assert sorted(os.listdir(tmp_path)) == ["x-2.png", "x.png"]
    for path in paths:
        with Image.open(path) as image:
            image.load()


def test_a_name_that_is_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError):
        save_snapshot(frame(noise()), {}, tmp_path, "../x")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"no snapshot in .*file.*: .*make room") as caught:
        save_snapshot(frame(noise()), {}, tmp_path / "file" / "x", "one")
    assert "\n" not in str(caught.value)


def test_a_disk_that_fills_up_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "chmod", full)
    with pytest.raises(OutputError, match="No space left on device"):
        save_snapshot(frame(noise()), {}, tmp_path, "one")
    assert os.listdir(tmp_path) == []
