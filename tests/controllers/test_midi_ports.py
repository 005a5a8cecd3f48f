"""Names of ports, what globs find, and systems that are not there."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers import midi_ports
from controllers.midi_ports import CLIENT, Mido, PortName, Rtmidi, matches, open_system, told_apart
from engine.errors import MidiError


def labels(*names: str) -> list[str]:
    return [port.label for port in told_apart(names)]


def test_the_same_name_twice_is_told_apart() -> None:
    assert labels("nanoKONTROL2", "pads", "nanoKONTROL2") == [
        "nanoKONTROL2",
        "pads",
        "nanoKONTROL2 #2",
    ]


def test_alsa_numbers_are_no_part_of_a_label() -> None:
    assert labels("nano:nano MIDI 1 20:0", "nano:nano MIDI 1 24:0") == [
        "nano:nano MIDI 1",
        "nano:nano MIDI 1 #2",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nano:nano MIDI 1 20:0", "nano:nano MIDI 1 131:0"),
        ("a2j:nano [20] (capture): nano MIDI 1", "a2j:nano [24] (capture): nano MIDI 1"),
        ("nanoKONTROL2", "2- nanoKONTROL2"),
        ("MIDIIN2 (nanoKONTROL2)", "MIDIIN2 (3- nanoKONTROL2)"),
    ],
)
def test_a_box_has_one_label_wherever_it_is_plugged_in(before: str, after: str) -> None:
    assert labels(before) == labels(after)


@pytest.mark.parametrize("name", ["Pad 2", "Box [1] MIDI 1", "MIDI 1", "3-way", "Launchpad (in)"])
def test_numbers_that_are_the_makers_stay(name: str) -> None:
    assert labels(name) == [name]


class WindowsObject:
    """As rtmidi's on Windows, where it ends each name in its place in the list."""

    plugged: ClassVar[list[str]] = []
    opened: ClassVar[list[int]] = []

    def __init__(self, api: int, client: str) -> None:
        pass

    def get_current_api(self) -> int:
        return midi_ports.WINDOWS_MM

    def get_ports(self) -> list[str]:
        return [f"{name} {number}" for number, name in enumerate(self.plugged)]

    def open_port(self, number: int, _: str) -> None:
        self.opened.append(number)

    def delete(self) -> None:
        pass


def test_on_windows_a_port_is_found_when_its_number_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rtmidi = SimpleNamespace(
        MidiIn=WindowsObject,
        MidiOut=WindowsObject,
        API_WINDOWS_MM=midi_ports.WINDOWS_MM,
        get_compiled_api=lambda: [midi_ports.WINDOWS_MM],
    )
    monkeypatch.setitem(sys.modules, "rtmidi", rtmidi)
    monkeypatch.setattr(WindowsObject, "plugged", ["Pad 2", "nanoKONTROL2", "MIDIIN2 (nano)"])
    monkeypatch.setattr(WindowsObject, "opened", [])
    system = Rtmidi("WINDOWS_MM")
    _, nano, second = before = system.inputs()
    assert [port.label for port in before] == ["Pad 2", "nanoKONTROL2", "MIDIIN2 (nano)"]
    WindowsObject.plugged.pop(0)  # another box goes, and all numbers behind it are others
    assert system.inputs() == (nano, second), "nothing to close and open again"
    system.open_output(nano)
    assert WindowsObject.opened == [0]


def test_windows_number_is_that_of_rtmidi() -> None:
    rtmidi = pytest.importorskip("rtmidi")
    assert rtmidi.API_WINDOWS_MM == midi_ports.WINDOWS_MM


def test_our_own_ports_are_not_listed() -> None:
    assert labels(f"{CLIENT}:knobs", f"{CLIENT}-01:x 129:0", "pads") == ["pads"]


@given(st.lists(st.sampled_from(["a", "b", "a 20:0", "a 24:0", "c"])))
def test_labels_are_unlike_and_lead_back_to_the_port(names: list[str]) -> None:
    ports = told_apart(names)
    assert len({port.label for port in ports}) == len(names)
    for port, name in zip(ports, names, strict=True):
        assert port.raw == name
    assert len({(port.raw, port.nth) for port in ports}) == len(names)


@pytest.mark.parametrize(
    ("pattern", "label", "found"),
    [
        ("nanoKONTROL2*", "nanoKONTROL2 SLIDER/KNOB", True),
        ("nanokontrol2*", "nanoKONTROL2:nanoKONTROL2 MIDI 1", True),
        ("MIDI 1", "nano:MIDI 1", True),
        ("nano", "nano:MIDI 1", False),
        ("nano #2", "nano #2", True),
        ("nano", "nano #2", False),
        ("*", "anything", True),
        ("", "anything", False),
    ],
)
def test_globs(pattern: str, label: str, found: bool) -> None:
    assert matches(pattern, label) is found


def test_a_backend_that_is_none_is_named() -> None:
    with pytest.raises(MidiError, match=r"MIDO_BACKEND is 'no.such.thing'.*unset it"):
        open_system("no.such.thing")


def test_an_api_that_is_none_names_those_there_are() -> None:
    with pytest.raises(MidiError, match=r"allowed after mido\.backends\.rtmidi/: "):
        open_system("mido.backends.rtmidi/GRAMOPHONE")


def test_without_alsa_nothing_is_asked_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(midi_ports, "_ALSA_SEQUENCER", tmp_path / "seq")
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(MidiError, match=r"has no .*; load .*snd-seq, or play over JACK"):
        open_system("mido.backends.rtmidi")


class Backend:
    """One of mido's systems."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.callback: Any = None

    def get_input_names(self) -> list[str]:
        return ["knobs", "knobs", "pads"]

    def get_output_names(self) -> list[str]:
        raise OSError("the driver says no\nand more")

    def open_input(self, name: str, callback: Any) -> Any:
        self.callback = callback
        return SimpleNamespace(name=name, close=lambda: None)

    def open_output(self, name: str) -> Any:
        return SimpleNamespace(name=name, send=self.sent.append, close=lambda: None)


@pytest.fixture
def backend() -> Backend:
    return Backend()


def test_another_system_of_midos_opens_ports_by_name(backend: Backend) -> None:
    import mido

    system = Mido(backend)
    assert [port.label for port in system.inputs()] == ["knobs", "pads"]
    heard: list[list[int]] = []
    system.open_input(PortName("pads", "pads"), lambda _, data: heard.append(list(data)))
    backend.callback(mido.Message("note_on", note=3, velocity=4))
    assert heard == [[0x90, 3, 4]]
    system.open_output(PortName("pads", "pads")).send(bytes([0xB0, 1, 2]))
    assert backend.sent == [mido.Message("control_change", control=1, value=2)]


def test_what_a_driver_says_is_one_line(backend: Backend) -> None:
    with pytest.raises(MidiError, match=r"outputs cannot be listed \(the driver says no\)$"):
        Mido(backend).outputs()
