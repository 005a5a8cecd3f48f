"""The show is played over OSC by programs that are not ours."""

from __future__ import annotations

import itertools
import subprocess
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import painted_more, played, recording_since
from tests.helpers.pictures import assert_clock, difference, loaded
from tests.helpers.tools import need_tool

pytestmark = pytest.mark.acceptance


def test_oscsend_changes_the_painted_picture(tmp_path: Path) -> None:
    need_tool("oscsend")
    data = tmp_path / "data"
    still = tmp_path / "still.png"
    from PIL import Image

    from tests.acceptance.test_real_input import quadrants

    Image.fromarray(quadrants()).save(still)
    with played("--headless", "--source", f"image:{still}", data=data) as (program, player):
        player.until(lambda: player.ask("painter/fps") > 0, "painting")
        port = str(player.to_port)

        def oscsend(*words: str) -> None:
            subprocess.run(["oscsend", "127.0.0.1", port, *words], check=True, timeout=60)

        def shot(name: str) -> Path:
            oscsend("/artflow/snapshot", "s", name)
            path = data / "snapshots" / f"{name}.png"
            program.until(path.exists, f"snapshot {name}")
            return path

        painted_more(player)
        one = loaded(shot("one"))
        again = loaded(shot("again"))
        assert difference(one, again) < 1.0, "a still input with a fixed seed rests"
        oscsend("/artflow/prompt/a", "s", "neon city at night")
        oscsend("/artflow/paint/strength", "f", "0.6")
        player.until_value("prompt/a", "neon city at night")
        player.until_value("paint/strength", pytest.approx(0.6))
        painted_more(player)
        other = loaded(shot("other"))
        assert difference(one, other) > 8
        oscsend("/artflow/panic", "")
        names = (f"safe-{number}" for number in itertools.count())
        program.until(
            lambda: difference(loaded(shot(next(names))), quadrants()) < 2.0,
            "the source, which panic shows",
        )
        assert program.stop() == 0


def test_a_stopped_show_closes_its_recording_and_exits_0(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with played("--headless", data=data) as (program, player):
        asked = time.monotonic()
        player.send("record/start", "take")
        recording = recording_since(player, asked)
        time.sleep(2)
        with recording.ending():
            program.process.terminate()
            assert program.ended() == 0
    assert_clock(data / "recordings" / "take.mp4", recording.elapsed_s)


def test_seconds_ends_the_show_by_itself(tmp_path: Path) -> None:
    with played("--headless", "--seconds", "2", data=tmp_path / "data") as (program, _):
        assert program.ended() == 0
