"""Tempo: the show's beat, from a clock of its own, from taps, from MIDI clock or from Link.

Whoever wants the beat asks `Tempo.line` for a time of its own choosing. The controls `tempo/*` show
it to people, 30 times a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import trio

from engine.beats import BEATS_PER_BAR, BeatLine, bar_of, phase_of
from engine.controls import Change, Controls, Value
from engine.taps import Taps

TOLD_PER_S: Final = 30
"""How often the beat is reported."""

GONE_S: Final = 1.0
"""Another clock that says nothing for this long is gone; the slowest ticks every 0.125 s."""

TOLD_BPM: Final = 0.02
"""Another clock's tempo is told anew when it differs by this much from what was told."""

FOLLOWED: Final = {"midi": "MIDI clock is heard", "link": "in the Link session"}
LOST: Final = {"midi": "MIDI clock is gone", "link": "the Link session is gone"}
STOPPED: Final = "MIDI clock is stopped"
"""Nobody else stops the beat."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What another clock says of the time `at_s` (seconds of `Tempo`'s clock).

    `bpm` is None until it is known, and `beat` where only the tempo is. `placed` says that somebody
    put the beat there (a start, a song position): there a jump is wanted.
    """

    at_s: float
    bpm: float | None
    beat: float | None = None
    playing: bool = True
    placed: bool = False


