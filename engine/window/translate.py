"""pygame's events as the show's own: plain key names, and points on the picture."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import pygame
from pygame._sdl2 import touch

from engine.events import CloseRequested, KeyPressed, Pointer, WindowEvent

Place = tuple[float, float]
Locate = Callable[[object, int, float, float, bool], Place | None]
"""(window, pointer, x, y in its points, whether its stroke goes on: then points beside the picture
count too) -> picture 0..1."""

_MOUSE: Final = 0
_LEFT: Final = 1
_SILENT: Final = {
    pygame.K_LSHIFT,
    pygame.K_RSHIFT,
    pygame.K_LCTRL,
    pygame.K_RCTRL,
    pygame.K_LALT,
    pygame.K_RALT,
    pygame.K_LMETA,
    pygame.K_RMETA,
    pygame.K_MODE,
    pygame.K_CAPSLOCK,
    pygame.K_NUMLOCK,
}
"""Keys that only change what others mean."""
_DIGITS: Final = {pygame.KSCAN_1 + n: str(n + 1) for n in range(9)} | {pygame.KSCAN_0: "0"}


@dataclass(slots=True)
class _Stroke:
    """A pointer that is down: the window it came down on, and the last place told of it."""

    window: pygame.Window
    place: Place


class Translator:
    """Follows which keys are held, and which pointers are on the picture.

    Every stroke ends with a release, also where the system's own was lost: at its last place.
    """

    def __init__(self, locate: Locate, window: Callable[[], pygame.Window]) -> None:
        self._locate = locate
        self._window = window
        self._held: set[int] = set()
        self._ids: dict[object, int] = {}
        self._strokes: dict[int, _Stroke] = {}

    def events(self, event: pygame.Event) -> Iterator[WindowEvent]:
        """What this event means to the show: nothing, or one or more of its own events."""
        if event.type == pygame.KEYDOWN:
            yield from self._key(event)
        elif event.type == pygame.KEYUP:
            self._held.discard(event.scancode)
        elif event.type == pygame.WINDOWFOCUSLOST:
            self._held.clear()  # the release goes to somebody else
        elif event.type in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEMOTION, pygame.MOUSEBUTTONUP):
            yield from self._mouse(event)
        elif event.type in (pygame.FINGERDOWN, pygame.FINGERMOTION, pygame.FINGERUP):
            if sys.platform != "darwin":  # there, fingers are those on the trackpad
                yield from self._finger(event)
        elif event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
            yield CloseRequested()

    def _key(self, event: pygame.Event) -> Iterator[KeyPressed]:
        repeat = event.scancode in self._held
        self._held.add(event.scancode)
        name = key_name(event.key, event.unicode, event.mod, event.scancode)
        if name:
            yield KeyPressed(name, repeat, bool(event.mod & pygame.KMOD_SHIFT))

    def _mouse(self, event: pygame.Event) -> Iterator[Pointer]:
        if event.touch:
            return
        x, y = event.pos
        if event.type == pygame.MOUSEBUTTONDOWN and event.button == _LEFT:
            yield from self._begin(_MOUSE, event.window, x, y)
        elif event.type == pygame.MOUSEMOTION:
            if event.buttons[0]:
                yield from self._go_on(_MOUSE, event.window, x, y)
            else:
                yield from self._end(_MOUSE)  # where it went up, nobody told
        elif event.type == pygame.MOUSEBUTTONUP and event.button == _LEFT:
            yield from self._go_on(_MOUSE, event.window, x, y, pressed=False)

    def _finger(self, event: pygame.Event) -> Iterator[Pointer]:
        finger = (event.touch_id, event.finger_id)
        down, up = event.type == pygame.FINGERDOWN, event.type == pygame.FINGERUP
        pointer = self._ids.get(finger)
        if down:
            if pointer is None:
                pointer = next(n for n in itertools.count(1) if n not in self._ids.values())
            window = getattr(event, "window", None) or self._window()
            pressure = _pressure(*finger)
            yield from self._begin(pointer, window, *_points(window, event), pressure)
            if pointer in self._strokes:
                self._ids[finger] = pointer
        elif pointer is not None:  # others came down beside the picture
            window = self._strokes[pointer].window
            points, pressure = _points(window, event), _pressure(*finger)
            yield from self._go_on(pointer, window, *points, pressed=not up, pressure=pressure)
        if up or pointer not in self._strokes:
            self._ids.pop(finger, None)

    # strokes

    def _begin(
        self, pointer: int, window: pygame.Window, x: float, y: float, pressure: float = 1.0
    ) -> Iterator[Pointer]:
        yield from self._end(pointer)
        place = self._locate(window, pointer, x, y, False)
        if place is not None:
            self._strokes[pointer] = _Stroke(window, place)
            yield Pointer(pointer, *place, pressed=True, pressure=pressure)

    def _go_on(
        self,
        pointer: int,
        window: pygame.Window | None,
        x: float,
        y: float,
        pressed: bool = True,
        pressure: float = 1.0,
    ) -> Iterator[Pointer]:
        stroke = self._strokes.get(pointer)
        if stroke is None:
            return  # it began beside the picture
        # another window's points mean nothing on the one where it began; none is no other
        same = window is None or window is stroke.window
        place = self._locate(stroke.window, pointer, x, y, True) if same else None
        if place is not None:
            stroke.place = place
        if not pressed:
            yield from self._end(pointer, pressure)
        elif place is not None:
            yield Pointer(pointer, *place, pressed=True, pressure=pressure)

    def _end(self, pointer: int, pressure: float = 1.0) -> Iterator[Pointer]:
        stroke = self._strokes.pop(pointer, None)
        if stroke is not None:
            yield Pointer(pointer, *stroke.place, pressed=False, pressure=pressure)


def _points(window: pygame.Window, event: pygame.Event) -> Place:
    """Where a finger is on the window, in its points."""
    width, height = window.size
    return event.x * width, event.y * height


def _pressure(touch_id: int, finger_id: int) -> float:
    """How hard a finger presses, 0..1; 1 where the screen cannot tell.

    Asked of SDL, since the events of pygame-ce 2.5 carry the movement in the pressure's place.
    """
    with contextlib.suppress(pygame.error):  # unplugged meanwhile
        for index in range(touch.get_num_fingers(touch_id)):
            finger = touch.get_finger(touch_id, index)
            if finger and finger["id"] == finger_id and finger["pressure"] > 0:
                return min(1.0, float(finger["pressure"]))
    return 1.0


def key_name(key: int, typed: str, modifiers: int, scancode: int = 0) -> str:
    """The plain name of a pressed key; "" for those that mean nothing to the show.

    `typed` is the character it typed, if any: so "?" is the same wherever it lies on a keyboard.
    The row of digits means digits, also where a shift is needed to type them.
    """
    control = modifiers & pygame.KMOD_CTRL and not modifiers & pygame.KMOD_ALT  # not AltGr
    if control or modifiers & pygame.KMOD_META or key in _SILENT:
        return ""  # the window manager's and the system's, or nobody's
    if key == pygame.K_RETURN and modifiers & pygame.KMOD_ALT:
        return "f11"
    if typed != "?" and scancode in _DIGITS:
        return _DIGITS[scancode]
    if typed.strip() and typed.isprintable():
        return typed.lower()
    name = pygame.key.name(key).removeprefix("[").removesuffix("]")  # [1] is on the keypad
    if name == "/" and modifiers & pygame.KMOD_SHIFT:
        return "?"
    return "return" if name == "enter" else name
