"""The server's loops on a clock that jumps and a network in memory."""

from __future__ import annotations

import errno
import itertools
import socket
import sys
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from controllers.osc import TURN_PACKETS, OscServer
from controllers.osc_peers import Address
from controllers.osc_udp import UdpSocket, open_udp, resolve
from controllers.osc_wire import pack_message, timetag_at
from engine.controls import Change, Controls
from engine.errors import ListenError
from tests.helpers.osc import FakeDatagrams, bundle, table

ALICE = Address("10.0.0.1", 5001)
BOB = Address("10.0.0.2", 5002)


async def started(
    nursery: trio.Nursery, clock: MockClock, controls: Controls, **options: Any
) -> tuple[OscServer, FakeDatagrams]:
    network = FakeDatagrams()
    server = OscServer(
        controls,
        "127.0.0.1",
        0,
        version="9.9",
        open_sockets=network.open,
        wall=lambda: 1_700_000_000 + clock.current_time(),
        watch=lambda: 0.0,  # a busy machine makes no turn shorter
        **options,
    )
    assert (server.received, server.refused, server.coalesced) == (0, 0, 0)
    address = await nursery.start(server.run)
    assert address == (server.host, server.port) == ("127.0.0.1", 9000)
    return server, network


async def test_values_and_feedback(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    controls = table()
    server, network = await started(nursery, autojump_clock, controls)
    network.arrive(BOB, "/artflow/subscribe", "paint/*")
    await trio.sleep(1)
    begun = trio.current_time()
    for step in range(300):
        network.arrive(ALICE, "/artflow/paint/strength", step / 300)
        await trio.sleep(0.01)
    await trio.sleep(1)
    heard = [(at, args) for at, args in network.heard_by(BOB, "paint/strength") if at >= begun]
    assert 85 <= len(heard) <= 91
    # never sooner than a 30th of a second, and the last one is what is
    assert all(b[0] - a[0] >= 1 / 30 - 1e-9 for a, b in itertools.pairwise(heard))
    assert heard[-1][1] == pytest.approx((299 / 300,))
    assert network.heard_by(ALICE, "paint/strength") == []
    assert server.received == 301


async def test_changes_from_elsewhere_wake_the_server(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    controls = table()
    _, network = await started(nursery, autojump_clock, controls, feedback=[("127.0.0.1", 9001)])
    target = Address("127.0.0.1", 9001)
    await trio.sleep(0.25)
    controls.set("paint/strength", 0.75)
    await trio.sleep(0.001)
    assert [args for _, args in network.heard_by(target, "paint/strength")] == [(0.5,), (0.75,)]
    await trio.sleep(3)
    beats = network.heard_by(target, "heartbeat")
    assert [args for _, args in beats] == [(1,), (2,), (3,)]
    assert beats[1][0] - beats[0][0] == pytest.approx(1)


async def test_a_lease_ends(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    _, network = await started(nursery, autojump_clock, table())
    network.arrive(ALICE, "/artflow/subscribe")
    await trio.sleep(100)
    assert len(network.heard_by(ALICE, "heartbeat")) in (29, 30)


@pytest.mark.parametrize("ahead_s", [0.3, 2.5])
async def test_a_timetag_is_kept_to_the_moment(
    nursery: trio.Nursery, autojump_clock: MockClock, ahead_s: float
) -> None:
    controls = table()
    _, network = await started(nursery, autojump_clock, controls)
    at: list[float] = []

    def note(change: Change) -> None:
        if change.parameter.name == "paint/steps":
            at.append(trio.current_time())

    controls.listen(note)
    await trio.sleep(0.1)  # the server sleeps until its next heartbeat
    due = trio.current_time() + ahead_s
    tag = timetag_at(1_700_000_000 + due)
    network.arrive_bytes(ALICE, bundle(tag, pack_message("/artflow/paint/steps", 3)))
    await trio.sleep(5)
    assert at == [pytest.approx(due, abs=1e-6)]


async def test_bundles_are_never_seen_half(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    controls = table()
    _, network = await started(nursery, autojump_clock, controls)
    pairs: set[tuple[float, float]] = set()

    async def watch() -> None:
        while True:
            seen = controls.commit()
            pairs.add((seen.number("paint/seed"), seen.number("paint/seed-b")))
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as inner:
        inner.start_soon(watch)
        for seed in range(10, 60):
            both = [pack_message(f"/artflow/paint/{n}", seed) for n in ("seed", "seed-b")]
            network.arrive_bytes(ALICE, bundle(1, *both))
            await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        inner.cancel_scope.cancel()
    assert {first - second for first, second in pairs if first != 2} <= {0}
    assert len(pairs) > 10


async def test_a_flood_is_read_in_turns(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    controls = table()
    server, network = await started(nursery, autojump_clock, controls)
    fired: list[object] = []
    controls.on("draw/clear", lambda *_: fired.append(server.received))
    flood = [pack_message("/artflow/paint/strength", n / 10_000) for n in range(10_000)]
    network.arrive_bytes(ALICE, *flood, pack_message("/artflow/draw/clear"))
    await trio.lowlevel.checkpoint()
    turns = 0
    while not fired:
        turns += 1
        await trio.lowlevel.checkpoint()
    assert turns >= 10_000 // TURN_PACKETS
    assert controls.get("paint/strength") == pytest.approx(0.9999)
    assert server.coalesced >= 9_900


async def test_what_came_in_is_counted_twice_a_second(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    controls = table()
    _, network = await started(nursery, autojump_clock, controls)
    network.arrive(BOB, "/artflow/subscribe", "osc/*")
    await trio.sleep(1)
    for number in range(1000):
        # the first counts before it is seen that more came, the second does not count at all
        for part in (1, 2, 3):
            network.arrive(ALICE, "/artflow/paint/strength", number / 1000 / part)
        network.arrive(ALICE, "/artflow/nope", number)
        await trio.sleep(0.001)
    network.arrive(ALICE, "/artflow/osc/refused", 0)
    await trio.sleep(10)
    told = [args[0] for _, args in network.heard_by(BOB, "osc/received")]
    assert 3 <= len(told) <= 5  # none before, at most two in each second, and the last
    assert told[-1] == controls.get("osc/received") == 4002
    assert controls.get("osc/refused") == 1001
    assert controls.get("osc/coalesced") == 1000


async def test_a_blocked_socket_waits_and_loses_nothing(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    controls = table()
    _, network = await started(nursery, autojump_clock, controls)
    network.takes = False
    for number in range(3):
        network.arrive(ALICE, "/artflow/ping", number)
        await trio.sleep(0.1)
    network.arrive(ALICE, "/artflow/paint/steps", 4)
    await trio.sleep(1)
    # hearing goes on meanwhile
    assert controls.get("paint/steps") == 4
    assert network.sent == []
    network.unblock()
    await trio.sleep(1)
    assert [args for _, args in network.heard_by(ALICE, "pong")] == [(0,), (1,), (2,)]


async def test_a_failing_network_does_not_end_the_loop(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    controls = table()
    _, network = await started(nursery, autojump_clock, controls)
    network.fails = [OSError(errno.ENETDOWN, "down")] * 3
    network.arrive(ALICE, "/artflow/paint/steps", 4)
    await trio.sleep(1)
    assert controls.get("paint/steps") == 4


async def test_a_feedback_target_that_does_not_exist_is_reported(
    nursery: trio.Nursery, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_args: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(trio.socket, "getaddrinfo", fails)
    controls = table()
    lines: list[str] = []
    controls.on_report(lambda _address, text, _origin: lines.append(text))
    await started(nursery, autojump_clock, controls, feedback=[("no.such.host", 9001)])
    await trio.sleep(0.1)
    assert lines == [
        "no feedback to no.such.host:9001: Name or service not known; give --feedback a numeric "
        "address"
    ]
    with pytest.raises(ListenError, match=r"there is no host 'no.such.host' to listen on"):
        await open_udp("no.such.host", 9000)


async def test_a_name_that_is_long_in_being_found_delays_nobody(
    nursery: trio.Nursery, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(host: str, port: int, *_args: object) -> list[tuple[object, ...]]:
        await trio.sleep(6 if host == "slow.host" else 0)
        return [(None, None, None, "", ("10.0.0.9", port))]

    monkeypatch.setattr(trio.socket, "getaddrinfo", slow)
    targets = [("slow.host", 9001), ("quick.host", 9002)]
    begun = trio.current_time()
    controls = table()
    _, network = await started(nursery, autojump_clock, controls, feedback=targets)
    assert trio.current_time() == begun
    network.arrive(ALICE, "/artflow/ping", 1)
    await trio.sleep(5)
    assert [at for at, _ in network.heard_by(ALICE, "pong")] == [pytest.approx(begun)]
    late, soon = Address("10.0.0.9", 9001), Address("10.0.0.9", 9002)
    assert len(network.heard_by(soon, "startup")) == 1
    assert network.heard_by(late, "startup") == []
    controls.set("paint/steps", 3)
    await trio.sleep(1.5)
    assert [at for at, _ in network.heard_by(late, "startup")] == [pytest.approx(begun + 6)]
    assert [args for _, args in network.heard_by(late, "paint/steps")] == [(3,)]


@pytest.mark.parametrize("takes", [True, False])
async def test_the_last_changes_are_heard(autojump_clock: MockClock, takes: bool) -> None:
    controls = table()
    async with trio.open_nursery() as nursery:
        _, network = await started(nursery, autojump_clock, controls)
        network.arrive(BOB, "/artflow/subscribe", "paint/strength")
        await trio.sleep(1)
        before = len(network.sent)
        controls.set("paint/strength", 0.6)
        await trio.sleep(0.001)
        controls.set("paint/strength", 0.7)  # its 30th of a second has not come
        network.takes = takes
        nursery.cancel_scope.cancel()
    sent = [message for _, message, _ in network.sent[before:]]
    last = [message.args[0] for message in sent if message.address == "/artflow/paint/strength"]
    assert last == pytest.approx([0.6, 0.7] if takes else [0.6])


async def test_a_taken_port_is_one_clear_line() -> None:
    first = await open_udp("127.0.0.1", 0)
    port = first.address.port
    server = OscServer(table(), "127.0.0.1", port, version="9.9")
    with pytest.raises(ListenError) as caught:
        await server.run()
    first.close()
    assert str(caught.value) == (
        f"port {port} on 127.0.0.1 is taken (does ArtFlow run already?); "
        "choose another with --osc-port N, or 0 for any free one"
    )


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (errno.EACCES, "port 80 on 127.0.0.1 is not allowed to us; choose another"),
        (errno.EIO, "cannot listen on 127.0.0.1 port 80: the system says no; choose with"),
        (
            errno.EADDRNOTAVAIL,
            "cannot listen on 127.0.0.1 port 80: this machine has no "
            "such address; choose with --osc-host: 127.0.0.1 (this machine alone), or use --lan",
        ),
    ],
)
async def test_other_reasons_not_to_listen(
    code: int, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(socket.socket):
        def bind(self, _where: object) -> None:
            raise OSError(code, "the system says no")

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(ListenError) as caught:
        await open_udp("127.0.0.1", 80)
    assert str(caught.value).startswith(line)


async def test_a_system_that_gives_no_larger_buffer_is_listened_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stingy(socket.socket):
        def setsockopt(self, *_args: object) -> None:
            raise OSError(errno.ENOBUFS, "no buffer space available")

    monkeypatch.setattr(socket, "socket", Stingy)
    listens = await open_udp("127.0.0.1", 0)
    assert listens.address.port
    listens.close()


async def test_the_larger_buffer_is_forced_or_else_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    class Unprivileged(socket.socket):
        def setsockopt(self, _level: int, option: int, _value: object) -> None:  # type: ignore[override]
            asked.append(option)
            if option != socket.SO_RCVBUF:
                raise PermissionError(errno.EPERM, "not permitted")

    monkeypatch.setattr(socket, "socket", Unprivileged)
    (await open_udp("127.0.0.1", 0)).close()
    assert asked[-1] == socket.SO_RCVBUF
    assert len(asked) == (2 if sys.platform == "linux" else 1)


async def test_addresses_are_resolved_for_the_family_in_use() -> None:
    here = Address("127.0.0.1", 9000)
    assert await resolve("127.0.0.1", 9001, here) == Address("127.0.0.1", 9001)
    there = await resolve("::1", 9001, Address("::1", 9000))
    assert there == Address("::1", 9001)


class Moody:
    """A socket whose system is in a bad mood."""

    def __init__(self, *moods: OSError | bytes) -> None:
        self.moods = list(moods)

    def setblocking(self, _flag: bool) -> None:
        pass

    def recvfrom_into(self, room: bytearray) -> tuple[int, Address]:
        packet = self._next()
        room[: len(packet)] = packet
        return len(packet), ALICE

    def sendto(self, _packet: bytes, _address: object) -> int:
        return len(self._next())

    def _next(self) -> bytes:
        mood = self.moods.pop(0)
        if isinstance(mood, OSError):
            raise mood
        return mood


def test_a_vanished_client_is_no_error() -> None:
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "refused")
    moody: Any = Moody(b"one", refused, ConnectionResetError(), b"two", BlockingIOError())
    received = UdpSocket(moody).receive(10, 100)
    assert [packet for packet, _ in received] == [b"one", b"two"]
    moody = Moody(b"x" * 60, b"y" * 60, b"z")
    assert len(UdpSocket(moody).receive(10, 100)) == 2
    moody = Moody(refused, OSError(errno.EHOSTUNREACH, "unreachable"), b"", BlockingIOError())
    udp = UdpSocket(moody)
    assert [udp.send(b"x", ALICE) for _ in range(4)] == [True, True, True, False]


async def test_a_real_socket_waits_both_ways() -> None:
    one, two = await open_udp("127.0.0.1", 0), await open_udp("127.0.0.1", 0)
    await one.writable()
    assert one.send(b"hello", two.address)
    await two.readable()
    assert two.receive(10, 100) == [(b"hello", one.address)]
    one.close()
    two.close()