class Tempo:
    """The beat, and the controls `tempo/*`.

    One task owns it, as it owns the controls; `line` is a value and can be read from any thread.
    `refusals` says of a `tempo/source` that this show cannot follow why, and what to do. The beat
    jumps only where another clock is started or put somewhere; whatever else happens, its phase in
    beat and bar goes on.
    """

    def __init__(
        self,
        controls: Controls,
        *,
        clock: Callable[[], float] = time.perf_counter,
        refusals: Mapping[str, str] | None = None,
        notice: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.clock = clock
        """Seconds; `time.perf_counter`, with which MIDI is stamped."""
        self.line = BeatLine(clock(), 0.0, self._number(controls, "tempo/bpm"))
        """The beat from now on; replaced whole at every change."""
        self._controls = controls
        self._refusals = dict(refusals or {})
        self._notice = notice
        self._taps = Taps()
        self._source = "internal"
        self._heard_s: float | None = None
        self._told_of_bpm = False
        self._told_playing = True
        self._end = controls.listen(self._on_change)
        controls.on("tempo/tap", self._tap)
        self._choose(str(controls.get("tempo/source")), None)
        self._tell(clock())

    @staticmethod
    def _number(controls: Controls, name: str) -> float:
        value = controls.get(name)
        assert not isinstance(value, str)
        return float(value)

    # asking

    @property
    def source(self) -> str:
        """Whose beat it is: internal, midi or link."""
        return self._source

    @property
    def locked(self) -> bool:
        """Whether another clock is heard, and followed."""
        return self._heard_s is not None

    def beat_at(self, time_s: float) -> float:
        """Beats since the start, at a time of `clock`."""
        return self.line.beat_at(time_s)

    def beat_now(self) -> float:
        """Beats since the start, now."""
        return self.line.beat_at(self.clock())

    def next_beat(self, time_s: float) -> float:
        """When the first beat at or after `time_s` comes; infinity while the beat stands still."""
        return self.line.next_at(time_s)

    def next_bar(self, time_s: float) -> float:
        """When the first bar at or after `time_s` begins; ask again after a change of tempo."""
        return self.line.next_at(time_s, BEATS_PER_BAR)

    # another clock

    def hear(self, source: str, reading: Reading) -> None:
        """What the clock `source` says. Ignored unless `tempo/source` is that clock.

        Between readings the beat runs by itself. A phase that is off is corrected by running a
        little faster or slower for a beat, so that jitter does not show.
        """
        if source != self._source:
            return
        now = self.clock()
        line = self.line
        if reading.bpm is not None:
            bpm = self._within("tempo/bpm", reading.bpm)
            line = line.at_tempo(now, bpm)
            if self._heard_s is None:
                self._notice(f"tempo: {FOLLOWED[source]}, {bpm:.1f} bpm")
            self._heard_s = now
        if reading.playing != line.playing:
            line = line.plays(now, reading.playing)
        if reading.beat is not None:
            ran = (now - reading.at_s) * line.bpm / 60 if reading.playing else 0.0
            beat = reading.beat + ran
            if reading.placed:
                line = line.placed(now, beat)
            elif reading.playing:
                line = line.towards(now, beat)
        self.line = line

    def _within(self, name: str, value: float) -> float:
        coerced = self._controls.parameter(name).coerce(value)
        assert not isinstance(coerced, str)
        return float(coerced)

    # the controls

    def _on_change(self, change: Change) -> None:
        if change.origin is self:
            return
        if change.parameter.name == "tempo/bpm":
            self._play_at(change.value, change.origin)
        elif change.parameter.name == "tempo/source":
            self._choose(str(change.value), change.origin)

    def _play_at(self, bpm: Value, origin: object) -> None:
        assert not isinstance(bpm, str)
        if self._source == "midi" and self.locked:
            # the next turn tells everybody the clock's tempo again
            if not self._told_of_bpm:
                self._told_of_bpm = True
                self._controls.report("tempo/bpm", self._not_by_hand("set"), origin)
            return
        self.line = self.line.at_tempo(self.clock(), float(bpm))

    def _not_by_hand(self, verb: str) -> str:
        return (
            f"the MIDI clock gives the tempo, {self.line.bpm:.1f} bpm; "
            f"to {verb} it, first set tempo/source internal"
        )

    def _choose(self, source: str, origin: object) -> None:
        if source == self._source:
            return
        if source in self._refusals:
            self._controls.report("tempo/source", self._refusals[source], origin)
            self._controls.set("tempo/source", self._source, self)
            return
        self._source = source
        self._heard_s = None
        self._told_of_bpm = False
        now = self.clock()
        # straight on, and playing, until the other clock says something else
        self.line = self.line.bent(now, 0.0).plays(now, True)
        self._told_playing = True

    def _tap(self, _arguments: tuple[Value, ...], origin: object) -> None:
        if self._source == "midi" and self.locked:
            self._controls.report("tempo/tap", self._not_by_hand("tap"), origin)
            return
        now = self.clock()
        self._taps = self._taps.tapped(now)
        if self._taps.bpm is None:
            return
        self._controls.set("tempo/bpm", self._taps.bpm)  # whoever tapped hears it, too
        if self._source == "internal":
            beat = self.line.beat_at(now)
            self.line = self.line.bent(now, round(beat) - beat)  # who taps says where the beat is

    # time

    async def run(self) -> None:
        """Report the beat, and notice when another clock is gone, until cancelled."""
        tick = self.clock()
        while True:
            now = self.clock()
            self._notice_stop()
            self._miss(now)
            self._tell(now)
            tick = max(tick + 1 / TOLD_PER_S, now)
            await trio.sleep(max(0.0, tick - self.clock()))

    def _miss(self, now: float) -> None:
        if self._heard_s is not None and now - self._heard_s > GONE_S:
            self._heard_s = None
            if self.line.playing:
                on = f"the beat goes on at {self.line.bpm:.1f} bpm"
                self._notice(f"tempo: {LOST[self._source]}; {on}")
            else:  # many tick only while they play
                self._notice(f"tempo: {STOPPED} and silent; the beat stands")

    def _notice_stop(self) -> None:
        """Say that the transport was stopped or plays; asked no oftener than the beat is told."""
        playing = self.line.playing
        if playing != self._told_playing:
            self._told_playing = playing
            text = "MIDI clock plays" if playing else f"{STOPPED}; the beat stands"
            self._notice(f"tempo: {text}")

    def _tell(self, now: float) -> None:
        publish = self._controls.publish
        line = self.line
        if self.locked and abs(line.bpm - self._number(self._controls, "tempo/bpm")) >= TOLD_BPM:
            self._controls.set("tempo/bpm", round(line.bpm, 2), self)
        beat = line.beat_at(now)
        publish("tempo/beat", beat)
        publish("tempo/phase", phase_of(beat))
        publish("tempo/bar", bar_of(beat))
        publish("tempo/bar-phase", phase_of(beat, BEATS_PER_BAR))
        publish("tempo/playing", int(line.playing))
        publish("tempo/locked", int(self.locked))
