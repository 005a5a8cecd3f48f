from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import trio

from engine.controls import Change
from engine.errors import ControlError, SourceError
from engine.frames import FrameMailbox
from engine.latest import Frame, Picture
from engine.sources import input as pump
from engine.sources.drawing import PointerEvent
from engine.sources.input import Input
from engine.sources.test_card import picture as card
from tests.helpers.media import make_video, number_of, numbered
from tests.helpers.tools import need_tool
from tests.helpers.x11 import start_xvfb
from tests.sources.stage import PATIENCE_S, SIZE, Props, plain, stage, table, until


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses are noticed and made good sooner."""
    monkeypatch.setattr(pump, "HOLD_S", 0.3)
    monkeypatch.setattr(pump, "SILENT_S", 1.2)
    monkeypatch.setattr(pump, "RETRY_S", (0.1, 0.2))


async def test_the_test_card_is_there_at_once() -> None:
    async with stage() as show:
        first = show.input.latest.get()
        assert first is not None
        assert first.picture.shape == (24, 32, 3)
        await show.until_state("live")
        await until(lambda: show.input.latest.replaced > 5)
        newest = show.input.latest.get()
        assert newest is not None
        assert newest.seq > first.seq
        assert first.captured_ns < newest.captured_ns <= time.monotonic_ns()
        assert not show.reports


async def test_a_source_that_opens_quickly_is_the_first_thing_seen() -> None:
    async with stage("camera:7") as show:
        first = show.input.latest.get()
        assert first is not None
        assert first.seq == 1
        assert (first.picture == 7).all()
        await show.until_state("live")


async def test_the_test_card_stands_in_while_a_slow_source_opens() -> None:
    props = Props(slow={"7": threading.Event()})
    async with stage("camera:7", props=props) as show:
        assert (show.level(), show.controls.get("input/state")) == (-1, "opening")
        props.slow["7"].set()
        await show.until_level(7)
        await show.until_state("live")
        assert show.controls.get("input/source") == "camera:7"
        assert not show.reports


async def test_a_switch_leaves_no_gap() -> None:
    props = Props(slow={"2": threading.Event()})
    async with stage("camera:1", props=props) as show:
        await show.until_state("live")
        show.controls.set("input/source", "camera:2", origin="somebody")
        await until(lambda: "2" in props.attempts)
        await show.until_state("opening")
        before = show.input.latest.replaced
        await until(lambda: show.input.latest.replaced > before + 5)
        assert show.level() == 1, "the old one goes on"
        props.slow["2"].set()
        await show.until_level(2)
        await show.until_state("live")
        assert show.controls.get("input/source") == "camera:2"
        await until(lambda: props.opened[0].closed)
        assert show.level() == 2
        assert show.states == ["live", "opening", "live"]


async def test_a_source_that_cannot_be_opened_changes_nothing() -> None:
    seen: list[str] = []

    def hear(change: Change) -> None:
        if change.parameter.name == "input/source":
            seen.append(f"{change.value} by {change.origin}")

    async with stage("camera:1", props=Props(broken={"2"})) as show:
        await show.until_state("live")
        show.controls.listen(hear)
        show.controls.set("input/source", "camera:2", origin="me")
        await until(lambda: show.reports)
        assert show.reports == [("input/source", "camera 2 is broken")]
        assert seen == ["camera:2 by me", "camera:1 by None"], "in this order, for everybody"
        await show.until_state("live")
        assert show.level() == 1
        assert len(show.props.opened) == 1, "it was not even interrupted"


@pytest.mark.parametrize("wrong", ["camcorder", "video:/etc/passwd", "image:x.png", "video", ""])
async def test_what_may_not_be_played_is_refused_in_one_line(wrong: str) -> None:
    async with stage("camera:1") as show:
        await show.until_state("live")
        show.controls.set("input/source", wrong)
        await until(lambda: show.reports)
        assert len(show.reports) == 1
        assert "\n" not in show.reports[0][1]
        assert show.controls.get("input/source") == "camera:1"
        assert show.level() == 1
        assert show.props.attempts == ["1"]


async def test_a_start_that_makes_no_sense_is_the_test_card() -> None:
    async with stage("camcorder") as show:
        assert show.controls.get("input/source") == "test-card"
        assert "unknown source 'camcorder'" in show.reports[0][1]
        assert show.level() == -1


async def test_the_newest_wish_wins() -> None:
    props = Props(slow={"2": threading.Event()})
    async with stage("camera:1", props=props) as show:
        await show.until_state("live")
        show.controls.set("input/source", "camera:2")
        await until(lambda: "2" in props.attempts)
        show.controls.set("input/source", "camera:3")
        await show.until_level(3)
        props.slow["2"].set()
        await until(lambda: len(props.opened) == 3 and props.opened[-1].closed)
        assert show.level() == 3
        assert show.controls.get("input/source") == "camera:3"


async def test_a_wish_withdrawn_in_time_changes_nothing() -> None:
    props = Props(slow={"2": threading.Event()})
    async with stage("camera:1", props=props) as show:
        await show.until_state("live")
        show.controls.set("input/source", "camera:2")
        await until(lambda: "2" in props.attempts)
        show.controls.set("input/source", "camera:1")
        await show.until_state("live")
        props.slow["2"].set()
        await until(lambda: len(props.opened) == 2 and props.opened[1].closed)
        assert show.level() == 1
        assert not show.reports


async def test_a_wish_withdrawn_too_late_is_granted_first() -> None:
    async with stage("camera:1") as show:
        await show.until_state("live")
        told = threading.Event()
        tell = show.input._tell

        def late(reader: object, text: str | None) -> None:
            told.wait(PATIENCE_S)  # its first picture is out, but nobody knows
            tell(reader, text)  # type: ignore[arg-type]

        show.input._tell = late  # type: ignore[method-assign]
        show.controls.set("input/source", "camera:2")
        await show.until_level(2)
        show.input._tell = tell  # type: ignore[method-assign]
        show.controls.set("input/source", "camera:3")
        await show.until_level(3)
        told.set()
        await until(lambda: all(prop.closed for prop in show.props.opened[:2]))
        assert show.level() == 3
        assert show.controls.get("input/source") == "camera:3"


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
        assert show.level() == 9, "the last picture stays"
        before = show.input.latest.replaced
        await until(lambda: show.input.latest.replaced > before + 2)
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


async def test_mirroring_flips_left_and_right() -> None:
    async with stage("drawing") as show:
        show.controls.fire("draw/stroke", (0.0, 0.0))
        for mirror, lit in ((0, 0), (1, 31), (0, 0)):
            show.controls.set("input/mirror", mirror)
            await until(partial(is_lit, show.input, 0, lit))
            assert not is_lit(show.input, 0, 31 - lit)
            assert newest(show.input).flags.c_contiguous


async def test_a_show_can_start_mirrored() -> None:
    controls = table()
    controls.set("input/mirror", 1)
    controls.set("input/source", "drawing")
    what = Input(controls, SIZE)
    what.drawing.stroke([0.0, 0.0], (255, 255, 255), 0.3)
    async with trio.open_nursery() as nursery:
        await nursery.start(what.run)
        await until(lambda: is_lit(what, 0, 31))
        nursery.cancel_scope.cancel()


def is_lit(what: Input, row: int, column: int) -> bool:
    return bool(newest(what)[row, column].any())


def newest(what: Input) -> Picture:
    frame = what.latest.get()
    assert frame is not None
    return frame.picture


async def test_drawing_by_pointer_and_from_outside() -> None:
    async with stage("drawing") as show:
        await show.until_state("live")
        show.controls.set("draw/size", 8)
        show.controls.set("draw/color", "#0080FF")
        show.controls.fire("draw/stroke", (0.5, 0.5))
        await until(lambda: newest(show.input)[12, 16].tolist() == [0, 128, 255])
        for pressed in (True, True, False):
            show.input.pointer(PointerEvent(1, 0.1, 0.1, pressed))
        await until(lambda: newest(show.input)[2, 3].any())
        show.controls.fire("draw/undo")
        await until(lambda: not newest(show.input)[2, 3].any())
        show.controls.fire("draw/clear")
        await until(lambda: not newest(show.input).any())
        show.controls.fire("draw/undo")
        await until(lambda: newest(show.input).any())
        with pytest.raises(ControlError, match="pairs"):
            show.controls.fire("draw/stroke", (0.5,))


async def test_one_draws_where_one_sees_the_pointer_in_a_mirror_too() -> None:
    async with stage("drawing") as show:
        show.controls.set("input/mirror", 1)
        show.controls.set("draw/size", 6)
        show.input.pointer(PointerEvent(1, 0.2, 0.5, True))
        await until(lambda: newest(show.input)[12, 6].any())
        assert not newest(show.input)[12, 25].any()
        show.controls.fire("draw/stroke", (0.8, 0.2))
        await until(lambda: newest(show.input)[4, 25].any())


async def test_pointers_draw_only_where_the_drawing_is_shown() -> None:
    async with stage("camera:1") as show:
        await show.until_state("live")
        show.input.pointer(PointerEvent(1, 0.5, 0.5, True))
        show.input.pointer(PointerEvent(1, 0.5, 0.5, False))
        assert not show.input.drawing.picture(SIZE).any()
        show.controls.fire("draw/stroke", (0.5, 0.5))
        await until(lambda: not show.input.drawing.waiting)
        assert show.input.drawing.picture(SIZE).any(), "from outside it is prepared unseen"


async def test_a_colour_that_is_none_is_put_back() -> None:
    async with stage() as show:
        show.controls.set("draw/color", "#123abc")
        show.controls.set("draw/color", "red")
        await until(lambda: show.reports)
        assert show.reports == [("draw/color", "draw/color takes #rrggbb, not 'red'")]
        assert show.controls.get("draw/color") == "#123abc"


async def test_frames_flow_to_the_painter_and_follow_its_size() -> None:
    async with stage("camera:5") as show:
        for size in ((32, 24), (64, 64), (16, 8)):
            mailbox = FrameMailbox.create(*size)
            show.input.connect(mailbox, size)
            seen: list[Frame] = []
            while len(seen) < 3:
                assert await trio.to_thread.run_sync(mailbox.wait, PATIENCE_S)
                frame = mailbox.take()
                if frame is not None:
                    seen.append(frame)
            show.input.connect(None, size)
            mailbox.close()
            for frame in seen:
                assert (frame.picture == plain(5, size)).all()
                assert frame.captured_ns > 0
            assert newest(show.input).shape == (size[1], size[0], 3)
        before = show.input.latest.replaced
        await until(lambda: show.input.latest.replaced > before + 3)
        assert not show.reports


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


async def test_still_sources_keep_flowing_and_the_rate_is_told() -> None:
    async with stage("drawing") as show:
        await until(lambda: float(show.controls.get("input/fps")) > 5)
        first = show.input.latest.get()
        before = show.input.latest.replaced
        await until(lambda: show.input.latest.replaced > before + 5)
        again = show.input.latest.get()
        assert first is not None
        assert again is not None
        assert again.seq > first.seq
        assert again.captured_ns > first.captured_ns


async def test_only_the_current_source_writes() -> None:
    async with stage("camera:1") as show:
        await show.until_state("live")
        old = show.props.opened[0]
        old.stuck.set()
        show.controls.set("input/source", "camera:2")
        await show.until_level(2)
        mailbox = FrameMailbox.create(*SIZE)
        show.input.connect(mailbox, SIZE)
        old.stuck.clear()
        await until(lambda: old.closed)
        assert newest(show.input)[0, 0, 0] == 2
        await until(lambda: mailbox.written > 3)
        frame = mailbox.take()
        assert frame is not None
        assert (frame.picture == 2).all()
        show.input.connect(None, SIZE)
        mailbox.close()


def is_blank(what: Input) -> bool:
    return not newest(what).any()


def is_drawn(what: Input) -> bool:
    return not is_blank(what)


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def threads() -> int:
    return sum(thread.name.startswith("source ") for thread in threading.enumerate())


async def test_nothing_is_left_when_the_show_ends(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", (numbered(n) for n in range(128, 138)))
    spec = f"video:{video}"
    async with stage(spec):  # imports and caches
        pass
    await until(lambda: threads() == 0)
    files = open_files()
    for _ in range(3):
        async with stage(spec) as show:
            await show.until_state("live")
            show.controls.set("input/source", "drawing")
            await until(partial(is_blank, show.input))
            show.controls.set("input/source", "video")
            await until(partial(is_drawn, show.input))
        await until(lambda: threads() == 0)
    assert open_files() <= files


async def test_a_stuck_read_does_not_hold_up_the_end() -> None:
    props = Props()
    async with stage("camera:1", props=props) as show:
        await show.until_state("live")
        props.opened[0].stuck.set()
        begun = time.monotonic()
    assert time.monotonic() - begun < PATIENCE_S
    assert threads() == 1, "left behind; it is a daemon"
    assert all(t.daemon for t in threading.enumerate() if t.name.startswith("source "))
    props.opened[0].stuck.clear()
    await until(lambda: threads() == 0)
    assert props.opened[0].closed


async def test_what_one_can_step_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sources.camera.list_cameras", lambda: [("0", "a"), ("2", "b")])
    monkeypatch.setenv("DISPLAY", ":0")
    controls = table()
    controls.set("input/source", f"video:{tmp_path}/x.mp4")
    what = Input(controls, SIZE, ["image:y.png", "camera:4"])
    assert what.sources() == [
        *("test-card", "drawing", "camera:0", "camera:2", "screen"),
        *("image", "video"),
    ]
    monkeypatch.delenv("DISPLAY")
    assert "screen" not in what.sources()


@pytest.mark.usefixtures("hasty")
async def test_a_real_video_is_cut_and_put_back(tmp_path: Path) -> None:
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


async def test_the_stand_in_begins_with_the_card_s_beginning() -> None:
    async with stage("camera:1", props=Props(broken={"1"})) as show:
        first = show.input.latest.get()
        assert first is not None
        begins = [card(tick / 30, *SIZE) for tick in range(30)]
        assert any((first.picture == begin).all() for begin in begins)


async def test_the_last_picture_follows_a_new_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "RETRY_S", (3600.0,))
    async with stage("camera:9") as show:
        await show.until_state("live")
        show.props.opened[0].fails = SourceError("gone")
        await show.until_state("lost")
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
