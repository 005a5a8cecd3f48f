"""A person in front of the window: ImageMagick looks, xdotool plays."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygame

from engine.events import WindowCommand, WindowEvent
from engine.latest import Frame, Latest, Picture
from engine.overlay import Overlay
from engine.window import Window, WindowOptions
from tests.helpers.pictures import Array, screenshot

PATIENCE_S = 60.0
ROOT = (1000, 700)
RED, GREEN, BLUE, WHITE = (250, 20, 30), (20, 240, 40), (30, 40, 245), (245, 245, 245)


def quarters(size: int = 200) -> Picture:
    """Red, green / blue, white."""
    half = size // 2
    picture = np.zeros((size, size, 3), np.uint8)
    picture[:half, :half] = RED
    picture[:half, half:] = GREEN
    picture[half:, :half] = BLUE
    picture[half:, half:] = WHITE
    return picture


class Person:
    """In front of a window, with everything that it shows and tells."""

    def __init__(self, display: str, folder: Path) -> None:
        self.display = display
        self.folder = folder
        self.shown: Latest[Frame] = Latest()
        self.input: Latest[Frame] = Latest()
        self.events: list[WindowEvent] = []
        self.overlay = Overlay()
        self.window: Window | None = None

    def open(self, *, board: bool = False, **options: object) -> Window:
        keys = (("f", "fullscreen"), ("up down", "strength"))
        chosen = replace(WindowOptions(size=(600, 400), keys=keys), **options)  # type: ignore[arg-type]
        window = Window(chosen, self.shown, self.input, self.events.append, lambda: self.overlay)
        if not board:
            window.show(WindowCommand.OVERLAY)
        self.window = window
        return window

    def play(self, script: Callable[[], None], **options: object) -> None:
        """Open the window, let `script` happen in a thread, and close."""
        window = self.open(**options)  # type: ignore[arg-type]
        failures: list[BaseException] = []

        def acting() -> None:
            try:
                self.until(lambda: window.presented > 0)
                script()
            except BaseException as failure:
                failures.append(failure)
            finally:
                window.close()

        actor = threading.Thread(target=acting)
        actor.start()
        window.run()
        actor.join()
        if failures:
            raise failures[0]

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, self.events
            time.sleep(0.01)

    def show(self, picture: Picture) -> None:
        self.shown.put(Frame(picture, self.shown.replaced + 1, 0))

    def presented(self) -> int:
        assert self.window is not None
        return self.window.presented

    def settle(self) -> None:
        """Until what has been asked for is on the screen."""
        newest = self.shown.get()
        assert newest is not None
        before = self.presented()
        self.show(newest.picture.copy())
        self.until(lambda: self.presented() > before)
        time.sleep(0.1)  # a chance for the screen; who needs it to be there uses `sees`

    def look(self) -> Array:
        return screenshot(self.display, self.folder / "screen.png")

    def look_at_desk(self) -> Array:
        return screenshot(self.display, self.folder / "desk.png", self.handle(desk=True))

    def sees(
        self, holds: Callable[[Array], object], look: Callable[[], Array] | None = None
    ) -> Array:
        """The screen as it is once this holds of it; fails where it never does."""
        look = look or self.look
        deadline = time.monotonic() + PATIENCE_S
        while not holds(screen := look()):
            assert time.monotonic() < deadline, "the screen never showed it"
        return screen

    def xdotool(self, *arguments: object) -> str:
        done = subprocess.run(
            ["xdotool", *map(str, arguments)],
            check=True,
            timeout=PATIENCE_S,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def handle(self, desk: bool = False) -> str:
        """The X id of one of the windows."""
        assert self.window is not None
        stage = self.window._desk if desk else self.window._audience
        assert stage is not None
        return str(stage.screen.window.handle)

    def origin(self, window: str) -> tuple[int, int]:
        shell = self.xdotool("getwindowgeometry", "--shell", window)
        values = dict(line.split("=") for line in shell.split())
        return int(values["X"]), int(values["Y"])

    def focus(self) -> None:
        self.xdotool("windowfocus", "--sync", self.handle())

    def press_close_button(self) -> None:
        """What a window manager does: ask the window to delete itself."""
        pygame.event.post(pygame.Event(pygame.WINDOWCLOSE))
        pygame.event.post(pygame.Event(pygame.QUIT))


def close_to(pixel: Array, color: tuple[int, int, int], within: int = 3) -> bool:
    return bool(np.abs(pixel.astype(int) - color).max() <= within)
