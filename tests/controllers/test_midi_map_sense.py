"""What a mapping does that does not say how, and what stands in another's way."""

from __future__ import annotations

from pathlib import Path

import pytest

from controllers.midi_map import Cc, DeviceMap, Mapping, device_rows, mode_of
from controllers.midi_map_file import MapFile, read_map
from controllers.midi_seats import Maps
from controllers.midi_shelf import read_maps
from engine.id_trigger import IdTrigger
from tests.controllers.midi_desk import controls
from tests.helpers.osc import table

CONTROLS = controls()
HEAD = "devices:\n  - id: knobs\n    match: nano*\n    mappings:\n"


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "map.yaml"
    path.write_text(HEAD + "".join(f"      - {line}\n" for line in lines))
    return path


def read(tmp_path: Path, *lines: str) -> MapFile:
    found = read_map(written(tmp_path, *lines), CONTROLS)
    assert found.problems == []
    return found


def mapping(tmp_path: Path, line: str) -> Mapping:
    ((found,),) = (device.mappings for device in read(tmp_path, line).devices)
    return found


def test_banks() -> None:
    device = DeviceMap("a", "x", mappings=(Mapping(Cc(1), "paint/strength", bank=3),))
    assert device.banks == 3
    assert DeviceMap("a", "x").banks == 1
    assert [row.name for row in device_rows("a")] == ["midi/a/bank", "midi/a/pickup"]


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        ("{on: {cc: 1}, to: paint/strength}", "knob"),
        ("{on: {cc: 1}, to: output/freeze}", "toggle"),
        ("{on: {cc: 1}, to: output/freeze, mode: knob}", "knob"),
        ("{on: {cc: 1, relative: signed-bit}, to: output/freeze}", "knob"),
        ("{on: {cc14: 1}, to: output/freeze}", "knob"),
        ("{on: {note: 1}, to: paint/strength}", "velocity"),
        ("{on: {note: 1}, to: output/freeze}", "toggle"),
        ("{on: {note: 1}, to: paint/strength, value: 0.5}", "set"),
        ("{on: {note: 1}, to: output/freeze, mode: momentary}", "momentary"),
        ("{on: {note: 1}, to: draw/clear}", "trigger"),
        ("{on: {cc: 1}, to: go/at}", "trigger"),
        ("{on: {program: 1}, to: paint/seed}", "knob"),
    ],
)
def test_what_a_mapping_does_that_does_not_say_how(tmp_path: Path, line: str, mode: str) -> None:
    assert mode_of(mapping(tmp_path, line), CONTROLS) == mode


@pytest.mark.parametrize("source", ["nrpn: 300", "rpn: 5", "nrpn: 300, channel: 2"])
@pytest.mark.parametrize(
    "knob", ["cc: 6", "cc: 38, channel: 2", "cc: 96", "cc: 101, relative: signed-bit", "cc14: 6"]
)
def test_a_knob_on_the_controllers_of_an_nrpn_is_warned_of(
    tmp_path: Path, source: str, knob: str
) -> None:
    found = read(
        tmp_path,
        f"{{on: {{{knob}}}, to: paint/guidance}}",
        f"{{on: {{{source}}}, to: paint/strength}}",
    )
    (line,) = found.warnings
    assert line.startswith(f"{tmp_path / 'map.yaml'}:5: cc")
    assert source.partition(",")[0].replace(":", "") in line
    assert len(found.devices[0].mappings) == 2, "it is there all the same"


def test_on_another_channel_or_another_number_it_is_in_nobodys_way(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "{on: {nrpn: 300, channel: 2}, to: paint/strength}",
        "{on: {cc: 6, channel: 1}, to: paint/guidance}",
        "{on: {cc: 7}, to: paint/delta}",
        "{on: {note: 6}, to: output/freeze}",
        "{on: {cc14: 5}, to: output/fade}",
    )
    assert found.warnings == []
    assert read(tmp_path, "{on: {cc: 6}, to: paint/guidance}").warnings == []


def test_a_warning_does_not_say_that_something_is_left_out(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "{on: {nrpn: 300}, to: paint/strength}",
        "{on: {cc: 6}, to: paint/guidance}",
        "{on: {cc: 200}, to: paint/delta}",
    )
    maps, lines = read_maps([path], tmp_path / "none", CONTROLS, ())
    assert ["left out" in line for line in lines] == [True, False]
    assert maps == Maps((read_map(path, CONTROLS).devices,))


def test_an_id_that_is_unknown_is_warned_of_and_the_mapping_kept(tmp_path: Path) -> None:
    known = table()
    known.declare(IdTrigger("preset/load", "", "s[f", lambda: ("anime", "ink")))
    path = tmp_path / "map.yaml"
    path.write_text(
        f"{HEAD}      - {{on: {{note: 1}}, to: preset/load, arguments: [anmie]}}\n"
        "      - {on: {note: 2}, to: preset/load, arguments: [ink, 2]}\n"
        "      - {on: {note: 3}, to: preset/load, arguments: [1]}\n"
        "      - {on: {note: 4}, to: preset/load, arguments: [zzz]}\n"
    )
    found = read_map(path, known)
    assert found.problems == []
    assert len(found.devices[0].mappings) == 4
    assert [line.removeprefix(f"{path}:") for line in found.warnings] == [
        "5: unknown preset 'anmie'; did you mean anime?",
        "8: unknown preset 'zzz'; it plays once there is such a preset",
    ]
