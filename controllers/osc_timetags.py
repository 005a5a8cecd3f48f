"""Messages that wait for their timetag: which may, for how long, and in which order they come."""

from __future__ import annotations

import heapq
import itertools
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from controllers.osc_peers import Address
from controllers.osc_wire import Arg, OscMessage, seconds_ahead

MAX_AHEAD_S: Final = 10.0
MAX_SCHEDULED: Final = 4096
"""Messages that wait for their timetag."""
MAX_SCHEDULED_MB: Final = 4
"""The memory that they may take."""


class _Waiting(NamedTuple):
    """The messages of one bundle until their time; the ticket keeps those of one time in order."""

    due: float
    ticket: int
    sender: Address
    messages: Sequence[OscMessage]
    octets: int


class Schedule:
    """Keeps messages until their time. `wall` is seconds since 1970, as timetags count.

    `waiting` counts the messages kept, `waiting_octets` is about the memory that they take.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self.waiting = 0
        self.waiting_octets = 0
        self._wall = wall
        self._kept: list[_Waiting] = []
        self._tickets = itertools.count()

    def keep(
        self,
        messages: Sequence[OscMessage],
        sender: Address,
        now: float,
        refuse: Callable[[str, str], None],
    ) -> Sequence[OscMessage]:
        """Keep those of one packet that are to wait; what is left of it is to be done at once.

        What has one timetag is never torn. `refuse` gets (address, why) for each timetag that
        cannot be waited for.
        """
        wall = self._wall()
        later: dict[int, list[OscMessage]] = {}
        for message in messages:
            if message.timetag is not None and seconds_ahead(message.timetag, wall) > 0:
                later.setdefault(message.timetag, []).append(message)
        kept: set[int | None] = set()
        for timetag, bundle in later.items():
            ahead = seconds_ahead(timetag, wall)
            octets = sum(map(_octets, bundle))
            refusal = self._cannot_wait(ahead, len(bundle), octets)
            if refusal:
                refuse(bundle[0].address, refusal + ", applied at once")
                continue
            kept.add(timetag)
            self.waiting += len(bundle)
            self.waiting_octets += octets
            waiting = _Waiting(now + ahead, next(self._tickets), sender, bundle, octets)
            heapq.heappush(self._kept, waiting)
        return [message for message in messages if message.timetag not in kept]

    def _cannot_wait(self, ahead: float, count: int, octets: int) -> str:
        if ahead > MAX_AHEAD_S:
            return f"timetag {ahead:.1f} s ahead; at most {MAX_AHEAD_S:g} s are waited for"
        if self.waiting + count > MAX_SCHEDULED:
            return f"at most {MAX_SCHEDULED} messages wait for their timetags"
        if self.waiting_octets + octets > MAX_SCHEDULED_MB * 1_000_000:
            return f"at most {MAX_SCHEDULED_MB} MB of messages wait for their timetags"
        return ""

    def take_due(self, now: float) -> Iterator[tuple[Address, Sequence[OscMessage]]]:
        """The bundles whose time has come, each with its sender."""
        while self._kept and self._kept[0].due <= now:
            waiting = heapq.heappop(self._kept)
            self.waiting -= len(waiting.messages)
            self.waiting_octets -= waiting.octets
            yield waiting.sender, waiting.messages

    def deadline(self) -> float:
        """When the next of them comes; infinity for never."""
        return self._kept[0].due if self._kept else math.inf


def _octets(message: OscMessage) -> int:
    """About the memory that a message takes; up to sixteen times its packet."""
    return 200 + sys.getsizeof(message.address) + _args_octets(message.args)


def _args_octets(args: tuple[Arg, ...]) -> int:
    inside = sum(
        _args_octets(arg) if isinstance(arg, tuple) else sys.getsizeof(arg) for arg in args
    )
    return sys.getsizeof(args) + inside
