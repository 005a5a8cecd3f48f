"""One parameter, one trigger: what is asked for becomes a value, or is refused in one line."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.controls import Parameter, Trigger, Value
from engine.errors import ControlError

LEVEL = Parameter("level", "f", 0.5, "a fader", low=0.0, high=1.0)
COUNT = Parameter("count", "i", 2, "a number", low=1, high=4)
WORD = Parameter("word", "s", "", "any text")
MODE = Parameter("mode", "s", "off", "a choice", choices=("off", "slow", "fast"))
TURN = Parameter("turn", "i", 0, "degrees", choices=(0, 90, 180, 270))
SWITCH = Parameter("switch", "i", 0, "on or off", low=0, high=1)
MODEL = Parameter("model", "s", "a", "costly", choices=("a", "b"), deliberate=True)
FREE = Parameter("free", "f", 0.0, "without bounds")
STATE = Parameter("state", "s", "idle", "reported", choices=("idle", "busy"), read_only=True)
GO = Trigger("go", "go", "")
SAVE = Trigger("save", "save", "s[f")
SHOT = Trigger("shot", "shot", "[s")
STROKE = Trigger("stroke", "stroke", "*")

ROWS = (LEVEL, COUNT, WORD, MODE, TURN, FREE, STATE, GO, SAVE, SHOT, STROKE)

# one parameter


@pytest.mark.parametrize(
    ("parameter", "raw", "value"),
    [
        (LEVEL, 0.25, 0.25),
        (LEVEL, 1, 1.0),
        (LEVEL, True, 1.0),
        (LEVEL, 7.5, 1.0),
        (LEVEL, -(10**300), 0.0),
        (FREE, -1e300, -1e300),
        (COUNT, 3, 3),
        (COUNT, 3.0, 3),
        (COUNT, 1e300, 4),
        (COUNT, -5, 1),
        (COUNT, True, 1),
        (WORD, "grün", "grün"),
        (WORD, "x" * 1000, "x" * 1000),
        (MODE, "fast", "fast"),
        (MODE, 1, "slow"),
        (MODE, 1.6, "fast"),
        (MODE, 99, "fast"),
        (MODE, -1, "off"),
        (MODE, True, "slow"),
        (SWITCH, 0.5, 1),
        (SWITCH, 0.49, 0),
        (SWITCH, 7.5, 1),
        (SWITCH, -1, 0),
        (MODEL, 1, "b"),
        (MODEL, 0.0, "a"),
        (MODEL, "b", "b"),
        (TURN, 180, 180),
        (TURN, 100, 90),
        (TURN, 1000.0, 270),
    ],
)
def test_what_is_asked_for_becomes_a_value(parameter: Parameter, raw: object, value: Value) -> None:
    got = parameter.coerce(raw)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("parameter", "raw", "complaint"),
    [
        (LEVEL, "high", "level takes a number, not the text 'high'"),
        (LEVEL, "x" * 99, f"level takes a number, not the text '{'x' * 40}'"),
        (LEVEL, None, "level takes a number, not nothing"),
        (LEVEL, b"", "level takes a number, not raw bytes"),
        (LEVEL, math.nan, "level takes a finite number, not nan"),
        (COUNT, math.inf, "count takes a finite number, not inf"),
        (COUNT, 1.5, "count takes a whole number, not 1.5"),
        (MODE, math.nan, "mode takes a finite number, not nan"),
        (MODE, "of", "mode cannot be 'of'; allowed: off, slow, fast"),
        (MODE, None, "mode takes text, not nothing"),
        (LEVEL, (1,), "level takes a number, not a list"),
        (LEVEL, [1], "level takes a number, not a list"),
        (LEVEL, {}, "level takes a number, not a mapping"),
        (LEVEL, object(), "level takes a number, not something else"),
        (WORD, False, "word takes text, not false"),
        (WORD, 0.5, "word takes text, not the number 0.5"),
        (MODEL, 99, "model has no number 99; allowed: 0 a, 1 b"),
        (MODEL, -1, "model has no number -1; allowed: 0 a, 1 b"),
        (MODEL, 0.5, "model has no number 0.5; allowed: 0 a, 1 b"),
        (WORD, 5, "word takes text, not the number 5"),
        (WORD, "ü" * 501, "word takes at most 1000 bytes of text"),
        (WORD, "\ud83d", "word takes text that has a UTF-8 form"),
    ],
)
def test_what_cannot_be_a_value_is_said(parameter: Parameter, raw: object, complaint: str) -> None:
    with pytest.raises(ControlError) as caught:
        parameter.coerce(raw)
    assert str(caught.value) == complaint


@given(st.sampled_from((LEVEL, COUNT, FREE, TURN)), st.floats(allow_nan=False) | st.integers())
def test_numbers_always_end_within_the_range(parameter: Parameter, raw: float) -> None:
    try:
        value = parameter.coerce(raw)
    except ControlError:
        assert math.isinf(raw) or parameter.kind == "i"
        return
    assert not isinstance(value, str)
    assert parameter.low is None or value >= parameter.low
    assert parameter.high is None or value <= parameter.high
    assert parameter.choices is None or value in parameter.choices
    # what is a value already stays what it is
    assert parameter.coerce(value) == value


@given(st.floats(0, 1))
def test_normalized_round_trip_of_a_fader(amount: float) -> None:
    for low, high in ((0.0, 1.0), (-180.0, 180.0), (0.5, 2.0), (20.0, 300.0)):
        fader = Parameter("fader", "f", low, "", low=low, high=high)
        value = fader.denormalized(amount)
        assert low <= float(value) <= high
        assert fader.normalized(value) == pytest.approx(amount, abs=1e-9)


@given(st.integers(0, 2147483647))
def test_normalized_round_trip_of_a_number(value: int) -> None:
    seed = Parameter("seed", "i", 0, "", low=0, high=2147483647)
    assert seed.denormalized(seed.normalized(value)) == value


@pytest.mark.parametrize("parameter", [MODE, TURN, COUNT])
def test_normalized_round_trip_of_choices(parameter: Parameter) -> None:
    for value in parameter.choices or (1, 2, 3, 4):
        assert parameter.denormalized(parameter.normalized(value)) == value
    assert parameter.bounded


def test_normalized_is_clamped_and_needs_a_range() -> None:
    assert LEVEL.denormalized(1.5) == 1.0
    assert MODE.denormalized(-3) == "off"
    only = Parameter("only", "s", "one", "", choices=("one",))
    assert only.normalized("one") == 0.0
    assert not FREE.bounded
    assert not WORD.bounded
    with pytest.raises(ControlError, match="free has no range to normalize over"):
        FREE.normalized(1.0)
    with pytest.raises(ControlError, match="word has no range to normalize over"):
        WORD.denormalized(0.5)
    with pytest.raises(ControlError, match="takes a number"):
        LEVEL.denormalized("half")


# one trigger


@pytest.mark.parametrize(
    ("trigger", "raw", "arguments"),
    [
        (GO, (), ()),
        (GO, (1,), ()),
        (GO, (0.5,), ()),
        (GO, (True,), ()),
        (GO, (0,), None),
        (GO, (0.0,), None),
        (GO, (False,), None),
        (SHOT, (), ()),
        (SHOT, ("name",), ("name",)),
        (SHOT, (1,), ()),
        (SHOT, (0,), None),
        (SAVE, ("look",), ("look",)),
        (SAVE, ("look", 2), ("look", 2.0)),
        (STROKE, (0, 0.5, 1), (0.0, 0.5, 1.0)),
    ],
)
def test_a_triggers_arguments(
    trigger: Trigger, raw: tuple[object, ...], arguments: tuple[Value, ...] | None
) -> None:
    assert trigger.coerce(raw) == arguments


@pytest.mark.parametrize(
    ("trigger", "raw", "complaint"),
    [
        (GO, ("now",), "go takes 0 arguments, not 1"),
        (GO, (1, 2), "go takes 0 arguments, not 2"),
        (GO, (math.nan,), "go takes a finite number, not nan"),
        (SHOT, ("a", "b"), "shot takes 0 to 1 arguments, not 2"),
        (SAVE, (), "save takes 1 to 2 arguments, not 0"),
        (SAVE, (1,), "save takes text, not the number 1"),
        (SAVE, ("look", "slow"), "save takes a number, not the text 'slow'"),
        (STROKE, (), "stroke takes one or more numbers, not none"),
        (STROKE, (0, "x"), "stroke takes a number, not the text 'x'"),
        (STROKE, (math.inf,), "stroke takes a finite number, not inf"),
    ],
)
def test_wrong_arguments_are_said(
    trigger: Trigger, raw: tuple[object, ...], complaint: str
) -> None:
    with pytest.raises(ControlError) as caught:
        trigger.coerce(raw)
    assert str(caught.value) == complaint
