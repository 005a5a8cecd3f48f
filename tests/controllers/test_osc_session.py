"""Messages and their meaning: values, triggers, bundles and timetags, damage."""

from __future__ import annotations

import logging
import math
import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.osc_wire import (
    IMMEDIATELY,
    Arg,
    Color,
    Impulse,
    Midi,
    OscFormatError,
    TimeTag,
    pack_message,
    read_packet,
    timetag_at,
)
from engine.controls import Controls, Value
from engine.parameters import PARAMETERS, TRIGGERS
from tests.controllers.stage import ALICE, BOB, WALL_S, Stage, errors
from tests.helpers.osc import bundle


def doubled(address: str, value: float) -> bytes:
    return pack_message(address, 0)[:-8] + b",d\0\0" + struct.pack(">d", value)


# values


@pytest.mark.parametrize(
    ("name", "arg", "value"),
    [
        ("paint/strength", 0.25, 0.25),
        ("paint/strength", 1, 1.0),
        ("paint/strength", True, 1.0),
        ("paint/strength", False, 0.0),
        ("paint/steps", 3, 3),
        ("paint/steps", 3.0, 3),
        ("paint/seed", 2**31 - 1, 2**31 - 1),
        ("paint/active", False, 0),
        ("output/freeze", 1.0, 1),
        ("paint/guidance-mode", "full", "full"),
        ("paint/guidance-mode", 2, "initialize"),
        ("output/rotate", 90, 90),
        ("prompt/a", "ein Ölbild 油画", "ein Ölbild 油画"),
    ],
)
def test_values_are_read_generously(name: str, arg: Arg, value: Value) -> None:
    stage = Stage()
    stage.send(ALICE, name, arg)
    got = stage.controls.get(name)
    assert got == value
    assert type(got) is type(value)
    assert stage.heard(ALICE) == []
    assert (stage.session.received, stage.session.refused) == (1, 0)


def test_every_number_type_will_do() -> None:
    stage = Stage()
    stage.send_bytes(ALICE, doubled("/artflow/paint/strength", 0.3))
    assert stage.controls.get("paint/strength") == 0.3
    stage.send_bytes(
        ALICE, pack_message("/artflow/paint/steps", 0)[:-8] + b",h\0\0" + struct.pack(">q", 4)
    )
    assert stage.controls.get("paint/steps") == 4


@pytest.mark.parametrize(
    ("name", "args", "complaint"),
    [
        ("paint/strength", ("wet",), "paint/strength takes a number, not the text 'wet'"),
        ("paint/strength", (math.nan,), "paint/strength takes a finite number, not nan"),
        ("paint/strength", (-math.inf,), "paint/strength takes a finite number, not -inf"),
        ("paint/strength", (), "paint/strength takes one value, not 0; ? asks for it"),
        ("paint/strength", (0.1, 0.2), "paint/strength takes one value, not 2; ? asks for it"),
        ("paint/strength", (None,), "paint/strength takes a number, not nothing"),
        ("paint/strength", (TimeTag(5),), "paint/strength takes a number, not a time tag"),
        ("paint/strength", (b"",), "paint/strength takes a number, not raw bytes"),
        ("paint/strength", ((1, 2),), "paint/strength takes a number, not a list"),
        ("paint/strength", (Impulse(),), "paint/strength takes a number, not a bang"),
        ("paint/strength", (Color(1),), "paint/strength takes a number, not a colour"),
        ("paint/strength", (Midi(bytes(4)),), "paint/strength takes a number, not a MIDI message"),
        ("prompt/a", (True,), "prompt/a takes text, not true"),
        ("prompt/a", (0.5,), "prompt/a takes text, not the number 0.5"),
        ("prompt/a", (1, 2), "prompt/a takes one value, not 2"),
        ("prompt/a", ("oil", None), "prompt/a takes text, or several words and numbers"),
        ("input/source", ("bogus",), "unknown source 'bogus'; allowed: test-card"),
        ("pain*/model", (1,), "no control that this could reach matches"),
        ("paint/steps", (1.5,), "paint/steps takes a whole number, not 1.5"),
        ("prompt/a", (5,), "prompt/a takes text, not the number 5"),
        ("prompt/a", ("x" * 1001,), "prompt/a takes at most 1000 bytes of text"),
        (
            "paint/guidance-mode",
            ("loud",),
            "paint/guidance-mode cannot be 'loud'; allowed: none, self, initialize, full",
        ),
        ("painter/fps", (5.0,), "painter/fps is a reported value and cannot be set"),
        (
            "paint/strenght",
            (1.0,),
            "unknown control 'paint/strenght'; did you mean paint/strength",
        ),
        ("paint/strength/louder", (1.0,), "unknown control"),
        (
            "/elsewhere/x",
            (1.0,),
            "unknown address '/elsewhere/x'; all of them start with /artflow/",
        ),
        ("painter/state/index", (1,), "painter/state/index only tells"),
        ("paint/strength/index", ("?",), "paint/strength is not enumerated and has no index"),
        ("prompt/a/normalized", (0.5,), "prompt/a has no range to normalize over"),
        ("panic", ("?",), "panic is a trigger and has no value to ask for"),
        ("panic", (math.nan,), "panic takes a finite number, not nan"),
        ("snapshot", (), "snapshot has no part of this show to answer it"),
    ],
)
def test_what_cannot_be_done_is_said_to_the_sender_alone(
    name: str, args: tuple[Arg, ...], complaint: str
) -> None:
    stage = Stage()
    stage.subscribe(BOB)
    before = stage.controls.snapshot
    stage.send(ALICE, name, *args)
    [(address, text)] = errors(stage.heard(ALICE))
    assert address == (name if name.startswith("/") else "/artflow/" + name)
    assert str(text).startswith(complaint)
    assert stage.heard(BOB) == []
    assert stage.controls.snapshot == before
    assert stage.session.refused == 1


