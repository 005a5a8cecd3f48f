"""The lights of a MIDI device: pads and buttons show on, off and busy, rings show the value.

`midi_shows` decides what a mapping's light shows; `Lights` sends what changed. Nothing here reads a
clock or waits: `tick(at_s)` sends what is due and says when it wants to be called again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from typing import Final

import mido

from controllers.midi_map import (
    DATA_ENTRY,
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
)
from controllers.midi_shows import Light, busy, light_of, shown, watched
from engine.controls import Change, Controls

Send = Callable[[mido.Message], None]

MOST_A_SECOND: Final = 30
"""So often one light is told something new, at most."""

BYTES_A_SECOND: Final = 3125
"""What a MIDI cable carries: 31,250 baud, ten bits a byte. A box on one hears nothing faster."""

AT_ONCE_S: Final = 0.1
"""So far ahead of the cable lights may be: a whole box is redrawn at once."""

QUIET_S: Final = 0.5
"""So long after a knob last moved its own ring hears nothing: an echo would fight the hand."""

BLINK_S: Final = 0.25
"""A busy light is on for so long, and off for as long. All blink together."""

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
            for number in DATA_ENTRY:
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
        self._stale: dict[Light, None] = {}  # a set that keeps its order: each has its turn
        self._blinking: set[Light] = set()
        self._blink = 0
        self._sent: dict[Light, int] = {}
        self._free_s: dict[Light, float] = {}  # from when on a light may be told again
        self._cable_s = -math.inf  # until when the cable is busy with what was sent
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
        self._stale = dict.fromkeys(self._shared)
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
            self._stale |= dict.fromkeys(self._blinking)
        later: list[float] = []
        for light in tuple(self._stale):
            free_s = max(self._free_s.get(light, -math.inf), self._cable_s - AT_ONCE_S)
            if free_s > at_s:
                later.append(free_s)
            else:
                del self._stale[light]
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
            message = light.message(value)
            self._send(message)
            self._sent[light] = value
            self._cable_s = max(self._cable_s, at_s) + len(message) / BYTES_A_SECOND
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
        self._stale[light] = None
        self._wake()

    def _changed(self, change: Change) -> None:
        name = change.parameter.name
        if name == self._bank:
            self._stale |= dict.fromkeys(self._shared)
        elif name in self._watching:
            self._stale |= dict.fromkeys(self._watching[name])
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
