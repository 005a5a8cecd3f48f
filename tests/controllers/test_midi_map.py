"""Map files: what they can say, what is told of what they should not, and how they are played."""

from __future__ import annotations

from pathlib import Path

import pytest

from controllers.midi_map import (
    Aftertouch,
    Cc,
    Cc14,
    DeviceMap,
    Feedback,
    Mapping,
    Note,
    Nrpn,
    Pitch,
    Program,
    Source,
)
from controllers.midi_map_file import read_map
from engine.controls import Controls, Trigger
from engine.errors import SettingError
from tests.helpers.osc import table


def stage() -> Controls:
    """The built-in table, and triggers that take things."""
    controls = table()
    controls.declare(
        Trigger("go/style", "", "s[f"), Trigger("go/scene", "", "s"), Trigger("go/at", "", "f")
    )
    return controls


CONTROLS = stage()
HEAD = 'devices:\n  - id: knobs\n    match: {input: "nano*", output: "out*"}\n    mappings:\n'


def read(tmp_path: Path, text: str) -> tuple[DeviceMap, ...]:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    found = read_map(path, CONTROLS)
    assert found.problems == []
    return found.devices


def mapping(tmp_path: Path, text: str) -> Mapping:
    (device,) = read(tmp_path, f"{HEAD}      - {text}\n")
    (found,) = device.mappings
    return found


def problems(tmp_path: Path, text: str) -> list[str]:
    """The problems of a file, from the line number on."""
    path = tmp_path / "map.yaml"
    path.write_text(text)
    lines = read_map(path, CONTROLS).problems
    assert all(line.startswith(f"{path}:") for line in lines)
    assert all("\n" not in line for line in lines)
    return [line.removeprefix(f"{path}:") for line in lines]


def problem(tmp_path: Path, text: str) -> str:
    """The one problem of a mapping."""
    (found,) = problems(tmp_path, f"{HEAD}      - {text}\n")
    line, _, said = found.partition(": ")
    assert line == "5"
    return said


def test_a_whole_map(tmp_path: Path) -> None:
    devices = read(
        tmp_path,
        """
# my desk
devices:
  - id: knobs
    match: {input: "nanoKONTROL2*", output: "nanoKONTROL2*"}
    mappings:
      - {on: {cc: 16, channel: 1}, to: paint/strength, range: [0.1, 0.9], curve: exp,
         takeover: pickup, feedback: {cc: 16}}
      - {on: {cc14: [16, 48]}, to: paint/guidance}
      - {on: {nrpn: 300}, to: prompt/mix}
      - {on: {cc: 20, relative: twos-complement}, to: paint/seed, step: 1}
      - {on: {note: 36}, mode: toggle, to: output/freeze,
         feedback: {note: 36, on: 127, off: 0, busy: blink}}
      - {on: {note: 37}, to: go/style, arguments: [cyberpunk]}
      - {on: {program: "*"}, to: go/scene}
      - {on: {note: 40}, to: midi/knobs/bank, mode: momentary, range: [1, 2]}
  - id: pads
    match: "Pads*"
    clock: out
    setup: ["F0 00 20 29 02 0C 0E 01 F7", "B0 00 01"]
    farewell: F0 00 20 29 02 0C 0E 00 F7
""",
    )
    assert devices == (
        DeviceMap(
            "knobs",
            "nanoKONTROL2*",
            "nanoKONTROL2*",
            (
                Mapping(
                    Cc(16, channel=1),
                    "paint/strength",
                    (0.1, 0.9),
                    "exp",
                    feedback=(Feedback(cc=16, show="value"),),
                ),
                Mapping(Cc14(16, 48), "paint/guidance"),
                Mapping(Nrpn(300), "prompt/mix"),
                Mapping(Cc(20, relative="twos-complement"), "paint/seed", step=1),
                Mapping(
                    Note(36), "output/freeze", mode="toggle", feedback=(Feedback(note=36, on=127),)
                ),
                Mapping(Note(37), "go/style", arguments=("cyberpunk",)),
                Mapping(Program(), "go/scene"),
                Mapping(Note(40), "midi/knobs/bank", (1, 2), mode="momentary"),
            ),
        ),
        DeviceMap(
            "pads",
            "Pads*",
            "Pads*",
            clock="out",
            setup=(bytes.fromhex("F000202902 0C0E01F7"), bytes.fromhex("B00001")),
            farewell=(bytes.fromhex("F000202902 0C0E00F7"),),
        ),
    )


