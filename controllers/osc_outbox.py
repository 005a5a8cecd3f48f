"""What one TCP client has still to be sent; decided without I/O.

UDP drops what a slow client does not take. TCP would keep it for ever, so here of a value only
the newest waits, and who takes nothing until `MAX_WAITING_BYTES` of events wait is given up.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MAX_WAITING_BYTES: Final = 4_000_000


class Outbox:
    """Packets in their order. `wake` is called when there are some, `overflowed` when too many.

    A newer value takes the older one's place in the row, so that one that changes all the time
    cannot stay behind the others for ever. Everything else is sent, each packet of it.
    """

    def __init__(self, wake: Callable[[], None], overflowed: Callable[[], None]) -> None:
        self.waiting_bytes = 0
        self._wake = wake
        self._overflowed = overflowed
        self._waiting: OrderedDict[object, bytes] = OrderedDict()
        self._tickets = itertools.count()
        self._closed = False

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, packet: bytes, value_of: str | None = None, *, answer: bool = False) -> None:
        """Let `packet` be sent; as the newest value of `value_of`, if it is one.

        An `answer` that tells a value is sent even if a newer one comes, which then follows it.
        """
        if self._closed:
            return
        if answer and value_of is not None:
            self.waiting_bytes -= len(self._waiting.pop(value_of, b""))
            value_of = None
        key: object = next(self._tickets) if value_of is None else value_of
        self.waiting_bytes += len(packet) - len(self._waiting.get(key, b""))
        self._waiting[key] = packet
        if self.waiting_bytes > MAX_WAITING_BYTES:
            self.close()
            self._overflowed()
        self._wake()

    def take(self, most_bytes: int) -> list[bytes]:
        """The next packets, about so many bytes of them."""
        packets: list[bytes] = []
        while self._waiting and most_bytes > 0:
            _, packet = self._waiting.popitem(last=False)
            packets.append(packet)
            self.waiting_bytes -= len(packet)
            most_bytes -= len(packet)
        return packets

    def close(self) -> None:
        """Nothing more is taken in, and nothing that waits is sent."""
        self._closed = True
        self._waiting.clear()
        self.waiting_bytes = 0
