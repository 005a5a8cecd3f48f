from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import pytest

from engine.frames import FrameMailbox
from engine.latest import Picture
from engine.mixing import LoraFile
from engine.painter import protocol
from engine.painter.copying import CopyPainter
from engine.painter.loop import STATS_EVERY_S, Finish, Orders, Pulse, Tally, paint_forever
from engine.painter.settings import Settings
from engine.painter.staging import Staging

T = TypeVar("T")


class Brightens(CopyPainter):
    """Adds the seed to every pixel, so that a picture shows the settings it was painted with.

    `mixed` are the mixes it was brought to.
    """

    def __init__(self) -> None:
        self.mixed: list[tuple[Mapping[str, float], float | None]] = []

    def mix(self, weights: Mapping[str, float], budget_ms: float | None) -> bool:
        self.mixed.append((weights, budget_ms))
        return True

    def paint(self, picture: Picture, settings: Settings) -> Picture:
        return picture + np.uint8(settings.seed)


class Loop:
    """The loop in a thread, with both mailboxes and what it sent."""

    def __init__(
        self, values: dict[str, float | int | str], painter: Brightens | None = None
    ) -> None:
        self.inputs = FrameMailbox.create(8, 8)
        self.outputs = FrameMailbox.create(8, 8)
        self.orders = Orders(protocol.Settings(1, values))
        self.sent: list[protocol.FromPainter] = []
        self.pulse = Pulse()
        self.painter = painter or Brightens()
        self._thread = threading.Thread(
            target=paint_forever,
            args=(
                self.painter,
                Staging(self.painter, self.sent.append),
                FrameMailbox(self.inputs.handle),
                FrameMailbox(self.outputs.handle),
                self.orders,
                self.pulse,
                self.sent.append,
            ),
        )
        self._thread.start()

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def of(self, kind: type[T]) -> list[T]:
        """The messages of this kind that were sent."""
        return [message for message in self.sent if isinstance(message, kind)]

    def close(self) -> None:
        self.orders.leave.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def test_paints_with_the_settings_of_the_moment_and_stamps_them() -> None:
    loop = Loop({"paint/seed": 5})
    try:
        loop.inputs.put(np.full((8, 8, 3), 10, np.uint8), 123)
        assert loop.outputs.wait(30)
        frame = loop.outputs.take()
        assert frame is not None
        assert (frame.picture == 15).all()
        assert (frame.captured_ns, frame.snapshot_seq) == (123, 1)
        loop.orders.newest = protocol.Settings(9, {"paint/seed": 7}, traced=True)
        loop.until(lambda: loop.of(protocol.Applied))
        assert [message.snapshot_seq for message in loop.of(protocol.Applied)] == [9]
        # the first picture is told of at once: from now on the painter has painted
        assert loop.of(protocol.Beat)[0].painted == 1
        loop.inputs.put(np.full((8, 8, 3), 10, np.uint8), 124)
        assert loop.outputs.wait(30)
        frame = loop.outputs.take()
        assert frame is not None
        assert (frame.picture == 17).all()
        assert frame.snapshot_seq == 9
    finally:
        loop.close()


def test_mixes_between_frames_and_while_none_comes() -> None:
    loop = Loop({"paint/active": 0})
    try:
        loop.orders.files = {"neon": LoraFile("neon.safetensors")}
        loop.orders.newest = protocol.Settings(2, {}, loras={"neon": 0.5})
        loop.until(lambda: loop.of(protocol.Staged))
        loop.until(lambda: loop.painter.mixed[-1] == ({"neon": 0.5}, 4.0))
        before = len(loop.painter.mixed)
        loop.inputs.put(np.zeros((8, 8, 3), np.uint8), 1)
        assert loop.outputs.wait(30)
        assert len(loop.painter.mixed) > before
    finally:
        loop.close()


