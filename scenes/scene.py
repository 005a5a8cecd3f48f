"""A scene as a value: what a show is to become, and how it gets there.

A scene names only what it changes; what it does not name is None or empty here, and stays as it is.
`scene_file` reads the words of a file, `scene_text` writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from engine.controls import Value

Unit = Literal["s", "beats", "bars"]
Quantize = Literal["none", "beat", "bar"]

UNITS: Final[tuple[Unit, ...]] = ("s", "beats", "bars")
QUANTIZE: Final[tuple[Quantize, ...]] = ("none", "beat", "bar")


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: `amount` (0 or more) seconds, beats or bars."""

    amount: float
    unit: Unit = "s"


@dataclass(frozen=True, slots=True)
class Mod:
    """One modulator: the values of `mod/<n>/*` by their last word; it is switched on."""

    target: str
    shape: str = "sine"
    beats: float = 4.0
    depth: float = 0.25
    phase: float = 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One look and the way to it.

    `folder` is where its file lies, "" where it has none. `fade` and `quantize` are None where the
    show's own (`scene/fade`, `scene/quantize`) hold.
    `presets` are weights by id: every style not named fades to 0; None touches none. `mods` become
    the modulators from the first on, the others end; None touches none. `fades` are the spans of
    single controls. After `after`, counted from the scene's start, the show goes on: to `next`, or
    else to what follows in the set list. `next` without `after` is where `scene/next` leads.
    """

    name: str
    folder: str = field(default="", compare=False)
    description: str = ""
    notes: str = ""
    fade: Span | None = None
    quantize: Quantize | None = None
    set: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    presets: Mapping[str, float] | None = None
    mods: tuple[Mod, ...] | None = None
    fades: Mapping[str, Span] = field(default_factory=lambda: MappingProxyType({}))
    after: Span | None = None
    next: str | None = None
