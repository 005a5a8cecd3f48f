"""OSC from outside: real programs, a plain client, and a network that exists only in memory."""

from __future__ import annotations

import re
import select
import socket
import struct
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair

from controllers.osc import OscServer
from controllers.osc_framing import Deframer, Framing, framed
from controllers.osc_peers import Address
from controllers.osc_tcp import Caller
from controllers.osc_wire import Arg, OscMessage, pack_message, read_packet
from engine.controls import Controls
from engine.parameters import PARAMETERS, TRIGGERS
from tests.helpers.tools import need_tool

PATIENCE_S = 60.0
"""Longest wait for anything: only there so that a hang ends."""


def table() -> Controls:
    """Controls with every built-in row."""
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    return controls


def bundle(timetag: int, *packets: bytes) -> bytes:
    """A bundle of packets (messages or bundles)."""
    sized = (struct.pack(">i", len(packet)) + packet for packet in packets)
    return b"#bundle\0" + struct.pack(">Q", timetag) + b"".join(sized)


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Fails where it does not come to hold."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"no {what}"
        time.sleep(0.01)


def free_udp_port() -> int:
    """A port that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def osc_send(port: int, address: str, types: str = "", *values: object) -> None:
    """One message by the real oscsend."""
    command = [need_tool("oscsend"), "127.0.0.1", str(port), address]
    if types:
        command += [types, *map(str, values)]
    subprocess.run(command, check=True, timeout=PATIENCE_S)


class OscDump:
    """The real oscdump on a port of its own; `lines` are "address types values" as it printed."""

    def __init__(self) -> None:
        self.port = free_udp_port()
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [need_tool("oscdump"), "-L", str(self.port)], stdout=subprocess.PIPE, text=True
        )
        self._heard = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self._await_listening()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._heard:
                # the first column is the timetag of arrival
                self.lines.append(re.sub(r"^[0-9a-f]{8}\.[0-9a-f]{8} ", "", line.rstrip("\n")))
                self._heard.notify_all()

    def _await_listening(self) -> None:
        number = 0
        deadline = time.monotonic() + PATIENCE_S
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            while not self.lines and time.monotonic() < deadline:
                number += 1
                probe.sendto(pack_message("/hello", number), ("127.0.0.1", self.port))
                with self._heard:
                    self._heard.wait(0.02)
        assert self.lines, "oscdump does not listen"
        self.wait_for(f"^/hello i {number}$")  # what was sent after the first one heard comes, too
        self.lines.clear()

    def wait_for(self, pattern: str, since: int = 0) -> str:
        """The first of `lines[since:]` that the pattern is found in; fails after a minute."""

        def found() -> str | None:
            return next((line for line in self.lines[since:] if re.search(pattern, line)), None)

        with self._heard:
            self._heard.wait_for(found, PATIENCE_S)
        line = found()
        assert line is not None, f"{pattern!r} was not heard, but {self.lines[-20:]}"
        return line

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> OscDump:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class OscClient:
    """A patch with one socket: sends to the server and hears at `port`."""

    def __init__(self, server_port: int, host: str = "127.0.0.1") -> None:
        self._server = (host, server_port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])

    def send(self, address: str, *args: Arg) -> None:
        self.send_bytes(pack_message(address, *args))

    def send_bytes(self, packet: bytes) -> None:
        self._socket.sendto(packet, self._server)

    def receive(self, timeout_s: float = PATIENCE_S) -> OscMessage | None:
        """The next message; None when the time is over."""
        ready, _, _ = select.select([self._socket], [], [], timeout_s)
        if not ready:
            return None
        [message] = read_packet(self._socket.recv(65535))
        return message

    def wait_for(
        self, address: str, where: Callable[[tuple[Arg, ...]], bool] = lambda _: True
    ) -> tuple[Arg, ...]:
        """The arguments of the next message there (others are skipped); fails after a minute."""
        deadline = time.monotonic() + PATIENCE_S
        seen: list[OscMessage] = []
        while (left := deadline - time.monotonic()) > 0:
            message = self.receive(left)
            if message is None:
                break
            if message.address == address and where(message.args):
                return message.args
            seen.append(message)
        raise AssertionError(f"{address} was not heard, but {seen[-20:]}")

    def ask(self, name: str) -> Arg:
        """A parameter's value."""
        self.send(f"/artflow/{name}", "?")
        return self.wait_for(f"/artflow/{name}")[0]

    def settle(self) -> list[OscMessage]:
        """Everything heard until the server has answered a ping sent now."""
        token = time.monotonic_ns() % 2**31
        self.send("/artflow/ping", token)
        heard: list[OscMessage] = []
        while (message := self.receive()) is not None:
            if message[:2] == ("/artflow/pong", (token,)):
                return heard
            heard.append(message)
        raise AssertionError(f"no pong; heard {heard[-20:]}")

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> OscClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Served:
    """A server in a thread of its own, as in the real program; `run` acts in that thread."""

    def __init__(self, controls: Controls, server: OscServer, token: trio.lowlevel.TrioToken):
        self.controls = controls
        self.server = server
        self.port = server.port
        self._token = token

    def run(self, action: Callable[[], object]) -> None:
        trio.from_thread.run_sync(action, trio_token=self._token)


