"""Several painters as one: who gets which picture, and in which order they come out."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dealing import LONGEST_WAIT_S, Dealer, Gatherer
from engine.frames import FrameMailbox
from engine.latest import Frame

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

    def newer_first(self, paint_s: float) -> None:
        """Of two pictures, 101 and 102, the newer one is painted; they take so long as a rule."""
        self.settle(paint_s)
        self.now += paint_s
        self.deal(101)
        self.deal(102)
        self.paint(1)
        assert self.shown() == []


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
        it.newer_first(0.02)
        it.now += 0.005
        it.paint(0)
        assert it.shown() == [101, 102]
        assert it.gatherer.late == 0


def test_it_waits_no_longer_than_half_a_picture() -> None:
    with table() as it:
        it.newer_first(0.02)
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
        it.newer_first(5.0)
        it.working = {1}
        assert it.shown() == [102]


def test_the_wait_has_an_end_at_any_pace() -> None:
    with table() as it:
        it.newer_first(5.0)
        it.now += LONGEST_WAIT_S + 0.001
        assert it.shown() == [102]


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
def test_whoever_waits_is_woken_by_any_of_them(
    painters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[list[int]] = []
    with table(painters) as it:
        last = painters - 1
        for turn in range(1, painters + 1):
            it.deal(turn)
        it.working = {last}

        def wait(fds: list[int], *_: object) -> None:
            heard.append(fds)
            it.paint(last)

        monkeypatch.setattr(select, "select", wait)
        assert it.gatherer.wait(60.0)
        assert heard == [[box.handle.hear_fd for box in it.outputs.values()]]
        assert it.shown() == [painters]


def test_who_has_not_taken_its_last_picture_gets_no_other() -> None:
    with table() as it:
        assert [it.deal(n) for n in (1, 2)] == [0, 1]
        it.paint(1)
        assert it.deal(3) == 1
        assert sorted(it.deal(n) or 0 for n in (4, 5)) == [0, 1]  # both are full: the newest wins
        it.paint(0)
        assert it.deal(6) == 0


def test_a_slow_one_beside_a_fast_one_costs_half_a_picture_at_most() -> None:
    """Painters of 12 and 200 ms, a source of 59 pictures a second, on a clock turned by hand."""
    with table() as it:
        due = {0: 0.0, 1: 0.0}
        takes = {0: 0.012, 1: 0.2}
        busy: dict[int, Frame | None] = {0: None, 1: None}
        after_ms = []
        for millisecond in range(10_000):
            it.now = 100.0 + millisecond / 1000
            if millisecond % 17 == 0:
                it.deal(millisecond + 1)
            for each, box in it.inputs.items():
                work = busy[each]
                if work is not None and it.now >= due[each]:
                    it.outputs[each].put(work.picture, work.captured_ns)
                    busy[each] = None
                if busy[each] is None and (frame := box.take()) is not None:
                    busy[each], due[each] = frame, it.now + takes[each]
            after_ms += [millisecond + 1 - captured for captured in it.shown()]
        assert len(after_ms) > 500  # of 589
        assert sorted(after_ms)[len(after_ms) // 2] <= 12 + 17 / 2 + 2


def test_another_reader_goes_on_where_the_one_before_was() -> None:
    with table() as it:
        it.deal(1)
        it.deal(2)
        it.paint(1)
        it.working = {1}
        assert it.shown() == [2]
        it.paint(0)
        after = Gatherer(it.outputs, it.dealer, lambda: it.working, clock=lambda: it.now)
        assert after.take() is None
        assert after.late == 1
