"""The keys of a scene file: one table for the reader, the schema and the document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.parameters import MODULATORS
from scenes.scene import QUANTIZE, Unit

SPAN_WORDS: Final = "seconds (2.5), or beats or bars (4 beats, 1 bar)"

MOST_FADE: Final[dict[Unit, float]] = {"s": 600.0, "beats": 4096.0, "bars": 1024.0}
MOST_AFTER: Final[dict[Unit, float]] = {"s": 86400.0, "beats": 65536.0, "bars": 16384.0}
"""A day; what stands longer needs no scene to follow it."""
NONE_LEAST: Final[dict[Unit, float]] = {"s": 0.0, "beats": 0.0, "bars": 0.0}
LEAST_AFTER: Final[dict[Unit, float]] = {"s": 0.1, "beats": 0.25, "bars": 0.0625}
"""A sixteenth; a show that goes on any faster only flickers."""

MOST_MODS: Final = len(MODULATORS)
MOD_FIELDS: Final = ("shape", "beats", "depth", "phase")
"""Beside `target`; each is read as the control mod/1/<field> is."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what may stand there, and what it does."""

    name: str
    allowed: str
    help: str


SCENE_KEYS: Final = (
    Key("description", "text", "what the performer reads in lists"),
    Key(
        "fade",
        SPAN_WORDS,
        "how long the way to this scene takes; without it the show's `scene/fade`",
    ),
    Key(
        "quantize",
        ", ".join(QUANTIZE),
        "what it waits for before it starts; without it the show's `scene/quantize`",
    ),
    Key("set", "control: value, line by line", "the controls that change; all others stay"),
    Key(
        "presets",
        "preset: weight, line by line",
        "every style not named fades to 0; without the key no style changes",
    ),
    Key(
        "mods",
        f"a list of up to {MOST_MODS} modulators",
        "the modulators from the first on, the others end; without the key none changes",
    ),
    Key("fades", "control: " + SPAN_WORDS, "single controls that take their own time"),
    Key(
        "after",
        f"at least {LEAST_AFTER['s']:g} s or {LEAST_AFTER['beats']:g} beats: " + SPAN_WORDS,
        "how long after its start the show goes on by itself",
    ),
    Key(
        "next",
        "a scene's name",
        "where it goes then, and where `scene/next` leads; without it the set list's next",
    ),
    Key("notes", "text", "for you alone"),
)

SETLIST_KEYS: Final = (
    Key("scenes", "a list of scenes' names", "the order of the night; one may come twice"),
    Key("wrap", "true or false", "whether the first follows the last; false without the key"),
    Key("description", "text", "what the performer reads in lists"),
)
