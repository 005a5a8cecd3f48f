"""Learning from outside: real ports, a device in a process of its own, the program asked by OSC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import played
from tests.helpers.jack import Device, Jack, jack
from tests.helpers.player import Player
from tests.helpers.program import Program

pytestmark = pytest.mark.acceptance

STRENGTH = "paint/strength"


@pytest.fixture(scope="module")
def server() -> Iterator[Jack]:
    with jack() as running:
        yield running


def _sweep(device: Device, player: Player, controller: int, done: Callable[[], object]) -> None:
    """Turn a knob up and down until something came of it."""
    values = [*range(0, 128, 4), *range(127, -1, -4)]
    position = 0

    def turned() -> object:
        nonlocal position
        device.cc(controller, values[position % len(values)])
        position += 1
        return done()

    player.until(turned, f"effect of controller {controller}")


def _learn(player: Player, device: Device, wish: str, controller: int) -> None:
    player.send("midi/learn", wish)
    player.until_value("midi/learning", wish)
    _sweep(device, player, controller, lambda: player.ask("midi/learning") == "")


def _plays(player: Player, device: Device, controller: int, name: str = STRENGTH) -> None:
    before = player.ask(name)
    _sweep(device, player, controller, lambda: abs(player.ask(name) - before) > 0.2)


def test_a_knob_is_learned_kept_taken_back_and_forgotten(server: Jack, tmp_path: Path) -> None:
    data = tmp_path / "data"
    files: list[Path] = []
    with server.device("Nobody") as device:
        with played("--headless", data=data, env=server.env) as (program, player):
            _learn(player, device, STRENGTH, 20)
            _plays(player, device, 20)
            folder = data / "midi"
            player.until(lambda: [*folder.glob("*.yaml")], "written down")
            files = [*folder.glob("*.yaml")]
            assert len(files) == 1
            assert STRENGTH in files[0].read_text()

            _learn(player, device, STRENGTH, 21)
            _plays(player, device, 21)
            player.until(lambda: "cc: 21" in files[0].read_text(), "written down")
            assert files[0].read_text().count(STRENGTH) == 1
            player.send("midi/learn-undo")
            _plays(player, device, 20)
            assert program.stop() == 0

        # another show knows it still
        with played("--headless", data=data, env=server.env) as (program, player):
            _plays(player, device, 20)
            player.send("midi/forget", STRENGTH)
            player.until(lambda: STRENGTH not in files[0].read_text(), "forgotten")
            player.until_value("midi/devices", "")
            before = player.ask(STRENGTH)
            for value in range(128):
                device.cc(20, value)
            player.send("midi/learn", "feedback/hue")
            player.until_value("midi/learning", "feedback/hue")
            assert player.ask(STRENGTH) == before
            player.send("midi/learn-cancel")
            player.until_value("midi/learning", "")
            assert program.stop() == 0


def test_a_pad_that_is_learned_over_a_known_box_lights_up(server: Jack, tmp_path: Path) -> None:
    pad = (0x90, 1)  # its map says freeze
    with (
        server.device("MIDI Mix") as device,
        played("--headless", data=tmp_path / "data", env=server.env) as (program, player),
    ):
        player.until_value("midi/devices", "midimix")
        player.send("midi/learn", "input/mirror")
        player.until_value("midi/learning", "input/mirror")
        sent = 0

        def hit() -> object:
            nonlocal sent
            device.note(1)
            sent += 2
            return player.ask("midi/learning") == ""

        player.until(hit, "learned pad")
        player.until(lambda: player.ask("midi/received") >= sent, "end of the hits")
        player.send("output/freeze", 0)
        player.until_value("output/freeze", 0)
        before = player.ask("input/mirror")
        device.note(1)
        player.until_value("input/mirror", 1 - before)
        player.until(lambda: device.last(*pad) == 127 * (1 - before), "light of the pad")
        assert player.ask("output/freeze") == 0
        player.send("input/mirror", 1)
        player.until(lambda: device.last(*pad) == 127, "light by OSC")
        player.send("input/mirror", 0)
        player.until(lambda: device.last(*pad) == 0, "light out by OSC")
        player.send("input/mirror", 1)
        player.until(lambda: device.last(*pad) == 127, "light by OSC again")
        assert program.stop() == 0


def test_a_box_that_is_known_plays_and_shows_as_soon_as_it_is_plugged_in(
    server: Jack, tmp_path: Path
) -> None:
    with played("--headless", data=tmp_path / "data", env=server.env) as (program, player):
        for plugged in range(2):
            with server.device("X-TOUCH MINI") as box:
                _box_plays(box, player, program, first=plugged == 0)
                box.unplug()
                player.until_value("midi/devices", "")
        assert program.stop() == 0


def _box_plays(box: Device, player: Player, program: Program, *, first: bool) -> None:
    # encoder 1 is strength; its ring is told where it stands, on channel 11
    ring = (0xBA, 1)
    player.until(lambda: box.last(*ring) is not None, "ring drawn")
    if first:
        program.says(r"X-TOUCH MINI.* plays as x-touch-mini")
    strength = player.ask(STRENGTH)
    assert box.last(*ring) == round(127 * strength)
    player.send(STRENGTH, 0.25 if first else 0.75)
    player.until(lambda: box.last(*ring) == (32 if first else 95), "ring after OSC")
    # upper button 1 loads a style: its light blinks or is lit when the style is asked for
    box.note(8, 127, 11)
    player.until(lambda: player.ask("preset/anime/state") == "active", "style")
    player.until(lambda: box.last(0x90, 0) == 1, "light of the style")
    # pushed, encoder 1 brings strength back
    box.note(0, 127, 11)
    player.until_value(STRENGTH, 0.5)
