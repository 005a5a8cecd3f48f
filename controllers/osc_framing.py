"""Packets in a TCP stream: where each begins and ends, as plain functions over bytes.

OSC 1.0 puts an int32 length before each packet; OSC 1.1 wraps each in SLIP (RFC 1055) with END on
both sides. A packet starts with / or #, which as a length would be far over what is allowed, so
the first byte of a connection tells the two apart.
"""

from __future__ import annotations

import enum
import struct
from typing import Final

MAX_STREAMED_BYTES: Final = 65_536
"""The longest packet in a stream: what UDP could carry, rounded up."""

END: Final = b"\xc0"
ESC: Final = b"\xdb"
ESC_END: Final = b"\xdb\xdc"
ESC_ESC: Final = b"\xdb\xdd"

_LENGTH: Final = struct.Struct(">i")
_STARTS_SLIP: Final = frozenset(END + b"/#")
"""END, or at once the packet: RFC 1055 itself sends END only after it."""


class Framing(enum.Enum):
    """How the packets of one connection are told apart."""

    LENGTH = "1.0 length prefix"
    SLIP = "1.1 SLIP"


def framed(packet: bytes, framing: Framing) -> bytes:
    """`packet` as it travels in a stream."""
    if framing is Framing.LENGTH:
        return _LENGTH.pack(len(packet)) + packet
    return END + packet.replace(ESC, ESC_ESC).replace(END, ESC_END) + END


class Deframer:
    """Takes a stream's bytes as they come; any cutting of them gives the same packets.

    `framing` is None until the first byte has told it. Once `broken` says what was wrong nothing
    more is read: where the next packet would begin is not known.
    """

    def __init__(self) -> None:
        self.framing: Framing | None = None
        self.broken = ""
        self._kept = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that are whole now, in order."""
        if self.broken or not data:
            return []
        if self.framing is None:
            self.framing = Framing.SLIP if data[0] in _STARTS_SLIP else Framing.LENGTH
        self._kept += data
        return self._prefixed() if self.framing is Framing.LENGTH else self._wrapped()

    def end(self) -> None:
        """The stream is over; `broken` says so if that was inside a packet."""
        if self._kept and not self.broken:
            self.broken = f"the stream ended {len(self._kept)} bytes into a packet"

    def _break(self, reason: str) -> None:
        self.broken = reason
        self._kept.clear()

    def _prefixed(self) -> list[bytes]:
        kept, at = self._kept, 0
        packets: list[bytes] = []
        while len(kept) >= at + _LENGTH.size:
            (size,) = _LENGTH.unpack_from(kept, at)
            if not 0 < size <= MAX_STREAMED_BYTES or size % 4:
                self._break(
                    f"a packet of {size} bytes in a stream; allowed: multiples of 4 up to "
                    f"{MAX_STREAMED_BYTES}, or SLIP from the first byte on"
                )
                return packets
            if len(kept) < at + _LENGTH.size + size:
                break
            at += _LENGTH.size
            packets.append(bytes(kept[at : at + size]))
            at += size
        del kept[:at]
        return packets

    def _wrapped(self) -> list[bytes]:
        kept, at = self._kept, 0
        packets: list[bytes] = []
        while True:
            stop = kept.find(END, max(at, self._searched))
            if (len(kept) if stop < 0 else stop) - at > 2 * MAX_STREAMED_BYTES:
                # even if every byte of it were escaped
                self._break(_TOO_LONG)
                return packets
            if stop < 0:
                break
            if stop > at:
                try:
                    packets.append(_unwrapped(bytes(kept[at:stop])))
                except ValueError as error:
                    self._break(str(error))
                    return packets
            at = stop + 1
        del kept[:at]
        self._searched = len(kept)
        return packets


_TOO_LONG: Final = f"a packet over {MAX_STREAMED_BYTES} bytes in a stream"


def _unwrapped(wrapped: bytes) -> bytes:
    """What stood between two ENDs. Raises `ValueError` where that can be no packet."""
    if wrapped.count(ESC) != wrapped.count(ESC_END) + wrapped.count(ESC_ESC):
        raise ValueError("a SLIP escape (0xDB) that is not followed by 0xDC or 0xDD")
    packet = wrapped.replace(ESC_END, END).replace(ESC_ESC, ESC)
    if len(packet) > MAX_STREAMED_BYTES:
        raise ValueError(_TOO_LONG)
    return packet
