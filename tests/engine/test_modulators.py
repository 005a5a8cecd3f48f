from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from engine.controls import Controls, Parameter, Value
from engine.modulators import Modulators
from engine.motion import TICKS_PER_S, Motion, next_tick
from engine.parameters import MODULATORS, PARAMETERS, RIDE_S, SAFE_PICTURE, SHAPES, TRIGGERS

BRIGHTNESS = "output/brightness"  # 0..2, at 1


class Stage:
    """Every control, on a beat and a clock turned by hand."""

    def __init__(self, seed: int = 0) -> None:
        self.beat = 0.0
        self.now = 100.0
        self.reports: list[tuple[str, str]] = []
        self.controls = Controls()
        self.controls.declare(*PARAMETERS, *TRIGGERS)
        self.controls.on_report(lambda name, text, _origin: self.reports.append((name, text)))
        self.motion = Motion(self.controls, clock=lambda: self.now)
        self.modulators = Modulators(self.controls, lambda: self.beat, seed=seed)

    def modulate(self, number: int = 1, target: str = BRIGHTNESS, **more: Value) -> None:
        for name, value in {"target": target, **more, "active": 1}.items():
            self.controls.set(f"mod/{number}/{name}", value)
        self.pass_s(1)

    def pass_s(self, seconds: float) -> None:
        self.now += seconds
        self.controls.travel(self.motion.step(self.now))
        self.modulators.step()

    def shown(self, name: str = BRIGHTNESS, beat: float | None = None) -> float:
        if beat is not None:
            self.beat = beat
            self.modulators.step()
        return self.controls.snapshot.number(name)


def test_a_modulator_moves_its_target_around_its_value() -> None:
    stage = Stage()
    stage.modulate(shape="sine", beats=4, depth=0.5)
    assert [stage.shown(beat=beat) for beat in range(5)] == pytest.approx([1, 1.5, 1, 0.5, 1])
    assert stage.controls.get(BRIGHTNESS) == stage.controls.at(BRIGHTNESS) == 1.0
    stage.controls.set(BRIGHTNESS, 1.2)
    stage.pass_s(1)
    assert stage.shown(beat=5) == pytest.approx(1.7)


def test_depth_and_phase_and_beats() -> None:
    stage = Stage()
    stage.modulate(shape="saw", beats=0.5, depth=-1, phase=0.25)
    assert stage.shown(beat=0) == pytest.approx(1.5)
    assert stage.shown(beat=0.25) == pytest.approx(0.5)
    assert stage.shown(beat=10.25) == pytest.approx(0.5)


def test_it_stops_at_the_ends_and_angles_go_round() -> None:
    stage = Stage()
    stage.controls.set(BRIGHTNESS, 1.9)
    stage.controls.set("feedback/rotate", 170.0)
    stage.modulate(1, shape="square", depth=0.5)
    stage.modulate(2, "feedback/rotate", shape="square", depth=0.5)
    assert stage.shown() == 2.0
    assert stage.shown("feedback/rotate") == pytest.approx(-100)
    assert stage.shown(beat=2) == pytest.approx(1.4)
    assert stage.shown("feedback/rotate") == pytest.approx(80)


def test_two_on_one_target_add_up() -> None:
    stage = Stage()
    stage.modulate(1, shape="square", depth=0.25)
    stage.modulate(8, shape="square", depth=0.5, beats=8)
    assert [stage.shown(beat=beat) for beat in (0, 2, 4)] == pytest.approx([1.75, 1.25, 0.75])


def test_it_leaves_no_trace() -> None:
    stage = Stage()
    before = dict(stage.controls.snapshot.values)
    stage.modulate(shape="square", depth=1)
    assert stage.shown() == 2.0
    stage.controls.set("mod/1/active", 0)
    assert stage.shown() == before[BRIGHTNESS]  # in the same turn
    for row in ("target", "shape", "depth"):
        stage.controls.reset(f"mod/1/{row}")
    stage.pass_s(1)
    assert dict(stage.controls.snapshot.values) == before


def test_another_target_lets_the_first_go() -> None:
    stage = Stage()
    stage.modulate(shape="square", depth=1)
    stage.controls.set("mod/1/target", "output/contrast")
    assert stage.shown() == 1.0
    assert stage.shown("output/contrast") == 2.0


def test_panic_ends_them_all_in_its_own_turn() -> None:
    stage = Stage()
    for number in MODULATORS:
        stage.modulate(number, shape="square", depth=0.125)
    assert stage.shown() == 2.0
    for name, value in SAFE_PICTURE.items():
        stage.controls.set(name, value)
    assert stage.shown() == 1.0
    assert not stage.modulators.active()


def test_it_rides_on_a_fade() -> None:
    stage = Stage()
    stage.modulate(shape="square", depth=0.25)
    stage.controls.set(BRIGHTNESS, 0.5)
    stage.pass_s(RIDE_S / 2)
    assert stage.shown() == pytest.approx(0.75 + 0.25)
    stage.controls.set("mod/1/active", 0)
    assert stage.shown() == pytest.approx(0.75)
    stage.pass_s(RIDE_S)
    assert stage.shown() == 0.5


