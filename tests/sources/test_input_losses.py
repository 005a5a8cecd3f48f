"""Sources that fail, hang, end, are cut, killed, and come back."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import trio

from engine.errors import SourceError
from engine.sources import input as pump
from tests.helpers.media import make_video, number_of, numbered
from tests.helpers.tools import need_tool
from tests.helpers.x11 import start_xvfb
from tests.sources.stage import (
    PATIENCE_S,
    Props,
    newest,
    plain,
    stage,
    threads,
    until,
)


@pytest.mark.usefixtures("hasty")
async def test_a_source_missing_at_the_start_is_awaited() -> None:
    props = Props(broken={"1"})
    async with stage("camera:1", props=props) as show:
        assert show.level() == -1
        await show.until_state("lost")
        await until(lambda: len(props.attempts) > 3)
        assert show.reports == [
            ("input/source", "camera 1 is broken; it is tried again by itself")
        ], "told once"
        assert show.controls.get("input/source") == "camera:1"
        props.broken.clear()
        await show.until_level(1)
        await show.until_state("live")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("how", ["fails", "ends", "breaks"])
async def test_a_source_that_is_lost_comes_back_by_itself(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage("camera:9") as show:
        await show.until_state("live")
        show.props.broken.add("9")
        live = show.props.opened[0]
        if how == "ends":
            live.ends = True
        else:
            live.fails = SourceError("gone") if how == "fails" else OSError("no such\ndevice")
        await show.until_state("lost")
        await show.until_level(-1)
        show.props.broken.clear()
        await show.until_level(9)
        await show.until_state("live")
        assert len(show.reports) == 1
        said = {"fails": "gone; it is", "ends": "has ended; it", "breaks": "failed: no such device"}
        assert said[how] in show.reports[0][1]
        assert live.closed
        live = show.props.opened[-1]
        live.fails = SourceError("gone again")
        await until(lambda: len(show.reports) == 2)
    assert bool(caplog.records) == (how == "breaks")


@pytest.mark.usefixtures("hasty")
async def test_a_read_that_never_returns_is_noticed() -> None:
    async with stage("camera:9") as show:
        await show.until_state("live")
        stuck = show.props.opened[0]
        stuck.stuck.set()
        await show.until_state("lost")
        await show.until_level(-1)
        assert "camera:9 has given no picture" in show.reports[0][1]
        await show.until_state("live")
        assert show.level() == 9
        assert len(show.props.opened) == 2
        stuck.level = 66
        stuck.stuck.clear()
        await until(lambda: stuck.closed)
        assert show.level() == 9, "the one that was given up has no say"


@pytest.mark.usefixtures("hasty")
async def test_threads_stuck_in_a_driver_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "OPEN_S", 0.2)
    never = threading.Event()
    props = Props(slow={"1": never})
    async with stage("camera:1", props=props) as show:
        await until(lambda: len(props.attempts) == 3)
        await trio.sleep(1.0)
        assert len(props.attempts) == 3
        assert "camera:1 has not opened for 0.2 s" in show.reports[0][1]
        never.set()
        await show.until_level(1)


async def test_threads_stuck_in_a_driver_do_not_pile_up_by_switching(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pump, "_WAIT_S", 0.1)
    never = threading.Event()
    props = Props(slow={"2": never})

    async def ask(source: str, state: str) -> None:
        show.controls.set("input/source", source)
        await show.until_state(state)

    async with stage("camera:1", props=props) as show:
        await show.until_state("live")
        await until(lambda: threads() == 1)
        for _ in range(8):
            await ask("camera:2", "opening")
            await ask("camera:1", "live")
        await until(lambda: len(props.attempts) >= 4)
        assert props.attempts == ["1", *"222"]
        assert threads() == 4
        before = len(show.reports)
        await ask("camera:2", "opening")
        await until(lambda: len(show.reports) > before)
        await trio.sleep(0.5)
        assert len(show.reports) == before + 1, "told once"
        assert "source camera:2 waits: 3 sources before it are stuck" in show.reports[-1][1]
        assert (show.controls.get("input/source"), show.level()) == ("camera:2", 1)
        await ask("video", "opening")
        await until(lambda: len(show.reports) == before + 2)
        assert show.controls.get("input/source") == "camera:2", "it waits on"

        show.controls.set("input/source", "drawing")
        await show.until_level(0)
        await show.until_state("live")
        assert props.attempts == ["1", *"222"], "what needs no driver does not wait"

        await ask("camera:3", "opening")
        await ask("camera:4", "opening")
        never.set()
        await show.until_level(4)
        await show.until_state("live")
        assert props.attempts == ["1", *"222", "4"], "the newest wish waited, and only that"


@pytest.mark.usefixtures("hasty")
async def test_a_switch_that_never_opens_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "OPEN_S", 0.3)
    props = Props(slow={"2": threading.Event()})
    async with stage("camera:1", props=props) as show:
        await show.until_state("live")
        show.controls.set("input/source", "camera:2")
        await until(lambda: show.reports)
        assert "camera:2 has not opened" in show.reports[0][1]
        assert (show.controls.get("input/source"), show.level()) == ("camera:1", 1)
        await show.until_state("live")
        props.slow["2"].set()


@pytest.mark.usefixtures("hasty")
async def test_leaving_a_lost_source_for_another() -> None:
    props = Props(broken={"1", "3"})
    async with stage("camera:1", props=props) as show:
        await show.until_state("lost")
        show.controls.set("input/source", "camera:3")
        await until(lambda: len(show.reports) == 2)
        assert show.controls.get("input/source") == "camera:1"
        await show.until_state("lost")
        show.controls.set("input/source", "camera:2")
        await show.until_level(2)
        await show.until_state("live")
        tried = props.attempts.count("1")
        await trio.sleep(0.5)
        assert props.attempts.count("1") == tried, "nobody waits for it any more"
        assert show.controls.get("input/source") == "camera:2"


async def test_asking_for_a_lost_source_again_tries_it_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pump, "RETRY_S", (3600.0,))
    props = Props(broken={"1"})
    async with stage("camera:1", props=props) as show:
        await show.until_state("lost")
        props.broken.clear()
        show.controls.set("input/source", "camera:1")
        await show.until_level(1)


@pytest.mark.usefixtures("hasty")
async def test_a_source_lost_during_a_switch() -> None:
    props = Props(slow={"2": threading.Event()})
    async with stage("camera:1", props=props) as show:
        await show.until_state("live")
        show.controls.set("input/source", "camera:2")
        await until(lambda: "2" in props.attempts)
        props.opened[0].fails = SourceError("gone")
        await until(lambda: show.reports)
        assert show.controls.get("input/state") == "opening"
        props.slow["2"].set()
        await show.until_level(2)
        assert show.controls.get("input/source") == "camera:2"


@pytest.mark.usefixtures("hasty")
async def test_a_change_of_size_reaches_every_reader() -> None:
    props = Props(broken={"1"}, slow={"2": threading.Event()})
    async with stage("camera:1", props=props) as show:
        await show.until_state("lost")
        show.controls.set("input/source", "camera:2")
        await until(lambda: "2" in props.attempts)
        show.input.connect(None, (64, 48))
        await until(lambda: newest(show.input).shape == (48, 64, 3))
        assert (newest(show.input) != plain(0, (64, 48))).any()
        props.slow["2"].set()
        await show.until_level(2)
        assert props.opened[-1].size == (64, 48)


async def test_a_stuck_read_does_not_hold_up_the_end() -> None:
    props = Props()
    async with stage("camera:1", props=props) as show:
        await show.until_state("live")
        props.opened[0].stuck.set()
        await until(props.opened[0].held.is_set)
        begun = time.monotonic()
    assert time.monotonic() - begun < PATIENCE_S
    assert threads() == 1, "left behind; it is a daemon"
    assert all(t.daemon for t in threading.enumerate() if t.name.startswith("source "))
    props.opened[0].stuck.clear()
    await until(lambda: threads() == 0)
    assert props.opened[0].closed


@pytest.mark.usefixtures("hasty")
async def test_a_real_video_is_cut_and_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump, "HOLD_S", 3.0)
    video = make_video(tmp_path / "v.mp4", (numbered(n) for n in range(128, 158)))
    whole = video.read_bytes()
    async with stage(f"video:{video}", size=(64, 64)) as show:
        await show.until_state("live")
        assert number_of(newest(show.input)) >= 128
        os.truncate(video, len(whole) // 3)
        await show.until_state("lost")
        assert len(show.reports) == 1
        assert "cut short while it played" in show.reports[0][1]
        assert number_of(newest(show.input)) >= 128, "its last picture"
        await until(lambda: (newest(show.input)[50] != newest(show.input)[50, 0]).any())  # the card
        video.write_bytes(whole)
        await show.until_state("live")
        await until(lambda: number_of(newest(show.input)) >= 128)
        assert len(show.reports) == 1


async def test_the_last_picture_stays_and_follows_a_new_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pump, "RETRY_S", (3600.0,))
    monkeypatch.setattr(pump, "HOLD_S", PATIENCE_S)
    async with stage("camera:9") as show:
        await show.until_state("live")
        show.props.opened[0].fails = SourceError("gone")
        await show.until_state("lost")
        before = show.input.latest.replaced
        await until(lambda: show.input.latest.replaced > before + 2)
        assert show.level() == 9
        show.input.connect(None, (64, 48))
        await until(lambda: newest(show.input).shape == (48, 64, 3))
        assert show.level() == 9


@pytest.mark.usefixtures("hasty")
async def test_a_real_screen_hangs_is_killed_and_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need_tool("Xvfb")
    server, display = await trio.to_thread.run_sync(start_xvfb, 320, 200)
    monkeypatch.setenv("DISPLAY", display)
    try:
        async with stage("screen") as show:
            await show.until_state("live")
            server.send_signal(signal.SIGSTOP)
            await show.until_state("lost")
            server.send_signal(signal.SIGCONT)
            await show.until_state("live")
            server.kill()
            server.wait()
            await show.until_state("lost")
            await show.until_level(-1)
            assert len(show.reports) == 2
            again = partial(start_xvfb, 320, 200, number=int(display[1:]))
            server, _ = await trio.to_thread.run_sync(again)
            await show.until_state("live")
            await until(lambda: show.level() == 0)
            assert len(show.reports) == 2
    finally:
        server.send_signal(signal.SIGCONT)
        server.kill()
        server.wait()
