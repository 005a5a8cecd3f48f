"""OSC over TCP: each connection a client of its own, which can hold up nobody but itself."""

from __future__ import annotations

import itertools
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple, Protocol

import trio

from controllers.osc_framing import Deframer, Framing, framed
from controllers.osc_outbox import MAX_WAITING_BYTES, Outbox
from controllers.osc_peers import Address
from controllers.osc_session import OscSession
from controllers.osc_udp import Datagrams, UdpSocket, open_udp, why_not
from engine.errors import ListenError

MAX_CONNECTIONS: Final = 64
READ_BYTES: Final = 8192
TURN_PACKETS: Final = 256
SEND_BYTES: Final = 4096
"""So much leaves at a time; of values that wait behind it only the newest leaves later."""
LINGER_S: Final = 1.0
"""So long the last packets to a client that goes may take."""
RETRY_S: Final = 0.1
PORT_TRIES: Final = 16
WAITING_CALLERS: Final = 64

_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
"""A client that was unplugged is gone within half a minute, where the system can look for it."""
_GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError)

_log = logging.getLogger(__name__)


class Caller(NamedTuple):
    """Somebody who connected, and from where."""

    stream: trio.abc.Stream
    host: str
    port: int


class Listener(Protocol):
    """What the OSC server needs of TCP; the tests bring one without a network."""

    async def accept(self) -> Caller:
        """Wait for the next one who connects. Raises `OSError` where the system has no room."""
        ...

    def close(self) -> None: ...


Opener = Callable[[str, int], Awaitable[tuple[Datagrams, Listener]]]


class OscLines:
    """The connections of one session. `heard` is called after each turn in which one was heard."""

    def __init__(
        self, session: OscSession, heard: Callable[[], None], allowed: Callable[[str], bool]
    ) -> None:
        self._session = session
        self._heard = heard
        self._allowed = allowed
        self._numbers = itertools.count(1)
        self._links = session.feedback.links
        self._crowded = False
        self._turn = trio.Lock()

    async def run(self, listener: Listener) -> None:
        """Serve who connects, until cancelled; then say the last words to each."""
        async with trio.open_nursery() as nursery:
            while True:
                try:
                    caller = await listener.accept()
                except OSError as error:
                    # too many open files; some are closed soon
                    _log.warning("OSC over TCP: %s", error)
                    await trio.sleep(RETRY_S)
                    continue
                if self._welcome(caller.host):
                    address = Address(caller.host, caller.port, next(self._numbers))
                    line = _Line(address)
                    # here, not in its task: all of these count for the next caller
                    self._links[address.link] = line.outbox
                    nursery.start_soon(self._serve, caller.stream, line)
                else:
                    await trio.aclose_forcefully(caller.stream)

    def _welcome(self, host: str) -> bool:
        if not self._allowed(host):
            self._session.turn_away(1)
            return False
        crowded = len(self._links) >= MAX_CONNECTIONS
        if crowded and not self._crowded:
            _log.warning("OSC over TCP: %d clients are connected; others wait", MAX_CONNECTIONS)
        self._crowded = crowded
        return not crowded

    async def _serve(self, stream: trio.abc.Stream, line: _Line) -> None:
        """One client, until either side is gone. Raises nothing but `Cancelled`."""
        address = line.address
        try:
            async with trio.open_nursery() as nursery:
                line.hearing = nursery.cancel_scope
                nursery.start_soon(line.write, stream)
                with line.ending():
                    try:
                        await self._hear(stream, line)
                    except trio.Cancelled:
                        # the show ends: what waits for its 30th of a second goes now
                        self._session.feedback.finish()
                        raise
                    self._session.leave(address)
                # closed while the client still sends, our last words could be lost to it
                await _drain(stream, LINGER_S)
        except Exception:
            # a mistake of ours ends this connection and nothing else
            _log.exception("OSC over TCP")
        finally:
            del self._links[address.link]
            self._session.leave(address)
            await trio.aclose_forcefully(stream)

    async def _hear(self, stream: trio.abc.Stream, line: _Line) -> None:
        """Read until the client has said everything, or until it is no OSC."""
        deframer, session = line.deframer, self._session
        data = b"?"
        while data and not deframer.broken:
            try:
                data = bytes(await stream.receive_some(READ_BYTES))
            except _GONE:
                data = b""
            for packets in _turns(deframer.feed(data)):
                # one after the other: many who flood get no more of a turn than one
                async with self._turn:
                    session.receive([(packet, line.address) for packet in packets])
                    self._heard()
        deframer.end()
        if deframer.broken:
            session.garbled(line.address, deframer.broken)
            self._heard()


