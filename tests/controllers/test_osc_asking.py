"""Asking, address patterns and requests."""

from __future__ import annotations

import pytest

from controllers.osc_feedback import MAX_ANSWERS
from controllers.osc_peers import Address
from controllers.osc_wire import Arg, pack_message, timetag_at
from tests.controllers.stage import ALICE, BOB, WALL_S, Heard, Stage, errors
from tests.helpers.osc import bundle

# asking


def test_asking_answers_in_the_declared_type() -> None:
    stage = Stage()
    for name in ("paint/strength", "paint/active", "paint/guidance-mode", "painter/memory-mb"):
        stage.send(ALICE, name, "?")
    assert stage.heard(ALICE) == [
        ("paint/strength", (0.5,)),
        ("paint/active", (1,)),
        ("paint/guidance-mode", ("none",)),
        ("painter/memory-mb", (0.0,)),
    ]


def test_enumerated_reported_values_come_with_their_index() -> None:
    stage = Stage()
    stage.controls.publish("painter/state", "painting")
    expected = [("painter/state", ("painting",)), ("painter/state/index", (2,))]
    stage.send(ALICE, "painter/state", "?")
    assert stage.heard(ALICE) == expected
    stage.send(ALICE, "get", "painter/state")
    assert stage.heard(ALICE) == expected
    stage.send(ALICE, "painter/state/index", "?")
    assert stage.heard(ALICE) == expected[1:]


def test_normalized_and_reset() -> None:
    stage = Stage()
    stage.send(ALICE, "paint/guidance/normalized", 0.5)
    assert stage.controls.get("paint/guidance") == 5.0
    stage.send(ALICE, "paint/guidance-mode/normalized", 1)
    assert stage.controls.get("paint/guidance-mode") == "full"
    assert stage.heard(ALICE) == []
    stage.send(ALICE, "paint/guidance/normalized", "?")
    assert stage.heard(ALICE) == [("paint/guidance/normalized", (0.5,))]
    stage.send(ALICE, "paint/guidance/normalized", 1.5)
    assert stage.heard(ALICE) == [("paint/guidance", (10.0,))]
    stage.send(ALICE, "paint/guidance/reset", 0)
    assert stage.controls.get("paint/guidance") == 10.0
    stage.send(ALICE, "paint/guidance/reset")
    assert stage.controls.get("paint/guidance") == 1.0
    stage.wait(1)
    assert stage.heard(ALICE) == [("paint/guidance", (1.0,))]
    stage.send(ALICE, "paint/guidance/reset", "now")
    assert len(errors(stage.heard(ALICE))) == 1


def test_get_answers_every_match() -> None:
    stage = Stage()
    stage.send(ALICE, "get", "prompt/*")
    assert [name for name, _ in stage.heard(ALICE)] == [
        "prompt/a",
        "prompt/b",
        "prompt/mix",
        "prompt/negative",
        "prompt/coming",
    ]
    stage.send(ALICE, "get")
    names = {name for name, _ in stage.heard(ALICE)}
    assert names >= {parameter.name for parameter in stage.controls.parameters()}
    for args in (("nothing/*",), ("*",), (5,), ("a", "b"), ("a[",)):
        stage.send(ALICE, "get", *args)
        assert len(errors(stage.heard(ALICE))) == 1, args


def test_list_describes_every_match() -> None:
    stage = Stage()
    stage.send(ALICE, "list", "/artflow/paint/{steps,guidance-mode,guidance,seed}")
    assert stage.heard(ALICE) == [
        ("list/item", ("paint/steps", "i", "1", "4", "1")),
        ("list/item", ("paint/guidance", "f", "0", "10", "1")),
        ("list/item", ("paint/guidance-mode", "s", "0", "3", "none")),
        ("list/choices", ("paint/guidance-mode", "none", "self", "initialize", "full")),
        ("list/item", ("paint/seed", "i", "0", "2147483647", "2")),
        ("list/end", (4,)),
    ]
    stage.send(ALICE, "list", "{output/rotate,prompt/a,panic,feedback/zoom}")
    assert stage.heard(ALICE) == [
        ("list/item", ("prompt/a", "s", "", "", "")),
        ("list/item", ("feedback/zoom", "f", "0.5", "2", "1")),
        ("list/item", ("output/rotate", "i", "0", "270", "0")),
        ("list/choices", ("output/rotate", "0", "90", "180", "270")),
        ("list/item", ("panic", "trigger", "", "", "")),
        ("list/end", (4,)),
    ]
    stage.send(ALICE, "list", "none/such")
    assert stage.heard(ALICE) == [("list/end", (0,))]
    stage.send(ALICE, "list")
    listed = stage.heard(ALICE)
    assert listed[-1] == ("list/end", (sum(name == "list/item" for name, _ in listed),))


