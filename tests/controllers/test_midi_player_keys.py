"""Keys, switches, programs and pages of a device's map, played; a device that goes; trouble."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest

from controllers.midi_map import (
    Cc,
    DeviceMap,
    Mapping,
    Note,
    Program,
)
from controllers.midi_map_file import read_map
from controllers.midi_player import MidiPlayer
from engine.controls import Trigger, Value
from engine.id_trigger import IdTrigger
from tests.controllers.midi_desk import Desk, controls, jump
from tests.helpers.osc import table

# keys


def test_a_key_fires() -> None:
    desk = Desk(Mapping(Note(36), "draw/clear"))
    assert desk.note(36, 100, 0, 1, 0) == ["note 36 -> draw/clear"] * 2
    assert desk.fired == [("draw/clear", (), desk.player.origin)] * 2


def test_a_key_fires_with_arguments() -> None:
    desk = Desk(Mapping(Note(36), "go/style", arguments=("neon", 2.5)))
    assert desk.note(36, 100) == ["note 36 -> go/style neon 2.5"]
    assert desk.calls == [("go/style", ("neon", 2.5))]


def test_a_trigger_that_takes_a_number_gets_the_velocity() -> None:
    desk = Desk(Mapping(Note(36), "go/at"), Mapping(Note(37), "snapshot"))
    desk.note(36, 127, 0)
    desk.note(37, 5)
    assert desk.calls == [("go/at", (1.0,)), ("snapshot", ())]


def test_a_switch_fires_when_it_goes_on() -> None:
    desk = Desk(Mapping(Cc(64), "draw/clear"))
    desk.cc(64, 10, 63, 64, 127, 64, 0, 127)
    assert desk.calls == [("draw/clear", ())] * 2


def test_a_program_fires_with_its_number() -> None:
    desk = Desk(Mapping(Program(), "go/number"), Mapping(Program(3), "draw/clear"))
    desk.program(2)
    desk.program(3)
    assert desk.calls == [("go/number", (2,)), ("draw/clear", ()), ("go/number", (3,))]


def test_a_program_sets_what_is_numbered() -> None:
    desk = Desk(
        Mapping(Program(channel=1), "paint/guidance-mode"),
        Mapping(Program(7), "paint/strength", value=0.25),
    )
    desk.program(2)
    assert desk.get("paint/guidance-mode") == "initialize"
    desk.program(7)
    assert desk.get("paint/guidance-mode") == "full", "the last there is"
    assert desk.get("paint/strength") == 0.25


def test_a_program_over_a_range() -> None:
    desk = Desk(Mapping(Program(), "paint/strength"))
    desk.program(127)
    assert desk.get("paint/strength") == 1.0


@pytest.mark.parametrize("on", [Note(36), Cc(36)])
def test_toggle(on: Note | Cc) -> None:
    desk = Desk(Mapping(on, "output/freeze", mode="toggle"))
    press = desk.note if isinstance(on, Note) else desk.cc
    seen = []
    for value in (127, 0, 127, 0):
        press(36, value)
        seen.append(desk.get("output/freeze"))
    assert seen == [1, 1, 0, 0]


def test_toggle_between_two_values_from_wherever_it_is() -> None:
    desk = Desk(Mapping(Note(36), "paint/strength", (0.2, 0.8), mode="toggle"))
    desk.controls.set("paint/strength", 0.6)
    desk.note(36, 127)
    assert desk.get("paint/strength") == 0.2
    desk.note(36, 127)
    assert desk.get("paint/strength") == 0.8
    desk.controls.set("paint/strength", 0.1)
    desk.note(36, 127)
    assert desk.get("paint/strength") == 0.8


@pytest.mark.parametrize("on", [Note(36), Cc(36)])
def test_momentary(on: Note | Cc) -> None:
    desk = Desk(Mapping(on, "paint/strength", (0.2, 0.8), mode="momentary"))
    press = desk.note if isinstance(on, Note) else desk.cc
    press(36, 127)
    assert desk.get("paint/strength") == 0.8
    press(36, 0)
    assert desk.get("paint/strength") == 0.2


def test_a_release_without_a_press_does_nothing() -> None:
    desk = Desk(Mapping(Note(36), "paint/strength", mode="momentary"))
    assert desk.note(36, 0) == []
    assert desk.get("paint/strength") == 0.5


def test_velocity() -> None:
    desk = Desk(Mapping(Note(36), "paint/strength", (0, 0.5)))
    desk.note(36, 127, 0)
    assert desk.get("paint/strength") == 0.5
    desk.note(36, 1)
    assert desk.get("paint/strength") == pytest.approx(0.5 / 127)


def test_a_key_sets_a_value() -> None:
    desk = Desk(
        Mapping(Note(36), "prompt/a", value="a red fox"), Mapping(Cc(5), "output/rotate", value=90)
    )
    desk.note(36, 1, 0)
    desk.cc(5, 127)
    assert desk.get("prompt/a") == "a red fox"
    assert desk.get("output/rotate") == 90


# pages


def test_pages() -> None:
    desk = Desk(
        Mapping(Cc(1), "paint/strength", takeover="jump", bank=1),
        Mapping(Cc(1), "paint/guidance", takeover="jump", bank=2),
        Mapping(Cc(2), "output/fade", takeover="jump"),
    )
    desk.cc(1, 127)
    desk.controls.set("midi/desk/bank", 2)
    desk.cc(1, 0)
    desk.cc(2, 0)
    assert desk.get("paint/strength") == 1.0
    assert desk.get("paint/guidance") == 0.0
    assert desk.get("output/fade") == 0.0


def test_a_shift_key_turns_the_page_while_it_is_held() -> None:
    desk = Desk(
        Mapping(Note(40), "midi/desk/bank", (1, 2), mode="momentary"),
        Mapping(Note(36), "draw/clear", bank=1),
        Mapping(Note(36), "draw/undo", bank=2),
    )
    desk.note(36, 100)
    desk.note(40, 100)
    desk.note(36, 100)
    desk.note(40, 0)
    desk.note(36, 100)
    assert [name for name, _ in desk.calls] == ["draw/clear", "draw/undo", "draw/clear"]


def test_a_knob_that_moved_on_another_page_does_not_jump() -> None:
    desk = Desk(Mapping(Cc(1), "paint/strength", bank=1), Mapping(Cc(1), "paint/guidance", bank=2))
    desk.cc(1, 64)
    desk.controls.set("midi/desk/bank", 2)
    desk.cc(1, 127)
    desk.controls.set("midi/desk/bank", 1)
    desk.cc(1, 126)
    assert desk.get("paint/strength") == 64 / 127
    desk.cc(1, 60)
    assert desk.get("paint/strength") == 60 / 127


def test_a_key_held_over_a_turn_of_the_page_is_let_go() -> None:
    desk = Desk(Mapping(Note(36), "output/freeze", mode="momentary", bank=1))
    desk.note(36, 100)
    desk.controls.set("midi/desk/bank", 2)
    desk.note(36, 0)
    assert desk.get("output/freeze") == 0
    desk.note(36, 100)
    assert desk.get("output/freeze") == 0


def test_a_key_that_turns_the_page_is_not_heard_on_the_next_as_well() -> None:
    desk = Desk(
        Mapping(Note(40), "midi/desk/bank", value=2, bank=1),
        Mapping(Note(40), "midi/desk/bank", value=1, bank=2),
    )
    desk.note(40, 100)
    assert desk.get("midi/desk/bank") == 2
    desk.note(40, 100)
    assert desk.get("midi/desk/bank") == 1


# coming, going, and going wrong


def test_a_device_that_goes_lets_its_keys_go_and_forgets_its_knobs() -> None:
    desk = Desk(
        Mapping(Note(36), "output/freeze", mode="momentary"), Mapping(Cc(1), "paint/strength")
    )
    desk.note(36, 100)
    desk.cc(1, 64)
    desk.player.disconnected()
    assert desk.get("output/freeze") == 0
    assert desk.player.touched is None
    desk.cc(1, 120)  # turned while it was unplugged
    assert desk.get("paint/strength") == 64 / 127


def test_a_key_that_is_held_is_let_go_when_another_map_follows() -> None:
    desk = Desk(Mapping(Note(36), "output/blackout", mode="momentary"))
    desk.note(36, 90)
    assert desk.get("output/blackout") == 1
    desk.player.close()
    assert desk.get("output/blackout") == 0


@pytest.mark.parametrize("number", [0, 1, 127])
def test_any_program_fires_what_wants_no_number(number: int) -> None:
    desk = Desk(Mapping(Program(), "snapshot"), Mapping(Program(), "draw/clear"))
    desk.program(number)
    assert desk.calls == [("snapshot", ()), ("draw/clear", ())]


def test_a_closed_player_listens_no_more() -> None:
    desk = Desk(Mapping(Cc(1), "paint/strength"))
    desk.cc(1, 64)
    desk.player.close()
    desk.controls.set("paint/strength", 0.9)
    assert desk.pickup == 0


def test_what_is_refused_is_told_once_a_second() -> None:
    desk = Desk(Mapping(Note(1), "go/number", arguments=("x",)))
    (line,) = desk.note(1, 100)
    assert line.startswith("note 1 -> refused: go/number takes a number")
    desk.note(1, 100, 100)
    assert len(desk.refused) == 1
    desk.at_s += 1.1
    desk.note(1, 100)
    assert len(desk.refused) == 2
    assert desk.refused[0][0] == "go/number"


def test_a_part_that_breaks_does_not_break_the_player(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.controls.declare(Trigger("breaks", ""))

    def handler(_args: object, _origin: object) -> None:
        raise RuntimeError("oh")

    desk.controls.on("breaks", handler)
    player = MidiPlayer(
        DeviceMap("desk", "x", mappings=(Mapping(Note(1), "breaks"),)), desk.controls
    )
    (line,) = player.take(mido.Message("note_on", note=1), 0.0)
    assert line == "note 1 -> refused: breaks failed: RuntimeError('oh')"
    assert "breaks" in caplog.text


def test_a_control_that_is_gone_is_told_and_the_rest_plays() -> None:
    desk = Desk(Mapping(Cc(1), "nobody/home"), jump(Cc(2)))
    assert [address for address, _ in desk.refused] == ["midi/desk"]
    desk.cc(1, 5)
    desk.cc(2, 0)
    assert desk.get("paint/strength") == 0.0


def test_without_its_rows_it_plays_all_the_same() -> None:
    alone = table()
    player = MidiPlayer(DeviceMap("desk", "x", mappings=(jump(Cc(1)),)), alone)
    player.take(mido.Message("control_change", control=1, value=0), 0.0)
    assert alone.get("paint/strength") == 0.0


def test_the_same_value_again_is_not_set_again() -> None:
    presses: list[Value] = []
    desk = Desk(jump(Cc(1), "paint/steps"))
    desk.controls.listen(
        lambda change: (
            presses.append(change.value) if change.parameter.name == "paint/steps" else None
        )
    )
    desk.cc(1, 100, 101, 127, 126)
    assert presses == [3, 4]


def test_a_file_is_played(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(
        'devices: [{id: desk, match: "x*", mappings: ['
        "{on: {cc: 1}, to: paint/strength, takeover: jump}]}]\n"
    )
    shown = controls()
    (device,) = read_map(path, shown).devices
    player = MidiPlayer(device, shown)
    player.take(mido.Message("control_change", control=1, value=127), 0.0)
    assert shown.get("paint/strength") == 1.0


def test_a_number_that_no_preset_has_is_refused_with_the_name_once() -> None:
    desk = Desk()
    desk.controls.declare(IdTrigger("preset/load", "", "s[f", lambda: ("anime",)))
    mapped = DeviceMap("desk", "x", mappings=(Mapping(Program(), "preset/load"),))
    desk.player = MidiPlayer(mapped, desk.controls)
    said = "nothing has the number 7; allowed: 0 to 0"
    assert desk.program(7) == [f"program -> refused: {said}"]
    assert desk.refused == [("preset/load", said)]