class _Line:
    """One connection's way out. `hearing` ends it when the client takes nothing or is gone."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.deframer = Deframer()
        self.outbox = Outbox(self._wake, self._overflowed)
        self.hearing = trio.CancelScope()
        # half a packet would spoil the stream: what was begun is sent, even at the show's end
        self._sending = trio.CancelScope(shield=True)
        self._news = trio.Event()
        self._last = False

    async def write(self, stream: trio.abc.Stream) -> None:
        """Send what waits until `ending` and everything is sent, or the client is gone."""
        with self._sending, suppress(*_GONE):
            while self.outbox or not self._last:
                if not self.outbox:
                    self._news = trio.Event()
                    await self._news.wait()
                    continue
                framing = self.deframer.framing or Framing.LENGTH
                packets = self.outbox.take(SEND_BYTES)
                await stream.send_all(b"".join(framed(packet, framing) for packet in packets))
            if isinstance(stream, trio.abc.HalfCloseableStream):
                await stream.send_eof()
        self.outbox.close()
        if not self._last:
            self.hearing.cancel()

    @contextmanager
    def ending(self) -> Iterator[None]:
        """After this what waits is sent if that takes no longer than `LINGER_S`, and no more."""
        try:
            yield
        finally:
            self._last = True
            self._sending.deadline = trio.current_time() + LINGER_S
            self._wake()

    def _wake(self) -> None:
        self._news.set()

    def _overflowed(self) -> None:
        mb = MAX_WAITING_BYTES / 1e6
        _log.warning(
            "OSC over TCP: %s:%d takes nothing, %g MB wait; disconnected", *self.address[:2], mb
        )
        self._sending.cancel()
        self.hearing.cancel()


def _turns(packets: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for begin in range(0, len(packets), TURN_PACKETS):
        yield packets[begin : begin + TURN_PACKETS]


async def _drain(stream: trio.abc.Stream, seconds: float) -> None:
    with trio.move_on_after(seconds), suppress(*_GONE):
        while await stream.receive_some(READ_BYTES):
            pass


class TcpListener:
    """A listening TCP socket."""

    def __init__(self, listener: trio.SocketListener) -> None:
        self._listener = listener

    async def accept(self) -> Caller:
        while True:
            stream = await self._listener.accept()
            try:
                host, port = stream.socket.getpeername()[:2]
            except OSError:  # gone again
                await trio.aclose_forcefully(stream)
                continue
            with suppress(OSError):
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for option, value in _KEEP_ALIVE:
                    if hasattr(socket, option):
                        stream.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
            return Caller(stream, host, port)

    def close(self) -> None:
        self._listener.socket.close()


async def open_tcp(where: Address) -> TcpListener:
    """Listen on TCP where a UDP socket is bound already. Raises `ListenError`."""
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    listens = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            # connections of the show before this one may still be closing; on Windows
            # this would let two programs share the port
            listens.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        await listens.bind((where.host, where.port))
        listens.listen(WAITING_CALLERS)
    except OSError as error:
        listens.close()
        raise ListenError(why_not(error, where.host, where.port)) from error
    return TcpListener(trio.SocketListener(listens))


async def open_both(host: str, port: int) -> tuple[UdpSocket, TcpListener]:
    """Listen on UDP and TCP of one number (0: any that is free for both). Raises `ListenError`."""
    for left in reversed(range(PORT_TRIES)):
        datagrams = await open_udp(host, port)
        try:
            return datagrams, await open_tcp(datagrams.address)
        except ListenError:
            datagrams.close()
            if port or not left:
                raise
    raise AssertionError
