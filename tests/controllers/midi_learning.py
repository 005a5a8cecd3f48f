"""Somebody who teaches knobs, on a clock that is moved by hand."""

from __future__ import annotations

from pathlib import Path

import mido

from controllers.midi_learn import Learn
from controllers.midi_learned import Edit, TakenBack
from controllers.midi_learned_files import LearnedFiles
from controllers.midi_map import DeviceMap, Mapping
from controllers.midi_map_file import read_map
from engine.controls import Controls
from engine.errors import SettingError
from engine.parameters import PARAMETERS, TRIGGERS
from presets.preset_controls import triggers

BOX = "Box [1] MIDI 1"


class Teacher:
    """Learning with a folder, on a clock that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.controls = Controls()
        self.controls.declare(*PARAMETERS, *TRIGGERS, *triggers(tuple))
        self.now_s = 100.0
        self.saved: list[DeviceMap] = []
        self.problems: list[str] = []
        self.notices: list[str] = []
        self.reports: list[tuple[str, str, object]] = []
        self.controls.on_report(lambda *report: self.reports.append(report))
        self.files = LearnedFiles(folder, self.controls)
        self.learn = Learn(
            self.controls,
            self.files.devices(),
            self.keep,
            self.saved.append,
            self.notices.append,
            clock=lambda: self.now_s,
        )

    def keep(self, edit: Edit | TakenBack) -> None:
        try:
            self.files.write(edit)
        except SettingError as error:
            self.problems.append(str(error))

    def ask(self, *wish: str) -> None:
        self.controls.fire("midi/learn", wish, "somebody")

    def hear(self, text: str, label: str = BOX, id: str = "box") -> bool:
        return self.learn.hear(label, id, mido.Message.from_str(text), self.now_s)

    def turn(self, number: int, *values: int, apart_s: float = 0.01) -> None:
        for value in values:
            self.hear(f"control_change channel=0 control={number} value={value}")
            self.run(apart_s)

    def run(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while (due_s := self.learn.tick(self.now_s)) is not None and due_s <= until_s:
            assert due_s > self.now_s
            self.now_s = due_s
        self.now_s = until_s

    def teach(self, wish: str, number: int) -> None:
        self.ask(wish)
        self.turn(number, 10, 20, 30)
        self.run(1)

    def file(self, id: str = "box") -> Path:
        return self.folder / f"{id}.yaml"

    def mappings(self, id: str = "box") -> tuple[Mapping, ...]:
        read = read_map(self.file(id), self.controls)
        assert read.problems == []
        (device,) = read.devices
        return device.mappings

    def told(self, name: str) -> str:
        return str(self.controls.get(name))
