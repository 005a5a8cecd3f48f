"""A box with lights, on a clock that the test moves."""

from __future__ import annotations

import mido

from controllers.midi_lights import Lights
from controllers.midi_map import Cc, DeviceMap, Feedback, Mapping, Note, device_rows
from engine.controls import Controls, Parameter
from engine.parameters import PARAMETERS, TRIGGERS
from presets.preset_controls import triggers
from presets.preset_states import STATES

STYLE = "anime"


def controls() -> Controls:
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS, *device_rows("box"))
    controls.declare(*triggers(lambda: [STYLE]))
    controls.declare(
        Parameter(f"preset/{STYLE}/weight", "f", 0.0, "", low=-2.0, high=2.0),
        Parameter(f"preset/{STYLE}/state", "s", "absent", "", choices=STATES, read_only=True),
        Parameter("preset/deck-a", "s", "", "", read_only=True),
    )
    return controls


class Box:
    """A device with lights, and a clock that the test moves."""

    def __init__(self, *mappings: Mapping) -> None:
        self.controls = controls()
        self.now_s = 100.0
        self.sent: list[tuple[float, mido.Message]] = []
        self.woken = 0
        self.lights = Lights(
            DeviceMap("box", "Box", "Box", mappings),
            self.controls,
            lambda message: self.sent.append((self.now_s, message)),
            self._wake,
        )
        self.lights.redraw(self.now_s)

    def _wake(self) -> None:
        self.woken += 1

    def run(self, seconds: float) -> None:
        """Let time pass as the owner does: when asked to be called, and at once when woken."""
        until_s = self.now_s + seconds
        while True:
            due_s = self.lights.tick(self.now_s)
            if due_s is None or due_s > until_s:
                break
            assert due_s > self.now_s, "asks to be called in the past"
            self.now_s = due_s
        self.now_s = until_s

    def values(self) -> list[int]:
        """What was sent since the last look."""
        values = [
            message.value if message.type == "control_change" else message.velocity
            for _, message in self.sent
        ]
        self.sent.clear()
        return values

    def hear(self, text: str) -> None:
        self.lights.heard(mido.Message.from_str(text), self.now_s)


def pad(to: str, note: int = 36, **fields: object) -> Mapping:
    light = Feedback(note=note, on=21, off=1)
    return Mapping(Note(note, 1), to, feedback=(light,), **fields)  # type: ignore[arg-type]


def ring(to: str, number: int = 7, **fields: object) -> Mapping:
    light = Feedback(cc=number, show="value")
    return Mapping(Cc(number, 3), to, feedback=(light,), **fields)  # type: ignore[arg-type]