def test_ping() -> None:
    stage = Stage()
    stage.send(ALICE, "ping", 42)
    stage.send(ALICE, "ping")
    assert stage.heard(ALICE) == [("pong", (42,)), ("pong", ())]
    stage.send(ALICE, "ping", b"x" * 1400)
    assert len(errors(stage.heard(ALICE))) == 1


# patterns


def test_a_pattern_plays_every_control_it_names() -> None:
    stage = Stage()
    stage.send(ALICE, "output/{brightness,contrast}", 0.5)
    assert stage.controls.get("output/brightness") == stage.controls.get("output/contrast") == 0.5
    stage.send(ALICE, "/*/output/{brightness,contrast}", "?")
    assert stage.heard(ALICE) == [("output/brightness", (0.5,)), ("output/contrast", (0.5,))]
    stage.send(ALICE, "output/*/reset")
    assert stage.controls.get("output/contrast") == 1.0
    assert not errors(stage.heard(ALICE))
    stage.send(ALICE, "feedback/*/normalized", 1)
    assert stage.controls.get("feedback/zoom") == 2.0
    fired: list[object] = []
    stage.controls.on("draw/clear", lambda *_: fired.append("clear"))
    stage.send(ALICE, "draw/c[lx]ear")
    assert fired == ["clear"]


def test_a_pattern_reports_each_control_that_refuses() -> None:
    stage = Stage()
    stage.send(ALICE, "p*/mix", "wet")
    [(address, _)] = errors(stage.heard(ALICE))
    assert address == "/artflow/prompt/mix"
    stage.send(ALICE, "painter/{fps,state}", 1)
    stage.send(ALICE, "nowhere/*", 1)
    stage.send(ALICE, "broken[", 1)
    texts = [str(text) for _, text in errors(stage.heard(ALICE))]
    assert "no control that this could reach matches" in texts[0]
    assert "no control that this could reach matches" in texts[1]
    assert "has a [ without its ]" in texts[2]


def test_patterns_see_controls_that_are_declared_later() -> None:
    stage = Stage()
    stage.send(ALICE, "late/*", 1)
    assert len(errors(stage.heard(ALICE))) == 1
    late = stage.controls.parameter("paint/strength")
    stage.controls.declare(type(late)("late/one", "f", 0.0, ""))
    stage.send(ALICE, "late/*", 1)
    assert stage.controls.get("late/one") == 1.0
    for number in range(70):
        stage.send(ALICE, f"late/*{number}", 1)
    assert len(stage.session._matched) <= 64


# requests


def test_a_request_is_done_once_and_answered_again() -> None:
    stage = Stage()
    fired: list[object] = []
    stage.controls.on("draw/undo", lambda *_: fired.append("undo"))
    for _ in range(3):
        stage.send(ALICE, "request", "id-1", "draw/undo")
    assert fired == ["undo"]
    assert stage.heard(ALICE) == [("ack", ("id-1", "draw/undo", 1))] * 3
    # another client may count the same
    stage.send(BOB, "request", "id-1", "draw/undo")
    assert fired == ["undo"] * 2
    stage.send(ALICE, "request", 7, "/artflow/paint/strength", 0.75)
    assert stage.heard(ALICE) == [("ack", ("7", "/artflow/paint/strength", 1))]
    assert stage.controls.get("paint/strength") == 0.75


def test_a_request_answers_and_acknowledges() -> None:
    stage = Stage()
    expected = [("paint/steps", (1,)), ("ack", ("q", "paint/steps", 1))]
    for _ in range(2):
        stage.send(ALICE, "request", "q", "paint/steps", "?")
        assert stage.heard(ALICE) == expected
    stage.send(ALICE, "request", "all", "get", "*/*")
    assert len(stage.heard(ALICE)) > 20
    stage.send(ALICE, "request", "all", "get", "*/*")
    assert stage.heard(ALICE) == [("ack", ("all", "get", 1))]


