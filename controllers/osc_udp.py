"""OSC's datagrams: a UDP socket that never makes anyone wait."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final, Protocol

import trio

from controllers.osc_peers import Address
from engine.errors import ListenError

RECEIVE_BUFFER_BYTES: Final = 8 * 1024 * 1024
"""Asked of the system, which may give less: room for a burst while the conductor is busy.

Some 20,000 small packets on Linux; they are read within 100 ms.
"""
_SO_RCVBUFFORCE: Final = 33
"""Linux's, which Python does not name: more than the system's limit, for who may (root)."""

_HOSTS: Final = "choose with --osc-host: 127.0.0.1 (this machine alone), or use --lan for all"

_GONE: Final = (ConnectionResetError, ConnectionRefusedError)


class Datagrams(Protocol):
    """What the OSC server needs of a network; the tests bring one without."""

    @property
    def address(self) -> Address:
        """Where it listens."""
        ...

    def readable(self) -> Awaitable[None]:
        """Wait until `receive` has something."""
        ...

    async def writable(self) -> None:
        """Wait until `send` takes something."""
        ...

    def receive(self, most: int, most_bytes: int) -> list[tuple[bytes, Address]]:
        """What has arrived: at most so many packets, and about so many bytes. Never waits."""
        ...

    def send(self, packet: bytes, address: Address) -> bool:
        """Send one packet; False where the socket takes none now. Never waits, never raises."""
        ...

    def close(self) -> None: ...


class UdpSocket:
    """A bound UDP socket. A peer that is gone, or a network that fails, is never an error here."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        self._socket.setblocking(False)
        self._room = bytearray(65535)
        self._view = memoryview(self._room)
        self._sender = Address("", 0)

    @property
    def address(self) -> Address:
        return Address(*self._socket.getsockname()[:2])

    def readable(self) -> Awaitable[None]:
        return trio.lowlevel.wait_readable(self._socket)

    async def writable(self) -> None:
        await trio.lowlevel.wait_writable(self._socket)

    def receive(self, most: int, most_bytes: int) -> list[tuple[bytes, Address]]:
        batch: list[tuple[bytes, Address]] = []
        take, view, address = self._socket.recvfrom_into, self._view, self._sender
        for _ in range(most):
            try:
                size, sender = take(self._room)
            except BlockingIOError:
                break
            except _GONE:
                # the answer to something we sent: nobody listens there any more
                continue
            if sender[0] != address.host or sender[1] != address.port:
                self._sender = address = Address(sender[0], sender[1])
            batch.append((bytes(view[:size]), address))
            most_bytes -= size
            if most_bytes <= 0:
                break
        return batch

    def send(self, packet: bytes, address: Address) -> bool:
        try:
            self._socket.sendto(packet, address[:2])
        except BlockingIOError:
            return False
        except OSError:
            # no route, no such host, refused: the lease of this peer will end
            pass
        return True

    def close(self) -> None:
        self._socket.close()


async def open_udp(host: str, port: int) -> UdpSocket:
    """Listen on `host`:`port` (0: any free port). Raises `ListenError`."""
    try:
        found = await trio.socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise ListenError(
            f"there is no host {host!r} to listen on: {error.strerror}; {_HOSTS}"
        ) from error
    family, _, _, _, where = found[0]
    bound = socket.socket(family, socket.SOCK_DGRAM)
    _enlarge(bound)
    try:
        bound.bind(where)
    except OSError as error:
        bound.close()
        raise ListenError(why_not(error, host, port)) from error
    return UdpSocket(bound)


def _enlarge(bound: socket.socket) -> None:
    options = (
        (_SO_RCVBUFFORCE, socket.SO_RCVBUF) if sys.platform == "linux" else (socket.SO_RCVBUF,)
    )
    for option in options:
        # some systems refuse what they cannot give; a burst then has less room
        with suppress(OSError):
            bound.setsockopt(socket.SOL_SOCKET, option, RECEIVE_BUFFER_BYTES)
            return


def why_not(error: OSError, host: str, port: int) -> str:
    """Why nobody can listen there, in one line."""
    choose = "choose another with --osc-port N, or 0 for any free one"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken (does ArtFlow run already?); {choose}"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} is not allowed to us; {choose}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"cannot listen on {host} port {port}: this machine has no such address; {_HOSTS}"
    return f"cannot listen on {host} port {port}: {error.strerror}; {_HOSTS}"


async def resolve(host: str, port: int, like: Address) -> Address:
    """The numeric address of a --feedback target, as a socket bound at `like` reaches it.

    Raises `ListenError` where there is no such host.
    """
    family = socket.AF_INET6 if ":" in like.host else socket.AF_INET
    try:
        found = await trio.socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM)
    except OSError as error:
        raise ListenError(
            f"no feedback to {host}:{port}: {error.strerror}; give --feedback a numeric address"
        ) from error
    return Address(*found[0][4][:2])
