"""MIDI on the command line: what is listed, monitored, refused, and done without."""

from __future__ import annotations

import os
import subprocess
import sys
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
    mappings:
      - {on: {cc: 1}, to: output/brightness, takeover: jump}
      - {on: {cc: 2}, to: paint/strenght}
"""


def artflow(*words: str, env: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "artflow", *words],
        cwd=folder,
        env={
            **os.environ,
            **env,
            "PYTHONPATH": str(ROOT),
            "ARTFLOW_DATA": str(folder / "data"),
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.stdout


def test_devices_doctor_and_the_monitor_see_what_is_plugged_in(tmp_path: Path) -> None:
    written = tmp_path / "map.yaml"
    written.write_text(MAP)
    learned = tmp_path / "data" / "midi"
    learned.mkdir(parents=True)
    (learned / "box.yaml").write_text(MAP)
    with jack() as server, server.device("Box") as box, server.device("Stranger") as stranger:
        listed = artflow("devices", env=server.env, folder=tmp_path)
        (line,) = [line for line in listed.splitlines() if "Box:out" in line]
        assert "plays as box: 1 mapping" in line
        (line,) = [line for line in listed.splitlines() if "Stranger:out" in line]
        assert "no map" in line
        checked = artflow("doctor", "--osc-port", "0", env=server.env, folder=tmp_path)
        assert "Box:out, Stranger:out" in checked
        with played(
            *("--headless", "--midi", str(written), "--midi-monitor"),
            data=tmp_path / "other",
            env=server.env,
        ) as (program, player):
            # the good rest of a map plays
            program.says(r"map\.yaml:7: .*'paint/strenght'; did you mean paint/strength.*left out")
            program.says(r"^model: ")  # everything that is plugged in plays before
            box.cc(1, 127)
            program.says(r"Box:out: cc 1 ch 1 = 127: .*output/brightness 2")
            player.until_value("output/brightness", 2.0)
            stranger.note(40)
            program.says(r"Stranger:out: note 40 ch 1 on 100: nothing")
            assert program.stop() == 0


def test_with_the_show_the_lights_go_out(tmp_path: Path) -> None:
    written = tmp_path / "map.yaml"
    written.write_text(
        "devices:\n"
        "  - id: box\n"
        '    match: {input: "Box*"}\n'
        '    setup: "F0 7D 01 F7"\n'
        '    farewell: "F0 7D 02 F7"\n'
        "    mappings:\n"
        "      - {on: {note: 1}, to: output/freeze, feedback: {note: 1}}\n"
    )
    with jack() as server, server.device("Box") as box:
        with played(
            "--headless", "--midi", str(written), data=tmp_path / "data", env=server.env
        ) as (program, player):
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
        assert "MIDI:" not in program.output
        assert program.stop() == 0


def test_no_midi_system_is_said_once_and_the_show_goes_on(tmp_path: Path) -> None:
    env = {"MIDO_BACKEND": "mido.backends.none_of_them"}
    with played("--headless", data=tmp_path / "data", env=env) as (program, player):
        assert player.ask("paint/strength") == 0.5
        assert program.stop() == 0
        (line,) = [line for line in program.lines if "MIDI" in line]
        assert "MIDO_BACKEND is 'mido.backends.none_of_them'" in line
        assert line.endswith("the show goes on without MIDI")
