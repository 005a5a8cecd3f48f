"""No camera here: what can be tested is choosing one, and reading anything live."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.errors import SourceError
from engine.sources import SourceSpec, camera, open_source
from engine.sources.av_reader import AvReader, LiveReader
from engine.sources.drawing import Drawing

SIZE = (64, 64)
TWO = [("0", "Integrated Webcam"), ("2", "Logitech C920")]


def node(folder: Path, name: str, index: int, label: str) -> None:
    (folder / name).mkdir()
    (folder / name / "index").write_text(f"{index}\n")
    (folder / name / "name").write_text(f"{label}\n")


def test_cameras_are_listed_once_each_in_order(tmp_path: Path) -> None:
    node(tmp_path, "video10", 0, "Logitech C920")
    node(tmp_path, "video2", 0, "Integrated Webcam")
    node(tmp_path, "video3", 1, "Integrated Webcam")
    (tmp_path / "video4").mkdir()
    (tmp_path / "videography").mkdir()
    assert camera.linux_cameras(tmp_path) == [
        ("2", "Integrated Webcam"),
        ("4", "video4"),
        ("10", "Logitech C920"),
    ]
    assert camera.linux_cameras(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [("", "0"), ("0", "0"), ("2", "2"), ("logitech c920", "2"), ("webcam", "0"), ("C920", "2")],
)
def test_a_camera_is_chosen_by_number_or_name(asked: str, found: str) -> None:
    assert camera.choose(asked, TWO)[0] == found


@pytest.mark.parametrize("asked", ["1", "9", "/dev/video0", "nikon", "../0"])
def test_a_camera_that_is_not_there_is_named_with_those_that_are(asked: str) -> None:
    with pytest.raises(SourceError) as caught:
        camera.choose(asked, TWO)
    assert str(caught.value) == (
        f"no camera {asked!r}; there is 0 (Integrated Webcam), 2 (Logitech C920)"
    )


def test_cameras_without_numbers_are_counted() -> None:
    named = [("HD Cam", "HD Cam"), ("Capture", "Capture")]
    assert camera.choose("1", named)[0] == "Capture"
    with pytest.raises(SourceError, match="no camera '2'"):
        camera.choose("2", named)


def test_no_camera_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "list_cameras", list)
    with pytest.raises(SourceError, match="no camera found; plug one in"):
        open_source(SourceSpec("camera"), SIZE, Drawing(SIZE))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="v4l2 is Linux")
def test_a_camera_that_does_not_open_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "list_cameras", lambda: [("977", "Ghost")])
    with pytest.raises(SourceError, match="camera Ghost cannot be opened: there is nothing"):
        open_source(SourceSpec("camera", "ghost"), SIZE, Drawing(SIZE))


def test_pictures_that_lay_in_a_queue_are_passed_over() -> None:
    # FFmpeg's own test picture, as fast as it can be had: all of it has been waiting for us
    reader = AvReader("camera fake", "testsrc2=size=96x64:rate=30", format="lavfi")
    live = LiveReader(reader, SIZE)
    stamps = []
    next_frame = reader.next_frame

    def counted() -> object:
        frame = next_frame()
        assert frame is not None
        stamps.append(frame.pts)
        return frame

    reader.next_frame = counted  # type: ignore[assignment, method-assign]
    picture = live.read()
    assert picture is not None
    assert picture.shape == (64, 64, 3)
    assert stamps == list(range(8)), "but not for ever"
    live.close()


def test_a_camera_that_ends_says_so() -> None:
    reader = AvReader("camera fake", "testsrc2=size=96x64:duration=0.2", format="lavfi")
    live = LiveReader(reader, SIZE)
    pictures = []
    while (picture := live.read()) is not None:
        pictures.append(picture)
    live.close()
    assert len(pictures) < 4
