from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.midi_curves import Span, position_of, shaped, span_of, unshaped
from controllers.midi_map import Cc, Curve, Mapping
from engine.controls import Value
from tests.helpers.osc import table

CURVES: tuple[Curve, ...] = get_args(Curve)
UNIT = st.floats(0, 1)


@pytest.mark.parametrize("curve", CURVES)
def test_a_curve_starts_at_0_and_ends_at_1(curve: Curve) -> None:
    assert (shaped(curve, 0), shaped(curve, 1)) == (0, 1)
    assert (shaped(curve, -3), shaped(curve, 7)) == (0, 1)


@pytest.mark.parametrize(
    ("curve", "middle"), [("lin", 0.5), ("exp", 0.1), ("log", 0.9), ("s", 0.5)]
)
def test_what_the_middle_of_the_knob_brings(curve: Curve, middle: float) -> None:
    assert shaped(curve, 0.5) == pytest.approx(middle)


def test_s_is_steep_in_the_middle_and_flat_at_the_ends() -> None:
    assert shaped("s", 0.1) < 0.05
    assert shaped("s", 0.6) - shaped("s", 0.4) > 0.25


@given(st.sampled_from(CURVES), UNIT, UNIT)
def test_curves_rise(curve: Curve, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert shaped(curve, low) <= shaped(curve, high)


@given(st.sampled_from(CURVES), UNIT)
def test_curves_are_undone_by_their_inverse(curve: Curve, position: float) -> None:
    # s is flat at its ends: there a place says little about the position
    assert unshaped(curve, shaped(curve, position)) == pytest.approx(position, abs=1e-6)
    assert shaped(curve, unshaped(curve, position)) == pytest.approx(position, abs=1e-9)


@pytest.mark.parametrize("steps", [127, 16383])
@pytest.mark.parametrize("curve", CURVES)
def test_every_step_of_a_knob_counts(curve: Curve, steps: int) -> None:
    places = [shaped(curve, step / steps) for step in range(steps + 1)]
    assert places == sorted(set(places))


@pytest.mark.parametrize(
    ("name", "range", "ends"),
    [
        ("paint/strength", None, (0.0, 1.0)),
        ("paint/strength", (0.1, 0.9), (0.1, 0.9)),
        ("paint/strength", (0.9, 0.1), (0.9, 0.1)),
        ("paint/guidance", (0.1, 0.3), (0.1, 0.3)),
        ("paint/steps", None, (1, 4)),
        ("paint/guidance-mode", None, ("none", "full")),
        ("paint/guidance-mode", ("self", "initialize"), ("self", "initialize")),
        ("output/rotate", None, (0, 270)),
        ("output/rotate", (90, 180), (90, 180)),
    ],
)
def test_the_ends_of_a_range_are_exact(
    name: str, range: tuple[Value, Value] | None, ends: tuple[Value, Value]
) -> None:
    span = span_of(Mapping(Cc(1), name, range), table().parameter(name))
    assert span is not None
    assert (span.value(0), span.value(1)) == ends
    assert [span.place_of(end) for end in ends] == [0, 1]


def test_a_value_out_of_the_range_has_a_place_beyond_it() -> None:
    span = Span(table().parameter("paint/strength"), 0.2, 0.6)
    assert span.place_of(0.8) == pytest.approx(1.5)
    assert span.place_of(0.0) == pytest.approx(-0.5)
    assert span.position(1.5) == 1.0


def test_what_has_no_range_has_no_span() -> None:
    controls = table()
    assert span_of(Mapping(Cc(1), "prompt/a"), controls.parameter("prompt/a")) is None


@given(UNIT, st.sampled_from(CURVES), st.booleans())
def test_a_ring_shows_where_the_knob_would_stand(
    position: float, curve: Curve, invert: bool
) -> None:
    controls = table()
    mapping = Mapping(Cc(1), "paint/strength", (0.9, 0.1), curve, invert)
    span = span_of(mapping, controls.parameter("paint/strength"))
    assert span is not None
    controls.set("paint/strength", span.value(span.place(position)))
    assert position_of(mapping, controls) == pytest.approx(position, abs=1e-6)


def test_a_trigger_and_a_text_have_no_place_on_a_ring() -> None:
    controls = table()
    assert position_of(Mapping(Cc(1), "draw/clear"), controls) == 0
    assert position_of(Mapping(Cc(1), "prompt/a"), controls) == 0


def test_invert_turns_the_knob_round_before_the_curve() -> None:
    span = Span(table().parameter("paint/strength"), 0, 1, "exp", True)
    assert span.place(1.0) == 0
    assert span.place(0.0) == 1
    assert span.place(0.25) == shaped("exp", 0.75)
