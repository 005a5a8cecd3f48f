"""What the parts do together: keys, models, errors, the end."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import gone, played, recording_since
from tests.helpers.loras_made import strong_lora
from tests.helpers.pictures import assert_clock
from tests.helpers.program import ROOT, artflow
from tests.helpers.tools import need_tool
from tests.helpers.x11 import xvfb

pytestmark = pytest.mark.acceptance

PATH = "/usr/local/bin:/usr/bin:/bin"


def test_keys_play_the_window_and_esc_twice_quits(tmp_path: Path) -> None:
    need_tool("Xvfb")
    need_tool("xdotool")
    (tmp_path / "data/loras").mkdir(parents=True)
    style = strong_lora(ROOT / "presets/models/rehearsal")
    (tmp_path / "data/loras/mine.safetensors").write_bytes(style)
    with (
        xvfb(640, 640) as display,
        played("--window", "512x512", data=tmp_path / "data", env={"DISPLAY": display}) as (
            program,
            player,
        ),
    ):

        def key(*names: str) -> None:
            subprocess.run(
                ["xdotool", "key", *names], env={"DISPLAY": display, "PATH": PATH}, timeout=60
            )

        # keys go where the pointer is, where there is no window manager
        subprocess.run(
            ["xdotool", "mousemove", "320", "320"], env={"DISPLAY": display, "PATH": PATH}
        )
        player.until_value("painter/state", "painting")
        key("b")
        player.until_value("output/blackout", 1)
        key("b")
        player.until_value("output/blackout", 0)
        key("Up")
        player.until(lambda: player.ask("paint/strength") == pytest.approx(0.55), "more strength")
        key("h", "question", "1", "s")
        program.until(lambda: list((tmp_path / "data/snapshots").glob("*.png")), "snapshot")
        key("Tab")
        player.until_value("input/source", "drawing")
        key("Escape", "Escape")
        assert program.ended() == 0
    assert re.search(r"\b1: \w", program.log), "1 loads the first style that is installed"


def test_a_model_changes_live_and_one_that_cannot_be_had_leaves_what_plays(tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(ROOT / "presets/models/rehearsal", data / "models/sd15-lcm")
    take = tmp_path / "take.mp4"
    with played("--headless", "--record", str(take), data=data) as (program, player):
        recording = recording_since(player, program.started)
        player.until(lambda: player.ask("painter/fps") > 0, "painting")
        player.send("subscribe", player.port)
        player.send("painter/model", "sdxl-turbo")
        player.until_value("painter/model", "rehearsal")
        player.until(lambda: player.last("error"), "an error")
        assert any("sdxl-turbo did not come" in str(word) for word in player.last("error") or [])
        player.send("painter/model", "sd15-lcm")
        program.says("painting with sd15-lcm")
        player.until(lambda: player.ask("painter/fps") > 0, "painting with the other")
        player.send("painter/restart")
        player.until(lambda: player.ask("painter/fps") > 0, "painting again")
        assert player.ask("painter/restarts") == 0, "asked for, not failed"
        with recording.ending():
            assert program.stop() == 0
    assert_clock(take, recording.elapsed_s)


def test_what_osc_was_refused_is_seen_by_the_operator(tmp_path: Path) -> None:
    with played("--headless", data=tmp_path / "data") as (program, player):
        player.send("paint/strenght", 0.4)
        program.says("OSC refused: /artflow/paint/strenght: unknown control .*paint/strength")
        assert program.stop() == 0


def test_without_osc_it_paints_and_stops(tmp_path: Path) -> None:
    with artflow("--headless", "--no-osc", "--seconds", "20", data=tmp_path / "data") as program:
        program.says("painting with rehearsal")
        assert "OSC" not in program.output
        program.process.send_signal(signal.SIGTERM)
        assert program.ended() == 0


def test_stopped_while_everything_starts(tmp_path: Path) -> None:
    for wait in (0.0, 0.15, 0.3, 0.6):
        with artflow("--headless", "--osc-port", "0", data=tmp_path / "data") as program:
            time.sleep(wait)
            children = program.children() if program.process.poll() is None else []
            program.process.send_signal(signal.SIGTERM)
            code = program.ended()
            # before Python listens to signals, the system ends it
            assert code in (0, -signal.SIGTERM), program.output
            assert "Traceback" not in program.output
            gone(children)
