"""Moods and materials: what a prompt's adjectives do to a scene's colours and light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from presets.rehearsal.canvas import SIDE, Buffers, rgb

_LUMA: Final = np.array([0.3, 0.55, 0.15], np.float32)


@dataclass(frozen=True, slots=True)
class Mood:
    """change(buffers) gives the scene in that mood; phrases: the words that ask for it."""

    change: Callable[[Buffers], Buffers]
    phrases: tuple[str, ...]


def _grade(
    gain: tuple[float, float, float] = (1, 1, 1),
    *,
    lift: tuple[float, float, float] = (0, 0, 0),
    saturation: float = 1.0,
    gamma: float = 1.0,
) -> Callable[[Buffers], Buffers]:
    """saturation, then gamma, then gain and lift on each colour."""

    def change(scene: Buffers) -> Buffers:
        grey = (scene.colour @ _LUMA)[..., None]
        colour = np.clip(grey + (scene.colour - grey) * saturation, 0, 1) ** gamma
        colour = np.clip(colour * rgb(*gain) + rgb(*lift), 0, 1)
        return replace(scene, colour=colour.astype(np.float32))

    return change


def _tint(red: float, green: float, blue: float) -> Callable[[Buffers], Buffers]:
    """The whole picture in shades of one colour, with a third of its own colours left."""

    def change(scene: Buffers) -> Buffers:
        grey = (scene.colour @ _LUMA)[..., None]
        full = rgb(red, green, blue)
        shades = np.where(grey < 0.6, full * grey / 0.6, full + (1 - full) * (grey - 0.6) / 0.4)
        return replace(scene, colour=(0.7 * shades + 0.3 * scene.colour).astype(np.float32))

    return change


def _club(scene: Buffers) -> Buffers:
    """Pink light from the left, cyan from the right, dark between."""
    across = np.linspace(0, 1, SIDE, dtype=np.float32)[None, :, None]
    pink, cyan = rgb(1.25, 0.25, 0.95), rgb(0.15, 0.95, 1.3)
    light = pink * (1 - across) ** 1.5 + cyan * across**1.5
    grey = (scene.colour @ _LUMA)[..., None]
    colour = np.clip((0.5 * scene.colour + 0.5 * grey) * light * 1.1 + 0.01, 0, 1)
    return replace(scene, colour=colour.astype(np.float32))


def _spotlight(scene: Buffers) -> Buffers:
    """Light on the middle, darkness round it."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j].astype(np.float32)
    light = np.clip(1.5 - 1.3 * np.sqrt(x * x + y * y), 0.08, 1.15)[..., None]
    return replace(scene, colour=np.clip(scene.colour * light, 0, 1).astype(np.float32))


def _monochrome(scene: Buffers) -> Buffers:
    grey = (scene.colour @ _LUMA)[..., None]
    return replace(scene, colour=np.repeat(grey, 3, 2).astype(np.float32))


