"""Work that is done a little at a time, between other work, though it was not written so."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Slices(Generic[T]):
    """Calls a function in a thread of its own, which runs only while `run` waits for it.

    So neither runs beside the other: no lock is fought for, no core is shared. The function stops
    where it calls `pause` after its time is up, and goes on from there in the next slice. All but
    `pause` are of one thread, and one function is worked on at a time.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self._work: Callable[[], T] | None = None
        self._answer: T | None = None
        self._error: BaseException | None = None
        self._until = math.inf

    @property
    def busy(self) -> bool:
        """Whether something was started and is not finished."""
        return self._work is not None

    def start(self, work: Callable[[], T]) -> None:
        """Have `work` done by the next calls of `run`."""
        assert self._work is None, "one thing at a time"
        self._work = work
        if self._thread is None:
            # one that nobody runs again must not keep the process alive
            self._thread = threading.Thread(target=self._serve, name="slices", daemon=True)
            self._thread.start()

    def run(self, seconds: float | None) -> T | None:
        """Go on for about so long (None: to the end); the answer, once there is one.

        Raises what the work raises; it is over then.
        """
        assert self._work is not None, "nothing was started"
        self._until = math.inf if seconds is None else self._clock() + seconds
        self._go.release()
        self._stopped.acquire()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        answer, self._answer = self._answer, None
        return answer

    def pause(self, *_: object) -> None:
        """Called by the work, often: stop here if the time is up. Elsewhere it does nothing."""
        if threading.current_thread() is self._thread and self._clock() >= self._until:
            self._stopped.release()
            self._go.acquire()

    def _serve(self) -> None:
        while True:
            self._go.acquire()
            assert self._work is not None
            try:
                self._answer = self._work()
            except BaseException as error:  # whatever it is, it is told in the other thread
                self._error = error
            self._work = None
            self._stopped.release()
