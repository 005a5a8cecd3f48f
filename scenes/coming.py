"""What comes: a scene that waits for its moment, and what follows one that plays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from engine.beats import BEATS_PER_BAR
from engine.fading import Course
from engine.moments import Goal
from scenes.scene import Scene, Span
from scenes.transition import seconds_of


@dataclass(frozen=True, slots=True)
class Coming:
    """A scene, its place in the order (None: outside), its fade, and its moment (None: at once)."""

    scene: Scene
    place: int | None
    fade: Span
    goal: Goal | None


@dataclass(frozen=True, slots=True)
class After:
    """When the course is done, the show goes on to what follows this scene.

    `due` is the beat at which that is, where the course is in beats.
    """

    course: Course
    scene: Scene
    due: float | None


WORDS: Final = ("prompt/a", "prompt/b")
_MOST_BYTES: Final = 1000


def words_of(*scenes: Scene | None) -> str:
    """The prompts that these scenes bring, one a line; those that fit into a message, in order."""
    texts: dict[str, None] = {}
    room = _MOST_BYTES
    for scene in scenes:
        for name in WORDS if scene is not None else ():
            text = str(scene.set.get(name, "")) if scene is not None else ""
            size = len(text.encode()) + 5  # a message has up to five bytes more for each
            if text and text.splitlines() == [text] and text not in texts and size <= room:
                texts[text] = None
                room -= size
    return "\n".join(texts)


MOST_LATE: Final = 0.5
"""Beats: a scene that starts later than this after its moment counts from its own start."""


def ends(after: Span, beat: float, moment: float | None) -> tuple[Span, float | None]:
    """What is left of `after` for a scene that starts at `beat`, and the beat at which it ends.

    It counts from the `moment` for which the scene was meant, since what a start is late would add
    up from scene to scene. In seconds it counts from the start, and ends at no beat (None).
    """
    if after.unit == "s":
        return after, None
    late = 0.0 if moment is None or not 0.0 <= beat - moment < MOST_LATE else beat - moment
    per_unit = BEATS_PER_BAR if after.unit == "bars" else 1
    left = max(0.0, after.amount * per_unit - late)
    return Span(left, "beats"), beat + left


def in_seconds(coming: Coming, bpm: float) -> Coming:
    """With every span in seconds, as long as it is at `bpm`."""

    def told(span: Span) -> Span:
        return Span(seconds_of(span, bpm))

    scene = coming.scene
    fades = {name: told(span) for name, span in scene.fades.items()}
    after = None if scene.after is None else told(scene.after)
    return replace(coming, fade=told(coming.fade), scene=replace(scene, fades=fades, after=after))
