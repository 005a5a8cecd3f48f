"""What has been read over UDP and is not done yet: of a flood a little at a time, others between.

Decided without I/O. A turn costs a bounded time, and within it whoever sends much gets no more of
it than others: its packets wait, in their order, while those of everybody else are done.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from controllers.osc_peers import Address

TURN_S: Final = 0.008
"""A turn of the conductor begins no packet later than this; the picture has the rest."""
SLICE_S: Final = 0.002
"""So much of a turn a sender has before others have theirs."""
MAX_WAITING_BYTES: Final = 32 * 1024 * 1024
"""Beyond this nothing more is kept of a sender who had his slice and whose packets still wait."""
RESERVE_BYTES: Final = 8 * 1024 * 1024
"""So much is kept of others then; beyond it nothing is read, and packets are lost in the system."""
_PACKET_BYTES: Final = 150
"""What a packet takes beside its bytes."""

Packet = tuple[bytes, Address]


class Backlog:
    """Packets in the order in which they came; each sender's stay in that order.

    `watch` tells the time that work has taken, in seconds.
    """

    def __init__(self, watch: Callable[[], float] = time.perf_counter) -> None:
        self._watch = watch
        self._arrived: deque[Packet] = deque()
        self._resting: dict[Address, deque[bytes]] = {}  # of senders who had their slice
        self._bytes = 0

    def __bool__(self) -> bool:
        return self._bytes > 0

    @property
    def full(self) -> bool:
        """Whether no more should be read for now."""
        return self._bytes >= MAX_WAITING_BYTES + RESERVE_BYTES

    def put(self, batch: Iterable[Packet]) -> int:
        """Let these be done after what has come before; how many there was no room for.

        They are lost of whoever filled the room. If they were left in the system's buffer instead,
        everybody else would wait there behind them until all that is here is done: for seconds.
        """
        lost = 0
        for item in batch:
            if self._bytes >= MAX_WAITING_BYTES and item[1] in self._resting:
                lost += 1
                continue
            self._bytes += len(item[0]) + _PACKET_BYTES
            self._arrived.append(item)
        return lost

    def turn(self) -> Iterator[Packet]:
        """The packets of one turn, each to be done before the next is taken."""
        now = self._watch()
        end = now + TURN_S
        spent: dict[Address, float] = {}
        while self._arrived and now < end:
            packet, sender = self._arrived.popleft()
            row = self._resting.get(sender)
            if row is not None:
                row.append(packet)
                continue
            self._bytes -= len(packet) + _PACKET_BYTES
            yield packet, sender
            before, now = now, self._watch()
            spent[sender] = took = spent.get(sender, 0.0) + now - before
            if took > SLICE_S:
                self._resting[sender] = deque()
        # one at least, however much the others sent
        first = True
        while self._resting and (first or now < end):
            sender = next(iter(self._resting))
            if not self._resting[sender]:  # had its slice, and has said no more since
                del self._resting[sender]
                continue
            first = False
            yield from self._slice(sender, now + SLICE_S)
            now = self._watch()

    def _slice(self, sender: Address, end: float) -> Iterator[Packet]:
        row = self._resting[sender]
        while row:
            packet = row.popleft()
            self._bytes -= len(packet) + _PACKET_BYTES
            yield packet, sender
            if self._watch() >= end:
                break
        del self._resting[sender]
        if row:
            self._resting[sender] = row  # behind the others
