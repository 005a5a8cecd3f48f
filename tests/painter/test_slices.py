from __future__ import annotations

import threading

import pytest

from engine.painter.slices import Slices


class Clock:
    """One second later whenever it is looked at."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


class Counting:
    """Ten steps, with a pause before each."""

    def __init__(self) -> None:
        self.slices: Slices[str] = Slices(Clock())
        self.steps = 0
        self.threads: set[int] = set()

    def work(self) -> str:
        for _ in range(10):
            self.slices.pause()
            self.threads.add(threading.get_ident())
            self.steps += 1
        return "done"


def test_work_goes_on_where_it_stopped() -> None:
    counting = Counting()
    counting.slices.start(counting.work)
    assert counting.steps == 0, "only when it is let"
    seen = []
    while (answer := counting.slices.run(3.0)) is None:
        assert counting.slices.busy
        seen.append(counting.steps)
    assert seen == [2, 5, 8]
    assert (answer, counting.steps, counting.slices.busy) == ("done", 10, False)
    assert threading.get_ident() not in counting.threads


def test_no_time_is_a_step_and_no_limit_is_the_end() -> None:
    counting = Counting()
    counting.slices.start(counting.work)
    assert [counting.slices.run(0.0) for _ in range(3)] == [None] * 3
    assert counting.steps == 2, "the first stop comes before the first step"
    assert counting.slices.run(None) == "done"
    counting.slices.start(lambda: "again")
    assert counting.slices.run(0.0) == "again"
    assert len(counting.threads) == 1


def test_what_fails_is_told_where_it_is_run_and_the_next_may_come() -> None:
    def fail() -> str:
        slices.pause()
        raise MemoryError("no room")

    slices: Slices[str] = Slices(Clock())
    slices.start(fail)
    assert slices.run(0.0) is None
    with pytest.raises(MemoryError, match="no room"):
        slices.run(0.0)
    assert not slices.busy
    slices.start(lambda: "well")
    assert slices.run(None) == "well"


def test_elsewhere_a_pause_is_none() -> None:
    slices: Slices[str] = Slices(Clock())
    slices.pause()
    slices.start(lambda: "well")
    slices.run(0.0)
    slices.pause()
