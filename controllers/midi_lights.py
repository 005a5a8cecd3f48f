"""The lights of a MIDI device: pads and buttons show on, off and busy, rings show the value.

`lit` and `busy` are plain functions that decide what a mapping's light shows; `Lights` sends what
changed. Nothing here reads a clock or waits: `tick(at_s)` sends what is due and says when it wants
to be called again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import mido

from controllers.midi_curves import Span, position_of, span_of
from controllers.midi_map import (
    Aftertouch,
    Cc,
    Cc14,
    DeviceMap,
    Feedback,
    Mapping,
    Note,
    Nrpn,
    Pitch,
    Source,
    bank_name,
    mode_of,
)
from engine.controls import Change, Controls, Value
from engine.errors import ControlError

Send = Callable[[mido.Message], None]

MOST_A_SECOND: Final = 30
"""So often one light is told something new, at most."""

QUIET_S: Final = 0.5
"""So long after a knob last moved its own ring hears nothing: an echo would fight the hand."""

BLINK_S: Final = 0.25
"""A busy light is on for so long, and off for as long. All blink together."""

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


# what a mapping's light shows

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


def busy(mapping: Mapping, controls: Controls) -> bool:
    """Whether a file that the mapping is about is on its way."""
    id = id_of(mapping, controls)
    family = "model" if mapping.to.startswith(("model/", "painter/")) else "preset"
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


# sending it

_Key = tuple[str, int, int | None]
"""What a source and a message have in common: kind, number, channel from 1 (None: any)."""


def _keys(source: Source) -> Iterator[_Key]:
    channel = source.channel
    match source:
        case Cc(number=number):
            yield "cc", number, channel
        case Cc14(high=high, low=low):
            yield "cc", high, channel
            yield "cc", low, channel
        case Nrpn():
            # which number is meant stands in other messages: any data entry will do
            for number in (6, 38, 96, 97):
                yield "cc", number, channel
        case Note(number=number):
            yield "note", number, channel
        case Pitch():
            yield "pitch", 0, channel
        case Aftertouch(note=note):
            yield "touch", -1 if note is None else note, channel
        case _:
            return


def _key(message: mido.Message) -> tuple[str, int] | None:
    match message.type:
        case "control_change":
            return "cc", message.control
        case "note_on" | "note_off":
            return "note", message.note
        case "pitchwheel":
            return "pitch", 0
        case "aftertouch":
            return "touch", -1
        case "polytouch":
            return "touch", message.note
        case _:
            return None


def _released(message: mido.Message) -> bool:
    match message.type:
        case "note_off":
            return True
        case "note_on":
            return bool(message.velocity == 0)
        case "control_change":
            return bool(message.value < 64)
        case _:
            return False


class Lights:
    """Keeps the lights of one device true.

    `send` is handed a message and must neither wait nor raise. `wake` is called whenever `tick`
    has something new to do. Of several mappings that share a light, those of the page that is
    shown (`midi/<id>/bank`) come before those of all pages, and later ones before earlier ones.
    """

    def __init__(
        self,
        device: DeviceMap,
        controls: Controls,
        send: Send,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._controls = controls
        self._send = send
        self._wake = wake
        self._bank = bank_name(device.id)
        self._shared: dict[Light, list[tuple[Mapping, Feedback]]] = defaultdict(list)
        self._moved_by: dict[_Key, set[Light]] = defaultdict(set)
        for mapping in device.mappings:
            for feedback in mapping.feedback:
                light = light_of(mapping, feedback)
                self._shared[light].append((mapping, feedback))
                for key in _keys(mapping.on):
                    self._moved_by[key].add(light)
        self._watching: dict[str, set[Light]] = {}
        self._stale: set[Light] = set()
        self._blinking: set[Light] = set()
        self._blink = 0
        self._sent: dict[Light, int] = {}
        self._free_s: dict[Light, float] = {}  # from when on a light may be told again
        self._watch()
        self._stop_listening = controls.listen(self._changed)

    def close(self) -> None:
        """Listen no longer."""
        self._stop_listening()

    def redraw(self, at_s: float) -> None:
        """Tell every light what it shows, whatever it was told before: the device is new."""
        self._watch()
        self._sent.clear()
        self._free_s.clear()
        self._stale = set(self._shared)
        self.tick(at_s)

    @property
    def places(self) -> frozenset[Light]:
        """Where its lights are."""
        return frozenset(self._shared)

    def dark(self, but: Collection[Light] = ()) -> None:
        """Every light off, now, but those of another map: the show ends, or another map follows."""
        for light in self._shared:
            if light not in but:
                self._send(light.message(0))
        self._sent.clear()
        self._stale.clear()
        self._blinking.clear()

    def heard(self, message: mido.Message, at_s: float) -> None:
        """Know that a knob moves, or that a pad was let go: of every message that comes in."""
        key = _key(message)
        if key is None:
            return
        for channel in (message.channel + 1, None):
            for light in self._moved_by.get((*key, channel), ()):
                self._touched(light, message, at_s)

    def tick(self, at_s: float) -> float | None:
        """Send what is due; returns when to be called next, None if only after a `wake`."""
        blink = int(at_s / BLINK_S)
        if blink != self._blink:
            self._blink = blink
            self._stale |= self._blinking
        later: list[float] = []
        for light in tuple(self._stale):
            free_s = self._free_s.get(light, -math.inf)
            if free_s > at_s:
                later.append(free_s)
            else:
                self._stale.discard(light)
                self._tell(light, at_s)
        if self._blinking:
            later.append((blink + 1) * BLINK_S)
        return min(later, default=None)

    def _tell(self, light: Light, at_s: float) -> None:
        active = self._active(light)
        if active is None:
            value, blinks = 0, False
        else:
            mapping, feedback = active
            value = max(0, min(127, shown(*active, self._controls, self._blink % 2 == 0)))
            blinks = feedback.busy == "blink" and busy(mapping, self._controls)
        (self._blinking.add if blinks else self._blinking.discard)(light)
        if value != self._sent.get(light):
            self._send(light.message(value))
            self._sent[light] = value
            self._free_s[light] = at_s + 1 / MOST_A_SECOND

    def _active(self, light: Light) -> tuple[Mapping, Feedback] | None:
        shared = self._shared[light]
        page = self._controls.get(self._bank) if self._controls.is_parameter(self._bank) else 1
        for bank in (page, None):
            for mapping, feedback in reversed(shared):
                if mapping.bank == bank:
                    return mapping, feedback
        return None

    def _touched(self, light: Light, message: mido.Message, at_s: float) -> None:
        active = self._active(light)
        if active is None:
            return
        if active[1].show == "value":
            # the ring follows the hand by itself; what it shows then need not be the value
            self._free_s[light] = at_s + QUIET_S
        elif not _released(message):
            return
        # else: many boxes switch a pad's light off themselves when it is let go
        self._sent.pop(light, None)
        self._stale.add(light)
        self._wake()

    def _changed(self, change: Change) -> None:
        name = change.parameter.name
        if name == self._bank:
            self._stale |= set(self._shared)
        elif name in self._watching:
            self._stale |= self._watching[name]
        else:
            return
        self._wake()

    def _watch(self) -> None:
        watching: dict[str, set[Light]] = defaultdict(set)
        for light, shared in self._shared.items():
            for mapping, _ in shared:
                for name in watched(mapping, self._controls):
                    watching[name].add(light)
        self._watching = dict(watching)
