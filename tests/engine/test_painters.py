"""Two real painter processes as one: order, turns, and what becomes of the show when one dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import trio

from engine.controls import Controls
from engine.frames import FrameMailbox, FramesIn, FramesOut
from engine.latest import Frame
from engine.mixing import LoraFile, Mix
from engine.painters import Painters
from engine.painting import Job
from engine.parameters import PARAMETERS, TRIGGERS
from tests.helpers import painters

SIZE = (32, 24)


class In:
    mailbox: FramesIn | None = None
    connected = 0

    def connect(self, mailbox: FramesIn | None, size: tuple[int, int]) -> None:  # noqa: ARG002
        self.mailbox = mailbox
        self.connected += 1


class Out:
    painting = False
    painted: FramesOut | None = None

    def connect(self, painted: FramesOut | None) -> None:
        self.painted = painted


class Show:
    """A show of nothing but two painters, and what they said."""

    def __init__(self, painter: str) -> None:
        self.controls = Controls()
        self.controls.declare(*PARAMETERS, *TRIGGERS)
        self.inlet, self.outlet = In(), Out()
        self.notices: list[str] = []
        self.errors: list[str] = []
        self.staged: list[str] = []
        name = painter if painter == "copy" else f"{painters.MODULE}:{painter}"
        self.painters = Painters(
            self.controls,
            self.inlet,
            self.outlet,
            Job("test", SIZE, painter=name),
            ("cpu", "cpu"),
            notice=self.notices.append,
        )
        self.painters.on_staged = self.staged.append
        self.controls.on_report(lambda _address, text, _origin: self.errors.append(text))
        self.captured_ns = 0

    @property
    def pids(self) -> list[int]:
        return [each.pid for each in self.painters.each if each.pid is not None]

    def frames(self) -> list[int]:
        """What each has painted since it was started."""
        return [int(desk.get("painter/frames")) for desk in self.painters._desks]

    def state(self, number: int) -> str:
        return str(self.painters._desks[number].get("painter/state"))

    async def until(self, condition: Callable[[], object]) -> None:
        with trio.fail_after(60):
            while not condition():
                await trio.sleep(0.005)

    async def both(self) -> None:
        await self.until(lambda: [self.state(0), self.state(1)] == ["painting"] * 2)

    async def play(self, pictures: int, every_s: float = 0.01) -> list[Frame]:
        """Offer so many pictures, each of its own brightness; what came back, in order."""
        found: list[Frame] = []
        for number in range(pictures):
            picture = np.full((SIZE[1], SIZE[0], 3), number % 256, np.uint8)
            assert self.inlet.mailbox is not None
            self.inlet.mailbox.put(picture, time.monotonic_ns())
            await trio.sleep(every_s)
            found += self.taken()
        await trio.sleep(0.3)
        return found + self.taken()

    def taken(self) -> list[Frame]:
        assert self.outlet.painted is not None
        found = []
        while (frame := self.outlet.painted.take()) is not None:
            found.append(frame)
        return found


@asynccontextmanager
async def show(painter: str = "copy") -> AsyncIterator[Show]:
    it = Show(painter)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(it.painters.run)
        yield it
        nursery.cancel_scope.cancel()
    assert it.inlet.mailbox is None
    assert not [pid for pid in it.pids if os.path.exists(f"/proc/{pid}")]


def in_order(frames: list[Frame]) -> bool:
    times = [frame.captured_ns for frame in frames]
    return times == sorted(set(times))


async def test_both_paint_and_what_they_paint_comes_in_order() -> None:
    async with show("TakesItsTime") as it:
        await it.both()
        frames = await it.play(100)
        assert len(frames) > 60
        assert in_order(frames)
        assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1))
        # every picture is what was put, from both (a painter marks its own)
        marks = {int(frame.picture[0, 0, 1]) for frame in frames}
        assert len(marks) == 2
        await it.until(lambda: min(it.frames()) > 20)
        assert it.controls.get("painter/frames") == sum(it.frames())
        assert type(it.controls.get("painter/frames")) is int
        assert it.controls.get("painter/state") == "painting"
        assert it.notices == ["painting with test on cpu, cpu"]
        assert it.errors == []


async def test_when_one_dies_the_other_goes_on_and_it_comes_back() -> None:
    async with show() as it:
        await it.both()
        await it.play(20)
        first, second = it.pids
        os.kill(first, signal.SIGKILL)
        await it.until(lambda: it.state(0) != "painting")
        assert it.outlet.painting
        assert it.controls.get("painter/state") == "painting"
        frames = await it.play(30)
        assert len(frames) >= 20
        assert in_order(frames)
        [line] = it.errors
        assert line.startswith("cpu #1: the painter ")
        await it.both()  # started again
        assert it.pids[1] == second
        assert it.controls.get("painter/restarts") == 1
        frames = await it.play(40)
        assert in_order(frames)
        await it.until(lambda: min(it.frames()) > 10)


async def test_one_that_hangs_holds_nothing_up() -> None:
    async with show() as it:
        await it.both()
        await it.play(20)
        os.kill(it.pids[0], signal.SIGSTOP)
        try:
            await it.play(10)  # one of them is lost with it
            frames = await it.play(100, 0.02)
            assert len(frames) >= 75  # it would be half of them if it still got its turns
            assert in_order(frames)
        finally:
            os.kill(it.pids[0], signal.SIGCONT)


async def test_a_style_is_ready_when_both_have_it() -> None:
    async with show("ShowsItsMix") as it:
        await it.both()
        await it.play(20)
        mix = Mix({"neon": LoraFile("neon.safetensors")}, {"neon": 0.5})
        ready: list[int] = []
        it.painters.on_staged = lambda _id: ready.append(len(it.painters._have["neon"]))
        it.painters.blend(mix)
        await it.until(lambda: ready)
        assert ready == [2]
        frames = await it.play(20)
        assert {int(frame.picture[0, 0, 0]) for frame in frames} <= set(range(50, 70))


class Deaf(Show):
    """Painters that are no processes: the test says what each tells."""

    def __init__(self) -> None:
        super().__init__("copy")
        self.unfit: list[str] = []
        self.painters.on_unfit = lambda id, _text: self.unfit.append(id)
        for number in (0, 1):
            self.says(number, "painting")

    def says(self, number: int, state: str) -> None:
        self.painters._desks[number].publish("painter/state", state)

    def has(self, number: int, id: str) -> None:
        told = self.painters.each[number].on_staged
        assert told is not None
        told(id)

    def cannot(self, number: int, id: str) -> None:
        told = self.painters.each[number].on_unfit
        assert told is not None
        told(id, "broken")


NEON = LoraFile("neon.safetensors")


def test_a_style_waits_for_no_device_that_is_gone() -> None:
    it = Deaf()
    it.painters.blend(Mix({"neon": NEON}))
    it.has(0, "neon")
    assert it.staged == []
    it.says(1, "failed")
    assert it.staged == ["neon"]
    it.says(1, "starting")  # it reads it anew, and says so
    it.says(1, "painting")
    it.has(1, "neon")
    assert it.staged == ["neon"] * 2


def test_another_file_of_the_same_name_is_another_style() -> None:
    it = Deaf()
    it.painters.blend(Mix({"neon": NEON}))
    for number in (0, 1):
        it.has(number, "neon")
    it.painters.blend(Mix({"neon": NEON._replace(lost=1)}))
    it.staged.clear()
    it.has(0, "neon")
    assert it.staged == []
    it.has(1, "neon")
    assert it.staged == ["neon"]


def test_a_bad_file_is_told_once() -> None:
    it = Deaf()
    it.painters.blend(Mix({"neon": NEON}))
    for number in (0, 1):
        it.cannot(number, "neon")
    assert it.unfit == ["neon"]
    it.painters.blend(Mix())
    it.painters.blend(Mix({"neon": NEON}))
    it.cannot(1, "neon")
    assert it.unfit == ["neon"] * 2


def test_what_is_left_of_the_size_before_is_not_shown() -> None:
    it = Deaf()
    boxes = [FrameMailbox.create(*size) for size in (SIZE, SIZE, SIZE, SIZE, (64, 48), (64, 48))]
    for number in (0, 1):
        it.painters.deal(number, boxes[number], SIZE)
        it.painters._desks[number].connect(boxes[2 + number])
    boxes[3].put(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), 1)
    it.painters.deal(0, boxes[4], (64, 48))
    it.painters._desks[0].connect(boxes[5])
    assert it.outlet.painted is not None
    assert it.outlet.painted.take() is None
    boxes[5].put(np.zeros((48, 64, 3), np.uint8), 2)
    assert it.outlet.painted.take() is not None
    for box in boxes:
        box.close()


async def test_another_model_and_another_size() -> None:
    async with show() as it:
        await it.both()
        await it.play(10)
        before: Any = it.outlet.painted
        it.painters.change(Job("big", (64, 48), painter="copy"))
        await it.until(lambda: it.outlet.painted is not before)
        await it.until(lambda: "painting with big on cpu, cpu" in it.notices)
        await it.both()
        assert it.inlet.mailbox is not None
        for _ in range(20):
            it.inlet.mailbox.put(np.full((48, 64, 3), 9, np.uint8), time.monotonic_ns())
            await trio.sleep(0.01)
        await trio.sleep(0.3)
        assert {frame.picture.shape for frame in it.taken()} == {(48, 64, 3)}


@pytest.mark.parametrize("painter", ["NoModel"])
async def test_what_none_can_paint_is_a_failure_of_the_whole(painter: str) -> None:
    async with show(painter) as it:
        await it.until(lambda: it.controls.get("painter/state") == "failed")
        assert len(it.errors) == 2
        assert not it.outlet.painting
