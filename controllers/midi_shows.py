"""What a light of a MIDI device shows: on, off, busy, or a value on a ring; plain functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import mido

from controllers.midi_curves import Span, position_of, span_of
from controllers.midi_map import Feedback, Mapping, mode_of
from engine.controls import Controls, Value
from engine.errors import ControlError

BEAT_LIT: Final = 0.2
"""The share of each beat during which the light of `tempo/tap` is on."""

BUSY_STATES: Final = frozenset(("queued", "resolving", "downloading", "verifying"))
"""What `preset/<id>/state` and `model/<id>/state` say while a file is on its way."""


@dataclass(frozen=True, slots=True)
class Light:
    """Where a light is: the controller or note that sets it, on a channel from 1 to 16."""

    kind: Literal["cc", "note"]
    number: int
    channel: int

    def message(self, value: int) -> mido.Message:
        """What sets it to `value`, 0 to 127."""
        if self.kind == "cc":
            return mido.Message(
                "control_change", channel=self.channel - 1, control=self.number, value=value
            )
        return mido.Message("note_on", channel=self.channel - 1, note=self.number, velocity=value)


def light_of(mapping: Mapping, feedback: Feedback) -> Light:
    """The light that `feedback` names; on its own channel, the mapping's, or 1."""
    channel = feedback.channel or mapping.on.channel or 1
    if feedback.note is not None:
        return Light("note", feedback.note, channel)
    return Light("cc", feedback.cc or 0, channel)


Shows = tuple[str, Callable[[Value, str], bool]]
"""A reported value, {id} standing for a trigger's first argument, and when it means "on"."""


def _now(*words: str) -> Callable[[Value, str], bool]:
    return lambda value, _: value in words


def _same(value: Value, id: str) -> bool:
    return value == id


def _set(value: Value, _: str) -> bool:
    return bool(value)


def _on_the_beat(value: Value, _: str) -> bool:
    return not isinstance(value, str) and math.modf(value)[0] < BEAT_LIT


TRIGGER_LIGHTS: Final[dict[str, Shows]] = {
    "preset/load": ("preset/{id}/state", _now("active")),
    "preset/unload": ("preset/{id}/state", _now("active")),
    "preset/download": ("preset/{id}/state", _now("installed", "loading", "active")),
    "preset/a": ("preset/deck-a", _same),
    "preset/b": ("preset/deck-b", _same),
    "model/download": ("model/{id}/state", _now("installed")),
    "scene/go": ("scene/current", _same),
    "record/start": ("record/active", _set),
    "record/stop": ("record/active", _set),
    "midi/learn": ("midi/learning", _set),
    "tempo/tap": ("tempo/beat", _on_the_beat),
}
"""Triggers that have something to show. The others' lights stay at `off`."""


def id_of(mapping: Mapping, controls: Controls) -> str:
    """The preset, model or scene that a mapping is about; "" where it is about none."""
    if controls.is_trigger(mapping.to):
        try:
            # a number stands for the id at that place of the list
            arguments = controls.trigger(mapping.to).coerce(mapping.arguments) or ()
        except ControlError:
            return ""
        return str(arguments[0]) if arguments else ""
    head, _, rest = mapping.to.partition("/")
    if head in ("preset", "model") and "/" in rest:
        return rest.partition("/")[0]
    return str(mapping.value) if mapping.to == "painter/model" else ""


def watched(mapping: Mapping, controls: Controls) -> Iterator[str]:
    """The values that a mapping's lights depend on."""
    id = id_of(mapping, controls)
    if id:
        yield f"preset/{id}/state"
        yield f"model/{id}/state"
    if controls.is_parameter(mapping.to):
        yield mapping.to
    elif mapping.to in TRIGGER_LIGHTS:
        yield TRIGGER_LIGHTS[mapping.to][0].format(id=id)


_FAMILIES: Final = {"preset": "preset", "model": "model", "painter": "model"}
"""What a control is about, by its folder: a scene may be called as a preset is."""


def busy(mapping: Mapping, controls: Controls) -> bool:
    """Whether a file that the mapping is about is on its way."""
    family = _FAMILIES.get(mapping.to.partition("/")[0])
    id = id_of(mapping, controls) if family else ""
    name = f"{family}/{id}/state"
    return bool(id) and controls.is_parameter(name) and controls.get(name) in BUSY_STATES


def lit(mapping: Mapping, controls: Controls) -> bool:
    """Whether the light of a pad or button is on.

    Of a set value: while that is the value. Of a switch, toggled or held: from the middle of the
    range up. Of anything else: above the low end. Of a trigger: see `TRIGGER_LIGHTS`.
    """
    if controls.is_trigger(mapping.to):
        name, on = TRIGGER_LIGHTS.get(mapping.to, ("", _set))
        id = id_of(mapping, controls)
        name = name.format(id=id)
        return controls.is_parameter(name) and on(controls.get(name), id)
    if not controls.is_parameter(mapping.to):
        return False
    parameter = controls.parameter(mapping.to)
    value = controls.get(mapping.to)
    mode = mode_of(mapping, controls)
    if mode == "set":
        try:
            return value == parameter.coerce(mapping.value)
        except ControlError:
            return False
    span = span_of(mapping, parameter)
    if span is None:
        return value != parameter.default
    place = span.place_of(value)
    return place >= 0.5 if mode in ("toggle", "momentary") else place > 0


def shown(mapping: Mapping, feedback: Feedback, controls: Controls, blink: bool) -> int:
    """What the light is set to, 0 to 127; `blink` is the half of the blinking that is on."""
    if feedback.busy is not None and busy(mapping, controls):
        if feedback.busy != "blink":
            return feedback.busy
        return feedback.on if blink else feedback.off
    if feedback.show == "value" and _span(mapping, controls) is not None:
        place = position_of(mapping, controls)
        return round(feedback.off + place * (feedback.on - feedback.off))
    return feedback.on if lit(mapping, controls) else feedback.off


def _span(mapping: Mapping, controls: Controls) -> Span | None:
    if not controls.is_parameter(mapping.to):
        return None
    return span_of(mapping, controls.parameter(mapping.to))
