"""Lights: what they show, when they are told, and what they are spared."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.midi_lights import (
    AT_ONCE_S,
    BLINK_S,
    BYTES_A_SECOND,
    MOST_A_SECOND,
    QUIET_S,
    Lights,
)
from controllers.midi_map import (
    Cc,
    Cc14,
    DeviceMap,
    Feedback,
    Mapping,
    Note,
    Pitch,
    device_rows,
)
from engine.controls import Controls, Parameter
from engine.parameters import PARAMETERS, TRIGGERS
from presets.preset_controls import triggers
from presets.preset_states import STATES

STYLE = "anime"


def _controls() -> Controls:
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS, *device_rows("box"))
    controls.declare(*triggers(lambda: [STYLE]))
    controls.declare(
        Parameter(f"preset/{STYLE}/weight", "f", 0.0, "", low=-2.0, high=2.0),
        Parameter(f"preset/{STYLE}/state", "s", "absent", "", choices=STATES, read_only=True),
        Parameter("preset/deck-a", "s", "", "", read_only=True),
    )
    return controls


class Box:
    """A device with lights, and a clock that the test moves."""

    def __init__(self, *mappings: Mapping) -> None:
        self.controls = _controls()
        self.now_s = 100.0
        self.sent: list[tuple[float, mido.Message]] = []
        self.woken = 0
        self.lights = Lights(
            DeviceMap("box", "Box", "Box", mappings),
            self.controls,
            lambda message: self.sent.append((self.now_s, message)),
            self._wake,
        )
        self.lights.redraw(self.now_s)

    def _wake(self) -> None:
        self.woken += 1

    def run(self, seconds: float) -> None:
        """Let time pass as the owner does: when asked to be called, and at once when woken."""
        until_s = self.now_s + seconds
        while True:
            due_s = self.lights.tick(self.now_s)
            if due_s is None or due_s > until_s:
                break
            assert due_s > self.now_s, "asks to be called in the past"
            self.now_s = due_s
        self.now_s = until_s

    def values(self) -> list[int]:
        """What was sent since the last look."""
        values = [
            message.value if message.type == "control_change" else message.velocity
            for _, message in self.sent
        ]
        self.sent.clear()
        return values

    def hear(self, text: str) -> None:
        self.lights.heard(mido.Message.from_str(text), self.now_s)


def _pad(to: str, note: int = 36, **fields: object) -> Mapping:
    light = Feedback(note=note, on=21, off=1)
    return Mapping(Note(note, 1), to, feedback=(light,), **fields)  # type: ignore[arg-type]


def _ring(to: str, number: int = 7, **fields: object) -> Mapping:
    light = Feedback(cc=number, show="value")
    return Mapping(Cc(number, 3), to, feedback=(light,), **fields)  # type: ignore[arg-type]


def test_a_new_device_is_told_of_every_light() -> None:
    box = Box(_pad("output/freeze"), _ring("paint/strength"))

    told = {message.type: message for _, message in box.sent}

    assert told["note_on"] == mido.Message("note_on", channel=0, note=36, velocity=1)
    assert told["control_change"] == mido.Message(
        "control_change", channel=2, control=7, value=64
    ), "on the mapping's channel"


def test_a_light_follows_its_switch() -> None:
    box = Box(_pad("output/freeze"))
    box.values()

    box.controls.set("output/freeze", 1)
    assert box.woken
    box.run(0.1)
    assert box.values() == [21]
    box.controls.set("output/freeze", 0)
    box.run(0.1)
    assert box.values() == [1]
    box.controls.set("paint/strength", 0.1)
    box.run(0.1)
    assert box.values() == []


@pytest.mark.parametrize(
    ("mapping", "name", "value", "shows"),
    [
        (_pad("paint/steps", value=2), "paint/steps", 2, 21),
        (_pad("paint/steps", value=2), "paint/steps", 3, 1),
        (_pad("paint/guidance-mode", value="full"), "paint/guidance-mode", "full", 21),
        (_pad("paint/strength", value=0.25), "paint/strength", 0.25, 21),
        (_pad("prompt/a", value="sea"), "prompt/a", "sea", 21),
        (_pad("paint/strength"), "paint/strength", 0.01, 21),
        (_pad("paint/strength"), "paint/strength", 0.0, 1),
        (_pad("paint/strength", mode="toggle"), "paint/strength", 0.49, 1),
        (_pad("paint/strength", mode="toggle"), "paint/strength", 0.5, 21),
        (_pad("output/freeze", mode="toggle", invert=True), "output/freeze", 1, 21),
        (_ring("paint/strength"), "paint/strength", 1.0, 127),
        (_ring("paint/strength", invert=True), "paint/strength", 1.0, 0),
        (_ring("paint/strength", range=(0.2, 0.4)), "paint/strength", 0.35, 95),
        (_ring("paint/strength", range=(0.2, 0.4)), "paint/strength", 0.9, 127),
        (_ring("feedback/zoom"), "feedback/zoom", 0.5, 0),
        (_ring("paint/guidance-mode"), "paint/guidance-mode", "initialize", 85),
    ],
)
def test_what_a_light_shows(mapping: Mapping, name: str, value: float | str, shows: int) -> None:
    box = Box(mapping)
    box.controls.set(name, value)
    box.values()
    box.lights.redraw(box.now_s)
    assert box.values() == [shows]


def test_a_ring_may_have_a_scale_of_its_own() -> None:
    light = Feedback(cc=9, show="value", on=13, off=1)
    box = Box(Mapping(Cc(1), "paint/strength", feedback=(light,)))
    assert box.values() == [7]


def test_a_knob_of_an_exp_curve_shows_where_it_would_stand() -> None:
    box = Box(_ring("paint/strength", curve="exp"))
    box.values()
    box.controls.set("paint/strength", 0.1)
    box.run(0.1)
    assert box.values() == [64]


def test_a_preset_that_downloads_blinks_and_then_is_lit() -> None:
    box = Box(_pad("preset/load", arguments=(STYLE,)))
    assert box.values() == [1]

    box.controls.publish(f"preset/{STYLE}/state", "downloading")
    box.run(8 * BLINK_S)
    blinks = box.values()
    assert set(blinks) == {1, 21}
    assert 7 <= len(blinks) <= 9
    assert all(one != other for one, other in pairwise(blinks))
    box.controls.publish(f"preset/{STYLE}/state", "active")
    box.run(8 * BLINK_S)
    assert box.values() in ([21], []), "steady"
    assert box.lights.tick(box.now_s) is None, "nothing more to do"
    box.controls.publish(f"preset/{STYLE}/state", "installed")
    box.run(1)
    assert box.values() == [1]


@pytest.mark.parametrize("state", ["queued", "resolving", "downloading", "verifying"])
def test_every_state_of_a_download_is_busy(state: str) -> None:
    light = Feedback(note=1, busy=2)
    box = Box(
        Mapping(Cc(1), f"preset/{STYLE}/weight", feedback=(light,)),
    )
    box.values()
    box.controls.publish(f"preset/{STYLE}/state", state)
    box.run(1)
    assert box.values() == [2]


def test_a_preset_by_its_number_in_the_list_has_a_light_too() -> None:
    box = Box(_pad("preset/load", arguments=(0,)))
    box.values()
    box.controls.publish(f"preset/{STYLE}/state", "active")
    box.run(0.1)
    assert box.values() == [21]


@pytest.mark.parametrize(
    ("to", "arguments", "name", "value"),
    [
        ("preset/a", (STYLE,), "preset/deck-a", STYLE),
        ("record/start", (), "record/active", 1),
        ("midi/learn", (), "midi/learning", "paint/strength"),
        ("tempo/tap", (), "tempo/beat", 4.1),
    ],
)
def test_triggers_with_something_to_show(
    to: str, arguments: tuple[str, ...], name: str, value: float | str
) -> None:
    box = Box(_pad(to, arguments=arguments))
    box.controls.publish(name, value)
    box.run(0.1)
    assert box.values()[-1] == 21


def test_a_trigger_with_nothing_to_show_stays_off() -> None:
    box = Box(_pad("panic"))
    box.run(1)
    assert box.values() == [1]


def test_a_ring_hears_nothing_while_its_knob_moves_and_the_truth_thereafter() -> None:
    box = Box(_ring("paint/strength"), _ring("paint/delta", 8))
    box.values()
    for step in range(10):
        box.hear(f"control_change channel=2 control=7 value={step}")
        box.controls.set("paint/strength", step / 127)
        box.run(0.05)
    moved_s = box.now_s - 0.05

    assert box.values() == [], "no echo"
    box.controls.set("paint/delta", 2.0)
    box.run(0.01)
    assert box.values() == [127], "the other ring does not wait"
    box.run(1)
    assert [round(at_s - moved_s, 6) for at_s, _ in box.sent] == [QUIET_S]
    assert box.values() == [9]


def test_a_knob_that_does_not_have_its_value_leaves_its_ring_right_in_the_end() -> None:
    # the box drew its ring where the knob is; the value did not follow, for want of pickup
    box = Box(_ring("paint/strength"))
    box.values()
    box.hear("control_change channel=2 control=7 value=3")
    box.run(1)
    assert box.values() == [64]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (Cc14(4, 36, 1), "control_change channel=0 control=36 value=3"),
        (Pitch(None), "pitchwheel channel=5 pitch=3"),
    ],
)
def test_knobs_of_other_sorts_are_spared_echoes(source: Cc14 | Pitch, text: str) -> None:
    light = Feedback(cc=4, show="value")
    box = Box(Mapping(source, "paint/strength", feedback=(light,)))
    box.values()
    box.hear(text)
    box.controls.set("paint/strength", 1.0)
    box.run(QUIET_S / 2)
    assert box.values() == []
    box.run(QUIET_S)
    assert box.values() == [127]


def test_a_pad_that_was_let_go_is_told_again() -> None:
    # many boxes switch the light of a pad off themselves
    box = Box(_pad("output/freeze"))
    box.values()
    box.hear("note_on channel=0 note=36 velocity=90")
    box.controls.set("output/freeze", 1)
    box.run(0.1)
    assert box.values() == [21], "at once"
    box.hear("note_off channel=0 note=36")
    box.run(0.1)
    assert box.values() == [21], "and again"


def test_no_light_is_told_more_often_than_it_can_take() -> None:
    box = Box(_ring("paint/strength"))
    box.run(1)
    box.values()
    for step in range(1000):
        box.controls.set("paint/strength", step / 1000)
        box.run(0.001)
    times = [at_s for at_s, _ in box.sent]
    assert len(times) <= MOST_A_SECOND + 1
    box.run(1)
    assert box.values()[-1] == 127, "and ends right"


def test_only_the_shown_page_is_lit() -> None:
    both = Mapping(Note(1, 1), "input/mirror", feedback=(Feedback(note=1, on=9),))
    box = Box(
        _pad("output/freeze", bank=1),
        _pad("output/blackout", bank=2),
        _pad("paint/active", note=40, bank=1),
        both,
    )
    box.controls.set("output/blackout", 1)
    box.controls.set("input/mirror", 1)
    box.run(1)
    box.sent.clear()

    box.controls.set("midi/box/bank", 2)
    box.run(1)

    told = {message.note: message.velocity for _, message in box.sent}
    assert told == {36: 21, 40: 0}, "blackout is on; nothing is there any more; the rest stays"


def test_at_the_end_all_lights_go_out() -> None:
    box = Box(_pad("output/freeze"), _ring("paint/strength"))
    box.values()
    box.lights.dark()
    assert box.values() == [0, 0]
    box.lights.close()
    box.controls.set("paint/strength", 1.0)
    box.run(1)
    assert box.values() == []


def test_where_another_map_follows_only_what_it_does_not_light_goes_out() -> None:
    box = Box(_pad("output/freeze"), _pad("output/blackout", note=40))
    other = Box(_pad("paint/active", note=40))
    box.values()
    box.lights.dark(but=other.lights.places)
    assert [message.note for _, message in box.sent] == [36]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("set"), st.floats(0, 1)),
            st.tuples(st.just("hear"), st.integers(0, 127)),
            st.tuples(st.just("wait"), st.floats(0, 0.7)),
            st.tuples(st.just("bank"), st.integers(1, 3)),
        ),
        max_size=40,
    )
)
def test_whatever_happens_the_ring_is_true_in_the_end(steps: list[tuple[str, float]]) -> None:
    box = Box(_ring("paint/strength"))
    for what, value in steps:
        match what:
            case "set":
                box.controls.set("paint/strength", value)
            case "hear":
                box.hear(f"control_change channel=2 control=7 value={int(value)}")
            case "wait":
                box.run(value)
            case _:
                box.controls.set("midi/box/bank", int(value))
    box.run(2)
    strength = box.controls.get("paint/strength")
    assert isinstance(strength, float)
    times = [at_s for at_s, _ in box.sent]
    assert all(later - sooner >= 1 / MOST_A_SECOND - 1e-6 for sooner, later in pairwise(times))
    assert box.values()[-1] == round(127 * strength)


def test_what_only_shares_its_name_with_a_preset_does_not_blink() -> None:
    box = Box(_pad("record/start", arguments=(STYLE,)), _pad("preset/load", 37, arguments=(STYLE,)))
    box.sent.clear()
    box.controls.publish(f"preset/{STYLE}/state", "downloading")
    box.run(BLINK_S * 8)
    assert {message.note for _, message in box.sent} == {37}


def test_all_lights_together_are_no_more_than_a_cable_carries_and_each_has_its_turn() -> None:
    box = Box(*(_ring("paint/strength", number) for number in range(100)))
    box.run(1)
    box.sent.clear()
    began_s = box.now_s
    for step in range(1000):
        box.controls.set("paint/strength", step % 100 / 100)
        box.run(0.003)
    for at_s, _ in box.sent:
        bytes_ = sum(3 for then_s, _ in box.sent if at_s - 1 <= then_s <= at_s)
        assert bytes_ <= BYTES_A_SECOND * (1 + AT_ONCE_S) + 3
    assert len(box.sent) * 3 >= BYTES_A_SECOND * (box.now_s - began_s) * 0.9
    turns = Counter(message.control for _, message in box.sent)
    assert max(turns.values()) - min(turns.values()) <= 2
    box.run(1)
    newest = {message.control: message.value for _, message in box.sent}
    assert set(newest.values()) == {round(0.99 * 127)}, "all end on the newest value"