def test_malformed_packets_are_answered_and_nothing_else() -> None:
    stage = Stage()
    stage.send_bytes(ALICE, pack_message("/artflow/paint/strength", 0.9)[:-2])
    [(address, text)] = errors(stage.heard(ALICE))
    assert address == ""
    assert str(text).startswith("malformed OSC at byte ")
    assert stage.controls.get("paint/strength") == 0.5
    assert (stage.session.received, stage.session.refused) == (1, 1)


def test_our_own_words_are_never_answered() -> None:
    """Two programs that talk to each other must not exchange errors for ever."""
    stage = Stage()
    for name in ("error", "ack", "pong", "heartbeat", "startup", "list/item", "list/end"):
        stage.send(ALICE, name, "x")
    assert stage.heard(ALICE) == []
    assert stage.session.refused == 7


def test_a_mistake_behind_an_address_is_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()

    def broken(_arguments: tuple[Value, ...], _origin: object) -> None:
        raise ZeroDivisionError

    stage.controls.on("panic", broken)
    with caplog.at_level(logging.ERROR):
        stage.send(ALICE, "panic")
    assert "ZeroDivisionError" in caplog.text
    assert "/artflow/panic" in caplog.text
    assert errors(stage.heard(ALICE)) == [
        ("/artflow/panic", "this went wrong inside; the log says how")
    ]


# triggers


def test_triggers_in_order_with_their_arguments() -> None:
    stage = Stage()
    fired: list[tuple[Value, ...]] = []
    stage.controls.on("draw/stroke", lambda arguments, _: fired.append(arguments))
    stage.controls.on("draw/clear", lambda arguments, _: fired.append(arguments))
    stage.controls.on("record/start", lambda arguments, _: fired.append(arguments))
    stage.send(ALICE, "draw/stroke", 0, 0.5, 1, 1)
    stage.send(ALICE, "draw/clear")
    stage.send(ALICE, "draw/clear", 1.0)
    stage.send(ALICE, "draw/clear", 0)
    stage.send(ALICE, "draw/clear", Impulse())
    stage.send(ALICE, "record/start", "evening")
    stage.send(ALICE, "record/start")
    assert fired == [(0.0, 0.5, 1.0, 1.0), (), (), (), ("evening",), ()]
    assert stage.heard(ALICE) == []


def test_one_turn_coalesces_values_but_never_a_trigger() -> None:
    stage = Stage()
    seen: list[Value] = []
    sets: list[tuple[str, Value]] = []
    stage.controls.listen(lambda change: sets.append((change.parameter.name, change.value)))
    stage.controls.on("draw/clear", lambda *_: seen.append(stage.controls.get("draw/size")))
    packets = []
    for size in (1.0, 2.0, 3.0):
        packets += [pack_message("/artflow/draw/size", size - 0.5)]
        packets += [pack_message("/artflow/draw/size", size)]
        packets += [pack_message("/artflow/draw/clear")]
    packets += [pack_message("/artflow/draw/size", "wrong"), pack_message("/artflow/draw/size", 7)]
    packets += [pack_message("/artflow/draw/size", math.nan)]
    stage.send_bytes(ALICE, *packets)
    # a trigger sees what was sent before it, and a refused value pushes nothing out
    assert seen == [1.0, 2.0, 3.0]
    assert sets == [("draw/size", value) for value in (1.0, 2.0, 3.0, 7.0)]
    assert stage.session.coalesced == 3
    assert stage.session.refused == 2
    assert stage.session.received == 12


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("paint/strength", "output/mix", "draw/clear")),
            st.sampled_from((0.0, 0.25, 0.5, 2.0, "x")),
        ),
        max_size=20,
    )
)
@settings(max_examples=60, deadline=None)
def test_a_turn_ends_where_one_by_one_would(messages: list[tuple[str, Arg]]) -> None:
    """Whatever is coalesced: the same values, and the triggers see the same."""
    results = []
    for at_once in (True, False):
        stage = Stage()
        seen: list[object] = []
        stage.controls.on(
            "draw/clear",
            lambda *_, stage=stage, seen=seen: seen.append(dict(stage.controls.snapshot.values)),
        )
        packets = [pack_message("/artflow/" + name, arg) for name, arg in messages]
        if at_once:
            stage.send_bytes(ALICE, *packets)
        else:
            for packet in packets:
                stage.send_bytes(ALICE, packet)
        results.append((dict(stage.controls.snapshot.values), seen, stage.session.refused))
    assert results[0] == results[1]


