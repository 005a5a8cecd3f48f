"""People as a camera sees them: faces, bodies, hands, dancers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from presets.rehearsal.canvas import Canvas, Colour, Layout, Rng, blend, dim, hsv
from presets.rehearsal.subjects.common import Look, Subject, backdrop, sky, spread
from presets.rehearsal.subjects.heads import Who, behind_head, head, shoulders, somebody
from presets.rehearsal.subjects.pen import Pen, lamplit

# finger by finger: root u, root v, angle from upright when spread, length, width
FINGERS: Final = (
    (-0.33, -0.30, -0.30, 0.80, 0.215),
    (-0.11, -0.38, -0.09, 0.95, 0.225),
    (0.12, -0.37, 0.11, 0.88, 0.215),
    (0.33, -0.26, 0.34, 0.68, 0.185),
)
# which of the fingers are stretched, and whether the thumb is
GESTURES: Final = {
    "open": ((0, 1, 2, 3), True),
    "pointing": ((0,), False),
    "fist": ((), False),
    "peace": ((0, 1), False),
    "thumb": ((), True),
    "gun": ((0,), True),
}
SMALL: Final = 0.075  # a head this small has neither lids nor lips, its hands no fingers
Bend = tuple[float, float]  # of upper arm and forearm, thigh and shin: outward from hanging down
# arms a standing person may have; the raised ones come in twos, they are what a camera sees most
DOWN: Final[tuple[Bend, ...]] = ((0.15, 0.05), (0.25, 0.1), (0.85, -0.65), (0.3, -1.2))
RAISED: Final[tuple[Bend, ...]] = ((0.7, 2.9), (1.0, 3.2), (2.5, 2.9), (1.5, 3.0), (1.5, 1.7))


@dataclass(frozen=True, slots=True)
class Pose:
    """Left and right (on the picture) arms and legs, and how far the trunk leans, in radians."""

    arms: tuple[Bend, Bend]
    legs: tuple[Bend, Bend] = ((0.08, 0.03), (0.08, 0.03))
    lean: float = 0.0


DANCES: Final = (
    Pose(((2.6, 2.9), (1.5, 1.4)), ((0.15, 0.05), (1.0, -0.3)), -0.1),
    Pose(((1.6, 2.6), (2.6, 2.2)), ((0.5, 0.3), (0.5, 0.2)), 0.12),
    Pose(((2.7, 3.0), (2.7, 3.0)), ((0.2, -0.1), (0.95, -0.6)), 0.0),
    Pose(((1.5, 1.6), (1.5, 1.6)), ((0.1, 0.0), (1.35, 1.3)), -0.18),
    Pose(((0.9, -0.6), (2.5, 3.0)), ((0.35, 0.2), (0.6, 0.1)), 0.15),
    Pose(((2.2, 3.4), (0.9, 1.9)), ((0.9, 0.7), (0.9, 0.7)), 0.0),
    Pose(((1.2, 2.2), (1.9, 1.3)), ((0.7, -0.7), (0.2, 0.15)), 0.2),
)


def face(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """Head and shoulders before a webcam, from close up to a bust."""
    rng = canvas.rng
    backdrop(canvas, layout, look)
    faces = 2 if layout.count >= 4 else 1
    framing = rng.uniform(0.85, 1.15) * (0.68 if faces == 2 else 1.0)
    for number in range(faces):
        who = somebody(rng, layout, look, number)
        size = 0.25 * layout.scale * framing
        x = spread(layout, number, faces, 0.42)
        y = layout.y - 0.05 + rng.normal() * 0.02
        pen = Pen(canvas, x, y, size, float(np.clip(rng.normal() * 0.1, -0.3, 0.3)))
        upright = Pen(canvas, x, y, size, pen.turn * 0.3)
        depth = 0.32 + 0.05 * number
        behind_head(pen, who, depth + 0.05)
        shoulders(upright, who, depth)
        head(pen, who, float(np.clip(rng.normal() * 0.2, -0.5, 0.5)), depth)
    return ()


# --- hands: the palm's middle is (0, 0), the wrist at v = 0.5, stretched fingers end near -1.3


def _finger(pen: Pen, number: int, spread_: float, skin: Colour, nail: bool, depth: float) -> None:
    u, v, angle, length, width = FINGERS[number]
    sin, cos = np.sin(angle * spread_), np.cos(angle * spread_)
    path = [(u, v + 0.2), (u + length * sin, v - length * cos)]
    pen.limb(path, (width + 0.07, width * 0.82 + 0.07), dim(skin, 0.66), depth=depth + 0.01)
    pen.limb(path, (width, width * 0.82), skin, depth=depth, relief=0.6)
    if nail:
        tip = length - 0.04
        pen.ellipse(u + tip * sin, v - tip * cos, width * 0.26, width * 0.36,
                    blend(skin, (255, 232, 226), 0.6), turn=angle * spread_,
                    depth=depth - 0.01)  # fmt: skip


def _thumb(pen: Pen, stretched: bool, spread_: float, skin: Colour, depth: float) -> None:
    if stretched:
        path = [(-0.3, 0.22), (-0.62, -0.08), (-0.62 - 0.3 * spread_, -0.5)]
    else:
        path = [(-0.42, 0.2), (-0.3, -0.06), (0.12, -0.02)]
    pen.limb(path, (0.4, 0.3, 0.26), dim(skin, 0.66), depth=depth)
    pen.limb(path, (0.33, 0.24, 0.19), skin, depth=depth - 0.01, relief=0.6)


def _hand(pen: Pen, skin: Colour, gesture: str, spread_: float, back: bool, depth: float) -> None:
    """spread_: 0 fingers together .. 1.3 wide apart; back: seen with nails, else the palm."""
    stretched, thumb = GESTURES[gesture]
    for number in stretched:
        _finger(pen, number, spread_, skin, back, depth)
    if thumb:
        _thumb(pen, True, spread_, skin, depth)
    palm = [(-0.44, -0.34), (0, -0.46), (0.43, -0.3), (0.44, 0.1), (0.28, 0.6), (-0.28, 0.6)]
    pen.blob([*palm, (-0.46, 0.12)], skin, depth=depth - 0.02, relief=0.6, form="ball")
    for number in set(range(4)) - set(stretched):
        u, v, _, _, width = FINGERS[number]
        path = [(u, v - 0.12), (u * 0.92, v + 0.3)]
        pen.limb(path, (width + 0.1, width + 0.06), dim(skin, 0.66), depth=depth - 0.02)
        pen.limb(path, (width + 0.02, width - 0.02), skin, depth=depth - 0.03, relief=0.6)
    if not thumb:
        _thumb(pen, False, spread_, skin, depth - 0.04)
    if gesture == "open" and pen.size > 0.15:
        crease = dim(skin, 0.78)
        if back:
            for u, v, *_ in FINGERS:
                pen.ellipse(u * 0.95, v + 0.14, 0.07, 0.05, crease, depth=depth - 0.03)
        else:
            pen.line([(-0.4, -0.05), (0, -0.12), (0.36, -0.2)], 0.05, crease, depth=depth - 0.03)
            bow = [(-0.36, 0.02), (-0.1, 0.1), (-0.02, 0.45)]
            pen.line(bow, 0.05, crease, depth=depth - 0.03)


def _sleeve(pen: Pen, skin: Colour, cloth: Colour, bare: float, depth: float) -> None:
    """The forearm, out of the picture; the sleeve begins at v = bare."""
    pen.limb([(0, 0.45), (0, 5.5)], (0.6, 1.3), dim(skin, 0.9), depth=depth + 0.05, relief=0.6)
    pen.polygon([(-0.46, bare), (0.46, bare), (1.1, 6), (-1.1, 6)], cloth, depth=depth + 0.03)
    pen.limb([(-0.42, bare), (0.42, bare)], (0.26, 0.26), dim(cloth, 0.75), depth=depth)


def hand(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """One or two big hands held before the camera."""
    rng = canvas.rng
    backdrop(canvas, layout, look)
    who = somebody(rng, layout, look)
    hands = 2 if layout.count >= 3 else 1
    side = 1.0 if rng.random() < 0.5 else -1.0
    for number in range(hands):
        if hands == 2:
            side = (-1.0, 1.0)[number]
        size = 0.23 * layout.scale * (0.8 if hands == 2 else 1.0)
        turn = rng.normal() * 0.25 + (0.15 - 0.3 * number if hands == 2 else 0.0)
        if hands == 1 and rng.random() < 0.25:
            turn = side * rng.uniform(0.9, 1.6)
        x, y = spread(layout, number, hands, 0.5), layout.y + 0.1 + rng.normal() * 0.03
        pen = Pen(canvas, x, y, size, float(turn), side)
        gesture = str(rng.choice(list(GESTURES), p=[0.46, 0.14, 0.12, 0.16, 0.06, 0.06]))
        _sleeve(pen, who.skin, who.top, rng.uniform(0.8, 1.9), 0.35)
        _hand(pen, who.skin, gesture, rng.uniform(0.5, 1.3), bool(rng.random() < 0.4), 0.3)
    return ()


# --- whole bodies, in the head's units: shoulders at v = 1.6, hips at 4.5, soles near 9.6


def _ends(u: float, v: float, bend: Bend, side: float, lengths: Bend) -> list[tuple[float, float]]:
    """Root, joint and end of a limb."""
    points = [(u, v)]
    for angle, length in zip(bend, lengths, strict=True):
        u, v = u + side * np.sin(angle) * length, v + np.cos(angle) * length
        points.append((float(u), float(v)))
    return points


def _leg(pen: Pen, who: Who, bend: Bend, side: float, bare: bool, depth: float) -> None:
    path = _ends(side * 0.52, 4.4, bend, side, (2.4, 2.35))
    pen.limb(path, (1.05, 0.8, 0.55), who.skin if bare else who.legs, depth=depth, relief=0.6)
    foot = pen.moved(*path[-1], turn=-side * bend[1] * 0.7)
    foot.ellipse(side * 0.25, 0.12, 0.52, 0.27, who.shoes, depth=depth - 0.01)


def _arm(
    pen: Pen, who: Who, bend: Bend, side: float, gesture: str, sleeve: bool, depth: float
) -> tuple[float, float]:
    """An arm and its hand; where the palm is."""
    path = _ends(side * 1.02, 1.75, bend, side, (1.75, 1.6))
    pen.limb(path, (0.66, 0.56, 0.4), who.top if sleeve else who.skin, depth=depth, relief=0.6)
    if not sleeve:
        pen.limb([path[0], path[1]], (0.8, 0.72), who.top, depth=depth - 0.01, relief=0.6)
    palm = pen.moved(*path[-1], size=0.82, turn=side * (np.pi - bend[1])).moved(0, -0.4)
    if pen.size < SMALL:
        palm.ellipse(0, 0, 0.4, 0.52, who.skin, depth=depth - 0.02)
        return palm.x, palm.y
    _hand(replace(palm, flip=side), who.skin, gesture, 1.0, False, depth - 0.02)
    return palm.x, palm.y


def _trunk(pen: Pen, who: Who, skirt: float, depth: float) -> None:
    """Shirt or dress; skirt: how far it flares, 0 for trousers."""
    right = [(0, 1.25), (0.7, 1.38), (1.28, 1.75), (1.02, 3.0), (0.98, 4.6)]
    pen.twin([*right, (0, 4.75)], who.top, depth=depth, relief=0.7, form="ball")
    if skirt:
        hem = [(0.85, 3.4), (1.0 + skirt, 6.6), (0, 6.9), (-1.0 - skirt, 6.6), (-0.85, 3.4)]
        pen.polygon(hem, who.top, depth=depth - 0.01, relief=0.7)
    pen.limb([(-0.92, 4.45), (0.92, 4.45)] if not skirt else [(-0.8, 3.5), (0.8, 3.5)],
             (0.28, 0.28), dim(who.top, 0.6), depth=depth - 0.02)  # fmt: skip


def _small_head(pen: Pen, who: Who, depth: float) -> None:
    """A head too small for lips and lids."""
    pen.ellipse(0, -0.05, 0.86, 1.05, who.hair, depth=depth + 0.01)
    pen.ellipse(0, 0.15, 0.72, 0.86, who.skin, depth=depth)
    for side in (-1, 1):
        pen.ellipse(side * 0.32, 0.02, 0.13, 0.14, (24, 20, 22), depth=depth - 0.01, relief=0)
    pen.limb([(-0.26, 0.52), (0.26, 0.52)], (0.17, 0.17), who.lips, depth=depth - 0.01)


def _figure(
    pen: Pen, who: Who, pose: Pose, gestures: tuple[str, str], depth: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Somebody from head to feet; where the palms are."""
    rng = pen.canvas.rng
    skirt = float(rng.uniform(0.3, 1.3)) if rng.random() < 0.35 else 0.0
    sleeve = bool(rng.random() < 0.6)
    hips = pen.moved(0, 4.5)
    trunk = hips.moved(0, 0, turn=pose.lean).moved(0, -4.5)
    for side, bend in zip((-1.0, 1.0), pose.legs, strict=True):
        _leg(pen, who, bend, side, bool(skirt), depth + 0.02)
    behind_head(trunk, who, depth + 0.05)
    raised = [bend[1] > 1.0 or bend[1] < -0.8 for bend in pose.arms]
    palms = {}
    for front in (False, True):
        if front:
            _trunk(trunk, who, skirt, depth)
            trunk.limb([(0, 0.7), (0, 1.4)], (0.6, 0.75), dim(who.skin, 0.75), depth=depth - 0.01)
            if pen.size >= SMALL:
                head(trunk, who, float(np.clip(rng.normal() * 0.2, -0.5, 0.5)), depth - 0.02)
            else:
                _small_head(trunk, who, depth - 0.02)
        for side, bend, up, gesture in zip((-1.0, 1.0), pose.arms, raised, gestures, strict=True):
            if up is front:
                palms[side] = _arm(trunk, who, bend, side, gesture, sleeve, depth - 0.05 * front)
    return palms[-1.0], palms[1.0]


