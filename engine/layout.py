"""Where pictures lie in a window, and where on a picture a point of the window is."""

from __future__ import annotations

from dataclasses import dataclass


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
