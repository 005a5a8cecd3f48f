from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SettingError
from engine.outputs.names import reserve
from engine.plain_names import plain_name


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("take one", "take one"),
        ("  take  ", "take"),
        ("take.mp4", "take"),
        ("take.MP4", "take"),
        ("v1.2", "v1.2"),
        ("été 日本", "été 日本"),
        ("x" * 100, "x" * 100),
    ],
)
def test_plain_names_are_kept(name: str, stem: str) -> None:
    assert plain_name(name, ".mp4") == stem


@pytest.mark.parametrize("name", [None, "", "   "])
def test_without_a_name_there_is_date_and_time(name: str | None) -> None:
    assert plain_name(name, ".mp4", datetime(2026, 3, 4, 21, 5, 6)) == "2026-03-04 21.05.06"
    assert plain_name(name, ".mp4")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../x", "'/'"),
        ("a/b", "'/'"),
        ("a\\b", "'\\\\'"),
        ("c:x", "':'"),
        (".hidden", "dot"),
        ("..", "dot"),
        (".mp4", "empty"),
        ("a\nb", "control"),
        ("a\0b", "control"),
        ("a\udc80b", "control"),
        ("x" * 101, "101 characters"),
        ("日" * 80, "bytes"),
    ],
)
def test_anything_else_is_refused_in_one_line(name: str, why: str) -> None:
    with pytest.raises(SettingError, match="use a plain name") as caught:
        plain_name(name, ".mp4")
    text = str(caught.value)
    assert why in text
    assert "\n" not in text
    assert len(text) < 200


@given(st.text(max_size=130))
def test_whatever_is_asked_for_stays_in_its_folder(name: str) -> None:
    try:
        stem = plain_name(name, ".png")
    except SettingError:
        return
    path = Path("/folder") / f"{stem}.png"
    assert path.parent == Path("/folder")
    assert not path.name.startswith(".")
    assert len(path.name.encode()) <= 255


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    names = [reserve(folder, "take", ".mp4").name for _ in range(3)]
    assert names == ["take.mp4", "take-2.mp4", "take-3.mp4"]
