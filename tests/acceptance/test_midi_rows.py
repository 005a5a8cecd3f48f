"""Every kind of knob, pad and light that a map can name, from outside: a real port, a device in a
process of its own, the program asked by OSC. Half of the senders and listeners are not ours."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.acceptance.conftest import played
from tests.acceptance.test_presets import STYLE, catalogue
from tests.helpers.jack import Device, Jack, jack, until
from tests.helpers.mirror_beside import mirror_beside
from tests.helpers.mirror_server import Answer
from tests.helpers.player import Player
from tests.helpers.program import Program

pytestmark = pytest.mark.acceptance

MAP = Path(__file__).with_name("midi_rows.yaml")


@dataclass
class Stage:
    jack: Jack
    program: Program
    player: Player
    device: Device
    data: Path
    rest_may_come: threading.Event
    """The download of storm stands at its half until then."""

    def becomes(self, name: str, wanted: float | str, near: float = 1e-4) -> None:
        def there() -> bool:
            value = self.player.ask(name)
            return bool(
                value == (wanted if isinstance(wanted, str) else pytest.approx(wanted, abs=near))
            )

        self.player.until(there, f"{name} at {wanted}")

    def asks(self, name: str) -> float:
        return float(self.player.ask(name))

    def sets(self, name: str, value: float) -> None:
        self.player.send(name, value)
        self.becomes(name, value)

    def heard_so_far(self) -> None:
        """Until everything that was sent has counted: MIDI keeps its order."""
        now = self.asks("output/brightness")
        self.device.cc(1, 0 if now > 1 else 127)
        self.becomes("output/brightness", 0 if now > 1 else 2)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("midi")
    with jack() as server, mirror_beside({"/storm": STYLE}) as mirror:
        mirror.always["/broken"] = Answer(status=503)
        half, rest_may_come = len(STYLE) // 2, threading.Event()
        mirror.always["/storm"] = Answer(
            trickle=(half, 0.01), may_send=lambda sent: sent < half or rest_may_come.is_set()
        )
        listed = catalogue(folder, mirror, "storm")
        with (
            server.device("Box") as device,
            played(
                *("--headless", "--midi", str(MAP), "--presets", str(listed)),
                data=folder / "data",
                env=server.env,
            ) as (program, player),
        ):
            program.says("MIDI: Box:out plays as box")
            yield Stage(server, program, player, device, folder / "data", rest_may_come)
            assert "left out" not in program.output
            assert "Traceback" not in program.log
            assert program.stop() == 0


Messages = tuple[tuple[int, ...], ...]

ROWS: dict[str, tuple[Messages, str, float | str]] = {
    "controller": (((0xB0, 1, 127),), "output/brightness", 2.0),
    "controller, any channel": (((0xBF, 1, 0),), "output/brightness", 0.0),
    "14 bits": (((0xB0, 2, 64), (0xB0, 34, 1)), "prompt/mix", 8193 / 16383),
    "nrpn": (
        ((0xB0, 99, 2), (0xB0, 98, 44), (0xB0, 6, 64), (0xB0, 38, 1)),
        "preset/mix",
        8193 / 16383,
    ),
    "nrpn, one step up": (
        ((0xB0, 99, 2), (0xB0, 98, 44), (0xB0, 6, 0), (0xB0, 38, 0), (0xB0, 96, 0)),
        "preset/mix",
        1 / 128,  # a step of a knob of 7 bits
    ),
    "rpn": (
        ((0xB4, 101, 0), (0xB4, 100, 5), (0xB4, 6, 127), (0xB4, 38, 127)),
        "paint/seed-mix",
        1.0,
    ),
    "pitch up": (((0xE0, 127, 127),), "paint/delta", 2.0),
    "pitch down": (((0xE0, 0, 0),), "paint/delta", 0.0),
    "channel aftertouch": (((0xD2, 127),), "feedback/amount", 1.0),
    "aftertouch of a note": (((0xA0, 50, 0),), "feedback/zoom", 0.5),
    "velocity": (((0x90, 39, 127), (0x80, 39, 0)), "output/contrast", 2.0),
    "a given value": (((0x90, 40, 1), (0x90, 40, 0)), "output/flip", "both"),
    "a program's number": (((0xC0, 3),), "paint/steps", 3),
    "one program": (((0xCF, 7),), "prompt/a", "neon"),
    "channel 1": (((0xB0, 24, 127),), "feedback/hue", 180.0),
    "channel 2": (((0xB1, 24, 0),), "feedback/rotate", -180.0),
    "range, low end": (((0xB0, 25, 0),), "output/smooth", 0.5),
    "range, high end": (((0xB0, 25, 127),), "output/smooth", 1.5),
    "exp": (((0xB0, 26, 64),), "output/saturation", 2 * (81 ** (64 / 127) - 1) / 80),
    "log": (((0xB0, 27, 63),), "output/saturation", 2 * (1 - (81 ** (64 / 127) - 1) / 80)),
    "s": (((0xB0, 28, 32),), "output/saturation", 2 * (32 / 127) ** 2 * (3 - 64 / 127)),
    "inverted": (((0xB0, 29, 127),), "output/saturation", 0.0),
}


@pytest.mark.parametrize("row", list(ROWS))
def test_a_row_of_the_map(stage: Stage, row: str) -> None:
    messages, name, wanted = ROWS[row]
    for message in messages:
        stage.device.send(*message)
    stage.becomes(name, wanted)


def test_the_high_half_alone_counts_after_a_moment(stage: Stage) -> None:
    stage.device.cc(2, 127)
    stage.becomes("prompt/mix", 1.0, near=0.01)


@pytest.mark.parametrize(
    ("number", "up", "down"),
    [(20, 3, 126), (21, 67, 62), (22, 3, 66)],
    ids=["twos", "offset", "signed"],
)
def test_encoders_in_all_three_codings(stage: Stage, number: int, up: int, down: int) -> None:
    stage.sets("paint/seed", 1000)
    for _ in range(3):
        stage.device.cc(number, up)
    stage.becomes("paint/seed", 1009)
    stage.device.cc(number, down)
    stage.becomes("paint/seed", 1007)


def test_a_fast_turn_goes_further(stage: Stage) -> None:
    def turned() -> bool:
        before = stage.asks("paint/seed-b")
        for _ in range(10):
            stage.device.cc(23, 1)
        stage.heard_so_far()
        return stage.asks("paint/seed-b") > before + 10

    until(turned, "acceleration")


def test_a_pad_toggles_and_lights_up(stage: Stage) -> None:
    stage.device.note(37)
    stage.becomes("output/freeze", 1)
    until(lambda: stage.device.last(0x90, 37) == 5, "the light")
    stage.device.note(37)
    stage.becomes("output/freeze", 0)
    until(lambda: stage.device.last(0x90, 37) == 1, "the light off")
    stage.player.send("output/freeze", 1)  # from elsewhere
    until(lambda: stage.device.last(0x90, 37) == 5, "the light again")
    stage.player.send("output/freeze", 0)


def test_a_pad_is_held(stage: Stage) -> None:
    stage.device.send(0x90, 38, 100)
    stage.becomes("output/blackout", 1)
    stage.device.send(0x90, 38, 0)  # velocity 0 is off
    stage.becomes("output/blackout", 0)


def test_a_switch_toggles_as_it_rises(stage: Stage) -> None:
    before = stage.asks("input/mirror")
    for value in (0, 63, 64, 127, 100, 0):  # over the middle once
        stage.device.cc(64, value)
    stage.becomes("input/mirror", 1 - before)
    stage.heard_so_far()
    assert stage.asks("input/mirror") == 1 - before


def test_another_page_is_another_knob(stage: Stage) -> None:
    stage.device.cc(30, 127)
    stage.becomes("preset/fade", 10.0)
    stage.device.send(0x90, 44, 1)
    stage.becomes("midi/box/bank", 2)
    stage.device.cc(30, 0)
    stage.device.cc(30, 127)
    stage.becomes("paint/skip-similar", 1.0)
    stage.device.send(0x80, 44, 0)
    stage.becomes("midi/box/bank", 1)
    assert stage.asks("preset/fade") == 10.0
    stage.player.send("paint/skip-similar", 0.0)


def test_pickup_waits_for_the_knob_and_again_when_another_moves_the_value(stage: Stage) -> None:
    stage.sets("output/mix", 0.5)
    stage.device.cc(31, 10)
    stage.device.cc(31, 20)
    stage.becomes("midi/box/pickup", 20 / 127 - 0.5, near=0.01)
    assert stage.asks("output/mix") == pytest.approx(0.5)
    for value in range(20, 81, 4):
        stage.device.cc(31, value)
    stage.becomes("output/mix", 80 / 127)
    stage.becomes("midi/box/pickup", 0.0)
    stage.sets("output/mix", 0.1)  # another origin: armed again
    stage.device.cc(31, 84)
    stage.becomes("midi/box/pickup", 84 / 127 - 0.1, near=0.01)
    assert stage.asks("output/mix") == pytest.approx(0.1)
    stage.device.cc(31, 2)  # a fast crossing counts
    stage.becomes("output/mix", 2 / 127)


def test_scale_moves_in_proportion_to_the_travel_left(stage: Stage) -> None:
    stage.device.cc(32, 0)
    stage.heard_so_far()
    stage.sets("paint/guidance", 5.0)
    stage.device.cc(32, 64)
    stage.becomes("paint/guidance", 5.0 + 5.0 * 64 / 127, near=0.05)
    stage.device.cc(32, 127)
    stage.becomes("paint/guidance", 10.0)


def test_jump_goes_there_at_once(stage: Stage) -> None:
    stage.sets("output/brightness", 1.0)
    stage.device.cc(1, 0)
    stage.becomes("output/brightness", 0.0)


def test_a_ring_shows_the_value_but_does_not_fight_the_hand(stage: Stage) -> None:
    stage.sets("output/mix", 0.75)
    until(lambda: stage.device.last(0xB0, 31) == 95, "the ring")
    stage.device.cc(31, 90)
    stage.device.cc(31, 96)
    stage.becomes("output/mix", 96 / 127)
    heard = len(stage.device.heard)
    moved = time.monotonic()
    for value in range(96, 64, -1):
        stage.device.cc(31, value)
    stage.becomes("output/mix", 65 / 127)
    told = [data for _, data in stage.device.heard[heard:] if data[:2] == bytes([0xB0, 31])]
    if time.monotonic() - moved < 0.5:  # on a machine so busy that it took longer, it may speak
        assert not told
    until(lambda: stage.device.last(0xB0, 31) == 65, "the ring, when the hand rests")


def test_a_pad_blinks_while_its_preset_downloads(stage: Stage) -> None:
    lit = [data[2] for _, data in stage.device.heard if data[:2] == bytes([0x90, 45])]
    assert set(lit) <= {0}
    stage.device.note(45)

    def changes() -> int:
        lit = [data[2] for _, data in stage.device.heard if data[:2] == bytes([0x90, 45])]
        return sum(one != other for one, other in pairwise(lit))

    until(lambda: changes() >= 4, "blinking")
    assert stage.player.ask("preset/storm/state") == "downloading"
    stage.rest_may_come.set()
    stage.player.until_value("preset/storm/state", "installed")
    until(lambda: stage.device.last(0x90, 45) == 9, "the light that stays")
    assert hashlib.sha256((stage.data / "loras/storm.safetensors").read_bytes()).digest() == (
        hashlib.sha256(STYLE).digest()
    )


def test_two_of_the_same_name_are_told_apart(stage: Stage) -> None:
    with stage.jack.device("Twin") as one, stage.jack.device("Twin") as other:
        stage.player.until(lambda: "twin-2" in stage.player.ask("midi/devices"), "both")
        assert "twin," in stage.player.ask("midi/devices")
        one.cc(1, 127)
        stage.becomes("draw/size", 200.0)
        other.cc(1, 0)
        stage.becomes("draw/size", 1.0)
    stage.player.until(lambda: "twin" not in stage.player.ask("midi/devices"), "both gone")


def test_a_device_that_is_unplugged_mid_show_goes_on_when_it_is_back(stage: Stage) -> None:
    with stage.jack.device("Twin") as device:
        stage.player.until(lambda: "twin" in stage.player.ask("midi/devices"), "the device")
        device.cc(1, 127)
        stage.becomes("draw/size", 200.0)
        device.unplug()
        stage.player.until(lambda: "twin" not in stage.player.ask("midi/devices"), "it gone")
    with stage.jack.device("Twin") as device:
        stage.player.until(lambda: "twin" in stage.player.ask("midi/devices"), "it back")
        device.cc(1, 0)
        stage.becomes("draw/size", 1.0)


def test_a_sysex_flood_keeps_nobody_from_playing(stage: Stage) -> None:
    for _ in range(50):
        stage.device.send(0xF0, *([1] * 500), 0xF7)
    stage.heard_so_far()


def test_a_box_that_is_known_plays_and_shows_as_soon_as_it_is_plugged_in(stage: Stage) -> None:
    stage.sets("preset/fade", 0.5)
    for first in (True, False):
        with stage.jack.device("X-TOUCH MINI") as box:
            _box_plays(stage, box, first=first)
            box.unplug()
            until(lambda: "x-touch" not in stage.player.ask("midi/devices"), "it gone")


def _box_plays(stage: Stage, box: Device, *, first: bool) -> None:
    # encoder 1 is strength; its ring is told where it stands, on channel 11
    player = stage.player
    ring = (0xBA, 1)
    until(lambda: box.last(*ring) is not None, "ring drawn")
    if first:
        stage.program.says(r"X-TOUCH MINI.* plays as x-touch-mini")
    strength = player.ask("paint/strength")
    assert box.last(*ring) == round(127 * strength)
    player.send("paint/strength", 0.25 if first else 0.75)
    until(lambda: box.last(*ring) == (32 if first else 95), "ring after OSC")
    # upper button 1 loads a style: its light blinks or is lit when the style is asked for
    box.note(8, 127, 11)
    stage.becomes("preset/anime/state", "active")
    until(lambda: box.last(0x90, 0) == 1, "light of the style")
    # pushed, encoder 1 brings strength back
    box.note(0, 127, 11)
    stage.becomes("paint/strength", 0.5)


def test_another_programs_notes_play_and_its_monitor_sees_the_lights(stage: Stage) -> None:
    """JACK's own sequencer and monitor, which know nothing of us."""
    monitor = stage.jack.start("jack_midi_dump")
    sequencer = stage.jack.start("jack_midiseq", "Sequencer", "48000", "0", "60", "24000")
    lines: list[str] = []
    try:
        changes = _changes(stage, "paint/active")
        stage.player.until(lambda: "sequencer" in stage.player.ask("midi/devices"), "the device")
        stage.player.until(lambda: changes() >= 2, "notes")
        time.sleep(0.5)
    finally:
        # as by Ctrl-C, which they heed: JACK waits long for a client that is killed
        sequencer.send_signal(signal.SIGINT)
        sequencer.communicate(timeout=60)
        monitor.send_signal(signal.SIGINT)
        lines = monitor.communicate(timeout=60)[0].splitlines()
    lights = [line for line in lines if "90 3c" in line.lower()]
    assert any("0b" in line.lower() for line in lights), lines
    assert any("02" in line.lower() for line in lights), lines


def _changes(stage: Stage, name: str) -> Callable[[], int]:
    seen = [stage.player.ask(name)]

    def count() -> int:
        now = stage.player.ask(name)
        if now != seen[-1]:
            seen.append(now)
        return len(seen) - 1

    return count


def test_a_pad_fires_a_trigger_with_its_arguments(stage: Stage) -> None:
    # (last of all: the painter has loaded meanwhile)
    stage.player.until(lambda: stage.player.ask("painter/fps") > 0, "pictures")
    stage.device.note(36)
    until((stage.data / "snapshots" / "pad.png").exists, "the snapshot")
