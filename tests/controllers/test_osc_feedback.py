"""What leaves, to whom and how often."""

from __future__ import annotations

import itertools
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.osc_peers import Address
from controllers.osc_wire import Arg, pack_message
from engine.controls import Change, Parameter
from tests.controllers.stage import ALICE, BOB, CAROL, Heard, Stage, errors
from tests.helpers.osc import table


def values(heard: list[Heard], name: str) -> list[Arg]:
    return [args[0] for one, args in heard if one == name]


def test_a_subscriber_hears_startup_and_the_current_values_at_once() -> None:
    stage = Stage()
    stage.controls.set("paint/strength", 0.25)
    stage.send(ALICE, "subscribe")
    heard = stage.heard(ALICE)
    assert heard[0] == ("startup", ("9.9",))
    assert values(heard, "paint/strength") == [0.25]
    assert values(heard, "painter/state/index") == [0]
    assert {name for name, _ in heard} >= {p.name for p in stage.controls.parameters()}
    stage.send(ALICE, "subscribe", "paint/s*")
    heard = stage.heard(ALICE)
    # renewing is no new start
    assert values(heard, "startup") == []
    assert values(heard, "paint/strength") == [0.25]
    assert values(heard, "prompt/a") == []


@pytest.mark.parametrize("args", [(), (5001,), (9001, 30, "paint/*")])
def test_who_renews_is_told_only_what_it_does_not_know(args: tuple[Arg, ...]) -> None:
    stage = Stage()
    hears = Address(ALICE.host, 9001) if 9001 in args else ALICE
    stage.send(ALICE, "subscribe", *args)
    assert values(stage.heard(hears), "paint/strength") == [0.5]
    stage.controls.set("paint/strength", 0.75)
    stage.send(ALICE, "subscribe", *args)
    stage.wait(1)
    assert stage.heard(hears) == [("paint/strength", (0.75,))]
    # another socket may be a program that has just begun
    stage.send(Address(ALICE.host, 7777), "subscribe", 9001, 0, "paint/*")
    assert values(stage.heard(Address(ALICE.host, 9001)), "paint/strength") == [0.75]
    # what was lost can be asked for, and after the lease it comes again
    stage.send(ALICE, "get", "paint/strength")
    assert ("paint/strength", (0.75,)) in stage.heard(hears)
    stage.wait(31)
    stage.heard(hears)
    stage.send(ALICE, "subscribe", *args)
    assert values(stage.heard(hears), "paint/strength") == [0.75]


def test_a_subscription_to_nothing_is_kept_and_told() -> None:
    stage = Stage()
    stage.send(ALICE, "subscribe", "pant/*")
    told = "no parameter matches 'pant/*' now; * stops at /, try paint/*"
    assert ("error", ("/artflow/subscribe", told)) in stage.heard(ALICE)
    stage.controls.declare(Parameter("pant/leg", "f", 0.0, ""))
    stage.controls.set("pant/leg", 1.0)
    stage.wait(0.1)
    assert ("pant/leg", (1.0,)) in stage.heard(ALICE)


def test_everybody_hears_a_change_but_the_one_who_made_it() -> None:
    stage = Stage()
    for client in (ALICE, BOB):
        stage.subscribe(client)
    stage.subscribe(CAROL, "prompt/*")
    stage.send(ALICE, "paint/strength", 0.75)
    stage.wait(0.1)
    assert stage.heard(ALICE) == []
    assert stage.heard(BOB) == [("paint/strength", (0.75,))]
    assert stage.heard(CAROL) == []
    # not from OSC at all: everybody
    stage.controls.set("paint/strength", 0.5, origin="midi")
    stage.wait(0.1)
    assert stage.heard(ALICE) == stage.heard(BOB) == [("paint/strength", (0.5,))]


def test_a_long_reported_text_fits_a_packet() -> None:
    stage = Stage()
    stage.controls.declare(Parameter("preset/x/error", "s", "", "", read_only=True))
    stage.subscribe(ALICE)
    stage.controls.publish("preset/x/error", "é" * 2000)
    stage.wait(0.1)
    (text,) = values(stage.heard(ALICE), "preset/x/error")
    assert isinstance(text, str)
    assert 990 < len(text.encode()) <= 1000
    assert text.endswith("é...")


def test_a_list_leaves_as_texts_of_its_own() -> None:
    stage = Stage()
    stage.controls.declare(Parameter("show/list", "s", "", "", read_only=True, lines=True))
    stage.controls.publish("show/list", "sunrise\nmoon rise\n+7")
    stage.send(ALICE, "show/list", "?")
    assert ("show/list", ("sunrise", "moon rise", "+7")) in stage.heard(ALICE)
    stage.controls.publish("show/list", "")
    stage.send(ALICE, "show/list", "?")
    assert ("show/list", ("",)) in stage.heard(ALICE)