def test_a_fade_begins_where_the_value_is_not_where_the_modulator_has_it() -> None:
    stage = Stage()
    stage.modulate(shape="square", depth=1)
    stage.controls.set(BRIGHTNESS, 0.0)
    assert stage.motion.moving[BRIGHTNESS].at(stage.now) == 1.0


@given(
    shape=st.sampled_from(SHAPES),
    beat=st.floats(-100, 1e4),
    beats=st.floats(0.0625, 64),
    depth=st.floats(-1, 1),
    phase=st.floats(0, 1),
    base=st.floats(0, 2),
    seed=st.integers(0, 99),
)
def test_it_stays_in_range_and_repeats(
    shape: str, beat: float, beats: float, depth: float, phase: float, base: float, seed: int
) -> None:
    told = []
    for way in ((beat,), (beat + 3, beat - 1, beat)):
        stage = Stage(seed)
        stage.controls.set(BRIGHTNESS, base)
        stage.modulate(shape=shape, beats=beats, depth=depth, phase=phase)
        told.append([stage.shown(beat=each) for each in way][-1])
    assert told[0] == told[1]
    assert 0 <= told[0] <= 2
    assert abs(told[0] - base) <= abs(depth) + 1e-9


def test_chance_differs_by_modulator_and_by_seed() -> None:
    told = set()
    for seed in range(3):
        stage = Stage(seed)
        for number in (1, 2):
            stage.modulate(number, shape="random", depth=1, beats=1)
            told.add(stage.shown(beat=5))
            stage.controls.set(f"mod/{number}/active", 0)
    assert len(told) == 6


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("output/brightnes", "did you mean output/brightness"),
        ("output/blackout", "no float with a range"),
        ("prompt/a", "no float with a range"),
        ("painter/fps", "a reported value"),
        ("mod/2/depth", "no part of the picture"),
        ("tempo/bpm", "no part of the picture"),
        ("panic", "unknown control"),
    ],
)
def test_what_cannot_be_moved_is_told_once_it_is_on(target: str, words: str) -> None:
    stage = Stage()
    before = stage.controls.get("tempo/bpm")
    stage.controls.set("mod/1/target", target)
    assert not stage.reports
    stage.controls.set("mod/1/active", 1)
    [(name, text)] = stage.reports
    assert name == "mod/1/target"
    assert words in text
    assert not stage.modulators.active()
    assert stage.controls.get("tempo/bpm") == before


def test_a_target_that_comes_later_is_moved_then() -> None:
    stage = Stage()
    stage.modulate(1, "preset/neon/weight", shape="square", depth=0.5)
    assert stage.reports
    stage.controls.declare(Parameter("preset/neon/weight", "f", 0.0, "", low=-2.0, high=2.0))
    assert stage.shown("preset/neon/weight", beat=0) == 1.0


def test_the_sound_goes_one_way() -> None:
    stage = Stage()
    stage.modulate(shape="audio-low", depth=0.5)
    assert stage.shown(beat=1) == 1.0
    stage.controls.publish("audio/low", 0.6)
    assert stage.shown(beat=1) == pytest.approx(1.6)


async def test_it_runs_while_something_rides_and_sleeps_else(
    autojump_clock: MockClock,  # noqa: ARG001
) -> None:
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    beats: list[float] = []

    def beat() -> float:
        beats.append(trio.current_time())
        return beats[-1]

    modulators = Modulators(controls, beat)
    Motion(controls)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(modulators.run)
        await trio.sleep(10)
        asleep = len(beats)
        assert asleep < 5
        controls.set("mod/1/target", BRIGHTNESS)
        controls.set("mod/1/active", 1)
        seen = set()
        for _ in range(TICKS_PER_S):
            await trio.sleep(1 / TICKS_PER_S)
            seen.add(controls.snapshot.number(BRIGHTNESS))
        assert len(seen) > TICKS_PER_S * 0.9
        controls.set("mod/1/active", 0)
        assert controls.snapshot.number(BRIGHTNESS) == 1.0
        await trio.sleep(1)
        awake = len(beats)
        await trio.sleep(10)
        assert len(beats) <= awake + 1
        nursery.cancel_scope.cancel()


async def test_a_target_that_is_declared_later_wakes_it(
    autojump_clock: MockClock,  # noqa: ARG001
) -> None:
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    modulators = Modulators(controls, trio.current_time)
    Motion(controls)
    name = "preset/neon/weight"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(modulators.run)
        controls.set("mod/1/target", name)
        controls.set("mod/1/active", 1)
        await trio.sleep(3)
        controls.declare(Parameter(name, "f", 0.0, "", low=-2.0, high=2.0))
        await trio.sleep(1.5)
        seen = set()
        for _ in range(20):
            await trio.sleep(1 / TICKS_PER_S)
            seen.add(controls.snapshot.number(name))
        assert len(seen) > 10
        nursery.cancel_scope.cancel()


@given(st.floats(0, 1e7))
def test_the_next_tick_is_ahead_and_near(now: float) -> None:
    tick = next_tick(now)
    assert now < tick <= now + 2 / TICKS_PER_S
    assert tick * TICKS_PER_S == pytest.approx(round(tick * TICKS_PER_S))
