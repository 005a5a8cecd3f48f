"""TCP clients on a clock that jumps and a network in memory; and where the real one listens."""

from __future__ import annotations

import errno
import itertools
import socket

import pytest
import trio
from trio.testing import MockClock

from controllers.osc_framing import Framing, framed
from controllers.osc_outbox import MAX_WAITING_BYTES
from controllers.osc_peers import Address
from controllers.osc_tcp import MAX_CONNECTIONS, TURN_PACKETS, open_both, open_tcp
from controllers.osc_udp import open_udp
from controllers.osc_wire import pack_message, timetag_at
from engine.controls import Parameter
from engine.errors import ListenError
from tests.controllers.test_osc_server import started
from tests.helpers.osc import bundle, table

ALICE = Address("10.0.0.1", 5001)


@pytest.mark.parametrize("framing", Framing)
async def test_a_client_is_answered_in_its_own_framing(
    nursery: trio.Nursery, autojump_clock: MockClock, framing: Framing
) -> None:
    controls = table()
    _, network = await started(nursery, autojump_clock, controls)
    line = network.listener.connect(framing=framing)
    await line.send("/artflow/paint/strength", 0.25)
    await line.send("/artflow/request", "17", "paint/steps", 9)
    await line.send("/artflow/paint/strength", "?")
    assert sorted(await line.heard()) == [
        ("ack", ("17", "paint/steps", 1)),
        ("paint/steps", (4,)),
        ("paint/strength", (0.25,)),
    ]
    await line.send("/artflow/paint/strenght", 1)
    [(name, args)] = await line.heard()
    assert (name, args[0]) == ("error", "/artflow/paint/strenght")
    assert network.sent == []


@pytest.mark.parametrize("framing", Framing)
async def test_feedback_needs_no_port_and_ends_with_the_connection(
    nursery: trio.Nursery, autojump_clock: MockClock, framing: Framing
) -> None:
    controls = table()
    server, network = await started(nursery, autojump_clock, controls)
    line = network.listener.connect(framing=framing)
    await line.send("/artflow/subscribe", "paint/s*")
    assert (await line.heard())[:2] == [("startup", ("9.9",)), ("paint/strength", (0.5,))]
    await line.send("/artflow/paint/strength", 0.75)
    assert await line.heard(0.5) == []
    controls.set("paint/strength", 0.5)
    assert await line.heard(0.5) == [("paint/strength", (0.5,))]
    session = server._session
    assert session is not None
    assert len(list(session.feedback.book.subscribers())) == 1
    await line.stream.aclose()
    await trio.sleep(0.1)
    assert list(session.feedback.book.subscribers()) == []
    assert session.feedback.links == {}
    controls.set("paint/strength", 0.25)
    await trio.sleep(5)
    assert session.feedback.deadline() > trio.current_time()


