"""To each UDP client a few packets at a time: what waits for its turn, and what the server does."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from controllers import osc_outbox
from controllers.osc import OscServer
from controllers.osc_outbox import TURN_PACKETS, TURN_S, UdpOutbox
from controllers.osc_peers import Address
from controllers.osc_wire import pack_message
from engine.controls import Controls, Parameter
from tests.controllers.stage import ALICE, BOB, Stage
from tests.helpers.osc import FakeDatagrams, table

MANY = 400


def sent(outbox: UdpOutbox, now: float) -> list[tuple[bytes, Address]]:
    packets = []
    while (packet := outbox.first(now)) is not None:
        packets.append(packet)
        outbox.pop_first()
    return packets


def test_one_client_gets_a_few_at_a_time_and_nobody_waits_for_it() -> None:
    outbox = UdpOutbox()
    numbers = [b"%d" % number for number in range(2 * TURN_PACKETS + 5)]
    for number in numbers:
        outbox.put(number, ALICE)
    assert sent(outbox, 10) == [(number, ALICE) for number in numbers[:TURN_PACKETS]]
    assert outbox.due() == pytest.approx(10 + TURN_S)
    outbox.put(b"hello", BOB)
    assert sent(outbox, 10 + TURN_S / 2) == [(b"hello", BOB)]
    assert outbox.waits_for(ALICE)
    assert not outbox.waits_for(BOB)
    rest = sent(outbox, 10 + 1.1 * TURN_S) + sent(outbox, 10 + 2.2 * TURN_S)
    assert rest == [(number, ALICE) for number in numbers[TURN_PACKETS:]]
    assert (len(outbox), outbox.due(), outbox.waits_for(ALICE)) == (0, math.inf, False)
    # who had a turn and comes with one more waits for the next, too
    for number in numbers[: TURN_PACKETS + 1]:
        outbox.put(number, ALICE)
        assert len(sent(outbox, 20)) == (number != numbers[TURN_PACKETS])
    assert sent(outbox, outbox.due()) == [(numbers[TURN_PACKETS], ALICE)]


def test_while_it_waits_a_value_is_replaced_by_a_newer_one() -> None:
    outbox = UdpOutbox()
    outbox.put(b"old", ALICE, "strength")
    outbox.put(b"other", BOB, "strength")
    outbox.put(b"event", ALICE)
    outbox.put(b"new", ALICE, "strength")
    assert len(outbox) == 3
    assert sent(outbox, 0) == [(b"new", ALICE), (b"event", ALICE), (b"other", BOB)]


def test_who_sets_a_value_does_not_hear_the_one_before_it_afterwards() -> None:
    stage = Stage(with_many())
    stage.session.receive([(pack_message("/artflow/subscribe"), ALICE)])
    stage.session.receive([(pack_message("/artflow/many/399", 0.75), ALICE)])
    stage.wait(1)
    assert "many/398" in str(heard := stage.heard(ALICE))
    assert "many/399" not in str(heard)
    # nobody's place or count is lost by it
    outbox = UdpOutbox()
    outbox.put(b"1", ALICE, "strength")
    outbox.drop(ALICE, "mix")
    outbox.drop(BOB, "strength")
    assert len(outbox) == 1
    outbox.drop(ALICE, "strength")
    assert (len(outbox), outbox.waits_for(ALICE), sent(outbox, 0)) == (0, False, [])


def test_what_nobody_takes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osc_outbox, "MAX_WAITING_PACKETS", 10)
    outbox = UdpOutbox()
    for number in range(8):
        outbox.put(b"%d" % number, ALICE)
    for number in range(8):
        outbox.put(b"%d" % number, BOB)
    assert len(outbox) == 10
    assert sent(outbox, 0) == [
        *((b"%d" % number, ALICE) for number in (6, 7)),
        *((b"%d" % number, BOB) for number in range(8)),
    ]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from((ALICE, BOB)), st.integers(0, 80)),
            st.floats(0, 0.01),
        ),
        max_size=20,
    )
)
def test_every_packet_leaves_once_in_order_and_none_too_soon(moves: list[Any]) -> None:
    outbox, now, ticket = UdpOutbox(), 0.0, itertools.count()
    put: dict[Address, list[bytes]] = {ALICE: [], BOB: []}
    got: dict[Address, list[tuple[float, bytes]]] = {ALICE: [], BOB: []}

    def send() -> None:
        for packet, to in sent(outbox, now):
            got[to].append((now, packet))

    for move in moves:
        if isinstance(move, float):
            until = now + move
            while outbox.due() <= until:
                now = outbox.due()
                send()
            now = until
        else:
            to, count = move
            for number in itertools.islice(ticket, count):
                put[to].append(b"%d" % number)
                outbox.put(put[to][-1], to)
        send()
    while (due := outbox.due()) < math.inf:
        assert due > now
        now = due
        send()
    assert len(outbox) == 0
    for to, packets in put.items():
        assert [packet for _, packet in got[to]] == packets
        # a turn's edge may fall between two bursts, no more than that
        times = [at for at, _ in got[to]]
        assert all(
            b - a >= TURN_S - 1e-9 for a, b in zip(times, times[2 * TURN_PACKETS :], strict=False)
        )


def with_many() -> Controls:
    controls = table()
    controls.declare(*(Parameter(f"many/{number}", "f", 0.0, "") for number in range(MANY)))
    return controls


async def started(nursery: trio.Nursery, controls: Controls, **options: Any) -> FakeDatagrams:
    network = FakeDatagrams()
    server = OscServer(controls, "127.0.0.1", 0, version="9", open_sockets=network.open, **options)
    await nursery.start(server.run)
    return network


@pytest.mark.usefixtures("autojump_clock")
@pytest.mark.parametrize("way", ["subscribe", "feedback", "get"])
async def test_every_value_at_once_leaves_at_a_pace(nursery: trio.Nursery, way: str) -> None:
    """A client that empties a small buffer now and then loses nothing, and is right in the end."""
    client = Address("127.0.0.1", 5001)
    controls = with_many()
    options = {"feedback": [tuple(client[:2])]} if way == "feedback" else {}
    network = await started(nursery, controls, **options)
    if way != "feedback":
        network.arrive(client, f"/artflow/{way}")
    while not network.heard_by(client, "many/0" if way == "get" else "startup"):
        await trio.sleep(0.001)
    controls.set("many/399", 0.75)  # while it waits
    network.arrive(BOB, "/artflow/ping", 1)
    await trio.sleep(0.001)
    # nobody else waits for it
    assert network.heard_by(BOB, "pong")
    await trio.sleep(0.5)
    heard = [(at, message) for at, message, to in network.sent if to == client]
    values = {message.address for _, message in heard}
    assert values >= {f"/artflow/{parameter.name}" for parameter in controls.parameters()}
    assert network.heard_by(client, "many/399")[-1][1] == ((0.0 if way == "get" else 0.75),)
    # a third of what the usual buffer of Linux holds, in any hundredth of a second
    times = [at for at, _ in heard]
    assert max(sum(at <= other < at + 0.01 for other in times) for at in times) <= 128


@pytest.mark.usefixtures("autojump_clock")
async def test_a_socket_that_takes_nothing_delays_a_dump_and_no_more(nursery: trio.Nursery) -> None:
    controls = with_many()
    network = await started(nursery, controls)
    network.takes = False
    network.arrive(ALICE, "/artflow/subscribe", "many/*")
    await trio.sleep(0.2)
    for step in range(100):
        controls.set("many/0", step / 100)
        await trio.sleep(0.01)
    assert network.sent == []
    await trio.sleep(0.1)
    network.unblock()
    await trio.sleep(0.5)
    for number in range(MANY):
        wanted = 0.99 if number == 0 else 0.0
        told = [args[0] for _, args in network.heard_by(ALICE, f"many/{number}")]
        assert told == [pytest.approx(wanted)]


@pytest.mark.usefixtures("autojump_clock")
async def test_what_waits_for_its_turn_at_the_end_still_leaves() -> None:
    network = FakeDatagrams()
    controls = with_many()
    async with trio.open_nursery() as nursery:
        server = OscServer(controls, "127.0.0.1", 0, version="9", open_sockets=network.open)
        await nursery.start(server.run)
        network.arrive(ALICE, "/artflow/get", "many/*")
        while not network.sent:
            await trio.sleep(0.0001)
        nursery.cancel_scope.cancel()
    assert len(network.sent) == MANY
