"""From where a knob stands to what its control gets, and back: curves and ranges.

A *position* is the knob's, 0 to 1. A *place* is where in the mapping's range that is, 0 to 1 too;
a value from outside that range has a place below 0 or above 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from controllers.midi_map import Curve, Mapping
from engine.controls import Controls, Parameter, Value

_BASE: Final = 81.0
"""exp brings a tenth of the range at the middle of the knob, as audio faders do:
(sqrt(81) - 1) / (81 - 1) = 1/10."""


def _exp(x: float) -> float:
    return math.expm1(x * math.log(_BASE)) / (_BASE - 1)


def _exp_inverse(y: float) -> float:
    return math.log1p(y * (_BASE - 1)) / math.log(_BASE)


def _log(x: float) -> float:
    return 1 - _exp(1 - x)  # exp seen from the other end: nine tenths at the middle


def _log_inverse(y: float) -> float:
    return 1 - _exp_inverse(1 - y)


def _s(x: float) -> float:
    return x * x * (3 - 2 * x)  # the cubic that rests at both ends ("smoothstep")


def _s_inverse(y: float) -> float:
    # its middle root, by the cosine form of Cardano's formula
    return 0.5 - math.sin(math.asin(1 - 2 * y) / 3)


def _same(x: float) -> float:
    return x


_CURVES: Final[dict[Curve, tuple[Callable[[float], float], Callable[[float], float]]]] = {
    "lin": (_same, _same),
    "exp": (_exp, _exp_inverse),
    "log": (_log, _log_inverse),
    "s": (_s, _s_inverse),
}
"""Each with its inverse."""


def shaped(curve: Curve, position: float) -> float:
    """The place of a knob's position; rises from 0 to 1, anything outside is clamped."""
    return _unit(_CURVES[curve][0](_unit(position)))


def unshaped(curve: Curve, place: float) -> float:
    """The inverse of `shaped`."""
    return _unit(_CURVES[curve][1](_unit(place)))


def _unit(x: float) -> float:
    return min(1.0, max(0.0, x))


@dataclass(frozen=True, slots=True)
class Span:
    """How a knob lies over a parameter. `low` and `high` are what the ends of the range bring.

    They are numbers: the parameter's own, or the index where it is enumerated.
    """

    parameter: Parameter
    low: float
    high: float
    curve: Curve = "lin"
    invert: bool = False

    def place(self, position: float) -> float:
        """Where in the range the knob's position lies, 0 to 1."""
        return shaped(self.curve, 1 - position if self.invert else position)

    def position(self, place: float) -> float:
        """The knob's position for a place; the nearest one where it is out of range."""
        position = unshaped(self.curve, place)
        return 1 - position if self.invert else position

    def value(self, place: float) -> Value:
        """The value at a place; whole or listed where the parameter's values are."""
        return self.value_of(self.low * (1 - place) + self.high * place)  # exact at both ends

    def place_of(self, value: Value) -> float:
        """The place of a value; outside 0 to 1 where it is out of the range."""
        return (self.number(value) - self.low) / (self.high - self.low)

    def number(self, value: Value) -> float:
        return number_of(self.parameter, value)

    def value_of(self, number: float) -> Value:
        """The inverse of `number`, to the nearest."""
        choices = self.parameter.choices
        if choices is not None:
            return choices[max(0, min(round(number), len(choices) - 1))]
        return round(number) if self.parameter.kind == "i" else number


def number_of(parameter: Parameter, value: Value) -> float:
    """The value as a number: its index where enumerated. A text without choices has none."""
    if parameter.choices is not None:
        return parameter.choices.index(value)
    assert not isinstance(value, str), parameter.name
    return value


def span_of(mapping: Mapping, parameter: Parameter) -> Span | None:
    """How a mapping lies over its parameter; None where that has no range to lie over."""
    if mapping.range is not None:
        low, high = (number_of(parameter, end) for end in mapping.range)
    elif parameter.choices is not None:
        low, high = 0, len(parameter.choices) - 1
    elif parameter.low is None or parameter.high is None:
        return None
    else:
        low, high = parameter.low, parameter.high
    return Span(parameter, low, high, mapping.curve, mapping.invert) if low != high else None


def position_of(mapping: Mapping, controls: Controls) -> float:
    """Where the knob would stand for the control's present value, 0 to 1: what a ring shows.

    0 where the mapping's control is a trigger, or has no range.
    """
    if not controls.is_parameter(mapping.to):
        return 0.0
    span = span_of(mapping, controls.parameter(mapping.to))
    return 0.0 if span is None else span.position(span.place_of(controls.get(mapping.to)))
