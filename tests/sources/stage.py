"""A stage for `Input`: controls, sources that do as they are told, and patience."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import trio

from engine.controls import Controls
from engine.errors import SourceError
from engine.latest import Picture
from engine.parameters import PARAMETERS, TRIGGERS
from engine.sources import SourceSpec, open_source
from engine.sources.drawing import Drawing
from engine.sources.input import Input

SIZE = (32, 24)
PATIENCE_S = 20.0
"""Longest wait for anything: only there so that a hang ends."""


def plain(level: int, size: tuple[int, int] = SIZE) -> Picture:
    return np.full((size[1], size[0], 3), level, np.uint8)


class Prop:
    """A source whose pictures are all of one grey, until `fails` or `ends` is set.

    While `stuck` is set, its reads do not return; `held` is set once one does not.
    """

    def __init__(self, level: int, size: tuple[int, int]) -> None:
        self.level = level
        self.size = size
        self.captured_ns = 0
        self.fails: Exception | None = None
        self.ends = False
        self.stuck = threading.Event()
        self.held = threading.Event()
        self.closed = False

    def read(self) -> Picture | None:
        time.sleep(0.01)
        while self.stuck.is_set():
            self.held.set()
            time.sleep(0.005)
        if self.fails:
            raise self.fails
        self.captured_ns = time.monotonic_ns()
        return None if self.ends else plain(self.level, self.size)

    def close(self) -> None:
        self.closed = True


@dataclass
class Props:
    """Opens cameras that are props: camera:N shows grey N.

    A camera in `broken` does not open; one in `slow` waits for its event first.
    """

    opened: list[Prop] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    slow: dict[str, threading.Event] = field(default_factory=dict)

    def open(self, spec: SourceSpec, size: tuple[int, int], drawing: Drawing) -> object:
        if spec.kind != "camera":
            return open_source(spec, size, drawing)
        self.attempts.append(spec.argument)
        if spec.argument in self.slow:
            self.slow[spec.argument].wait(PATIENCE_S)
        if spec.argument in self.broken:
            raise SourceError(f"camera {spec.argument} is broken")
        self.opened.append(Prop(int(spec.argument), size))
        return self.opened[-1]


@dataclass
class Stage:
    controls: Controls
    input: Input
    props: Props
    reports: list[tuple[str, str]]
    states: list[str]

    def level(self) -> int:
        """The grey of the newest picture; -1 where it is not plain (the test card)."""
        frame = self.input.latest.get()
        assert frame is not None
        first = int(frame.picture[0, 0, 0])
        return first if (frame.picture == first).all() else -1

    async def until_level(self, level: int) -> None:
        await until(lambda: self.level() == level)

    async def until_state(self, state: str) -> None:
        await until(lambda: self.controls.get("input/state") == state)


async def until(what: Callable[[], object]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not what():
            await trio.sleep(0.005)


def table() -> Controls:
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    return controls


@asynccontextmanager
async def stage(
    source: str = "test-card",
    *,
    allowed: Sequence[str] = (),
    props: Props | None = None,
    size: tuple[int, int] = SIZE,
) -> AsyncIterator[Stage]:
    """An `Input` that runs."""
    controls = table()
    controls.set("input/source", source)
    props = props or Props()
    reports: list[tuple[str, str]] = []
    states: list[str] = []
    controls.on_report(lambda address, text, _origin: reports.append((address, text)))
    controls.listen(
        lambda change: (
            states.append(str(change.value)) if change.parameter.name == "input/state" else None
        )
    )
    what = Input(controls, size, allowed, opener=props.open)  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE_S):
            await nursery.start(what.run)
        yield Stage(controls, what, props, reports, states)
        nursery.cancel_scope.cancel()


def newest(what: Input) -> Picture:
    frame = what.latest.get()
    assert frame is not None
    return frame.picture


def is_lit(what: Input, row: int, column: int) -> bool:
    return bool(newest(what)[row, column].any())


def is_blank(what: Input) -> bool:
    return not newest(what).any()


def is_drawn(what: Input) -> bool:
    return not is_blank(what)


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def threads() -> int:
    return sum(thread.name.startswith("source ") for thread in threading.enumerate())
