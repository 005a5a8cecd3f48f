"""What never happens, whatever comes in and in whatever order."""

from __future__ import annotations

import random
from typing import Any

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from controllers.midi_curves import Span, span_of
from controllers.midi_map import (
    Aftertouch,
    Cc,
    Cc14,
    DeviceMap,
    Mapping,
    Note,
    Nrpn,
    Pitch,
    Program,
    device_rows,
)
from controllers.midi_player import MidiPlayer
from controllers.midi_takeover import WINDOW
from controllers.midi_wire import Wire
from engine.controls import Controls
from tests.helpers.osc import table

KNOBS = (
    Mapping(Cc(0), "paint/strength"),
    Mapping(Cc(1), "paint/guidance", curve="exp"),
    Mapping(Cc(2), "output/fade", (0.2, 0.8), "log", True),
    Mapping(Cc(3), "output/brightness", (2, 0), "s", takeover="scale"),
    Mapping(Cc(4), "output/contrast", (0.1, 0.3), takeover="scale"),
    Mapping(Cc(5), "paint/steps"),
    Mapping(Cc(8), "paint/guidance-mode", takeover="scale"),
    Mapping(Cc(7), "paint/strength", (0.5, 0.6), bank=2),  # two knobs for one control
    Mapping(Cc(0), "output/saturation", bank=2),  # and two controls for one knob
    Mapping(Cc14(16, 48), "paint/delta", takeover="scale"),
    Mapping(Nrpn(9), "output/mix", (1, 0.5)),
)
NAMES = sorted({mapping.to for mapping in KNOBS})


def stage() -> Controls:
    controls = table()
    controls.declare(*device_rows("desk"))
    for trigger in controls.triggers():
        controls.on(trigger.name, lambda _args, _origin: None)
    return controls


def spread(span: Span) -> float:
    """How far a value may lie from where the knob would have it, only for being rounded."""
    return 1.0 / abs(span.high - span.low) if span.parameter.kind != "f" else 0.0


class NoJumps(RuleBasedStateMachine):
    """Knobs, scenes, OSC, pages, and a plug that is pulled.

    A value moves by no more than its knob, plus the takeover window: with a knob turned step by
    step, by the window and that step.
    """

    @initialize()
    def begin(self) -> None:
        self.controls = stage()
        self.player = MidiPlayer(DeviceMap("desk", "x", mappings=KNOBS), self.controls)
        self.at_s = 0.0
        self.places: dict[Mapping, float] = {}

    def teardown(self) -> None:
        if hasattr(self, "player"):
            self.player.close()

    @rule(mapping=st.sampled_from(KNOBS), value=st.integers(0, 16383))
    def knob(self, mapping: Mapping, value: int) -> None:
        self.turn(mapping, value)

    @rule(mapping=st.sampled_from(KNOBS), start=st.integers(0, 127), by=st.integers(-60, 60))
    def sweep(self, mapping: Mapping, start: int, by: int) -> None:
        end = max(0, min(127, start + by))
        for value in range(start, end + (1 if by >= 0 else -1), 1 if by >= 0 else -1):
            self.turn(mapping, value * 129)  # both halves alike: 127 is the top of 14 bits, too

    def turn(self, mapping: Mapping, value: int) -> None:
        self.at_s += 0.01
        before = {name: self.controls.get(name) for name in NAMES}
        for message in spoken(mapping, value):
            self.player.take(message, self.at_s)
        self.player.due(self.at_s + 1)
        bank = self.controls.get("midi/desk/bank")
        allowed: dict[str, float] = {}
        for other in KNOBS:
            if other.on != mapping.on:
                continue
            span = span_of(other, self.controls.parameter(other.to))
            assert span is not None
            wide = isinstance(other.on, (Cc14, Nrpn))
            place = span.place(value / 16383 if wide else (value >> 7) / 127)
            last = self.places.get(other)
            self.places[other] = place
            if other.bank not in (None, bank):
                continue
            moved = abs(
                span.place_of(self.controls.get(other.to)) - span.place_of(before[other.to])
            )
            step = 0.0 if last is None else abs(place - last)
            assert moved <= step + WINDOW + spread(span) + 1e-9, other
            allowed[other.to] = moved
        for name in NAMES:
            assert name in allowed or self.controls.get(name) == before[name]

    @rule(name=st.sampled_from(NAMES), amount=st.floats(0, 1))
    def osc(self, name: str, amount: float) -> None:
        self.controls.set_normalized(name, amount, "osc")

    @rule(amounts=st.lists(st.floats(0, 1), min_size=len(NAMES), max_size=len(NAMES)))
    def scene(self, amounts: list[float]) -> None:
        for name, amount in zip(NAMES, amounts, strict=True):
            self.controls.set_normalized(name, amount, "scenes")

    @rule(bank=st.integers(1, 2))
    def page(self, bank: int) -> None:
        self.controls.set("midi/desk/bank", bank)

    @rule(
        mapping=st.sampled_from([mapping for mapping in KNOBS if mapping.bank]),
        value=st.integers(0, 127),
        by=st.integers(-2, 2),
    )
    def moved_on_another_page(self, mapping: Mapping, value: int, by: int) -> None:
        assert mapping.bank is not None
        self.controls.set("midi/desk/bank", mapping.bank)
        self.sweep(mapping, 64, -60)
        self.sweep(mapping, 4, 120)  # it has its value now, wherever that was
        self.controls.set("midi/desk/bank", mapping.bank % 2 + 1)
        self.turn(mapping, value * 129)
        self.controls.set("midi/desk/bank", mapping.bank)
        self.turn(mapping, max(0, min(127, value + by)) * 129)

    @rule()
    def unplugged(self) -> None:
        self.player.disconnected()
        self.places.clear()


