"""Motion: brings parameters to their targets in time, not in frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import trio

from engine.controls import Controls, Parameter, Value

TICKS_PER_S: Final = 120


class Way(Protocol):
    """Where a parameter is on its way, at times (seconds of one clock) that never fall."""

    def at(self, now: float) -> Value: ...

    def arrived(self, now: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class Travel:
    """One parameter's way from `start` to `target`, linear in time. Times in seconds.

    `span` is the length of the circle for angles, which go the short way round; 0 for others.
    """

    start: float
    target: float
    began: float
    duration_s: float
    low: float = 0.0
    span: float = 0.0

    @property
    def arrives(self) -> float:
        return self.began + self.duration_s

    def arrived(self, now: float) -> bool:
        return now >= self.arrives

    def at(self, now: float) -> float:
        """Where the parameter is at `now`; exactly the target from `arrives` on."""
        if now >= self.arrives:
            return self.target
        share = max(0.0, (now - self.began) / self.duration_s)
        return between(self.start, self.target, share, self.low, self.span)


def between(
    start: float, target: float, share: float, low: float = 0.0, span: float = 0.0
) -> float:
    """The place at `share` (0..1) of the way, exact at its ends.

    With a `span` it lies on a circle of that length from `low` on, and the short way is taken.
    """
    if share >= 1.0:
        return target
    if share <= 0.0:
        return start
    way = target - start
    if span and abs(way) > span / 2:
        way -= span if way > 0 else -span
        return low + (start + way * share - low) % span
    least, most = sorted((start, target))
    # never beyond its ends, whatever the rounding
    return min(most, max(least, start + way * share))


class Motion:
    """Moves what slews and what fades. Installs itself as `controls.moving`; `run` does the moving.

    Where a parameter is follows from the clock alone, so the picture moves the same whether its
    frames come 30 or 120 times a second. A new target starts from where the parameter is; so
    whoever sets a parameter takes it off the way that it was on.
    """

    def __init__(
        self, controls: Controls, *, clock: Callable[[], float] = trio.current_time
    ) -> None:
        self._controls = controls
        self._clock = clock
        self._ways: dict[str, Way] = {}
        self._begun = trio.Event()
        controls.moving = self._begin

    @property
    def moving(self) -> Mapping[str, Way]:
        """What is on its way, by name."""
        return self._ways

    def at(self, name: str) -> Value:
        """Where a parameter is now, by the clock; the snapshot is as old as the last tick."""
        way = self._ways.get(name)
        return self._controls.at(name) if way is None else way.at(self._clock())

    def send(self, name: str, way: Way) -> None:
        """Let a parameter that was just set go this way, instead of the one it is on."""
        now = self._clock()
        self._ways[name] = way
        self._controls.travel({name: way.at(now)})
        self._begun.set()

    def cut(self, name: str, value: Value, origin: object = None) -> None:
        """Set a parameter and have it there at once, whatever its slew."""
        stored = self._controls.set(name, value, origin)
        self._ways.pop(name, None)
        self._controls.travel({name: stored})

    def _begin(self, parameter: Parameter, live: Value, target: Value) -> bool:
        """Set out for `target`; False where there is no way to go."""
        earlier = self._ways.pop(parameter.name, None)
        if not parameter.slew and earlier is None:
            return False
        now = self._clock()
        # from where it is by the clock: `live` is as old as the last tick
        start = live if earlier is None else earlier.at(now)
        if isinstance(start, str) or isinstance(target, str) or parameter.kind != "f":
            return False
        if start == target or not parameter.slew:
            return False
        low, span = circle(parameter)
        self._ways[parameter.name] = Travel(start, target, now, parameter.slew, low, span)
        self._begun.set()
        return True

    def step(self, now: float) -> dict[str, Value]:
        """Where everything that moves is at `now` (seconds); what has arrived moves no more."""
        places = {name: way.at(now) for name, way in self._ways.items()}
        self._ways = {name: way for name, way in self._ways.items() if not way.arrived(now)}
        return places

    async def run(self) -> None:
        """Move whatever moves, 120 times a second; sleep while nothing does."""
        while True:
            await self._begun.wait()
            self._begun = trio.Event()
            while self._ways:
                await trio.sleep_until(next_tick(self._clock()))
                self._controls.travel(self.step(self._clock()))


def circle(parameter: Parameter) -> tuple[float, float]:
    """Where an angle's circle begins and how long it is; no length for what is no angle."""
    if parameter.wrap and parameter.low is not None and parameter.high is not None:
        return parameter.low, parameter.high - parameter.low
    return 0.0, 0.0


def next_tick(now: float) -> float:
    """The first whole multiple of a tick after `now`, in seconds.

    All who move things then wake in one turn, and their changes make one commit.
    """
    number = math.floor(now * TICKS_PER_S) + 1
    tick = number / TICKS_PER_S
    return tick if tick > now else (number + 1) / TICKS_PER_S
