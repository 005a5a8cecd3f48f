from __future__ import annotations

import math
import threading

import pytest

from engine.controls import Change, Controls, Parameter, Snapshot, Trigger, Value
from engine.errors import ControlError, UnknownControl
from tests.engine.test_control_values import COUNT, GO, LEVEL, MODE, ROWS, STATE, TURN


@pytest.fixture
def controls() -> Controls:
    controls = Controls()
    controls.declare(*ROWS)
    return controls


def test_declaring(controls: Controls) -> None:
    assert [entry.name for entry in controls.parameters()] == [
        row.name for row in ROWS if isinstance(row, Parameter)
    ]
    assert [entry.name for entry in controls.triggers()] == ["go", "save", "shot", "stroke"]
    assert controls.parameter("level") is LEVEL
    assert controls.trigger("go") is GO
    assert controls.is_parameter("level")
    assert controls.is_trigger("go")
    assert not controls.is_parameter("go")
    assert not controls.is_trigger("level")
    assert controls.get("level") == 0.5
    for twice in (LEVEL, GO, Trigger("level", ""), Parameter("go", "f", 0.0, "")):
        with pytest.raises(ValueError, match="is declared twice"):
            controls.declare(twice)


def test_unknown_names_are_answered_with_the_nearest(controls: Controls) -> None:
    for action in (
        lambda: controls.parameter("levl"),
        lambda: controls.set("levl", 1),
        lambda: controls.get("levl"),
        lambda: controls.reset("levl"),
    ):
        with pytest.raises(UnknownControl) as caught:
            action()
        assert str(caught.value) == "unknown control 'levl'; did you mean level?"
    with pytest.raises(UnknownControl) as caught:
        controls.fire("strokes")
    assert "did you mean stroke?" in str(caught.value)
    with pytest.raises(UnknownControl) as caught:
        controls.trigger("zzzzzzz")
    assert str(caught.value) == "unknown control 'zzzzzzz'; see artflow controls"


def test_setting_tells_the_listeners(controls: Controls) -> None:
    changes: list[Change] = []
    end = controls.listen(changes.append)
    assert controls.set("level", 0.25, "midi") == 0.25
    assert controls.set("level", 2.0, "osc") == 1.0
    assert controls.set("mode", 1, "osc") == "slow"
    assert controls.set("turn", 100, "osc") == 90
    assert controls.set_normalized("count", 1.0, "midi") == 4
    assert controls.reset("count", "key") == 2
    controls.publish("state", "busy")
    controls.publish("state", "busy")
    assert changes == [
        Change(LEVEL, 0.25, "midi", False),
        Change(LEVEL, 1.0, "osc", True),
        Change(MODE, "slow", "osc", False),
        Change(TURN, 90, "osc", True),
        Change(COUNT, 4, "midi", False),
        Change(COUNT, 2, "key", False),
        Change(STATE, "busy", None, False),
    ]
    end()
    controls.set("level", 0.0)
    assert len(changes) == 7


@pytest.mark.parametrize(
    ("raw", "clamped"), [(-1, True), (0, False), (0.4, False), (1, False), (True, False), (9, True)]
)
def test_an_index_outside_its_list_is_clamped(
    controls: Controls, raw: float, clamped: bool
) -> None:
    changes: list[Change] = []
    controls.listen(changes.append)
    controls.set("mode", raw)
    assert [change.clamped for change in changes] == [clamped]


def test_what_is_refused_changes_nothing(controls: Controls) -> None:
    before = controls.snapshot
    controls.listen(lambda change: pytest.fail(str(change)))
    for name, raw in (("level", "x"), ("mode", "x"), ("state", "busy"), ("level", math.nan)):
        with pytest.raises(ControlError):
            controls.set(name, raw)
    with pytest.raises(ControlError, match="state is a reported value and cannot be set"):
        controls.reset("state")
    assert controls.snapshot is before


def test_a_listener_may_leave_while_it_is_told(controls: Controls) -> None:
    told: list[str] = []

    def once(_change: Change) -> None:
        told.append("once")
        end()

    end = controls.listen(once)
    controls.listen(lambda _: told.append("always"))
    controls.set("level", 0.1)
    controls.set("level", 0.2)
    assert told == ["once", "always", "always"]


def test_firing(controls: Controls) -> None:
    heard: list[tuple[tuple[Value, ...], object]] = []
    controls.on("save", lambda arguments, origin: heard.append((arguments, origin)))
    controls.on("go", lambda arguments, origin: heard.append((arguments, origin)))
    assert controls.fire("save", ("look", 2), "osc")
    assert controls.fire("go")
    assert not controls.fire("go", (0,))
    assert heard == [(("look", 2.0), "osc"), ((), None)]
    with pytest.raises(ControlError, match="shot has no part of this show to answer it"):
        controls.fire("shot")
    with pytest.raises(ValueError, match="already has a handler"):
        controls.on("go", lambda *_: None)
    with pytest.raises(ValueError, match="level is not a declared trigger"):
        controls.on("level", lambda *_: None)