def _thing_held(pen: Pen, layout: Layout, look: Look, depth: float) -> None:
    """A ball, a book or a mug where the palm is."""
    hue, kind = layout.hues[3], pen.canvas.rng.random()
    colour = lamplit(look, hue, 0.75, 0.85)
    if kind < 0.4:
        pen.ellipse(0, -0.2, 0.75, 0.75, colour, depth=depth)
    elif kind < 0.7:
        pen.polygon([(-0.7, -0.9), (0.7, -0.9), (0.7, 0.6), (-0.7, 0.6)], colour, depth=depth)
        pen.polygon([(-0.5, -0.6), (0.5, -0.6), (0.5, -0.3), (-0.5, -0.3)], (236, 232, 220),
                    depth=depth - 0.01)  # fmt: skip
    else:
        pen.ellipse(0.6, -0.2, 0.35, 0.4, dim(colour, 0.75), depth=depth + 0.01)
        pen.polygon([(-0.5, -0.8), (0.5, -0.8), (0.42, 0.5), (-0.42, 0.5)], colour, depth=depth)
        pen.ellipse(0, -0.8, 0.5, 0.14, dim(colour, 0.6), depth=depth - 0.01)


def _choose(rng: Rng, bends: tuple[Bend, ...]) -> Bend:
    upper, lower = bends[int(rng.integers(len(bends)))]
    return upper + float(rng.normal()) * 0.1, lower + float(rng.normal()) * 0.12


