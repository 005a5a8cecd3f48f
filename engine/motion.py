"""Motion: brings parameters to their targets in time, not in frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import trio

from engine.controls import Controls, Parameter, Value

TICKS_PER_S: Final = 120


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

    def at(self, now: float) -> float:
        """Where the parameter is at `now`; exactly the target from `arrives` on."""
        if now >= self.arrives:
            return self.target
        share = max(0.0, (now - self.began) / self.duration_s)
        way = self.target - self.start
        if self.span and abs(way) > self.span / 2:
            way -= self.span if way > 0 else -self.span
            return self.low + (self.start + way * share - self.low) % self.span
        low, high = sorted((self.start, self.target))
        # never beyond its ends, whatever the rounding
        return min(high, max(low, self.start + way * share))


class Motion:
    """Moves what slews. Installs itself as `controls.moving`; `run` does the moving.

    Where a parameter is follows from the clock alone, so the picture moves the same whether its
    frames come 30 or 120 times a second. A new target starts from where the parameter is.
    """

    def __init__(
        self, controls: Controls, *, clock: Callable[[], float] = trio.current_time
    ) -> None:
        self._controls = controls
        self._clock = clock
        self._travels: dict[str, Travel] = {}
        self._begun = trio.Event()
        controls.moving = self._begin

    @property
    def moving(self) -> Mapping[str, Travel]:
        """What is on its way, by name."""
        return self._travels

    def _begin(self, parameter: Parameter, live: Value, target: Value) -> bool:
        """Set out for `target`; False where there is no way to go."""
        now = self._clock()
        earlier = self._travels.pop(parameter.name, None)
        # from where it is by the clock: `live` is as old as the last tick
        start = live if earlier is None else earlier.at(now)
        if isinstance(start, str) or isinstance(target, str) or parameter.kind != "f":
            return False
        if start == target:
            return False
        low, span = 0.0, 0.0
        if parameter.wrap and parameter.low is not None and parameter.high is not None:
            low, span = parameter.low, parameter.high - parameter.low
        self._travels[parameter.name] = Travel(start, target, now, parameter.slew, low, span)
        self._begun.set()
        return True

    def step(self, now: float) -> dict[str, Value]:
        """Where everything that moves is at `now` (seconds); what has arrived moves no more."""
        places: dict[str, Value] = {name: way.at(now) for name, way in self._travels.items()}
        self._travels = {name: way for name, way in self._travels.items() if now < way.arrives}
        return places

    async def run(self) -> None:
        """Move whatever moves, 120 times a second; sleep while nothing does."""
        while True:
            await self._begun.wait()
            self._begun = trio.Event()
            tick = self._clock()
            while self._travels:
                tick = max(tick + 1 / TICKS_PER_S, self._clock())
                await trio.sleep_until(tick)
                self._controls.travel(self.step(self._clock()))
