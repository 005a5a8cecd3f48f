"""From MIDI messages to what a hand did on the device: a state machine without a clock of its own.

Halves of 14 bits are put together (MIDI 1.0: controllers n and n + 32; NRPN and RPN select with
99/98 and 101/100, data 6/38, steps 96/97); encoders' three ways to say a direction become ticks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import mido

from controllers.midi_map import (
    DATA_ENTRY,
    Aftertouch,
    Cc,
    Cc14,
    Note,
    Nrpn,
    Pitch,
    Program,
    Relative,
    Source,
)

HALF_S: Final = 0.005
"""A high half without its low half counts alone after so long."""

_TOP7: Final = 127
_TOP14: Final = 16383
_RISE: Final = 0.5
"""A switch is on from 64 of 127, or 8192 of 16383."""

_SELECT: Final = {99: (False, True), 98: (False, False), 101: (True, True), 100: (True, False)}
"""Controllers that select: (registered, high half)."""
_NOTHING: Final = 16383
"""The number that deselects."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A knob stands at `position` (0 to 1); `rose` where a switch went on (True) or off (False)."""

    source: Source
    position: float
    rose: bool | None = None


@dataclass(frozen=True, slots=True)
class Turned:
    """An encoder moved by `ticks` (up is positive), `interval_s` after the last the same way."""

    source: Source
    ticks: int
    interval_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key went down. `velocity` is above 0, at most 1."""

    source: Source
    velocity: float


@dataclass(frozen=True, slots=True)
class Released:
    """A key went up."""

    source: Source


@dataclass(frozen=True, slots=True)
class Chosen:
    """A program change."""

    source: Source
    number: int


Gesture = Moved | Turned | Pressed | Released | Chosen


@dataclass(slots=True)
class _Halves:
    """A value in two halves, as far as it has come. `due_s`: its high half waits until then."""

    high: int | None = None
    has_low: bool = False
    due_s: float | None = None

    @property
    def alone(self) -> float:
        """The position where the high half is all there is."""
        assert self.high is not None
        # a low half stands at 0 after a new high one (MIDI 1.0); without any, 127 is the top
        return (self.high << 7) / _TOP14 if self.has_low else self.high / _TOP7


@dataclass(slots=True)
class _Selection:
    registered: bool = False
    high: int = _TOP7
    low: int = _TOP7

    @property
    def number(self) -> int:
        return self.high << 7 | self.low


_Key = tuple[Source, int]
"""A source, and the channel that it spoke on: equal knobs of two channels are told apart."""


class Decoder:
    """Tells what the `sources` did. Others are passed over, whatever they send.

    Times are seconds on any one clock. A half that waits is committed by `due`, or by whatever
    comes after its time.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        self._by_number: dict[tuple[str, int | None], list[Source]] = {}
        for source in dict.fromkeys(sources):
            for key in _keys(source):
                self._by_number.setdefault(key, []).append(source)
        self._numbered = {
            source.channel
            for (kind, _), found in self._by_number.items()
            if kind == "nrpn"
            for source in found
        }
        self._selected: dict[int, _Selection] = {}
        self._halves: dict[_Key, _Halves] = {}
        self._on: dict[_Key, bool] = {}
        self._ticked: dict[_Key, tuple[int, float]] = {}

    @property
    def due_s(self) -> float | None:
        """When the first waiting half is due."""
        waiting = [halves.due_s for halves in self._halves.values() if halves.due_s is not None]
        return min(waiting, default=None)

    def due(self, at_s: float) -> list[Gesture]:
        """What halves that waited until now make."""
        done: list[Gesture] = []
        for key, halves in self._halves.items():
            if halves.due_s is not None and halves.due_s <= at_s:
                halves.due_s = None
                done.append(self._moved(key, halves.alone))
        return done

    def take(self, message: mido.Message, at_s: float) -> list[Gesture]:
        """What a message means; nothing where no source sent it."""
        done = self.due(at_s)
        match message.type:
            case "control_change":
                done += self._controlled(message.control, message.value, message.channel + 1, at_s)
            case "note_on" | "note_off":
                down = message.type == "note_on" and message.velocity > 0
                for source, _ in self._sources("note", message.note, message.channel + 1):
                    down_by = message.velocity / _TOP7
                    done.append(Pressed(source, down_by) if down else Released(source))
            case "pitchwheel":
                position = (message.pitch + 8192) / _TOP14
                done += self._all_moved("pitch", None, message.channel + 1, position)
            case "aftertouch":
                position = message.value / _TOP7
                done += self._all_moved("aftertouch", None, message.channel + 1, position)
            case "polytouch":
                position = message.value / _TOP7
                done += self._all_moved("aftertouch", message.note, message.channel + 1, position)
            case "program_change":
                for number in (message.program, None):
                    for source, _ in self._sources("program", number, message.channel + 1):
                        done.append(Chosen(source, message.program))
        return done

    def forget(self) -> None:
        """The device is gone: what it had half said counts no more."""
        self._selected.clear()
        self._halves.clear()
        self._on.clear()
        self._ticked.clear()

    def _sources(self, kind: str, number: int | None, channel: int) -> list[_Key]:
        return [
            (source, channel)
            for source in self._by_number.get((kind, number), ())
            if source.channel in (None, channel)
        ]

    def _controlled(self, number: int, value: int, channel: int, at_s: float) -> list[Gesture]:
        if self._data(number, value, channel):
            return self._entered(number, value, channel, at_s)
        done: list[Gesture] = []
        for key in self._sources("cc", number, channel):
            source = key[0]
            assert isinstance(source, Cc)
            if source.relative is None:
                done.append(self._moved(key, value / _TOP7))
            elif ticks := ticks_of(source.relative, value):
                done.append(self._turned(key, ticks, at_s))
        for key in self._sources("high", number, channel):
            self._high(key, value, at_s)
        for key in self._sources("low", number, channel):
            done += self._low(key, value)
        return done

    def _data(self, number: int, value: int, channel: int) -> bool:
        """Whether a controller speaks of a numbered parameter, which it selects or changes.

        Never on a channel where none is played: there it is a knob like others.
        """
        if not self._numbered & {None, channel}:
            return False
        if number in _SELECT:
            selection = self._selected.setdefault(channel, _Selection())
            registered, high = _SELECT[number]
            if selection.registered != registered:
                selection.registered = registered
                selection.high = selection.low = _TOP7
            if high:
                selection.high = value
            else:
                selection.low = value
            return True
        selected = self._selected.get(channel)
        return number in DATA_ENTRY and selected is not None and selected.number != _NOTHING

    def _entered(self, number: int, value: int, channel: int, at_s: float) -> list[Gesture]:
        done: list[Gesture] = []
        if number in _SELECT:
            return done
        selected = self._selected[channel]
        kind = "rpn" if selected.registered else "nrpn"
        for key in self._sources("nrpn", _numbered(kind, selected.number), channel):
            if number == 6:
                self._high(key, value, at_s)
            elif number == 38:
                done += self._low(key, value)
            else:
                done.append(self._turned(key, 1 if number == 96 else -1, at_s))
        return done

    def _high(self, key: _Key, value: int, at_s: float) -> None:
        halves = self._halves.setdefault(key, _Halves())
        halves.high = value
        halves.due_s = at_s + HALF_S

    def _low(self, key: _Key, value: int) -> list[Gesture]:
        halves = self._halves.setdefault(key, _Halves())
        halves.has_low = True
        if halves.high is None:
            return []  # half a value, and nobody knows where the knob stands
        halves.due_s = None
        return [self._moved(key, (halves.high << 7 | value) / _TOP14)]

    def _all_moved(
        self, kind: str, number: int | None, channel: int, position: float
    ) -> list[Gesture]:
        return [self._moved(key, position) for key in self._sources(kind, number, channel)]

    def _moved(self, key: _Key, position: float) -> Gesture:
        on = position >= _RISE
        rose = None if self._on.get(key, False) == on else on
        self._on[key] = on
        return Moved(key[0], position, rose)

    def _turned(self, key: _Key, ticks: int, at_s: float) -> Gesture:
        way = 1 if ticks > 0 else -1
        last_way, last_s = self._ticked.get(key, (0, -math.inf))
        self._ticked[key] = (way, at_s)
        return Turned(key[0], ticks, at_s - last_s if way == last_way else math.inf)


def ticks_of(relative: Relative, value: int) -> int:
    """What an encoder's 7-bit `value` says: ticks up, or (negative) down; 0 for none."""
    match relative:
        case "twos-complement":
            return value if value <= 64 else value - 128
        case "offset-binary":
            return value - 64
        case "signed-bit":
            return value if value <= 64 else 64 - value


def _numbered(kind: str, number: int) -> int:
    # registered ones behind the others
    return number + (_TOP14 + 1) * (kind == "rpn")


def _keys(source: Any) -> list[tuple[str, int | None]]:
    """What a source is found by."""
    match source:
        case Cc(number):
            return [("cc", number)]
        case Cc14(high, low):
            return [("high", high), ("low", low)]
        case Nrpn(number):
            return [("nrpn", _numbered("rpn" if source.registered else "nrpn", number))]
        case Pitch():
            return [("pitch", None)]
        case Aftertouch(note):
            return [("aftertouch", note)]
        case Note(number):
            return [("note", number)]
        case Program(number):
            return [("program", number)]
    raise AssertionError(source)
