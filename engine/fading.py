"""Fading: many parameters on their way together, by the clock or by the beat.

A *course* says how much of the way is done; all parameters of a fade share it, so they arrive
together, exactly. Where a parameter is follows from its course alone, not from how often one looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from engine import oklab
from engine.controls import Change, Controls, Parameter, Value
from engine.errors import ArtflowError
from engine.motion import Motion, Way, between, circle

FASTEST_BEATS_PER_S: Final = 300 / 60 * 1.5
"""A beat that gains more than this was put elsewhere: that is no part of a fade's way."""

JUMP_BEATS: Final = 0.01
"""And so is any gain above it of this much, between two looks at the same moment."""


class Course(Protocol):
    """How much of a way is done (0..1, never less than before) at times that never fall."""

    def share(self, now: float) -> float: ...


@dataclass(frozen=True, slots=True)
class Timed:
    """A course of `duration_s` seconds from `began` on."""

    began: float
    duration_s: float

    def share(self, now: float) -> float:
        since = now - self.began
        if since >= self.duration_s:
            return 1.0
        return max(0.0, since / self.duration_s)


@dataclass(slots=True)
class Beaten:
    """A course of `beats` from `began` on, as fast or slow as the beat runs meanwhile.

    `beat(now)` is the beat at a time of the fade's clock. It stands while the beat does. A beat
    that is put elsewhere (a song position, another clock's start) does not move it.
    """

    beat: Callable[[float], float]
    began: float
    beats: float
    _from: float = field(init=False)
    _seen: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        self._from = self.beat(self.began)
        self._seen = (self.began, self._from)

    def share(self, now: float) -> float:
        seen_s, seen_beat = self._seen
        now = max(now, seen_s)
        beat = self.beat(now)
        gain = beat - seen_beat
        if not 0.0 <= gain <= (now - seen_s) * FASTEST_BEATS_PER_S + JUMP_BEATS:
            self._from += gain
        self._seen = (now, beat)
        done = beat - self._from
        # within a rounding of the end is the end: times and beats are told in different units
        if self.beats <= 0 or done >= self.beats - 1e-9:
            return 1.0
        return max(0.0, done / self.beats)


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a course between two of its shares, as a course of its own."""

    course: Course
    low: float
    high: float

    def share(self, now: float) -> float:
        done = self.course.share(now)
        if done >= self.high:
            return 1.0
        return max(0.0, (done - self.low) / (self.high - self.low))


@dataclass(frozen=True, slots=True)
class Faded:
    """One parameter's way along a course; `place(share)` for shares between its ends."""

    start: Value
    target: Value
    course: Course
    place: Callable[[float], Value]

    def at(self, now: float) -> Value:
        share = self.course.share(now)
        if share >= 1.0:
            return self.target
        return self.start if share <= 0.0 else self.place(share)

    def arrived(self, now: float) -> bool:
        return self.course.share(now) >= 1.0


def travels(parameter: Parameter) -> bool:
    """Whether a parameter has places between its values; the others turn at one moment."""
    if parameter.turns or parameter.choices is not None:
        return False
    if parameter.kind == "s":
        return parameter.form == "#rrggbb"
    return parameter.kind == "f" or (parameter.low, parameter.high) != (0, 1)


def way_of(parameter: Parameter, start: Value, target: Value, course: Course) -> Way:
    """The way of a parameter that travels."""
    return Faded(start, target, course, _places(parameter, start, target))


def _places(parameter: Parameter, start: Value, target: Value) -> Callable[[float], Value]:
    if isinstance(start, str) or isinstance(target, str):
        return lambda share: oklab.mixed(str(start), str(target), share)
    if parameter.kind == "i":
        return lambda share: math.floor(between(start, target, share) + 0.5)
    if parameter.log and start > 0 and target > 0:
        low, high = math.log(start), math.log(target)
        least, most = sorted((start, target))
        return lambda share: min(most, max(least, math.exp(between(low, high, share))))
    low, span = circle(parameter)
    return lambda share: between(start, target, share, low, span)


@dataclass(frozen=True, slots=True)
class _Turn:
    target: Value
    course: Course


class Fader:
    """Sends parameters on their way together. Of those that travel `get` is the target at once.

    What turns in the middle is `pending` until then; `step` turns it. Whoever sets a parameter
    meanwhile takes it out of the fade. Changes have the fader for their origin.
    """

    def __init__(self, controls: Controls, motion: Motion) -> None:
        self._controls, self._motion = controls, motion
        self._turns: dict[str, _Turn] = {}
        self._end = controls.listen(self._on_change)

    @property
    def pending(self) -> Mapping[str, Value]:
        """What will be set yet, by name."""
        return {name: turn.target for name, turn in self._turns.items()}

    def begin(
        self, targets: Mapping[str, Value], course: Callable[[str], Course], now: float
    ) -> None:
        """Send each to its target along its course, from where it is at `now`.

        What cannot be set is reported, and the others go on.
        """
        for name, target in targets.items():
            try:
                parameter = self._controls.parameter(name)
                self._turns.pop(name, None)
                if travels(parameter):
                    self.send(name, target, course(name))
                elif parameter.turns == "mid" and course(name).share(now) < 0.5:
                    if self._controls.get(name) != parameter.coerce(target):
                        self._turns[name] = _Turn(target, course(name))
                else:
                    self._set(name, target)
            except ArtflowError as error:
                self._controls.report(name, str(error))

    def send(self, name: str, target: Value, course: Course) -> None:
        """Send one that travels; raises `ControlError` as `Controls.set` does."""
        controls, start = self._controls, self._motion.at(name)
        parameter = controls.parameter(name)
        target = parameter.coerce(target)
        if start == target == controls.get(name):
            return
        controls.set(name, target, self)
        self._motion.send(name, way_of(parameter, start, target, course))

    def step(self, now: float) -> None:
        """Turn what is due at `now`."""
        due = [name for name, turn in self._turns.items() if turn.course.share(now) >= 0.5]
        for name in due:
            target = self._turns.pop(name).target
            try:
                self._set(name, target)
            except ArtflowError as error:
                self._controls.report(name, str(error))

    def halt(self) -> None:
        """Turn nothing any more; what travels goes on."""
        self._turns.clear()

    def _set(self, name: str, target: Value) -> None:
        if self._controls.get(name) != target:
            self._controls.set(name, target, self)

    def _on_change(self, change: Change) -> None:
        if change.origin is not self:
            self._turns.pop(change.parameter.name, None)
