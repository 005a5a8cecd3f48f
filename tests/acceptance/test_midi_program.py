"""MIDI on the command line: what is listed, monitored, refused, and done without."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.conftest import played
from tests.helpers.jack import jack, until
from tests.helpers.program import PATIENCE_S, ROOT

pytestmark = pytest.mark.acceptance

MAP = """
devices:
  - id: box
    match: {input: "Box*"}
    setup: "F0 7D 01 F7"
    farewell: "F0 7D 02 F7"
    mappings:
      - {on: {cc: 1}, to: output/brightness, takeover: jump}
      - {on: {cc: 2}, to: paint/strenght}
      - {on: {note: 1}, to: output/freeze, feedback: {note: 1}}
      - {on: {note: 2}, to: preset/load, arguments: [anmie]}
"""
OTHER = """
devices:
  - id: other
    match: {input: "Stranger*"}
    mappings: [{on: {cc: 1}, to: paint/strength}]
"""


@contextmanager
def artflow(*words: str, env: dict[str, str], folder: Path) -> Iterator[Callable[[], str]]:
    """A command of the program, under way; what it printed, waited for."""
    process = subprocess.Popen(
        [sys.executable, "-m", "artflow", *words],
        cwd=folder,
        env={
            **os.environ,
            **env,
            "PYTHONPATH": str(ROOT),
            "ARTFLOW_DATA": str(folder / "data"),
            "COLUMNS": "300",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield lambda: process.communicate(timeout=PATIENCE_S)[0]
    finally:
        process.kill()
        process.communicate()


def test_what_is_plugged_in_is_listed_heard_and_left_in_the_dark(tmp_path: Path) -> None:
    written = tmp_path / "map.yaml"
    written.write_text(MAP)
    other = tmp_path / "other.yaml"
    other.write_text(OTHER)
    learned = tmp_path / "data" / "midi"
    learned.mkdir(parents=True)
    (learned / "box.yaml").write_text(MAP)
    with jack() as server, server.device("Box") as box, server.device("Stranger") as stranger:
        with (
            artflow("devices", "--midi", str(other), env=server.env, folder=tmp_path) as devices,
            artflow("doctor", "--osc-port", "0", env=server.env, folder=tmp_path) as doctor,
        ):
            listed, checked = devices(), doctor()
        (line,) = [line for line in listed.splitlines() if "Box:out" in line]
        assert f"plays as box: 3 mappings of {learned / 'box.yaml'}" in line
        (line,) = [line for line in listed.splitlines() if "Stranger:out" in line]
        assert f"plays as other: 1 mapping of {other}" in line
        assert "Box:out, Stranger:out" in checked
        with played(
            *("--headless", "--midi", str(written), "--midi-monitor"),
            data=tmp_path / "other",
            env=server.env,
        ) as (program, player):
            # the good rest of a map plays
            program.says(r"map\.yaml:9: .*'paint/strenght'; did you mean paint/strength.*left out")
            program.says(r"map\.yaml:11: unknown preset 'anmie'; did you mean anime\?$")
            program.says(r"^model: ")  # everything that is plugged in plays before
            box.cc(1, 127)
            program.says(r"Box:out: cc 1 ch 1 = 127: .*output/brightness 2")
            player.until_value("output/brightness", 2.0)
            stranger.note(40)
            program.says(r"Stranger:out: note 40 ch 1 on 100: nothing")
            for value in (*range(100), 33):
                stranger.cc(7, value)
            program.says(r"Stranger:out: cc 7 ch 1 = 33: nothing$")  # however many were passed over
            player.send("output/freeze", 1)
            until(lambda: box.last(0x90, 1) == 127, "the light")
            assert program.stop() == 0
        until(lambda: box.last(0x90, 1) == 0, "the dark")
        farewell = bytes([0xF0, 0x7D, 0x02, 0xF7])
        until(lambda: box.heard[-1][1] == farewell, "the farewell")
        assert next(data for _, data in box.heard) == bytes([0xF0, 0x7D, 0x01, 0xF7])


def test_a_show_without_midi_hears_none_and_says_so_of_the_clock(tmp_path: Path) -> None:
    with played("--headless", "--no-midi", data=tmp_path / "data") as (program, player):
        player.send("tempo/source", "midi")
        player.until(lambda: "--no-midi" in str(player.last("error")), "a refusal")
        assert player.ask("tempo/source") == "internal"
        player.send("midi/learn", "paint/strength")
        player.until(lambda: "to learn knobs" in str(player.last("error")), "another one")
        assert "/artflow/midi/learn" in str(player.last("error"))
        assert "MIDI:" not in program.output
        assert program.stop() == 0


def test_no_midi_system_is_said_once_and_the_show_goes_on(tmp_path: Path) -> None:
    env = {"MIDO_BACKEND": "mido.backends.none_of_them"}
    with played("--headless", data=tmp_path / "data", env=env) as (program, player):
        assert player.ask("paint/strength") == 0.5
        program.says("^model: ")
        player.send("midi/learn", "paint/strength")
        player.until(lambda: "none_of_them" in str(player.last("error")), "told why not")
        assert player.ask("midi/learning") == ""
        assert program.stop() == 0
        lines = [line for line in program.lines if "MIDI" in line]
        (line,) = [line for line in lines if "midi/learn: " not in line]
        assert "MIDO_BACKEND is 'mido.backends.none_of_them'" in line
        assert line.endswith("the show goes on without MIDI")
