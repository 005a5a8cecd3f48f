"""How soon a knob counts, whether all of 1,000 messages a second do, and how true the tempo is."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import mido
import msgspec
import trio

from controllers.midi import LOOK_S, MidiServer
from controllers.midi_clock import MidiClock
from controllers.midi_clock_fit import TICKS_PER_BEAT
from controllers.midi_device import Ears
from controllers.midi_lookout import OUTPUTS_EVERY
from controllers.midi_map import Cc, DeviceMap, Mapping
from controllers.midi_ports import (
    Closable,
    Heard,
    MidiSystem,
    PortName,
    Sender,
    open_system,
    told_apart,
)
from controllers.midi_seats import Maps
from engine.bench import FlatOut, Times, painting_stage, times
from engine.controls import Change, Controls
from engine.errors import MidiError
from engine.painting import Job
from engine.parameters import PARAMETERS, TRIGGERS
from engine.tempo import Tempo

RATE_HZ: Final = 1000
DEVICE: Final = "Bench of ArtFlow"
SETTLE_S: Final = 1.0
"""The last messages may still be on their way."""
PLUGGED_WITHIN_S: Final = 30.0
LISTED_TIMES: Final = 500

JITTER_S: Final = 0.001
STEADY_S: Final = 60.0
STEPS: Final = ((120.0, 140.0), (120.0, 124.0), (140.0, 90.0))
NEAR_BPM: Final = 0.5
"""After a step the tempo has settled when it stays so near."""

# turns an encoder one step up, again and again, on a virtual port of its own
SENDER: Final = """
import sys, time, mido
name, rate, count = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
out = mido.open_output("out", virtual=True, client_name=name)
print("plugged in", flush=True)
sys.stdin.readline()
begun = time.monotonic()
for number in range(count):
    while (left := begun + number / rate - time.monotonic()) > 0:
        time.sleep(left)
    out.send(mido.Message("control_change", control=20, value=1))
print("sent", flush=True)
sys.stdin.readline()
"""


Send = Callable[[], Awaitable[None]]
"""Turns the knob, and returns when it has been."""


class MidiFigures(msgspec.Struct, frozen=True):
    """A knob turned at `rate_hz` while painting flat out: from callback to stored value.

    `ports` is the MIDI system that carried the messages from another process; "none" where there is
    none that can make ports of its own: a thread of this process then called in its place.
    `callback_to_value` begins with each message's own callback (once that has the interpreter) and
    ends when the control's listeners hear of the value. It tells nothing of how long the MIDI
    system held the message: JACK hands on those of a whole period at once.
    `looking_ms_a_second` is what it costs to notice that a device comes or goes, in a thread beside
    the conductor.
    """

    ports: str
    rate_hz: int
    sent: int
    stored: int
    lost: int
    painting_fps: float
    callback_to_value: Times
    looking_ms_a_second: float


class TempoFigures(msgspec.Struct, frozen=True):
    """A MIDI clock whose ticks come early or late by `jitter_ms` (standard deviation).

    `error_bpm` is the largest difference in a minute, `error_bpm_p99` that of 99 ticks in 100.
    `settled_s` are the seconds after a step of the tempo until it stays within `NEAR_BPM`.
    """

    bpm: float
    jitter_ms: float
    error_bpm: float
    error_bpm_p99: float
    settled_s: dict[str, float]


@dataclass
class _Watched:
    """A MIDI system whose callbacks are noted; all else is another's."""

    system: MidiSystem
    called_s: list[float] = field(default_factory=list)

    def inputs(self) -> tuple[PortName, ...]:
        return self.system.inputs()

    def outputs(self) -> tuple[PortName, ...]:
        return self.system.outputs()

    def open_input(self, port: PortName, heard: Heard) -> Closable:
        def noted(at_s: float, data: Sequence[int]) -> None:
            self.called_s.append(at_s)
            heard(at_s, data)

        return self.system.open_input(port, noted)

    def open_output(self, port: PortName) -> Sender:
        return self.system.open_output(port)

    def close(self) -> None:
        self.system.close()


class _Thread:
    """A MIDI system of one device, which is a thread of this process."""

    def __init__(self) -> None:
        self._heard: Heard | None = None

    def inputs(self) -> tuple[PortName, ...]:
        return told_apart([DEVICE])

    def outputs(self) -> tuple[PortName, ...]:
        return ()

    def open_input(self, port: PortName, heard: Heard) -> Closable:  # noqa: ARG002
        self._heard = heard
        return self

    def open_output(self, port: PortName) -> Sender:
        raise MidiError(f"MIDI output {port.label}: there is none")

    def close(self) -> None:
        self._heard = None

    def send(self, count: int) -> None:
        """Turn the encoder so many steps, at the bench's rate; blocks."""
        begun = time.monotonic()
        for number in range(count):
            while (left := begun + number / RATE_HZ - time.monotonic()) > 0:
                time.sleep(left)
            if self._heard is not None:
                self._heard(time.perf_counter(), [0xB0, 20, 1])


