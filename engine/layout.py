"""Where pictures lie in a window, and where on a picture a point of the window is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

PICTURES_SHARE: Final = 0.4
"""Of a room that they share with a list, pictures take so much at most."""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle in a window, in points or pixels: upper left corner and size."""

    left: int
    top: int
    width: int
    height: int

    def holds(self, x: float, y: float) -> bool:
        return self.left <= x < self.left + self.width and self.top <= y < self.top + self.height

    def share(self, x: float, y: float) -> tuple[float, float]:
        """The point as 0..1 of this rectangle, clamped to it."""
        return (
            min(1.0, max(0.0, (x - self.left) / max(1, self.width))),
            min(1.0, max(0.0, (y - self.top) / max(1, self.height))),
        )


def letterboxed(area: Area, width: int, height: int) -> Area:
    """The largest rectangle of width:height in the middle of `area`."""
    if width <= 0 or height <= 0 or area.width <= 0 or area.height <= 0:
        return Area(area.left, area.top, 0, 0)
    scale = min(area.width / width, area.height / height)
    inner_width = min(area.width, max(1, round(width * scale)))
    inner_height = min(area.height, max(1, round(height * scale)))
    return Area(
        area.left + (area.width - inner_width) // 2,
        area.top + (area.height - inner_height) // 2,
        inner_width,
        inner_height,
    )


def paired(room: Area, ratio: float, gap: int, head: int) -> tuple[Area, Area]:
    """Two equal places for pictures of this width:height, each `head` below its top.

    Side by side or one above the other, whichever shows them larger.
    """
    width, height = max(0, (room.width - gap) // 2), max(0, (room.height - gap) // 2)
    beside = min(width / ratio, room.height - head)
    above = min(room.width / ratio, height - head)
    if beside >= above:
        right = room.left + room.width - width
        return replace(room, width=width), replace(room, left=right, width=width)
    bottom = room.top + room.height - height
    return replace(room, height=height), replace(room, top=bottom, height=height)


def shared(room: Area, ratio: float, gap: int, head: int) -> tuple[Area, Area]:
    """A part of `room` for two pictures as `paired` places them, and the rest for a list.

    Pictures stand to the left, in a room higher than wide above; the list gets over half of it.
    """
    if room.width >= room.height:
        needed = round(ratio * ((room.height - gap) // 2 - head))
        width = max(0, min(needed, round(room.width * PICTURES_SHARE)))
        left = room.left + width + gap
        rest = replace(room, left=left, width=max(0, room.left + room.width - left))
        return replace(room, width=width), rest
    needed = round((room.width - gap) / 2 / ratio) + head
    height = max(0, min(needed, round(room.height * PICTURES_SHARE)))
    top = room.top + height + gap
    rest = replace(room, top=top, height=max(0, room.top + room.height - top))
    return replace(room, height=height), rest


def unturned(x: float, y: float, flip: str, rotate: int) -> tuple[float, float]:
    """The point 0..1 of a shown picture on the picture before output/flip and output/rotate.

    The inverse of `grading.turned`: the clockwise turn is undone first, then the flip.
    """
    for _ in range(rotate // 90):
        x, y = y, 1 - x
    if flip in ("horizontal", "both"):
        x = 1 - x
    if flip in ("vertical", "both"):
        y = 1 - y
    return x, y
