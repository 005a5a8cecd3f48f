"""How soon a message counts, beside python-osc's own servers, in turns and in the same process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import trio
from pythonosc import dispatcher, osc_server

from controllers.bench import OSC_RATE_HZ, hearing, send_numbers
from controllers.bench_flood import PICTURES_HZ, Paced
from engine.bench import Sent, Times, copying_stage, times
from engine.controls import Controls
from engine.parameters import PARAMETERS, TRIGGERS

ROUNDS: Final = 10
"""They take turns: what else the machine does falls on all."""
SETTLE_S: Final = 0.2

_SEED: Final = "/artflow/paint/seed"
_python_osc: Final[Any] = osc_server  # its constructors have no types


class BesideFigures(msgspec.Struct, frozen=True):
    """Datagram to stored value at `rate_hz` from another process, while painting.

    Each message counts until its value or a newer one is stored. ArtFlow checks the value, stores
    it, tells who listens and commits; the others put it into a dictionary. None hands it on to
    the painter, which python-osc knows nothing of.
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


async def bench_beside(seconds: float, rounds: int = ROUNDS) -> BesideFigures:
    """Each of the three for `seconds` in all, in `rounds` turns."""
    ours: list[float] = []
    others: dict[Callable[[Stored], Any], list[float]] = {threading_server: [], asyncio_server: []}
    span = seconds / rounds
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    async with copying_stage() as stage, hearing(controls, lambda _: None) as heard:
        paced = Paced(stage, PICTURES_HZ)
        for _ in range(rounds):
            heard.stored_ns.clear()
            sent = await send_numbers(heard.port, span)
            await trio.sleep(SETTLE_S)
            ours += waited(sent, heard.stored_ns)
            for server, delays in others.items():
                stored = Stored()
                with server(stored) as port:
                    sent = await send_numbers(port, span)
                    await trio.sleep(SETTLE_S)
                delays += waited(sent, stored.at_ns)
        paced.close()
    return BesideFigures(
        OSC_RATE_HZ,
        PICTURES_HZ,
        times(ours),
        times(others[threading_server]),
        times(others[asyncio_server]),
    )
