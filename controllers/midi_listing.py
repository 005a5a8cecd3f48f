"""The MIDI ports of this machine and who plays them, for `artflow devices` and `artflow doctor`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from controllers.midi_bundled import FOLDER
from controllers.midi_ports import MidiSystem, PortName, open_system
from controllers.midi_seats import Maps, seats

PortRow = tuple[str, str, str]
"""(port, "in" or "out", what it would do in a show)."""

UNMAPPED: Final = "no map; learn its knobs (key l), or write one: docs/MIDI.md"


def port_rows(maps: Maps, system: Callable[[], MidiSystem] = open_system) -> list[PortRow]:
    """A row for each port. Raises `MidiError` where there is no MIDI system."""
    with closing(system()) as opened:
        inputs, outputs = opened.inputs(), opened.outputs()
    found = seats(inputs, outputs, maps)
    players = {seat.input: seat for seat in found if seat.input is not None}
    shows = {seat.output: seat for seat in found if seat.output is not None}

    def plays(port: PortName) -> str:
        seat = players.get(port)
        if seat is None:
            return UNMAPPED
        count = len(seat.device.mappings)
        files = " and ".join(map(_file, seat.files))
        return f"plays as {seat.id}: {count} {'mapping' if count == 1 else 'mappings'} of {files}"

    def hears(port: PortName) -> str:
        seat = shows.get(port)
        return f"hears what {seat.id} is told" if seat is not None else ""

    return [(port.label, "in", plays(port)) for port in inputs] + [
        (port.label, "out", hears(port)) for port in outputs
    ]


def _file(path: str) -> str:
    """A map's file in a performer's words."""
    file = Path(path)
    return f"the bundled {file.stem}" if file.parent == FOLDER else path


def input_names(system: Callable[[], MidiSystem] = open_system) -> list[str]:
    """What could be played from. Raises `MidiError` where there is no MIDI system."""
    with closing(system()) as opened:
        return [port.label for port in opened.inputs()]
