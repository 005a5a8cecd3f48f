"""Playing and switching sources."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path

import pytest
import trio

from engine.controls import Change
from engine.errors import ControlError, SourceError
from engine.frames import FrameMailbox
from engine.latest import Frame
from engine.sources import Source, SourceSpec
from engine.sources import input as pump
from engine.sources.input import Input
from engine.sources.outlet import Outlet
from engine.sources.reader import Reader
from engine.sources.test_card import picture as card
from tests.helpers.media import make_video, numbered
from tests.sources.stage import (
    PATIENCE_S,
    SIZE,
    Props,
    is_blank,
    is_drawn,
    newest,
    open_files,
    plain,
    stage,
    table,
    threads,
    until,
)


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


async def test_a_source_that_opens_quickly_is_the_first_thing_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pump, "GRACE_S", PATIENCE_S)  # quickly, for whatever machine this is
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


async def test_whoever_asked_hears_why_it_cannot_be() -> None:
    async with stage("camera:1", props=Props(broken={"2"})) as show:
        told: list[object] = []
        show.controls.on_report(lambda _address, _text, origin: told.append(origin))
        await show.until_state("live")
        show.controls.set("input/source", "video:x.mp4", origin="me")
        await until(lambda: told)
        show.controls.set("input/source", "camera:2", origin="you")
        await until(lambda: len(told) > 1)
        assert told == ["me", "you"]


@pytest.mark.parametrize("wrong", ["video:/etc/passwd", "image:x.png", "video"])
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


async def test_what_is_no_source_is_refused_at_once() -> None:
    async with stage("camera:1") as show:
        await show.until_state("live")
        for wrong in ("camcorder", "", "screen:x"):
            with pytest.raises(ControlError):
                show.controls.set("input/source", wrong)
        assert (show.controls.get("input/source"), show.reports) == ("camera:1", [])


async def test_a_start_that_makes_no_sense_is_the_test_card() -> None:
    async with stage("video") as show:
        assert show.controls.get("input/source") == "test-card"
        assert "source 'video' is refused" in show.reports[0][1]
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


async def test_a_wish_withdrawn_is_not_named_any_more() -> None:
    props = Props(slow={"2": threading.Event()})
    async with stage("camera:1", props=props) as show:
        await show.until_state("live")
        show.controls.set("input/source", "camera:2")
        await until(lambda: "2" in props.attempts)
        show.controls.set("input/source", "camera:1")
        await show.until_state("live")
        show.controls.set("input/source", "video")
        await until(lambda: show.reports)
        assert show.controls.get("input/source") == "camera:1"
        props.broken.add("1")
        props.opened[0].fails = SourceError("gone")
        await until(lambda: len(show.reports) == 2)
        assert show.controls.get("input/state") == "lost", "and nothing is being opened"
        props.slow["2"].set()


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


async def test_the_stand_in_begins_with_the_card_s_beginning() -> None:
    async with stage("camera:1", props=Props(broken={"1"})) as show:
        first = show.input.latest.get()
        assert first is not None
        begins = [card(tick / 30, *SIZE) for tick in range(30)]
        assert any((first.picture == begin).all() for begin in begins)


def test_pictures_of_the_size_before_are_left_out() -> None:
    outlet = Outlet(SIZE)
    reader, stranger = (
        Reader(SourceSpec("camera"), SIZE, open_nothing, outlet.deliver, lambda *_: None)
        for _ in range(2)
    )
    outlet.own(reader)
    assert outlet.deliver(reader, plain(1, (8, 8)), 1)
    assert not outlet.deliver(stranger, plain(1, (8, 8)), 1)
    assert not outlet.deliver(stranger, plain(1), 1)
    assert outlet.latest.get() is None
    assert outlet.deliver(reader, plain(1), 1)
    assert outlet.latest.replaced == 1


def open_nothing(spec: SourceSpec, size: tuple[int, int]) -> Source:
    raise SourceError(f"nothing to open for {spec} at {size}")
