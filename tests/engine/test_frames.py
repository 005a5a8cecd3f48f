from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.frames import FrameMailbox, MailboxHandle
from engine.latest import Latest, Picture
from tests.helpers import shared_memory

WRITER = """
import sys, time
import numpy as np
from engine.frames import FrameMailbox, MailboxHandle
box = FrameMailbox(MailboxHandle.from_text(sys.argv[1]))
number = box.written
while True:
    number += 1
    box.put(np.full((box.height, box.width, 3), number % 251, np.uint8), number, number)
"""


def filled(value: int, width: int = 8, height: int = 4) -> Picture:
    return np.full((height, width, 3), value, np.uint8)


@given(st.lists(st.booleans(), max_size=60))
@settings(max_examples=60, deadline=None)
def test_the_newest_wins_whatever_the_order(moves: list[bool]) -> None:
    """True writes, False takes; a taken frame is always the last one written, and only once."""
    box = FrameMailbox.create(8, 4)
    end = FrameMailbox(box.handle)
    written, taken = 0, 0
    for write in moves:
        if write:
            written += 1
            assert (
                box.put(filled(written), captured_ns=written * 10, snapshot_seq=written) == written
            )
            continue
        frame = end.take()
        if written == taken:
            assert frame is None
        else:
            assert frame is not None
            assert (frame.seq, frame.captured_ns, frame.snapshot_seq) == (
                written,
                written * 10,
                written,
            )
            assert (frame.picture == written).all()
            taken = written
    assert box.written == written
    end.close()
    box.close()


def test_a_shape_that_does_not_fit_is_refused() -> None:
    box = FrameMailbox.create(8, 4)
    with pytest.raises(ValueError, match="was given"):
        box.put(filled(1, width=4), 0)
    with pytest.raises(ValueError, match="float64"):
        box.put(np.zeros((4, 8, 3)), 0)  # type: ignore[arg-type]
    box.close()


def test_take_copies_into_the_given_array() -> None:
    box = FrameMailbox.create(8, 4)
    box.put(filled(7), 1)
    into = filled(0)
    frame = box.take(into)
    assert frame is not None
    assert frame.picture is into
    assert (into == 7).all()
    box.close()


def test_wait_hears_a_frame_and_gives_up() -> None:
    box = FrameMailbox.create(8, 4)
    assert not box.wait(0.01)
    threading.Timer(0.05, box.put, (filled(1), 1)).start()
    assert box.wait(10)
    assert box.take() is not None
    assert not box.wait(0.01)
    box.close()
    box.close()  # twice is once


def test_the_handle_travels_as_text() -> None:
    handle = MailboxHandle(640, 480, 3, 4, 5)
    assert MailboxHandle.from_text(handle.as_text()) == handle


def writer(box: FrameMailbox) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, box.handle.as_text()], pass_fds=box.handle.fds
    )


def test_never_torn_and_survives_a_killed_writer() -> None:
    """Pictures of one value each: a mixture of two would be a torn frame."""
    box = FrameMailbox.create(256, 256)
    last = 0
    for _ in range(3):
        process = writer(box)
        try:
            deadline = time.monotonic() + 60
            taken = 0
            while taken < 200 and time.monotonic() < deadline:
                if not box.wait(1):
                    continue
                frame = box.take()
                if frame is None:
                    continue
                taken += 1
                assert (frame.picture == frame.seq % 251).all(), "torn"
                assert frame.captured_ns == frame.seq
                assert frame.seq > last
                last = frame.seq
            assert taken == 200
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    # the next writer goes on where the killed one stopped
    assert box.put(np.zeros((256, 256, 3), np.uint8), 1) >= last
    box.close()


def test_a_reader_that_died_while_reading_does_not_stop_the_writer() -> None:
    box = FrameMailbox.create(8, 4)
    box.put(filled(1), 1)
    box._words[1] = 1  # the claim a killed reader leaves
    for value in range(2, 20):
        box.put(filled(value), value)
    frame = FrameMailbox(box.handle).take()
    assert frame is not None
    assert (frame.picture == 19).all()
    box.close()


def test_a_writer_that_died_before_naming_its_frame_leaves_room_for_the_next() -> None:
    box = FrameMailbox.create(8, 4)
    box.put(filled(1), 1)
    newest = box._words[0]
    box.put(filled(2), 2)
    box._words[0] = newest  # the second frame is whole, but not yet the newest
    box._words[1] = 1 + (newest & 3)  # and a reader holds the first
    assert box.put(filled(3), 3) == 2
    frame = FrameMailbox(box.handle).take()
    assert frame is not None
    assert (frame.picture == 3).all()
    box.close()


def test_no_descriptors_left_is_an_error_that_leaves_none_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> tuple[int, int]:
        raise OSError(24, "Too many open files")

    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(os, "pipe", refuse)
    with pytest.raises(OSError, match="Too many"):
        FrameMailbox.create(8, 4)
    assert os.listdir("/proc/self/fd") == before


def test_nothing_is_left_in_shared_memory() -> None:
    before = shared_memory.names()
    fds = len(os.listdir("/proc/self/fd"))
    box = FrameMailbox.create(64, 64)
    process = writer(box)
    assert box.wait(60)
    process.kill()
    process.wait()
    del box
    assert len(os.listdir("/proc/self/fd")) == fds
    assert not shared_memory.left_since(before)


def test_latest_wakes_those_who_wait() -> None:
    latest: Latest[int] = Latest()
    assert latest.get() is None
    assert latest.wait(0, 0.01) == 0
    threading.Timer(0.05, latest.put, (5,)).start()
    assert latest.wait(0, 10) == 1
    assert latest.get() == 5
