"""A flood of one client is done a little at a time, and nobody else waits for it."""

from __future__ import annotations

from typing import Final

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from controllers import osc_backlog
from controllers.osc import OscServer
from controllers.osc_backlog import SLICE_S, TURN_S, Backlog
from controllers.osc_peers import Address
from controllers.osc_wire import pack_message
from tests.controllers.stage import ALICE, BOB, CAROL, Stage, errors
from tests.helpers.osc import FakeDatagrams, bundle, table

WORK_S: Final = 0.001


class Work:
    """A watch that only work moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def watch(self) -> float:
        return self.now

    def turn(self, backlog: Backlog, cost_s: float = WORK_S) -> list[tuple[bytes, Address]]:
        done = []
        for item in backlog.turn():
            self.now += cost_s
            done.append(item)
        return done


def test_a_flood_waits_and_others_are_done_in_between() -> None:
    work = Work()
    backlog = Backlog(work.watch)
    backlog.put([(b"%d" % number, ALICE) for number in range(100)])
    backlog.put([(b"hello", BOB)])
    first = work.turn(backlog)
    assert (b"hello", BOB) in first
    assert len(first) <= (TURN_S + SLICE_S) / WORK_S + 1
    backlog.put([(b"again", BOB), (b"%d" % 100, ALICE)])
    second = work.turn(backlog)
    assert second[0] == (b"again", BOB)
    done = first + second
    while backlog:
        done += work.turn(backlog)
    assert [packet for packet, who in done if who == ALICE] == [b"%d" % n for n in range(101)]
    assert work.turn(backlog) == []


def test_what_costs_nothing_is_done_at_once_in_the_order_of_arrival() -> None:
    work = Work()
    backlog = Backlog(work.watch)
    batch = [(b"%d" % number, (ALICE, BOB, CAROL)[number % 3]) for number in range(1000)]
    backlog.put(batch)
    assert work.turn(backlog, 0.0) == batch
    assert not backlog


def test_one_packet_of_a_flood_is_done_however_much_others_send() -> None:
    work = Work()
    backlog = Backlog(work.watch)
    backlog.put([(b"%d" % number, ALICE) for number in range(50)])
    work.turn(backlog)
    many = [Address("10.0.0.9", port) for port in range(100)]
    backlog.put([(b"x", sender) for sender in many])
    assert ALICE in {who for _, who in work.turn(backlog)}


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osc_backlog, "MAX_WAITING_BYTES", 1000)
    monkeypatch.setattr(osc_backlog, "RESERVE_BYTES", 500)
    work = Work()
    backlog = Backlog(work.watch)
    backlog.put([(bytes(900), ALICE)] * 3)
    full = [backlog.full]
    while backlog:
        work.turn(backlog, 1.0)
    full.append(backlog.full)
    assert full == [True, False]
    assert backlog._bytes == 0


def test_who_filled_the_room_loses_and_others_still_come_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(osc_backlog, "MAX_WAITING_BYTES", 20_000)
    work = Work()
    backlog = Backlog(work.watch)
    flood = [(b"%03d" % number + bytes(97), ALICE) for number in range(100)]
    assert backlog.put(flood) == 0
    done = work.turn(backlog)
    assert backlog._bytes >= 20_000
    assert backlog.put([*flood[:3], (b"hello", BOB)]) == 3
    assert not backlog.full
    second = work.turn(backlog)
    assert second[0] == (b"hello", BOB)
    done += second
    while backlog:
        done += work.turn(backlog)
    assert [item for item in done if item[1] == ALICE] == flood  # all that was kept, in order


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from((ALICE, BOB, CAROL)), st.integers(0, 4)), max_size=30),
        max_size=10,
    )
)
def test_each_senders_packets_are_done_once_and_in_order(
    batches: list[list[tuple[Address, int]]],
) -> None:
    work = Work()
    backlog = Backlog(work.watch)
    put: list[tuple[bytes, Address]] = []
    done: list[tuple[bytes, Address]] = []

    def turn() -> None:
        for packet, sender in backlog.turn():
            done.append((packet, sender))
            work.now += packet[-1] / 1000

    for batch in batches:
        items = [(b"%d %c" % (len(put) + at, ms), who) for at, (who, ms) in enumerate(batch)]
        put += items
        backlog.put(items)
        turn()
    while backlog:
        before = len(done)
        turn()
        assert len(done) > before
    for who in (ALICE, BOB, CAROL):
        assert [item for item in done if item[1] == who] == [i for i in put if i[1] == who]


@pytest.mark.usefixtures("autojump_clock")
async def test_a_ping_behind_a_burst_of_strokes_is_answered_before_they_are_done(
    nursery: trio.Nursery,
) -> None:
    network, work, controls = FakeDatagrams(), Work(), table()
    strokes: list[object] = []

    def stroke(arguments: tuple[object, ...], _origin: object) -> None:
        strokes.append(arguments[0])
        work.now += WORK_S

    controls.on("draw/stroke", stroke)
    server = OscServer(
        controls, "127.0.0.1", 0, version="9", watch=work.watch, open_sockets=network.open
    )
    await nursery.start(server.run)
    burst = [pack_message("/artflow/draw/stroke", float(n), 0.5) for n in range(4000)]
    network.arrive_bytes(ALICE, *burst)
    network.arrive(BOB, "/artflow/ping", 1)
    while not network.heard_by(BOB, "pong"):
        await trio.lowlevel.checkpoint()
    # sixteen turns find it, and each costs no more than ten strokes
    assert len(strokes) < 300
    while len(strokes) < 4000:
        await trio.lowlevel.checkpoint()
    assert strokes == [float(number) for number in range(4000)]


def test_in_a_bundle_the_newest_value_counts_and_nothing_overtakes() -> None:
    stage = Stage()
    set_to: list[object] = []
    stage.controls.listen(lambda change: set_to.append(change.value))
    stage.controls.on("draw/clear", lambda *_: set_to.append("clear"))
    sizes = [pack_message("/artflow/draw/size", float(size)) for size in range(10, 60)]
    stage.send_bytes(ALICE, bundle(1, *sizes, pack_message("/artflow/draw/clear"), *sizes[:5]))
    assert set_to == [59.0, "clear", 14.0]
    assert stage.session.coalesced == 49 + 4
    # what is refused pushes nothing out, and is told
    bad = pack_message("/artflow/draw/size", "large")
    stage.send_bytes(ALICE, bundle(1, sizes[3], bad))
    assert stage.controls.get("draw/size") == 13.0
    [(address, text)] = errors(stage.heard(ALICE))
    assert address == "/artflow/draw/size"
    assert "takes a number, not the text 'large'" in str(text)


@pytest.mark.parametrize(
    ("element", "address", "told"),
    [
        (b"/artflow/x\0\0,f\0\0", "/artflow/x", "an argument of 4 bytes, 0 are left"),
        (b"/artflow/x\0\0,Q\0\0", "/artflow/x", "unknown type tag 'Q'"),
        (b"nope", "", "a packet starts with / or #bundle, not 'n'"),
        (b"\0\0\0\0", "", "a packet starts with / or #bundle, not byte 0"),
        (b"/\xff\0\0", "", "text that is not UTF-8"),
        (b"/a\0\0x\0\0\0", "/a", "type tags start with a comma, not 'x'"),
        (b"/a\0\0\0\0\0\0", "/a", "type tags start with a comma, not nothing"),
    ],
)
def test_a_malformed_message_costs_its_bundle_nothing_else(
    element: bytes, address: str, told: str
) -> None:
    stage = Stage()
    steps, mix = pack_message("/artflow/paint/steps", 3), pack_message("/artflow/output/mix", 0.5)
    stage.send_bytes(ALICE, bundle(1, steps, bundle(1, element), element, mix))
    assert (stage.controls.get("paint/steps"), stage.controls.get("output/mix")) == (3, 0.5)
    assert (stage.session.received, stage.session.refused) == (4, 2)
    heard = errors(stage.heard(ALICE))
    assert [where for where, _ in heard] == [address] * 2
    assert all(told in str(text) for _, text in heard)


def test_a_broken_size_still_refuses_the_packet_whole() -> None:
    stage = Stage()
    steps = pack_message("/artflow/paint/steps", 3)
    before = stage.controls.snapshot
    stage.send_bytes(ALICE, bundle(1, b"nope", steps) + b"\0\0\0\5nope")
    stage.send_bytes(ALICE, bundle(1, steps, bundle(1, steps)[:-4] + b""))
    assert stage.controls.snapshot is before
    assert (stage.session.received, stage.session.refused) == (2, 2)
