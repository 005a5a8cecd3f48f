"""MIDI clock out: the show's beat for drum machines and the like."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import mido
import trio

from controllers.midi_clock_fit import TICKS_PER_BEAT
from engine.beats import BEATS_PER_BAR, BeatLine
from engine.tempo import Tempo

TICKS_PER_BAR: Final = TICKS_PER_BEAT * BEATS_PER_BAR

LOOK_S: Final = 0.02
"""How long it sleeps at most: the tempo may have changed meanwhile."""

MOST_LATE: Final = TICKS_PER_BEAT
"""So many ticks are made up for at once, so that nobody loses count; beyond, it begins anew."""

_EXACT: Final = 1e-6
"""Ticks: closer than this is there."""


@dataclass(frozen=True, slots=True)
class Ticking:
    """What a receiver knows: the number of the tick that it will get next, if it was started."""

    next: int | None = None
    running: bool = False


def due(state: Ticking, line: BeatLine, now_s: float) -> tuple[list[str], Ticking]:
    """The messages (mido's names) that are due at `now_s`, and what the receiver knows then.

    A receiver that is not running is started with a bar. Ticks are counted from the beat's 0; where
    the beat was put elsewhere, the receiver is stopped and started with the next bar, for there are
    boxes that heed no song position.
    """
    if not line.playing:
        return (["stop"] if state.running else []), Ticking()
    # the last tick that has come, by the beat
    newest = math.floor(line.beat_at(now_s) * TICKS_PER_BEAT + _EXACT)
    if state.next is None:
        state = Ticking(newest + 1) if newest % TICKS_PER_BAR else Ticking(newest)
    assert state.next is not None
    behind = newest - state.next + 1
    # whole bars are only counted otherwise; and bent, the beat may be a little back
    bars = round(behind / TICKS_PER_BAR) * TICKS_PER_BAR
    first, late = state.next + bars, behind - bars
    messages: list[str] = []
    running = state.running
    if not -1 <= late <= MOST_LATE:
        messages += ["stop"] if running else []
        running, first = False, newest if newest % TICKS_PER_BAR == 0 else newest + 1
    for number in range(first, newest + 1):
        if not running and number % TICKS_PER_BAR == 0:
            messages.append("start")
            running = True
        messages.append("clock")
    return messages, Ticking(max(first, newest + 1), running)


class MidiClockOut:
    """Sends the beat to one output, 24 ticks to a beat."""

    def __init__(self, tempo: Tempo, send: Callable[[mido.Message], None]) -> None:
        self._tempo = tempo
        self._send = send

    async def run(self) -> None:
        """Tick until cancelled; a receiver that was started is stopped then."""
        state = Ticking()
        clock = self._tempo.clock
        try:
            while True:
                messages, state = due(state, self._tempo.line, clock())
                for kind in messages:
                    self._send(mido.Message(kind))
                await trio.sleep(self._wait_s(state, clock()))
        finally:
            if state.running:
                self._send(mido.Message("stop"))

    def _wait_s(self, state: Ticking, now_s: float) -> float:
        if state.next is None:
            return LOOK_S
        at_s = self._tempo.line.time_at(state.next / TICKS_PER_BEAT)
        return min(LOOK_S, max(0.0, at_s - now_s))
