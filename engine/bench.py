"""Measuring what the show costs outside the model: mailboxes, painter loop, messages.

A painter process that copies its input stands in for the model, so that what remains is ours.
"""

from __future__ import annotations

import math
import platform
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import numpy as np
import trio

from engine.controls import Change, Controls
from engine.frames import FrameMailbox
from engine.painter import protocol
from engine.painter_process import usable_cores
from engine.painting import Job, Painting
from engine.parameters import PARAMETERS, TRIGGERS


class Times(msgspec.Struct, frozen=True):
    """Order statistics of durations, in milliseconds."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    worst_ms: float


def times(seconds: Sequence[float]) -> Times:
    """Nearest-rank percentiles of durations given in seconds."""
    if not seconds:
        return Times(0, math.nan, math.nan, math.nan, math.nan)
    ordered = sorted(seconds)

    def rank(share: float) -> float:
        return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1000, 3)

    return Times(len(ordered), rank(0.5), rank(0.95), rank(0.99), rank(1.0))


class FrameLoop(msgspec.Struct, frozen=True):
    """Frames through both mailboxes and the painter's loop, painted by a plain copy."""

    size: tuple[int, int]
    fps: float
    round_trip: Times


@dataclass
class Stage:
    """A show of nothing but the painter process: no source, no window, no network."""

    controls: Controls
    painting: Painting
    size: tuple[int, int]
    inputs: FrameMailbox
    painted: FrameMailbox


class _In:
    mailbox: FrameMailbox | None = None

    def connect(self, mailbox: FrameMailbox | None, size: tuple[int, int]) -> None:  # noqa: ARG002
        self.mailbox = mailbox


class _Out:
    painting = False
    mailbox: FrameMailbox | None = None

    def connect(self, painted: FrameMailbox | None) -> None:
        self.mailbox = painted


@asynccontextmanager
async def copying_stage(size: tuple[int, int] = (512, 512)) -> AsyncIterator[Stage]:
    """A painter process that copies, at work, and the conductor's end of it."""
    async with painting_stage(Job("copy", size, painter="copy")) as stage:
        yield stage


@asynccontextmanager
async def painting_stage(job: Job) -> AsyncIterator[Stage]:
    """The painter process that `job` asks for, at work, and the conductor's end of it."""
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    inputs, outputs = _In(), _Out()
    painting = Painting(controls, inputs, outputs, job)
    at_work = trio.Event()

    def listen(change: Change) -> None:
        if change.parameter.name == "painter/state" and change.value == "painting":
            at_work.set()

    controls.listen(listen)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(painting.run)
        with trio.fail_after(60):
            await at_work.wait()
        assert inputs.mailbox is not None
        assert outputs.mailbox is not None
        yield Stage(controls, painting, job.size, inputs.mailbox, outputs.mailbox)
        nursery.cancel_scope.cancel()


class FlatOut:
    """Offers a new picture whenever the painter took the last one, in a thread of its own."""

    def __init__(self, stage: Stage, *, lockstep: bool = False) -> None:
        self.round_trips: list[float] = []
        self._stage = stage
        self._lockstep = lockstep
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = time.monotonic()
        self._thread.start()

    def _run(self) -> None:
        inputs, painted = self._stage.inputs, self._stage.painted
        width, height = self._stage.size
        source = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
        into = np.empty_like(source)
        owed = False
        while not self._stop.is_set():
            # flat out, the next picture travels while the last one is painted
            if inputs.read == inputs.written and (not self._lockstep or not owed):
                inputs.put(source, time.monotonic_ns())
                owed = True
            if not painted.wait(0.01):
                continue
            frame = painted.take(into)
            if frame is not None:
                owed = False
                self.round_trips.append((time.monotonic_ns() - frame.captured_ns) / 1e9)

    def close(self) -> float:
        """End it; pictures a second that came back."""
        elapsed = time.monotonic() - self._started
        self._stop.set()
        self._thread.join(10)
        return len(self.round_trips) / elapsed


async def bench_frames(seconds: float, size: tuple[int, int] = (512, 512)) -> FrameLoop:
    """Throughput flat out, and the cost of one frame in lockstep: put, copied, taken."""
    async with copying_stage(size) as stage:
        flat_out = FlatOut(stage)
        await trio.sleep(seconds / 2)
        fps = flat_out.close()
        lockstep = FlatOut(stage, lockstep=True)
        await trio.sleep(seconds / 2)
        lockstep.close()
        return FrameLoop(size, round(fps, 1), times(lockstep.round_trips[10:]))


class Sent(msgspec.Struct, frozen=True):
    """One numbered message and when it left (monotonic)."""

    number: int
    at_ns: int


def delays(
    sent: Sequence[Sent],
    stored: Sequence[tuple[int, int]],
    applied: Sequence[protocol.Applied],
) -> list[float]:
    """Seconds from each message's sending to the first painter snapshot that holds it or newer.

    `stored` are (snapshot_seq, newest number in that snapshot) in order; `applied` tells when the
    painter put which snapshot in force.
    """
    holds = dict(stored)
    moments = [
        (holds[item.snapshot_seq], item.at_ns) for item in applied if item.snapshot_seq in holds
    ]
    result: list[float] = []
    at = 0
    for message in sorted(sent, key=lambda item: item.number):
        while at < len(moments) and moments[at][0] < message.number:
            at += 1
        if at == len(moments):
            break
        result.append((moments[at][1] - message.at_ns) / 1e9)
    return result


def machine() -> dict[str, str]:
    """What the figures were measured on, in words without names or paths."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": str(usable_cores()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
