"""The bundled maps: every number is in the box's chart, every target is a control."""

from __future__ import annotations

from pathlib import Path

import pytest

from controllers.midi_bundled import ChartRow, chart_of, map_files
from controllers.midi_map import Cc, DeviceMap, Note, Source, device_rows
from controllers.midi_map_file import read_map
from controllers.midi_ports import matches
from controllers.midi_shows import light_of
from engine.controls import Controls
from engine.parameters import PARAMETERS, TRIGGERS
from presets.preset_controls import PARAMETERS as PRESET_PARAMETERS
from presets.preset_controls import rows, triggers
from tests.helpers.catalogues import load_catalogue

NAMES = {
    # what the ports of the boxes are called: by ALSA, and elsewhere
    "nanokontrol2": ("nanoKONTROL2:nanoKONTROL2 nanoKONTROL2 _ CTRL", "nanoKONTROL2"),
    "apc-mini-mk2": ("APC mini mk2:APC mini mk2 APC mini mk2 Contr", "APC mini mk2 Control"),
    "midimix": ("MIDI Mix:MIDI Mix MIDI 1", "MIDI Mix"),
    "launch-control-xl": ("Launch Control XL:Launch Control XL MIDI 1", "Launch Control XL"),
    "launchpad-x": ("Launchpad X:Launchpad X LPX MIDI In", "MIDIIN2 (LPX MIDI)"),
    "beatstep": ("Arturia BeatStep:Arturia BeatStep MIDI 1", "Arturia BeatStep"),
    "x-touch-mini": ("X-TOUCH MINI:X-TOUCH MINI MIDI 1", "X-TOUCH MINI"),
    "midi-fighter-twister": (
        "Midi Fighter Twister:Midi Fighter Twister MIDI 1",
        "Midi Fighter Twister",
    ),
}
OTHERS = (
    "APC mini mk2:APC mini mk2 APC mini mk2 Notes",
    "Launch Control XL HUI",
    "Launchpad X:Launchpad X LPX DAW In",
    "Arturia BeatStepPro",
    "Arturia BeatStepPro:Arturia BeatStepPro Arturia BeatSt",
    "Midi Through:Midi Through Port-0",
)

FILES = pytest.mark.parametrize("path", map_files(), ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def controls(tmp_path_factory: pytest.TempPathFactory) -> Controls:
    """Everything that a show declares."""
    catalogue, problems = load_catalogue(tmp_path_factory.mktemp("data"))
    assert problems == []
    ids = [preset.id for preset in catalogue.presets]
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS, *PRESET_PARAMETERS, *triggers(lambda: ids))
    for preset in catalogue.presets:
        controls.declare(*rows(preset, str))
    return controls


def _devices(path: Path, controls: Controls) -> tuple[DeviceMap, ...]:
    read = read_map(path, controls)
    assert read.problems == []
    return read.devices


def _sends(chart: tuple[ChartRow, ...], source: Source) -> bool:
    assert isinstance(source, (Cc, Note))
    kind = "cc" if isinstance(source, Cc) else "note"
    return any(
        (row.message, row.number, row.channel) == (kind, source.number, source.channel)
        and row.direction != "takes"
        for row in chart
    )


def test_each_box_of_the_list_has_its_map() -> None:
    assert {path.stem for path in map_files()} == set(NAMES)


@FILES
def test_every_number_is_in_the_chart(path: Path, controls: Controls) -> None:
    chart = chart_of(path)
    for device in _devices(path, controls):
        assert len(device.mappings) > 20
        for mapping in device.mappings:
            assert _sends(chart, mapping.on), f"{mapping.on} is not in {path.stem}.csv"
            for feedback in mapping.feedback:
                light = light_of(mapping, feedback)
                assert any(
                    (row.message, row.number, row.channel)
                    == (light.kind, light.number, light.channel)
                    and row.direction != "sends"
                    for row in chart
                ), f"{light} is no light in {path.stem}.csv"


@FILES
def test_what_a_trigger_is_given_is_known(path: Path, controls: Controls) -> None:
    for device in _devices(path, controls):
        for mapping in device.mappings:
            if mapping.to == "preset/load":
                assert controls.is_parameter(f"preset/{mapping.arguments[0]}/weight")


@FILES
def test_no_knob_plays_two_things(path: Path, controls: Controls) -> None:
    for device in _devices(path, controls):
        sources = [(mapping.on, mapping.bank) for mapping in device.mappings]
        assert len(sources) == len(set(sources))


@FILES
def test_a_chart_says_where_it_is_from_and_each_thing_once(path: Path) -> None:
    text = path.with_suffix(".csv").read_text(encoding="utf-8")
    assert "# Source" in text
    chart = chart_of(path)
    assert len(set(chart)) == len(chart)
    assert all(0 <= row.number <= 127 and row.channel in (None, *range(1, 17)) for row in chart)


@FILES
def test_each_map_finds_its_box_and_no_other(path: Path, controls: Controls) -> None:
    devices = _devices(path, controls)
    for stem, names in NAMES.items():
        for name in names:
            found = [device for device in devices if matches(device.input, name)]
            assert len(found) == (stem == path.stem), name
    for name in OTHERS:
        assert not any(matches(device.input, name) for device in devices), name


@FILES
def test_what_the_map_sends_first_and_last_are_whole_messages(
    path: Path, controls: Controls
) -> None:
    for device in _devices(path, controls):
        for message in (*device.setup, *device.farewell):
            assert (message[0], message[-1]) == (0xF0, 0xF7)


def test_a_map_brings_no_pages_of_its_own(controls: Controls) -> None:
    # with pages, `midi/<id>/bank` had to be somewhere on the box
    for path in map_files():
        for device in _devices(path, controls):
            names = {row.name for row in device_rows(device.id)}
            assert device.banks == 1
            assert not any(mapping.to in names for mapping in device.mappings)