def test_a_light_of_a_controller_at_a_switch_is_no_ring(tmp_path: Path) -> None:
    line = "{on: {cc: 1}, to: output/freeze, feedback: {cc: 1}}"
    assert mapping(tmp_path, line).feedback == (Feedback(cc=1, show="state"),)


def test_an_empty_file_names_no_devices(tmp_path: Path) -> None:
    assert read(tmp_path, "# nothing yet\n") == ()
    assert read(tmp_path, "devices:\n") == ()


@pytest.mark.parametrize(
    ("on", "source"),
    [
        ("{cc: 7}", Cc(7)),
        ("{cc: 7, channel: any}", Cc(7)),
        ("{cc: 7, channel: 16}", Cc(7, 16)),
        ("{cc: 7, relative: offset-binary}", Cc(7, None, "offset-binary")),
        ("{cc: 7, relative: signed-bit, channel: 2}", Cc(7, 2, "signed-bit")),
        ("{cc14: 16}", Cc14(16, 48)),
        ("{cc14: [1, 2], channel: 2}", Cc14(1, 2, 2)),
        ("{nrpn: 16383}", Nrpn(16383)),
        ("{rpn: 1, channel: 4}", Nrpn(1, 4, registered=True)),
        ('{pitch: "*"}', Pitch()),
        ("{pitch: true, channel: 9}", Pitch(9)),
        ('{aftertouch: "*"}', Aftertouch()),
        ("{aftertouch: 36, channel: 10}", Aftertouch(36, 10)),
        ("{note: 0}", Note(0)),
        ("{program: 0}", Program(0)),
        ('{program: "*", channel: 1}', Program(None, 1)),
    ],
)
def test_everything_that_can_move(tmp_path: Path, on: str, source: Source) -> None:
    to = "paint/strength"
    assert mapping(tmp_path, f"{{on: {on}, to: {to}}}") == Mapping(source, to)