def test_a_failed_request_says_why_with_its_id() -> None:
    stage = Stage()
    expected = [
        (
            "error",
            (
                "/artflow/paint/steps",
                "paint/steps takes a number, not the text 'many'",
                "r",
            ),
        ),
        ("ack", ("r", "paint/steps", 0)),
    ]
    for _ in range(2):
        stage.send(ALICE, "request", "r", "paint/steps", "many")
        assert stage.heard(ALICE) == expected
    stage.send(ALICE, "request", "s", "{paint/steps,prompt/mix}", "many")
    heard = stage.heard(ALICE)
    assert [args[2] for args in errors(heard)] == ["s", "s"]
    assert heard[-1] == ("ack", ("s", "{paint/steps,prompt/mix}", 0))


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("id",),
        (1.5, "panic"),
        (True, "panic"),
        ("id", 5),
        ("x" * 1001, "panic"),
        ("id", "request", "id2", "panic"),
    ],
)
def test_a_request_that_is_none(args: tuple[Arg, ...]) -> None:
    stage = Stage()
    stage.send(ALICE, "request", *args)
    assert [name for name, _ in stage.heard(ALICE)] == ["error"]


def test_remembered_requests_are_bounded() -> None:
    stage = Stage()
    for number in range(1100):
        stage.send(ALICE, "request", f"{number}", "ping")
        stage.heard(ALICE)
    assert len(stage.session._answered) == 2 * 1024  # by its words, and by its socket
    stage.wait(31)
    stage.send(ALICE, "request", "last", "ping")
    assert len(stage.session._answered) == 2


def counting(stage: Stage) -> list[str]:
    """The triggers that happen on this stage from now on."""
    fired: list[str] = []
    for trigger in stage.controls.triggers():
        stage.controls.on(trigger.name, lambda *_, name=trigger.name: fired.append(name))
    return fired


def test_two_programs_of_one_machine_may_count_the_same() -> None:
    stage = Stage()
    fired = counting(stage)
    other = Address(ALICE.host, 7777)
    stage.subscribe(ALICE, 9001)
    stage.send(ALICE, "request", "1", "draw/clear")
    stage.send(other, "request", "1", "record/start")
    assert fired == ["draw/clear", "record/start"]
    assert stage.heard(other) == [("ack", ("1", "record/start", 1))]
    # a repeated ID of the same socket is answered again, not done again
    stage.send(other, "request", "1", "record/start", "take-2")
    assert stage.heard(other) == [("ack", ("1", "record/start", 1))]
    assert fired == ["draw/clear", "record/start"]


def test_a_restarted_patch_counts_from_one_again() -> None:
    stage = Stage()
    fired = counting(stage)
    for port in (5001, 6001, 6001):
        stage.send(Address(ALICE.host, port), "subscribe", 9001)
        stage.send(Address(ALICE.host, port), "request", "1", "draw/undo")
        stage.wait(3600)
    assert fired == ["draw/undo"] * 3


def test_a_shell_may_repeat_its_request_from_any_socket() -> None:
    """Each oscsend has another; it repeats until it was answered, however long that takes."""
    stage = Stage()
    fired = counting(stage)
    for port in range(1111, 1116):
        shell = Address("127.0.0.1", port)
        stage.send(shell, "request", "cue", "draw/undo")
        assert stage.heard(shell) == [("ack", ("cue", "draw/undo", 1))]
        stage.wait(20)
    assert fired == ["draw/undo"]
    stage.wait(30)
    stage.send(Address("127.0.0.1", 1111), "request", "cue", "draw/undo")
    assert fired == ["draw/undo"] * 2


def test_a_request_for_what_cannot_be_is_acknowledged_so() -> None:
    stage = Stage()
    stage.send(ALICE, "request", "cue-1", "draw/color", "red")
    stage.send(ALICE, "request", "cue-2", "draw/color", "#12ab3C")
    heard = stage.heard(ALICE)
    told = "draw/color takes #rrggbb, not 'red'"
    assert errors(heard) == [("/artflow/draw/color", told, "cue-1")]
    assert [args for name, args in heard if name == "ack"] == [
        ("cue-1", "draw/color", 0),
        ("cue-2", "draw/color", 1),
    ]
    assert stage.controls.get("draw/color") == "#12ab3C"


