"""The draw/* controls: what a stroke looks like, strokes from outside, undo."""

from __future__ import annotations

from engine.controls import Change, Controls, Value
from engine.sources.drawing import Drawing, PointerEvent
from engine.sources.paintbox import Colour


class Brush:
    """Answers draw/* for one drawing. For the conductor's thread.

    `size` is the painted size (w, h), in whose pixels draw/size counts. Where the input is
    `mirrored`, places are meant in the picture as it is seen.
    """

    def __init__(self, controls: Controls, drawing: Drawing, size: tuple[int, int]) -> None:
        self.size = size
        self.mirrored = False
        self._controls = controls
        self._drawing = drawing
        self._colour = _colour(controls.get("draw/color"))
        controls.on("draw/stroke", self._stroke)
        controls.on("draw/clear", lambda _arguments, _origin: drawing.clear())
        controls.on("draw/undo", self._undo)

    def changed(self, change: Change) -> None:
        """Hear of a control."""
        if change.parameter.name == "draw/color":
            self._colour = _colour(change.value)

    def pointer(self, event: PointerEvent) -> None:
        """Follow a pointer, at 0..1 of the picture."""
        x = 1 - event.x if self.mirrored else event.x
        moved = PointerEvent(event.id, x, event.y, event.pressed, event.pressure)
        self._drawing.pointer(moved, self._colour, self._share)

    @property
    def _share(self) -> float:
        return self._controls.snapshot.number("draw/size") / min(self.size)

    def _stroke(self, arguments: tuple[Value, ...], _origin: object) -> None:
        points = [float(value) for value in arguments]
        if self.mirrored:
            points[::2] = [1 - x for x in points[::2]]
        self._drawing.stroke(points, self._colour, self._share)

    def _undo(self, _arguments: tuple[Value, ...], _origin: object) -> None:
        self._drawing.undo()


def _colour(value: Value) -> Colour:
    red, green, blue = bytes.fromhex(str(value)[1:])
    return red, green, blue
