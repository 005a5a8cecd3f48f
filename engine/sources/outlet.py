"""Where pictures leave: into the newest-wins boxes, from one reader at a time."""

from __future__ import annotations

import threading
import time

import numpy as np

from engine.frames import FramesIn
from engine.latest import Frame, Latest, Picture
from engine.sources.reader import Reader


class Outlet:
    """The one gate to `latest` and the painter's mailbox.

    The `owner`'s pictures pass; the `heir` becomes the owner with its first one, so that there is
    never a moment without a source. Everybody else is told to go. Readers' threads deliver, the
    conductor decides who may.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.latest: Latest[Frame] = Latest()
        self.mirror = False
        self.delivered = 0
        self.original: Picture | None = None
        """The last picture as its source gave it."""
        self._shape = (size[1], size[0], 3)
        self._mailbox: FramesIn | None = None
        self._owner: Reader | None = None
        self._heir: Reader | None = None
        self._last_s = time.monotonic()
        self._gate = threading.Lock()

    @property
    def silent_s(self) -> float:
        """Seconds since the last picture, or since the outlet changed hands."""
        return time.monotonic() - self._last_s

    def connect(self, mailbox: FramesIn | None, size: tuple[int, int]) -> None:
        """From here on pictures of `size` go to `mailbox`; the one before is not touched again."""
        with self._gate:
            self._mailbox, self._shape = mailbox, (size[1], size[0], 3)

    def own(self, reader: Reader | None) -> None:
        """Give the outlet to `reader`."""
        with self._gate:
            self._owner = reader
            self._last_s = time.monotonic()

    def expect(self, heir: Reader | None) -> None:
        """Name who takes over with its first picture."""
        with self._gate:
            self._heir = heir

    def owned_by(self, reader: Reader) -> bool:
        return self._owner is reader

    def deliver(self, reader: Reader, picture: Picture, captured_ns: int) -> bool:
        """Pass a picture on; False where `reader` has no business here (any more).

        A picture of another size than the one connected was on its way when that changed: it is
        left out, the next one will fit.
        """
        with self._gate:
            if picture.shape != self._shape:
                return reader is self._heir or reader is self._owner
            if reader is self._heir:
                self._owner, self._heir = reader, None
            elif reader is not self._owner:
                return False
            self.original = picture
            if self.mirror:
                picture = np.ascontiguousarray(picture[:, ::-1])
            if self._mailbox is not None:
                self._mailbox.put(picture, captured_ns)
            self.delivered += 1
            self._last_s = time.monotonic()
            self.latest.put(Frame(picture, self.delivered, captured_ns))
            return True
