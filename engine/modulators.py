"""Modulators: eight hands that move float parameters with the beat, or with the sound.

A modulator rides on its parameter: what is set, and what fades, is the value around which it moves.
It sets nothing, so nothing is left of it when it ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import trio

from engine.controls import Change, Controls, Parameter
from engine.errors import UnknownControl
from engine.motion import next_tick
from engine.parameters import HEARD, MODULATORS
from engine.waves import WAVES

AUDIO: Final = {f"audio-{name}": f"audio/{name}" for name in HEARD}
"""The shapes that follow the sound, and what each follows."""

LOOKED_AGAIN_S: Final = 1.0
"""How often one whose target is not there looks whether it is."""

BY_HAND: Final = ("mod/", "tempo/", "scene/", "preset/fade")
"""How names begin that tell how to play, and are no part of the picture."""


@dataclass(frozen=True, slots=True)
class Modulator:
    """What one modulator does. `depth` -1..1 is a share of the target's range, `beats` > 0."""

    target: str
    shape: str
    beats: float
    depth: float
    phase: float = 0.0
    seed: int = 0

    def share(self, beat: float, heard: float) -> float:
        """How far off its value the target is, as a share of its range.

        A shape in beats goes half the depth to either side. `heard` (0..1) goes one way only, the
        whole depth, so that silence changes nothing.
        """
        if self.shape in AUDIO:
            return self.depth * heard
        return self.depth / 2 * WAVES[self.shape](beat / self.beats + self.phase, self.seed)


def unfit(parameter: Parameter) -> str | None:
    """Why this parameter cannot be modulated, with what can; None where it can."""
    name = parameter.name
    if parameter.read_only:
        return f"{name} is a reported value; modulate a float that can be set"
    if parameter.kind != "f" or parameter.low is None or parameter.high is None:
        return f"{name} is no float with a range; modulate one such as paint/strength"
    if name.startswith(BY_HAND):
        return f"{name} is no part of the picture; modulate one such as paint/strength"
    return None


class Modulators:
    """Moves what the controls `mod/*` say, as long as one of them is active.

    `beat()` is the beat now. Where a parameter is follows from the beat, `seed` and the sound
    alone: the same bar looks the same every night. Modulators on one target add up.
    """

    def __init__(self, controls: Controls, beat: Callable[[], float], *, seed: int = 0) -> None:
        self._controls = controls
        self._beat = beat
        self._seed = seed
        self._begun = trio.Event()
        self._end = controls.listen(self._on_change)
        for number in MODULATORS:
            self._judge(number, None)
        self.step()

    # what they do

    def active(self) -> list[Modulator]:
        """Those that are on and have a target that exists and can be moved."""
        return [found for number in MODULATORS if (found := self._read(number)) is not None]

    def _read(self, number: int) -> Modulator | None:
        controls, row = self._controls, f"mod/{number}"
        if not controls.get(f"{row}/active"):
            return None
        target = str(controls.get(f"{row}/target"))
        # it may come later: the presets of another model are others
        if not controls.is_parameter(target) or unfit(controls.parameter(target)):
            return None
        return Modulator(
            target=target,
            shape=str(controls.get(f"{row}/shape")),
            beats=self._number(f"{row}/beats"),
            depth=self._number(f"{row}/depth"),
            phase=self._number(f"{row}/phase"),
            seed=self._seed * len(MODULATORS) + number,
        )

    def _number(self, name: str) -> float:
        value = self._controls.at(name)
        assert not isinstance(value, str), name
        return float(value)

    def step(self) -> bool:
        """Put everything where it is at this beat; whether anything rides at all."""
        beat = self._beat()
        offsets: dict[str, float] = {}
        found = self.active()
        for one in found:
            parameter = self._controls.parameter(one.target)
            assert parameter.low is not None
            assert parameter.high is not None
            heard = self._number(AUDIO[one.shape]) if one.shape in AUDIO else 0.0
            offset = one.share(beat, heard) * (parameter.high - parameter.low)
            offsets[one.target] = offsets.get(one.target, 0.0) + offset
        self._controls.ride(offsets)
        return bool(found)

    def _waits(self) -> bool:
        """Whether one is on whose target is not there."""
        get = self._controls.get
        return any(
            get(f"mod/{number}/active") and get(f"mod/{number}/target") for number in MODULATORS
        )

    # the controls

    def _on_change(self, change: Change) -> None:
        name = change.parameter.name
        if not name.startswith("mod/"):
            return
        _, number, what = name.split("/")
        if what in ("target", "active"):
            self._judge(int(number), change.origin)
        # at once: who cuts to a safe picture shall have it in the same commit
        if self.step():
            self._begun.set()

    def _judge(self, number: int, origin: object) -> None:
        """Say why an active modulator moves nothing."""
        name = f"mod/{number}/target"
        target = str(self._controls.get(name))
        if not target or not self._controls.get(f"mod/{number}/active"):
            return
        try:
            reason = unfit(self._controls.parameter(target))
        except UnknownControl as error:
            reason = str(error)
        if reason:
            self._controls.report(name, reason, origin)

    # time

    async def run(self) -> None:
        """Ride 120 times a second; sleep while nothing does."""
        while True:
            if not self.step():
                # (a target may be declared later: the presets of another model are others)
                with trio.move_on_after(LOOKED_AGAIN_S if self._waits() else math.inf):
                    await self._begun.wait()
                self._begun = trio.Event()
            await trio.sleep_until(next_tick(trio.current_time()))
