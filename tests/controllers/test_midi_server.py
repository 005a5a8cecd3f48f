"""Devices come, play, go and come back; on a clock that jumps, with ports made of lists."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from controllers.midi import RETRY_S, MidiServer
from controllers.midi_device import Ears
from controllers.midi_lookout import OUTPUTS_EVERY
from controllers.midi_map import Cc14, DeviceMap, Feedback, Mapping, Note
from controllers.midi_ports import MidiSystem
from controllers.midi_seats import Maps
from engine.errors import MidiError
from tests.controllers.midi_serving import KNOBS, eventually, serving, settled, threads_done
from tests.helpers.midi import FakeSystem
from tests.helpers.osc import table


async def test_a_knob_plays_and_a_pad_lights_up(mock_clock: MockClock) -> None:
    async with serving(mock_clock, "nano") as stage:
        await stage.system.play("nano", 0xB0, 16, 127)
        assert stage.strength == 1.0
        await stage.system.play("nano", 0x90, 36, 100)
        assert stage.controls.get("output/freeze") == 1
        sent = stage.system.output("nano").sent
        await eventually(lambda: bytes([0x90, 36, 127]) in sent, "the light")
        assert stage.notices == ["MIDI: nano plays as knobs"]
        assert stage.controls.get("midi/devices") == "knobs"


async def test_a_device_that_is_pulled_out_goes_on_when_it_is_back(mock_clock: MockClock) -> None:
    async with serving(mock_clock, "nano") as stage:
        stage.controls.set("output/freeze", 1)
        first = stage.system.input("nano")
        stage.system.input_names.clear()
        stage.system.output_names.clear()
        await eventually(lambda: first.closed, "closed")
        await eventually(lambda: stage.controls.get("midi/devices") == "", "told")
        assert stage.notices[-1] == "MIDI: nano is gone; plugged in again, it goes on"
        stage.system.input_names.append("nano")
        stage.system.output_names.append("nano")
        await eventually(lambda: len(stage.system.opened) == 2, "opened again")
        await eventually(lambda: stage.controls.get("midi/devices") == "knobs", "told")
        await eventually(
            lambda: any(
                bytes([0x90, 36, 127]) in port.sent
                for port in stage.system.sending
                if not port.closed
            ),
            "lights redrawn",
        )
        await stage.system.play("nano", 0xB0, 16, 0)
        await eventually(lambda: stage.strength == 0.0, "played")


async def test_what_was_held_when_the_plug_was_pulled_is_let_go(mock_clock: MockClock) -> None:
    async with serving(mock_clock, "pad") as stage:
        await stage.system.play("pad", 0x90, 1, 100)
        assert stage.controls.get("output/blackout") == 1
        stage.system.input_names.clear()
        await eventually(lambda: stage.controls.get("output/blackout") == 0, "let go")


async def test_a_device_that_comes_later_is_found(mock_clock: MockClock) -> None:
    async with serving(mock_clock) as stage:
        stage.system.input_names.append("nano")
        await eventually(lambda: stage.system.opened, "opened")
        # its output is a little later than its input, as with real ones
        stage.system.output_names.append("nano")
        await eventually(lambda: stage.system.sending, "the output, too")
        # the input is opened anew with its output
        await eventually(lambda: any(not port.closed for port in stage.system.opened), "both")
        await stage.system.play("nano", 0xB0, 16, 127)
        assert stage.strength == 1.0


async def test_two_of_the_same_name_play_apart(mock_clock: MockClock) -> None:
    async with serving(mock_clock, "nano", "nano") as stage:
        assert stage.controls.get("midi/devices") == "knobs, knobs-2"
        assert stage.controls.is_parameter("midi/knobs-2/pickup")
        stage.system.opened[1].heard(trio.current_time(), [0xB0, 16, 127])
        await threads_done()
        assert stage.strength == 1.0


async def test_two_files_that_name_one_box_are_told_of_once(mock_clock: MockClock) -> None:
    one, other = replace(KNOBS, path="one.yaml"), replace(KNOBS, id="b", path="other.yaml")
    async with serving(mock_clock, "nano", maps=Maps(((one,), (other,)))) as stage:
        told = (
            "MIDI: one.yaml and other.yaml name nano: all of them play it, and what the last says "
            "of a knob counts"
        )
        assert stage.notices == ["MIDI: nano plays as knobs", told]
        stage.system.input_names.clear()
        await eventually(lambda: stage.controls.get("midi/devices") == "", "gone")
        stage.system.input_names.append("nano")
        await eventually(lambda: stage.controls.get("midi/devices") == "knobs", "back")
        assert stage.notices.count(told) == 1


async def test_a_port_that_another_program_holds_is_tried_again(mock_clock: MockClock) -> None:
    system = FakeSystem(["nano"], ["nano"])
    system.held.add("nano")
    async with serving(mock_clock, system=system) as stage:
        told = "midi/knobs: MIDI input nano cannot be opened (busy); it is tried again and again"
        assert stage.reports == [told]
        for _ in range(5):
            mock_clock.jump(RETRY_S)
            await settled()
        assert stage.reports == [told]  # once
        assert all(port.closed for port in system.sending)
        system.held.clear()
        await eventually(lambda: stage.controls.get("midi/devices") == "knobs", "opened")


async def test_an_output_that_dies_is_opened_again(mock_clock: MockClock) -> None:
    async with serving(mock_clock, "nano") as stage:
        first = stage.system.output("nano")
        first.dead = True
        stage.controls.set("output/freeze", 1)
        await eventually(lambda: len(stage.system.sending) > 1, "opened again")
        await eventually(
            lambda: bytes([0x90, 36, 127]) in stage.system.output("nano").sent, "the light"
        )


async def test_ports_that_cannot_be_listed_leave_everything_as_it_is(mock_clock: MockClock) -> None:
    async with serving(mock_clock, "nano") as stage:
        stage.system.broken = True
        await settled()
        await stage.system.play("nano", 0xB0, 16, 127)
        assert stage.strength == 1.0


async def test_a_midi_system_that_hangs_holds_nobody_up(mock_clock: MockClock) -> None:
    hung = threading.Event()
    async with serving(mock_clock, "nano") as stage:
        stage.system.hung = hung
        stage.system.input_names.append("pad")
        asked = stage.system.asked["inputs"]
        await eventually(lambda: stage.system.asked["inputs"] > asked, "asked")
        for _ in range(5):
            await settled()
        assert stage.system.asked["inputs"] == asked + 1  # and waits still
        await stage.system.play("nano", 0xB0, 16, 127)
        assert stage.strength == 1.0
        stage.controls.set("output/freeze", 1)
        sent = stage.system.output("nano").sent
        await eventually(lambda: bytes([0x90, 36, 127]) in sent, "the light")
        hung.set()
        await eventually(lambda: "pads" in str(stage.controls.get("midi/devices")), "the pad")


async def test_a_midi_system_that_still_hangs_at_the_end_is_left_alone(
    mock_clock: MockClock,
) -> None:
    hung = threading.Event()
    try:
        async with serving(mock_clock, "nano") as stage:
            stage.system.hung = hung
            asked = stage.system.asked["inputs"]
            await eventually(lambda: stage.system.asked["inputs"] > asked, "asked")
        assert not stage.system.closed  # its own thread is inside
    finally:
        hung.set()


async def test_no_midi_system_is_said_once_and_ends_nothing() -> None:
    def absent() -> MidiSystem:
        raise MidiError("MIDI: none here; install one")

    notices: list[str] = []
    controls = table()
    server = MidiServer(controls, Maps(), Ears(), notice=notices.append, system=absent)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
    assert notices == ["MIDI: none here; install one; the show goes on without MIDI"]
    with pytest.raises(MidiError, match="none here; install one"):
        _ = server.plugged_in


async def test_the_inputs_are_counted(mock_clock: MockClock) -> None:
    async with serving(mock_clock) as stage:
        assert stage.server.plugged_in == 0
        stage.system.input_names.append("stranger")
        await eventually(lambda: stage.server.plugged_in == 1, "seen")


async def test_looking_costs_little_and_outputs_are_looked_at_rarely(mock_clock: MockClock) -> None:
    async with serving(mock_clock, "nano") as stage:
        for _ in range(20):
            await settled()
        asked = dict(stage.system.asked)
        for _ in range(20):
            await settled()
        inputs = stage.system.asked["inputs"] - asked["inputs"]
        outputs = stage.system.asked["outputs"] - asked["outputs"]
        assert inputs >= OUTPUTS_EVERY
        assert outputs <= inputs / OUTPUTS_EVERY + 1
        assert len(stage.system.opened) == 1


async def test_setup_comes_before_the_lights_and_farewell_last(mock_clock: MockClock) -> None:
    device = replace(KNOBS, setup=(b"\xf0\x01\xf7",), farewell=(b"\xf0\x02\xf7",))
    async with serving(mock_clock, "nano", maps=Maps(((device,),))) as stage:
        port = stage.system.output("nano")
    assert port.closed
    assert port.sent[0] == b"\xf0\x01\xf7"
    assert port.sent[-1] == b"\xf0\x02\xf7"
    assert bytes([0x90, 36, 0]) in port.sent
    assert stage.system.closed


async def test_the_halves_of_a_value_count_after_a_while(mock_clock: MockClock) -> None:
    fine = DeviceMap(
        "fine", "nano", "", (Mapping(Cc14(16, 48), "paint/strength", takeover="jump"),)
    )
    async with serving(mock_clock, "nano", maps=Maps(((fine,),))) as stage:
        await stage.system.play("nano", 0xB0, 16, 127)
        assert stage.strength != 1.0  # the low half may come yet
        await eventually(lambda: stage.strength > 0.99, "the high half alone")


async def test_lights_that_only_the_map_before_had_go_out(mock_clock: MockClock) -> None:
    def lights(*notes: int) -> DeviceMap:
        kept = [Mapping(Note(n), "output/freeze", feedback=(Feedback(note=n),)) for n in notes]
        return DeviceMap("pad", "pad", "pad", tuple(kept))

    async with serving(mock_clock, "pad", maps=Maps(learned=(lights(1, 2),))) as stage:
        stage.controls.set("output/freeze", 1)
        sent = stage.system.output("pad").sent
        await eventually(lambda: bytes([0x90, 1, 127]) in sent and bytes([0x90, 2, 127]) in sent)
        stage.server.learned(lights(2))
        await eventually(lambda: bytes([0x90, 1, 0]) in sent, "dark")
        assert sent[-1] == bytes([0x90, 2, 127]) or bytes([0x90, 2, 0]) not in sent[2:]


async def test_what_fails_inside_ends_no_show(
    mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(mock_clock, "nano") as stage:

        def broken(*_: object) -> None:
            raise RuntimeError("a bug")

        monkeypatch.setattr("controllers.midi.seats", broken)
        stage.system.input_names.append("pad")
        await eventually(lambda: stage.reports, "a report")
        assert "RuntimeError('a bug')" in stage.reports[0]
        await stage.system.play("nano", 0xB0, 16, 127)
        assert stage.strength == 1.0
