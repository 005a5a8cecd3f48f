"""How soon a message counts, beside python-osc's own servers, in turns and in the same process."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import msgspec
import trio
from pythonosc import dispatcher, osc_server

from controllers.bench import OSC_RATE_HZ, hearing
from controllers.bench_flood import PICTURES_HZ, Paced
from engine.bench import Sent, Times, copying_stage, times
from engine.controls import Controls
from engine.parameters import PARAMETERS, TRIGGERS

TURN_MESSAGES: Final = 50
"""They take short turns, from one sender: what else the machine does, and which core the system put
the sender on, falls on all alike. It changes the delay of each by more than they differ."""
SETTLE_S: Final = 0.2

_FREED_BYTES: Final = 4 * 1024 * 1024
"""glibc's malloc maps a large block anew each time until it has seen a larger one freed; asyncio
takes 256 kB for each datagram: 20 microseconds. Where pictures come and go it has seen one."""

# sends numbered values at a fixed rate to several ports, so many to each in turn, to and fro, and
# tells when each left; between turns it waits for what the last one may still be doing
SENDER: Final = """
import json, socket, struct, sys, time
rate, turn, rounds = map(int, sys.argv[1:4])
outs = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in sys.argv[4:]]
for out, port in zip(outs, sys.argv[4:]):
    out.connect(("127.0.0.1", int(port)))
head = b"/artflow/paint/seed\\0,i\\0\\0"
sent = [[] for _ in outs]
order = list(zip(outs, sent))
for begun in range(1, rounds * turn + 1, turn):
    order.reverse()
    for out, at in order:
        time.sleep(0.01)
        due = time.monotonic()
        for number in range(begun, begun + turn):
            due += 1 / rate
            while (left := due - time.monotonic()) > 0:
                time.sleep(left)
            at.append((number, time.monotonic_ns()))
            out.send(head + struct.pack(">i", number))
json.dump(sent, sys.stdout)
"""

_SEED: Final = "/artflow/paint/seed"
_python_osc: Final[Any] = osc_server  # its constructors have no types


class BesideFigures(msgspec.Struct, frozen=True):
    """Datagram to stored value at `rate_hz` from another process, while painting.

    Each message counts until its value or a newer one is stored: with ArtFlow until it is checked
    and `Controls` holds it, with the others until their handler has put it into a dictionary. What
    ArtFlow does then (tell who listens, commit) they do not do at all, and it is not counted.
    """

    rate_hz: int
    pictures_hz: float
    artflow: Times
    python_osc_threading: Times
    python_osc_asyncio: Times


class Stored:
    """A handler of python-osc's: notes when each number was stored."""

    def __init__(self) -> None:
        self.at_ns: dict[int, int] = {}
        self.values: dict[str, int] = {}

    def __call__(self, address: str, number: int) -> None:
        self.values[address] = number
        self.at_ns[number] = time.monotonic_ns()

    def dispatcher(self) -> dispatcher.Dispatcher:
        table = dispatcher.Dispatcher()
        table.map(_SEED, self)
        return table


@contextmanager
def threading_server(stored: Stored) -> Iterator[int]:
    """python-osc's threading server; its port."""
    server = _python_osc.ThreadingOSCUDPServer(("127.0.0.1", 0), stored.dispatcher())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def asyncio_server(stored: Stored) -> Iterator[int]:
    """python-osc's asyncio server, its loop in a thread of its own; its port."""
    started = threading.Event()
    loop = asyncio.new_event_loop()
    ports: list[int] = []

    async def serve() -> Any:
        server = _python_osc.AsyncIOOSCUDPServer(("127.0.0.1", 0), stored.dispatcher(), loop)
        transport, _ = await server.create_serve_endpoint()
        ports.append(transport.get_extra_info("sockname")[1])
        return transport

    def run() -> None:
        try:
            transport = loop.run_until_complete(serve())
        finally:
            started.set()
        loop.run_forever()
        transport.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait()
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def waited(sent: Sequence[Sent], stored_ns: Mapping[int, int]) -> list[float]:
    """Seconds until each number or a newer one was stored; those that never were are left out."""
    result: list[float] = []
    soonest: int | None = None
    for message in reversed(sent):
        at = stored_ns.get(message.number)
        if at is not None:
            soonest = at if soonest is None else min(soonest, at)
        if soonest is not None:
            result.append((soonest - message.at_ns) / 1e9)
    return result


async def bench_beside(seconds: float) -> BesideFigures:
    """Each of the three for `seconds` in all, in turns of `TURN_MESSAGES`; all stand ready."""
    stored = [Stored(), Stored()]
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    bytearray(_FREED_BYTES)
    async with copying_stage() as stage, hearing(controls, lambda _: None) as heard:
        with ExitStack() as stack:
            servers = threading_server(stored[0]), asyncio_server(stored[1])
            ports = [heard.port, *map(stack.enter_context, servers)]
            paced = Paced(stage, PICTURES_HZ)
            sent = await _send_in_turns(ports, max(1, round(seconds * OSC_RATE_HZ / TURN_MESSAGES)))
            await trio.sleep(SETTLE_S)
            paced.close()
    when = [heard.stored_ns, *(server.at_ns for server in stored)]
    ours, threads, loop = map(times, map(waited, sent, when))
    return BesideFigures(OSC_RATE_HZ, PICTURES_HZ, ours, threads, loop)


async def _send_in_turns(ports: Sequence[int], rounds: int) -> list[list[Sent]]:
    """Have another process send to each port in turn; what it sent to each, and when."""
    words = map(str, (OSC_RATE_HZ, TURN_MESSAGES, rounds, *ports))
    sender = await trio.run_process([sys.executable, "-c", SENDER, *words], capture_stdout=True)
    return [[Sent(*item) for item in sent] for sent in json.loads(sender.stdout)]
