"""Decks: another prompt, or another seed, comes in on the deck that nobody hears.

Two decks hold a text (or a number) each, and a mix says how much of each is heard. To change what
is heard without a step, the new one is put where it is not heard, and the mix travels. In the end
each deck holds what the scene says of it; where that is another order, the two are exchanged in
one commit, at an end of the mix, where only one of them is heard. What rides on the mix rests then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.controls import Change, Controls, Value
from engine.errors import ArtflowError
from engine.fading import Course, Part, way_of
from engine.motion import Motion
from scenes.rest import Rest

LEAD: Final = 0.25
"""Share of the course in which what rides on the mix comes to rest, before anything changes."""


@dataclass(frozen=True, slots=True)
class Look:
    """What decks a and b hold, and the mix: 0 is a alone, 1 is b alone."""

    a: Value
    b: Value
    mix: float

    def turned(self) -> Look:
        """The same with the decks' names exchanged."""
        return Look(self.b, self.a, 1.0 - self.mix)


@dataclass(frozen=True, slots=True)
class Stage:
    """The decks hold `a` and `b` while the mix travels from `start` to `end`."""

    a: Value
    b: Value
    start: float
    end: float

    def turned(self) -> Stage:
        return Stage(self.b, self.a, 1.0 - self.start, 1.0 - self.end)


def stages(now: Look, target: Look) -> tuple[Stage, ...]:
    """The way from one look to another, such that no deck changes while it is heard.

    After the last stage the decks are set to the target, which sounds as that stage ended.
    """
    if (now.a, now.b) == (target.a, target.b):
        return (Stage(now.a, now.b, now.mix, target.mix),) if now.mix != target.mix else ()
    if 0.0 < now.mix < 1.0:  # both are heard: one that leaves goes first
        stays = (now.a == target.a, now.b == target.b)
        end = {(True, False): 0.0, (False, True): 1.0}.get(stays, float(now.mix >= 0.5))
        first = Stage(now.a, now.b, now.mix, end)
        return (first, *stages(Look(now.a, now.b, end), target))
    if now.mix == 1.0:
        return tuple(stage.turned() for stage in stages(now.turned(), target.turned()))
    if now.a == target.a:
        way = [Stage(now.a, target.b, 0.0, target.mix)]
    elif target.mix > 0.5:  # the new b comes in, then a is free
        way = [Stage(now.a, target.b, 0.0, 1.0), Stage(target.a, target.b, 1.0, target.mix)]
    else:  # the new a comes in on deck b, then they are exchanged
        way = [Stage(now.a, target.a, 0.0, 1.0), Stage(target.a, target.b, 0.0, target.mix)]
    return tuple(stage for stage in way if stage.start != stage.end)


@dataclass(frozen=True, slots=True)
class DeckNames:
    """The controls of one pair of decks."""

    a: str
    b: str
    mix: str

    @property
    def all(self) -> tuple[str, str, str]:
        return self.a, self.b, self.mix


PROMPTS: Final = DeckNames("prompt/a", "prompt/b", "prompt/mix")
SEEDS: Final = DeckNames("paint/seed", "paint/seed-b", "paint/seed-mix")


