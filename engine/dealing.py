"""Dealing: one stream of pictures through several painters, and one stream again behind them.

Each picture goes to the next painter in turn that has taken its last one, so that a slower one gets
fewer and a hanging one none. What they paint is shown in the order in which the inputs were taken,
never backwards: a picture waits for an older one that may still come, for at most half of the time
between two pictures of either painter (and `LONGEST_WAIT_S`). So much latency the order may cost,
whatever becomes of the other.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final

from engine.frames import FrameMailbox, listen
from engine.latest import Frame, Picture

LONGEST_WAIT_S: Final = 0.1
_PACE_WEIGHT: Final = 0.2
_REMEMBERED: Final = 64
"""Pictures dealt, that may still be under way."""


class Dealer:
    """The writing half of several mailboxes, to be used as one `FrameMailbox`.

    `boxes` are the painters' inputs by number, `at_work` tells which of them paint; while none
    does, all get pictures, so that the first to be ready has one. Any thread may replace `boxes`.
    """

    def __init__(self, at_work: Callable[[], Collection[int]]) -> None:
        self.boxes: Mapping[int, FrameMailbox] = {}
        self.dealt: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        """(captured_ns, painter) of what was dealt last."""
        self.shown_ns = 0
        """captured_ns of the newest picture that was shown."""
        self.pace: dict[int, float] = {}
        """Seconds between two pictures of each painter, lately."""
        self._at_work = at_work
        self._last = -1

    def put(self, picture: Picture, captured_ns: int, snapshot_seq: int = 0) -> int:
        """Give `picture` to the painter whose turn it is; the picture's number there, 0: nobody's.

        Those that take pictures of another size are passed over: they are about to change.
        """
        boxes, working = self.boxes, self._at_work()
        size = picture.shape[1], picture.shape[0]
        fit = sorted(each for each, box in boxes.items() if (box.width, box.height) == size)
        able = [each for each in fit if each in working] or fit
        if not able:
            return 0
        able = [each for each in able if not boxes[each].unread] or able
        turn = next((each for each in able if each > self._last), able[0])
        self._last = turn
        self.dealt.append((captured_ns, turn))
        return boxes[turn].put(picture, captured_ns, snapshot_seq)


class Gatherer:
    """The reading half of several mailboxes, to be used as one `FrameMailbox`. For one thread.

    `late` counts pictures that came after a newer one was shown, and are not shown.
    """

    def __init__(
        self,
        boxes: Mapping[int, FrameMailbox],
        dealer: Dealer,
        at_work: Callable[[], Collection[int]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.late = 0
        self._boxes, self._dealer, self._at_work, self._clock = boxes, dealer, at_work, clock
        self._waiting: dict[int, tuple[Frame, float]] = {}  # painted, and when it came
        self._newest: dict[int, int] = {}  # captured_ns of the last that each has painted
        self._came: dict[int, float] = {}
        self._seq = 0

    def take(self, into: Picture | None = None) -> Frame | None:  # noqa: ARG002 -- as a mailbox
        """The next picture in order, if its turn has come."""
        number, wait_s = self._next()
        if number is None or wait_s > 0:
            return None
        frame, _ = self._waiting.pop(number)
        self._dealer.shown_ns = frame.captured_ns
        self._seq += 1
        return replace(frame, seq=self._seq)

    def wait(self, timeout_s: float) -> bool:
        """Block until a picture's turn has come, or the time is over; whether one's has."""
        deadline = self._clock() + timeout_s
        while True:
            number, wait_s = self._next()
            if number is not None and wait_s <= 0:
                return True
            left = deadline - self._clock()
            if left <= 0:
                return False
            listen(tuple(self._boxes.values()), min(left, wait_s) if number is not None else left)

    def _collect(self) -> None:
        for number, box in self._boxes.items():
            if number in self._waiting or (frame := box.take()) is None:
                continue
            now = self._clock()
            if number in self._came:
                paces, took = self._dealer.pace, now - self._came[number]
                pace = paces.get(number, took)
                paces[number] = pace + _PACE_WEIGHT * (took - pace)
            self._came[number] = now
            self._newest[number] = frame.captured_ns
            if frame.captured_ns < self._dealer.shown_ns:
                self.late += 1
            else:
                self._waiting[number] = frame, now

    def _next(self) -> tuple[int | None, float]:
        """Whose picture is the next of all that have come, and the seconds it has to wait yet."""
        self._collect()
        if not self._waiting:
            return None, 0.0
        number = min(self._waiting, key=lambda each: self._waiting[each][0].captured_ns)
        frame, came = self._waiting[number]
        before = self._before(frame.captured_ns)
        patience = max((self._patience(each) for each in before), default=0.0)
        patience = min(patience, self._patience(number))
        return number, came + patience - self._clock()

    def _before(self, captured_ns: int) -> set[int]:
        """The painters that may still bring an older picture than that."""
        working = self._at_work()
        return {
            number
            for taken_ns, number in tuple(self._dealer.dealt)
            if self._newest.get(number, 0) < taken_ns < captured_ns
            and number in working
            and number not in self._waiting
        }

    def _patience(self, number: int) -> float:
        return min(LONGEST_WAIT_S, self._dealer.pace.get(number, 0.0) / 2)
