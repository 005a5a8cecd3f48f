"""The output stage: makes what the audience sees, once, for the window and every other taker.

A thread of its own. It wakes for a painted frame, for an input frame where the input shows, and
for a change of the controls; it composes and puts the result into `shown`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from engine.composing import Composer, Inputs, Look
from engine.controls import Controls
from engine.frames import FramesOut
from engine.latest import Frame, Latest

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1 / 120
"""How long the stage sleeps at most before it looks for changes, and the most that changes of
settings alone may show: 120 pictures a second. Painted frames all pass, at any rate."""

SMOOTH_EVERY_S: Final = 1 / 60
_LATENCY_WEIGHT: Final = 0.1


class Output:
    """The one output stage.

    The painter's supervisor keeps `painting` true while frames are being painted, or are meant to
    come soon without the audience noticing (a wanted change of models); once something has been
    painted, false is a fault and `output/on-fault` rules. `fps` counts shown pictures over the last
    second; `latency_ms` is capture to shown, smoothed over about ten frames.
    """

    def __init__(
        self,
        controls: Controls,
        input: Latest[Frame],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.shown: Latest[Frame] = Latest()
        self.painting = False
        self.latency_ms = 0.0
        self.fps = 0.0
        self._controls = controls
        self._input = input
        self._clock = clock
        self._composer = Composer()
        self._mailbox: FramesOut | None = None
        self._next: tuple[FramesOut | None] | None = None
        self._adopted = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._painted: Frame | None = None
        self._input_seen = 0
        self._look = Look()
        self._look_seq = -1
        self._faulty = False
        self._changed = False
        self._shown_at_s = float("-inf")
        self._captured_ns = 0
        self._recent_s: deque[float] = deque()

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop the stage; the last picture stays in `shown`."""
        self._closed = True
        if self._thread.is_alive():
            self._thread.join()

    def connect(self, painted: FramesOut | None) -> None:
        """Take painted frames from this mailbox from now on; the last picture stays meanwhile.

        Waits, some milliseconds at most, until the stage has let go of the mailbox before: that one
        may be closed as soon as this returns.
        """
        self._adopted.clear()
        self._next = (painted,)
        if self._thread.is_alive():
            self._adopted.wait(1.0)
        else:
            self._adopt()

    # the stage's own thread

    def _run(self) -> None:
        while not self._closed:
            self._adopt()
            try:
                self.turn(LOOK_EVERY_S)
            except Exception:
                # whatever it was, the audience keeps its last picture
                log.exception("the output stage stumbled over a picture")
                time.sleep(0.05)
        self._adopt()

    def _adopt(self) -> None:
        if self._next is not None:
            (self._mailbox,), self._next = self._next, None
            self._adopted.set()

    def turn(self, timeout_s: float) -> bool:
        """One turn: wait at most so long for something new and show it; whether it did.

        The stage's thread calls this all the time; a test may do so instead of `start`.
        """
        painted_came = self._take(timeout_s)
        now_s = self._clock()
        self._read_look()
        faulty = self._painted is not None and not self.painting
        self._changed = self._changed or faulty != self._faulty
        self._faulty = faulty
        inputs = Inputs(self._painted, self._input.get(), faulty)
        came = (painted_came and inputs.stands_in(self._look) == "") or self._input_came(inputs)
        held = self._look.freeze or self._look.blackout
        since_s = now_s - self._shown_at_s
        due = (
            (came and not held)
            or (self._changed and since_s >= LOOK_EVERY_S)
            or (since_s >= SMOOTH_EVERY_S and self._composer.moving(self._look))
            or self.shown.replaced == 0
        )
        showed = due and self._show(inputs, now_s)
        self._count(now_s, showed)
        return showed

    def _take(self, timeout_s: float) -> bool:
        """Wait for a picture; whether a painted one came that may be shown."""
        mailbox = self._mailbox
        if mailbox is None or self._painted is None:
            self._input.wait(self._input_seen, timeout_s)
        else:
            mailbox.wait(timeout_s)
        frame = mailbox.take() if mailbox is not None else None
        if frame is None or (self._painted is not None and not self._look.active):
            return False  # a frame still under way when painting was stopped is not shown
        self._painted = frame
        return True

    def _input_came(self, inputs: Inputs) -> bool:
        seen, self._input_seen = self._input_seen, self._input.replaced
        return seen != self._input_seen and inputs.needs_source(self._look)

    def _read_look(self) -> None:
        snapshot = self._controls.committed
        if snapshot.seq != self._look_seq:
            self._look_seq = snapshot.seq
            look = Look.of(snapshot)
            self._changed = self._changed or look != self._look
            self._look = look

    def _show(self, inputs: Inputs, now_s: float) -> bool:
        frame = self._composer.compose(inputs, self._look, now_s)
        if frame is None:
            return False
        self.shown.put(replace(frame, seq=self.shown.replaced + 1))
        self._changed = False
        self._shown_at_s = now_s
        if frame.captured_ns != self._captured_ns:
            self._captured_ns = frame.captured_ns
            latency_ms = self._clock() * 1e3 - frame.captured_ns / 1e6
            weight = _LATENCY_WEIGHT if self.latency_ms else 1.0
            self.latency_ms += weight * (latency_ms - self.latency_ms)
        return True

    def _count(self, now_s: float, showed: bool) -> None:
        recent = self._recent_s
        if showed:
            recent.append(now_s)
        while recent and recent[0] <= now_s - 1:
            recent.popleft()
        self.fps = float(len(recent))
