"""Devices come, play, go and come back; on a clock that jumps, with ports made of lists."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from controllers.midi import RETRY_S, MidiServer
from controllers.midi_clock import MidiClock
from controllers.midi_device import Ears
from controllers.midi_learn import Learn
from controllers.midi_learned_keeper import LearnedKeeper
from controllers.midi_lookout import OUTPUTS_EVERY
from controllers.midi_map import Cc, Cc14, DeviceMap, Feedback, Mapping, Note
from controllers.midi_monitor import Monitor
from controllers.midi_ports import MidiSystem
from controllers.midi_seats import Maps
from engine.controls import Controls
from engine.errors import MidiError
from engine.tempo import Tempo
from tests.helpers.midi import FakeSystem
from tests.helpers.osc import table

KNOBS = DeviceMap(
    "knobs",
    "nano*",
    "nano*",
    (
        Mapping(Cc(16), "paint/strength", takeover="jump"),
        Mapping(Note(36), "output/freeze", feedback=(Feedback(note=36),)),
    ),
)
PADS = DeviceMap("pads", "pad*", "", (Mapping(Note(1), "output/blackout", mode="momentary"),))


@dataclass
class Stage:
    controls: Controls
    system: FakeSystem
    server: MidiServer
    tempo: Tempo
    notices: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def strength(self) -> float:
        return float(self.controls.get("paint/strength"))


@asynccontextmanager
async def serving(
    clock: MockClock,
    *ports: str,
    maps: Maps | None = None,
    monitor: bool = False,
    folder: Path | None = None,
    system: FakeSystem | None = None,
) -> AsyncIterator[Stage]:
    """A server with these devices plugged in, inputs and outputs alike, on this clock."""
    controls = table()
    notices: list[str] = []
    reports: list[str] = []
    lines: list[str] = []
    controls.on_report(lambda address, text, _: reports.append(f"{address}: {text}"))
    tempo = Tempo(controls, clock=clock.current_time)
    learn = keeper = None
    if folder is not None:
        keeper = LearnedKeeper(folder, controls)
        learn = Learn(
            controls,
            (),
            keeper.put,
            lambda device: stage.server.learned(device),
            wake=lambda: stage.server.wake(),
            clock=clock.current_time,
        )
    ears = Ears(MidiClock(tempo), learn, Monitor(lines.append) if monitor else None)
    fake = system or FakeSystem(ports, ports)
    server = MidiServer(
        controls,
        Maps(((KNOBS, PADS),)) if maps is None else maps,
        ears,
        tempo=tempo,
        notice=notices.append,
        system=lambda: fake,
        clock=clock.current_time,
    )
    stage = Stage(controls, fake, server, tempo, notices, reports, lines)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
        if keeper is not None:
            nursery.start_soon(keeper.run)
        yield stage
        nursery.cancel_scope.cancel()


async def settled() -> None:
    """A moment longer than from one look to the next, and everything it led to.

    The clock is moved by hand: one that jumps by itself would not wait for the threads that open
    and close ports.
    """
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, MockClock)
    clock.jump(0.6)
    await threads_done()


async def threads_done() -> None:
    """Until no thread of trio's works any more, and what it did has been seen.

    The lookout's own gets a moment, too.
    """
    time.sleep(0.001)
    limiter = trio.to_thread.current_default_thread_limiter()
    for _ in range(3):
        await trio.lowlevel.checkpoint()
    while limiter.borrowed_tokens:
        time.sleep(0.0005)
        await trio.lowlevel.checkpoint()
    for _ in range(3):
        await trio.lowlevel.checkpoint()


async def eventually(condition: Callable[[], object], what: str = "") -> None:
    """Let time pass until it holds."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        await settled()
        time.sleep(0.001)  # what is sent leaves on threads of its own


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
        await eventually(lambda: not stage.system.input("nano").closed)
        await stage.system.play("nano", 0xB0, 16, 127)
        assert stage.strength == 1.0


async def test_two_of_the_same_name_play_apart(mock_clock: MockClock) -> None:
    async with serving(mock_clock, "nano", "nano") as stage:
        assert stage.controls.get("midi/devices") == "knobs, knobs-2"
        assert stage.controls.is_parameter("midi/knobs-2/pickup")
        stage.system.opened[1].heard(trio.current_time(), [0xB0, 16, 127])
        await threads_done()
        assert stage.strength == 1.0


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


