"""FrameMailbox: newest-wins frames between two processes, in inherited shared memory.

Three slots, one writer, one reader. The writer never waits: it fills a slot that is neither the
newest nor claimed by the reader, then names it the newest. The reader claims the newest slot,
copies it and checks that the slot's number is still the one it claimed; otherwise it tries again.
So a frame is never torn, whatever either side does, and neither side can block the other, not even
by dying half-way: there is no lock to leave behind. (The method is a sequence lock per slot over
triple buffering; see Boehm, "Can seqlocks get along with programming language memory models?",
2012.)

The memory has no name (memfd, or an unlinked file), so nothing can be left behind: it is gone when
the last process that inherited it is. A pipe beside it rings when a frame has arrived.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from engine.latest import Frame, Picture

# the first page, as 64-bit words: each is read and written whole by one load or store
_NEWEST: Final = 0  # the newest frame: its number times 4, plus its slot
_CLAIM: Final = 1  # the slot the reader holds, plus 1
_READ: Final = 2
_TAKEN: Final = 3  # the number of the newest frame taken
_SLOTS_AT: Final = 8  # four words a slot: number before, number after, captured_ns, snapshot_seq
_SLOT_WORDS: Final = 4
_DATA_AT: Final = 4096
_SLOTS: Final = 3


@dataclass(frozen=True, slots=True)
class MailboxHandle:
    """What another process needs to open a mailbox: inherited descriptors and the frame size.

    On Windows, where memory has a `name` instead, there are no descriptors (written from the
    documentation, not tried).
    """

    width: int
    height: int
    memory_fd: int = -1
    ring_fd: int = -1
    hear_fd: int = -1
    name: str = ""

    def as_text(self) -> str:
        fields = (self.width, self.height, self.memory_fd, self.ring_fd, self.hear_fd, self.name)
        return ",".join(map(str, fields))

    @classmethod
    def from_text(cls, text: str) -> MailboxHandle:
        width, height, memory_fd, ring_fd, hear_fd, name = text.split(",")
        return cls(int(width), int(height), int(memory_fd), int(ring_fd), int(hear_fd), name)

    @property
    def fds(self) -> tuple[int, ...]:
        """Descriptors to inherit, in the order of `subprocess`' `pass_fds`."""
        return () if self.name else (self.memory_fd, self.ring_fd, self.hear_fd)

    def map(self, size: int) -> mmap.mmap:
        """The shared memory, `size` bytes."""
        if sys.platform == "win32":
            return mmap.mmap(-1, size, tagname=self.name)
        return mmap.mmap(self.memory_fd, size)


class FramesIn(Protocol):
    """Where frames are put: a mailbox, or several in turn."""

    def put(self, picture: Picture, captured_ns: int, snapshot_seq: int = 0) -> int: ...


class FramesOut(Protocol):
    """Where frames are taken from: a mailbox, or several in order."""

    def take(self, into: Picture | None = None) -> Frame | None: ...
    def wait(self, timeout_s: float) -> bool: ...


