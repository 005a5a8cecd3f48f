"""The beat as a value: where it is at any time, and when it will be somewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

BEATS_PER_BAR: Final = 4
"""MIDI clock and Link know no other measure; bars are of four."""

MOST_BEND: Final = 0.25
"""How much faster or slower, as a share, the beat runs at most while it is brought elsewhere."""

_EXACT: Final = 1e-9
"""Beats: closer than this is there."""


@dataclass(frozen=True, slots=True)
class BeatLine:
    """A beat that was `beat` at `at_s` and runs at `bpm` from there, or stands still.

    Times are seconds of one clock, beats are counted from 0. To bring the beat elsewhere without a
    jump, the line bends: over the next `bend_s` seconds it gains `bend` beats more than the tempo
    gives (negative: less), so it never runs backwards.
    """

    at_s: float
    beat: float
    bpm: float
    playing: bool = True
    bend: float = 0.0
    bend_s: float = 0.0

    @property
    def _per_s(self) -> float:
        return self.bpm / 60

    def beat_at(self, time_s: float) -> float:
        """The beat at `time_s`; of times before `at_s` as if it had always run at this tempo."""
        if not self.playing:
            return self.beat
        since_s = time_s - self.at_s
        return self.beat + since_s * self._per_s + self._bent(since_s)

    def _bent(self, since_s: float) -> float:
        """How many beats of the bend have come `since_s` after the line's beginning."""
        if not self.bend or since_s <= 0:
            return 0.0
        return self.bend * min(1.0, since_s / self.bend_s)

    def time_at(self, beat: float) -> float:
        """When the beat will be (or was) `beat`; infinity where it stands still."""
        if not self.playing:
            return math.inf
        ahead = beat - self.beat
        per_s = self._per_s + (self.bend / self.bend_s if self.bend else 0.0)
        if not self.bend or ahead <= 0:
            return self.at_s + ahead / self._per_s
        if ahead <= per_s * self.bend_s:
            return self.at_s + ahead / per_s
        return self.at_s + (ahead - self.bend) / self._per_s

    def next_at(self, time_s: float, beats: float = 1.0) -> float:
        """When the beat is next a whole multiple of `beats`, at or after `time_s`."""
        whole = math.ceil(self.beat_at(time_s) / beats - _EXACT)
        return max(time_s, self.time_at(whole * beats))

    # other lines that meet this one

    def _from(self, now_s: float) -> BeatLine:
        """The same line, told from `now_s` on."""
        if not self.playing:
            return replace(self, at_s=now_s)
        since_s = max(0.0, now_s - self.at_s)
        left_s = max(0.0, self.bend_s - since_s)
        left = self.bend - self._bent(since_s) if left_s else 0.0
        return replace(self, at_s=now_s, beat=self.beat_at(now_s), bend=left, bend_s=left_s)

    def at_tempo(self, now_s: float, bpm: float) -> BeatLine:
        """From `now_s` on at another tempo; the beat does not jump."""
        line = replace(self._from(now_s), bpm=bpm)
        # what was a gentle bend may be a steep one at a slower tempo
        return line.bent(now_s, line.bend) if line.bend else line

    def bent(self, now_s: float, beats: float) -> BeatLine:
        """On the way to `beats` further than the tempo alone would bring it; 0 is straight on.

        It takes one beat, or more where the beat would else run faster or slower than allowed.
        """
        straight = replace(self._from(now_s), bend=0.0, bend_s=0.0)
        if abs(beats) < _EXACT:
            return straight
        over = max(1.0, abs(beats) / MOST_BEND)
        return replace(straight, bend=beats, bend_s=over / self._per_s)

    def placed(self, now_s: float, beat: float) -> BeatLine:
        """At `beat` from `now_s` on: the one way to jump."""
        return BeatLine(now_s, beat, self.bpm, self.playing)

    def plays(self, now_s: float, playing: bool) -> BeatLine:
        """Running or standing from `now_s` on."""
        return replace(self._from(now_s), playing=playing)

    def towards(self, now_s: float, beat: float) -> BeatLine:
        """On the way to where another clock has `beat` at `now_s`.

        Whole bars are only counted otherwise, at once, since no phase jumps by that; the rest, two
        beats at most, is bent.
        """
        off = beat - self.beat_at(now_s)
        bars = round(off / BEATS_PER_BAR) * BEATS_PER_BAR
        line = self._from(now_s)
        return replace(line, beat=line.beat + bars).bent(now_s, off - bars)


def bar_of(beat: float) -> int:
    """The number of the bar, counted from 1 as musicians do."""
    return math.floor(beat / BEATS_PER_BAR) + 1


def phase_of(beat: float, beats: float = 1.0) -> float:
    """The place within a cycle of `beats`: 0 up to, but not including, 1."""
    share = (beat % beats) / beats
    return share if share < 1.0 else 0.0