def person(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """Half or all of a body, often with a hand raised."""
    rng = canvas.rng
    full = rng.random() < 0.35
    if rng.random() < 0.25:
        sky(canvas, layout, look)
        green = look.ground(0.2 + 0.2 * layout.hues[1], 0.5, 0.55)
        canvas.ridge(layout.horizon, 0.015, 1.0, green, depth=0.8)
    else:
        backdrop(canvas, layout, look)
        if full:
            floor = lamplit(look, layout.hues[4], 0.35, 0.5)
            canvas.rectangle(-0.02, 0.8, 1.04, 0.3, floor, depth=0.7, form="ground")
    size = (0.08 if full else 0.115) * (0.75 + 0.25 * layout.scale)
    top = 0.12 if full else layout.y - 0.27
    arms = [_choose(rng, RAISED if rng.random() < 0.5 else DOWN) for _ in range(2)]
    if arms[0][1] < 1 and arms[1][1] < 1 and rng.random() < 0.6:
        arms[int(rng.integers(2))] = _choose(rng, RAISED)
    legs = ((float(rng.uniform(0.02, 0.3)), 0.05), (float(rng.uniform(0.02, 0.3)), 0.05))
    pose = Pose((arms[0], arms[1]), legs, float(rng.normal() * 0.05))
    gestures = [
        str(rng.choice(["open", "open", "peace", "pointing", "fist"])) if lower > 1 else "fist"
        for _, lower in arms
    ]
    pen = Pen(canvas, layout.x, top + (0.0 if full else 0.06), size)
    palms = _figure(pen, somebody(rng, layout, look), pose, (gestures[0], gestures[1]), 0.35)
    if rng.random() < 0.3:
        x, y = palms[int(rng.integers(2))]
        _thing_held(replace(pen, x=x, y=y), layout, look, 0.24)
    return ()


def _stage(canvas: Canvas, layout: Layout, look: Look, floor: float) -> None:
    """A wall, beams of light from above, a coloured floor with a pool of light."""
    rng = canvas.rng
    wall = lamplit(look, layout.hues[0], 0.6, 0.2 + 0.5 * layout.hues[1])
    canvas.background(dim(wall, 0.6), wall)
    if rng.random() < 0.6:
        for number in range(int(rng.integers(2, 4))):
            x, tint = rng.uniform(0, 1), hsv(layout.hues[number + 1], 0.5, 1.0)
            foot = x + rng.uniform(-0.3, 0.3)
            cone = [
                (x - 0.02, -0.02),
                (x + 0.02, -0.02),
                (foot + 0.16, floor),
                (foot - 0.16, floor),
            ]
            canvas.polygon(cone, blend(wall, tint, 0.35), depth=0.9, relief=0.3)
    ground = lamplit(look, layout.hues[2], 0.7, 0.75)
    canvas.rectangle(-0.02, floor, 1.04, 1.1 - floor, ground, depth=0.7, form="ground", relief=0.7)
    pale = blend(ground, (255, 248, 225), 0.35)
    canvas.ellipse(layout.x, (floor + 1) / 2, 0.42, 0.09, pale, depth=0.69, relief=0.2)


def dancers(canvas: Canvas, layout: Layout, look: Look) -> tuple[str, ...]:
    """Two to four bodies in motion on a coloured floor."""
    rng = canvas.rng
    of = 2 + layout.count // 2
    floor = layout.horizon + 0.02
    _stage(canvas, layout, look, floor)
    size = (0.062, 0.054, 0.047)[of - 2] * (0.7 + 0.3 * layout.scale)
    order = rng.permutation(len(DANCES))
    for number in range(of):
        pose, who = DANCES[int(order[number])], somebody(rng, layout, look, number)
        if rng.random() < 0.5:
            pose = Pose(pose.arms[::-1], pose.legs[::-1], -pose.lean)
        soles = max(_ends(0, 4.4, bend, 1, (2.4, 2.35))[-1][1] for bend in pose.legs) + 0.3
        ground = floor + rng.uniform(0.05, 0.6 * (1 - floor))
        jump = 0.05 if rng.random() < 0.2 else 0.0
        x = 0.5 + 0.4 * (layout.x - 0.5) + (number - (of - 1) / 2) * 0.9 / of
        pen = Pen(canvas, x, ground - jump - soles * size, size)
        if not jump:
            canvas.ellipse(x, ground, 2.0 * size, 0.018, (30, 26, 34), depth=0.6, relief=0)
        _figure(pen, who, pose, ("fist", "fist"), 0.35 + 0.02 * number)
    return ()


SUBJECTS: Final = (
    Subject(
        "face",
        face,
        ("face", "portrait", "portrait of a person", "head", "woman", "man", "selfie"),
        outdoors=False,
    ),
    Subject(
        "person",
        person,
        ("person", "figure", "human figure", "body", "performer", "person waving", "musician"),
        outdoors=False,
    ),
    Subject(
        "hand",
        hand,
        ("hand", "hands", "open hand", "fingers", "palm of a hand", "fist"),
        outdoors=False,
    ),
    Subject(
        "dancers",
        dancers,
        ("dancers", "dancer", "people dancing", "dance", "ballet", "dancing crowd"),
        outdoors=False,
    ),
)
