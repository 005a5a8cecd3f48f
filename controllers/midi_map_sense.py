"""Whether a mapping makes sense: what its source can do, and what its target takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from controllers.midi_map import (
    DATA_ENTRY,
    PARAMETER_SELECT,
    Cc,
    Cc14,
    Mapping,
    Mode,
    Note,
    Nrpn,
    Program,
    Source,
)
from controllers.midi_map_text import source_name
from engine.controls import Parameter, Trigger, Value
from engine.errors import ControlError
from engine.option_readers import shown

Sense = tuple[str, str]
"""(the key it is about, one line for the performer)"""

_KEY: Final[tuple[Mode, ...]] = ("toggle", "momentary", "velocity", "set")
_PROGRAM: Final[tuple[Mode, ...]] = ("knob", "set")
_ENCODER: Final[tuple[Mode, ...]] = ("knob",)
_KNOB: Final[tuple[Mode, ...]] = ("knob", *_KEY)

_OF_A_PARAMETER: Final = ("range", "value", "step")
_UNSET: Final[dict[str, object]] = {"curve": "lin", "invert": False, "acceleration": 0.0}


def sensible(mapping: Mapping, target: Parameter | Trigger) -> Iterator[Sense]:
    """What stands in the way of playing the mapping; nothing where it can be played.

    The types of its fields have been seen to already. `target` is what `mapping.to` names.
    """
    if isinstance(target, Trigger):
        yield from _triggered(mapping, target)
    else:
        yield from _played(mapping, target)


def shadowed(mapping: Mapping, others: Iterable[Mapping]) -> str:
    """Why a mapping of controllers may never be heard beside the `others`; "" where it is.

    An NRPN or RPN is sent as the controllers 6, 38 and 96 to 101 of its channel; it takes them.
    """
    on = mapping.on
    numbers = {on.number} if isinstance(on, Cc) else set()
    if isinstance(on, Cc14):
        numbers = {on.high, on.low}
    if not numbers & {*DATA_ENTRY, *PARAMETER_SELECT}:
        return ""
    for other in others:
        taker = other.on
        if isinstance(taker, Nrpn) and (
            on.channel == taker.channel or None in (on.channel, taker.channel)
        ):
            return (
                f"{source_name(on)} is a part of how {source_name(taker)} is sent, which takes it; "
                "give one of them another channel, or this another controller"
            )
    return ""


def _triggered(mapping: Mapping, trigger: Trigger) -> Iterator[Sense]:
    if encoder(mapping.on):
        yield "on", f"an encoder cannot fire {trigger.name}; allowed: a key, a switch or a program"
    for key in _OF_A_PARAMETER:
        if getattr(mapping, key) is not None:
            yield key, f"{trigger.name} is a trigger and has no {key}; leave it out"
    for key, unset in _UNSET.items():
        if getattr(mapping, key) != unset:
            yield key, f"{trigger.name} is a trigger and has no {key}; leave it out"
    if mapping.mode not in (None, "trigger"):
        yield "mode", f"{trigger.name} is a trigger; allowed: mode: trigger, or none"
    if mapping.arguments:
        try:
            trigger.coerce(mapping.arguments)
        except ControlError as error:
            yield "arguments", str(error)
    elif not _played_by_number(trigger, mapping.on):
        yield (
            "arguments",
            f"{trigger.name} takes more than a {_giver(mapping.on)} gives; "
            "write what it shall get as arguments: [...]",
        )


def _giver(source: Source) -> str:
    return "program's number" if isinstance(source, Program) else "velocity"


def _played_by_number(trigger: Trigger, source: Source) -> bool:
    """Whether it can be fired with nothing, or with one number."""
    required = trigger.arguments.partition("[")[0]
    if len(required) != 1:
        return not required
    # a count, or an id's number in the list, is what a program has; a velocity is a share
    return required in "f*" or isinstance(source, Program)


def _played(mapping: Mapping, parameter: Parameter) -> Iterator[Sense]:
    name = parameter.name
    if parameter.read_only:
        yield "to", f"{name} is a reported value and cannot be set"
        return
    if mapping.arguments:
        yield "arguments", f"{name} is a value and takes no arguments; leave them out"
    allowed = modes_of(mapping.on)
    if mapping.mode is not None and mapping.mode not in allowed:
        yield "mode", f"mode is {mapping.mode!r}; allowed here: {', '.join(allowed)}"
    sets = mapping.mode == "set" or (mapping.mode is None and mapping.value is not None)
    if mapping.mode == "set" and mapping.value is None:
        yield "mode", "mode set needs value:, the value to set"
    if mapping.value is not None:
        if not sets:
            yield "value", f"value goes with mode: set, not {mapping.mode}; leave one out"
        elif "set" not in allowed:
            yield "value", "an encoder steps and sets no value:; leave it out"
        elif problem := unfit(parameter, mapping.value):
            yield "value", problem
    if mapping.range is not None:
        yield from _range(mapping.range, parameter)
    elif not sets and not parameter.bounded:
        yield "to", f"{name} has no range to turn a knob over; allowed: a key with value: ..."
    turned = encoder(mapping.on)
    if not turned:
        for key in ("step", "acceleration"):
            if getattr(mapping, key):
                yield key, f"{key} goes with an encoder (cc with relative:); leave it out"
    elif mapping.curve != "lin":
        yield "curve", "an encoder has no curve; leave it out"


def _range(range: tuple[Value, Value], parameter: Parameter) -> Iterator[Sense]:
    if not parameter.bounded:
        yield "range", f"{parameter.name} has no range; leave it out"
        return
    problems = [problem for end in range if (problem := unfit(parameter, end))]
    for problem in problems:
        yield "range", problem
    if not problems and range[0] == range[1]:
        yield "range", f"both ends of the range are {shown(range[0])}; allowed: two values"


def unfit(parameter: Parameter, value: Value) -> str:
    """Why a value cannot be the parameter's; "" where it can."""
    try:
        # as any parameter: whether a preset can be played now is asked when it is played
        kept = Parameter.coerce(parameter, value)
    except ControlError as error:
        return str(error)
    if isinstance(value, bool) or kept == value:
        return ""
    if parameter.choices is not None:
        allowed = ", ".join(map(str, parameter.choices))
    else:
        allowed = f"{parameter.low:g} to {parameter.high:g}"
    return f"{parameter.name} cannot be {shown(value)}; allowed: {allowed}"


def encoder(source: Source) -> bool:
    """Whether it only tells steps."""
    return isinstance(source, Cc) and source.relative is not None


def modes_of(source: Source) -> tuple[Mode, ...]:
    """How a source can play a parameter."""
    if isinstance(source, Note):
        return _KEY
    if isinstance(source, Program):
        return _PROGRAM
    return _ENCODER if encoder(source) else _KNOB
