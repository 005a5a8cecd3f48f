"""What the window tells the conductor, and what the conductor asks of the window."""

from __future__ import annotations

import enum
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key went down in one of the show's windows.

    `key` is a plain name: the character it types in lower case ("f", "1", "?"), or "space", "tab",
    "escape", "backspace", "return", "up", "down", "left", "right", "f11" and the like. `repeat`
    is true while it is held down, `shift` while a shift key is, too.
    """

    key: str
    repeat: bool = False
    shift: bool = False


@dataclass(frozen=True, slots=True)
class Pointer:
    """Mouse, pen or finger on the picture.

    `x`, `y` are 0..1 from the upper left corner of the input picture (letterbox, output/flip and
    output/rotate are undone). `id` tells fingers apart; the mouse is 0. `pressure` is 0..1. A
    stroke is pressed, pressed ..., and one last event with `pressed` false.
    """

    id: int
    x: float
    y: float
    pressed: bool
    pressure: float = 1.0


@dataclass(frozen=True, slots=True)
class CloseRequested:
    """The close button of a window, or the system asks the program to end."""


WindowEvent = KeyPressed | Pointer | CloseRequested


class WindowCommand(enum.Enum):
    """What the window can be asked to do, from any thread."""

    FULLSCREEN = "fullscreen"
    OVERLAY = "overlay"
    HELP = "help"
