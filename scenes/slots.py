"""Slots: a modulator comes in, leaves or becomes another one without a step.

What moves a picture by its depth is heard in the depth alone. So a modulator that comes begins at
depth 0; one that leaves goes to 0 and is then switched off; one that becomes another does both,
half the way each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.controls import Change, Controls, Value
from engine.errors import ArtflowError
from engine.fading import Course, Part, way_of
from engine.motion import Motion
from engine.parameters import MODULATORS
from scenes.scene import Mod

ASPECTS: Final = ("target", "shape", "beats", "depth", "phase", "active")
_OTHER: Final = ("target", "shape", "beats", "phase")
"""What cannot change under a modulator that is heard."""


def slot_values(mods: tuple[Mod, ...]) -> dict[str, Value]:
    """What a scene's modulators make of the controls: the first of `mod/*`, and no others."""
    values: dict[str, Value] = {}
    for number in MODULATORS:
        if number > len(mods):
            values[f"mod/{number}/active"] = 0
            continue
        mod = mods[number - 1]
        told: tuple[Value, ...] = (mod.target, mod.shape, mod.beats, mod.depth, mod.phase, 1)
        values |= {f"mod/{number}/{key}": each for key, each in zip(ASPECTS, told, strict=True)}
    return values


@dataclass(slots=True)
class _Leaving:
    course: Course
    values: dict[str, Value]
    back: Course
    """Along which the depth comes back, where something takes its place."""


class SlotFade:
    """Brings the modulator `number` to what a scene says of it.

    `pending` is that while the one before has not left. A hand on its depth or switch ends it.
    """

    def __init__(self, controls: Controls, motion: Motion, number: int) -> None:
        self._controls, self._motion = controls, motion
        self.names = {aspect: f"mod/{number}/{aspect}" for aspect in ASPECTS}
        self._leaving: _Leaving | None = None
        self._end = controls.listen(self._on_change)

    @property
    def all_names(self) -> tuple[str, ...]:
        return tuple(self.names.values())

    @property
    def pending(self) -> Mapping[str, Value]:
        return {} if self._leaving is None else dict(self._leaving.values)

    def begin(self, wanted: Mapping[str, Value], course: Course, now: float) -> None:
        """Set out. What is not `wanted` stays, or goes on to its end."""
        get, names = self._controls.get, self.names
        coming = {name: get(name) for name in names.values()} | dict(self.pending)
        for name, value in wanted.items():
            try:
                coming[name] = self._controls.parameter(name).coerce(value)
            except ArtflowError as error:
                self._controls.report(name, str(error))
        self._leaving = None
        depth, active = names["depth"], names["active"]
        same = all(get(names[each]) == coming[names[each]] for each in _OTHER)
        heard = bool(get(active)) and self._motion.at(depth) != 0.0
        if course.share(now) >= 1.0:
            self._settle(coming)
        elif heard and coming[active] and same:
            self._depth(coming[depth], course)
        elif heard:
            end = 0.5 if coming[active] else 1.0
            self._leaving = _Leaving(Part(course, 0.0, end), coming, Part(course, 0.5, 1.0))
            self._depth(0.0, self._leaving.course)
        else:
            self._come(coming, course)

    def step(self, now: float) -> None:
        """Go on to what is due at `now`."""
        leaving = self._leaving
        if leaving is not None and leaving.course.share(now) >= 1.0:
            self._leaving = None
            self._come(leaving.values, leaving.back)

    def halt(self) -> None:
        """Nothing takes the place of what leaves."""
        self._leaving = None

    def _come(self, values: Mapping[str, Value], course: Course) -> None:
        depth = self.names["depth"]
        if not values[self.names["active"]]:
            self._settle(values)
            return
        self._settle({**values, depth: 0.0})
        self._depth(values[depth], course)

    def _settle(self, values: Mapping[str, Value]) -> None:
        """Have it all at once; what is switched off first, and on last."""
        active, at = self.names["active"], self._motion.at
        if not values[active] and self._controls.get(active):
            self._controls.set(active, 0, self)
        for name, value in values.items():
            if name != active and (self._controls.get(name), at(name)) != (value, value):
                self._motion.cut(name, value, self)
        if self._controls.get(active) != values[active]:
            self._controls.set(active, values[active], self)

    def _depth(self, target: Value, course: Course) -> None:
        name = self.names["depth"]
        start = self._motion.at(name)
        if (self._controls.get(name), start) == (target, target):
            return
        self._controls.set(name, target, self)
        way = way_of(self._controls.parameter(name), start, target, course)
        self._motion.send(name, way)

    def _on_change(self, change: Change) -> None:
        leaving, name = self._leaving, change.parameter.name
        if leaving is None or change.origin is self or name not in self.names.values():
            return
        if name not in (self.names["depth"], self.names["active"]):
            leaving.values[name] = change.value  # the rest comes as it was sent
            return
        self._leaving = None
        if name == self.names["active"] and not change.value:
            # a hand, or panic, ends it here; switched on again, it is heard again
            depth = self.names["depth"]
            self._motion.cut(depth, leaving.values[depth], self)


def new_slots(controls: Controls, motion: Motion) -> list[SlotFade]:
    """One for each modulator."""
    return [SlotFade(controls, motion, number) for number in MODULATORS]