def test_a_value_that_did_not_change_is_not_sent() -> None:
    stage = Stage()
    stage.subscribe(ALICE)
    stage.controls.set("paint/strength", 0.5)
    stage.wait(1)
    assert stage.heard(ALICE) == []


def test_a_clamped_value_is_answered_subscribed_or_not() -> None:
    stage = Stage()
    stage.send(ALICE, "paint/strength", 1.5)
    assert stage.heard(ALICE) == [("paint/strength", (1.0,))]
    stage.subscribe(ALICE)
    stage.wait(1)
    stage.heard(ALICE)
    stage.send(ALICE, "paint/strength", 2.5)
    assert stage.heard(ALICE) == [("paint/strength", (1.0,))]
    stage.send(ALICE, "output/rotate", 100)
    assert stage.heard(ALICE) == [("output/rotate", (90,))]
    stage.send(BOB, "paint/guidance-mode", 9)
    assert stage.heard(BOB) == [("paint/guidance-mode", ("full",))]
    stage.send(BOB, "paint/guidance-mode", 1)
    assert stage.heard(BOB) == []


def test_the_one_who_lost_the_race_is_told() -> None:
    stage = Stage()
    for client in (ALICE, BOB):
        stage.subscribe(client)
    stage.controls.set("paint/strength", 0.25)
    stage.wait(1)
    stage.heard(ALICE)
    stage.heard(BOB)
    # both in one turn: Alice's 0.75 never comes to be, the value stays as Bob has it
    stage.session.receive(
        [
            (pack_message("/artflow/paint/strength", 0.75), ALICE),
            (pack_message("/artflow/paint/strength", 0.25), BOB),
        ]
    )
    stage.wait(1)
    assert stage.heard(ALICE) == [("paint/strength", (0.25,))]
    assert stage.heard(BOB) == []
    # one after the other
    stage.send(ALICE, "paint/strength", 0.5)
    stage.send(BOB, "paint/strength", 0.125)
    stage.wait(1)
    assert stage.heard(ALICE) == [("paint/strength", (0.125,))]


def test_feedback_is_paced_and_the_newest_wins() -> None:
    stage = Stage()
    stage.subscribe(ALICE)
    stage.wait(1)
    stage.heard(ALICE)
    for step in range(1, 1001):
        stage.controls.set("paint/guidance", step / 100)
        stage.controls.set("output/mix", step / 1000)
        stage.wait(0.001)
    heard = stage.heard(ALICE)
    for name, last in (("paint/guidance", 10.0), ("output/mix", 1.0)):
        assert 28 <= len(values(heard, name)) <= 31
        stage.wait(0.05)
        assert (values(heard, name) + values(stage.heard(ALICE), name))[-1] == last


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("paint/strength", "output/mix")),
            st.floats(0, 1, width=32),
            st.sampled_from((ALICE, BOB, None)),
            st.floats(0, 0.05),
        ),
        max_size=30,
    ),
    st.floats(0.5, 60),
)
@settings(max_examples=60, deadline=None)
def test_in_the_end_everybody_knows_what_is(
    moves: list[tuple[str, float, Address | None, float]], max_hz: float
) -> None:
    """Never faster than allowed, and when all is still each has every value right."""
    bits = struct.Struct(">f").pack
    stage = Stage()
    believed: dict[Address, dict[str, Arg]] = {ALICE: {}, BOB: {}}
    times: dict[tuple[Address, str], list[float]] = {}

    def listen(client: Address) -> None:
        for name, args in stage.heard(client):
            believed[client][name] = args[0]
            times.setdefault((client, name), []).append(stage.now)

    for client in believed:
        stage.send(client, "subscribe", client.port, max_hz)
        listen(client)
    for name, value, sender, pause in moves:
        if sender is None:
            stage.controls.set(name, value)
        else:
            stage.send(sender, name, value)
            believed[sender][name] = value
        for client in believed:
            listen(client)
        until = stage.now + pause
        while stage.now < until:
            stage.wait(min(until, max(stage.now, stage.session.deadline())) - stage.now)
            for client in believed:
                listen(client)
    stage.wait(5)
    for client in believed:
        listen(client)
        for name in ("paint/strength", "output/mix"):
            # the value that is held is the shortest decimal of these bits
            assert bits(believed[client][name]) == bits(stage.controls.get(name))
    period_s = 1 / min(30, max_hz)
    for sent in times.values():
        for first, second in itertools.pairwise(sent):
            assert second - first >= period_s - 1e-6


