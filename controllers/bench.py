"""How soon a control answers: numbered OSC messages from another process, and when they counted."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import msgspec
import trio

from controllers.osc import OscServer
from engine.bench import FlatOut, Sent, Times, copying_stage, delays, times
from engine.controls import Change, Controls, Snapshot
from engine.painter import protocol
from engine.parameters import PARAMETERS, TRIGGERS

OSC_RATE_HZ: Final = 1000
ROUNDS: Final = 4
"""Idle and busy take turns: what else the machine does falls on both."""
SETTLE_S: Final = 0.2
"""The last messages may still be on their way."""

# sends numbered values of one parameter at a fixed rate, and tells when each left
SENDER: Final = """
import json, socket, struct, sys, time
port, rate, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.connect(("127.0.0.1", port))
head = b"/artflow/paint/seed\\0,i\\0\\0"
begun, sent = time.monotonic(), []
for number in range(1, int(rate * seconds) + 1):
    due = begun + number / rate
    while (left := due - time.monotonic()) > 0:
        time.sleep(left)
    sent.append((number, time.monotonic_ns()))
    out.send(head + struct.pack(">i", number))
json.dump(sent, sys.stdout)
"""


class OscFigures(msgspec.Struct, frozen=True):
    """Delays of OSC messages sent at `rate_hz` from another process, while painting flat out."""

    rate_hz: int
    sent: int
    stored: int
    painting_fps: float
    datagram_to_value: Times
    datagram_to_painter: Times


class ControlFigures(msgspec.Struct, frozen=True):
    """From a datagram's departure to the commit that holds it or a newer one, by itself and with
    work in the same loop; `p99_later_ms` is by how much that is later."""

    rate_hz: int
    idle: Times
    busy: Times
    p99_later_ms: float


@dataclass
class Heard:
    """What came in through `server`, as `engine.bench.delays` reads it."""

    server: OscServer
    newest: int = 0
    """The number stored last."""
    stored_ns: dict[int, int] = field(default_factory=dict)
    """When each number was stored, but for those that a newer one replaced (monotonic)."""
    held: list[tuple[int, int]] = field(default_factory=list)
    """(snapshot_seq, newest number in that snapshot), in order."""
    committed: list[protocol.Applied] = field(default_factory=list)
    """When each of these snapshots was there."""

    @property
    def port(self) -> int:
        return self.server.port


@asynccontextmanager
async def hearing(controls: Controls, offer: Callable[[Snapshot], None]) -> AsyncIterator[Heard]:
    """An OSC server for `controls`, each turn's changes committed at once, as in the show."""
    changed = trio.Event()
    server = OscServer(controls, "127.0.0.1", 0, version="bench")
    stored_at_ns = 0

    def wake() -> None:
        nonlocal stored_at_ns
        stored_at_ns = time.monotonic_ns()  # the value is there; nobody has been told of it yet
        changed.set()

    def listen(change: Change) -> None:
        if change.parameter.name == "paint/seed" and change.origin is not None:
            heard.newest = int(change.value)
            heard.stored_ns[heard.newest] = stored_at_ns

    async def commit() -> None:
        nonlocal changed
        while True:
            changed = trio.Event()
            snapshot = controls.commit()
            heard.held.append((snapshot.seq, heard.newest))
            heard.committed.append(protocol.Applied(snapshot.seq, time.monotonic_ns()))
            offer(snapshot)
            await changed.wait()

    controls.listen(listen)
    controls.wake = wake
    heard = Heard(server)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
        nursery.start_soon(commit)
        yield heard
        nursery.cancel_scope.cancel()


async def send_numbers(port: int, seconds: float) -> list[Sent]:
    """Have another process send them, `OSC_RATE_HZ` for so long; when each left."""
    sender = await trio.run_process(
        [sys.executable, "-c", SENDER, str(port), str(OSC_RATE_HZ), str(seconds)],
        capture_stdout=True,
    )
    return [Sent(number, at_ns) for number, at_ns in json.loads(sender.stdout)]


async def bench_osc(seconds: float) -> OscFigures:
    """Datagram to stored value, and to the painter's own snapshot, flat out at 512x512."""
    applied: list[protocol.Applied] = []
    async with copying_stage() as stage, hearing(stage.controls, stage.painting.offer) as heard:
        stage.painting.on_applied = applied.append
        flat_out = FlatOut(stage)
        sent = await send_numbers(heard.port, seconds)
        await trio.sleep(0.5)
        fps = flat_out.close()
    moments = heard.stored_ns
    stored = [(moments[item.number] - item.at_ns) / 1e9 for item in sent if item.number in moments]
    return OscFigures(
        OSC_RATE_HZ,
        len(sent),
        len(stored),
        round(fps, 1),
        times(stored),
        times(delays(sent, heard.held, applied)),
    )


async def bench_controls(
    seconds: float, work: Callable[[], Awaitable[None]], rounds: int = ROUNDS
) -> ControlFigures:
    """Control delays without and with `work` in the same loop, each for `seconds` in all.

    `work` goes on until it is cancelled.
    """
    idle: list[float] = []
    busy: list[float] = []
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    async with hearing(controls, lambda _: None) as heard:
        for _ in range(rounds):
            idle += await _delays(heard, seconds / rounds)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(work)
                busy += await _delays(heard, seconds / rounds)
                nursery.cancel_scope.cancel()
    without, beside = times(idle), times(busy)
    later = round(beside.p99_ms - without.p99_ms, 3)
    return ControlFigures(OSC_RATE_HZ, without, beside, later)


async def _delays(heard: Heard, seconds: float) -> list[float]:
    heard.newest = 0  # a commit for another reason holds nothing of what will be sent
    heard.held.clear()
    heard.committed.clear()
    sent = await send_numbers(heard.port, seconds)
    await trio.sleep(SETTLE_S)
    return delays(sent, heard.held, heard.committed)
