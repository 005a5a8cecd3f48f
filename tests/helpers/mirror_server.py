"""A mirror on loopback that can misbehave: HTTP/1.1 by hand, on trio.

`python -m tests.helpers.mirror_server --bytes 500000000 --rate 100000000` serves one file of a
fixed pattern at `/file` from a process of its own, and prints its port, size and sha256.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import random
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import trio

PIECE = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """How one answer is given; by default as it should be.

    `cut_after`, `stall_after` count body bytes, `corrupt_at` is a place in the file; `trickle` is
    (bytes, seconds between), and each piece waits until `may_send` holds of what was sent.
    `headers` are added or take the place of others, `drop` leaves some out, `body` is another file
    in place of this one.
    """

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    drop: tuple[str, ...] = ()
    redirect: str = ""
    body: bytes | None = None
    ignore_range: bool = False
    chunked: bool = False
    compress: bool = False
    corrupt_at: int | None = None
    cut_after: int | None = None
    stall_after: int | None = None
    trickle: tuple[int, float] | None = None
    extra: bytes = b""
    may_send: Callable[[int], bool] = lambda sent: True  # noqa: ARG005


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]


@dataclass
class MirrorServer:
    """`answers[path]` are used up one a request; then `always[path]`, then good ones."""

    files: dict[str, bytes]
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    always: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    sent: int = 0
    """Body bytes written."""
    rate: float = 0.0
    """Bytes/s of one answer; 0: as fast as it goes."""
    port: int = 0

    def url(self, path: str, login: str = "") -> str:
        return f"http://{login}127.0.0.1:{self.port}{path}"

    def ranges(self, path: str) -> list[str]:
        """The Range of each request for `path`, "" where it had none."""
        return [one.headers.get("range", "") for one in self.requests if one.path == path]

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._connected, listeners)

    async def _connected(self, stream: trio.SocketStream) -> None:
        async with stream:
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                waiting = b""
                while True:
                    while b"\r\n\r\n" not in waiting:
                        data = await stream.receive_some()
                        if not data:
                            return
                        waiting += data
                    head, waiting = waiting.split(b"\r\n\r\n", 1)
                    if not await self._answer(stream, _read(head)):
                        return

    async def _answer(self, stream: trio.SocketStream, request: Request) -> bool:
        """Whether the connection may be used again."""
        self.requests.append(request)
        path = request.path
        how = self.always.get(path, Answer())
        if self.answers[path]:
            how = self.answers[path].pop(0)
        body = self.files.get(path) if how.body is None else how.body
        if how.redirect:
            return await _head(stream, how.status or 302, {"location": how.redirect}, how)
        if body is None or how.status >= 400:
            size = {"content-range": f"bytes */{len(body)}"} if body and how.status == 416 else {}
            return await _head(stream, how.status or 404, size, how)
        return await self._send(stream, request, body, how)

    async def _send(
        self, stream: trio.SocketStream, request: Request, body: bytes, how: Answer
    ) -> bool:
        tag = f'"{hashlib.md5(body[:4096]).hexdigest()}-{len(body)}"'
        headers, status, start = {"etag": tag, "accept-ranges": "bytes"}, 200, 0
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        same = request.headers.get("if-range", tag) == tag
        if asked and same and not how.ignore_range:
            start = int(asked[1])
            if start >= len(body):
                return await _head(stream, 416, {"content-range": f"bytes */{len(body)}"}, how)
            status = 206
            headers["content-range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        if how.corrupt_at is not None:
            place = how.corrupt_at % len(body)
            body = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        rest = memoryview(body)[start:]
        if how.compress:
            rest = memoryview(gzip.compress(rest))
            headers["content-encoding"] = "gzip"
        if how.extra:
            rest = memoryview(bytes(rest) + how.extra)
        headers["content-length"] = str(len(rest))
        if how.chunked:
            del headers["content-length"]
            headers["transfer-encoding"] = "chunked"
        await _head(stream, how.status or status, headers, how, empty=False)
        return await self._body(stream, rest, how)

    async def _body(self, stream: trio.SocketStream, rest: memoryview, how: Answer) -> bool:
        piece, pause_s = how.trickle or (PIECE, 0.0)
        sent, began_s = 0, trio.current_time()
        end = min((n for n in (how.cut_after, how.stall_after) if n is not None), default=None)
        while sent < len(rest) and (end is None or sent < end):
            while not how.may_send(sent):
                await trio.sleep(0.002)
            count = min(piece, len(rest) - sent, len(rest) if end is None else end - sent)
            data = rest[sent : sent + count]
            if how.chunked:
                data = memoryview(b"%x\r\n%b\r\n" % (count, bytes(data)))
            await stream.send_all(data)
            sent += count
            self.sent += count
            if pause_s:
                await trio.sleep(pause_s)
            if self.rate:
                await trio.sleep_until(began_s + sent / self.rate)
        if how.stall_after is not None and end == how.stall_after:
            await stream.receive_some()  # until the other side goes
        if sent < len(rest) or end is not None:
            return False
        if how.chunked:
            await stream.send_all(b"0\r\n\r\n")
        return "content-length" not in how.drop


async def _head(
    stream: trio.SocketStream,
    status: int,
    headers: dict[str, str],
    how: Answer,
    *,
    empty: bool = True,
) -> bool:
    headers = {**headers, **({"content-length": "0"} if empty else {}), **dict(how.headers)}
    lines = [f"{name}: {text}\r\n" for name, text in headers.items() if name not in how.drop]
    await stream.send_all(f"HTTP/1.1 {status} OK\r\n{''.join(lines)}\r\n".encode("latin-1"))
    return True


def _read(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): text.strip() for name, _, text in pairs}
    return Request(first.split(" ")[1].partition("?")[0], headers)


@contextlib.asynccontextmanager
async def serving(files: dict[str, bytes]) -> AsyncIterator[MirrorServer]:
    async with trio.open_nursery() as nursery:
        server = MirrorServer(files)
        await nursery.start(server.serve)
        yield server
        nursery.cancel_scope.cancel()


def pattern(size: int, seed: int = 1) -> bytes:
    """`size` bytes that look random and are always the same."""
    block = random.Random(seed).randbytes(min(size, 1 << 20))
    return (block * (size // max(1, len(block)) + 1))[:size]


async def _main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--bytes", type=int, default=500_000_000)
    options.add_argument("--rate", type=float, default=0.0)
    chosen = options.parse_args()
    body = pattern(chosen.bytes)
    server = MirrorServer({"/file": body}, rate=chosen.rate)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve)
        print(server.port, len(body), hashlib.sha256(body).hexdigest(), flush=True)


if __name__ == "__main__":
    trio.run(_main)
