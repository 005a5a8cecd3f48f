"""Colours in OKLab, where equal steps look equal.

Björn Ottosson, "A perceptual color space for image processing" (2020), with its matrices; sRGB's
transfer curve from IEC 61966-2-1.
"""

from __future__ import annotations

import math
from typing import Final

Triple = tuple[float, float, float]

_TO_LMS: Final = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB: Final = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
_FROM_LAB: Final = (
    (1.0, 0.3963377774, 0.2158037573),
    (1.0, -0.1055613458, -0.0638541728),
    (1.0, -0.0894841775, -1.2914855480),
)
_FROM_LMS: Final = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)


def from_hex(text: str) -> Triple:
    """L (0..1), a and b of `#rrggbb`."""
    red, green, blue = (_linear(int(text[at : at + 2], 16) / 255) for at in (1, 3, 5))
    lms = _times(_TO_LMS, (red, green, blue))
    return _times(_TO_LAB, (_root(lms[0]), _root(lms[1]), _root(lms[2])))


def to_hex(lab: Triple) -> str:
    """The nearest `#rrggbb` that a screen can show."""
    roots = _times(_FROM_LAB, lab)
    rgb = _times(_FROM_LMS, (roots[0] ** 3, roots[1] ** 3, roots[2] ** 3))
    return "#" + "".join(f"{round(255 * _shown(each)):02x}" for each in rgb)


def mixed(start: str, target: str, share: float) -> str:
    """The colour at `share` (0..1) of the straight way between two `#rrggbb`; exact at its ends."""
    if share <= 0.0 or share >= 1.0:
        return target if share >= 1.0 else start
    a, b = from_hex(start), from_hex(target)
    place = tuple(one + (other - one) * share for one, other in zip(a, b, strict=True))
    return to_hex((place[0], place[1], place[2]))


def _times(matrix: tuple[Triple, Triple, Triple], vector: Triple) -> Triple:
    x, y, z = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return x, y, z


def _root(value: float) -> float:
    return math.cbrt(value)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _shown(value: float) -> float:
    value = min(1.0, max(0.0, value))
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