# too much at once


OVER = "over 1,000 answers at once; ask for less at a time"


def flood(stage: Stage, *messages: bytes, timetag: int = 1) -> list[Heard]:
    """What Alice hears after one packet full of these messages."""
    room = 65_000 // sum(len(message) + 4 for message in messages)
    stage.session.receive([(bundle(timetag, *messages * room), ALICE)])
    stage.session.advance()
    return stage.heard(ALICE)


@pytest.mark.parametrize(
    "message",
    [
        pack_message("/artflow/get"),
        pack_message("/artflow/list"),
        pack_message("/artflow/*/*", "?"),
        pack_message("/artflow/paint/steps", "?"),
        pack_message("/artflow/ping"),
        pack_message("/artflow/request", 1, "get"),
    ],
    ids=["get", "list", "pattern", "question", "ping", "request"],
)
def test_a_packet_that_asks_for_too_much_is_told_once(message: bytes) -> None:
    stage = Stage()
    controls = [*stage.controls.parameters(), *stage.controls.triggers()]
    heard = flood(stage, message)
    assert [text for _, text in errors(heard)] == [OVER]
    # the message that passes the limit is answered whole
    assert MAX_ANSWERS <= len(heard) <= MAX_ANSWERS + 3 * len(controls)
    stage.send(ALICE, "ping", 1)
    assert ("pong", (1,)) in stage.heard(ALICE)


def test_who_subscribes_too_often_hears_the_values_once() -> None:
    stage = Stage()
    heard = flood(stage, pack_message("/artflow/subscribe"))
    assert not errors(heard)
    values = [name for name, _ in heard if stage.controls.is_parameter(name)]
    assert sorted(values) == sorted(parameter.name for parameter in stage.controls.parameters())
    stage.send(ALICE, "ping", 1)
    assert ("pong", (1,)) in stage.heard(ALICE)


def test_one_message_is_answered_whole_however_much_it_is() -> None:
    stage = Stage()
    strength = stage.controls.parameter("paint/strength")
    for number in range(2 * MAX_ANSWERS):
        stage.controls.declare(type(strength)(f"many/{number}", "f", 0.0, ""))
    stage.send(ALICE, "get", "many/*")
    heard = stage.heard(ALICE)
    assert len(heard) == 2 * MAX_ANSWERS
    assert not errors(heard)


def test_nobody_else_loses_by_it() -> None:
    stage = Stage()
    stage.subscribe(BOB, "paint/steps")
    asked = [pack_message("/artflow/ping", number) for number in range(20)]
    list_all = bundle(1, *[pack_message("/artflow/list")] * 2700)
    set_one = bundle(1, *[pack_message("/artflow/get")] * 2700, pack_message("/artflow/panic", 0))
    stage.controls.on("panic", lambda *_: None)
    packets = [(one, BOB) for one in asked]
    packets += [(list_all, ALICE), (set_one, ALICE)]
    packets += [(pack_message("/artflow/paint/steps", 3), ALICE)]
    stage.session.receive(packets)
    # a socket that takes nothing for a while: what waits does not add up over the turns
    for _ in range(40):
        stage.session.receive([(list_all, ALICE)])
    stage.wait(0.5)
    heard = stage.heard(BOB)
    assert [args for name, args in heard if name == "pong"] == [(n,) for n in range(20)]
    assert heard[-1] == ("paint/steps", (3,))
    assert [text for _, text in errors(stage.heard(ALICE))] == [OVER]


def test_what_waited_for_its_time_may_not_ask_for_more_either() -> None:
    stage = Stage()
    soon = timetag_at(WALL_S + stage.now + 1)
    flood(stage, pack_message("/artflow/list"), timetag=soon)
    stage.wait(2)
    heard = stage.heard(ALICE)
    assert [text for _, text in errors(heard)] == [OVER]
    assert len(heard) < 2 * MAX_ANSWERS


def test_long_words_still_fit_a_packet() -> None:
    stage = Stage()
    stage.send(ALICE, "request", "i" * 1000, "€" * 330, "v" * 1000)
    stage.send(ALICE, "/" + "ü" * 20_000, "w" * 900)
    stage.send(ALICE, "request", "j" * 1000, "paint/guidance-mode", "w" * 900)
    assert len(errors(stage.heard(ALICE))) == 3
