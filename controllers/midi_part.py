"""MIDI as one part of a show: maps read, devices played, knobs learned, the clock heard."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import trio

from controllers.midi import MidiServer
from controllers.midi_clock import MidiClock
from controllers.midi_device import Ears
from controllers.midi_learn import Learn
from controllers.midi_learned_keeper import LearnedKeeper
from controllers.midi_map import DeviceMap, device_rows
from controllers.midi_monitor import Monitor
from controllers.midi_player import Touched
from controllers.midi_ports import MidiSystem, open_system
from controllers.midi_shelf import read_maps
from engine.controls import Controls
from engine.tempo import Tempo

MIDI_OFF: Final = "MIDI is off (--no-midi); start without it to follow a MIDI clock"
"""Why `tempo/source` cannot be midi in a show without this part."""


class MidiPart:
    """Declares the controls of the devices that maps name, then plays.

    `files` are the performer's maps, `folder` is where learned ones are kept. `notice` gets what a
    performer wants to know once, `monitor`, where there is one, a line for every message.
    """

    def __init__(
        self,
        controls: Controls,
        files: Sequence[Path],
        folder: Path,
        tempo: Tempo,
        *,
        notice: Callable[[str], None],
        monitor: Callable[[str], None] | None = None,
        system: Callable[[], MidiSystem] = open_system,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._controls = controls
        maps, self._problems = read_maps(files, folder, controls)
        for device in (*(one for file in maps.files for one in file), *maps.learned):
            for row in device_rows(device.id):
                if not controls.is_parameter(row.name):
                    controls.declare(row)
        self._keeper = LearnedKeeper(folder, controls)
        self.learn = Learn(
            controls,
            self._keeper.devices(),
            self._keeper.put,
            self._saved,
            notice,
            self._wake,
            clock,
        )
        ears = Ears(MidiClock(tempo), self.learn, Monitor(monitor) if monitor else None)
        self._server = MidiServer(
            controls, maps, ears, tempo=tempo, notice=notice, system=system, clock=clock
        )

    def _saved(self, device: DeviceMap) -> None:
        self._server.learned(device)

    def _wake(self) -> None:
        self._server.wake()

    @property
    def touched(self) -> Touched | None:
        """What the knob that moved last reached for, for a few seconds; from any thread."""
        return self._server.touched

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Play until cancelled. Has started once everything that is plugged in plays."""
        for problem in self._problems:
            self._controls.report("midi", problem)
        try:
            async with trio.open_nursery() as parts:
                parts.start_soon(self._keeper.run)
                await self._server.run(task_status)
        finally:
            self.learn.close()