async def test_a_byte_at_a_time(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    controls = table()
    server, network = await started(nursery, autojump_clock, controls)
    slow, quick = network.listener.connect(), network.listener.connect()
    for byte in framed(pack_message("/artflow/paint/steps", 3), Framing.LENGTH):
        await quick.send("/artflow/ping", byte)
        assert await quick.heard(0.001) == [("pong", (byte,))]
        assert controls.get("paint/steps") == 1
        await slow.stream.send_all(bytes([byte]))
    await trio.sleep(0.001)
    assert controls.get("paint/steps") == 3
    assert server.refused == 0


@pytest.mark.parametrize(
    "wrong", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n", b"\xc0/\xdb\xc0"]
)
async def test_no_osc_ends_that_connection_with_one_error(
    nursery: trio.Nursery, autojump_clock: MockClock, wrong: bytes
) -> None:
    controls = table()
    server, network = await started(nursery, autojump_clock, controls)
    framing = Framing.SLIP if wrong[0] == 0xC0 else Framing.LENGTH
    wronged, other = network.listener.connect(framing=framing), network.listener.connect()
    await wronged.send("/artflow/paint/steps", 2)
    await trio.sleep(0.1)
    await wronged.stream.send_all(wrong)
    await wronged.send("/artflow/paint/steps", 4)
    [(name, args)] = await wronged.heard(60)
    assert (name, args[0]) == ("error", "")
    assert wronged.ended
    assert controls.get("paint/steps") == 2
    assert server.refused == 1
    await other.send("/artflow/ping", 1)
    assert await other.heard() == [("pong", (1,))]


async def test_a_malformed_packet_in_a_sound_stream_is_one_error(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    server, network = await started(nursery, autojump_clock, table())
    line = network.listener.connect()
    await line.stream.send_all(framed(b"/a\0\0,q\0\0", line.framing))
    await line.send("/artflow/ping", 1)
    (name, args), pong = await line.heard()
    assert (name, args[0]) == ("error", "")
    assert "malformed OSC at byte 8" in str(args[1])
    assert pong == ("pong", (1,))
    assert server.refused == 1


async def test_the_last_question_of_a_client_that_stops_sending_is_answered(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    server, network = await started(nursery, autojump_clock, table())
    line = network.listener.connect()
    await line.send("/artflow/ping", 1)
    await line.stream.send_all(b"\0\0")
    await line.stream.send_eof()
    pong, (name, args) = await line.heard(60)
    assert pong == ("pong", (1,))
    assert (name, args) == ("error", ("", "the stream ended 2 bytes into a packet"))
    assert line.ended
    assert server.refused == 1


async def test_a_client_that_stops_reading_hears_the_newest_and_every_event(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    controls = table()
    _, network = await started(nursery, autojump_clock, controls)
    stuck, other = network.listener.connect(lockstep=True), network.listener.connect()
    await stuck.send("/artflow/subscribe")
    await other.send("/artflow/subscribe", "paint/strength")
    await trio.sleep(1)
    await other.heard()
    for step in range(1, 101):
        controls.set("paint/strength", step / 128)
        controls.publish("painter/state", ("painting", "stalled")[step % 2])
        await trio.sleep(0.05)
    # who reads has heard each step
    told = await other.heard()
    assert [args[0] for _, args in told] == [step / 128 for step in range(1, 101)]
    heard = await stuck.heard(1)
    values = [args[0] for name, args in heard if name == "paint/strength"]
    # the first was on its way
    assert values == [0.5, 100 / 128]
    states = [args[0] for name, args in heard if name == "painter/state"]
    assert states == ["starting", *["stalled", "painting"] * 50]
    # and what it says is still heard
    await stuck.send("/artflow/paint/steps", 4)
    await trio.sleep(0.1)
    assert controls.get("paint/steps") == 4


async def test_who_sets_a_value_does_not_hear_the_one_before_it_afterwards(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    controls = table()
    controls.declare(*(Parameter(f"many/{number}", "f", 0.0, "") for number in range(400)))
    _, network = await started(nursery, autojump_clock, controls)
    slow = network.listener.connect(lockstep=True)
    await slow.send("/artflow/subscribe")
    await trio.sleep(0.1)  # the first packets are on their way
    await slow.send("/artflow/many/399", 0.75)
    await trio.sleep(0.1)
    heard = dict(await slow.heard(1))
    assert heard["many/398"] == (0.0,)
    assert "many/399" not in heard


async def test_a_client_that_takes_nothing_for_long_is_disconnected(
    nursery: trio.Nursery, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    controls = table()
    server, network = await started(nursery, autojump_clock, controls)
    stuck, other = network.listener.connect(lockstep=True), network.listener.connect()
    await stuck.send("/artflow/subscribe")
    await trio.sleep(1)
    session = server._session
    assert session is not None
    for step in range(MAX_WAITING_BYTES // 32):
        controls.publish("painter/state", ("painting", "stalled")[step % 2])
    await trio.sleep(0.1)
    assert [record.message for record in caplog.records] == [
        "OSC over TCP: 10.0.0.7:50000 takes nothing, 4 MB wait; disconnected"
    ]
    assert len(session.feedback.links) == 1
    assert list(session.feedback.book.subscribers()) == []
    await other.send("/artflow/ping", 2)
    assert await other.heard() == [("pong", (2,))]


async def test_questions_without_reading_the_answers_come_to_an_end(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    server, network = await started(nursery, autojump_clock, table())
    stuck = network.listener.connect(lockstep=True)
    for number in range(1500):
        await stuck.send("/artflow/ping", number)
        await trio.sleep(0.001)
    session = server._session
    assert session is not None
    [outbox] = session.feedback.links.values()
    assert outbox.waiting_bytes < 100_000
    heard = await stuck.heard(1)
    assert 1000 <= sum(name == "pong" for name, _ in heard) <= 1003
    assert "over 1,000 answers at once" in str(heard[-1][1][1])
    await stuck.send("/artflow/ping", 7)
    assert ("pong", (7,)) in await stuck.heard()


async def test_triggers_over_tcp_keep_their_order_beside_a_flood(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    controls = table()
    _, network = await started(nursery, autojump_clock, controls)
    fired: list[object] = []
    controls.on("draw/stroke", lambda args, _: fired.append(args[0]))
    lines = [network.listener.connect() for _ in range(3)]
    for number in range(1000):
        await lines[0].send("/artflow/draw/stroke", number)
        await lines[1].send("/artflow/paint/strength", number / 1000)
        network.arrive(ALICE, "/artflow/paint/steps", number)
    await trio.sleep(1)
    assert fired == list(map(float, range(1000)))
    assert controls.get("paint/strength") == pytest.approx(0.999)


async def test_a_long_stream_is_heard_in_turns(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    controls = table()
    server, network = await started(nursery, autojump_clock, controls)
    line = network.listener.connect()
    packet = framed(pack_message("/artflow/panic", 0), Framing.LENGTH)
    await line.stream.send_all(packet * 1000)
    seen: set[int] = set()
    while server.received < 1000:
        await trio.lowlevel.checkpoint()
        seen.add(server.received)
    steps = sorted(seen | {0})
    assert max(b - a for a, b in itertools.pairwise(steps)) <= 2 * TURN_PACKETS


async def test_there_is_an_end_to_the_number_of_clients(
    nursery: trio.Nursery, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    _, network = await started(nursery, autojump_clock, table())
    lines = [network.listener.connect() for _ in range(MAX_CONNECTIONS + 3)]
    await trio.sleep(0.1)
    for late in lines[MAX_CONNECTIONS:]:
        with pytest.raises(trio.BrokenResourceError):
            await late.send("/artflow/ping", 1)
    assert len(caplog.records) == 1
    await lines[MAX_CONNECTIONS - 1].send("/artflow/ping", 1)
    assert await lines[MAX_CONNECTIONS - 1].heard() == [("pong", (1,))]
    await lines[0].stream.aclose()
    await trio.sleep(2)
    again = network.listener.connect()
    await again.send("/artflow/ping", 2)
    assert await again.heard() == [("pong", (2,))]


async def test_who_may_not_play_is_counted_and_never_answered(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    controls = table()
    server, network = await started(
        nursery, autojump_clock, controls, allowed=lambda host: host == "10.0.0.7"
    )
    stranger, friend = network.listener.connect("10.6.6.6"), network.listener.connect()
    await trio.sleep(0.1)
    with pytest.raises(trio.BrokenResourceError):
        await stranger.send("/artflow/paint/steps", 3)
    network.arrive(ALICE, "/artflow/paint/steps", 4)
    network.arrive(ALICE, "/artflow/ping", 4)
    network.arrive(Address("10.0.0.7", 1), "/artflow/paint/seed", 4)
    await friend.send("/artflow/ping", 1)
    assert await friend.heard() == [("pong", (1,))]
    assert controls.get("paint/steps") == 1
    assert controls.get("paint/seed") == 4
    assert network.sent == []
    assert server.refused == 3


async def test_a_port_that_is_named_over_tcp_is_one_of_udp(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """As a shell does it: oscsend's connection is closed at once, and oscdump goes on hearing."""
    controls = table()
    _, network = await started(nursery, autojump_clock, controls)
    named = Address("10.0.0.7", 9001)
    line = network.listener.connect()
    await line.send("/artflow/subscribe", 9001, "paint/steps")
    await line.send("/artflow/ping", 1)
    # its own answers still come back to it
    assert await line.heard() == [("pong", (1,))]
    assert [args for _, args in network.heard_by(named, "pong")] == [(1,)]
    await line.send("/artflow/paint/steps", 3)
    await line.stream.aclose()
    await trio.sleep(1)
    assert [args for _, args in network.heard_by(named, "paint/steps")] == [(1,)]
    controls.set("paint/steps", 2)
    await trio.sleep(1)
    assert [args for _, args in network.heard_by(named, "paint/steps")] == [(1,), (2,)]


async def test_a_bundle_waits_for_its_time_though_its_client_has_gone(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    controls = table()
    server, network = await started(nursery, autojump_clock, controls)
    line = network.listener.connect()
    tag = timetag_at(1_700_000_000 + trio.current_time() + 3)
    packet = bundle(tag, pack_message("/artflow/paint/steps", 9), pack_message("/artflow/nope"))
    await line.stream.send_all(framed(packet, line.framing))
    await line.stream.aclose()
    await trio.sleep(2.5)
    assert controls.get("paint/steps") == 1
    await trio.sleep(1)
    assert controls.get("paint/steps") == 4
    assert server.refused == 1


@pytest.mark.parametrize("lockstep", [False, True])
async def test_the_last_changes_are_heard_by_who_reads(
    autojump_clock: MockClock, lockstep: bool
) -> None:
    controls = table()
    async with trio.open_nursery() as nursery:
        _, network = await started(nursery, autojump_clock, controls)
        line = network.listener.connect(lockstep=lockstep)
        await line.send("/artflow/subscribe", "paint/strength")
        await trio.sleep(1)
        if not lockstep:
            await line.heard()
        controls.set("paint/strength", 0.5625)
        await trio.sleep(0.001)
        controls.set("paint/strength", 0.625)  # its 30th of a second has not come
        begun = trio.current_time()
        nursery.cancel_scope.cancel()
    if lockstep:
        # who does not read holds up the end for a second, and no longer
        assert trio.current_time() == pytest.approx(begun + 1)
    else:
        assert trio.current_time() == begun
        values = [args[0] for _, args in await line.heard(1)]
        assert values == [0.5625, 0.625]
        assert line.ended


async def test_a_mistake_of_ours_ends_one_connection(
    nursery: trio.Nursery,
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server, network = await started(nursery, autojump_clock, table())
    first, second = network.listener.connect(), network.listener.connect()
    session = server._session
    assert session is not None
    with monkeypatch.context() as wrong:
        wrong.setattr(session, "garbled", lambda *_: 1 / 0)
        await first.stream.send_all(b"\0\0\0\0")
        assert await first.heard(5) == []
    assert first.ended
    await trio.sleep(1)
    assert "ZeroDivisionError" in caplog.text
    await second.send("/artflow/ping", 1)
    assert await second.heard() == [("pong", (1,))]


async def test_a_system_without_room_is_asked_again(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    _, network = await started(nursery, autojump_clock, table())
    network.listener.fails = [OSError(errno.EMFILE, "too many open files")] * 3
    first, second = network.listener.connect(), network.listener.connect()
    for line in (first, second):
        await line.send("/artflow/ping", 1)
        assert await line.heard(5) == [("pong", (1,))]


# the real network


async def test_one_number_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    datagrams, listener = await open_both("127.0.0.1", 0)
    port = datagrams.address.port
    with pytest.raises(ListenError, match=f"port {port} on 127.0.0.1 is taken"):
        await open_tcp(datagrams.address)
    datagrams.close()
    # TCP alone is taken: 0 finds another number, a number that was asked for is refused
    with pytest.raises(ListenError, match=f"port {port} on 127.0.0.1 is taken"):
        await open_both("127.0.0.1", port)
    asked: list[int] = []

    async def unlucky(host: str, wanted: int) -> object:
        asked.append(wanted)
        return await open_udp(host, port if len(asked) < 3 else wanted)

    monkeypatch.setattr("controllers.osc_tcp.open_udp", unlucky)
    other, second = await open_both("127.0.0.1", 0)
    assert asked == [0, 0, 0]
    assert other.address.port != port
    for open_socket in (listener, other, second):
        open_socket.close()


async def test_a_real_connection_is_watched() -> None:
    datagrams, listener = await open_both("127.0.0.1", 0)
    client = await trio.open_tcp_stream("127.0.0.1", datagrams.address.port)
    stream, host, port = await listener.accept()
    assert (host, port) == client.socket.getsockname()
    assert isinstance(stream, trio.SocketStream)
    assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    await client.aclose()
    assert await stream.receive_some(10) == b""
    await stream.aclose()
    # the next show may listen there although that connection is still being closed
    port = datagrams.address.port
    datagrams.close()
    listener.close()
    for again in await open_both("127.0.0.1", port):
        again.close()


async def test_ipv6() -> None:
    datagrams, listener = await open_both("::1", 0)
    client = await trio.open_tcp_stream("::1", datagrams.address.port)
    caller = await listener.accept()
    assert caller.host == "::1"
    await caller.stream.aclose()
    await client.aclose()
    datagrams.close()
    listener.close()
