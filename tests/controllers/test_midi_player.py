"""Knobs and encoders of a device's map, played: values, takeover, and what is told of it."""

from __future__ import annotations

import mido
import pytest

from controllers.midi_map import (
    Aftertouch,
    Cc,
    Cc14,
    DeviceMap,
    Mapping,
    Nrpn,
    Pitch,
    device_rows,
)
from controllers.midi_player import MidiPlayer, Touched
from engine.controls import Parameter, Value
from engine.errors import ControlError
from tests.controllers.midi_desk import Desk, jump

# knobs


def test_a_knob_plays_its_control() -> None:
    desk = Desk(jump(Cc(16)))
    assert desk.cc(16, 127) == ["cc 16 -> paint/strength 1"]
    assert desk.get("paint/strength") == 1.0
    desk.cc(16, 0)
    assert desk.get("paint/strength") == 0.0


def test_range_curve_and_turning_round() -> None:
    desk = Desk(
        Mapping(Cc(1), "paint/strength", (0.1, 0.9), takeover="jump"),
        Mapping(Cc(2), "paint/guidance", curve="exp", takeover="jump"),
        Mapping(Cc(3), "output/fade", invert=True, takeover="jump"),
        Mapping(Cc(4), "output/brightness", (2, 0), takeover="jump"),
    )
    desk.cc(1, 0)
    assert desk.get("paint/strength") == 0.1
    desk.cc(1, 127)
    assert desk.get("paint/strength") == 0.9
    desk.cc(2, 64)
    assert desk.get("paint/guidance") == pytest.approx(1.0, abs=0.05)
    desk.cc(3, 127)
    assert desk.get("output/fade") == 0.0
    desk.cc(4, 0)
    assert desk.get("output/brightness") == 2.0


def test_whole_numbers_choices_and_switches() -> None:
    desk = Desk(
        jump(Cc(1), "paint/steps"),
        jump(Cc(2), "paint/guidance-mode"),
        jump(Cc(3), "output/rotate"),
        Mapping(Cc(4), "output/freeze", mode="knob", takeover="jump"),
    )
    seen = [(desk.cc(1, value), desk.get("paint/steps"))[1] for value in (0, 20, 64, 80, 127)]
    assert seen == [1, 1, 3, 3, 4]
    seen = [(desk.cc(2, value), desk.get("paint/guidance-mode"))[1] for value in (127, 85, 0)]
    assert seen == ["full", "initialize", "none"]
    seen = [(desk.cc(3, value), desk.get("output/rotate"))[1] for value in (127, 42, 0)]
    assert seen == [270, 90, 0]
    seen = [(desk.cc(4, value), desk.get("output/freeze"))[1] for value in (127, 63, 64)]
    assert seen == [1, 0, 1]


def test_every_source_of_a_position() -> None:
    desk = Desk(
        jump(Cc14(16, 48)),
        jump(Nrpn(300), "paint/guidance"),
        jump(Pitch(), "output/fade"),
        jump(Aftertouch(), "output/contrast"),
        jump(Aftertouch(36), "output/saturation"),
    )
    desk.cc(16, 127)
    assert desk.get("paint/strength") == 0.5, "waits for its second half"
    desk.cc(48, 127)
    assert desk.get("paint/strength") == 1.0
    desk.cc(99, 2), desk.cc(98, 44), desk.cc(6, 127), desk.cc(38, 127)
    assert desk.get("paint/guidance") == 10.0
    desk.take(mido.Message("pitchwheel", pitch=-8192))
    assert desk.get("output/fade") == 0.0
    desk.take(mido.Message("aftertouch", value=0))
    assert desk.get("output/contrast") == 0.0
    desk.take(mido.Message("polytouch", note=36, value=127))
    assert desk.get("output/saturation") == 2.0


def test_a_knob_that_waits_is_told_in_the_controls_own_values() -> None:
    desk = Desk(Mapping(Cc(1), "paint/guidance", (2, 4), "exp", invert=True))
    desk.controls.set("paint/guidance", 7)
    (line,) = desk.cc(1, 127)
    assert line == "cc 1 -> paint/guidance waits at 7; the knob stands at 2"