def test_steps_of_the_painter_are_never_dropped_and_stay_in_order() -> None:
    stage = Stage()
    stage.subscribe(ALICE, 0, 1)
    stage.wait(2)
    stage.heard(ALICE)
    steps = ["loading", "painting", "stalled", "restarting", "loading", "painting"]
    for step in steps:
        stage.controls.publish("painter/state", step)
    heard = stage.heard(ALICE)
    assert values(heard, "painter/state") == steps
    assert values(heard, "painter/state/index") == [1, 2, 3, 4, 1, 2]
    # reported numbers are paced like any other
    for fps in range(100):
        stage.controls.publish("painter/fps", fps + 1)
    stage.wait(2)
    assert values(stage.heard(ALICE), "painter/fps")[-1] == 100.0


@pytest.mark.parametrize("before_us", [True, False])
def test_a_step_that_makes_another_is_heard_too(before_us: bool) -> None:
    controls = table()

    def gives_up(change: Change) -> None:
        if change.value == "stalled":
            controls.publish("painter/state", "failed")

    if before_us:
        controls.listen(gives_up)
    stage = Stage(controls)
    if not before_us:
        controls.listen(gives_up)
    stage.subscribe(ALICE)
    controls.publish("painter/state", "stalled")
    heard = stage.heard(ALICE)
    # what is said last is what is
    last_two = (values(heard, "painter/state"), values(heard, "painter/state/index"))
    assert [words[-2:] for words in last_two] == [["stalled", "failed"], [3, 5]]
    stage.wait(1)
    assert stage.heard(ALICE) == []


def test_a_subscription_without_a_port_changes_no_other() -> None:
    stage = Stage()
    port, other = Address(ALICE.host, 9001), Address(ALICE.host, 7777)
    stage.send(ALICE, "subscribe", 9001, 30, "paint/*")
    stage.heard(port)
    stage.send(other, "subscribe", 0, 1, "prompt/*")
    assert {name for name, _ in stage.heard(other)} >= {"startup", "prompt/a"}
    stage.controls.set("prompt/a", "rain")
    stage.wait(1)
    assert stage.heard(port) == []
    assert stage.heard(other) == [("prompt/a", ("rain",))]
    stage.send(other, "unsubscribe")
    stage.controls.set("paint/steps", 2)
    stage.wait(1)
    assert stage.heard(port) == [("paint/steps", (2,))]
    assert stage.heard(other) == []


def test_a_named_port_hears_answers_errors_and_feedback() -> None:
    stage = Stage()
    port = Address(ALICE.host, 9001)
    stage.send(ALICE, "subscribe", 9001.0, 10, "paint/*")
    assert {name for name, _ in stage.heard(port)} >= {"startup", "paint/strength"}
    stage.send(ALICE, "prompt/mix", "?")
    stage.send(ALICE, "prompt/mix", "wet")
    stage.send(ALICE, "ping", 3)
    assert [name for name, _ in stage.heard(port)] == ["prompt/mix", "error", "pong"]
    assert stage.heard(ALICE) == []
    # its own change comes back to neither of them
    stage.send(ALICE, "paint/strength", 0.75)
    stage.wait(1)
    assert stage.heard(port) == stage.heard(ALICE) == []
    # another socket of that host is another hand
    other = Address(ALICE.host, 7777)
    stage.send(other, "paint/strength", 3.0)
    stage.wait(1)
    assert stage.heard(port) == stage.heard(other) == [("paint/strength", (1.0,))]
    stage.send(ALICE, "unsubscribe")
    stage.send(ALICE, "ping", 4)
    assert stage.heard(port) == []
    assert stage.heard(ALICE) == [("pong", (4,))]


@pytest.mark.parametrize(
    "args",
    [
        (70_000,),
        (-1,),
        (9001.5,),
        (9001, -1.0),
        (9001, 1, 2),
        (9001, 1, "a[", "b"),
        ("open[",),
        (math.nan,),
        (True,),
        ("paint/*", 9001),
    ],
)
def test_a_subscription_that_makes_no_sense(args: tuple[Arg, ...]) -> None:
    stage = Stage()
    stage.send(ALICE, "subscribe", *args)
    assert len(errors(stage.heard(ALICE))) == 1
    assert not list(stage.session.feedback.book.subscribers())
    stage.send(ALICE, "unsubscribe", "me")
    assert len(errors(stage.heard(ALICE))) == 1


def test_a_lease_ends_and_can_be_renewed() -> None:
    stage = Stage()
    stage.subscribe(ALICE)
    stage.subscribe(BOB)
    stage.wait(20)
    stage.subscribe(BOB, "paint/strength")
    stage.wait(10.5)
    for client in (ALICE, BOB):
        stage.heard(client)
    stage.controls.set("paint/strength", 0.75)
    stage.wait(1)
    assert stage.heard(ALICE) == []
    assert stage.heard(BOB) == [("paint/strength", (0.75,))]
    # a new lease is a new start
    stage.send(ALICE, "subscribe", "paint/strength")
    assert stage.heard(ALICE) == [("startup", ("9.9",)), ("paint/strength", (0.75,))]


