"""Learning from outside: real ports, a device in a process of its own, the program asked by OSC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.conftest import played
from tests.helpers.jack import Device, Jack, jack
from tests.helpers.player import Player
from tests.helpers.program import Program

pytestmark = pytest.mark.acceptance

STRENGTH = "paint/strength"


@dataclass
class Show:
    """The module's show."""

    server: Jack
    program: Program
    player: Player
    data: Path


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    data = tmp_path_factory.mktemp("learn") / "data"
    with jack() as server, played("--headless", data=data, env=server.env) as (program, player):
        program.says("^model: ")  # what is plugged in has been looked for before
        yield Show(server, program, player, data)
        assert program.stop() == 0


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


def _learn(player: Player, device: Device, controller: int, *wish: str) -> None:
    player.send("midi/learn", *wish)
    player.until_value("midi/learning", " ".join(wish))
    _sweep(device, player, controller, lambda: player.ask("midi/learning") == "")


def _plays(player: Player, device: Device, controller: int, name: str = STRENGTH) -> None:
    before = player.ask(name)
    _sweep(device, player, controller, lambda: abs(player.ask(name) - before) > 0.2)


def _refused(player: Player, says: str) -> None:
    player.until(lambda: says in str(player.last("error")), f"told of: {says}")


def test_what_keeps_from_learning_is_told_at_once(show: Show) -> None:
    player = show.player
    player.send("midi/learn", STRENGTH)
    _refused(player, "no MIDI device is plugged in; it waits for one")
    player.send("midi/learn-cancel")
    player.send("midi/learn", "preset/load")
    _refused(player, "preset/load needs to know what")
    player.send("midi/learn-undo")
    _refused(player, "nothing was learned or forgotten")
    assert player.ask("midi/learning") == ""
    player.send("midi/learn", "preset/load", "anmie")  # it may be in the list later
    _refused(player, "unknown preset 'anmie'; did you mean anime?")
    player.until_value("midi/learning", "preset/load anmie")
    player.send("midi/learn-cancel")
    player.until_value("midi/learning", "")


def test_a_pad_that_is_learned_over_a_known_box_lights_up(show: Show) -> None:
    pad = (0x90, 1)  # its map says freeze
    player = show.player
    with show.server.device("MIDI Mix") as device:
        player.until_value("midi/devices", "midimix")
        player.send("midi/learn", "input/mirror")
        player.until_value("midi/learning", "input/mirror")
        before = player.ask("midi/received")
        sent = 0

        def hit() -> object:
            nonlocal sent
            device.note(1)
            sent += 2
            return player.ask("midi/learning") == ""

        player.until(hit, "learned pad")
        player.until(lambda: player.ask("midi/received") >= before + sent, "end of the hits")
        player.send("output/freeze", 0)
        player.until_value("output/freeze", 0)
        mirror = player.ask("input/mirror")
        device.note(1)
        player.until_value("input/mirror", 1 - mirror)
        player.until(lambda: device.last(*pad) == 127 * (1 - mirror), "light of the pad")
        assert player.ask("output/freeze") == 0
        player.send("input/mirror", 1)
        player.until(lambda: device.last(*pad) == 127, "light by OSC")
        player.send("input/mirror", 0)
        player.until(lambda: device.last(*pad) == 0, "light out by OSC")
        player.send("input/mirror", 1)
        player.until(lambda: device.last(*pad) == 127, "light by OSC again")
    player.until_value("midi/devices", "")


def test_a_knob_is_learned_kept_taken_back_and_forgotten(show: Show) -> None:
    """(last of all: it ends the module's show, and begins another one with what was learned)"""
    program, player, data = show.program, show.player, show.data
    with show.server.device("Nobody") as device:
        _learn(player, device, 20, STRENGTH)
        _plays(player, device, 20)
        file = data / "midi" / "nobody-out.yaml"
        player.until(file.exists, "written down")
        assert STRENGTH in file.read_text()

        _learn(player, device, 21, STRENGTH)
        _plays(player, device, 21)
        player.until(lambda: "cc: 21" in file.read_text(), "written down")
        assert file.read_text().count(STRENGTH) == 1
        player.send("midi/learn-undo")
        _plays(player, device, 20)
        assert program.stop() == 0

        # another show knows it still
        with played("--headless", data=data, env=show.server.env) as (program, player):
            _plays(player, device, 20)
            player.send("midi/forget", STRENGTH)
            player.until(lambda: STRENGTH not in file.read_text(), "forgotten")
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
