"""Fades on a clock turned by hand: monotone, exact, the same for every frame rate, never a jump."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import oklab
from engine.controls import Controls, Parameter, Value
from engine.fading import Beaten, Course, Fader, Part, Timed, travels
from engine.motion import Motion
from engine.parameters import PARAMETERS, RIDE_S

ROWS = (
    Parameter("level", "f", 0.0, "", low=0.0, high=1.0, slew=RIDE_S),
    Parameter("zoom", "f", 1.0, "", low=0.5, high=2.0, log=True),
    Parameter("angle", "f", 0.0, "", low=-180.0, high=180.0, wrap=True),
    Parameter("count", "i", 0, "", low=0, high=100),
    Parameter("colour", "s", "#000000", "", form="#rrggbb"),
    Parameter("now", "i", 0, "", low=0, high=1),
    Parameter("halfway", "i", 0, "", low=0, high=1, turns="mid"),
    Parameter("word", "s", "", "", turns="mid"),
)
TARGETS: dict[str, Value] = {
    "level": 0.7,
    "zoom": 2.0,
    "angle": -170.0,
    "count": 57,
    "colour": "#ff8000",
    "now": 1,
    "halfway": 1,
    "word": "neon",
}


class Stage:
    def __init__(self) -> None:
        self.now = 100.0
        self.controls = Controls()
        self.controls.declare(*ROWS)
        self.motion = Motion(self.controls, clock=lambda: self.now)
        self.fader = Fader(self.controls, self.motion)

    def go(self, targets: dict[str, Value], course: Course | float) -> None:
        way = Timed(self.now, course) if isinstance(course, (int, float)) else course
        self.fader.begin(targets, lambda _name: way, self.now)

    def to(self, now: float) -> None:
        self.now = now
        self.controls.travel(self.motion.step(now))
        self.fader.step(now)

    def live(self, name: str) -> Value:
        return self.controls.snapshot.values[name]

    def number(self, name: str = "level") -> float:
        return self.controls.snapshot.number(name)


def test_everything_arrives_together_exactly_and_not_before() -> None:
    stage = Stage()
    stage.go(TARGETS, 4.0)
    assert stage.controls.get("level") == 0.7
    assert stage.number() == 0.0
    assert (stage.live("now"), stage.live("halfway")) == (1, 0)
    assert stage.fader.pending == {"halfway": 1, "word": "neon"}
    stage.to(101.9999)
    assert (stage.live("halfway"), stage.live("word")) == (0, "")
    stage.to(102.0)
    assert (stage.live("halfway"), stage.live("word")) == (1, "neon")
    assert stage.number() == pytest.approx(0.35)
    assert stage.number("zoom") == pytest.approx(math.sqrt(2.0))
    assert stage.number("angle") == pytest.approx(-85.0)
    assert stage.live("count") == 29
    stage.to(103.9999)
    moving = ("level", "zoom", "angle")
    assert all(stage.live(name) != TARGETS[name] for name in moving)
    stage.to(104.0)
    assert {name: stage.live(name) for name in TARGETS} == TARGETS
    assert not stage.motion.moving


def test_a_fade_of_no_time_is_there_at_once() -> None:
    stage = Stage()
    stage.go(TARGETS, 0.0)
    stage.to(stage.now)
    assert {name: stage.live(name) for name in TARGETS} == TARGETS


def test_angles_take_the_short_way() -> None:
    stage = Stage()
    stage.go({"angle": 170.0}, 0.0)
    stage.go({"angle": -170.0}, 2.0)
    stage.to(101.5)
    assert stage.number("angle") == pytest.approx(-175.0)


def test_a_hand_takes_a_parameter_out_of_the_fade() -> None:
    stage = Stage()
    stage.go(TARGETS, 4.0)
    stage.to(101.0)
    for name in ("level", "count", "halfway"):
        stage.controls.set(name, 0, "a hand")
    stage.to(104.0)
    assert [stage.live(name) for name in ("level", "count", "halfway")] == [0.0, 0, 0]
    assert stage.live("zoom") == 2.0


def test_what_cannot_be_set_is_reported_and_the_rest_goes_on() -> None:
    stage = Stage()
    told: list[tuple[str, str]] = []
    stage.controls.on_report(lambda address, text, _origin: told.append((address, text)))
    stage.go({"levle": 1.0, "count": "many", "level": 1.0}, 0.0)
    assert [address for address, _ in told] == ["levle", "count"]
    assert "level" in told[0][1]
    assert stage.number() == 1.0


@given(
    st.sampled_from(("level", "zoom", "count", "angle")),
    st.floats(0, 1),
    st.floats(0, 1),
    st.lists(st.floats(0, 3), max_size=20),
)
def test_the_way_is_monotone_between_its_ends(
    name: str, start: float, target: float, moments: list[float]
) -> None:
    stage = Stage()
    row = stage.controls.parameter(name)
    # a quarter of the circle: angles that do not cross the seam are monotone, too
    scale = 0.25 if row.wrap else 1.0
    ends = [row.denormalized(each * scale) for each in (start, target)]
    stage.go({name: ends[0]}, 0.0)
    stage.go({name: ends[1]}, 2.0)
    seen = [stage.number(name)]
    for moment in sorted(moments):
        stage.to(100.0 + moment)
        seen.append(stage.number(name))
    stage.to(102.0)
    seen.append(stage.number(name))
    assert seen[-1] == ends[1]
    rising = seen[-1] >= seen[0]
    slack = 1e-9 * max(1.0, *map(abs, seen))
    steps = [(b - a) if rising else (a - b) for a, b in itertools.pairwise(seen)]
    assert all(step >= -slack for step in steps)


moves = st.lists(
    st.tuples(st.integers(0, 90), st.floats(0, 1), st.floats(0, 2)), min_size=1, max_size=6
)


@given(moves)
@settings(deadline=None)
def test_slow_and_fast_frames_see_the_same(asked: list[tuple[int, float, float]]) -> None:
    seen = []
    for per_frame in (1, 4):
        stage = Stage()
        waiting = sorted(asked, key=lambda one: one[0])
        places = []
        for frame in range(200):
            while waiting and waiting[0][0] <= frame:
                _, share, lasts = waiting.pop(0)
                names = ("level", "zoom", "angle", "count")
                rows = [stage.controls.parameter(name) for name in names]
                stage.go({row.name: row.denormalized(share) for row in rows}, lasts)
            for part in range(1, per_frame):
                stage.to(100 + (frame + part / per_frame) / 30)
            stage.to(100 + (frame + 1) / 30)
            places.append(dict(stage.controls.snapshot.values))
        seen.append(places)
    assert seen[0] == seen[1]


@given(
    st.sampled_from(("level", "zoom", "angle", "count")),
    st.lists(
        st.tuples(st.floats(0, 1.5), st.floats(0, 0.99), st.floats(0, 1)), min_size=1, max_size=8
    ),
)
@settings(deadline=None)
def test_an_interrupted_fade_never_jumps(
    name: str, asked: list[tuple[float, float, float]]
) -> None:
    """No step is above the largest of a linear fade over the whole range in that time.

    Wherever between two ticks it is interrupted.
    """
    stage, fps, lasts = Stage(), 60, 0.5
    row = stage.controls.parameter(name)
    assert row.low is not None
    assert row.high is not None
    whole = row.high - row.low
    seen = [stage.number(name)]
    tick = stage.now
    for pause, between, share in asked:
        stage.now = tick + between / fps
        stage.go({name: row.denormalized(share)}, lasts)
        for _ in range(max(1, math.ceil(pause * fps))):
            tick += 1 / fps
            stage.to(tick)
            seen.append(stage.number(name))
    steps = [abs(b - a) for a, b in itertools.pairwise(seen)]
    if row.wrap:
        steps = [min(step, whole - step) for step in steps]
    # equal ratios: the steps are largest at the upper end; whole numbers: half of one either way
    steepest = row.high * math.log(row.high / row.low) if row.log else whole
    assert max(steps) <= steepest / lasts / fps + (1 if row.kind == "i" else 1e-9)


@given(st.lists(st.tuples(st.floats(0, 1.5), st.integers(0, 0xFFFFFF)), min_size=1, max_size=6))
@settings(deadline=None)
def test_an_interrupted_fade_of_colours_never_jumps(asked: list[tuple[float, int]]) -> None:
    """In OKLab no step is above that of the longest way there is, and a rounding to 8 bits."""
    stage, fps, lasts = Stage(), 60, 0.5
    seen = [oklab.from_hex(str(stage.live("colour")))]
    for pause, number in asked:
        stage.go({"colour": f"#{number:06x}"}, lasts)
        for _ in range(math.ceil(pause * fps)):
            stage.to(stage.now + 1 / fps)
            seen.append(oklab.from_hex(str(stage.live("colour"))))
    # black to white is the longest, 1; one step of 8 bits in the dark is up to 0.07
    assert max(math.dist(a, b) for a, b in itertools.pairwise([seen[0], *seen])) <= (
        1 / lasts / fps + 2 * 0.07
    )


FADED = [row for row in PARAMETERS if not row.read_only]


@pytest.mark.parametrize("row", FADED, ids=lambda row: row.name)
def test_every_parameter_of_the_table_arrives_exactly_and_in_time(row: Parameter) -> None:
    """From each end to the other: at its target at the end of the fade and, if it travels, there
    and not before."""
    ends: dict[str, tuple[Value, Value]] = {
        "input/source": ("test-card", "drawing"),
        "draw/color": ("#102030", "#f0e0d0"),
    }
    if row.name in ends:
        first, last = ends[row.name]
    elif row.kind == "s" and row.choices is None:
        first, last = "one", "two"
    else:
        first, last = row.denormalized(0.0), row.denormalized(0.4 if row.wrap else 1.0)
    now = 10.0
    controls = Controls()
    controls.declare(row)
    motion = Motion(controls, clock=lambda: now)
    fader = Fader(controls, motion)
    fader.begin({row.name: first}, lambda _name: Timed(now, 0.0), now)
    fader.begin({row.name: last}, lambda _name: Timed(10.0, 2.0), now)
    seen = []
    for tick in range(1, 241):
        now = 10.0 + tick / 120
        controls.travel(motion.step(now))
        fader.step(now)
        seen.append(controls.snapshot.values[row.name])
    assert seen[-1] == last
    assert not motion.moving
    assert not fader.pending
    if travels(row) and row.kind == "f":
        assert seen[-2] != last
        assert seen == sorted(seen)
    elif row.turns == "mid":
        assert (seen[118], seen[119]) == (first, last)
    elif not travels(row):
        assert set(seen) == {last}


# courses


def test_a_course_in_beats_follows_the_tempo_as_it_changes() -> None:
    beats = {0.0: 8.0, 1.0: 10.0, 2.0: 11.0, 3.0: 11.0, 4.0: 12.0}
    course = Beaten(beats.__getitem__, 0.0, 4.0)
    assert [course.share(now) for now in beats] == [0.0, 0.5, 0.75, 0.75, 1.0]


def test_a_beat_that_is_put_elsewhere_moves_no_course() -> None:
    beats = {0.0: 8.0, 1.0: 10.0, 1.25: 0.0, 2.25: 1.0, 2.5: 400.0, 3.5: 401.0}
    course = Beaten(beats.__getitem__, 0.0, 4.0)
    assert [course.share(now) for now in beats] == [0.0, 0.5, 0.5, 0.75, 0.75, 1.0]


def test_a_part_of_a_course() -> None:
    part = Part(Timed(0.0, 10.0), 0.5, 1.0)
    assert [part.share(now) for now in (0.0, 5.0, 7.5, 10.0)] == [0.0, 0.0, 0.5, 1.0]


# colours, and the table


@given(st.integers(0, 0xFFFFFF))
def test_a_colour_comes_back_from_oklab(number: int) -> None:
    text = f"#{number:06x}"
    assert oklab.to_hex(oklab.from_hex(text)) == text


def test_oklab_has_its_inventors_numbers() -> None:
    # Ottosson's page: white is L 1 without colour; red as colour.js and CSS Color 4 have it
    assert oklab.from_hex("#ffffff") == pytest.approx((1.0, 0.0, 0.0), abs=1e-4)
    assert oklab.from_hex("#ff0000") == pytest.approx((0.62796, 0.22486, 0.12585), abs=1e-4)


def test_mid_way_between_colours_is_evenly_bright() -> None:
    lightness = [oklab.from_hex(oklab.mixed("#000000", "#ffffff", n / 8))[0] for n in range(9)]
    assert lightness == pytest.approx([n / 8 for n in range(9)], abs=0.005)


def test_no_seed_and_no_switch_of_the_table_travels() -> None:
    still = {"paint/seed", "paint/seed-b", "output/rotate", "output/flip", "paint/active"}
    rows = {row.name: row for row in PARAMETERS}
    assert not any(travels(rows[name]) for name in still)
    assert travels(rows["paint/strength"])
    assert travels(rows["paint/steps"])
    assert travels(rows["draw/color"])
