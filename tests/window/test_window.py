"""A real window on a virtual X screen: looked at by ImageMagick, played by xdotool."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygame
import pytest

from engine.errors import OutputError
from engine.events import CloseRequested, KeyPressed, Pointer, WindowCommand, WindowEvent
from engine.latest import Frame, Latest, Picture
from engine.overlay import Overlay
from engine.window import Window, WindowOptions, sdl
from engine.window.screen import Screen
from tests.helpers.pictures import Array, screenshot
from tests.helpers.tools import need_tool
from tests.helpers.x11 import xvfb

PATIENCE_S = 20.0
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


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    for tool in ("Xvfb", "xdotool", "import"):
        need_tool(tool)
    with xvfb(*ROOT) as name:
        yield name


class Rig:
    """A window and a person in front of it."""

    def __init__(self, display: str, folder: Path) -> None:
        self.display = display
        self.folder = folder
        self.shown: Latest[Frame] = Latest()
        self.input: Latest[Frame] = Latest()
        self.events: list[WindowEvent] = []
        self.overlay = Overlay()
        self.window: Window | None = None

    def open(self, **options: object) -> Window:
        keys = (("f", "fullscreen"), ("up down", "strength"))
        base = WindowOptions(size=(600, 400), fullscreen=False, keys=keys)
        chosen = replace(base, **options)  # type: ignore[arg-type]
        self.window = Window(
            chosen, self.shown, self.input, self.events.append, lambda: self.overlay
        )
        return self.window

    def play(self, script: Callable[[], None], **options: object) -> None:
        """Open the window, let `script` happen in a thread, and close."""
        window = self.open(**options)
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

    def settle(self) -> None:
        """Until what has been asked for is on the screen."""
        assert self.window is not None
        before = self.window.presented
        self.show(self.shown.get().picture.copy())  # type: ignore[union-attr]
        self.until(lambda: self.window.presented > before)  # type: ignore[union-attr]
        time.sleep(0.25)

    def look(self) -> Array:
        return screenshot(self.display, self.folder / "screen.png")

    def xdotool(self, *arguments: object) -> None:
        subprocess.run(["xdotool", *map(str, arguments)], check=True, timeout=PATIENCE_S)


@pytest.fixture
def rig(display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    rig = Rig(display, tmp_path)
    rig.show(quarters())
    rig.input.put(Frame(quarters()[::-1].copy(), 1, 0))
    return rig


def close_to(pixel: Array, color: tuple[int, int, int], within: int = 3) -> bool:
    return bool(np.abs(pixel.astype(int) - color).max() <= within)


# the window is in the middle of the screen: 600x400 at (200, 150), its picture at (300, 150)


def test_what_is_shown_is_on_the_screen_letterboxed(rig: Rig) -> None:
    def script() -> None:
        rig.settle()
        screen = rig.look()
        assert screen.shape == (ROOT[1], ROOT[0], 3)
        expected = np.kron(quarters()[::100, ::100], np.ones((200, 200, 1), np.uint8))
        got = screen[150:550, 300:700]
        # scaling is linear: the seams are soft
        inner = np.ones((400, 400), bool)
        inner[195:205] = inner[:, 195:205] = False
        assert np.abs(got.astype(int) - expected)[inner].max() <= 3
        assert not screen[150:550, 200:300].any()
        assert not screen[150:550, 700:800].any()
        # and another size, at once
        rig.show(np.full((50, 150, 3), 90, np.uint8))
        rig.settle()
        screen = rig.look()
        assert close_to(screen[350, 210], (90, 90, 90))
        assert not screen[155:240, 210:790].any()

    rig.play(script, fullscreen=False, size=(600, 400), keys=())
    with pytest.raises(AssertionError):
        assert pygame.display.get_init()


@pytest.fixture
def clean(rig: Rig) -> Rig:
    """The overlay off, as for an audience."""
    opened = rig.open

    def open_clean(**options: object) -> Window:
        window = opened(**options)
        window.show(WindowCommand.OVERLAY)
        return window

    rig.open = open_clean  # type: ignore[method-assign]
    return rig
