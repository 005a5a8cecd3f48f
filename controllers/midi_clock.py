"""MIDI clock in: start, stop, continue, song position and ticks, as readings for the tempo."""

from __future__ import annotations

from typing import Final

import mido

from controllers.midi_clock_fit import TICKS_PER_BEAT, ClockFit
from engine.tempo import GONE_S, Reading, Tempo

CLOCK_TYPES: Final = frozenset({"clock", "start", "stop", "continue", "songpos"})
"""The messages that are a clock's, by mido's names."""

TICKS_PER_POSITION: Final = 6
"""A song position counts sixteenth notes."""

RAN_ON_S: Final = 10.0
"""A clock that was away for less has gone on meanwhile: a cable was pulled, or a port reopened."""


class MidiClock:
    """The clock of whichever device sends one.

    Where several do, the one that was there first is heard until it says nothing for a second.
    The first tick after a start is the beginning of the song. Without a start nobody knows which
    tick is a beat, so that only the tempo is told.
    """

    def __init__(self, tempo: Tempo) -> None:
        self._tempo = tempo
        self._device = ""
        self._heard_s = self._ticked_s = float("-inf")
        self._fit = ClockFit()
        self._next: int | None = None
        self._playing = True
        self._placed = False

    @property
    def bpm(self) -> float | None:
        """What the ticks say; None until enough have come."""
        return self._fit.line.bpm if self._fit.line is not None else None

    def take(self, message: mido.Message, at_s: float, device: str = "") -> bool:
        """A message that came at `at_s` (perf_counter seconds); whether it was a clock's."""
        kind = message.type
        if kind not in CLOCK_TYPES:
            return False
        if device != self._device:
            if at_s - self._heard_s <= GONE_S:
                return True  # a second clock is heard when the first is gone
            self._device = device
            self._begin()
        self._heard_s = at_s
        if kind == "clock":
            self._tick(at_s)
        else:
            self._transport(kind, message, at_s)
        return True

    def _begin(self) -> None:
        """Another device's clock, of which nothing is known yet."""
        self._fit.forget()
        self._ticked_s = float("-inf")
        self._next, self._playing, self._placed = None, True, False

    def _transport(self, kind: str, message: mido.Message, at_s: float) -> None:
        if kind == "start":
            self._next, self._placed, self._playing = 0, True, True
        elif kind == "songpos":
            self._next, self._placed = message.pos * TICKS_PER_POSITION, True
        else:
            self._playing = kind == "continue"
        # what begins, begins with its first tick
        if not self._playing:
            beat = self._next / TICKS_PER_BEAT if self._placed and self._next is not None else None
            self._tempo.hear("midi", Reading(at_s, self.bpm, beat, False, self._placed))

    def _tick(self, at_s: float) -> None:
        away_s, self._ticked_s = at_s - self._ticked_s, at_s
        if away_s > GONE_S:
            self._return(away_s)
        self._fit.add(at_s)
        if not self._playing or self._next is None:
            self._tempo.hear("midi", Reading(at_s, self.bpm, None, self._playing))
            return
        number = self._next
        self._next += 1
        placed, self._placed = self._placed, False
        # by the line, not as it came; the very first one is taken as it comes
        meant_s = at_s if placed or self.bpm is None else self._fit.newest_s
        beat = number / TICKS_PER_BEAT
        self._tempo.hear("midi", Reading(meant_s, self.bpm, beat, True, placed))

    def _return(self, away_s: float) -> None:
        """The clock ticks again after a pause."""
        line = self._fit.line
        if self._playing and not self._placed and self._next is not None and line is not None:
            missed = round(away_s / line.period_s) - 1
            self._next = self._next + missed if away_s < RAN_ON_S else None
        self._fit.forget()
