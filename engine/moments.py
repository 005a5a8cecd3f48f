"""Moments: what was asked for waits for the beat or the bar that `scene/quantize` names."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import trio

from engine.beats import BEATS_PER_BAR, BeatLine
from engine.controls import Controls
from engine.fading import FASTEST_BEATS_PER_S, JUMP_BEATS
from engine.motion import next_tick

GRID: Final[Mapping[str, float]] = {"beat": 1.0, "bar": float(BEATS_PER_BAR)}
"""Beats between two moments at which a change may start."""

_EXACT: Final = 1e-9
"""Beats: closer than this is there."""


class Beat(Protocol):
    """As `engine.tempo.Tempo`: the beat from now on, in seconds of its clock."""

    line: BeatLine
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Goal:
    """The beat at which a change starts: the first multiple of `grid` beats since it was asked.

    `last` is when it was last looked at, in seconds, and the beat then.
    """

    grid: float
    beat: float
    last: tuple[float, float] | None = field(default=None, compare=False)

    @classmethod
    def after(cls, beat: float, quantize: str) -> Goal | None:
        """The first at or after `beat`; None where nothing is waited for."""
        grid = GRID.get(quantize)
        return None if grid is None else cls(grid, _at_or_after(beat, grid))

    def seen(self, beat: float, now_s: float) -> Goal:
        """The goal now that the beat is `beat`: another, where the beat was put elsewhere."""
        following = _at_or_after(beat, self.grid)
        goal = min(self.beat, following)
        if self.last is not None:
            last_s, last = self.last
            if beat - last > (now_s - last_s) * FASTEST_BEATS_PER_S + JUMP_BEATS:
                goal = following  # it did not come by there: another clock counts other bars
        return Goal(self.grid, goal, (now_s, beat))

    def reached(self, beat: float) -> bool:
        return beat >= self.beat - _EXACT


def _at_or_after(beat: float, grid: float) -> float:
    return math.ceil(beat / grid - _EXACT) * grid


Act = Callable[[], None]


class Moments:
    """Lets things happen at their moment, in the order in which they were asked for.

    Where `scene/quantize` is none, and while the beat stands, that is at once.
    """

    def __init__(self, controls: Controls, tempo: Beat) -> None:
        self._controls, self._tempo = controls, tempo
        self._waiting: list[tuple[Goal, Act]] = []
        self._begun = trio.Event()

    def when(self, act: Act) -> None:
        """Call `act` at the first beat or bar from now on."""
        goal = Goal.after(self._beat(), str(self._controls.get("scene/quantize")))
        if goal is None or not self._tempo.line.playing:
            act()
            return
        self._waiting.append((goal, act))
        self.step()
        self._begun.set()

    def clear(self) -> None:
        """Let nothing happen that still waits."""
        self._waiting.clear()

    def step(self) -> bool:
        """Do what is due; whether anything waits."""
        now_s, stands = self._tempo.clock(), not self._tempo.line.playing
        beat = self._tempo.line.beat_at(now_s)
        seen = [(goal.seen(beat, now_s), act) for goal, act in self._waiting]
        due = [act for goal, act in seen if stands or goal.reached(beat)]
        self._waiting = [(goal, act) for goal, act in seen if not (stands or goal.reached(beat))]
        for act in due:
            act()
        return bool(self._waiting)

    async def run(self) -> None:
        """Work until cancelled; sleep while nothing waits."""
        while True:
            if not self.step():
                await self._begun.wait()
                self._begun = trio.Event()
            await trio.sleep(self._pause_s())

    def _pause_s(self) -> float:
        """Until the next tick, or the next moment where that is before it."""
        now = trio.current_time()
        tick = next_tick(now) - now
        beats = (goal.beat for goal, _ in self._waiting)
        due = min(map(self._tempo.line.time_at, beats), default=math.inf) - self._tempo.clock()
        return due if 0 < due < tick else tick

    def _beat(self) -> float:
        return self._tempo.line.beat_at(self._tempo.clock())