def test_a_half_is_told_as_one() -> None:
    desk = Desk(jump(Cc14(16, 48)), jump(Nrpn(300), "paint/guidance"))
    assert desk.cc(48, 3) == ["second half of cc14 16/48"]
    assert desk.cc(16, 3) == ["first half of cc14 16/48"]
    assert desk.cc(48, 3) == ["cc14 16/48 -> paint/strength 0.02362"]
    assert [*desk.cc(99, 2), *desk.cc(98, 44)] == ["selects an nrpn"] * 2
    assert desk.cc(6, 127) == ["first half of nrpn 300"]
    assert desk.cc(38, 127) == ["nrpn 300 -> paint/guidance 10"]
    assert desk.cc(98, 45, channel=1) == ["selects an nrpn"]
    assert desk.cc(6, 127) == [], "of another parameter, which nothing plays"
    assert desk.cc(7, 127) == []


def test_a_half_that_stays_alone_is_played_when_due() -> None:
    desk = Desk(jump(Cc14(16, 48)))
    assert desk.player.due(desk.at_s) is None
    desk.cc(16, 127)
    due_s = desk.player.due(desk.at_s)
    assert due_s == pytest.approx(desk.at_s + 0.005)
    assert desk.get("paint/strength") == 0.5
    assert desk.player.due(desk.at_s + 0.006) is None
    assert desk.get("paint/strength") == 1.0
    assert desk.told == ["cc14 16/48 -> paint/strength 1"]


def test_one_knob_for_two_controls() -> None:
    desk = Desk(jump(Cc(1)), jump(Cc(1), "output/fade"))
    assert len(desk.cc(1, 0)) == 2
    assert (desk.get("paint/strength"), desk.get("output/fade")) == (0.0, 0.0)


def test_what_no_mapping_names_does_nothing() -> None:
    desk = Desk(jump(Cc(1, channel=2)))
    assert desk.cc(1, 127) == []
    assert desk.cc(2, 127) == []
    assert desk.note(1, 127) == []
    assert desk.take(mido.Message("clock"), mido.Message("sysex", data=(1, 2))) == []
    assert len(desk.cc(1, 127, channel=2)) == 1


# takeover


def test_a_knob_picks_up_without_jumping() -> None:
    desk = Desk(Mapping(Cc(16), "paint/strength"))
    assert desk.cc(16, 10) == ["cc 16 -> paint/strength waits at 0.5; the knob stands at 0.07874"]
    assert desk.pickup == pytest.approx(10 / 127 - 0.5)
    assert desk.player.touched == Touched("paint/strength", 10 / 127, 0.5, False)
    desk.cc(16, 60)
    assert desk.get("paint/strength") == 0.5
    desk.cc(16, 62)
    assert desk.get("paint/strength") == 62 / 127
    assert desk.pickup == 0.0
    desk.cc(16, 127)
    assert desk.get("paint/strength") == 1.0
    assert desk.player.touched == Touched("paint/strength", 1.0, 1.0, True)


@pytest.mark.parametrize("other", ["osc", None])
def test_another_origin_arms_it_again(other: object) -> None:
    desk = Desk(Mapping(Cc(16), "paint/strength"))
    desk.cc(16, 64)
    assert desk.get("paint/strength") == 64 / 127
    desk.controls.set("paint/strength", 0.9, other)
    assert desk.pickup == pytest.approx(64 / 127 - 0.9), "told at once"
    desk.cc(16, 70)
    assert desk.get("paint/strength") == 0.9
    desk.cc(16, 120)
    assert desk.get("paint/strength") == 120 / 127


def test_another_knob_of_the_same_device_arms_it_again() -> None:
    desk = Desk(Mapping(Cc(1), "paint/strength"), Mapping(Cc(2), "paint/strength"))
    desk.cc(1, 64)
    desk.cc(2, 64, 127)
    assert desk.get("paint/strength") == 1.0
    desk.cc(1, 70)
    assert desk.get("paint/strength") == 1.0