class FrameMailbox:
    """RGB uint8 frames of one size, (height, width, 3); the newest wins.

    Use either the writing half (`put`) or the reading half (`take`, `wait`) in one process.
    `written` and `read` count frames; those written and never read were overwritten unseen.
    """

    def __init__(self, handle: MailboxHandle, *, owner: bool = False) -> None:
        self.handle = handle
        self._shape = (handle.height, handle.width, 3)
        self._size = handle.height * handle.width * 3
        stride = -(-self._size // 4096) * 4096
        self._memory = handle.map(_DATA_AT + _SLOTS * stride)
        self._slots: list[Picture] = [
            np.ndarray(self._shape, np.uint8, self._memory, _DATA_AT + slot * stride)
            for slot in range(_SLOTS)
        ]
        self._words = memoryview(self._memory)[:_DATA_AT].cast("Q")
        self._fence = threading.Lock()
        self._seen = 0
        self._closed = False
        # who only inherited the descriptors leaves them open: they end with the process
        self._release = weakref.finalize(self, _close_all, handle.fds if owner else ())

    @classmethod
    def create(cls, width: int, height: int) -> FrameMailbox:
        """A new mailbox that this process owns; `handle` opens it elsewhere."""
        if sys.platform == "win32":
            name = f"artflow-frames-{os.getpid()}-{time.monotonic_ns()}"
            return cls(MailboxHandle(width, height, name=name), owner=True)
        fds: list[int] = []
        try:
            fds.append(
                _anonymous_memory(_DATA_AT + _SLOTS * (-(-width * height * 3 // 4096) * 4096))
            )
            fds.extend(os.pipe())
            memory_fd, hear_fd, ring_fd = fds
            os.set_blocking(hear_fd, False)
            os.set_blocking(ring_fd, False)
            return cls(MailboxHandle(width, height, memory_fd, ring_fd, hear_fd), owner=True)
        except BaseException:
            _close_all(tuple(fds))
            raise

    @property
    def width(self) -> int:
        return self.handle.width

    @property
    def height(self) -> int:
        return self.handle.height

    @property
    def written(self) -> int:
        """Frames written so far, by every writer this memory has had."""
        return self._words[_NEWEST] >> 2

    @property
    def read(self) -> int:
        """Frames taken so far."""
        return self._words[_READ]

    @property
    def unread(self) -> bool:
        """Whether the newest frame has not been taken yet, by any reader."""
        return self.written > self._words[_TAKEN]

    # the writer

    def put(self, picture: Picture, captured_ns: int, snapshot_seq: int = 0) -> int:
        """Make `picture` the newest frame; its number. Raises ValueError on another shape."""
        if picture.shape != self._shape or picture.dtype != np.uint8:
            raise ValueError(
                f"a mailbox of {self._shape} uint8 was given {picture.shape} {picture.dtype}"
            )
        words = self._words
        number, newest_slot = _split(words[_NEWEST])
        number += 1
        taken = (newest_slot if number > 1 else None, words[_CLAIM] - 1)
        slot = next(slot for slot in range(_SLOTS) if slot not in taken)
        at = _SLOTS_AT + slot * _SLOT_WORDS
        words[at] = number
        self._barrier()
        np.copyto(self._slots[slot], picture)
        words[at + 2] = captured_ns
        words[at + 3] = snapshot_seq
        self._barrier()
        words[at + 1] = number
        self._barrier()
        words[_NEWEST] = number * 4 + slot
        # a full pipe means the reader has a ring it did not hear yet; no reader is no harm either
        if self.handle.fds:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(self.handle.ring_fd, b"!")
        return number

    # the reader

    def take(self, into: Picture | None = None) -> Frame | None:
        """The newest frame if there is one not taken yet, copied (into `into` where given)."""
        words = self._words
        while True:
            newest, slot = _split(words[_NEWEST])
            if newest == self._seen:
                return None
            words[_CLAIM] = slot + 1
            self._barrier()
            target = np.empty(self._shape, np.uint8) if into is None else into
            np.copyto(target, self._slots[slot])
            self._barrier()
            at = _SLOTS_AT + slot * _SLOT_WORDS
            before, after, captured_ns, snapshot_seq = words[at : at + _SLOT_WORDS].tolist()
            words[_CLAIM] = 0
            if before == after == newest:
                self._seen = words[_TAKEN] = newest
                words[_READ] += 1
                return Frame(target, newest, captured_ns, snapshot_seq)

    def wait(self, timeout_s: float) -> bool:
        """Block until a frame not taken yet is there, or the time is over; whether there is one."""
        deadline = time.monotonic() + timeout_s
        while self._words[_NEWEST] >> 2 == self._seen:
            left = deadline - time.monotonic()
            if left <= 0 or self._closed:
                return False
            self._listen(left)
        self._silence()
        return True

    def _listen(self, timeout_s: float) -> None:
        listen((self,), timeout_s)

    def _silence(self) -> None:
        if not self.handle.fds:
            return
        with contextlib.suppress(BlockingIOError):
            os.read(self.handle.hear_fd, 4096)

    # both

    def close(self) -> None:
        """Give this process's share of the memory back; the other side keeps its own."""
        if self._closed:
            return
        self._closed = True
        self._slots.clear()
        self._words.release()
        with contextlib.suppress(BufferError):  # a picture still being read keeps the map alive
            self._memory.close()
        self._release()

    def _barrier(self) -> None:
        # leaving a lock and taking one again keeps what is before from being seen after, on weakly
        # ordered processors too; taking and leaving it once would let both sides slip in between
        with self._fence:
            pass
        with self._fence:
            pass


def listen(boxes: Sequence[FrameMailbox], timeout_s: float) -> None:
    """Block until one of them rings, or the time is over; or a little less."""
    if sys.platform == "win32":  # pragma: no cover - pipes cannot be polled there
        time.sleep(min(timeout_s, 0.001))
        return
    # also looks by itself now and then: the ring may have been drained by an earlier reader
    select.select([box.handle.hear_fd for box in boxes], [], [], min(timeout_s, 0.1))
    for box in boxes:
        box._silence()


def _split(newest: int) -> tuple[int, int]:
    """(frame number, slot) of the word that names the newest frame."""
    return newest >> 2, newest & 3


def _close_all(fds: tuple[int, ...]) -> None:
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)


def _anonymous_memory(size: int) -> int:
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("artflow-frames")
        try:
            os.ftruncate(fd, size)
        except OSError:
            os.close(fd)
            raise
        return fd
    with tempfile.TemporaryFile() as file:  # unlinked at birth on POSIX
        os.ftruncate(file.fileno(), size)
        return os.dup(file.fileno())
