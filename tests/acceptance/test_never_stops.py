"""Whatever dies, the picture, its clock and the controls go on."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import PATIENCE_S, frames_held, gone, played, recording_since
from tests.acceptance.test_real_input import quadrants
from tests.helpers.media import make_video
from tests.helpers.pictures import assert_clock
from tests.helpers.player import Player
from tests.helpers.tools import need_tool
from tests.helpers.x11 import start_xvfb

pytestmark = [pytest.mark.acceptance, pytest.mark.usefixtures("nothing_left")]


class Asker:
    """Asks for a value every 50 ms and remembers how long each answer took."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.waits: list[float] = []
        self.unanswered = 0

    def ask_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            begun = time.monotonic()
            heard = len(self.player.heard)
            self.player.send("paint/strength", "?")
            while time.monotonic() < begun + PATIENCE_S:
                new = self.player.heard[heard:]
                answer = next((t for t, name, _ in new if name == "/artflow/paint/strength"), None)
                if answer is not None:
                    self.waits.append(answer - begun)
                    break
                time.sleep(0.001)
            else:
                self.unanswered += 1
            time.sleep(max(0.0, begun + 0.05 - time.monotonic()))


def is_painter(pid: int) -> bool:
    try:
        return b"engine.painter" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def painter_of(children: list[int]) -> int:
    """The painter among the program's child processes."""
    [painter] = filter(is_painter, children)
    return painter


def test_killing_the_painter_ten_times_stops_nothing(tmp_path: Path) -> None:
    take = tmp_path / "take.mp4"
    with played("--headless", "--record", str(take), data=tmp_path / "data") as (program, player):
        recording = recording_since(player, program.started)
        player.until(lambda: player.ask("painter/fps") > 0, "painting")
        player.send("paint/strength", 0.25)
        player.send("subscribe", player.port)
        asker = Asker(player)
        killed, away_s, longest_s = [], [], []
        for number in range(1, 11):
            pid = painter_of(program.children())
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
            begun, asked = time.monotonic(), len(asker.waits)
            while player.ask("painter/restarts") < number or player.ask("painter/fps") == 0:
                asker.ask_for(0.25)
                assert time.monotonic() - begun < 120
            away_s.append(time.monotonic() - begun)
            longest_s.append(max(asker.waits[asked:]))
            asker.ask_for(1.2)  # steady enough to be started again at once
        assert len(set(killed)) == 10
        player.until(lambda: player.ask("painter/fps") > 0, "painting again")
        assert player.ask("paint/strength") == pytest.approx(0.25)
        children = program.children()
        with recording.ending():
            assert program.stop() == 0
    assert not asker.unanswered
    # a show that waited for its painter would answer when that is back
    assert sum(longest_s) < sum(away_s) / 2, (longest_s, away_s)
    assert_clock(take, recording.elapsed_s)
    gone((*killed, *children))


def test_a_killed_show_leaves_no_painter_behind(tmp_path: Path) -> None:
    with played("--headless", data=tmp_path / "data") as (program, player):
        player.until_value("painter/state", "painting")
        children = program.children()
        assert any(map(is_painter, children))
        assert len(frames_held(os.environ["ARTFLOW_TEST"])) >= 2, "the show's and the painter's"
        program.process.kill()
        program.process.wait()
        gone(children)


def test_a_video_truncated_while_it_plays_and_put_back(tmp_path: Path) -> None:
    video = tmp_path / "real.mp4"
    make_video(video, [quadrants(turn) for turn in range(4) for _ in range(10)], fps=25)
    whole = video.read_bytes()
    take = tmp_path / "take.mp4"
    with played(
        "--headless",
        *("--source", f"video:{video}", "--record", str(take)),
        data=tmp_path / "data",
    ) as (program, player):
        recording = recording_since(player, program.started)
        asker = Asker(player)
        with video.open("r+b") as file:
            file.truncate(len(whole) // 3)
        player.until(lambda: player.ask("input/state") == "lost", "lost source")
        asker.ask_for(3)
        video.write_bytes(whole)
        player.until(lambda: player.ask("input/state") == "live", "source again")
        asker.ask_for(1)
        with recording.ending():
            assert program.stop() == 0
    assert not asker.unanswered
    assert_clock(take, recording.elapsed_s)


def test_the_grabbed_screen_dies_and_comes_back(tmp_path: Path) -> None:
    need_tool("Xvfb")
    server, display = start_xvfb(320, 240)
    take = tmp_path / "take.mp4"
    try:
        with played(
            *("--headless", "--source", "screen", "--record", str(take)),
            data=tmp_path / "data",
            env={"DISPLAY": display},
        ) as (program, player):
            recording = recording_since(player, program.started)
            player.until_value("input/state", "live")
            server.kill()
            server.wait()
            asker = Asker(player)
            player.until(lambda: player.ask("input/state") == "lost", "lost source")
            asker.ask_for(3)
            assert program.process.poll() is None
            server, again = start_xvfb(320, 240, number=int(display[1:]))
            assert again == display
            player.until(lambda: player.ask("input/state") == "live", "screen again")
            with recording.ending():
                assert program.stop() == 0
    finally:
        server.kill()
        server.wait()
    assert not asker.unanswered
    assert_clock(take, recording.elapsed_s)
