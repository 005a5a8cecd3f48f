"""What cannot be: one clear line, no traceback; the show goes on where it can."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from tests.acceptance.conftest import played
from tests.helpers.program import artflow

pytestmark = pytest.mark.acceptance


def refused(*arguments: str, data: Path, env: dict[str, str] | None = None) -> str:
    """Run what cannot run; the one line it gives."""
    with artflow("--headless", "--osc-port", "0", *arguments, data=data, env=env) as program:
        assert program.ended() == 1, program.output
    assert "Traceback" not in program.output
    lines = [line for line in program.lines if line.startswith("artflow: ")]
    assert len(lines) == 1, program.output
    return lines[0]


def test_an_unreadable_show_file(tmp_path: Path) -> None:
    line = refused(str(tmp_path / "none.yaml"), data=tmp_path / "data")
    assert "none.yaml" in line


def test_a_show_file_that_is_no_yaml(tmp_path: Path) -> None:
    show = tmp_path / "show.yaml"
    show.write_text("source: [test-card\nset: {")
    assert "show.yaml" in refused(str(show), data=tmp_path / "data")


def test_a_show_file_with_typos_names_their_places_and_the_rest_runs(tmp_path: Path) -> None:
    show = tmp_path / "show.yaml"
    show.write_text(
        "source: test-card\nsorce: camera\nset:\n  paint/strenght: 0.3\n  paint/seed: 11\n"
    )
    with played("--headless", str(show), data=tmp_path / "data") as (program, player):
        assert player.ask("paint/seed") == 11
        assert program.stop() == 0
    assert re.search(r"show\.yaml:2: .*'sorce'; did you mean 'source'", program.output)
    assert re.search(
        r"show\.yaml:4: .*'paint/strenght'; did you mean paint/strength", program.output
    )


def test_a_model_folder_without_parts(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    line = refused("--model", str(folder), data=tmp_path / "data")
    assert "unet" in line


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    line = refused("--model", "sd-turbx", data=tmp_path / "data")
    assert "did you mean sd-turbo" in line


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        line = refused("--osc-port", str(port), data=tmp_path / "data")
    assert str(port) in line
    assert "--osc-port" in line


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    line = refused(data=file / "data")
    assert "--data" in line


def test_no_such_camera_shows_the_test_card_and_says_so(tmp_path: Path) -> None:
    with played("--headless", "--source", "camera:77", data=tmp_path / "data") as (program, player):
        player.until(lambda: player.ask("painter/fps") > 0, "painting")
        program.says("input/source: no .*camera.*artflow devices")
        assert program.stop() == 0
    assert "Traceback" not in program.output


def test_no_display_is_said_in_one_line_and_it_runs_headless(tmp_path: Path) -> None:
    env = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "SDL_VIDEODRIVER": ""}
    with played(data=tmp_path / "data", env=env) as (program, player):
        program.says("running headless")
        player.until(lambda: player.ask("painter/fps") > 0, "painting")
        preview = program.says(r"preview")
        assert preview
        program.until(lambda: list((tmp_path / "data/snapshots").glob("preview*.png")), "preview")
        assert program.stop() == 0
    assert "Traceback" not in program.output


def test_bad_usage_is_exit_code_2(tmp_path: Path) -> None:
    with artflow("--size", "13x7", data=tmp_path / "data") as program:
        assert program.ended() == 2
    assert "Traceback" not in program.output


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_data_folder_without_rights(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert "cannot be written" in refused(data=locked)