def test_reports_reach_everybody_who_wants_them(controls: Controls) -> None:
    heard: list[tuple[str, str, object]] = []
    end = controls.on_report(lambda *report: heard.append(report))
    controls.report("input/source", "camera 0 is gone", "osc")
    end()
    controls.report("input/source", "not heard")
    assert heard == [("input/source", "camera 0 is gone", "osc")]


# snapshots


def test_a_snapshot_never_changes(controls: Controls) -> None:
    first = controls.snapshot
    assert controls.snapshot is first
    controls.set("level", 0.25)
    second = controls.snapshot
    assert (first.number("level"), second.number("level")) == (0.5, 0.25)
    assert second.seq > first.seq
    assert second.text("mode") == "off"
    with pytest.raises(TypeError):
        second.values["level"] = 1.0  # type: ignore[index]
    with pytest.raises(AssertionError):
        second.number("mode")


def test_others_see_changes_only_when_they_are_committed(controls: Controls) -> None:
    wakes: list[int] = []
    controls.wake = lambda: wakes.append(1)
    assert controls.committed == Snapshot(0, {})
    first = controls.commit()
    controls.set("level", 0.25)
    controls.set("count", 4)
    assert controls.committed is first
    assert first.number("count") == 2
    assert len(wakes) == 2
    second = controls.commit()
    assert controls.committed is second
    assert (second.number("level"), second.number("count")) == (0.25, 4)
    assert controls.commit() is second


def test_a_reader_in_another_thread_sees_whole_turns(controls: Controls) -> None:
    controls.declare(Parameter("one", "i", 0, ""), Parameter("twin", "i", 0, ""))
    controls.commit()
    done = threading.Event()
    torn: list[Snapshot] = []

    def read() -> None:
        while not done.is_set():
            seen = controls.committed
            if seen.values["one"] != seen.values["twin"]:
                torn.append(seen)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2000):
        controls.set("one", number)
        controls.set("twin", number)
        controls.commit()
    done.set()
    reader.join()
    assert not torn


# motion's side


def test_a_slewing_value_is_left_to_motion() -> None:
    controls = Controls()
    slow = Parameter("slow", "f", 0.0, "", low=0.0, high=1.0, slew=1.0)
    controls.declare(slow, LEVEL)
    asked: list[tuple[str, Value, Value]] = []

    def moving(parameter: Parameter, live: Value, target: Value) -> bool:
        asked.append((parameter.name, live, target))
        return bool(parameter.slew) and target != 0.25

    controls.moving = moving
    controls.set("slow", 1.0)
    controls.set("level", 1.0)
    assert controls.get("slow") == 1.0
    assert controls.snapshot.number("slow") == 0.0
    assert controls.snapshot.number("level") == 1.0
    controls.travel({"slow": 0.5})
    assert controls.snapshot.number("slow") == 0.5
    assert controls.get("slow") == 1.0
    # where motion declines, the value is there at once
    controls.set("slow", 0.25)
    assert controls.snapshot.number("slow") == 0.25
    # asked also where the value is there already: it may be on its way elsewhere
    controls.set("slow", 0.25)
    slow_ones = [("slow", 0.0, 1.0), ("slow", 0.5, 0.25), ("slow", 0.25, 0.25)]
    # also of what does not slew: it may be in a fade
    assert asked == [slow_ones[0], ("level", 0.5, 1.0), *slow_ones[1:]]


def test_a_change_made_by_a_listener_is_told_to_all_after_the_one_under_way() -> None:
    table = Controls()
    table.declare(Parameter("a", "i", 0, "", low=0, high=9), Parameter("b", "i", 0, ""))

    def follow(change: Change) -> None:
        if change.parameter.name == "a":
            table.set("b", 7)

    table.listen(follow)
    told: list[tuple[str, object]] = []
    table.listen(lambda change: told.append((change.parameter.name, change.value)))
    table.set("a", 1)
    assert told == [("a", 1), ("b", 7)]


def test_what_rides_shows_in_the_snapshot_alone() -> None:
    controls = Controls()
    angle = Parameter("angle", "f", 170.0, "", low=-180.0, high=180.0, wrap=True)
    controls.declare(LEVEL, angle)
    woken: list[int] = []
    controls.wake = lambda: woken.append(1)
    controls.ride({"level": 0.25, "angle": 30.0})
    assert controls.snapshot.values == {"level": 0.75, "angle": -160.0}
    assert (controls.get("level"), controls.at("level"), controls.at("angle")) == (0.5, 0.5, 170.0)
    seq, count = controls.snapshot.seq, len(woken)
    controls.ride({"level": 0.25, "angle": 30.0})
    assert (controls.snapshot.seq, len(woken)) == (seq, count)
    controls.ride({"level": -0.75})
    assert controls.snapshot.values == {"level": 0.0, "angle": 170.0}
    controls.set("level", 1.0)
    assert controls.snapshot.number("level") == 0.25
    controls.ride({})
    assert controls.snapshot.values == {"level": 1.0, "angle": 170.0}
    assert len(woken) > count
