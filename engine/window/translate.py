"""pygame's events as the show's own: plain key names, and points on the picture."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Final

import pygame
from pygame._sdl2 import touch

from engine.events import CloseRequested, KeyPressed, Pointer, WindowEvent

Locate = Callable[[object, float, float, bool], tuple[float, float] | None]
"""(window, x, y in its points, whether points beside the picture count too) -> picture 0..1."""

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


class Translator:
    """Follows which keys are held, and which pointers are on the picture."""

    def __init__(self, locate: Locate, window: Callable[[], pygame.Window]) -> None:
        self._locate = locate
        self._window = window
        self._held: set[int] = set()
        self._ids: dict[object, int] = {}
        self._mouse_down = False

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
            yield KeyPressed(name, repeat)

    def _mouse(self, event: pygame.Event) -> Iterator[Pointer]:
        if event.touch:
            return
        x, y = event.pos
        if event.type == pygame.MOUSEBUTTONDOWN and event.button == _LEFT:
            place = self._locate(event.window, x, y, False)
            self._mouse_down = place is not None
            if place is not None:
                yield Pointer(_MOUSE, *place, pressed=True)
        elif self._mouse_down and (event.type == pygame.MOUSEMOTION or event.button == _LEFT):
            self._mouse_down = event.type == pygame.MOUSEMOTION
            place = self._locate(event.window, x, y, True)
            if place is not None:
                yield Pointer(_MOUSE, *place, pressed=self._mouse_down)

    def _finger(self, event: pygame.Event) -> Iterator[Pointer]:
        finger = (event.touch_id, event.finger_id)
        down = event.type == pygame.FINGERDOWN
        if finger not in self._ids and not down:
            return  # it came down beside the picture
        window = getattr(event, "window", None) or self._window()
        width, height = window.size
        place = self._locate(window, event.x * width, event.y * height, not down)
        if place is not None:
            if down:
                self._ids[finger] = next(n for n in range(1, 99) if n not in self._ids.values())
            pressed = event.type != pygame.FINGERUP
            yield Pointer(self._ids[finger], *place, pressed=pressed, pressure=_pressure(*finger))
        if event.type == pygame.FINGERUP:
            self._ids.pop(finger, None)


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
