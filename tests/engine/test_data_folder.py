from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from engine.data_folder import SUBFOLDERS, default_data_folder, open_data_folder
from engine.errors import SettingError


def test_the_environment_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARTFLOW_DATA", str(tmp_path / "mine"))
    assert default_data_folder() == tmp_path / "mine"
    assert open_data_folder().root == tmp_path / "mine"


def test_without_it_the_platform_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTFLOW_DATA", " ")
    assert default_data_folder().name == "artflow"
    monkeypatch.setenv("ARTFLOW_DATA", "~nobody-at-all/data")
    assert default_data_folder().is_absolute()


def test_sub_folders_are_made_when_asked_for(tmp_path: Path) -> None:
    data = open_data_folder(tmp_path / "a" / "b")
    assert list(data.root.iterdir()) == []
    for name in SUBFOLDERS:
        assert data.folder(name).is_dir()
    assert data.log_file == data.root / "logs" / "artflow.log"
    with pytest.raises(ValueError, match="no part of the data folder"):
        data.folder("elsewhere")


def test_a_file_in_its_place_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for place in (file, file / "below"):
        with pytest.raises(SettingError, match=r"cannot be written .*--data FOLDER") as caught:
            open_data_folder(place)
        assert "\n" not in str(caught.value)


def test_a_sub_folder_that_cannot_be_made(tmp_path: Path) -> None:
    data = open_data_folder(tmp_path)
    (tmp_path / "loras").write_text("")
    with pytest.raises(SettingError, match="loras cannot be written"):
        data.folder("loras")


def test_a_folder_without_room_or_rights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(**_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(SettingError, match="No space left on device"):
        open_data_folder(tmp_path)
