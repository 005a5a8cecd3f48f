"""From a number to a scene: what is drawn, in which light, mood and material, and how it is called.

Scenes come in twins, 2n and 2n+1: same layout, but another subject, light, mood or material. A
model that is shown one and asked for the other learns to move what the words name and keep the
rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from presets.rehearsal.canvas import Buffers, Bytes, Canvas, Layout, Rng
from presets.rehearsal.drawing import as_drawing
from presets.rehearsal.moods import MATERIALS, MOODS, apply, fog
from presets.rehearsal.styles import Style
from presets.rehearsal.subjects import SUBJECTS
from presets.rehearsal.subjects.common import Look, weather

HELD_OUT: Final = 1_000_000  # scenes from this number on are never trained on
_DRAWN: Final = 0.12  # share of twins that are drawings


@dataclass(frozen=True, slots=True)
class Spec:
    """One scene. seed: of its layout and details, shared by twins; mood and material may be "".

    drawn: it is a drawing of that scene, as a performer's.
    """

    seed: int
    subject: int
    look: Look
    mood: str
    material: str
    drawn: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn scene; `words` are the adjectives that are true of this drawing."""

    spec: Spec
    buffers: Buffers
    words: tuple[str, ...]


def spec_of(number: int) -> Spec:
    """The scene of that number; the twin of an even number is the next one."""
    rng = np.random.default_rng((number // 2, 1))
    first = Spec(
        seed=number // 2,
        subject=(number // 2) % len(SUBJECTS),
        look=Look.draw_lots(rng),
        mood=_perhaps(rng, tuple(MOODS), 0.38),
        material=_perhaps(rng, tuple(MATERIALS), 0.14),
    )
    if np.random.default_rng((number // 2, 5)).random() < _DRAWN:
        # neither light nor mood is seen in it, nor are they to be told
        first = replace(first, look=Look("day", "clear"), mood="", material="", drawn=True)
        return first if number % 2 == 0 else _other_subject(first, rng)
    return first if number % 2 == 0 else _changed(first, rng)


def _perhaps(rng: Rng, names: Sequence[str], chance: float) -> str:
    return str(rng.choice(names)) if rng.random() < chance else ""


def _changed(spec: Spec, rng: Rng) -> Spec:
    """Another subject (half of them), another light, another mood or material."""
    what = rng.random()
    if what < 0.5:
        return _other_subject(spec, rng)
    if what < 0.75 and SUBJECTS[spec.subject].outdoors:
        while (look := Look.draw_lots(rng)) == spec.look:
            pass
        return replace(spec, look=look)
    if what < 0.92:
        names = [name for name in (*MOODS, "") if name != spec.mood]
        return replace(spec, mood=str(rng.choice(names)))
    names = [name for name in (*MATERIALS, "") if name != spec.material]
    return replace(spec, material=str(rng.choice(names)))


def _other_subject(spec: Spec, rng: Rng) -> Spec:
    step = int(rng.integers(1, len(SUBJECTS)))
    return replace(spec, subject=(spec.subject + step) % len(SUBJECTS))


def draw(spec: Spec) -> Scene:
    """Draw it: about 10 ms."""
    layout = Layout.draw_lots(np.random.default_rng((spec.seed, 2)))
    canvas = Canvas(np.random.default_rng((spec.seed, 3, spec.subject)), layout.light)
    subject = SUBJECTS[spec.subject]
    words = subject.draw(canvas, layout, spec.look)
    if subject.outdoors:
        weather(canvas, spec.look)
    buffers = canvas.finish()
    if spec.drawn:
        buffers = as_drawing(buffers, np.random.default_rng((spec.seed, 6)))
        return Scene(spec, buffers, ())
    buffers = apply(spec.material, MATERIALS, buffers)
    buffers = apply(spec.mood, MOODS, buffers)
    if subject.outdoors and spec.look.weather == "fog":
        buffers = fog(buffers, spec.look.night)
    # a mood repaints everything: what the subject said of its own colours is no longer so
    return Scene(spec, buffers, () if spec.mood or spec.material else words)


def paint(scene: Scene, style: Style) -> Bytes:
    """(SIDE, SIDE, 3) RGB bytes of the scene in the style."""
    rng = np.random.default_rng((scene.spec.seed, 4, *style.name.encode()))
    picture = style.paint(scene.buffers, rng)
    return np.asarray(np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
