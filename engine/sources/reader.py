"""A source and the thread that reads it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from engine.errors import ArtflowError
from engine.latest import Picture
from engine.sources.protocol import Source
from engine.sources.spec import SourceSpec

log = logging.getLogger(__name__)

Opener = Callable[[SourceSpec, tuple[int, int]], Source]
Deliver = Callable[["Reader", Picture, int], bool]
Tell = Callable[["Reader", str | None], None]


class Reader:
    """Opens a source, hands its pictures on and closes it, all in one daemon thread of its own.

    `tell(self, None)` says that the first picture was delivered, `tell(self, text)` that the thread
    is done, and why ("" where it was asked to stop). A read that never returns cannot be ended:
    its thread is then left behind, delivers nothing more, and does not keep the process alive.
    """

    def __init__(
        self,
        spec: SourceSpec,
        size: tuple[int, int],
        opener: Opener,
        deliver: Deliver,
        tell: Tell,
    ) -> None:
        self.spec = spec
        self.size = size
        """What the next pictures are to measure; the conductor may change it at any time."""
        self._opener = opener
        self._deliver = deliver
        self._tell = tell
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"source {spec.kind}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to close the source and end, without waiting for it."""
        self._stopping = True

    def _run(self) -> None:
        try:
            text = self._read()
        except ArtflowError as error:
            text = str(error)
        except Exception as error:
            # a source must never take the show with it, whatever a driver throws at us
            log.exception("source %s", self.spec)
            text = f"source {self.spec} failed: {' '.join(str(error).split())}; the log has more"
        self._tell(self, "" if self._stopping else text)

    def _read(self) -> str:
        source = self._opener(self.spec, self.size)
        try:
            first = True
            while not self._stopping:
                source.size = self.size
                picture = source.read()
                if picture is None:
                    return f"source {self.spec} has ended"
                if self._stopping or not self._deliver(self, picture, source.captured_ns):
                    return ""
                if first:
                    first = False
                    self._tell(self, None)
            return ""
        finally:
            source.close()