@pytest.mark.parametrize(
    ("feedback", "lights"),
    [
        ("{note: 1}", (Feedback(note=1),)),
        ("{cc: 1, show: state, on: 5, busy: 3, channel: 2}", (Feedback(1, None, 2, on=5, busy=3),)),
        ("{cc: 1, on: 13, off: 1}", (Feedback(1, show="value", on=13, off=1),)),
        ("{note: 1, busy: none}", (Feedback(note=1, busy=None),)),
        ("[{note: 1}, {note: 2}]", (Feedback(note=1), Feedback(note=2))),
    ],
)
def test_lights(tmp_path: Path, feedback: str, lights: tuple[Feedback, ...]) -> None:
    line = f"{{on: {{cc: 1}}, to: paint/strength, feedback: {feedback}}}"
    assert mapping(tmp_path, line).feedback == lights


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("7", "a mapping is 7; allowed: on:, to: and more"),
        ("{to: paint/strength}", "on is nothing; allowed: one of cc, cc14, nrpn"),
        ("{on: {}, to: paint/strength}", "on names none; allowed: one of cc, cc14"),
        ("{on: {cc: 1, note: 2}, to: paint/strength}", "on names cc and note; allowed: one of"),
        ("{on: {cc: 128}, to: paint/strength}", "cc is 128; allowed: 0 to 127"),
        ("{on: {cc: -1}, to: paint/strength}", "cc is -1; allowed: 0 to 127"),
        ("{on: {cc: true}, to: paint/strength}", "cc is true; allowed: 0 to 127"),
        ("{on: {cc: 1.5}, to: paint/strength}", "cc is 1.5; allowed: 0 to 127"),
        ("{on: {cc14: 32}, to: paint/strength}", "cc14 is 32; allowed: [high, low] with high 0"),
        ("{on: {cc14: [1, 2, 3]}, to: paint/strength}", "cc14 is a list; allowed: [high, low]"),
        ("{on: {nrpn: 16384}, to: paint/strength}", "nrpn is 16384; allowed: 0 to 16383"),
        ("{on: {pitch: no}, to: paint/strength}", "pitch is 'no'; allowed: \"*\""),
        ("{on: {pitch: false}, to: paint/strength}", 'pitch is false; allowed: "*"'),
        ("{on: {cc: 1, channel: 0}, to: paint/strength}", "channel is 0; allowed: 1 to 16, or any"),
        ("{on: {cc: 1, channel: 17}, to: paint/strength}", "channel is 17; allowed: 1 to 16"),
        (
            "{on: {cc: 1, relative: twos}, to: paint/strength}",
            "relative is 'twos'; allowed: twos-complement, offset-binary or signed-bit",
        ),
        (
            "{on: {note: 1, relative: signed-bit}, to: paint/strength}",
            "relative goes with cc, not note; leave it out",
        ),
        ("{on: {cc: 1, chanel: 2}, to: paint/strength}", "unknown key 'chanel'; did you mean ch"),
        ("{on: {cc: 1}}", "to is nothing; allowed: a control's name, see artflow controls"),
        ("{on: {cc: 1}, to: paint/strenght}", "unknown control 'paint/strenght'; did you mean"),
        ("{on: {cc: 1}, to: midi/pads/bank}", "unknown control 'midi/pads/bank'"),
        ("{on: {cc: 1}, to: midi/knobs/pickup}", "unknown control 'midi/knobs/pickup'"),
        ("{on: {cc: 1}, to: painter/fps}", "painter/fps is a reported value and cannot be set"),
        ("{on: {cc: 1}, to: prompt/a}", "prompt/a has no range to turn a knob over; allowed"),
        ("{on: {cc: 1}, to: paint/strength, colour: 1}", "unknown key 'colour'; "),
        ("{on: {cc: 1}, to: paint/strength, curve: sine}", "curve is 'sine'; allowed: lin, exp"),
        ("{on: {cc: 1}, to: paint/strength, invert: 1}", "invert is 1; allowed: true or false"),
        ("{on: {cc: 1}, to: paint/strength, takeover: x}", "takeover is 'x'; allowed: pickup, "),
        ("{on: {cc: 1}, to: paint/strength, mode: press}", "mode is 'press'; allowed: knob, "),
        ("{on: {cc: 1}, to: paint/strength, bank: 0}", "bank is 0; allowed: 1 to 16"),
        ("{on: {cc: 1}, to: paint/strength, range: 1}", "range is 1; allowed: [at the low end"),
        (
            "{on: {cc: 1}, to: paint/strength, range: [0, 2]}",
            "paint/strength cannot be 2; allowed: 0",
        ),
        ("{on: {cc: 1}, to: paint/strength, range: [a, 1]}", "paint/strength takes a number, not"),
        ("{on: {cc: 1}, to: paint/strength, range: [1, 1.0]}", "both ends of the range are 1;"),
        ("{on: {cc: 1}, to: paint/strength, range: [.nan, 1]}", "paint/strength takes a finite"),
        (
            "{on: {cc: 1}, to: paint/guidance-mode, range: [none, ful]}",
            "paint/guidance-mode cannot",
        ),
        ("{on: {cc: 1}, to: prompt/a, value: x, range: [a, b]}", "prompt/a has no range; leave"),
        ("{on: {cc: 1}, to: paint/strength, step: 0.1}", "step goes with an encoder (cc with"),
        ("{on: {cc: 1}, to: paint/strength, acceleration: 1}", "acceleration goes with an encoder"),
        ("{on: {cc: 1, relative: signed-bit}, to: paint/strength, step: 0}", "step is 0; allowed"),
        (
            "{on: {cc: 1, relative: signed-bit}, to: paint/strength, curve: exp}",
            "an encoder has no curve; leave it out",
        ),
        (
            "{on: {cc: 1, relative: signed-bit}, to: paint/strength, mode: toggle}",
            "mode is 'toggle'; allowed here: knob",
        ),
        (
            "{on: {cc: 1, relative: signed-bit}, to: paint/strength, value: 1}",
            "an encoder steps and sets no value:; leave it out",
        ),
        ("{on: {note: 1}, to: paint/strength, mode: knob}", "mode is 'knob'; allowed here: toggle"),
        ("{on: {note: 1}, to: paint/strength, mode: set}", "mode set needs value:, the value to"),
        (
            "{on: {note: 1}, to: paint/strength, mode: toggle, value: 1}",
            "value goes with mode: set, not toggle; leave one out",
        ),
        (
            "{on: {note: 1}, to: paint/strength, value: 2}",
            "paint/strength cannot be 2; allowed: 0 to",
        ),
        (
            "{on: {note: 1}, to: output/rotate, value: 45}",
            "output/rotate cannot be 45; allowed: 0, 90",
        ),
        (
            "{on: {note: 1}, to: paint/strength, arguments: [1]}",
            "paint/strength is a value and takes",
        ),
        (
            "{on: {note: 1}, to: draw/clear, range: [0, 1]}",
            "draw/clear is a trigger and has no range",
        ),
        ("{on: {note: 1}, to: draw/clear, curve: exp}", "draw/clear is a trigger and has no curve"),
        (
            "{on: {note: 1}, to: draw/clear, mode: toggle}",
            "draw/clear is a trigger; allowed: mode:",
        ),
        (
            "{on: {note: 1}, to: draw/clear, arguments: [1, 2]}",
            "draw/clear takes 0 arguments, not 2",
        ),
        ("{on: {note: 1}, to: go/style, arguments: [1]}", "go/style takes text, not"),
        ("{on: {note: 1}, to: go/style}", "go/style takes more than a velocity gives; write what"),
        (
            "{on: {cc: 1, relative: signed-bit}, to: draw/clear}",
            "an encoder cannot fire draw/clear; allowed: a key, a switch or a program",
        ),
    ],
)
def test_what_a_mapping_should_not_say(tmp_path: Path, line: str, said: str) -> None:
    assert problem(tmp_path, line).startswith(said)


