"""What is read by its first bytes alone means just what the whole reader makes of it."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.osc_peers import Address
from controllers.osc_session import OscSession
from controllers.osc_wire import Arg, pack_message
from engine.controls import Change
from engine.errors import ControlError
from tests.controllers.stage import ALICE, BOB, Stage, errors

NAMES = (
    "paint/strength",
    "paint/steps",
    "paint/guidance-mode",
    "output/rotate",
    "prompt/a",
    "painter/fps",
    "draw/clear",
    "paint/strength/normalized",
    "nope",
)
WORDS: st.SearchStrategy[Arg] = st.one_of(
    st.floats(width=32),
    st.integers(-3, 7),
    st.sampled_from([2**40, 1e300, True, None, "?", "full", ","]),
)
PACKETS = st.lists(
    st.builds(
        lambda name, args: pack_message(f"/artflow/{name}", *args),
        st.sampled_from(NAMES),
        st.lists(WORDS, min_size=1, max_size=2),
    ),
    max_size=30,
)


def played(packets: list[tuple[bytes, Address]]) -> tuple[object, ...]:
    """Everything that these packets did and all that was said about it."""
    stage = Stage()
    stage.subscribe(BOB)
    fired: list[object] = []
    stage.controls.on("draw/clear", lambda *_: fired.append(dict(stage.controls.snapshot.values)))
    for begin in range(0, len(packets), 7):
        stage.session.receive(packets[begin : begin + 7])
    values = {name: repr(value) for name, value in stage.controls.snapshot.values.items()}
    stage.session.advance()
    return values, repr(fired), stage.session.received, stage.session.refused, stage.heard(ALICE)


@given(PACKETS)
def test_the_same_as_when_each_packet_is_read_whole(packets: list[bytes]) -> None:
    batch = [(packet, ALICE) for packet in packets]
    fast = played(batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("controllers.osc_newest.Newest.take", lambda *_: False)
        # by their text: NaN is not itself
        assert repr(played(batch)) == repr(fast)


@given(PACKETS)
def test_one_at_a_time_the_first_of_a_turn_does_the_same_as_any(packets: list[bytes]) -> None:
    def one_by_one(receive: Callable[[OscSession, bytes], None]) -> tuple[object, ...]:
        stage = Stage()
        stage.subscribe(BOB)
        told: list[tuple[object, ...]] = []
        stage.controls.listen(lambda it: told.append((it.parameter.name, it.value, it.clamped)))
        stage.controls.on("draw/clear", lambda *_: None)
        for packet in packets:
            receive(stage.session, packet)
        stage.wait(1)
        heard = [stage.heard(client) for client in (ALICE, BOB)]
        return repr(told), heard, stage.session.received, stage.session.refused

    first = one_by_one(lambda session, packet: session.receive_first(packet, ALICE))
    # by their text: NaN is not itself
    assert repr(first) == repr(one_by_one(lambda session, it: session.receive([(it, ALICE)])))


def test_the_first_packet_of_a_turn_may_be_refused() -> None:
    stage = Stage()
    stage.send(ALICE, "paint/strength", 0.25)

    def refuse(*_: object) -> None:
        raise ControlError("not now")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage.controls, "set", refuse)
        stage.session.receive_first(pack_message("/artflow/paint/strength", 0.5), ALICE)
    assert errors(stage.heard(ALICE)) == [("/artflow/paint/strength", "not now")]
    assert (stage.session.received, stage.session.refused) == (2, 1)


def test_a_known_packet_is_read_by_its_first_bytes() -> None:
    stage = Stage()
    stage.send(ALICE, "paint/strength", 0.25)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("controllers.osc_session.read_packet", lambda _: 1 / 0)
        stage.send(BOB, "paint/strength", 0.75)
        assert stage.controls.get("paint/strength") == 0.75
        stage.send(BOB, "paint/strength", 2.5)
        assert stage.controls.get("paint/strength") == 1.0
    assert stage.heard(BOB) == [("paint/strength", (1.0,))]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_in_words_and_pushes_nothing_out(wrong: float) -> None:
    stage = Stage()
    stage.send(ALICE, "paint/strength", 0.25)
    packets = [pack_message("/artflow/paint/strength", value) for value in (0.75, wrong)]
    stage.send_bytes(ALICE, *packets)
    assert stage.controls.get("paint/strength") == 0.75
    assert len(errors(stage.heard(ALICE))) == 1
    assert stage.session.refused == 1


def test_half_of_a_longer_argument_is_no_type_tag() -> None:
    """An h whose upper half looks like the tags of an i."""
    stage = Stage()
    (number,) = struct.unpack(">q", b",i\0\0\0\0\0\x07")
    for value in (number, number + 1):
        stage.send(ALICE, "paint/seed", value)
        assert stage.controls.get("paint/seed") == 2**31 - 1
    stage.send_bytes(ALICE, pack_message("/artflow/paint/seed", number)[:-4] + b"\0\0\0\x09")
    assert stage.controls.get("paint/seed") == 2**31 - 1


def test_what_replaces_a_value_of_another_client_is_told_to_it() -> None:
    stage = Stage()
    for client in (ALICE, BOB):
        stage.subscribe(client, "paint/strength")
        stage.send(client, "paint/strength", 0.125)
    stage.wait(1)
    stage.heard(ALICE)
    told: list[Change] = []
    stage.controls.listen(told.append)
    first, second = (pack_message("/artflow/paint/strength", value) for value in (0.75, 0.5))
    stage.session.receive([(first, ALICE), (second, BOB), (first, BOB)])
    stage.wait(1)
    assert [change.value for change in told] == [0.75]
    assert stage.session.coalesced == 2
    assert stage.heard(ALICE) == [("paint/strength", (0.75,))]
    assert stage.heard(BOB) == []