MOODS: Final[Mapping[str, Mood]] = {
    "warm": Mood(
        _grade((1.12, 0.98, 0.72)), ("warm", "warm light", "golden hour", "cozy", "autumn")
    ),
    "cold": Mood(_grade((0.74, 0.94, 1.14)), ("cold", "icy", "frozen", "cool", "winter")),
    "dark": Mood(_grade((0.62, 0.62, 0.68), gamma=1.35), ("dark", "gloomy", "moody", "sinister")),
    "bright": Mood(
        _grade((0.8, 0.8, 0.8), lift=(0.24, 0.24, 0.22)), ("bright", "light", "airy", "happy")
    ),
    "vivid": Mood(
        _grade(saturation=1.9), ("vivid", "colorful", "vibrant", "psychedelic", "intense")
    ),
    "pastel": Mood(
        _grade((0.55, 0.55, 0.57), lift=(0.42, 0.4, 0.42)), ("pastel", "soft", "dreamy", "gentle")
    ),
    "dramatic": Mood(
        _grade(gamma=1.6, saturation=1.25, gain=(1.2, 1.1, 1.05)), ("dramatic", "epic", "contrast")
    ),
    "faded": Mood(
        _grade((0.72, 0.68, 0.56), lift=(0.17, 0.15, 0.13), saturation=0.45),
        ("vintage", "retro", "sepia", "faded", "old", "nostalgic"),
    ),
    "monochrome": Mood(_monochrome, ("monochrome", "grayscale", "black and white", "colorless")),
    "red": Mood(_tint(0.95, 0.1, 0.1), ("red", "crimson", "scarlet", "blood", "mars")),
    "orange": Mood(_tint(1.0, 0.5, 0.05), ("orange", "amber", "lava", "copper")),
    "yellow": Mood(_tint(0.98, 0.85, 0.15), ("yellow", "lemon", "honey")),
    "green": Mood(_tint(0.15, 0.75, 0.2), ("green", "emerald", "jungle", "toxic", "matrix")),
    "cyan": Mood(_tint(0.1, 0.8, 0.85), ("cyan", "turquoise", "teal", "aqua")),
    "blue": Mood(_tint(0.12, 0.3, 0.95), ("blue", "azure", "navy", "melancholic", "sad")),
    "purple": Mood(_tint(0.55, 0.15, 0.85), ("purple", "violet", "magic", "mystic", "indigo")),
    "pink": Mood(_tint(1.0, 0.4, 0.7), ("pink", "rose", "magenta", "romantic", "candy")),
    "club": Mood(_club, ("club", "party", "disco", "laser", "club lights", "rave")),
    "spotlight": Mood(_spotlight, ("spotlight", "theater light", "vignette", "mysterious")),
}


def _made_of(
    tint: tuple[float, float, float], *, keep: float, relief: float, lift: float = 0.0
) -> Callable[[Buffers], Buffers]:
    """Near things made of something: its tint, `keep` of their own colour, its gloss as relief."""

    def change(scene: Buffers) -> Buffers:
        near = np.clip((0.72 - scene.depth) * 12, 0, 1)[..., None]
        grey = (scene.colour @ _LUMA)[..., None]
        body = rgb(*tint) * (0.35 + 0.75 * grey)
        colour = keep * scene.colour + (1 - keep) * body
        gloss = np.clip(scene.shade - 0.55, 0, 1)[..., None] * lift
        colour = np.clip(colour + gloss, 0, 1)
        shade = scene.shade * (1 + (relief - 1) * near[..., 0])
        return replace(
            scene,
            colour=(scene.colour * (1 - near) + colour * near).astype(np.float32),
            shade=shade.astype(np.float32),
        )

    return change


MATERIALS: Final[Mapping[str, Mood]] = {
    "gold": Mood(
        _made_of((1.15, 0.82, 0.2), keep=0.1, relief=1.7, lift=1.2), ("gold", "golden", "brass")
    ),
    "metal": Mood(
        _made_of((0.82, 0.88, 0.96), keep=0.12, relief=2.0, lift=1.4),
        ("metal", "silver", "chrome", "steel", "robot"),
    ),
    "wood": Mood(
        _made_of((0.78, 0.5, 0.26), keep=0.2, relief=0.9), ("wood", "wooden", "oak", "carved")
    ),
    "stone": Mood(
        _made_of((0.72, 0.7, 0.67), keep=0.1, relief=1.3), ("stone", "marble", "statue", "concrete")
    ),
    "glass": Mood(
        _made_of((0.75, 1.05, 1.1), keep=0.35, relief=1.5, lift=1.6),
        ("glass", "crystal", "ice", "diamond", "transparent"),
    ),
    "paper": Mood(
        _made_of((1.1, 1.08, 1.02), keep=0.45, relief=0.35), ("paper", "origami", "cardboard")
    ),
}


def fog(scene: Buffers, night: bool) -> Buffers:
    """Far things fade into the air."""
    air = rgb(0.2, 0.22, 0.3) if night else rgb(0.82, 0.84, 0.86)
    share = np.clip((scene.depth - 0.15) * 0.95, 0, 0.82)[..., None]
    return replace(
        scene,
        colour=(scene.colour * (1 - share) + air * share).astype(np.float32),
        shade=scene.shade * (1 - share[..., 0]),
        edge=scene.edge * (1 - 0.7 * share[..., 0]),
    )


def apply(name: str, table: Mapping[str, Mood], scene: Buffers) -> Buffers:
    """The scene changed as `name` in the table says; "" leaves it."""
    return table[name].change(scene) if name else scene