@pytest.mark.parametrize(
    ("feedback", "said"),
    [
        ("5", "feedback is 5; allowed: {cc: N} or {note: N}, and more"),
        ("{on: 1}", "feedback is a mapping; allowed: {cc: N}"),
        ("{cc: 1, note: 1}", "feedback is both cc and note; allowed: {cc: N}"),
        ("{cc: 1, on: 128}", "on is 128; allowed: 0 to 127"),
        ("{cc: 1, busy: flash}", "busy is 'flash'; allowed: blink, none, or 0 to 127"),
        ("{cc: 1, colour: 5}", "unknown key 'colour'; "),
    ],
)
def test_a_mapping_plays_without_a_light_that_is_wrong(
    tmp_path: Path, feedback: str, said: str
) -> None:
    text = f"{HEAD}      - {{on: {{cc: 1}}, to: paint/strength, feedback: {feedback}}}\n"
    (found,) = problems(tmp_path, text)
    assert found.startswith(f"5: {said}")
    (device,) = read_map(tmp_path / "map.yaml", CONTROLS).devices
    assert device.mappings == (Mapping(Cc(1), "paint/strength"),)


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("7", "a device is 7; allowed: id:, match: and mappings:"),
        ("{match: x}", "id is nothing; allowed: up to 32 of a-z 0-9 - (as text)"),
        ("{id: My Desk, match: x}", "id is 'My Desk'; allowed: up to 32"),
        ("{id: 5, match: x}", "id is 5; allowed: up to 32"),
        ("{id: a}", "match of a is nothing; allowed: {input:"),
        ("{id: a, match: {}}", "match of a is a mapping; allowed: {input:"),
        ("{id: a, match: {inputs: x}}", "unknown key 'inputs'; did you mean input?"),
        ("{id: a, match: {input: 3}}", "input is 3; allowed: a name such as"),
        ("{id: a, match: x, clock: both}", "clock is 'both'; allowed: in, out or none"),
        (
            "{id: a, match: x, setup: [F0 12]}",
            "setup is 'F0 12'; allowed: whole MIDI messages in hex",
        ),
        (
            "{id: a, match: x, setup: [hello]}",
            "setup is 'hello'; allowed: whole MIDI messages in hex",
        ),
        ('{id: a, match: x, setup: ""}', "setup is ''; allowed: whole MIDI messages in hex"),
        ("{id: a, match: x, mappings: 5}", "mappings is 5; allowed: a list of mappings"),
        ("{id: a, match: x, mapping: []}", "unknown key 'mapping'; did you mean mappings?"),
    ],
)
def test_what_a_device_should_not_say(tmp_path: Path, device: str, said: str) -> None:
    (found,) = problems(tmp_path, f"devices:\n  - {device}\n")
    assert found.startswith(f"2: {said}")


def test_the_good_rest_is_used_and_every_problem_named(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(
        """device: []
devices:
  - id: a
    match: x
    mappings:
      - {on: {cc: 200}, to: nothing, curve: round}
      - {on: {cc: 1}, to: paint/strength}
      - {on: {cc: 1}, to: paint/strength, curve: exp}
      - {on: {cc: 1}, to: paint/guidance}
      - {on: {cc: 1}, to: paint/strength, bank: 2}
  - id: a
    match: y
  - id: b
    match: y
"""
    )
    found = read_map(path, CONTROLS)
    assert [(device.id, len(device.mappings)) for device in found.devices] == [("a", 3), ("b", 0)]
    lines = [line.removeprefix(f"{path}:") for line in found.problems]
    assert [line.split(":")[0] for line in lines] == ["1", "6", "6", "6", "8", "11"]
    assert lines[4] == "8: this plays paint/strength a second time; leave one"
    assert lines[5] == "11: the id 'a' is there already; give another one"


def test_a_file_that_is_no_map_at_all(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("- 1\n")
    with pytest.raises(SettingError, match=r"map.yaml:1: found 1; allowed: devices:"):
        read_map(path, CONTROLS)