def test_a_heart_beats_once_a_second() -> None:
    stage = Stage()
    stage.subscribe(ALICE)
    stage.wait(5.5)
    beats = [args[0] for name, args in stage.heard(ALICE, beats=True) if name == "heartbeat"]
    assert beats == [1, 2, 3, 4, 5]
    # the machine slept: one beat, not all that were missed
    stage.now += 20
    stage.session.advance()
    stage.session.advance()
    assert len(stage.heard(ALICE, beats=True)) == 1
    stage.wait(0.9)
    assert len(stage.heard(ALICE, beats=True)) == 0


def test_feedback_targets_hear_everything_for_good() -> None:
    stage = Stage()
    stage.session.feedback.keep([CAROL])
    heard = stage.heard(CAROL)
    assert heard[0] == ("startup", ("9.9",))
    assert values(heard, "paint/strength") == [0.5]
    stage.wait(1000)
    stage.heard(CAROL)
    stage.send(ALICE, "paint/strength", 0.75)
    stage.wait(0.1)
    assert stage.heard(CAROL) == [("paint/strength", (0.75,))]


def test_errors_of_the_show_go_to_all_who_listen_and_to_who_caused_them() -> None:
    stage = Stage()
    stage.subscribe(BOB, "prompt/*")

    def full(_arguments: object, origin: object) -> None:
        stage.controls.report("snapshot", "the disk is full", origin)

    stage.controls.on("snapshot", full)
    stage.send(ALICE, "snapshot")
    expected = [("error", ("/artflow/snapshot", "the disk is full"))]
    assert stage.heard(ALICE) == stage.heard(BOB) == expected
    stage.controls.report("/artflow/input/source", "camera 0 is gone")
    assert stage.heard(ALICE) == []
    assert stage.heard(BOB) == [("error", ("/artflow/input/source", "camera 0 is gone"))]


def test_an_error_carries_no_control_characters() -> None:
    """It ends in terminals and in log files, one line each."""
    stage = Stage()
    stage.subscribe(BOB)
    sent = "\x1b]0;mine\x07\x1b[2J\n\x9b1m\u202e"
    wrong: dict[str, tuple[Arg, ...]] = {
        sent: (1,),
        "elsewhere": (1,),
        "paint/guidance-mode": (sent,),
        "get": (sent,),
        "subscribe": (sent + "[",),
        "paint/*": (sent,),
        "request": ("id", sent),
        f"*{sent}": (1,),
    }
    for name, args in wrong.items():
        stage.send(ALICE, name, *args)
    stage.send(ALICE, f"/{sent}")
    stage.send_bytes(ALICE, b"/x\0\0" + b",\x1b\0\0")
    stage.controls.report(f"snapshot{sent}", f"{sent} is no name for a file")
    told = errors(stage.heard(ALICE)) + errors(stage.heard(BOB))
    assert len(told) > 10
    for words in told:
        assert all(str(word).isprintable() for word in words), words
    assert told[-1] == (
        "/artflow/snapshot\\x1b]0;mine\\x07\\x1b[2J\\n\\x9b1m\\u202e",
        "\\x1b]0;mine\\x07\\x1b[2J\\n\\x9b1m\\u202e is no name for a file",
    )


def test_a_flood_of_errors_is_counted_and_told() -> None:
    stage = Stage()
    for _ in range(100):
        stage.send(ALICE, "paint/steps", "many")
    stage.send(BOB, "paint/steps", "many")
    assert len(errors(stage.heard(ALICE))) == 20
    assert len(errors(stage.heard(BOB))) == 1
    stage.wait(1.5)
    assert errors(stage.heard(ALICE)) == [
        ("", "80 more errors were not sent (at most 20 a second are)")
    ]
    assert stage.session.refused == 101
    stage.wait(5)
    assert stage.heard(ALICE) == []


def test_nothing_is_left_behind() -> None:
    stage = Stage()
    stage.subscribe(ALICE)
    stage.session.feedback.close()
    stage.controls.set("paint/strength", 0.75)
    stage.controls.report("x", "y")
    stage.wait(0.5)
    assert stage.heard(ALICE) == []


def test_a_state_that_nobody_declared_has_no_index() -> None:
    stage = Stage()
    stage.subscribe(ALICE)
    stage.controls.publish("painter/state", "dreaming")
    assert stage.heard(ALICE) == [("painter/state", ("dreaming",))]


def test_values_leave_in_their_declared_type() -> None:
    stage = Stage()
    stage.controls.declare(Parameter("test/mb", "f", 0.0, "", unit="MB", read_only=True))
    stage.subscribe(ALICE)
    stage.controls.publish("test/mb", 1234)
    stage.controls.publish("record/active", True)
    stage.wait(1)
    heard = dict(stage.heard(ALICE))
    assert [type(heard["test/mb"][0]), type(heard["record/active"][0])] == [float, int]
