"""A show of nothing but the painter, with a real painter process."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import trio

from engine.controls import Controls
from engine.frames import FrameMailbox
from engine.latest import Frame
from engine.painter import protocol
from engine.painting import Job, Painting
from engine.parameters import PARAMETERS, TRIGGERS
from tests.helpers import painters

SIZE = (32, 24)


@dataclass
class Ends:
    """Both ends of the mailboxes, as the source pump and the output stage would hold them."""

    painting: bool = False
    worked: list[bool] = field(default_factory=list)
    inputs: FrameMailbox | None = None
    outputs: FrameMailbox | None = None
    sizes: list[tuple[int, int]] = field(default_factory=list)


class In:
    def __init__(self, ends: Ends) -> None:
        self.ends = ends

    def connect(self, mailbox: FrameMailbox | None, size: tuple[int, int]) -> None:
        self.ends.inputs = mailbox
        self.ends.sizes.append(size)


class Out:
    def __init__(self, ends: Ends) -> None:
        self.ends = ends

    @property
    def painting(self) -> bool:
        return self.ends.painting

    @painting.setter
    def painting(self, value: bool) -> None:
        if value != self.ends.painting:
            self.ends.worked.append(value)
        self.ends.painting = value

    def connect(self, painted: FrameMailbox | None) -> None:
        self.ends.outputs = painted


class Bench:
    """A show of nothing but the painter, and what it said."""

    def __init__(self, job: Job) -> None:
        self.controls = Controls()
        self.controls.declare(*PARAMETERS, *TRIGGERS)
        self.ends = Ends()
        self.states: list[str] = []
        self.waited = 0
        self.errors: list[str] = []
        self.applied: list[protocol.Applied] = []
        self.staged: list[str] = []
        self.unfit: list[tuple[str, str]] = []
        self.dropped: list[str] = []
        self.painting = Painting(
            self.controls,
            In(self.ends),
            Out(self.ends),
            job,
            on_applied=self.applied.append,
            on_staged=self.staged.append,
            on_unfit=lambda id, text: self.unfit.append((id, text)),
            on_dropped=self.dropped.append,
        )
        self.controls.listen(self._changed)
        self.controls.on_report(lambda _address, text, _origin: self.errors.append(text))

    def _changed(self, change: object) -> None:
        name = change.parameter.name  # type: ignore[attr-defined]
        if name == "painter/state":
            self.states.append(str(self.controls.get(name)))

    async def state(self, wanted: str) -> None:
        """Wait until this state was published, since the last one waited for."""
        with trio.fail_after(60):
            while wanted not in self.states[self.waited :]:
                await trio.sleep(0.005)
        self.waited = self.states.index(wanted, self.waited) + 1

    async def until(self, condition: Callable[[], object]) -> None:
        with trio.fail_after(60):
            while not condition():
                await trio.sleep(0.005)

    async def painted(self, value: int, expected: int | None = None) -> Frame:
        """Offer a picture until it comes back painted: as it is, or of the value expected."""
        wanted = value if expected is None else expected
        with trio.fail_after(60):
            while True:
                if self.ends.inputs is not None:
                    width, height = self.ends.inputs.width, self.ends.inputs.height
                    picture = np.full((height, width, 3), value, np.uint8)
                    self.ends.inputs.put(picture, time.monotonic_ns())
                await trio.sleep(0.01)
                assert self.ends.outputs is not None
                frame = self.ends.outputs.take()
                if frame is not None and (frame.picture == wanted).all():
                    return frame


@asynccontextmanager
async def show(painter: str | Job = "copy") -> AsyncIterator[Bench]:
    """`painter` is "copy", a class of `tests.helpers.painters`, or a job of the test's own."""
    if isinstance(painter, str):
        name = painter if painter == "copy" else f"{painters.MODULE}:{painter}"
        painter = Job("test", SIZE, painter=name)
    bench = Bench(painter)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.painting.run)
        yield bench
        nursery.cancel_scope.cancel()
    pid = bench.painting.pid
    assert pid is None or not os.path.exists(f"/proc/{pid}")
