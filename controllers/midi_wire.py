"""Bytes from a MIDI port to messages, whatever order and size they come in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import mido

MAX_SYSEX_BYTES: Final = 65536
"""A longer one is dropped as it comes; nothing here plays by SysEx."""

_SYSEX: Final = 0xF0
_SYSEX_END: Final = 0xF7
_REALTIME: Final = 0xF8

# data bytes after each status byte: channel messages by their upper half, system common whole
_CHANNEL_DATA: Final = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_COMMON_DATA: Final = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0}
_REALTIME_KNOWN: Final = {0xF8, 0xFA, 0xFB, 0xFC, 0xFE, 0xFF}


class Wire:
    """One port's bytes, as the MIDI 1.0 specification reads them.

    Running status holds until a system common message; realtime bytes may stand anywhere, also
    inside another message; a message cut short by the next status byte is dropped.
    """

    def __init__(self) -> None:
        self._data: list[int] = []
        self._status = 0  # 0: bytes without a status before them mean nothing

    def feed(self, data: Iterable[int]) -> list[mido.Message]:
        """The messages that `data` completes, in order."""
        found: list[mido.Message] = []
        for byte in data:
            if byte < 0x80:
                self._take(byte, found)
            elif byte >= _REALTIME:
                if byte in _REALTIME_KNOWN:
                    found.append(mido.Message.from_bytes([byte]))
            else:
                self._begin(byte, found)
        return found

    def _begin(self, status: int, found: list[mido.Message]) -> None:
        if status == _SYSEX_END and self._status == _SYSEX and len(self._data) <= MAX_SYSEX_BYTES:
            found.append(mido.Message("sysex", data=self._data))
        self._data = []
        self._status = status if _data_bytes(status) or status == _SYSEX else 0
        if _data_bytes(status) == 0:
            found.append(mido.Message.from_bytes([status]))

    def _take(self, byte: int, found: list[mido.Message]) -> None:
        if not self._status:
            return
        if self._status == _SYSEX:
            if len(self._data) <= MAX_SYSEX_BYTES:
                self._data.append(byte)
            return
        self._data.append(byte)
        if len(self._data) == _data_bytes(self._status):
            found.append(mido.Message.from_bytes([self._status, *self._data]))
            self._data = []
            if self._status >= _SYSEX:
                self._status = 0


def _data_bytes(status: int) -> int | None:
    """How many follow this status byte; None for SysEx and for what MIDI leaves undefined."""
    if status < _SYSEX:
        return _CHANNEL_DATA[status & 0xF0]
    return _COMMON_DATA.get(status)
