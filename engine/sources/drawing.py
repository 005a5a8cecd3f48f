"""Drawing as a source: strokes from the window's pointers and from outside, with undo.

The conductor adds strokes; whoever reads the picture makes them visible, in its own thread.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.errors import ControlError
from engine.latest import Picture
from engine.sources.canvas import Canvas, Mark, Point
from engine.sources.pace import OFFER_S
from engine.sources.paintbox import Colour

MOST_WAITING: Final = 100_000
"""Marks that may wait to be drawn; a flood of strokes beyond it is refused."""

_SLICE_S: Final = 0.012  # of drawing for one picture; a flood leaves the processor to others
_CHUNK: Final = 16
_GAP_S: Final = 0.008  # between pictures, however fast a pen reports
_MARGIN: Final = 0.5  # how far outside the picture a pointer is still followed


@dataclass(frozen=True, slots=True)
class PointerEvent:
    """A pointer is somewhere: a mouse, a pen or a finger, told apart by `id`.

    x and y are 0..1 of the picture, `pressure` is 0..1 (1 where the device has none). The first
    event with `pressed` begins a stroke, the first one without ends it.
    """

    id: int
    x: float
    y: float
    pressed: bool
    pressure: float = 1.0


class Drawing:
    """A picture one draws on, black at first. Any thread may call anything.

    Brush sizes are diameters as a share of the picture's shorter side.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._changed = threading.Condition()  # guards all but the canvas
        self._version = 0
        self._marks: list[Mark] = []
        self._strokes: list[int] = []  # what can be taken back, oldest first
        self._numbers = itertools.count(1)
        self._pens: dict[int, tuple[int | None, Point]] = {}  # their stroke and last point
        self._stale_from: int | None = None  # the canvas differs from the list from this mark on
        self._blank_base = True
        self._rendering = threading.Lock()  # guards the canvas; taken before the other
        self._canvas = Canvas(*size)
        self._shown: Picture = self._canvas.picture.copy()

    # drawing

    def pointer(self, event: PointerEvent, colour: Colour, size: float) -> None:
        """Follow a pointer."""
        x, y = (min(1 + _MARGIN, max(-_MARGIN, value)) for value in (event.x, event.y))
        point = (x, y, size / 2 * min(1.0, max(0.0, event.pressure)))
        with self._changed:
            if not event.pressed:
                self._pens.pop(event.id, None)
                return
            stroke, last = self._pens.get(event.id, (0, point))
            self._pens[event.id] = (stroke, point)
            if stroke == 0:
                stroke = self._begin()
                self._pens[event.id] = (stroke, point)
            elif stroke is None or point == last:  # it was taken back under the pen
                return
            self._add([Mark(stroke, colour, last, point)])

    def stroke(self, points: Sequence[float], colour: Colour, size: float) -> None:
        """A whole stroke: x0 y0 x1 y1 ..., each 0..1. Raises `ControlError` on half a point."""
        if not points or len(points) % 2:
            raise ControlError(f"draw/stroke takes pairs x y, not {len(points)} numbers")
        flat = [min(1.0, max(0.0, value)) for value in points]
        places = [(x, y, size / 2) for x, y in zip(flat[::2], flat[1::2], strict=True)]
        with self._changed:
            if self.waiting > MOST_WAITING:
                raise ControlError(
                    f"draw/stroke: {self.waiting:,} pieces still wait to be drawn, more than the "
                    f"{MOST_WAITING:,} allowed; send it again later, or fewer points"
                )
            number = self._begin()
            ways = itertools.pairwise(places)
            moves = [Mark(number, colour, start, end) for start, end in ways if start != end]
            self._add(moves or [Mark(number, colour, places[0], places[0])])

    def clear(self) -> None:
        """Wipe the picture; `undo` brings it back. A blank picture stays as it is."""
        with self._changed:
            # a pen that is down goes on in a new stroke
            self._pens = {pen: (0, last) for pen, (_, last) in self._pens.items()}
            blank = self._marks[-1].colour is None if self._marks else self._blank_base
            if not blank:
                self._add([Mark(self._begin())])

    def undo(self) -> bool:
        """Take back the newest stroke or wipe; False where nothing can be taken back."""
        with self._changed:
            if not self._strokes:
                return False
            stroke = self._strokes.pop()
            first = next(at for at, mark in enumerate(self._marks) if mark.stroke == stroke)
            self._marks = [mark for mark in self._marks if mark.stroke != stroke]
            self._stale_from = min(first, first if self._stale_from is None else self._stale_from)
            for pen, (drawing, last) in self._pens.items():
                if drawing == stroke:
                    self._pens[pen] = (None, last)
            self._announce()
            return True

    # reading

    @property
    def waiting(self) -> int:
        """Marks that no picture shows yet."""
        return max(0, len(self._marks) - self._canvas.done)

    def wait(self, seen: int, timeout_s: float) -> int:
        """Block until the drawing is not the one numbered `seen`, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen, timeout_s)
            return self._version

    def picture(self, size: tuple[int, int], slice_s: float = _SLICE_S) -> Picture:
        """The drawing at `size` (w, h): RGB uint8, (h, w, 3).

        Where more was drawn than can be shown in `slice_s`, the next pictures show the rest.
        """
        end = time.monotonic() + slice_s
        with self._rendering:
            fresh = self._settle(size)
            while marks := self._next_marks():
                for mark in marks:
                    self._canvas.add(mark)
                fresh = True
                self._forget()
                if time.monotonic() > end:
                    break
            if fresh:
                self._shown = self._canvas.picture.copy()
            return self._shown

    def _settle(self, size: tuple[int, int]) -> bool:
        """Follow what was taken back, and a new size, in one go: no half-made picture is seen."""
        with self._changed:
            canvas, marks = self._canvas, self._marks
            stale, self._stale_from = self._stale_from, None
            if stale is None and size == canvas.size:
                return False
            again = min(canvas.done, len(marks))
            if stale is not None:
                canvas.back_to(stale)
            if size != canvas.size:
                canvas = self._canvas = canvas.resized(size)
            behind = marks[canvas.done : again]
        for mark in behind:
            canvas.add(mark)
        return True

    def _next_marks(self) -> list[Mark]:
        with self._changed:
            if self._stale_from is not None:  # something was taken back meanwhile
                return []
            return self._marks[self._canvas.done : self._canvas.done + _CHUNK]

    def _forget(self) -> None:
        with self._changed:
            if self._stale_from is not None:
                return
            gone = self._canvas.forget()
            if gone:
                final = {mark.stroke for mark in self._marks[:gone]}
                self._strokes = [stroke for stroke in self._strokes if stroke not in final]
                del self._marks[:gone]
                self._blank_base = not self._canvas.base.any()

    # with the lock held

    def _begin(self) -> int:
        number = next(self._numbers)
        self._strokes.append(number)
        return number

    def _add(self, marks: list[Mark]) -> None:
        self._marks.extend(marks)
        self._announce()

    def _announce(self) -> None:
        self._version += 1
        self._changed.notify_all()


class DrawingSource:
    """The drawing, offered 30 times a second, and at once when it changes."""

    def __init__(self, drawing: Drawing, size: tuple[int, int]) -> None:
        self.size = size
        self.captured_ns = 0
        self._drawing = drawing
        self._seen = -1
        self._next = 0.0

    def read(self) -> Picture:
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._seen = self._drawing.wait(self._seen, OFFER_S - _GAP_S)
        self._next = time.monotonic() + _GAP_S
        self.captured_ns = time.monotonic_ns()
        return self._drawing.picture(self.size)

    def close(self) -> None:
        """The drawing stays with its owner."""
