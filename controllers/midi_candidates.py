"""Which knob or pad moved most in a few hundred milliseconds, and what sort of thing it is.

`Moves` collects messages; nothing here reads a clock. What a knob is shows in how its values run:

- Two controllers n and n + 32, the second always hard upon the first: one knob of 14 bits.
- Values that stay near the ends (1, 2, 127, 126) or near the middle (65, 63), and come twice in a
  row or leap: ticks of an encoder without ends. A knob with ends never sends one value twice.
- Only 0 and 127: a button.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

import mido

from controllers.midi_decode import ticks_of
from controllers.midi_map import (
    DATA_ENTRY,
    PARAMETER_SELECT,
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
from controllers.midi_map_text import source_name

TOGETHER_S: Final = 0.005
"""The halves of a 14-bit value come within this time."""

TICKS: Final = 16
"""An encoder turned fast sends at most so many ticks in one message."""

MOST_VALUES: Final = 1000
"""So many values of one knob are looked at: more than a cable carries in a second."""

_BUTTON: Final = 64.0
_NOTE: Final = 32.0  # less than a real turn of a knob: touched faders send notes, too
_PROGRAM: Final = 128.0
_TICK: Final = 4.0

Sort = Literal["knob", "encoder", "button", "pad", "program"]
_Key = tuple[str, str, int, int]
"""port, kind, channel (1 to 16), number"""

_BANK_SELECT: Final = (0, 32)
_MODES: Final = range(120, 128)  # all notes off and the like: no knob


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that moved. `moved` is how far, in steps of a 7-bit knob."""

    port: str
    source: Source
    sort: Sort
    moved: float
    sure: bool = True

    @property
    def text(self) -> str:
        """Such as "nanoKONTROL2: cc 16 channel 1 (encoder)"."""
        return f"{self.port}: {source_name(self.source)} ({self.sort})"


@dataclass
class _Trace:
    """What one knob sent: values from 0 to 127, and when."""

    values: list[float] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)

    def add(self, value: float, at_s: float) -> None:
        if len(self.values) < MOST_VALUES:
            self.values.append(value)
            self.times_s.append(at_s)

    @property
    def travel(self) -> float:
        return max(self.values) - min(self.values)


