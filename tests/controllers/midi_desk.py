"""A desk: a player of a device's map on the built-in table, and hands to play it with."""

from __future__ import annotations

import mido

from controllers.midi_map import Aftertouch, Cc, Cc14, DeviceMap, Mapping, Nrpn, Pitch, device_rows
from controllers.midi_player import MidiPlayer
from engine.controls import Controls, Trigger, TriggerHandler, Value
from tests.helpers.osc import table


class Desk:
    """A player on the built-in table, and what its triggers were fired with."""

    def __init__(self, *mappings: Mapping) -> None:
        self.controls = controls()
        self.fired: list[tuple[str, tuple[Value, ...], object]] = []
        for trigger in self.controls.triggers():
            self.controls.on(trigger.name, self._answer(trigger.name))
        self.refused: list[tuple[str, str]] = []
        self.controls.on_report(lambda address, text, _: self.refused.append((address, text)))
        self.told: list[str] = []
        self.player = MidiPlayer(
            DeviceMap("desk", "x", mappings=mappings), self.controls, self.told.append
        )
        self.at_s = 10.0

    def _answer(self, name: str) -> TriggerHandler:
        return lambda arguments, origin: self.fired.append((name, arguments, origin))

    def take(self, *messages: mido.Message) -> list[str]:
        return [line for message in messages for line in self.player.take(message, self.at_s)]

    def cc(self, number: int, *values: int, channel: int = 1) -> list[str]:
        return self.take(
            *(
                mido.Message("control_change", control=number, value=value, channel=channel - 1)
                for value in values
            )
        )

    def note(self, number: int, *velocities: int) -> list[str]:
        return self.take(*(mido.Message("note_on", note=number, velocity=v) for v in velocities))

    def program(self, number: int) -> list[str]:
        return self.take(mido.Message("program_change", program=number))

    def get(self, name: str) -> Value:
        return self.controls.get(name)

    @property
    def pickup(self) -> float:
        return self.controls.snapshot.number("midi/desk/pickup")

    @property
    def calls(self) -> list[tuple[str, tuple[Value, ...]]]:
        return [(name, arguments) for name, arguments, _ in self.fired]


def controls() -> Controls:
    table_ = table()
    table_.declare(
        *device_rows("desk"),
        Trigger("go/style", "", "s[f"),
        Trigger("go/number", "", "i[f"),
        Trigger("go/at", "", "f"),
    )
    return table_


def jump(on: Cc | Cc14 | Nrpn | Pitch | Aftertouch, to: str = "paint/strength") -> Mapping:
    """A knob without takeover."""
    return Mapping(on, to, takeover="jump")