def test_two_devices_arm_each_other() -> None:
    desk = Desk(Mapping(Cc(1), "paint/strength"))
    desk.controls.declare(*device_rows("b"))
    other = MidiPlayer(
        DeviceMap("b", "y", mappings=(Mapping(Cc(1), "paint/strength"),)), desk.controls
    )
    desk.cc(1, 64)
    for value in (64, 120):
        other.take(mido.Message("control_change", control=1, value=value), 11.0)
    desk.cc(1, 65)
    assert desk.get("paint/strength") == 120 / 127


def test_its_own_moves_do_not() -> None:
    desk = Desk(Mapping(Cc(1), "paint/steps"))
    desk.cc(1, 0, 60, 63, 127)
    assert desk.get("paint/steps") == 4


def test_one_of_few_values_is_picked_up_where_it_is() -> None:
    desk = Desk(Mapping(Cc(1), "paint/guidance-mode"))
    assert desk.cc(1, 15) == ["cc 1 -> paint/guidance-mode none"]
    desk.controls.set("paint/guidance-mode", "full")
    assert desk.cc(1, 30) == ["cc 1 -> paint/guidance-mode waits at full; the knob stands at self"]


def test_scale_moves_in_proportion() -> None:
    desk = Desk(Mapping(Cc(1), "paint/strength", takeover="scale"))
    desk.cc(1, 0)
    assert desk.get("paint/strength") == 0.5
    desk.cc(1, 63)
    # half of the knob's travel is half of what is left of the value's
    assert desk.get("paint/strength") == pytest.approx(0.5 + 0.5 * 63 / 127)
    desk.cc(1, 127)
    assert desk.get("paint/strength") == pytest.approx(1.0)
    assert desk.pickup == 0


def test_scale_moves_whole_numbers_as_well() -> None:
    desk = Desk(Mapping(Cc(1), "paint/seed", (0, 10), takeover="scale"))
    desk.controls.set("paint/seed", 5)
    desk.cc(1, *range(128))
    assert desk.get("paint/seed") == 10


class Refusing(Parameter):
    """Cannot be played while `refuse` says so, as the weight of a preset that is absent."""

    refuse = True

    def coerce(self, raw: object) -> Value:
        if self.refuse and raw:
            raise ControlError(f"{self.name} is absent")
        return super().coerce(raw)


def test_a_value_that_was_refused_does_not_jump_when_it_is_played_after_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    desk.controls.declare(Refusing("weight", "f", 0.0, "", low=0.0, high=1.0))
    mapped = DeviceMap("desk", "x", mappings=(Mapping(Cc(1), "weight"),))
    desk.player = MidiPlayer(mapped, desk.controls)
    assert desk.cc(1, 1, 60, 100)[-1] == "cc 1 -> weight waits at 0; the knob stands at 0.7874"
    assert {text for _, text in desk.refused} == {"weight is absent"}
    monkeypatch.setattr(Refusing, "refuse", False)
    desk.cc(1, 101)
    assert desk.get("weight") == 0.0
    desk.cc(1, 0, 5)
    assert desk.get("weight") == 5 / 127


# encoders


def encoder(**rest: object) -> Mapping:
    fields: dict[str, object] = {"on": Cc(20, relative="twos-complement"), "to": "paint/strength"}
    return Mapping(**(fields | rest))  # type: ignore[arg-type]


def test_an_encoder_moves_on_from_where_the_value_is() -> None:
    desk = Desk(encoder())
    assert desk.cc(20, 1) == ["cc 20 +1 -> paint/strength 0.5078"]
    assert desk.get("paint/strength") == 0.5 + 1 / 128
    desk.controls.set("paint/strength", 0.2)
    desk.cc(20, 126)
    assert desk.get("paint/strength") == pytest.approx(0.2 - 2 / 128)


