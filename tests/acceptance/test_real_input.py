"""Real sources go through the painter, to the recording and to the window."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from tests.acceptance.conftest import painted_more, played, recording_since
from tests.helpers.media import make_video
from tests.helpers.pictures import (
    Array,
    assert_clock,
    difference,
    likeness,
    loaded,
    recorded,
    screenshot,
)
from tests.helpers.player import Player
from tests.helpers.program import Program
from tests.helpers.tools import need_tool
from tests.helpers.x11 import xvfb

pytestmark = pytest.mark.acceptance

NOTHING = ((0, 0), (0, 0))
PATH = "/usr/local/bin:/usr/bin:/bin"
FAITHFUL = ("--seed", "2", "--prompt", "photo of flowers")


def quadrants(turn: int = 0, side: int = 256) -> Array:
    """Four coloured quarters with a bright disc: easy to tell apart, and which way is up."""
    colours = [(200, 40, 40), (40, 180, 60), (50, 70, 200), (220, 200, 60)]
    picture = np.zeros((side, side, 3), np.uint8)
    half = side // 2
    for index, (row, column) in enumerate(((0, 0), (0, half), (half, half), (half, 0))):
        colour = colours[(index + turn) % 4]
        picture[row : row + half, column : column + half] = colour
    y, x = np.mgrid[:side, :side]
    picture[(y - side * 0.3) ** 2 + (x - side * 0.3) ** 2 < (side * 0.12) ** 2] = 245
    return picture


def gentle(player: Player) -> None:
    """Settings at which the painted picture still shows its input."""
    player.send("paint/strength", 0.2)
    player.until_value("painter/state", "painting")
    player.until(lambda: player.ask("painter/fps") > 0, "painted pictures")


def assert_on_screen(program: Program, player: Player, display: str) -> None:
    """What the window shows is the audience's picture of the same moment."""
    need_tool("import")
    need_tool("xdotool")
    xdotool(display, "mousemove", "200", "200")
    xdotool(display, "key", "h")  # the overlay away
    player.send("output/freeze", 1)
    player.until_value("output/freeze", 1)
    player.send("snapshot", "on-screen")
    path = program.data / "snapshots" / "on-screen.png"
    program.until(path.exists, "snapshot")
    shown = loaded(path)
    begun = time.monotonic()
    while True:  # the window follows within a refresh or two; only a hang may end this
        screen = screenshot(display, program.data / "screen.png")
        lit = np.argwhere(screen.max(axis=2) > 24)
        (top, left), (bottom, right) = (lit.min(axis=0), lit.max(axis=0)) if len(lit) else NOTHING
        if likeness(screen[top : bottom + 1, left : right + 1], shown) > 0.9:
            break
        assert time.monotonic() < begun + 60, "the window shows another picture"
    player.send("output/freeze", 0)


def xdotool(display: str, *words: str) -> None:
    subprocess.run(
        ["xdotool", *words], check=True, env={"DISPLAY": display, "PATH": PATH}, timeout=60
    )


def test_a_video_file_is_painted_recorded_and_shown(tmp_path: Path) -> None:
    need_tool("Xvfb")
    need_tool("import")
    video = tmp_path / "real.mp4"
    make_video(video, [quadrants()] * 50, fps=25)
    take = tmp_path / "take.mp4"
    with (
        xvfb(800, 600) as display,
        played(
            *("--source", f"video:{video}", "--record", str(take), "--window", "512x512"),
            *FAITHFUL,
            data=tmp_path / "data",
            env={"DISPLAY": display},
        ) as (program, player),
    ):
        recording = recording_since(player, program.started)
        gentle(player)
        painted_more(player)
        time.sleep(0.5)
        player.send("output/mix", 0.0)
        time.sleep(1.5)
        with recording.ending():
            player.send("record/stop")
            player.until_value("record/active", 0)
        player.send("output/mix", 1.0)
        assert_on_screen(program, player, display)
        assert program.stop() == 0
    pictures, moments = recorded(take)
    assert_clock(moments, recording.elapsed_s)
    raw = pictures[-1]
    assert likeness(raw, quadrants()) > 0.97, "the input shows where output/mix is 0"
    painted = [picture for picture in pictures if difference(picture, raw) > 4]
    assert painted, "nothing painted was recorded"
    assert likeness(painted[len(painted) // 2], quadrants()) > 0.8


def test_a_live_screen_is_grabbed_and_painted(tmp_path: Path) -> None:
    need_tool("Xvfb")
    need_tool("display")
    from PIL import Image

    Image.fromarray(quadrants(side=480)).save(tmp_path / "still.png")
    take = tmp_path / "take.mp4"
    # the window on the first screen of a display, what is grabbed on its second
    with xvfb(480, 480, screens=2) as display:
        viewer = subprocess.Popen(
            ["display", "-display", f"{display}.1", "-geometry", "+0+0", tmp_path / "still.png"]
        )
        try:
            with played(
                *("--source", "screen:1", "--record", str(take), "--window", "400x400"),
                *FAITHFUL,
                data=tmp_path / "data",
                env={"DISPLAY": display},
            ) as (program, player):
                recording = recording_since(player, program.started)
                gentle(player)
                assert player.ask("input/source").startswith("screen")
                assert player.ask("input/state") == "live"
                painted_more(player)
                assert_on_screen(program, player, display)
                with recording.ending():
                    assert program.stop() == 0
        finally:
            viewer.kill()
            viewer.wait()
    pictures, moments = recorded(take)
    assert_clock(moments, recording.elapsed_s)
    assert max(likeness(picture, quadrants()) for picture in pictures[-20:]) > 0.75


def test_drawing_with_a_real_pointer_is_painted(tmp_path: Path) -> None:
    need_tool("Xvfb")
    need_tool("xdotool")
    take = tmp_path / "take.mp4"
    with (
        xvfb(512, 512) as display,
        played(
            *("--source", "drawing", "--window", "512x512", "--record", str(take)),
            *FAITHFUL,
            data=tmp_path / "data",
            env={"DISPLAY": display},
        ) as (program, player),
    ):
        recording = recording_since(player, program.started)
        gentle(player)
        player.send("draw/size", 60.0)
        player.send("draw/color", "#ff2020")

        for step in range(60, 460, 20):
            xdotool(display, "mousemove", str(step), "128")
            if step == 60:
                xdotool(display, "mousedown", "1")
        xdotool(display, "mouseup", "1")
        painted_more(player)
        assert_on_screen(program, player, display)
        player.send("draw/undo")
        painted_more(player)
        time.sleep(0.5)  # of recording
        with recording.ending():
            assert program.stop() == 0
    pictures, moments = recorded(take)
    assert_clock(moments, recording.elapsed_s)
    # the red stroke runs along the upper quarter, then is taken back
    band = [float(p[48:80, 60:196, 0].mean() - p[48:80, 60:196, 1].mean()) for p in pictures]
    assert max(band) > 60
    assert abs(band[-1] - band[5]) < max(band) / 3
