"""The drawing as marks on a picture: what was drawn, in order, and the picture it makes.

A mark is one piece of a stroke or a wipe. The list of marks is the truth and the picture follows
it, so that anything can be taken back and the picture made again at another size.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from engine.latest import Picture
from engine.sources.paintbox import Colour, Tone, line

Point = tuple[float, float, float]
"""x and y, 0..1 of the picture, and a radius in shares of its shorter side."""

MARKS: Final = 2_000
PIXELS: Final = 4_000_000
"""After so many marks, or pixels looked at, the picture is kept, to go back to."""

KEPT: Final = 10
"""So many pictures are kept; what is older than the oldest of them cannot be taken back."""

_PIECE: Final = 64.0  # pixels; longer marks are drawn in pieces, whose boxes are small


class Mark(NamedTuple):
    """A piece of stroke number `stroke`, between two points. `colour` None is a wipe."""

    stroke: int
    colour: Colour | None = None
    start: Point = (0.0, 0.0, 0.0)
    end: Point = (0.0, 0.0, 0.0)


class Canvas:
    """The picture of the first `done` marks of a list, with kept pictures to go back to.

    For one thread at a time.
    """

    def __init__(self, w: int, h: int, base: Picture | None = None) -> None:
        self.size = (w, h)
        self.picture: Picture = np.zeros((h, w, 3), np.uint8) if base is None else base
        self.done = 0
        self._kept: list[tuple[int, Picture]] = [(0, self.picture.copy())]
        self._pixels = 0

    @property
    def base(self) -> Picture:
        """The oldest kept picture: what is under the list's first mark."""
        return self._kept[0][1]

    def add(self, mark: Mark) -> None:
        """Make the list's next mark."""
        if mark.colour is None:
            self.picture[:] = 0
        else:
            self._pixels += self._draw(mark, np.array(mark.colour, np.float32))
        self.done += 1
        if self.done - self._kept[-1][0] >= MARKS or self._pixels >= PIXELS:
            self._kept.append((self.done, self.picture.copy()))
            self._pixels = 0

    def back_to(self, mark: int) -> None:
        """Go back to the newest kept picture in which mark number `mark` is not yet made."""
        if self.done <= mark:
            return
        while self._kept[-1][0] > mark:
            self._kept.pop()
        self.done, kept = self._kept[-1]
        self.picture[:] = kept
        self._pixels = 0

    def forget(self) -> int:
        """Let go of the oldest pictures where too many are kept; how many marks go with them."""
        over = len(self._kept) - KEPT
        if over <= 0:
            return 0
        gone = self._kept[over][0]
        self._kept = [(at - gone, kept) for at, kept in self._kept[over:]]
        self.done -= gone
        return gone

    def resized(self, size: tuple[int, int]) -> Canvas:
        """A canvas of another size with none of the marks made yet, over the same base."""
        from engine.sources.fit import stretch_picture  # PyAV: only here, and slow to import

        return Canvas(*size, stretch_picture(self.base, size) if self.base.any() else None)

    def _draw(self, mark: Mark, tone: Tone) -> int:
        w, h = self.size
        unit = min(w, h)
        (x0, y0, r0), (x1, y1, r1) = (
            (x * w, y * h, max(0.5, radius * unit)) for x, y, radius in (mark.start, mark.end)
        )
        pieces = max(1, math.ceil(math.hypot(x1 - x0, y1 - y0) / (_PIECE + 2 * max(r0, r1))))
        points = [
            (x0 + (x1 - x0) * s, y0 + (y1 - y0) * s, r0 + (r1 - r0) * s)
            for s in (piece / pieces for piece in range(pieces + 1))
        ]
        return sum(line(self.picture, start, end, tone) for start, end in pairwise(points))
