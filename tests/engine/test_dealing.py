"""Several painters as one: who gets which picture, and in which order they come out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dealing import LONGEST_WAIT_S, Dealer, Gatherer
from engine.frames import FrameMailbox

PICTURE = np.zeros((8, 16, 3), np.uint8)


class Table:
    """Painters whose pictures come when the test says so, on a clock turned by hand."""

    def __init__(self, painters: int = 2) -> None:
        self.now = 100.0
        self.working = set(range(painters))
        self.inputs = {each: FrameMailbox.create(16, 8) for each in range(painters)}
        self.outputs = {each: FrameMailbox.create(16, 8) for each in range(painters)}
        self.dealer = Dealer(lambda: self.working)
        self.dealer.boxes = self.inputs
        self.gatherer = Gatherer(
            self.outputs, self.dealer, lambda: self.working, clock=lambda: self.now
        )

    def deal(self, captured_ns: int) -> int | None:
        """Whose picture it becomes."""
        before = {each: box.written for each, box in self.inputs.items()}
        self.dealer.put(PICTURE, captured_ns)
        got = [each for each, box in self.inputs.items() if box.written != before[each]]
        return got[0] if got else None

    def paint(self, painter: int) -> int | None:
        """It paints what it has; when that was captured."""
        frame = self.inputs[painter].take()
        if frame is None:
            return None
        self.outputs[painter].put(frame.picture, frame.captured_ns, frame.snapshot_seq)
        return frame.captured_ns

    def shown(self) -> list[int]:
        """Everything whose turn has come."""
        found = []
        while (frame := self.gatherer.take()) is not None:
            found.append(frame.captured_ns)
        return found

    def settle(self, paint_s: float) -> None:
        """Let each find its pace."""
        for turn in range(1, 21):
            self.deal(turn)
            self.now += paint_s / 2
            self.paint((turn - 1) % 2)
            self.shown()


@contextmanager
def table(painters: int = 2) -> Iterator[Table]:
    it = Table(painters)
    yield it
    for box in (*it.inputs.values(), *it.outputs.values()):
        box.close()


def test_they_take_pictures_in_turn() -> None:
    with table(3) as it:
        assert [it.deal(n) for n in range(1, 8)] == [0, 1, 2, 0, 1, 2, 0]
        it.working = {0, 2}
        assert [it.deal(n) for n in range(8, 12)] == [2, 0, 2, 0]
        it.working = set()  # nobody is ready: whoever will be first shall have one
        assert sorted(it.deal(n) or 0 for n in range(12, 15)) == [0, 1, 2]


def test_a_picture_of_another_size_is_for_nobody() -> None:
    with table() as it:
        assert it.dealer.put(np.zeros((4, 4, 3), np.uint8), 1) == 0
        it.dealer.boxes = {}
        assert it.deal(2) is None


def test_a_newer_picture_waits_for_the_older_one() -> None:
    with table() as it:
        it.settle(0.02)
        it.deal(101)
        it.deal(102)
        it.paint(1)
        assert it.shown() == []
        it.now += 0.005
        it.paint(0)
        assert it.shown() == [101, 102]
        assert it.gatherer.late == 0


def test_it_waits_no_longer_than_half_a_picture() -> None:
    with table() as it:
        it.settle(0.02)
        it.deal(101)
        it.deal(102)
        it.paint(1)
        assert it.shown() == []  # it has come
        it.now += 0.009
        assert it.shown() == []
        assert not it.gatherer.wait(0.0)
        it.now += 0.002
        assert it.gatherer.wait(0.0)
        assert it.shown() == [102]
        it.paint(0)  # too late: it would be a step back
        assert it.shown() == []
        assert it.gatherer.late == 1
        it.deal(103)
        it.paint(0)
        assert it.shown() == [103]


def test_nobody_waits_for_one_that_does_not_paint() -> None:
    with table() as it:
        it.settle(5.0)
        it.deal(101)
        it.deal(102)
        it.paint(1)
        assert it.shown() == []
        it.working = {1}
        assert it.shown() == [102]
        it.working = {0, 1}  # back again, and slow: the wait has an end at any pace
        it.deal(103)
        it.deal(104)
        it.paint(1 if it.paint(0) is None else 0)
        it.shown()
        it.deal(105)
        it.deal(106)
        it.paint(0)
        it.paint(1)
        it.now += LONGEST_WAIT_S + 0.001
        assert it.shown() == [105, 106]


@given(
    st.lists(
        st.tuples(st.sampled_from(("deal", "paint", "show", "stop", "go")), st.integers(0, 2)),
        max_size=120,
    ),
    st.floats(0.0, 0.05),
)
@settings(deadline=None)
def test_never_backwards_and_nothing_waits_for_ever(
    acts: list[tuple[str, int]], step_s: float
) -> None:
    with table(3) as it:
        captured, shown = 0, list[int]()
        for act, painter in acts:
            it.now += step_s
            if act == "deal":
                captured += 1
                it.deal(captured)
            elif act == "paint":
                it.paint(painter)
            elif act == "stop":
                it.working.discard(painter)
            elif act == "go":
                it.working.add(painter)
            else:
                shown += it.shown()
        for painter in range(3):
            it.paint(painter)
        for _ in range(4):
            it.now += LONGEST_WAIT_S
            shown += it.shown()
        assert shown == sorted(set(shown))
        assert it.gatherer.take() is None
        painted = sum(box.read for box in it.outputs.values())
        assert painted == len(shown) + it.gatherer.late


@pytest.mark.parametrize("painters", [1, 4])
def test_whoever_waits_is_woken_by_any_of_them(painters: int) -> None:
    with table(painters) as it:
        last = painters - 1
        for turn in range(1, painters + 1):
            it.deal(turn)
        it.working = {last}
        it.paint(last)
        assert it.gatherer.wait(60.0)
        assert it.shown() == [painters]