# bundles and timetags


def test_a_bundle_is_applied_whole_and_its_bad_messages_are_told() -> None:
    stage = Stage()
    stage.send_bytes(
        ALICE,
        bundle(
            IMMEDIATELY,
            pack_message("/artflow/paint/strength", 0.1),
            pack_message("/artflow/paint/steps", "many"),
            bundle(IMMEDIATELY, pack_message("/artflow/paint/seed", 9)),
            pack_message("/artflow/nowhere"),
        ),
    )
    assert stage.controls.get("paint/strength") == pytest.approx(0.1)
    assert stage.controls.get("paint/seed") == 9
    assert [address for address, _ in errors(stage.heard(ALICE))] == [
        "/artflow/paint/steps",
        "/artflow/nowhere",
    ]
    assert (stage.session.received, stage.session.refused) == (4, 2)


def test_bundles_wait_for_their_time() -> None:
    stage = Stage()
    wall = WALL_S + stage.now
    set_steps = pack_message("/artflow/paint/steps", 4)
    late = bundle(timetag_at(wall + 0.5), set_steps, pack_message("/artflow/paint/seed", 8))
    stage.send_bytes(ALICE, bundle(IMMEDIATELY, pack_message("/artflow/draw/size", 3), late))
    assert stage.controls.get("draw/size") == 3.0
    assert stage.controls.get("paint/steps") == 1
    stage.wait(0.49)
    assert stage.controls.get("paint/steps") == 1
    stage.wait(0.02)
    assert (stage.controls.get("paint/steps"), stage.controls.get("paint/seed")) == (4, 8)
    assert stage.heard(ALICE) == []


def test_bundles_fire_in_the_order_of_their_times() -> None:
    stage = Stage()
    wall = WALL_S + stage.now
    for ahead, size in ((0.3, 30.0), (0.1, 10.0), (0.2, 20.0), (0.3, 31.0)):
        packet = bundle(timetag_at(wall + ahead), pack_message("/artflow/draw/size", size))
        stage.send_bytes(ALICE, packet)
    sizes: list[Value] = []
    stage.controls.listen(lambda change: sizes.append(change.value))
    stage.wait(1)
    assert sizes == [10.0, 20.0, 30.0, 31.0]


def test_past_bundles_are_done_at_once() -> None:
    stage = Stage()
    past = timetag_at(WALL_S + stage.now - 100)
    stage.send_bytes(ALICE, bundle(past, pack_message("/artflow/paint/steps", 2)))
    assert stage.controls.get("paint/steps") == 2
    assert stage.heard(ALICE) == []


def test_bundles_of_the_far_future_are_done_at_once_and_told() -> None:
    stage = Stage()
    far = timetag_at(WALL_S + stage.now + 11)
    stage.send_bytes(ALICE, bundle(far, pack_message("/artflow/paint/steps", 2)))
    assert stage.controls.get("paint/steps") == 2
    [(address, text)] = errors(stage.heard(ALICE))
    assert address == "/artflow/paint/steps"
    assert text == "timetag 11.0 s ahead; at most 10 s are waited for, applied at once"
    assert stage.session.refused == 0


def test_what_waits_is_bounded() -> None:
    stage = Stage()
    soon = timetag_at(WALL_S + stage.now + 1)
    sizes = [pack_message("/artflow/draw/size", 5)] * 1024
    for _ in range(4):
        stage.send_bytes(ALICE, bundle(soon, *sizes))
    assert stage.controls.get("draw/size") == 12.0
    stage.send_bytes(ALICE, bundle(soon, pack_message("/artflow/draw/size", 6)))
    assert stage.controls.get("draw/size") == 6.0
    assert "4096 messages wait" in str(errors(stage.heard(ALICE)))
    stage.wait(2)
    assert stage.controls.get("draw/size") == 5.0
    assert (stage.session.schedule.waiting, stage.session.schedule.waiting_octets) == (0, 0)


