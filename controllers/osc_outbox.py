"""What clients have still to be sent; decided without I/O.

Of a value only the newest waits, everything else is kept in its order. UDP drops what a slow client
does not take, so its packets leave a few at a time (`UdpOutbox`). TCP would keep them for ever: who
takes nothing until `MAX_WAITING_BYTES` of events wait is given up (`Outbox`).
"""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from controllers.osc_peers import Address

MAX_WAITING_BYTES: Final = 4_000_000
"""Of one TCP client."""
MAX_WAITING_PACKETS: Final = 20_000
"""Over UDP, of all clients: a socket that takes nothing costs the oldest packets, not memory."""
TURN_PACKETS: Final = 32
"""So many leave to one UDP client at a time, then others wait until `TURN_S` after the first.

That is 8,000 a second. A client that looks once in a frame of 1/60 s finds 160 at most; the usual
buffer of Linux (208 KiB) holds some 270 small ones, that of Windows (64 KiB) over 700.
"""
TURN_S: Final = 0.004


class Row:
    """Packets in their order.

    A newer value takes the older one's place in the row, so that one that changes all the time
    cannot stay behind the others for ever. Everything else is sent, each packet of it.
    """

    def __init__(self) -> None:
        self.waiting_bytes = 0
        self._waiting: OrderedDict[object, bytes] = OrderedDict()
        self._tickets = itertools.count()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def first(self) -> bytes:
        """The packet that is to leave next."""
        return next(iter(self._waiting.values()))

    def put(self, packet: bytes, value_of: str | None = None, *, answer: bool = False) -> None:
        """Let `packet` be sent; as the newest value of `value_of`, if it is one.

        An `answer` that tells a value is sent even if a newer one comes, which then follows it.
        """
        if answer and value_of is not None:
            self.drop(value_of)
            value_of = None
        key: object = next(self._tickets) if value_of is None else value_of
        self.waiting_bytes += len(packet) - len(self._waiting.get(key, b""))
        self._waiting[key] = packet

    def drop(self, value_of: str) -> None:
        """Let this value not be sent, if it still waits."""
        self.waiting_bytes -= len(self._waiting.pop(value_of, b""))

    def pop(self) -> bytes:
        """Take the first packet out."""
        _, packet = self._waiting.popitem(last=False)
        self.waiting_bytes -= len(packet)
        return packet

    def clear(self) -> None:
        self._waiting.clear()
        self.waiting_bytes = 0


class Outbox:
    """Of one TCP client. `wake` is called when there is something, `overflowed` when too much."""

    def __init__(self, wake: Callable[[], None], overflowed: Callable[[], None]) -> None:
        self._row = Row()
        self._wake = wake
        self._overflowed = overflowed
        self._closed = False

    def __bool__(self) -> bool:
        return bool(self._row)

    @property
    def waiting_bytes(self) -> int:
        return self._row.waiting_bytes

    def put(self, packet: bytes, value_of: str | None = None, *, answer: bool = False) -> None:
        """As `Row.put`."""
        if self._closed:
            return
        self._row.put(packet, value_of, answer=answer)
        if self.waiting_bytes > MAX_WAITING_BYTES:
            self.close()
            self._overflowed()
        self._wake()

    def drop(self, value_of: str) -> None:
        """As `Row.drop`."""
        self._row.drop(value_of)

    def take(self, most_bytes: int) -> list[bytes]:
        """The next packets, about so many bytes of them."""
        packets: list[bytes] = []
        while self._row and most_bytes > 0:
            packets.append(self._row.pop())
            most_bytes -= len(packets[-1])
        return packets

    def close(self) -> None:
        """Nothing more is taken in, and nothing that waits is sent."""
        self._closed = True
        self._row.clear()


class UdpOutbox:
    """Of all UDP clients: `TURN_PACKETS` to each, then those of others, then the next turn.

    Times are seconds of one clock. Whoever sends takes `first` until there is none, and comes
    back when it is `due`.
    """

    def __init__(self) -> None:
        self._ready: dict[Address, Row] = {}
        self._resting: dict[Address, Row] = {}
        self._sent: dict[Address, int] = {}
        self._packets = 0
        self._turn_ends = -math.inf

    def __len__(self) -> int:
        return self._packets

    def waits_for(self, address: Address) -> bool:
        """Whether something has still to be sent there."""
        return address in self._ready or address in self._resting

    def put(
        self, packet: bytes, address: Address, value_of: str | None = None, *, answer: bool = False
    ) -> None:
        """As `Row.put`, in the row of this client."""
        row = self._row_of(address)
        if row is None:
            row = Row()
            rests = self._sent.get(address, 0) >= TURN_PACKETS
            (self._resting if rests else self._ready)[address] = row
        before = len(row)
        row.put(packet, value_of, answer=answer)
        self._packets += len(row) - before
        if self._packets > MAX_WAITING_PACKETS:
            oldest = next(iter(self._ready or self._resting))
            self._rows_with(oldest)[oldest].pop()
            self._one_less(oldest)

    def drop(self, address: Address, value_of: str) -> None:
        """As `Row.drop`, in the row of this client."""
        row = self._row_of(address)
        if row is not None:
            before = len(row)
            row.drop(value_of)
            if len(row) < before:
                self._one_less(address)

    def first(self, now: float) -> tuple[bytes, Address] | None:
        """What is to be sent next, and where; None if nothing is, or not yet."""
        if now >= self._turn_ends:
            self._sent.clear()
            self._ready.update(self._resting)
            self._resting.clear()
            if not self._ready:
                return None
            self._turn_ends = now + TURN_S
        for address, row in self._ready.items():
            return row.first, address
        return None

    def pop_first(self) -> None:
        """What `first` told is sent."""
        address = next(iter(self._ready))
        sent = self._sent[address] = self._sent.get(address, 0) + 1
        self._ready[address].pop()
        self._one_less(address)
        if sent >= TURN_PACKETS and address in self._ready:
            self._resting[address] = self._ready.pop(address)

    def due(self) -> float:
        """When those that had their turn have the next; infinity where nobody waits for it."""
        return self._turn_ends if self._resting else math.inf

    def _row_of(self, address: Address) -> Row | None:
        return self._rows_with(address).get(address)

    def _rows_with(self, address: Address) -> dict[Address, Row]:
        return self._ready if address in self._ready else self._resting

    def _one_less(self, address: Address) -> None:
        self._packets -= 1
        rows = self._rows_with(address)
        if not rows[address]:
            del rows[address]