class Overlaps(Brightens):
    """Begins a picture when the test allows it; `did` is what was begun and finished."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Semaphore(0)
        self.did: list[str] = []

    def begin(self, picture: Picture, settings: Settings) -> Finish:
        name = str(picture.max())
        self.did.append(f"begin {name}")
        assert self.gate.acquire(timeout=30)

        def finish() -> Picture:
            self.did.append(f"finish {name}")
            return self.paint(picture, settings)

        return finish

    def tend(self) -> None:
        self.did.append("tend")


OVERLAPPING = ["begin 1", "begin 2", "finish 1", "tend", "finish 2", "tend"]
IN_TURNS = ["begin 1", "finish 1", "tend", "begin 2", "finish 2", "tend"]


@pytest.mark.parametrize(("pipeline", "expected"), [(1, IN_TURNS), (2, OVERLAPPING)])
def test_a_pipeline_begins_the_next_picture_before_it_waits(
    pipeline: int, expected: list[str]
) -> None:
    painter = Overlaps()
    loop = Loop({"paint/pipeline": pipeline, "paint/seed": 0}, painter)
    try:
        loop.inputs.put(np.full((8, 8, 3), 1, np.uint8), 101)
        loop.until(lambda: painter.did)
        loop.inputs.put(np.full((8, 8, 3), 2, np.uint8), 102)  # there before the first is begun
        painter.gate.release(2)
        loop.until(lambda: len(painter.did) == 6)
        assert painter.did == expected
        frame = loop.outputs.take()
        assert frame is not None
        assert (frame.picture == 2).all()
        assert (frame.captured_ns, loop.outputs.written) == (102, 2)
    finally:
        loop.close()


def test_no_picture_waits_for_one_that_does_not_come() -> None:
    painter = Overlaps()
    loop = Loop({"paint/pipeline": 2}, painter)
    try:
        painter.gate.release()
        loop.inputs.put(np.full((8, 8, 3), 1, np.uint8), 101)
        assert loop.outputs.wait(30)
        loop.orders.newest = protocol.Settings(2, {"paint/pipeline": 2, "paint/active": 0})
        loop.inputs.put(np.full((8, 8, 3), 2, np.uint8), 102)
        loop.until(lambda: loop.inputs.read == 2)
        assert painter.did == ["begin 1", "finish 1", "tend"]
    finally:
        loop.close()


class Cramped(Brightens):
    """Has no memory for a picture until it gave up `can_give` things."""

    def __init__(self, can_give: list[str], needs: int, *, late: bool) -> None:
        super().__init__()
        self._can_give, self._needs, self._late = can_give, needs, late

    def begin(self, picture: Picture, settings: Settings) -> Finish:
        if not self._late:
            self._look()

        def finish() -> Picture:
            self._look()
            return self.paint(picture, settings)

        return finish

    def _look(self) -> None:
        if self._needs:
            raise MemoryError("none")

    def relieve(self) -> str | None:
        self._needs -= 1
        return self._can_give.pop(0) if self._can_give else None


@pytest.mark.parametrize("late", [False, True])
def test_without_memory_it_gives_things_up_and_goes_on(late: bool) -> None:
    loop = Loop({"paint/pipeline": 2}, Cramped(["compiled", "graphs"], 2, late=late))
    try:
        for number in range(1, 4):
            loop.inputs.put(np.full((8, 8, 3), number, np.uint8), number)
            loop.until(lambda: loop.inputs.read == loop.inputs.written)
        assert loop.outputs.wait(30)
        notes = [note.text for note in loop.of(protocol.Note)]
        assert notes == ["compiled", "graphs"]
    finally:
        loop.close()


def test_with_nothing_left_to_give_up_it_ends() -> None:
    painter = Cramped(["graphs"], 3, late=False)
    inputs, outputs = FrameMailbox.create(8, 8), FrameMailbox.create(8, 8)
    orders = Orders(protocol.Settings(1, {}))
    sent: list[protocol.FromPainter] = []

    def feed() -> None:
        for number in range(1, 3):
            inputs.put(np.zeros((8, 8, 3), np.uint8), number)
            while inputs.read < number:
                time.sleep(0.002)

    feeder = threading.Thread(target=feed)
    feeder.start()
    staging = Staging(painter, sent.append)
    reading = FrameMailbox(inputs.handle)
    with pytest.raises(MemoryError):
        paint_forever(painter, staging, reading, outputs, orders, Pulse(), sent.append)
    feeder.join(30)
    assert [each.text for each in sent if isinstance(each, protocol.Note)] == ["graphs"]


def test_stats_come_and_the_mark_grows_while_nothing_does() -> None:
    loop = Loop({"paint/active": 0})
    try:
        mark = loop.pulse.mark
        loop.inputs.put(np.zeros((8, 8, 3), np.uint8), 1)
        loop.until(lambda: loop.of(protocol.Stats))
        assert loop.pulse.mark > mark
        assert loop.outputs.written == 0
    finally:
        loop.close()


def test_a_tally_tells_medians_and_starts_again() -> None:
    now = 0.0
    tally = Tally(lambda: now)
    for frame_s in (0.01, 0.02, 0.09):
        tally.count(frame_s, frame_s * 2)
    assert not tally.due()
    now = STATS_EVERY_S
    assert tally.due()
    stats = tally.stats(CopyPainter())
    assert (stats.fps, stats.frame_ms, stats.latency_ms, stats.painted) == (6.0, 20.0, 40.0, 3)
    now += STATS_EVERY_S
    assert tally.stats(CopyPainter()).fps == 0


class LooksAhead(Brightens):
    """Has as much to do ahead as the test says; notes what it did in which order."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 0
        self.did: list[str] = []
        self.budgets: set[float] = set()

    def begin(self, picture: Picture, settings: Settings) -> Finish:
        self.did.append("begin")

        def finish() -> Picture:
            self.did.append("finish")
            return self.paint(picture, settings)

        return finish

    def look_ahead(self, settings: Settings, budget_ms: float) -> bool:  # noqa: ARG002
        self.did.append("ahead")
        self.budgets.add(budget_ms)
        self.left = max(0, self.left - 1)
        return self.left > 0


def test_looks_ahead_while_the_device_paints_and_while_no_picture_comes() -> None:
    painter = LooksAhead()
    loop = Loop({}, painter)
    try:
        loop.inputs.put(np.zeros((8, 8, 3), np.uint8), 1)
        loop.until(lambda: "finish" in painter.did)
        at = painter.did.index("begin")
        assert painter.did[at : at + 3] == ["begin", "ahead", "finish"]
        painter.left = 10_000  # in turns of 0.1 s it would take a quarter of an hour
        loop.until(lambda: painter.left == 0)
        assert painter.budgets == {Staging.budget_ms(0.0)}
    finally:
        loop.close()