class DeckFade:
    """Brings one pair of decks to what a scene says of them, along a course.

    `pending` is that while it is on its way. A hand on the mix ends it. A hand on a deck changes
    where it goes: what was put there is what the deck will hold.
    """

    def __init__(self, controls: Controls, motion: Motion, names: DeckNames) -> None:
        self.names = names
        self._controls, self._motion = controls, motion
        self._target: Look | None = None
        self._stages: tuple[Stage, ...] = ()
        self._course: Course | None = None
        self._parts: tuple[Part, ...] = ()
        self._replan = False
        self._lead: Part | None = None
        self._rest = Rest(controls, names.mix)
        self._end = controls.listen(self._on_change)

    @property
    def all_names(self) -> tuple[str, ...]:
        return self.names.all

    @property
    def pending(self) -> Mapping[str, Value]:
        """What the decks will hold, by name; nothing while none is on its way."""
        if self._target is None:
            return {}
        look = self._target
        return dict(zip(self.names.all, (look.a, look.b, look.mix), strict=True))

    @property
    def busy(self) -> bool:
        """Whether it needs a step yet."""
        return self._target is not None or self._rest.rests

    def begin(self, wanted: Mapping[str, Value], course: Course, now: float) -> None:
        """Set out from where the decks are. What is not `wanted` stays, or goes on to its end."""
        held = {name: self._controls.get(name) for name in self.names.all}
        coming = {**held, **self.pending}
        for name, value in wanted.items():
            try:
                coming[name] = self._controls.parameter(name).coerce(value)
            except ArtflowError as error:
                self._controls.report(name, str(error))
        a, b, mix = self.names.all
        self._go(Look(coming[a], coming[b], _number(coming[mix])), course, now)

    def _go(self, target: Look, course: Course, now: float) -> None:
        here, low = self._here(), course.share(now)
        self._target, self._course, self._replan, self._lead = target, course, False, None
        if low < 1.0 and (here.a, here.b) != (target.a, target.b):
            if self._rest.needed:
                self._lead = Part(course, low, low + (1.0 - low) * LEAD)
                if self._motion.at(self.names.mix) != self._controls.get(self.names.mix):
                    self._motion.cut(self.names.mix, here.mix, self)  # it waits where it is
            self._rest.lie_down(self._lead)
        if self._lead is None:
            self._set_out(low)

    def _here(self) -> Look:
        a, b, mix = self.names.all
        get = self._controls.get
        return Look(get(a), get(b), _number(self._motion.at(mix)))

    def _set_out(self, low: float) -> None:
        """Begin what is left of the course from its share `low` on."""
        assert self._course is not None
        assert self._target is not None
        self._lead = None
        self._stages = () if low >= 1.0 else stages(self._here(), self._target)
        lengths = [abs(stage.end - stage.start) for stage in self._stages]
        self._parts = _parts(self._course, low, lengths)
        self._enter()

    def _enter(self) -> None:
        """Begin the next stage, or be there."""
        assert self._target is not None
        mix = self.names.mix
        if not self._stages:
            target, self._target, self._course = self._target, None, None
            self._hold(target.a, target.b)
            if (self._controls.get(mix), self._motion.at(mix)) != (target.mix, target.mix):
                self._motion.cut(mix, target.mix, self)
            return
        stage, part = self._stages[0], self._parts[0]
        self._hold(stage.a, stage.b)
        if self._motion.at(mix) != stage.start:
            self._motion.cut(mix, stage.start, self)
        self._controls.set(mix, stage.end, self)
        parameter = self._controls.parameter(mix)
        self._motion.send(mix, way_of(parameter, stage.start, stage.end, part))

    def _hold(self, a: Value, b: Value) -> None:
        for name, value in ((self.names.a, a), (self.names.b, b)):
            if self._controls.get(name) != value:
                self._controls.set(name, value, self)

    def step(self, now: float) -> None:
        """Go on to what is due at `now`."""
        if self._target is not None and self._replan:
            assert self._course is not None
            self._go(self._target, self._course, now)
        self._rest.step(now)
        if self._target is not None:
            self._get_on(now)
        if self._target is None:
            self._rest.get_up(now)

    def _get_on(self, now: float) -> None:
        if self._lead is not None:
            if self._lead.share(now) < 1.0:
                return
            assert self._course is not None
            self._set_out(self._course.share(now))
        while self._target is not None and self._stages and self._parts[0].share(now) >= 1.0:
            self._stages, self._parts = self._stages[1:], self._parts[1:]
            self._enter()

    def halt(self) -> None:
        """Leave the decks as they are; the mix goes on to the end of its stage."""
        self._target = None

    def _on_change(self, change: Change) -> None:
        name = change.parameter.name
        if self._target is None or change.origin is self or name not in self.names.all:
            return
        if name == self.names.mix:
            self._target = None
            return
        a, b = self._target.a, self._target.b
        a, b = (change.value, b) if name == self.names.a else (a, change.value)
        self._target, self._replan = Look(a, b, self._target.mix), True


def _parts(course: Course, low: float, lengths: list[float]) -> tuple[Part, ...]:
    """What is left of the course from `low` on, shared out by length."""
    whole, parts, done = sum(lengths), [], 0.0
    for length in lengths:
        start = low + (1.0 - low) * done / whole
        done += length
        parts.append(Part(course, start, low + (1.0 - low) * done / whole))
    if parts:  # whatever the rounding, it ends with the course
        parts[-1] = Part(course, parts[-1].low, 1.0)
    return tuple(parts)


def _number(value: Value) -> float:
    assert not isinstance(value, str)
    return float(value)
