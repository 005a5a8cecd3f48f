"""MIDI ports without a MIDI system: devices that a test plugs in, plays and pulls out."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

import trio

from controllers.midi_ports import Heard, PortName, told_apart
from engine.errors import MidiError


@dataclass
class FakeInput:
    raw: str
    heard: Heard
    closed: bool = False

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeOutput:
    raw: str
    sent: list[bytes] = field(default_factory=list)
    closed: bool = False
    dead: bool = False
    stuck: threading.Event | None = None
    """Where set, sending waits for it, as in a driver that takes nothing."""

    def send(self, data: bytes) -> None:
        if self.stuck is not None:
            self.stuck.wait(60)
        if self.dead:
            raise MidiError(f"MIDI output {self.raw} takes nothing (gone)")
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True


class FakeSystem:
    """A MIDI system of plain lists. Change `input_names` and `output_names` as you like."""

    def __init__(self, inputs: Iterable[str] = (), outputs: Iterable[str] = ()) -> None:
        self.input_names = list(inputs)
        self.output_names = list(outputs)
        self.opened: list[FakeInput] = []
        self.sending: list[FakeOutput] = []
        self.held: set[str] = set()
        """Ports that another program has, and that cannot be opened."""
        self.hung: threading.Event | None = None
        """Where set, asking for the inputs waits for it."""
        self.broken = False
        self.closed = False
        self.asked = {"inputs": 0, "outputs": 0}

    def inputs(self) -> tuple[PortName, ...]:
        self.asked["inputs"] += 1
        if self.hung is not None:
            self.hung.wait(60)
        if self.broken:
            raise MidiError("MIDI: the inputs cannot be listed (gone)")
        return told_apart(self.input_names)

    def outputs(self) -> tuple[PortName, ...]:
        self.asked["outputs"] += 1
        return told_apart(self.output_names)

    def open_input(self, port: PortName, heard: Heard) -> FakeInput:
        if port.raw in self.held:
            raise MidiError(f"MIDI input {port.label} cannot be opened (busy)")
        self.opened.append(FakeInput(port.raw, heard))
        return self.opened[-1]

    def open_output(self, port: PortName) -> FakeOutput:
        self.sending.append(FakeOutput(port.raw))
        return self.sending[-1]

    def close(self) -> None:
        self.closed = True

    # what a test does

    def input(self, raw: str) -> FakeInput:
        """The input of that name that is open now."""
        return [port for port in self.opened if port.raw == raw and not port.closed][-1]

    def output(self, raw: str) -> FakeOutput:
        return [port for port in self.sending if port.raw == raw and not port.closed][-1]

    async def play(self, raw: str, *data: int, at_s: float | None = None) -> None:
        """These bytes come from the device, on a thread of their own, and are taken."""
        port = self.input(raw)
        when = trio.current_time() if at_s is None else at_s
        thread = threading.Thread(target=port.heard, args=(when, list(data)))
        thread.start()
        thread.join()
        for _ in range(3):  # a knock is answered in the turn after the next
            await trio.lowlevel.checkpoint()
