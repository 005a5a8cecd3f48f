"""A mirror server in a thread of its own, for tests that are no tasks of trio's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from tests.helpers.mirror_server import MirrorServer


@contextmanager
def mirror_beside(files: dict[str, bytes]) -> Iterator[MirrorServer]:
    server = MirrorServer(files)
    serving = threading.Event()
    stops: list[Callable[[], None]] = []

    async def serve() -> None:
        token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as nursery:
            await nursery.start(server.serve)
            stops.append(lambda: token.run_sync_soon(nursery.cancel_scope.cancel))
            serving.set()

    thread = threading.Thread(target=trio.run, args=(serve,), name="mirror server")
    thread.start()
    assert serving.wait(30)
    try:
        yield server
    finally:
        stops[0]()
        thread.join(30)
