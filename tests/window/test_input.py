"""Real keys and pointers on a virtual X screen, by xdotool."""

from __future__ import annotations

import time

import pygame
import pytest

from engine.events import CloseRequested, KeyPressed, Pointer
from engine.overlay import Overlay
from tests.window.person import Person

# The window is in the middle of the screen: 600x400 at (200, 150), its picture at (300, 150).


def test_keys_arrive_by_their_plain_names(rig: Person) -> None:
    pressed = ["f", "space", "Tab", "Escape", "question", "1", "Up", "BackSpace", "F11", "F"]
    names = ["f", "space", "tab", "escape", "?", "1", "up", "backspace", "f11", "f"]

    def script() -> None:
        rig.focus()
        for key in pressed:
            rig.xdotool("key", key)
        rig.until(lambda: len(rig.events) >= len(names))
        shifted = ("question", "F")
        assert rig.events == [
            KeyPressed(name, shift=key in shifted) for key, name in zip(pressed, names, strict=True)
        ]
        # held down, it repeats, and says so
        rig.events.clear()
        rig.xdotool("keydown", "Up")
        rig.until(lambda: len(rig.events) > 3)
        rig.xdotool("keyup", "Up")
        assert rig.events[0] == KeyPressed("up")
        assert set(rig.events[1:]) == {KeyPressed("up", repeat=True)}
        # those of the window manager are not ours
        rig.xdotool("key", "x")
        rig.until(lambda: KeyPressed("x") in rig.events)  # and no repeat comes after it
        rig.events.clear()
        rig.xdotool("key", "ctrl+c", "alt+Return", "z")
        rig.until(lambda: len(rig.events) >= 2)
        assert rig.events == [KeyPressed("f11"), KeyPressed("z")]

    rig.play(script)


def test_a_stroke_arrives_in_the_pictures_own_places(rig: Person) -> None:
    def script() -> None:
        rig.settle()
        rig.xdotool("mousemove", 220, 300, "mousedown", 1, "mousemove", 400, 300, "mouseup", 1)
        rig.xdotool("mousemove", 400, 250)  # the button is up
        rig.xdotool("mousedown", 1, "mousemove", 500, 450, "mousemove", 900, 500, "mouseup", 1)
        rig.xdotool("mousemove", 500, 350, "click", 3)
        rig.xdotool("key", "q")
        rig.until(lambda: KeyPressed("q") in rig.events)
        # began beside the picture: no stroke. Left the picture: to its edge
        places = [
            (event.x, event.y, event.pressed) for event in rig.events if isinstance(event, Pointer)
        ]
        assert places[0] == pytest.approx((0.25, 0.25, True), abs=0.005)
        assert places[-1] == pytest.approx((1.0, 0.875, False), abs=0.005)
        assert any(place == pytest.approx((0.5, 0.75, True), abs=0.005) for place in places)
        assert all(pressed for _, _, pressed in places[:-1])
        # the projector hangs upside down: drawn is where the light is
        rig.events.clear()
        rig.overlay = Overlay(rotate=90, flip="horizontal", drawing=True)
        rig.until(lambda: rig.window is not None and rig.window._overlay == rig.overlay)
        rig.xdotool("mousemove", 340, 250, "click", 1, "key", "q")
        rig.until(lambda: KeyPressed("q") in rig.events)
        assert isinstance(rig.events[0], Pointer)
        # shown at (0.1, 0.25): turned back (0.25, 0.9), flipped back (0.75, 0.9)
        assert (rig.events[0].x, rig.events[0].y) == pytest.approx((0.75, 0.9), abs=0.005)

    rig.play(script)


def test_the_close_button_is_told_once(rig: Person) -> None:
    def script() -> None:
        rig.settle()
        rig.events.clear()
        rig.press_close_button()
        rig.until(lambda: rig.events)
        time.sleep(0.1)
        assert rig.events == [CloseRequested()]
        rig.settle()  # the window stays until the show ends

    rig.play(script)


def test_the_cursor_hides_when_it_rests(rig: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.window.window.CURSOR_HIDES_AFTER_S", 0.3)
    seen: list[bool] = []
    set_visible = pygame.mouse.set_visible

    def setting(visible: bool) -> int:
        if seen[-1:] != [visible]:
            seen.append(visible)
        return set_visible(visible)

    monkeypatch.setattr(pygame.mouse, "set_visible", setting)

    def script() -> None:
        rig.until(lambda: not pygame.mouse.get_visible())
        hidden = len(seen)
        rig.xdotool("mousemove", 400, 300, "mousemove", 410, 300)
        rig.until(lambda: seen[hidden : hidden + 2] == [True, False])
        rig.until(lambda: not pygame.mouse.get_visible())

    rig.play(script)
