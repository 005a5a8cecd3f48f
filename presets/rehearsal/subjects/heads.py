"""Heads and shoulders, and how somebody looks; for the subjects in people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from presets.rehearsal.canvas import Colour, Layout, Rng, blend, dim
from presets.rehearsal.subjects.common import Look
from presets.rehearsal.subjects.pen import Pen, lamplit

HAIRCUTS: Final = ("short", "short", "long", "long", "bob", "curls", "bald", "cap", "bun")


@dataclass(frozen=True, slots=True)
class Who:
    """How somebody looks."""

    skin: Colour
    hair: Colour
    haircut: str
    top: Colour  # a shirt or a dress
    legs: Colour
    shoes: Colour
    eyes: Colour
    lips: Colour
    glasses: bool
    beard: bool
    width: float  # of the head, 1 usual


def somebody(rng: Rng, layout: Layout, look: Look, number: int = 0) -> Who:
    hues = layout.hues[number % 3 :]
    dark = rng.uniform(0, 1) ** 1.8
    skin = (rng.uniform(0.035, 0.085), 0.28 + 0.3 * dark, 1.0 - 0.62 * dark)
    natural = (rng.uniform(0.03, 0.11), rng.uniform(0.3, 0.75), rng.choice([0.1, 0.2, 0.35, 0.7]))
    silver = (0.1, 0.06, rng.uniform(0.55, 0.9))
    dyed = (hues[2], 0.7, 0.75)
    hair = (natural, natural, natural, silver, dyed)[
        int(rng.choice(5, p=[0.3, 0.3, 0.2, 0.1, 0.1]))
    ]
    haircut = str(rng.choice(HAIRCUTS))
    return Who(
        skin=lamplit(look, *skin),
        hair=lamplit(look, *hair),
        haircut=haircut,
        top=lamplit(look, hues[0], rng.uniform(0.15, 0.85), rng.uniform(0.25, 0.95)),
        legs=lamplit(look, hues[1], rng.uniform(0.2, 0.6), rng.uniform(0.15, 0.6)),
        shoes=lamplit(look, hues[2], 0.4, rng.uniform(0.1, 0.9)),
        eyes=lamplit(look, rng.choice([0.06, 0.08, 0.3, 0.58]), 0.6, rng.uniform(0.2, 0.6)),
        lips=lamplit(look, rng.uniform(0.95, 1.02), rng.uniform(0.45, 0.7), 0.45 + skin[2] * 0.35),
        glasses=bool(rng.random() < 0.28),
        beard=bool(haircut in ("short", "bald", "cap") and rng.random() < 0.45),
        width=float(rng.uniform(0.9, 1.1)),
    )


# --- heads: the middle of the head is (0, 0), the skull's top v = -1, the chin v = 1


def behind_head(pen: Pen, who: Who, depth: float) -> None:
    """The hair that hangs or stands behind the head."""
    w = who.width
    if who.haircut == "long":
        right = [(0, -1.14), (0.55 * w, -1.0), (0.9 * w, -0.4), (0.98 * w, 0.5), (0.95 * w, 1.5)]
        pen.twin([*right, (0.5 * w, 1.75), (0, 1.7)], who.hair, depth=depth + 0.05)
    elif who.haircut == "bob":
        right = [(0, -1.14), (0.6 * w, -0.98), (0.93 * w, -0.3), (1.0 * w, 0.55)]
        pen.twin([*right, (0.7 * w, 0.92), (0, 0.8)], who.hair, depth=depth + 0.05)
    elif who.haircut == "curls":
        for angle in np.linspace(0.75 * np.pi, 2.25 * np.pi, 9):
            u, v = 0.78 * w * np.cos(angle), -0.25 + 0.8 * np.sin(angle)
            pen.ellipse(u, v, 0.4, 0.4, who.hair, depth=depth + 0.05)
    elif who.haircut == "bun":
        pen.ellipse(0, -1.25, 0.36, 0.32, who.hair, depth=depth + 0.06)


def _neck(pen: Pen, who: Who, depth: float) -> None:
    shadow = dim(who.skin, 0.72)
    right = [(0.33, 0.3), (0.35, 1.1), (0.5, 1.45)]
    pen.polygon([*right, *((-u, v) for u, v in reversed(right))], shadow, depth=depth + 0.03)


def _hair_on_top(pen: Pen, who: Who, yaw: float, part: float, depth: float) -> None:
    """The hairline; part: where the hair is parted, -1..1."""
    w = who.width
    if who.haircut == "bald":
        return
    if who.haircut == "cap":
        dome = [(-0.8 * w, -0.34), (-0.72 * w, -0.9), (-0.3, -1.22), (0.3, -1.22)]
        dome += [(0.72 * w, -0.9), (0.8 * w, -0.34), (yaw * 0.5, -0.45)]
        pen.blob(dome, who.top, depth=depth - 0.03, form="ball")
        brim = [(-0.75, -0.42), (0, -0.56), (0.75, -0.42), (0.6 + yaw, -0.24), (yaw, -0.3)]
        pen.blob([*brim, (-0.6 + yaw, -0.24)], dim(who.top, 0.7), depth=depth - 0.05)
        return
    side = {"short": -0.12, "long": 0.45, "bob": 0.4, "curls": -0.05, "bun": -0.1}[who.haircut]
    line = -0.52 - 0.1 * abs(part)
    outline = [(-0.77 * w, side), (-0.82 * w, -0.45), (-0.55 * w, -1.0), (0, -1.15)]
    outline += [(0.55 * w, -1.0), (0.82 * w, -0.45), (0.77 * w, side), (0.66 * w, -0.25)]
    outline += [(0.42 * w, line + 0.12), (part * 0.4, line - 0.12), (-0.42 * w, line + 0.12)]
    pen.blob([*outline, (-0.66 * w, -0.25)], who.hair, depth=depth - 0.02, form="ball")


def _eye(pen: Pen, u: float, who: Who, openness: float, gaze: float, depth: float) -> None:
    high = 0.105 * openness
    pen.ellipse(u, 0.0, 0.2, high + 0.045, dim(who.skin, 0.62), depth=depth, relief=0.2)
    pen.ellipse(u, 0.012, 0.175, high, (240, 240, 238), depth=depth - 0.01, relief=0.2)
    round_ = min(0.105, high + 0.012)
    pen.ellipse(u + gaze, 0.008, 0.1, round_, who.eyes, depth=depth - 0.02, relief=0.2)
    pen.ellipse(
        u + gaze, 0.008, 0.055, min(0.06, round_), (12, 10, 10), depth=depth - 0.03, relief=0
    )


def _mouth(pen: Pen, u: float, who: Who, opening: float, smile: float, depth: float) -> None:
    """opening: 0 shut .. 1; smile: -1 .. 1, how far the corners rise."""
    corner = 0.58 - 0.09 * smile
    wide = 0.29 - 0.06 * opening
    low = 0.67 + 0.22 * opening
    lips = [(u - wide, corner), (u - 0.09, 0.515), (u, 0.535), (u + 0.09, 0.515)]
    lips += [(u + wide, corner), (u + wide * 0.55, low + 0.015), (u, low + 0.04)]
    pen.blob([*lips, (u - wide * 0.55, low + 0.015)], who.lips, depth=depth)
    shut = opening < 0.25
    floor = 0.59 if shut else low - 0.02
    inner = [(u - wide * 0.82, corner + 0.005), (u, 0.572), (u + wide * 0.82, corner + 0.005)]
    inner += [(u + wide * 0.45, floor - 0.005), (u, floor + 0.01), (u - wide * 0.45, floor - 0.005)]
    pen.blob(inner, (58, 16, 22), depth=depth - 0.01, relief=0.2)
    if not shut:
        teeth = [(u - wide * 0.6, 0.585), (u, 0.578), (u + wide * 0.6, 0.585), (u, 0.66)]
        pen.blob(teeth, (242, 240, 234), depth=depth - 0.02, relief=0.2)


def _nose(pen: Pen, u: float, yaw: float, who: Who, depth: float) -> None:
    shadow = dim(who.skin, 0.76)
    bridge = [(u - yaw * 0.1, -0.08), (u + 0.09 + yaw * 0.1, 0.22), (u + 0.15, 0.34)]
    pen.blob([*bridge, (u, 0.4), (u - 0.15, 0.34)], shadow, depth=depth, relief=0.8)
    pen.ellipse(u + yaw * 0.05 - 0.02, 0.27, 0.075, 0.08, blend(who.skin, (255, 250, 240), 0.14),
                depth=depth - 0.02, relief=0.3)  # fmt: skip


def _glasses(pen: Pen, eyes: Sequence[float], rim: Colour, dark: bool, depth: float) -> None:
    for u in eyes:
        around = np.linspace(0, 2 * np.pi, 25)
        frame = [(u + 0.25 * np.cos(a), 0.02 + 0.2 * np.sin(a)) for a in around]
        if dark:
            pen.polygon(frame, (28, 26, 34), depth=depth)
        pen.line(frame, 0.055, rim, depth=depth)
    pen.line([(eyes[0] + 0.24, -0.02), (eyes[1] - 0.24, -0.02)], 0.055, rim, depth=depth)


def _beard(pen: Pen, u: float, who: Who, depth: float) -> None:
    w = who.width
    jaw = [(-0.7 * w, 0.1), (-0.66 * w, 0.6), (-0.36, 1.0), (0, 1.1), (0.36, 1.0), (0.66 * w, 0.6)]
    jaw += [(0.7 * w, 0.1), (0.5 * w, 0.42), (u + 0.2, 0.43), (u, 0.45), (u - 0.2, 0.43)]
    pen.blob([*jaw, (-0.5 * w, 0.42)], who.hair, depth=depth)


def head(pen: Pen, who: Who, yaw: float, depth: float = 0.3) -> None:
    """A head without its neck; yaw: -0.5 .. 0.5, how far it is turned."""
    rng, w = pen.canvas.rng, who.width
    for side in (-1, 1):
        pen.ellipse(side * 0.75 * w - yaw * 0.25, 0.06, 0.13, 0.2, dim(who.skin, 0.85),
                    depth=depth + 0.02)  # fmt: skip
    jaw = rng.uniform(0.92, 1.08)
    right = [(0, -1.0), (0.5 * w, -0.87), (0.74 * w, -0.38), (0.72 * w, 0.15)]
    pen.twin([*right, (0.6 * w * jaw, 0.6), (0.3 * jaw, 0.94), (0, 1.0)], who.skin, depth=depth,
             form="ball", relief=0.9)  # fmt: skip
    middle = yaw * 0.42
    eyes = [middle + side * 0.335 * (1 - 0.3 * abs(yaw)) for side in (-1, 1)]
    if who.beard:
        _beard(pen, middle, who, depth - 0.01)
    openness, gaze = rng.uniform(0.5, 1.05), rng.uniform(-0.05, 0.05)
    raised, frown = rng.uniform(-0.05, 0.06), rng.uniform(-0.06, 0.03)
    brow = blend(who.hair, (30, 20, 18), 0.35) if who.haircut != "bald" else dim(who.skin, 0.4)
    for side, u in zip((-1, 1), eyes, strict=True):
        _eye(pen, u, who, openness, gaze, depth - 0.02)
        arch = [(u - 0.19 * side, -0.2 - raised + frown), (u + 0.05 * side, -0.28 - raised)]
        pen.limb([*arch, (u + 0.22 * side, -0.2 - raised)], (0.1, 0.09, 0.05), brow,
                 depth=depth - 0.02)  # fmt: skip
    _nose(pen, yaw * 0.6, yaw, who, depth - 0.03)
    opening = rng.uniform(0.3, 1) if rng.random() < 0.35 else 0.0
    _mouth(pen, yaw * 0.46, who, opening, rng.uniform(-0.5, 1), depth - 0.03)
    if who.glasses:
        rim = (24, 22, 26) if rng.random() < 0.6 else who.top
        _glasses(pen, eyes, rim, rng.random() < 0.15, depth - 0.06)
    _hair_on_top(pen, who, yaw, rng.uniform(-1, 1), depth)


def shoulders(pen: Pen, who: Who, depth: float) -> None:
    """Neck, shoulders and a collar, down past the border."""
    rng = pen.canvas.rng
    wide, drop = rng.uniform(1.5, 1.95), rng.uniform(0.2, 0.4)
    right = [(0, 1.4), (0.4, 1.28), (0.85, 1.36 + drop * 0.4), (wide, 1.5 + drop)]
    pen.twin([*right, (wide + 0.25, 3.0), (wide * 0.9, 4.5), (0, 4.6)], who.top, depth=depth + 0.06,
             form="ball", relief=0.7)  # fmt: skip
    _neck(pen, who, depth)
    collar = rng.random()
    if collar < 0.35:
        pen.polygon([(-0.42, 1.28), (0.42, 1.28), (0, 2.1)], dim(who.skin, 0.8), depth=depth + 0.03)
    elif collar < 0.6:
        pale = blend(who.top, (255, 255, 255), 0.55)
        for side in (-1, 1):
            flap = [(side * 0.38, 1.15), (side * 0.62, 1.45), (side * 0.3, 1.95), (0, 1.55)]
            pen.polygon(flap, pale, depth=depth + 0.02)
    else:
        pen.ellipse(0, 1.33, 0.44, 0.2, dim(who.skin, 0.75), depth=depth + 0.03)
