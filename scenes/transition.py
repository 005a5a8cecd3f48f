"""Transition: one scene on its way, by every means that a show has.

Numbers and colours travel, prompts and seeds come in through the decks, modulators and styles by
their depth and weight, and the rest turns at one moment; all along one course.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from engine.beats import BEATS_PER_BAR
from engine.controls import Controls, Value
from engine.fading import Beaten, Course, Fader, Timed
from engine.motion import Motion
from scenes.decks import PROMPTS, SEEDS, DeckFade
from scenes.scene import Scene, Span
from scenes.slots import SlotFade, new_slots, slot_values
from scenes.styles import DECKS, Styles

_WEIGHT: Final = re.compile("preset/([a-z0-9-]+)/weight")
_FIRST: Final = ("painter/model", "tempo/source")
"""What others of a scene depend on."""


class Courses:
    """The courses of one scene: spans that are alike share one, so that all arrive together."""

    def __init__(
        self, base: Span, fades: Mapping[str, Span], now: float, beat: Callable[[float], float]
    ) -> None:
        self._base, self._fades = base, fades
        self._now, self._beat = now, beat
        self._made: dict[Span, Course] = {}

    def span(self, *names: str) -> Span:
        """How long these take: the first that has a span of its own says it."""
        return next((self._fades[name] for name in names if name in self._fades), self._base)

    def of(self, *names: str) -> Course:
        span = self.span(*names)
        if span not in self._made:
            self._made[span] = course_of(span, self._now, self._beat)
        return self._made[span]


def course_of(span: Span, now: float, beat: Callable[[float], float]) -> Course:
    """The course that takes `span` from `now` on."""
    if span.unit == "s" or not span.amount:
        return Timed(now, span.amount)
    return Beaten(beat, now, span.amount * (BEATS_PER_BAR if span.unit == "bars" else 1))


def seconds_of(span: Span, bpm: float) -> float:
    """How long a span is at a tempo."""
    per_unit = {"s": 1.0, "beats": 60 / bpm, "bars": BEATS_PER_BAR * 60 / bpm}
    return span.amount * per_unit[span.unit]


class Transition:
    """Brings the controls to what a scene says. A new one starts from where things are.

    `pending` is what will be set yet. What an earlier scene moves, and the new one does not name,
    goes on to where it was sent.
    """

    def __init__(self, controls: Controls, motion: Motion) -> None:
        self._controls = controls
        self._fader = Fader(controls, motion)
        self._decks = [DeckFade(controls, motion, names) for names in (PROMPTS, SEEDS)]
        self._slots = new_slots(controls, motion)
        self._parts: tuple[DeckFade | SlotFade, ...] = (*self._decks, *self._slots)
        self.styles = Styles(controls, motion)
        self._base: Course = Timed(0.0, 0.0)

    @property
    def pending(self) -> dict[str, Value]:
        coming = dict(self._fader.pending)
        for part in self._parts:
            coming |= part.pending
        return coming

    def begin(self, scene: Scene, base: Span, now: float, beat: Callable[[float], float]) -> None:
        """Set out for a scene; `base` is how long what has no span of its own takes."""
        courses = Courses(base, scene.fades, now, beat)
        self._base = courses.of()
        rest = self._settable(scene)
        if scene.mods is not None:
            rest |= slot_values(scene.mods)
        for part in self._parts:
            names = part.all_names
            if wanted := _taken(rest, names):
                part.begin(wanted, courses.of(*names), now)
        weights, decks = weights_in(scene), _taken(rest, tuple(DECKS))
        rest = {name: value for name, value in rest.items() if not _WEIGHT.fullmatch(name)}
        self._fader.begin(rest, courses.of, now)
        bpm = self._controls.get("tempo/bpm")
        assert not isinstance(bpm, str)
        timed = {
            id: (courses.of(name), seconds_of(courses.span(name), bpm))
            for id, name in {"": "", **{id: f"preset/{id}/weight" for id in weights}}.items()
        }
        self.styles.put(decks, {name: seconds_of(courses.span(name), bpm) for name in decks})
        self.styles.begin(weights, timed, others=scene.presets is not None)

    def _settable(self, scene: Scene) -> dict[str, Value]:
        values = dict(scene.set)
        source = values.get("tempo/source", self._controls.get("tempo/source"))
        if source != "internal":
            values.pop("tempo/bpm", None)  # another clock gives it
        first: dict[str, Value] = {name: values[name] for name in _FIRST if name in values}
        return first | values

    def progress(self, now: float) -> float:
        """How much of the way to the last scene is done, 0..1."""
        return self._base.share(now)

    def step(self, now: float) -> bool:
        """Go on to what is due at `now`; whether anything is on its way that needs a step."""
        self._fader.step(now)
        for part in self._parts:
            part.step(now)
        busy = any(deck.busy for deck in self._decks) or self._base.share(now) < 1.0
        return busy or bool(self.pending)

    def halt(self) -> None:
        """Let go of everything that would still come."""
        self._fader.halt()
        for part in self._parts:
            part.halt()
        self.styles.halt()
        self._base = Timed(0.0, 0.0)


def weights_in(scene: Scene) -> dict[str, float]:
    """The presets that a scene names, by weight: under `presets`, and by their controls."""
    named = ((_WEIGHT.fullmatch(name), value) for name, value in scene.set.items())
    told = {match[1]: float(value) for match, value in named if match}
    return told | dict(scene.presets or {})


def _taken(values: dict[str, Value], names: tuple[str, ...]) -> dict[str, Value]:
    return {name: values.pop(name) for name in names if name in values}