@contextmanager
def serving(
    controls: Controls, *, feedback: tuple[tuple[str, int], ...] = (), compat: bool = False
) -> Iterator[Served]:
    """An OSC server on a free port of loopback."""
    started = threading.Event()
    box: list[Served] = []
    failures: list[BaseException] = []
    stop: list[trio.CancelScope] = []

    async def main() -> None:
        server = OscServer(
            controls, "127.0.0.1", 0, feedback=feedback, version="0.1.0", compat=compat
        )
        async with trio.open_nursery() as nursery:
            stop.append(nursery.cancel_scope)
            await nursery.start(server.run)
            box.append(Served(controls, server, trio.lowlevel.current_trio_token()))
            started.set()

    def thread() -> None:
        try:
            trio.run(main)
        except BaseException as error:
            failures.append(error)
        finally:
            started.set()

    worker = threading.Thread(target=thread)
    worker.start()
    started.wait(PATIENCE_S)
    try:
        assert box, failures
        yield box[0]
    finally:
        if box:
            box[0].run(stop[0].cancel)
        worker.join(PATIENCE_S)
    assert not failures, failures


class FakeDatagrams:
    """A network in memory, for tests on a clock that jumps."""

    def __init__(self) -> None:
        self.address = Address("127.0.0.1", 9000)
        self.sent: list[tuple[float, OscMessage, Address]] = []
        self.incoming: deque[tuple[bytes, Address]] = deque()
        self.takes = True
        self.fails: list[OSError] = []
        self.listener = FakeListener()
        self._arrived = trio.Event()
        self._free = trio.Event()

    async def open(self, _host: str, _port: int) -> tuple[FakeDatagrams, FakeListener]:
        return self, self.listener

    def arrive(self, sender: Address, address: str, *args: Arg) -> None:
        self.arrive_bytes(sender, pack_message(address, *args))

    def arrive_bytes(self, sender: Address, *packets: bytes) -> None:
        self.incoming.extend((packet, sender) for packet in packets)
        self._arrived.set()

    def unblock(self) -> None:
        self.takes = True
        self._free.set()

    def heard_by(self, address: Address, name: str) -> list[tuple[float, tuple[Arg, ...]]]:
        """(time, arguments) of every message at /artflow/`name` that went to `address`."""
        return [
            (at, message.args)
            for at, message, to in self.sent
            if to == address and message.address == f"/artflow/{name}"
        ]

    async def readable(self) -> None:
        await self._arrived.wait()

    async def writable(self) -> None:
        await self._free.wait()
        self._free = trio.Event()

    def receive(self, most: int, most_bytes: int) -> list[tuple[bytes, Address]]:
        assert most_bytes > 0
        if self.fails:
            raise self.fails.pop()
        batch = [self.incoming.popleft() for _ in range(min(most, len(self.incoming)))]
        if not self.incoming:
            self._arrived = trio.Event()
        return batch

    def send(self, packet: bytes, address: Address) -> bool:
        if self.takes:
            [message] = read_packet(packet)
            self.sent.append((trio.current_time(), message, address))
        return self.takes

    def close(self) -> None:
        pass


class FakeListener:
    """TCP in memory: `connect` is a client's end."""

    def __init__(self) -> None:
        self.fails: list[OSError] = []
        self._give, self._take = trio.open_memory_channel[Caller](1000)

    def connect(
        self, host: str = "10.0.0.7", *, framing: Framing = Framing.LENGTH, lockstep: bool = False
    ) -> FakeLine:
        """A new connection; in `lockstep` nothing is sent before the other side takes it."""
        pair = lockstep_stream_pair() if lockstep else memory_stream_pair()
        ours, theirs = pair
        self._give.send_nowait(Caller(theirs, host, 50_000))
        return FakeLine(ours, framing)

    async def accept(self) -> Caller:
        if self.fails:
            raise self.fails.pop()
        return await self._take.receive()

    def close(self) -> None:
        self._take.close()


class FakeLine:
    """A client's end of a TCP connection."""

    def __init__(self, stream: trio.abc.HalfCloseableStream, framing: Framing) -> None:
        self.stream = stream
        self.framing = framing
        self.ended = False
        self._deframer = Deframer()
        self._waiting: deque[OscMessage] = deque()

    async def send(self, address: str, *args: Arg) -> None:
        await self.stream.send_all(framed(pack_message(address, *args), self.framing))

    async def receive(self) -> OscMessage | None:
        """The next message; None at the end."""
        while not self._waiting:
            data = bytes(await self.stream.receive_some(65536))
            if not data:
                self.ended = True
                return None
            for packet in self._deframer.feed(data):
                self._waiting.extend(read_packet(packet))
            assert self._deframer.framing is self.framing
        return self._waiting.popleft()

    async def heard(self, seconds: float = 0.01) -> list[tuple[str, tuple[Arg, ...]]]:
        """What comes within this time: names under /artflow/ and arguments, heartbeats left out."""
        messages: list[tuple[str, tuple[Arg, ...]]] = []
        with trio.move_on_after(seconds):
            while (message := await self.receive()) is not None:
                messages.append((message.address.removeprefix("/artflow/"), message.args))
        return [message for message in messages if message[0] != "heartbeat"]
