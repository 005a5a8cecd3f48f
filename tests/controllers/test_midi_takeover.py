from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from controllers.midi_map import TakeoverMode
from controllers.midi_takeover import WINDOW, Grip, distance, moved

STEP = 1 / 127


def turn(mode: TakeoverMode, value: float, *knobs: float) -> list[float]:
    """The value after each position of a knob that nobody has seen before."""
    grip = Grip()
    values = []
    for knob in knobs:
        grip, goal = moved(mode, grip, knob, value)
        value = value if goal is None else goal
        values.append(value)
    return values


def test_pickup_waits_until_the_knob_comes_near() -> None:
    assert turn("pickup", 0.5, 0.1, 0.3, 0.45, 0.49, 0.6) == [0.5, 0.5, 0.5, 0.49, 0.6]


@pytest.mark.parametrize("away", [3 / 128, -3 / 128])
def test_three_steps_are_near_enough(away: float) -> None:
    assert turn("pickup", 0.5, 0.5 + away) == [0.5 + away]
    assert turn("pickup", 0.5, 0.5 + away * 1.01) == [0.5]


@pytest.mark.parametrize("knobs", [(0.1, 0.9), (0.9, 0.1)])
def test_a_fast_crossing_counts(knobs: tuple[float, float]) -> None:
    assert turn("pickup", 0.5, *knobs) == [0.5, knobs[1]]


def test_a_first_move_crosses_nothing() -> None:
    assert turn("pickup", 0.5, 0.9, 0.8) == [0.5, 0.5]


def test_a_knob_that_was_near_has_it() -> None:
    grip, _ = moved("pickup", Grip(), 0.5, 0.5)
    # something else moves the value by a hair: the knob still stands at it
    _, goal = moved("pickup", grip.rearmed(), 0.9, 0.51)
    assert goal is not None
    assert goal > 0.85


def test_it_is_armed_again_when_something_else_moves_the_value() -> None:
    grip, _ = moved("pickup", Grip(), 0.5, 0.5)
    grip, goal = moved("pickup", grip.rearmed(), 0.52, 0.9)
    assert goal is None
    grip, goal = moved("pickup", grip, 0.89, 0.9)
    assert goal == 0.89


def test_a_value_beyond_the_range_is_met_at_its_end_and_comes_in_by_steps() -> None:
    assert turn("pickup", 1.5, 0.5, 0.9) == [1.5, 1.5]
    values = turn("pickup", 1.5, *[1.0] * 30)
    assert values[0] == pytest.approx(1.5 - WINDOW)
    assert values[-1] == 1.0
    assert all(a - b <= WINDOW + 1e-9 for a, b in pairwise(values))


def test_one_of_few_values_is_picked_up_anywhere_on_it() -> None:
    _, goal = moved("pickup", Grip(), 0.4, 1 / 3, same=True)
    assert goal == pytest.approx(1 / 3 + WINDOW)


def test_jump_goes_there_at_once() -> None:
    assert turn("jump", 0.5, 0.0, 1.0, 0.2) == [0.0, 1.0, 0.2]


def test_scale_moves_in_proportion_to_the_travel_that_is_left() -> None:
    # up: half of the knob's way left, half of the value's; down: the same
    assert turn("scale", 0.8, 0.2, 0.6)[-1] == pytest.approx(0.9)
    assert turn("scale", 0.2, 0.8, 0.4)[-1] == pytest.approx(0.1)


def test_scale_goes_on_past_the_knob_meeting_the_old_value() -> None:
    # the value has moved on in the meantime, and is not pulled back to where it was
    assert turn("scale", 0.5, 0.0, 0.496)[-1] == pytest.approx(0.748)


def test_scale_follows_once_they_are_together() -> None:
    assert turn("scale", 0.5, 0.5, 0.7, 0.1)[-1] == 0.1


def test_scale_learns_first_where_the_knob_stands() -> None:
    assert turn("scale", 0.8, 0.2) == [0.8]


@pytest.mark.parametrize(("start", "way"), [(0.6, range(38, 128)), (0.3, range(76, -1, -1))])
def test_scale_reaches_the_end_with_the_knob(start: float, way: range) -> None:
    values = turn("scale", start, *(step / 127 for step in way))
    assert values[-1] == pytest.approx(float(way[-1] > 0))
    assert len(set(values)) > 70


def test_distance_is_knob_minus_value() -> None:
    grip, _ = moved("pickup", Grip(), 0.2, 0.9)
    assert distance(grip, 0.9) == pytest.approx(-0.7)
    assert distance(grip.rearmed(), 0.1) == pytest.approx(0.1)
    grip, _ = moved("pickup", grip, 0.9, 0.9)
    assert distance(grip, 0.9) == 0
    assert distance(Grip(), 0.9) == 0
    assert distance(Grip(0.0), 5.0) == -1


MODES = st.sampled_from(["pickup", "scale"])


class Handover(RuleBasedStateMachine):
    """A knob, and a value that others move as well: what never happens, whatever the order."""

    def __init__(self) -> None:
        super().__init__()
        self.grip = Grip()
        self.value = 0.5

    @rule(mode=MODES, knob=st.floats(0, 1), same=st.booleans())
    def turn(self, mode: TakeoverMode, knob: float, same: bool) -> None:
        before, last = self.value, self.grip.knob
        was_held, value = self.grip.held, self.value
        self.grip, goal = moved(mode, self.grip, knob, value, same=same)
        assert self.grip.knob == knob
        if goal is None:
            assert not self.grip.held or abs(value - knob) < WINDOW
            return
        self.value = goal
        allowed = (0.0 if last is None else abs(knob - last)) + WINDOW + 1e-9
        assert abs(self.value - before) <= allowed
        low, high = sorted((before, knob))
        if was_held or (self.grip.held and mode == "pickup"):
            assert low - 1e-9 <= self.value <= high + 1e-9, "past the knob"
        elif 0 <= before <= 1 and last is not None:
            assert (self.value - before) * (knob - last) >= 0, "against the knob"
            assert -1e-9 <= self.value <= 1 + 1e-9

    @rule(value=st.floats(-2, 3))
    def moved_by_another(self, value: float) -> None:
        self.value = value
        self.grip = self.grip.rearmed()

    @rule(knob=st.none() | st.floats(0, 1))
    def moved_elsewhere(self, knob: float | None) -> None:
        self.grip = self.grip.unseen(knob)

    @invariant()
    def within(self) -> None:
        assert -1 <= distance(self.grip, self.value) <= 1
        assert math.isfinite(self.value)


test_handover: Any = settings(max_examples=200)(Handover).TestCase


@given(st.floats(0, 1), st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_a_knob_that_stays_gets_its_value(start: float, knobs: list[float]) -> None:
    """Once a knob crossed the value, they meet as soon as it rests."""
    path = [0.0, 1.0, *knobs, *[knobs[-1]] * 50]
    assert turn("pickup", start, *path)[-1] == pytest.approx(knobs[-1])
