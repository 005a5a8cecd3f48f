"""Styles: presets by weight, asked for through the controls of presets alone.

One that the painter has ready fades with the rest of the scene. One that it has not comes in when
it is there: fetched if it has to be, then read; the scene goes on meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from engine.controls import Change, Controls, Value
from engine.errors import ArtflowError
from engine.fading import Course, way_of
from engine.motion import Motion

_WEIGHT: Final = re.compile("preset/([a-z0-9-]+)/weight")
FETCHED: Final = ("queued", "resolving", "downloading", "verifying")
COMING: Final = (*FETCHED, "loading")
"""States of a preset that may come into the mix yet."""

DECKS: Final = {"preset/deck-a": "preset/a", "preset/deck-b": "preset/b"}
"""The decks of presets, and what puts one there in a time of its own."""

TO_FETCH: Final = ("absent", "cancelled")


class Styles:
    """Fades presets with a scene, and has those ready that a scene will need."""

    def __init__(self, controls: Controls, motion: Motion) -> None:
        self._controls, self._motion = controls, motion
        self._misfits: dict[str, tuple[float, float]] = {}  # weight, fade in seconds
        self._awaited: dict[str, float] = {}  # weights of those that are not ready
        self._end = controls.listen(self._on_change)

    def weights(self) -> dict[str, float]:
        """Every preset that has a weight, or is coming to one, by id."""
        found = {id: self._weight(id) for id in self._ids()}
        coming = {id: each for id, each in self._awaited.items() if self._state(id) in COMING}
        return {id: weight for id, weight in found.items() if weight} | coming

    def begin(
        self,
        wanted: Mapping[str, float],
        courses: Mapping[str, tuple[Course, float]],
        *,
        others: bool,
    ) -> None:
        """Send each preset to its weight; with `others`, every style not named leaves.

        `courses` are each preset's (under "" that of the others), with the seconds it will take.
        """
        for id, weight in wanted.items():
            course, seconds = courses.get(id, courses[""])
            self._bring(id, weight, course, seconds)
        if not others:
            return
        course, seconds = courses[""]
        for id in self._ids():
            if id in wanted or self._controls.get(f"preset/{id}/kind") != "style":
                continue
            self._misfits.pop(id, None)  # it waited for a model of an earlier scene
            if self._concerned(id):
                self._bring(id, 0.0, course, seconds)

    def put(self, decks: Mapping[str, Value], seconds: Mapping[str, float]) -> None:
        """Put presets on the decks, by the decks' controls."""
        for name, id in decks.items():
            self._try(name.partition("/")[2], DECKS[name], (id, seconds[name]))

    def halt(self) -> None:
        """Wait for none any more."""
        self._misfits.clear()
        self._awaited.clear()

    def prepare(self, ids: Iterable[str]) -> None:
        """Fetch what is absent and have the painter read what is here, without a weight.

        What does not fit the running model is left alone: the scene may bring another.
        """
        for id in ids:
            state = self._state(id) if self._fits(id) else ""
            verb = "download" if state in TO_FETCH else "stage" if state == "installed" else ""
            if verb and self._controls.is_trigger(f"preset/{verb}"):
                self._try(id, f"preset/{verb}", (id,))

    # one preset

    def _bring(self, id: str, weight: float, course: Course, seconds: float) -> None:
        name = f"preset/{id}/weight"
        if not self._controls.is_parameter(name):
            self._controls.report(name, f"unknown preset {id!r}; see artflow presets list")
            return
        self._misfits.pop(id, None)
        self._awaited.pop(id, None)
        if self._controls.get(name) == weight and not self._concerned(id):
            return
        start = self._motion.at(name)
        if weight:
            self._awaited[id] = weight
            if not self._fits(id):
                # the scene may change the model, too: it is asked for again when that is there
                self._misfits[id] = weight, seconds
            elif self._state(id) in (*TO_FETCH, *FETCHED):
                text = "is not on this disk; the scene goes on, and it fades in when it comes"
                self._controls.report(f"preset/{id}", f"{id} {text}")
        # at once, in and out: preset/load and preset/unload would wait for the next bar
        self._try(id, "preset/bring", (id, weight, seconds))
        if self._controls.get(name) == weight and start != weight:
            # it is ready, and on a way in seconds: the scene's may be in beats
            self._misfits.pop(id, None)
            parameter = self._controls.parameter(name)
            self._motion.send(name, way_of(parameter, start, weight, course))

    def _try(self, id: str, trigger: str, arguments: tuple[Value, ...]) -> bool:
        try:
            return self._controls.fire(trigger, arguments, self)
        except ArtflowError as error:
            if id not in self._misfits:
                self._controls.report(f"preset/{id}", str(error))
            return False

    def _on_change(self, change: Change) -> None:
        if not self._misfits and not self._awaited:
            return
        prefix, _, rest = change.parameter.name.partition("/")
        id, _, aspect = rest.partition("/")
        if prefix != "preset":
            return
        if aspect == "weight":  # it has come, or a hand has its weight
            self._awaited.pop(id, None)
            self._misfits.pop(id, None)
        elif aspect == "fits" and change.value and id in self._misfits:
            weight, seconds = self._misfits.pop(id)
            self._try(id, "preset/bring", (id, weight, seconds))

    def _concerned(self, id: str) -> bool:
        """Whether it is heard, or may come to be."""
        name = f"preset/{id}/weight"
        return bool(self._controls.get(name) or self._motion.at(name)) or self._state(id) in COMING

    def _fits(self, id: str) -> bool:
        name = f"preset/{id}/fits"
        return self._controls.is_parameter(name) and bool(self._controls.get(name))

    def _state(self, id: str) -> str:
        name = f"preset/{id}/state"
        return str(self._controls.get(name)) if self._controls.is_parameter(name) else ""

    def _weight(self, id: str) -> float:
        value = self._controls.get(f"preset/{id}/weight")
        assert not isinstance(value, str)
        return float(value)

    def _ids(self) -> list[str]:
        matches = (_WEIGHT.fullmatch(row.name) for row in self._controls.parameters())
        return [match[1] for match in matches if match]