def test_a_bundle_that_finds_no_room_to_wait_stays_whole() -> None:
    stage = Stage()
    soon = timetag_at(WALL_S + stage.now + 5)
    size = pack_message("/artflow/draw/size", 5)
    for _ in range(4):
        stage.send_bytes(ALICE, bundle(soon, *[size] * 1000))
    both = [pack_message("/artflow/paint/seed", 8), pack_message("/artflow/paint/steps", 4)]
    stage.send_bytes(BOB, bundle(soon, both[0], *[size] * 96, both[1]))
    assert (stage.controls.get("paint/seed"), stage.controls.get("paint/steps")) == (8, 4)
    told = "at most 4096 messages wait for their timetags, applied at once"
    assert errors(stage.heard(BOB)) == [("/artflow/paint/seed", told)]
    # one that fits still waits
    stage.send_bytes(BOB, bundle(soon, pack_message("/artflow/paint/seed", 9)))
    assert stage.controls.get("paint/seed") == 8


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (60_000, pack_message("/artflow/prompt/a", "x" * 60_000)),
        (60_000, pack_message("/artflow/prompt/a", b"x" * 60_000)),
        # small on the wire, large in memory: a reference each, and each a number in a tuple
        (480_000, pack_message("/artflow/paint/steps", *[True] * 60_000)),
        (700_000, pack_message("/artflow/paint/steps", *[(0.5,)] * 9_000)),
    ],
)
def test_what_waits_is_bounded_in_memory(size: int, message: bytes) -> None:
    stage = Stage()
    soon = timetag_at(WALL_S + stage.now + 9)
    for _ in range(2 * 4_000_000 // size):
        stage.session.receive([(bundle(soon, message), ALICE)])
    assert 1 <= stage.session.schedule.waiting <= 4_000_000 // size
    heard = [text for _, text in errors(stage.heard(ALICE))]
    assert heard[0] == "at most 4 MB of messages wait for their timetags, applied at once"
    stage.wait(10)
    assert (stage.session.schedule.waiting, stage.session.schedule.waiting_octets) == (0, 0)


# anything


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_malformed_packets_change_nothing(data: st.DataObject) -> None:
    stage = Stage()
    names = [parameter.name for parameter in stage.controls.parameters()]
    commands = ["get", "list", "subscribe", "request", "ping"]
    name = data.draw(st.sampled_from(names + commands))
    args: list[Arg] = data.draw(
        st.lists(st.one_of(st.floats(width=32), st.integers(-9, 9), st.text("abc?*/", max_size=9)))
    )
    packet = bytearray(bundle(1, pack_message("/artflow/" + name, *args)))
    packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    before = dict(stage.controls.snapshot.values)
    stage.send_bytes(ALICE, bytes(packet))
    try:
        read_packet(bytes(packet))
    except OscFormatError:
        assert dict(stage.controls.snapshot.values) == before
        assert stage.session.refused == 1
    stage.wait(0.1)
    stage.heard(ALICE)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("oil", "painting"), "oil painting"),
        (("a", 3, 0.5, "b"), "a 3 0.5 b"),
        ((7, "dwarfs"), "7 dwarfs"),
        (("oil painting", ""), "oil painting "),
    ],
)
def test_a_sentence_may_come_as_its_words(words: tuple[Arg, ...], text: str) -> None:
    stage = Stage()
    stage.send(ALICE, "prompt/a", *words)
    stage.send(ALICE, "request", 1, "prompt/b", *words)
    assert (stage.controls.get("prompt/a"), stage.controls.get("prompt/b")) == (text, text)
    stage.send(ALICE, "paint/guidance-mode", "full", "full")
    [(_, told)] = errors(stage.heard(ALICE))
    assert told == "paint/guidance-mode takes one value, not 2; ? asks for it"


def test_no_pattern_changes_the_model() -> None:
    controls = Controls()
    models = ("rehearsal", "sd-turbo")
    for row in PARAMETERS:
        controls.declare(replace(row, choices=models) if row.name == "painter/model" else row)
    controls.declare(*TRIGGERS)
    stage = Stage(controls)
    for name, value in (("painter/*", 1), ("*/model", "sd-turbo"), ("painter/m*/reset", 1)):
        stage.send(ALICE, name, value)
    stage.send(ALICE, "painter/model", 99)
    stage.send(ALICE, "request", 1, "input/source", "bogus")
    assert stage.controls.get("painter/model") == "rehearsal"
    heard = stage.heard(ALICE)
    told = "painter/model has no number 99; allowed: 0 rehearsal, 1 sd-turbo"
    assert ("error", ("/artflow/painter/model", told)) in heard
    assert ("ack", ("1", "input/source", 0)) in heard
    stage.send(ALICE, "painter/model", 1)
    assert stage.controls.get("painter/model") == "sd-turbo"
