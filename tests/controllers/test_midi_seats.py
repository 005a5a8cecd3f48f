"""Which map plays which port."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controllers.midi_learned import Taught, edited
from controllers.midi_map import Cc, Cc14, DeviceMap, Mapping, Note, Pitch, Program, Source
from controllers.midi_ports import told_apart
from controllers.midi_seats import Maps, Seat, device_id, laid_over, seats

NANO = DeviceMap("knobs", "nano*", "nano*", (Mapping(Cc(1), "paint/strength"),))
PADS = DeviceMap("pads", "pad*", "pad*", (Mapping(Note(36), "output/freeze"),))


def found(
    inputs: list[str], maps: Maps, outputs: list[str] | None = None, *, everything: bool = False
) -> list[Seat]:
    ports = told_apart(inputs), told_apart(inputs if outputs is None else outputs)
    return list(seats(*ports, maps, everything))


def pairs(sitting: list[Seat]) -> list[tuple[str, str, str]]:
    return [
        (seat.id, seat.label, seat.output.label if seat.output is not None else "")
        for seat in sitting
    ]


def targets(seat: Seat) -> list[str]:
    return [mapping.to for mapping in seat.device.mappings]


def test_a_map_plays_the_port_it_names() -> None:
    assert pairs(found(["other", "pad 1", "nano 1"], Maps(((NANO, PADS),)))) == [
        ("pads", "pad 1", "pad 1"),
        ("knobs", "nano 1", "nano 1"),
    ]


def test_the_second_of_the_same_name_has_an_id_and_an_output_of_its_own() -> None:
    assert pairs(found(["nano", "nano"], Maps(((NANO,),)))) == [
        ("knobs", "nano", "nano"),
        ("knobs-2", "nano #2", "nano #2"),
    ]


def test_devices_of_one_file_take_a_port_each() -> None:
    left, right = replace(NANO, id="left"), replace(NANO, id="right")
    sitting = found(["nano", "nano", "nano"], Maps(((left, right),)))
    assert [seat.id for seat in sitting] == ["left", "right", "left-2"]


def test_a_map_may_name_the_second_alone() -> None:
    second = DeviceMap("second", "nano #2")
    assert pairs(found(["nano", "nano"], Maps(((second,),)))) == [("second", "nano #2", "")]


def test_pages_are_turned_by_the_buttons_of_the_same_device() -> None:
    turning = replace(NANO, mappings=(Mapping(Note(1), "midi/knobs/bank", value=2),))
    first, second = found(["nano", "nano"], Maps(((turning,),)))
    assert targets(first) == ["midi/knobs/bank"]
    assert targets(second) == ["midi/knobs-2/bank"]


def test_files_lie_over_one_another() -> None:
    tonight = DeviceMap("tonight", "nano", "", (Mapping(Cc(2), "paint/guidance"),))
    (seat,) = found(["nano"], Maps(((NANO,), (tonight,))))
    assert seat.id == "knobs"
    assert targets(seat) == ["paint/strength", "paint/guidance"]
    assert seat.output is not None


def test_two_files_that_name_one_box_are_told_of() -> None:
    one, other = replace(NANO, path="one.yaml"), replace(NANO, id="b", path="other.yaml")
    mine, yours = replace(NANO, path="mine.yaml"), replace(NANO, id="c", path="yours.yaml")
    bundled = replace(NANO, path="bundled.yaml")
    both, alone, learned, along = (
        found(["nano"], maps)[0]
        for maps in (
            Maps(((one,), (PADS, other))),
            Maps(((one,), (PADS,)), (mine,), (bundled,)),
            Maps(((one,),), (mine, yours)),
            Maps((), (mine,), (bundled,)),
        )
    )
    assert both.files == both.doubled == ("one.yaml", "other.yaml")
    assert (alone.files, alone.doubled) == (("one.yaml", "mine.yaml"), ())
    assert learned.doubled == ("mine.yaml", "yours.yaml")
    assert (along.files, along.doubled) == (("bundled.yaml", "mine.yaml"), ())


def test_a_bundled_map_plays_what_no_file_names() -> None:
    bundled = DeviceMap("nano", "nano*", "", (Mapping(Cc(7), "output/mix"),))
    assert [seat.id for seat in found(["nano"], Maps(bundled=(bundled,)))] == ["nano"]
    (seat,) = found(["nano"], Maps(((NANO,),), bundled=(bundled,)))
    assert targets(seat) == ["paint/strength"]


def test_what_was_learned_lies_over_a_bundled_map() -> None:
    mappings = (Mapping(Cc(7), "output/mix"), Mapping(Cc(8), "paint/strength"))
    bundled = DeviceMap("nano", "nano*", "nano*", mappings)
    learned = DeviceMap("nano", "nano", "", (Mapping(Cc(9), "paint/strength"),))
    (seat,) = found(["nano"], Maps(learned=(learned,), bundled=(bundled,)))
    assert [(mapping.on, mapping.to) for mapping in seat.device.mappings] == [
        (Cc(7), "output/mix"),
        (Cc(9), "paint/strength"),  # the control has left the knob that it had
    ]
    assert seat.output is not None


@pytest.mark.parametrize(
    ("input", "output"),
    [
        ("Pad", "Pad"),
        ("Pad MIDI In", "Pad MIDI Out"),
        ("sys:capture_1", "sys:playback_1"),
        ("MIDIIN2 (Pad)", "MIDIOUT2 (Pad)"),
        ("a2j:Pad [20] (capture): Pad MIDI 1", "a2j:Pad [20] (playback): Pad MIDI 1"),
    ],
)
def test_a_learned_device_finds_its_output_by_name(input: str, output: str) -> None:
    (port,) = told_apart([input])
    learned = Taught("pad", port.label, Mapping(Note(9), "output/freeze"))
    device = edited(learned.device, learned)
    (seat,) = found([input], Maps(learned=(device,)), ["other", output])
    assert seat.output is not None
    assert seat.output.raw == output


def test_what_nobody_names_is_heard_only_where_everything_is() -> None:
    assert found(["nano"], Maps()) == []
    (seat,) = found(["Big Nano:Big Nano MIDI 1"], Maps(), everything=True)
    assert (seat.id, seat.mapped, seat.output) == ("big-nano-midi-1", False, None)


def test_a_map_without_an_input_is_for_an_output() -> None:
    drums = DeviceMap("drums", "", "drum*", clock="out")
    (seat,) = found([], Maps(((drums,),)), ["drum machine"])
    assert (seat.input, seat.id, seat.label) == (None, "drums", "drum machine")


@pytest.mark.parametrize(
    ("old", "new", "replaced"),
    [
        (Cc(1), Cc(1), True),
        (Cc(1), Cc(1, channel=3), True),
        (Cc(1, channel=2), Cc(1, channel=3), False),
        (Cc(1), Cc(1, relative="signed-bit"), True),
        (Cc(33), Cc14(1, 33), True),
        (Cc(2), Cc14(1, 33), False),
        (Note(1), Cc(1), False),
        (Program(), Program(4), True),
        (Program(3), Program(4), False),
        (Pitch(), Pitch(), True),
    ],
)
def test_the_upper_map_says_what_a_knob_is_for(old: Source, new: Source, replaced: bool) -> None:
    lower = DeviceMap("a", "a", "", (Mapping(old, "paint/strength"),))
    upper = DeviceMap("b", "a", "", (Mapping(new, "paint/guidance"),))
    merged = laid_over(lower, upper, learned=False)
    assert ("paint/strength" in [mapping.to for mapping in merged.mappings]) is not replaced


def test_another_page_is_another_knob() -> None:
    lower = DeviceMap("a", "a", "", (Mapping(Cc(1), "paint/strength", bank=1),))
    upper = DeviceMap("a", "a", "", (Mapping(Cc(1), "paint/guidance", bank=2),))
    assert len(laid_over(lower, upper, learned=False).mappings) == 2


@pytest.mark.parametrize(
    ("label", "id"),
    [
        ("nanoKONTROL2", "nanokontrol2"),
        ("nanoKONTROL2:nanoKONTROL2 MIDI 1", "nanokontrol2-midi-1"),
        ("a2j:Launchpad X (in)", "a2j-launchpad-x-in"),
        ("音", "midi"),
        ("x" * 90, "x" * 28),
    ],
)
def test_a_device_that_no_map_names_is_called_as_its_port(label: str, id: str) -> None:
    assert device_id(label) == id