def spoken(mapping: Mapping, value: int) -> list[mido.Message]:
    high, low = value >> 7, value & 127
    match mapping.on:
        case Cc(number):
            pairs = [(number, high)]
        case Cc14(first, second):
            pairs = [(first, high), (second, low)]
        case _:
            pairs = [(99, 0), (98, 9), (6, high), (38, low)]
    return [mido.Message("control_change", control=c, value=v) for c, v in pairs]


test_no_jumps: Any = settings(max_examples=150, stateful_step_count=30, deadline=None)(
    NoJumps
).TestCase

EVERYTHING = (
    *KNOBS,
    *(Mapping(Cc(n), "output/brightness") for n in range(20, 24)),
    *(Mapping(Cc(n, relative="signed-bit"), "paint/seed") for n in range(24, 28)),
    Mapping(Cc(28, relative="twos-complement"), "paint/guidance-mode", acceleration=50.0),
    Mapping(Cc(29, relative="offset-binary"), "feedback/rotate", acceleration=50.0),
    Mapping(Cc(64), "draw/clear"),
    Mapping(Cc(65), "output/freeze", mode="toggle"),
    Mapping(Cc(66), "paint/strength", (0.9, 0.2), mode="momentary"),
    Mapping(Nrpn(0, registered=True), "paint/seed-b", takeover="jump"),
    Mapping(Pitch(), "output/contrast", takeover="jump"),
    Mapping(Aftertouch(), "output/saturation", takeover="jump"),
    *(Mapping(Aftertouch(n), "feedback/zoom") for n in range(128)),
    *(Mapping(Note(n), "paint/strength") for n in range(40)),
    *(Mapping(Note(n), "output/blackout") for n in range(40, 60)),
    *(Mapping(Note(n), "draw/stroke") for n in range(60, 70)),
    *(Mapping(Note(n), "midi/desk/bank", mode="momentary") for n in range(70, 80)),
    *(Mapping(Note(n), "prompt/a", value=f"prompt {n}") for n in range(80, 128)),
    Mapping(Program(), "output/rotate"),
    Mapping(Program(3), "paint/steps"),
    Mapping(Program(4), "snapshot"),
)


class Played:
    """A player of everything there is, and whether its values are as they may be."""

    def __init__(self) -> None:
        self.controls = stage()
        self.player = MidiPlayer(DeviceMap("desk", "x", mappings=EVERYTHING), self.controls)
        self.at_s = 0.0
        self.wrong: list[str] = []
        self.controls.on_report(lambda address, text, _: self.wrong.append(f"{address}: {text}"))
        self.controls.listen(lambda change: self.check(change.parameter.name))

    def take(self, message: mido.Message) -> None:
        self.at_s += 0.001
        lines = self.player.take(message, self.at_s)
        assert all("\n" not in line for line in lines)
        due_s = self.player.due(self.at_s)
        assert due_s is None or due_s > self.at_s

    def check(self, name: str) -> None:
        parameter = self.controls.parameter(name)
        value = self.controls.get(name)
        if parameter.choices is not None:
            assert value in parameter.choices
        elif parameter.low is not None and parameter.high is not None:
            assert not isinstance(value, str)
            assert parameter.low <= value <= parameter.high, name
            assert parameter.kind == "f" or isinstance(value, int)


@pytest.mark.parametrize("seed", range(3))
def test_ten_thousand_random_messages(seed: int) -> None:
    chance = random.Random(seed)
    played = Played()
    for _ in range(10_000):
        status = chance.choice([0x80, 0x90, 0xA0, 0xB0, 0xB0, 0xB0, 0xC0, 0xD0, 0xE0]) | (
            chance.choice([0, 0, 0, chance.randrange(16)])
        )
        data = [chance.randrange(128) for _ in range(1 if status & 0xE0 == 0xC0 else 2)]
        played.take(mido.Message.from_bytes([status, *data]))
    assert played.wrong == []


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_as_they_come_off_a_wire(data: bytes) -> None:
    """Truncated messages, running status, real-time bytes in the midst, whatever."""
    played = Played()
    for message in Wire().feed(data):
        played.take(message)
    assert played.wrong == []


RUNNING = st.lists(st.tuples(st.integers(0, 31), st.integers(0, 127)), max_size=50)


@given(RUNNING, st.integers(0, 5))
def test_running_status_and_a_cut_off_end(pairs: list[tuple[int, int]], cut: int) -> None:
    data = bytes([0xB0, *(byte for pair in pairs for byte in pair)])
    played, spelled = Played(), Played()
    for message in Wire().feed(data[: len(data) - cut]):
        played.take(message)
    for control, value in pairs[: max(0, (len(data) - 1 - cut) // 2)]:
        spelled.take(mido.Message("control_change", control=control, value=value))
    assert played.controls.snapshot.values == spelled.controls.snapshot.values


def test_a_flood_of_sysex_moves_nothing() -> None:
    played = Played()
    before = played.controls.snapshot
    for size in (0, 1, 100, 100_000):
        for _ in range(50):
            played.take(mido.Message("sysex", data=[5] * size))
    assert played.controls.snapshot is before
