"""Who hears what devices say beside their players: the monitor, the tempo, whoever learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from controllers.midi_map import Aftertouch, Cc, Cc14, DeviceMap, Mapping, Pitch
from controllers.midi_seats import Maps
from tests.controllers.midi_serving import eventually, serving, threads_done
from tests.helpers.midi import FakeSystem


async def test_the_monitor_tells_what_comes_and_what_it_did(mock_clock: MockClock) -> None:
    async with serving(mock_clock, "nano", "stranger", monitor=True) as stage:
        await stage.system.play("nano", 0xB0, 16, 127)
        await stage.system.play("nano", 0xF8)
        await stage.system.play("stranger", 0xC0, 5)
        assert stage.lines[0].startswith("MIDI: nano: cc 16 ch 1 = 127: ")
        assert "paint/strength 1" in stage.lines[0]
        assert stage.lines[1:] == ["MIDI: stranger: program 5 ch 1: nothing"]
        assert stage.controls.get("midi/devices") == "knobs"  # the stranger has no map


async def test_the_monitor_tells_the_end_of_a_sweep_by_itself(mock_clock: MockClock) -> None:
    async with serving(mock_clock, "stranger", monitor=True) as stage:
        sweep = [byte for value in range(100) for byte in (0xB0, 16, value)]
        await stage.system.play("stranger", *sweep)
        last = "MIDI: stranger: cc 16 ch 1 = 99: nothing"
        assert last not in stage.lines
        await eventually(lambda: stage.lines[-1] == last, "the last value")


async def test_what_was_held_when_learning_began_is_let_go(
    mock_clock: MockClock, tmp_path: Path
) -> None:
    held = (
        Mapping(Cc(1), "output/blackout", mode="momentary"),
        Mapping(Cc14(2, 34), "input/mirror", mode="momentary"),
        Mapping(Pitch(), "output/freeze", mode="momentary"),
        Mapping(Aftertouch(channel=1), "paint/active", mode="momentary", range=(1, 0)),
    )
    names = [mapping.to for mapping in held]
    maps = Maps(((DeviceMap("box", "box", "", held),),))
    async with serving(mock_clock, "box", maps=maps, folder=tmp_path) as stage:
        before = [stage.controls.get(name) for name in names]
        press = [0xB0, 1, 127, 0xB0, 2, 127, 0xB0, 34, 0, 0xE0, 127, 127, 0xD0, 127]
        await stage.system.play("box", *press)
        assert [stage.controls.get(name) for name in names] == [1 - int(was) for was in before]
        stage.controls.fire("midi/learn", ("paint/strength",))
        await stage.system.play("box", 0xB0, 1, 0, 0xB0, 2, 0, 0xE0, 0, 0, 0xD0, 0)
        await eventually(lambda: [stage.controls.get(name) for name in names] == before, "let go")
        assert stage.controls.get("midi/learning") == "paint/strength"
        assert stage.controls.get("midi/candidate") == "", "the end of a press is no candidate"
        await stage.system.play("box", 0xB0, 1, 127)  # another press is one
        assert stage.controls.get("output/blackout") == 0


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
