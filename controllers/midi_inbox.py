"""From the MIDI system's threads to the conductor: a thread leaves its message and knocks once."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import trio

TURN_MESSAGES: Final = 256
"""One turn of the conductor takes no more; in a flood the others get their turns, too."""
MAX_WAITING: Final = 100_000
"""Beyond, messages are lost and counted: the conductor has stood still for minutes."""

Heard = Callable[[float, Sequence[int]], None]
Take = Callable[[float, Sequence[int]], None]
"""(`time.perf_counter()` of arrival, the bytes)."""

log = logging.getLogger(__name__)


class Inbox:
    """Everything that came in and was not yet taken, in order. Made in the conductor.

    `turned` is called at the end of each turn in which something was taken.
    """

    def __init__(self, turned: Callable[[], None] = lambda: None) -> None:
        self.received = 0
        self.lost = 0
        self._token = trio.lowlevel.current_trio_token()
        self._turned = turned
        self._waiting: deque[tuple[Take, float, Sequence[int]]] = deque()
        self._knocked = False

    def door(self, take: Take) -> Heard:
        """What a port's thread calls; `take` is then called in the conductor."""

        def heard(at_s: float, data: Sequence[int]) -> None:
            if len(self._waiting) >= MAX_WAITING:
                self.lost += 1
                return
            self._waiting.append((take, at_s, data))
            # left before it is looked whether somebody knocked: `_turn` looks in the other order
            if not self._knocked:
                self._knocked = True
                self._knock()

        return heard

    def _knock(self) -> None:
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._turn)

    def _turn(self) -> None:
        self._knocked = False
        for _ in range(TURN_MESSAGES):
            if not self._waiting:
                break
            take, at_s, data = self._waiting.popleft()
            self.received += 1
            try:
                take(at_s, data)
            except Exception:  # what escapes here would end the show
                log.exception("a MIDI message failed: %r", bytes(data))
        else:
            self._knocked = True
            self._knock()
        self._turned()