async def test_the_monitor_tells_what_comes_and_what_it_did(mock_clock: MockClock) -> None:
    async with serving(mock_clock, "nano", "stranger", monitor=True) as stage:
        await stage.system.play("nano", 0xB0, 16, 127)
        await stage.system.play("nano", 0xF8)
        await stage.system.play("stranger", 0xC0, 5)
        assert stage.lines[0].startswith("MIDI: nano: cc 16 ch 1 = 127: ")
        assert "paint/strength 1" in stage.lines[0]
        assert stage.lines[1:] == ["MIDI: stranger: program 5 ch 1: nothing"]
        assert stage.controls.get("midi/devices") == "knobs"  # the stranger has no map


async def test_a_clock_drives_the_tempo_from_a_device_without_a_map(mock_clock: MockClock) -> None:
    async with serving(mock_clock, "drum machine") as stage:
        assert not stage.system.opened
        stage.controls.set("tempo/source", "midi")
        await eventually(lambda: stage.system.opened, "opened")
        port = stage.system.input("drum machine")
        begun = trio.current_time()
        port.heard(begun, [0xFA])
        for tick in range(97):  # two seconds at 120, the first of them the beat's 0
            port.heard(begun + tick / 48, [0xF8])
        mock_clock.jump(2)
        await threads_done()
        assert stage.tempo.line.bpm == pytest.approx(120, abs=0.1)


async def test_a_device_that_is_given_the_clock_hears_it(mock_clock: MockClock) -> None:
    drums = DeviceMap("drums", "", "drum*", clock="out")
    system = FakeSystem([], ["drum machine"])
    async with serving(mock_clock, maps=Maps(((drums,),)), system=system) as stage:
        sent = stage.system.output("drum machine").sent
        await eventually(lambda: sent.count(b"\xf8") > 24 and b"\xfa" in sent, "ticks")
    assert sent[-1] == b"\xfc"


async def test_a_knob_is_learned_and_plays_at_once(mock_clock: MockClock, tmp_path: Path) -> None:
    async with serving(mock_clock, "stranger", folder=tmp_path) as stage:
        assert not stage.system.opened
        stage.controls.fire("midi/learn", ("paint/strength",))
        await eventually(lambda: stage.system.opened, "opened to learn from")
        for value in range(0, 128, 8):
            await stage.system.play("stranger", 0xB0, 21, value)
        await eventually(lambda: stage.controls.get("midi/learning") == "", "learned")
        await eventually(lambda: stage.controls.get("midi/devices") == "stranger", "mapped")
        for value in (0, 64, 127):
            await stage.system.play("stranger", 0xB0, 21, value)
        assert stage.strength == 1.0
        await eventually(lambda: (tmp_path / "stranger.yaml").exists(), "written down")
        # in the very moment in which it is saved it plays the new thing
        stage.server.learned(
            DeviceMap("stranger", "stranger", "", (Mapping(Cc(21), "output/mix", takeover="jump"),))
        )
        stage.system.input("stranger").heard(trio.current_time(), [0xB0, 21, 64])
        await threads_done()
        assert stage.controls.get("output/mix") == pytest.approx(64 / 127)
        assert stage.strength == 1.0
        stage.controls.fire("midi/forget", ("paint/strength",))
        await eventually(lambda: stage.controls.get("midi/devices") == "", "forgotten")


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


async def test_a_knob_that_moved_tells_where_it_stands(mock_clock: MockClock) -> None:
    pickup = DeviceMap("knobs", "nano", "", (Mapping(Cc(16), "paint/strength"),))
    async with serving(mock_clock, "nano", maps=Maps(((pickup,),))) as stage:
        stage.controls.set("paint/strength", 0.9)
        await stage.system.play("nano", 0xB0, 16, 10)
        touched = stage.server.touched
        assert touched is not None
        assert (touched.control, touched.held) == ("paint/strength", False)
        assert stage.strength == 0.9
        mock_clock.jump(10)
        assert stage.server.touched is None
