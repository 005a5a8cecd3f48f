"""--midi-monitor: every MIDI message as a line, and what it did."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import mido

WINDOW_S: Final = 0.5
"""So long lines are counted; at its end the newest of what was passed over is told."""

MAX_LINES: Final = 25
"""Within a window more than anybody reads; of the rest each knob's newest value is told."""

_SILENT: Final = frozenset({"clock", "active_sensing"})
"""They come many times a second, for ever."""

_NUMBERED: Final = {
    "control_change": "control",
    "note_on": "note",
    "note_off": "note",
    "polytouch": "note",
}


def described(message: mido.Message) -> str:
    """A message in a performer's words: "cc 16 ch 1 = 64". Channels count from 1."""
    kind = message.type
    channel = f" ch {message.channel + 1}" if hasattr(message, "channel") else ""
    match kind:
        case "control_change":
            return f"cc {message.control}{channel} = {message.value}"
        case "note_on" | "note_off":
            off = kind == "note_off" or message.velocity == 0
            return f"note {message.note}{channel} {'off' if off else f'on {message.velocity}'}"
        case "polytouch":
            return f"aftertouch of note {message.note}{channel} = {message.value}"
        case "aftertouch":
            return f"aftertouch{channel} = {message.value}"
        case "pitchwheel":
            return f"pitch{channel} = {message.pitch}"
        case "program_change":
            return f"program {message.program}{channel}"
        case "songpos":
            return f"song position {message.pos}"
        case "sysex":
            return f"SysEx of {len(message.data)} bytes"
        case _:
            return str(kind).replace("_", " ")


class Monitor:
    """Tells `say` of messages, a line each; of a flood only so many lines a second.

    What is too many is passed over, but for the newest line of each knob and key, which `tick`
    tells a moment later: the last line about a knob is always where it stands. Times are seconds
    of the clock that messages are stamped with.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._ends_s = -math.inf
        self._told = 0
        self._untold = 0
        self._newest: dict[object, tuple[str, str]] = {}

    def take(self, at_s: float, label: str, message: mido.Message, did: Sequence[str]) -> None:
        """`message` came from the port `label` at `at_s` and `did` these things."""
        if message.type in _SILENT:
            return
        line = f"{described(message)}: {'; '.join(did) or 'nothing'}"
        self._put(at_s, label, _mover(message), line)

    def tell(self, at_s: float, label: str, line: str) -> None:
        """A line about the port `label`: what was done later than its message came."""
        self._put(at_s, label, line.partition(" -> ")[0], line)

    def tick(self, at_s: float) -> float | None:
        """Tell what waits, once the window has ended; when to be called next, None if never."""
        if at_s < self._ends_s:
            return self._ends_s if self._newest else None
        self._ends_s = at_s + WINDOW_S
        newest, self._newest = [*self._newest.values()][-MAX_LINES:], {}
        self._told = len(newest)
        more, self._untold = self._untold - len(newest), 0
        if more:
            self._say(f"MIDI: {more:,} more, too many to tell")
        for label, line in newest:
            self._say(f"MIDI: {label}: {line}")
        return None

    def _put(self, at_s: float, label: str, mover: object, line: str) -> None:
        if at_s >= self._ends_s:
            self.tick(at_s)
        if self._told < MAX_LINES:
            self._told += 1
            self._newest.pop((label, mover), None)
            self._say(f"MIDI: {label}: {line}")
            return
        self._untold += 1
        self._newest.pop((label, mover), None)  # the newest comes last, whenever its first came
        self._newest[label, mover] = (label, line)


def _mover(message: mido.Message) -> object:
    """What moved: of two messages with one of these the newer one alone tells where it stands."""
    kind = "note" if message.type in ("note_on", "note_off") else message.type
    number = getattr(message, _NUMBERED.get(message.type, ""), None)
    return kind, getattr(message, "channel", None), number