def test_an_encoder_stops_at_the_ends() -> None:
    desk = Desk(encoder(range=(0.2, 0.6)))
    desk.cc(20, *[63] * 9)
    assert desk.get("paint/strength") == 0.6
    desk.cc(20, *[65] * 9)
    assert desk.get("paint/strength") == 0.2


def test_an_encoder_does_not_pull_in_a_value_from_outside() -> None:
    desk = Desk(encoder(range=(0.2, 0.6)))
    desk.controls.set("paint/strength", 0.9)
    desk.cc(20, 1)
    assert desk.get("paint/strength") == pytest.approx(0.9)
    desk.cc(20, 127)
    assert desk.get("paint/strength") == pytest.approx(0.9 - 0.4 / 128)


def test_a_step_is_in_the_controls_own_values() -> None:
    desk = Desk(encoder(to="paint/seed", step=1.0))
    desk.cc(20, 1, 1, 127, 5)
    assert desk.get("paint/seed") == 2 + 1 + 1 - 1 + 5


def test_without_a_step_a_whole_number_goes_by_one_however_wide_its_range() -> None:
    desk = Desk(encoder(to="paint/seed"))
    desk.cc(20, 1, 1, 127, 5)
    assert desk.get("paint/seed") == 2 + 1 + 1 - 1 + 5


def test_steps_of_less_than_one_add_up() -> None:
    desk = Desk(encoder(to="paint/steps", step=0.25))
    desk.cc(20, 1, 1)
    assert desk.get("paint/steps") == 2
    desk.cc(20, 1, 1, 1, 1)
    assert desk.get("paint/steps") in (2, 3)
    desk.cc(20, 1, 1)
    assert desk.get("paint/steps") == 3


def test_an_encoder_steps_through_choices_and_small_numbers() -> None:
    desk = Desk(
        encoder(to="paint/guidance-mode"),
        encoder(on=Cc(21, relative="offset-binary"), to="paint/steps"),
        encoder(on=Cc(22, relative="signed-bit"), to="output/rotate"),
    )
    desk.cc(20, 1, 1)
    assert desk.get("paint/guidance-mode") == "initialize"
    desk.cc(21, 65)
    assert desk.get("paint/steps") == 2
    desk.cc(22, 1, 1, 65)
    assert desk.get("output/rotate") == 90


def test_turned_round_and_downwards() -> None:
    desk = Desk(
        encoder(invert=True),
        encoder(on=Cc(21, relative="signed-bit"), to="output/fade", range=(1, 0)),
    )
    desk.cc(20, 1)
    assert desk.get("paint/strength") < 0.5  # type: ignore[operator]
    desk.controls.set("output/fade", 0.5)
    desk.cc(21, 1)
    assert desk.get("output/fade") < 0.5  # type: ignore[operator]


def test_an_angle_goes_round() -> None:
    desk = Desk(encoder(to="feedback/rotate", step=100.0))
    desk.cc(20, 1, 1)
    assert desk.get("feedback/rotate") == pytest.approx(-160)


def test_ticks_that_come_fast_go_farther() -> None:
    slow, fast = Desk(encoder(acceleration=4.0)), Desk(encoder(acceleration=4.0))
    for desk, every_s in ((slow, 0.1), (fast, 0.01)):
        for _ in range(5):
            desk.at_s += every_s
            desk.cc(20, 1)
    moved = [float(desk.get("paint/strength")) - 0.5 for desk in (slow, fast)]
    assert moved[0] == pytest.approx(5 / 128)
    # the first has none before it; 10 of 50 ms leave four fifths of the hurry
    assert moved[1] == pytest.approx((1 + 4 * (1 + 4 * 0.8)) / 128)


def test_steps_of_a_numbered_parameter() -> None:
    desk = Desk(Mapping(Nrpn(1), "paint/strength"))
    desk.cc(99, 0), desk.cc(98, 1), desk.cc(96, 0), desk.cc(96, 0), desk.cc(97, 0)
    assert desk.get("paint/strength") == pytest.approx(0.5 + 1 / 128)
