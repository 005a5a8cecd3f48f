"""What waits for a beat or a bar happens on the first frame at or after it, in its order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from engine.beats import BeatLine
from engine.controls import Controls
from engine.moments import Goal, Moments
from engine.parameters import PARAMETERS, TRIGGERS
from engine.tempo import Tempo


class Stage:
    def __init__(self, quantize: str) -> None:
        self.controls = Controls()
        self.controls.declare(*PARAMETERS, *TRIGGERS)
        self.controls.set("scene/quantize", quantize)
        self.tempo = Tempo(self.controls, clock=trio.current_time)
        self.moments = Moments(self.controls, self.tempo)
        self.done: list[tuple[str, float]] = []

    def ask(self, name: str) -> None:
        self.moments.when(partial(self._do, name))

    def _do(self, name: str) -> None:
        self.done.append((name, self.tempo.beat_now()))


@asynccontextmanager
async def waiting(quantize: str) -> AsyncIterator[Stage]:
    stage = Stage(quantize)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.moments.run)
        yield stage
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("quantize", "beat"), [("beat", 1.0), ("bar", 4.0)])
async def test_all_that_waits_happens_in_its_order(
    quantize: str,
    beat: float,
    autojump_clock: MockClock,  # noqa: ARG001 -- pytest-trio takes the clock from the arguments
) -> None:
    async with waiting(quantize) as stage:
        await trio.sleep(0.25)
        stage.ask("one")
        stage.ask("two")
        assert stage.done == []
        await trio.sleep(3)
        assert [name for name, _ in stage.done] == ["one", "two"]
        assert [at for _, at in stage.done] == pytest.approx([beat, beat], abs=1e-6)


async def test_a_tempo_that_changes_meanwhile_is_followed(
    autojump_clock: MockClock,  # noqa: ARG001
) -> None:
    async with waiting("bar") as stage:
        await trio.sleep(0.5)
        stage.ask("one")
        await trio.sleep(0.5)
        stage.controls.set("tempo/bpm", 300)  # two beats more: 0.4 s
        await trio.sleep(0.41)
        [(_, beat)] = stage.done
        assert 4.0 - 1e-6 <= beat <= 4.0 + 5 / 120


async def test_nothing_waits_without_a_grid_or_a_beat(
    autojump_clock: MockClock,  # noqa: ARG001
) -> None:
    async with waiting("none") as stage:
        await trio.sleep(0.25)
        stage.ask("one")
        assert len(stage.done) == 1
        stage.controls.set("scene/quantize", "bar")
        stage.ask("two")
        assert len(stage.done) == 1
        stage.tempo.line = stage.tempo.line.plays(trio.current_time(), False)
        await trio.sleep(0.1)
        assert len(stage.done) == 2
        stage.ask("three")
        assert len(stage.done) == 3


async def test_what_waits_can_be_dropped(autojump_clock: MockClock) -> None:  # noqa: ARG001
    async with waiting("bar") as stage:
        await trio.sleep(0.25)
        stage.ask("one")
        stage.moments.clear()
        await trio.sleep(10)
        assert stage.done == []


def test_a_goal_moves_on_where_another_clock_counts_other_bars() -> None:
    goal = Goal.after(1.3, "bar")
    assert goal is not None
    goal = goal.seen(1.3, 10.0).seen(401.3, 10.01)
    assert goal == Goal(4.0, 404.0)
    assert not goal.reached(401.3)
    # however long nobody looked: what the beat may have done by itself is no jump
    assert goal.seen(409.0, 12.0) == goal


def test_a_goal_comes_nearer_where_the_beat_is_put_back() -> None:
    goal = Goal.after(9.0, "bar")
    assert goal == Goal(4.0, 12.0)
    assert goal.seen(11.0, 1.0) == goal
    assert goal.seen(12.1, 1.0) == goal
    assert goal.seen(0.5, 1.0) == Goal(4.0, 4.0)
    assert Goal.after(9.0, "none") is None
    line = BeatLine(0.0, 0.0, 120)
    assert goal.reached(line.beat_at(6.0))