async def bench_midi(seconds: float, job: Job) -> MidiFigures:
    """`seconds` of a knob turned, while the painter of `job` paints flat out."""
    count = max(1, round(seconds * RATE_HZ))
    async with painting_stage(job) as stage:
        flat_out = FlatOut(stage)
        async with _ports(count) as (ports, system, send):
            looking = _looking_ms(system)  # the server closes it
            stored = await _turned(stage.controls, system, send, count)
        fps = flat_out.close()
    waited = [at - called for at, called in zip(stored, system.called_s, strict=False)]
    return MidiFigures(
        ports,
        RATE_HZ,
        count,
        len(stored),
        count - len(stored),
        round(fps, 1),
        times(waited),
        looking,
    )


async def _turned(controls: Controls, system: _Watched, send: Send, count: int) -> list[float]:
    """Let it be turned; when each step was stored (`time.perf_counter()`)."""
    stored: list[float] = []

    def listen(change: Change) -> None:
        if change.parameter.name == "paint/seed" and change.origin is not None:
            stored.append(time.perf_counter())

    step = Mapping(Cc(20, relative="twos-complement"), "paint/seed", step=1)
    maps = Maps(((DeviceMap("bench", f"{DEVICE}*", "", (step,)),),))
    controls.set("paint/seed", 0)
    end = controls.listen(listen)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(MidiServer(controls, maps, Ears(), system=lambda: system).run)
            with trio.fail_after(PLUGGED_WITHIN_S):
                while controls.get("midi/devices") != "bench":
                    await trio.sleep(LOOK_S / 5)
            await trio.sleep(LOOK_S)  # an output may come later, and the port be opened again
            await send()
            with trio.move_on_after(SETTLE_S):
                while len(stored) < count:
                    await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    finally:
        end()
    return stored


def _looking_ms(system: _Watched) -> float:
    """Milliseconds of processor time in each second that go into looking what is plugged in."""

    def cost_s(look: object) -> float:
        assert callable(look)
        begun = time.thread_time()
        for _ in range(LISTED_TIMES):
            look()
        return (time.thread_time() - begun) / LISTED_TIMES

    per_second = 1 / LOOK_S
    cost = cost_s(system.inputs) * per_second + cost_s(system.outputs) * per_second / OUTPUTS_EVERY
    return round(cost * 1000, 4)


@asynccontextmanager
async def _ports(count: int) -> AsyncIterator[tuple[str, _Watched, Send]]:
    """(the MIDI system's name, the system, how the knob is turned)."""
    try:
        system = open_system()
        sender = await trio.to_thread.run_sync(_plugged_in, count)
    except MidiError:
        thread = _Thread()

        async def called() -> None:
            await trio.to_thread.run_sync(thread.send, count)

        yield "none", _Watched(thread), called
        return

    async def sent() -> None:
        assert sender.stdin is not None
        assert sender.stdout is not None
        sender.stdin.write("go\n")
        sender.stdin.flush()
        await trio.to_thread.run_sync(sender.stdout.readline)

    try:
        yield mido.backend.api or "the default", _Watched(system), sent
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(sender.communicate, "bye\n", 30)


def _plugged_in(count: int) -> subprocess.Popen[str]:
    """The process that turns the knob. Raises `MidiError` where it can have no port."""
    sender = subprocess.Popen(
        [sys.executable, "-c", SENDER, DEVICE, str(RATE_HZ), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert sender.stdout is not None
    if sender.stdout.readline() != "plugged in\n":
        sender.communicate()
        raise MidiError("MIDI: this system makes no ports for programs; plug a device in")
    return sender


# tempo


class _Studio:
    """A MIDI clock with jitter and a tempo that follows it, on a clock of their own."""

    def __init__(self, seed: int) -> None:
        self.now_s = 0.0
        self._random = random.Random(seed)
        self._sent_s = 0.0
        controls = Controls()
        controls.declare(*PARAMETERS, *TRIGGERS)
        controls.set("tempo/source", "midi")
        self._tempo = Tempo(controls, clock=lambda: self.now_s)
        self._clock = MidiClock(self._tempo)

    def tick(self, bpm: float, seconds: float) -> list[tuple[float, float]]:
        """Run for so long; (seconds since the first tick, the tempo that is followed) each."""
        told: list[tuple[float, float]] = []
        for number in range(round(seconds * bpm / 60 * TICKS_PER_BEAT)):
            self._sent_s += 60 / bpm / TICKS_PER_BEAT
            # in order, as a wire is
            self.now_s = max(self.now_s, self._sent_s + self._random.gauss(0, JITTER_S))
            self._clock.take(mido.Message("clock"), self.now_s)
            told.append(((number + 1) * 60 / bpm / TICKS_PER_BEAT, self._tempo.line.bpm))
        return told


def bench_tempo(bpm: float = 120.0) -> TempoFigures:
    """How true the tempo of a clock with jitter is followed, and how soon after a step."""
    studio = _Studio(1)
    studio.tick(bpm, 2)
    errors = sorted(abs(told - bpm) for _, told in studio.tick(bpm, STEADY_S))
    settled = {f"{a:g} to {b:g}": _settled_s(a, b, seed) for seed, (a, b) in enumerate(STEPS)}
    p99 = errors[math.ceil(0.99 * len(errors)) - 1]
    return TempoFigures(bpm, JITTER_S * 1000, round(errors[-1], 4), round(p99, 4), settled)


def _settled_s(before: float, after: float, seed: int) -> float:
    studio = _Studio(seed)
    studio.tick(before, 5)
    off = [at for at, told in studio.tick(after, 10) if abs(told - after) > NEAR_BPM]
    return round(off[-1] if off else 0.0, 3)
