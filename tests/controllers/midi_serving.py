"""A MIDI server with devices made of lists, on a clock that is moved by hand."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio
from trio.testing import MockClock

from controllers.midi import MidiServer
from controllers.midi_clock import MidiClock
from controllers.midi_device import Ears
from controllers.midi_learn import Learn
from controllers.midi_learned_keeper import LearnedKeeper
from controllers.midi_map import Cc, DeviceMap, Feedback, Mapping, Note
from controllers.midi_monitor import Monitor
from controllers.midi_seats import Maps
from engine.controls import Controls
from engine.tempo import Tempo
from tests.helpers.midi import FakeSystem
from tests.helpers.osc import table

KNOBS = DeviceMap(
    "knobs",
    "nano*",
    "nano*",
    (
        Mapping(Cc(16), "paint/strength", takeover="jump"),
        Mapping(Note(36), "output/freeze", feedback=(Feedback(note=36),)),
    ),
)


PADS = DeviceMap("pads", "pad*", "", (Mapping(Note(1), "output/blackout", mode="momentary"),))


@dataclass
class Stage:
    controls: Controls
    system: FakeSystem
    server: MidiServer
    tempo: Tempo
    notices: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def strength(self) -> float:
        return float(self.controls.get("paint/strength"))


@asynccontextmanager
async def serving(
    clock: MockClock,
    *ports: str,
    maps: Maps | None = None,
    monitor: bool = False,
    folder: Path | None = None,
    system: FakeSystem | None = None,
) -> AsyncIterator[Stage]:
    """A server with these devices plugged in, inputs and outputs alike, on this clock."""
    controls = table()
    notices: list[str] = []
    reports: list[str] = []
    lines: list[str] = []
    controls.on_report(lambda address, text, _: reports.append(f"{address}: {text}"))
    tempo = Tempo(controls, clock=clock.current_time)
    learn = keeper = None
    if folder is not None:
        keeper = LearnedKeeper(folder, controls)
        learn = Learn(
            controls,
            (),
            keeper.put,
            lambda device: stage.server.learned(device),
            wake=lambda: stage.server.wake(),
            clock=clock.current_time,
        )
    ears = Ears(MidiClock(tempo), learn, Monitor(lines.append) if monitor else None)
    fake = system or FakeSystem(ports, ports)
    server = MidiServer(
        controls,
        Maps(((KNOBS, PADS),)) if maps is None else maps,
        ears,
        tempo=tempo,
        notice=notices.append,
        system=lambda: fake,
        clock=clock.current_time,
    )
    stage = Stage(controls, fake, server, tempo, notices, reports, lines)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
        if keeper is not None:
            nursery.start_soon(keeper.run)
        yield stage
        nursery.cancel_scope.cancel()


async def settled() -> None:
    """A moment longer than from one look to the next, and everything it led to.

    The clock is moved by hand: one that jumps by itself would not wait for the threads that open
    and close ports.
    """
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, MockClock)
    clock.jump(0.6)
    await threads_done()


async def threads_done() -> None:
    """Until no thread of trio's works any more, and what it did has been seen.

    The lookout's own gets a moment, too.
    """
    time.sleep(0.001)
    limiter = trio.to_thread.current_default_thread_limiter()
    for _ in range(3):
        await trio.lowlevel.checkpoint()
    while limiter.borrowed_tokens:
        time.sleep(0.0005)
        await trio.lowlevel.checkpoint()
    for _ in range(3):
        await trio.lowlevel.checkpoint()


async def eventually(condition: Callable[[], object], what: str = "") -> None:
    """Let time pass until it holds."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        await settled()
        time.sleep(0.001)  # what is sent leaves on threads of its own
