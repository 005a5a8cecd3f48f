from __future__ import annotations

import itertools
import math

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from engine.controls import Controls, Parameter
from engine.motion import TICKS_PER_S, Motion

SLEW_S = 0.5


class Stage:
    """Controls that move, on a clock turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.controls = Controls()
        self.controls.declare(
            Parameter("level", "f", 0.0, "", low=0.0, high=1.0, slew=SLEW_S),
            Parameter("angle", "f", 0.0, "", low=-180.0, high=180.0, slew=SLEW_S, wrap=True),
            Parameter("count", "i", 0, "", low=0, high=9, slew=SLEW_S),
            Parameter("word", "s", "", "", slew=SLEW_S),
            Parameter("sudden", "f", 0.0, "", low=0.0, high=1.0),
        )
        self.motion = Motion(self.controls, clock=lambda: self.now)

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.controls.travel(self.motion.step(self.now))

    def live(self, name: str = "level") -> float:
        return self.controls.snapshot.number(name)


def test_a_value_arrives_in_its_time_and_exactly() -> None:
    stage = Stage()
    stage.controls.set("level", 0.7)
    assert stage.controls.get("level") == 0.7
    assert stage.live() == 0.0
    stage.tick(SLEW_S / 2)
    assert stage.live() == pytest.approx(0.35)
    assert set(stage.motion.moving) == {"level"}
    stage.tick(SLEW_S / 2)
    assert stage.live() == 0.7
    assert not stage.motion.moving
    assert stage.motion.step(stage.now + 1) == {}


def test_only_sliding_numbers_travel() -> None:
    stage = Stage()
    stage.controls.set("count", 7)
    stage.controls.set("word", "now")
    stage.controls.set("sudden", 1.0)
    values = stage.controls.snapshot.values
    assert (values["count"], values["word"], values["sudden"]) == (7, "now", 1.0)
    assert not stage.motion.moving


def test_a_new_target_starts_from_where_the_value_is() -> None:
    stage = Stage()
    stage.controls.set("level", 1.0)
    stage.tick(SLEW_S / 2)
    stage.controls.set("level", 0.0)
    assert stage.live() == pytest.approx(0.5)
    stage.tick(SLEW_S / 2)
    assert stage.live() == pytest.approx(0.25)
    stage.tick(SLEW_S / 2)
    assert stage.live() == 0.0


def test_a_target_where_the_value_just_is_ends_the_travel() -> None:
    stage = Stage()
    stage.controls.set("level", 1.0)
    stage.tick(SLEW_S / 2)
    stage.controls.set("level", 0.5)
    stage.tick(SLEW_S)
    assert stage.live() == 0.5
    stage.controls.set("level", 0.5)
    assert not stage.motion.moving


def test_angles_take_the_short_way_round() -> None:
    stage = Stage()
    stage.controls.set("angle", 170.0)
    stage.tick(SLEW_S)
    stage.controls.set("angle", -170.0)
    stage.tick(SLEW_S / 4)
    assert stage.live("angle") == pytest.approx(175.0)
    stage.tick(SLEW_S / 2)
    assert stage.live("angle") == pytest.approx(-175.0)
    stage.tick(SLEW_S / 4)
    assert stage.live("angle") == -170.0
    # and back over the seam
    stage.controls.set("angle", 170.0)
    stage.tick(SLEW_S / 4)
    assert stage.live("angle") == pytest.approx(-175.0)


levels = st.floats(0, 1)
times = st.floats(0, 2 * SLEW_S)


@given(levels, levels, st.lists(times, max_size=20))
def test_the_way_is_monotone_and_stays_between_its_ends(
    start: float, target: float, moments: list[float]
) -> None:
    stage = Stage()
    stage.controls.set("level", start)
    stage.tick(SLEW_S)
    stage.controls.set("level", target)
    begun = stage.now
    seen = [start]
    for moment in sorted(moments):
        stage.tick(begun + moment - stage.now)
        seen.append(stage.live())
    stage.tick(begun + 2 * SLEW_S - stage.now)
    seen.append(stage.live())
    assert seen[-1] == target
    assert seen == sorted(seen, reverse=target < start)


@given(st.lists(st.tuples(st.integers(0, 60), levels), max_size=10))
@settings(deadline=None)
def test_slow_and_fast_frames_see_the_same(moves: list[tuple[int, float]]) -> None:
    """At equal times 30 and 120 ticks a second give equal values, interrupted or not."""
    seen = []
    for per_frame in (1, 4):
        stage = Stage()
        waiting = sorted(moves, key=lambda move: move[0])
        places = []
        for frame in range(100):
            while waiting and waiting[0][0] <= frame:
                stage.controls.set("level", waiting.pop(0)[1])
            for _ in range(per_frame - 1):
                stage.tick(1 / 30 / per_frame)
            stage.now = 1000 + (frame + 1) / 30
            stage.tick(0)
            places.append(stage.live())
        seen.append(places)
    assert seen[0] == seen[1]


@given(
    st.lists(st.tuples(st.floats(0, SLEW_S), st.floats(-180, 180)), min_size=1, max_size=8),
    st.sampled_from((30, 120)),
)
@settings(deadline=None)
def test_interrupted_travel_never_jumps(moves: list[tuple[float, float]], fps: int) -> None:
    stage = Stage()
    stage.tick(0)
    seen = [0.0]
    for pause, target in moves:
        stage.controls.set("angle", target)
        for _ in range(math.ceil(pause * fps)):
            stage.tick(1 / fps)
            seen.append(stage.live("angle"))
    stage.tick(SLEW_S)
    assert stage.live("angle") == moves[-1][1]
    for earlier, later in itertools.pairwise(seen):
        turn = abs(later - earlier) % 360
        # the fastest way there is: half a turn in the slew time
        assert min(turn, 360 - turn) <= 180 / SLEW_S / fps + 1e-6


async def test_it_runs_while_something_moves(autojump_clock: MockClock) -> None:
    controls = Controls()
    controls.declare(Parameter("level", "f", 0.0, "", low=0.0, high=1.0, slew=SLEW_S))
    motion = Motion(controls)
    places: list[tuple[float, float]] = []
    travel = controls.travel

    def noting(values: dict[str, float | int | str]) -> None:
        travel(values)
        now = autojump_clock.current_time()
        places.append((now - begun, controls.snapshot.number("level")))

    controls.travel = noting  # type: ignore[assignment, method-assign]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(motion.run)
        await trio.sleep(10)
        assert places == []
        for target in (1.0, 0.25):
            begun = autojump_clock.current_time()
            places.clear()
            controls.set("level", target)
            await trio.sleep(10)
            ticks = round(SLEW_S * TICKS_PER_S)
            assert len(places) in (ticks, ticks + 1)
            assert [at for at, _ in places] == pytest.approx(
                [(n + 1) / TICKS_PER_S for n in range(len(places))]
            )
            assert places[-1][1] == target
        nursery.cancel_scope.cancel()
