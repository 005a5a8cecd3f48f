"""From a mirror's answer into a part: read here, hash and write in a worker thread, in batches.

While one batch is written the next is read, and that is all that is ever in memory: what a kill
loses is less than two batches.
"""

from __future__ import annotations

import contextlib
import math
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import trio

from engine.errors import ArtflowError
from presets.part_file import Part
from presets.wanted import DownloadError, Limits, WantedFile, megabytes

BATCH_BYTES: Final = 256 * 1024
BATCH_S: Final = 0.05
"""A slow mirror's bytes wait no longer than this for a batch to fill."""
HEADER_BYTES: Final = (8 << 20) + 8
"""More of a beginning than this is shown to no check."""
LOOK_EVERY_BYTES: Final = 64 << 20
"""So often the room on the disk is looked at."""


class Fault(Exception):
    """A mirror failed us. `lasting`: do not ask it again; `anew`: only for the whole file."""

    def __init__(
        self,
        reason: str,
        *,
        lasting: bool = False,
        anew: bool = False,
        after_s: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.lasting, self.anew, self.after_s = reason, lasting, anew, after_s


class Flawed(Exception):
    """What has arrived is wrong. `refusal` is the header check's own word, where it was that."""

    def __init__(self, reason: str, refusal: ArtflowError | None = None) -> None:
        super().__init__(reason)
        self.reason, self.refusal = reason, refusal


def as_fault(error: Exception, limits: Limits) -> Fault:
    """httpx's words in ours: no url, no host."""
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return Fault(f"did not answer within {limits.connect_s:g} s")
        case httpx.TimeoutException():
            return Fault(f"sent nothing for {limits.silent_s:g} s")
        case httpx.ProxyError():
            return Fault("cannot be reached through the proxy")
        case httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return Fault("cannot be asked", lasting=True)
        case httpx.ConnectError() if _is_certificate(error):
            return Fault("has no valid certificate", lasting=True)
        case httpx.ConnectError() | OSError():
            return Fault("cannot be reached")
        case _:
            return Fault("broke off")


def _is_certificate(error: BaseException) -> bool:
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
    return False


@dataclass
class Store:
    """Where the bytes go: the part, past the header's check and the look at the disk's room.

    Its methods block; `size` is the whole file's, None while nobody has told it.
    """

    part: Part
    file: WantedFile
    folder: Path
    free_space: Callable[[Path], int]
    size: int | None = None
    needs_besides: int = 0

    def __post_init__(self) -> None:
        self._beginning: bytearray | None = bytearray() if self.file.check_header else None
        self._looked_at = 0

    @property
    def wants_header(self) -> bool:
        """The check has not seen enough yet."""
        return self._beginning is not None

    def continue_kept(self) -> None:
        """Show the check what an earlier run left. Raises `Flawed`."""
        if self._beginning is not None and self.part.size:
            self._check(self.part.beginning(HEADER_BYTES))

    def start_over(self) -> None:
        self.part.start_over()
        self.size = self.file.size
        self.__post_init__()

    def take(self, data: bytes | bytearray) -> None:
        """Raises `Flawed`, `OSError`, or `DownloadError` where the room has got too little."""
        self.part.append(data)
        if self._beginning is not None:
            self._check(data)
        if self.part.size - self._looked_at >= LOOK_EVERY_BYTES:
            self.look_for_room()

    def look_for_room(self) -> None:
        """Raises `DownloadError` where the rest will not fit."""
        self._looked_at = self.part.size
        if self.size is None:
            return
        missing = self.size - self.part.size + self.needs_besides
        free = self.free_space(self.folder)
        if free < missing:
            raise DownloadError(no_room(self.file.name, missing, self.folder, free))

    def _check(self, data: bytes | bytearray) -> None:
        check = self.file.check_header
        if check is None or self._beginning is None:
            return
        self._beginning += data[: HEADER_BYTES - len(self._beginning)]
        try:
            done = check(bytes(self._beginning), self.size)
        except ArtflowError as error:
            raise Flawed(str(error), error) from error
        if done or len(self._beginning) >= HEADER_BYTES:
            self._beginning = None


def no_room(name: str, missing: int, folder: Path, free: int | None = None) -> str:
    there = "" if free is None else f", {megabytes(free)} are free"
    return (
        f"the disk is full: {name} needs {missing:,} more bytes ({megabytes(missing)}) "
        f"in {folder}{there}; make room and ask again"
    )


async def pour(
    response: httpx.Response,
    store: Store,
    limits: Limits,
    arrived: Callable[[int], None],
) -> None:
    """Put the whole body into `store`; `arrived(n)` tells of n bytes more.

    Raises `Fault`, `Flawed`, `DownloadError`, `OSError`. Whatever arrived before is stored.
    """
    batches, filled = trio.open_memory_channel[bytearray](0)
    trouble: list[Exception] = []

    async def write() -> None:
        async with filled:
            try:
                async for batch in filled:
                    await trio.to_thread.run_sync(store.take, batch)
                    arrived(len(batch))
            except (Flawed, DownloadError, OSError) as error:
                trouble.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        async with batches:
            fault = await _read(response, batches, store, limits)
    for error in (*trouble, fault):
        if error is not None:
            raise error


async def _read(
    response: httpx.Response,
    batches: trio.MemorySendChannel[bytearray],
    store: Store,
    limits: Limits,
) -> Fault | Flawed | None:
    """Hand over the body in batches, and what went wrong with it at the end."""
    allowed = store.file.limit - store.part.size
    batch, sent_s, count = bytearray(), trio.current_time(), 0
    window_s, window_count = sent_s, 0
    wrong: Fault | Flawed | None = None
    chunks = response.aiter_raw()
    try:
        async for chunk in chunks:
            count += len(chunk)
            if count > allowed:
                wrong = Flawed("sends more bytes than the file has")
                break
            batch += chunk
            now = trio.current_time()
            full = len(batch) >= BATCH_BYTES or now - sent_s >= BATCH_S
            if full or store.wants_header:  # a wrong file is refused as soon as it can be
                await batches.send(batch)
                batch, sent_s = bytearray(), trio.current_time()
            if now - window_s >= limits.slow_s:
                if count - window_count < limits.slow_bytes_s * limits.slow_s:
                    rate = math.ceil((count - window_count) / (now - window_s))
                    wrong = Fault(f"sent only {rate:,} bytes a second")
                    break
                window_s, window_count = now, count
    except trio.BrokenResourceError:
        return None  # the writer is gone, and has said why
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        wrong = as_fault(error, limits)
    finally:
        await _finish(response, chunks)
    if batch:
        try:
            await batches.send(batch)
        except trio.BrokenResourceError:
            return None
    return wrong


async def _finish(response: httpx.Response, chunks: AsyncIterator[bytes]) -> None:
    """Close the connection, and let the generators inside httpx come to their ends.

    Closing the outermost does not close those that it reads from; left to the garbage collector,
    trio warns of each.
    """
    quietly = contextlib.suppress(httpx.HTTPError, httpx.StreamError, OSError)
    with trio.CancelScope(shield=True), quietly:
        await response.aclose()
        async for _ in chunks:
            pass  # what had been read already; then the closed connection ends it