@dataclass
class Moves:
    """Everything that moved since learning began."""

    _traces: dict[_Key, _Trace] = field(default_factory=dict)
    _selected: dict[tuple[str, int], tuple[str, dict[int, int]]] = field(default_factory=dict)
    _entered: dict[_Key, dict[int, int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self._traces)

    def take(self, port: str, message: mido.Message, at_s: float) -> bool:
        """Note a message; False where it is none of a knob's or a pad's, such as the clock."""
        match message.type:
            case "control_change":
                return self._controller(port, message, at_s)
            case "note_on" if message.velocity:
                self._add(port, "note", message, message.note, message.velocity, at_s)
            case "pitchwheel":
                self._add(port, "pitch", message, 0, (message.pitch + 8192) / 128, at_s)
            case "aftertouch":
                self._add(port, "pressure", message, 0, message.value, at_s)
            case "polytouch":
                self._add(port, "touch", message, message.note, message.value, at_s)
            case "program_change":
                self._add(port, "program", message, message.program, 0, at_s)
            case _:
                return False
        return True

    def candidates(self) -> list[Candidate]:
        """What moved, the furthest first."""
        found = [*self._found()]
        # controllers 0 and 32 choose a bank, and are a knob (the first fader of a nanoKONTROL2)
        # only where nothing else speaks
        others = [one for one in found if not _bank_select(one.source)]
        return sorted(others or found, key=lambda one: -one.moved)

    def _controller(self, port: str, message: mido.Message, at_s: float) -> bool:
        number, channel = message.control, message.channel + 1
        if number in _MODES:
            return False
        if number in PARAMETER_SELECT:
            kind = "nrpn" if number < 100 else "rpn"
            known, halves = self._selected.get((port, channel), (kind, {}))
            halves = dict(halves) if known == kind else {}
            halves[number % 2] = message.value
            self._selected[port, channel] = (kind, halves)
            return True
        selected = self._parameter(port, channel)
        if number in DATA_ENTRY and selected is not None:
            kind, parameter = selected
            self._entry((port, kind, channel, parameter), message, at_s)
            return True
        self._add(port, "cc", message, number, message.value, at_s)
        return True

    def _parameter(self, port: str, channel: int) -> tuple[str, int] | None:
        kind, halves = self._selected.get((port, channel), ("", {}))
        if len(halves) < 2 or halves == {0: 127, 1: 127}:
            return None
        return kind, (halves[1] << 7) + halves[0]

    def _entry(self, key: _Key, message: mido.Message, at_s: float) -> None:
        halves = self._entered.setdefault(key, {})
        trace = self._traces.setdefault(key, _Trace())
        if message.control in (6, 38):
            halves[message.control] = message.value
            trace.add(halves.get(6, 0) + halves.get(38, 0) / 128, at_s)
        else:
            last = trace.values[-1] if trace.values else 64.0
            trace.add(last + (1 if message.control == 96 else -1), at_s)

    def _add(
        self, port: str, kind: str, message: mido.Message, number: int, value: float, at_s: float
    ) -> None:
        key = (port, kind, message.channel + 1, number)
        self._traces.setdefault(key, _Trace()).add(value, at_s)

    def _found(self) -> Iterator[Candidate]:
        pairs = dict(self._pairs())
        low_halves = set(pairs.values())
        pressed = {(port, channel) for port, kind, channel, _ in self._traces if kind == "note"}
        programs = {(port, channel) for port, kind, channel, _ in self._traces if kind == "program"}
        for key, trace in self._traces.items():
            port, kind, channel, number = key
            match kind:
                case "cc" if key in pairs:
                    source = Cc14(number, number + 32, channel)
                    yield Candidate(port, source, "knob", trace.travel + 0.5)
                case "cc" if number in _BANK_SELECT:
                    if trace.travel and (port, channel) not in programs:
                        yield _controller(port, Cc(number, channel), trace)
                case "cc" if key not in low_halves:
                    yield _controller(port, Cc(number, channel), trace)
                case "nrpn" | "rpn":
                    source_n = Nrpn(number, channel, kind == "rpn")
                    yield Candidate(port, source_n, "knob", trace.travel + 0.5)
                case "pitch":
                    yield Candidate(port, Pitch(channel), "knob", trace.travel)
                case "note":
                    yield Candidate(port, Note(number, channel), "pad", _NOTE)
                case "program":
                    yield Candidate(port, Program(number, channel), "program", _PROGRAM)
                case "pressure" | "touch" if (port, channel) not in pressed:
                    # of a pad that was struck, the pressure is only how it was struck
                    note = number if kind == "touch" else None
                    yield Candidate(port, Aftertouch(note, channel), "knob", trace.travel)
                case _:
                    continue

    def _pairs(self) -> Iterator[tuple[_Key, _Key]]:
        for key, trace in self._traces.items():
            port, kind, channel, number = key
            low = (port, kind, channel, number + 32)
            if kind == "cc" and 0 < number < 32 and low in self._traces:
                halves = self._traces[low]
                near = sum(_hard_upon(trace, at_s) for at_s in halves.times_s)
                if near >= 2 and 2 * near >= len(halves.times_s) and not _is_button(halves):
                    yield key, low


def _bank_select(source: Source) -> bool:
    return isinstance(source, Cc) and source.number in _BANK_SELECT


def _hard_upon(trace: _Trace, at_s: float) -> bool:
    """Whether something of the trace came within `TOGETHER_S` before."""
    after = bisect_right(trace.times_s, at_s)
    return after > 0 and at_s - trace.times_s[after - 1] <= TOGETHER_S


def _is_button(trace: _Trace) -> bool:
    return set(trace.values) <= {0, 127}


def _controller(port: str, source: Cc, trace: _Trace) -> Candidate:
    relative = relative_of([int(value) for value in trace.values])
    if relative is not None:
        encoder = Cc(source.number, source.channel, relative)
        ticks = sum(abs(ticks_of(relative, int(value))) for value in trace.values)
        return Candidate(port, encoder, "encoder", _TICK * ticks)
    if _is_button(trace):
        # one message may be a button's, or the first of a knob at its end
        pressed = 127 in trace.values
        return Candidate(port, source, "button", _BUTTON * pressed, len(trace.values) > 1)
    return Candidate(port, source, "knob", trace.travel, len(trace.values) > 1)


def relative_of(values: list[int]) -> Relative | None:
    """The coding of an encoder's ticks; None where these are a knob's or a button's values.

    Turned one way only, two codings can look the same: 1 is taken for two's complement, 65 for
    offset binary, which are the usual ones.
    """
    if len(values) < 2 or 0 in values or 64 in values:
        return None
    low = {value for value in values if value <= TICKS}
    high = {value for value in values if value >= 128 - TICKS}
    above = {value for value in values if 64 < value <= 64 + TICKS}
    below = {value for value in values if 64 - TICKS <= value < 64}
    found: Relative
    if low | high == set(values):
        found = "twos-complement"
    elif above | below == set(values):
        found = "offset-binary"
    elif low | above == set(values):
        found = "signed-bit"
    else:
        return None
    repeats = any(one == other for one, other in pairwise(values))
    # from 1 to 127 at once no knob goes
    few = all(abs(ticks_of(found, value)) <= 4 for value in values)
    leaps = bool(low) and bool(high or above) and (few or len(values) > 2)
    return found if repeats or leaps else None
