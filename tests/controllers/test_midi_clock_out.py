"""MIDI clock out: what a receiver counts is the show's beat."""

from __future__ import annotations

import mido
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from controllers.midi_clock import MidiClock
from controllers.midi_clock_out import MOST_LATE, MidiClockOut, Ticking, due
from engine.beats import BeatLine
from engine.controls import Controls
from engine.parameters import PARAMETERS, TRIGGERS
from engine.tempo import Tempo


def new_tempo(source: str = "internal") -> Tempo:
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    controls.set("tempo/source", source)
    return Tempo(controls, clock=trio.current_time)


class Box:
    """A drum machine: where it is, by what it was sent."""

    def __init__(self) -> None:
        self.ticks = 0
        self.running = False
        self.starts = 0

    def take(self, kind: str) -> None:
        if kind == "start":
            assert not self.running
            self.ticks, self.running = -1, True
            self.starts += 1
        elif kind == "stop":
            assert self.running
            self.running = False
        else:
            self.ticks += self.running

    @property
    def place(self) -> int:
        """The tick within the bar."""
        return self.ticks % 96


CHANGES = st.one_of(
    st.tuples(st.just("wait"), st.floats(0, 0.4)),
    st.tuples(st.just("bpm"), st.floats(20, 300)),
    st.tuples(st.just("towards"), st.floats(0, 100)),
    st.tuples(st.just("placed"), st.sampled_from([0.0, 2.0, 7.3, 64.0])),
    st.tuples(st.just("plays"), st.sampled_from([0.0, 1.0])),
)


@given(st.lists(CHANGES, max_size=80))
def test_a_receiver_that_runs_is_where_the_beat_is(changes: list[tuple[str, float]]) -> None:
    line, state, box, now = BeatLine(0.0, 0.0, 120), Ticking(), Box(), 0.0
    for kind, value in changes:
        if kind == "wait":
            now += value
        elif kind == "bpm":
            line = line.at_tempo(now, value)
        elif kind == "plays":
            line = line.plays(now, bool(value))
        else:
            line = line.placed(now, value) if kind == "placed" else line.towards(now, value)
        messages, state = due(state, line, now)
        for message in messages:
            box.take(message)
        assert box.running == state.running
        if box.running:
            assert line.playing
            off = (line.beat_at(now) * 24 - box.place) % 96
            assert off < 1.001 or off > 96 - 0.001
    # whatever was: once nothing happens any more, it runs with the beat
    line = line.plays(now, True)
    for _ in range(400):
        now += 0.0625
        messages, state = due(state, line, now)
        for message in messages:
            box.take(message)
    assert box.running


def test_it_starts_with_a_bar() -> None:
    line = BeatLine(0.0, 2.5, 120)
    messages, state = due(Ticking(), line, 0.0)
    assert (messages, state) == ([], Ticking(61))
    messages, state = due(state, line, 0.5)
    assert messages == ["clock"] * 24
    messages, state = due(state, line, 0.75)
    assert messages == ["clock"] * 11 + ["start", "clock"]
    assert state.running


def test_what_was_slept_through_is_made_up_for_but_not_all() -> None:
    line = BeatLine(0.0, 0.0, 60)
    _, state = due(Ticking(), line, 0.0)
    messages, late = due(state, line, MOST_LATE / 24)
    assert messages == ["clock"] * MOST_LATE
    messages, state = due(late, line, 3.0)
    assert messages == ["stop"]
    messages, state = due(state, line, 4.0)
    assert messages == ["clock"] * 23 + ["start", "clock"]


def test_bars_that_are_only_counted_otherwise_do_not_stop_it() -> None:
    line = BeatLine(0.0, 0.0, 60)
    _, state = due(Ticking(), line, 0.0)
    for beat in (401.0, 2.0):
        line = line.towards(1.0, beat)
        messages, state = due(state, line, 1.0)
        assert set(messages) <= {"clock"}
        assert state.running


def test_a_stop_reaches_the_receiver() -> None:
    line = BeatLine(0.0, 0.0, 60)
    _, state = due(Ticking(), line, 0.0)
    assert due(state, line.plays(1.0, False), 1.0) == (["stop"], Ticking())
    assert due(Ticking(), line.plays(1.0, False), 2.0) == ([], Ticking())


async def test_what_is_sent_can_be_followed(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001
) -> None:
    sender, receiver = new_tempo(), new_tempo("midi")
    clock = MidiClock(receiver)
    sent: list[str] = []

    def send(message: mido.Message) -> None:
        sent.append(message.type)
        clock.take(message, trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(MidiClockOut(sender, send).run)
        await trio.sleep(8)
        sender.line = sender.line.at_tempo(trio.current_time(), 90)
        await trio.sleep(8)
        now = trio.current_time()
        assert receiver.line.bpm == pytest.approx(90, abs=0.01)
        assert receiver.beat_at(now) == pytest.approx(sender.beat_at(now), abs=0.02)
        assert receiver.line.playing
        nursery.cancel_scope.cancel()
    assert sent[0] == "start"
    assert sent[-1] == "stop"
    assert not receiver.line.playing
