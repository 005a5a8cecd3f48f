"""--midi-monitor: every MIDI message as a line, and what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import mido

MAX_LINES_A_SECOND: Final = 50
"""More than anybody reads; the rest is counted."""

_SILENT: Final = frozenset({"clock", "active_sensing"})
"""They come many times a second, for ever."""


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
    """Tells `say` of messages, a line each; of a flood only so many lines a second."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._second = -1
        self._told = 0
        self._untold = 0

    def take(self, at_s: float, label: str, message: mido.Message, did: Sequence[str]) -> None:
        """`message` came from the port `label` at `at_s` and `did` these things."""
        if message.type in _SILENT:
            return
        if int(at_s) != self._second:
            if self._untold:
                self._say(f"MIDI: {self._untold:,} more, too many to tell")
            self._second, self._told, self._untold = int(at_s), 0, 0
        if self._told >= MAX_LINES_A_SECOND:
            self._untold += 1
            return
        self._told += 1
        self.tell(label, f"{described(message)}: {'; '.join(did) or 'nothing'}")

    def tell(self, label: str, line: str) -> None:
        """A line about the port `label`."""
        self._say(f"MIDI: {label}: {line}")
