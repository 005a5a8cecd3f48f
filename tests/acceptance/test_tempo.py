"""The tempo from outside: taps over OSC, and MIDI clock from and to real ports."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.conftest import played
from tests.helpers.jack import Jack, jack
from tests.helpers.player import Player
from tests.helpers.program import ROOT, Program

pytestmark = pytest.mark.acceptance

PATIENCE_S = 60.0


class Sequencer:
    """Sends MIDI clock; see `tests.helpers.midi_sender`. `beats` are (number, when it was sent)."""

    def __init__(self, jack: Jack, name: str, bpm: float) -> None:
        self.beats: list[tuple[int, float]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.midi_sender", name, str(bpm)],
            cwd=ROOT,
            env={**os.environ, **jack.env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "plugged in\n"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            number, at_s = line.split()
            self.beats.append((int(number), float(at_s)))

    def order(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        # a client of JACK that is killed can hang its server
        self.order("bye")
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(PATIENCE_S)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@contextmanager
def sequencer(jack: Jack, name: str, bpm: float) -> Iterator[Sequencer]:
    sender = Sequencer(jack, name, bpm)
    try:
        yield sender
    finally:
        sender.close()


def until_near(player: Player, name: str, wanted: float, within: float) -> None:
    player.until(lambda: abs(float(player.ask(name)) - wanted) <= within, f"{name} near {wanted}")


Show = tuple[Jack, Program, Player]


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    """One show for all; the drums of its map are plugged in by the last test."""
    folder = tmp_path_factory.mktemp("tempo")
    map_file = folder / "drums.yaml"
    map_file.write_text(
        "devices:\n- {id: drums, match: {input: 'Drums*', output: 'Drums*'}, clock: out}\n"
    )
    arguments = ("--headless", "--midi", str(map_file))
    with (
        jack() as system,
        played(*arguments, data=folder / "data", env=system.env) as (program, player),
    ):
        yield system, program, player
        assert program.stop() == 0


def test_taps_over_osc(show: Show) -> None:
    _, _, player = show
    beat = float(player.ask("tempo/beat"))
    player.until(lambda: float(player.ask("tempo/beat")) > beat + 1, "beat that runs")

    def tapped() -> bool:
        player.send("tempo/tap")
        time.sleep(0.75)  # the performer's hand
        return abs(float(player.ask("tempo/bpm")) - 80) <= 8

    player.until(tapped, "tempo of the taps")


def test_midi_clock_gives_the_tempo(show: Show) -> None:
    system, program, player = show
    player.send("tempo/source", "midi")
    with sequencer(system, "Sequencer", 137) as sender:
        until_near(player, "tempo/bpm", 137, 1.0)
        player.until_value("tempo/locked", 1)

        sender.order("start")
        player.until(lambda: sender.beats, "beat")

        def together() -> bool:
            number, at_s = sender.beats[-1]
            beat = float(player.ask("tempo/beat"))
            # asking takes a moment, too, and the beat is told 30 times a second
            return abs(beat - number - (time.perf_counter() - at_s) * 137 / 60) < 0.15

        player.until(together, "same beat")
        sender.order("bpm 151")
        until_near(player, "tempo/bpm", 151, 1.0)

        sender.order("stop")
        player.until_value("tempo/playing", 0)
        program.says("tempo: MIDI clock is stopped; the beat stands")
        player.until_value("tempo/locked", 1)  # it ticks on
        beat = player.ask("tempo/beat")
        player.until_value("tempo/beat", beat)
        sender.order("songpos 64")
        player.until_value("tempo/beat", 16.0)
        player.until_value("tempo/bar", 5)
        sender.order("continue")
        player.until_value("tempo/playing", 1)
        player.until(lambda: sender.beats[-1][0] >= 17, "song that goes on")
        player.until(lambda: float(player.ask("tempo/beat")) > 17, "beat that goes on")

    player.until_value("tempo/locked", 0)
    program.says("tempo: MIDI clock is gone; the beat goes on")
    player.until_value("tempo/playing", 1)
    beat = float(player.ask("tempo/beat"))
    player.until(lambda: float(player.ask("tempo/beat")) > beat + 2, "beat that goes on")
    with sequencer(system, "Sequencer", 90):  # plugged in again
        until_near(player, "tempo/bpm", 90, 1.0)
        player.until_value("tempo/locked", 1)
    player.send("tempo/source", "internal")


def test_the_beat_goes_out_as_midi_clock(show: Show) -> None:
    """(last of all: the drums hear how the module's show ends)"""
    system, program, player = show
    with system.device("Drums") as drums:
        player.send("tempo/bpm", 150.0)

        def starts() -> list[int]:
            return [n for n, (_, data) in enumerate(list(drums.heard)) if data == b"\xfa"]

        player.until(starts, "start")
        first = starts()[0]
        player.until(lambda: len(drums.heard) > first + 8 * 24, "ticks")
        at_s = [at for at, data in drums.heard[first:] if data == b"\xf8"]
        beats_s = [later - earlier for earlier, later in zip(at_s, at_s[24:], strict=False)]
        assert 60 / statistics.median(beats_s) == pytest.approx(150, rel=0.03)
        assert program.stop() == 0
        player.until(lambda: drums.heard[-1][1] == b"\xfc", "stop")
        drums.unplug()
