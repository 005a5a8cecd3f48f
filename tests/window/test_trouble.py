"""What the window does when the graphics driver, SDL or the display fails it."""

from __future__ import annotations

import sys
import threading
import time

import pygame
import pytest

from engine.errors import OutputError
from engine.events import WindowCommand
from engine.overlay import Overlay
from engine.window import sdl
from engine.window.screen import Screen
from tests.window.person import PATIENCE_S, RED, Person, close_to

# The window is in the middle of the screen: 600x400 at (200, 150), its picture at (300, 150).


def test_a_lost_renderer_is_made_anew(
    rig: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clear, opening = Screen.clear, Screen._open_renderer
    losses = ["once", "twice", "thrice"]
    refusals = ["the renderer", "the window"]

    def stumbling(self: Screen, *arguments: object) -> None:
        if losses and rig.presented() > 0:
            losses.pop()
            raise pygame.error("device lost")
        clear(self, *arguments)  # type: ignore[arg-type]

    def refusing(self: Screen) -> None:
        if refusals and len(losses) == 1:
            raise pygame.error(f"not yet: {refusals.pop()}")
        opening(self)

    monkeypatch.setattr(Screen, "clear", stumbling)
    monkeypatch.setattr(Screen, "_open_renderer", refusing)

    def script() -> None:
        rig.settle()
        rig.sees(lambda screen: close_to(screen[160, 310], RED))
        assert not losses
        assert not refusals

    rig.play(script)
    assert "device lost" in caplog.text
    assert "no renderer yet" in caplog.text


def test_textures_that_the_driver_emptied_are_filled_again(rig: Person) -> None:
    def script() -> None:
        rig.settle()
        before = rig.presented()
        pygame.event.post(pygame.Event(pygame.RENDER_TARGETS_RESET))
        rig.until(lambda: rig.presented() > before)
        rig.sees(lambda screen: close_to(screen[160, 310], RED))

    rig.play(script)


def test_an_overlay_that_fails_is_only_logged(
    rig: Person, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Overlay:
        raise KeyError("nothing")

    def script() -> None:
        assert rig.window is not None
        rig.window._ask_overlay = broken
        rig.until(lambda: "no overlay this time" in caplog.text)
        rig.settle()

    rig.play(script)


def test_presenting_leaves_the_gil_to_others(rig: Person) -> None:
    window = rig.open()
    screen = window._audience.screen
    screen.clear()
    waiting, counted = threading.Lock(), []

    def count() -> None:
        with waiting:
            counted.append(1)

    waiting.acquire()
    thread = threading.Thread(target=count)
    thread.start()
    interval = sys.getswitchinterval()
    # nobody is made to give the GIL away, so the thread counts only while presenting lets it
    sys.setswitchinterval(1000.0)
    try:
        waiting.release()
        until = time.monotonic() + PATIENCE_S
        while not counted and time.monotonic() < until:
            screen.present()
        assert counted
    finally:
        sys.setswitchinterval(interval)
    thread.join()
    window.close()
    window.run()


def test_without_sdl_at_hand_pygame_presents(rig: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdl, "_candidates", lambda: iter(["/nowhere/libSDL2-2.so"]))
    sdl.library.cache_clear()
    try:

        def script() -> None:
            rig.sees(lambda screen: close_to(screen[160, 310], RED))
            assert rig.window is not None
            rig.window.show(WindowCommand.FULLSCREEN)
            rig.sees(lambda screen: close_to(screen[5, 155], RED))

        rig.play(script)
        assert sdl.library() is None
    finally:
        sdl.library.cache_clear()


def test_a_display_that_is_not_there(rig: Person) -> None:
    with pytest.raises(OutputError, match="there is no display 3; only display 0 is there"):
        rig.open(display=3)
    assert not pygame.display.get_init()


def test_without_any_display_one_line_says_so(rig: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(OutputError, match=r"cannot open a window: ") as caught:
        rig.open()
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("SDL_VIDEODRIVER", "no-such-driver")
    with pytest.raises(OutputError, match="cannot open a window"):
        rig.open()
