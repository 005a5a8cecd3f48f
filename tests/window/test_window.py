"""A real window on a virtual X screen, looked at by ImageMagick."""

from __future__ import annotations

import time

import numpy as np
import pygame
import pytest

from engine.events import KeyPressed, Pointer, WindowCommand
from engine.latest import Frame
from engine.overlay import Overlay
from tests.helpers.pictures import Array
from tests.window.person import BLUE, GREEN, RED, ROOT, WHITE, Person, close_to, quarters

# The window is in the middle of the screen: 600x400 at (200, 150), its picture at (300, 150).


def test_what_is_shown_is_on_the_screen_letterboxed(rig: Person) -> None:
    def script() -> None:
        expected = np.kron(quarters()[::100, ::100], np.ones((200, 200, 1), np.uint8))
        # scaling is linear: the seams are soft
        inner = np.ones((400, 400), bool)
        inner[195:205] = inner[:, 195:205] = False

        def shown(screen: Array) -> bool:
            got = screen[150:550, 300:700].astype(int)
            return bool(np.abs(got - expected)[inner].max() <= 3)

        screen = rig.sees(shown)
        assert screen.shape == (ROOT[1], ROOT[0], 3)
        assert not screen[150:550, 200:300].any()
        assert not screen[150:550, 700:800].any()
        # and another size, at once
        rig.show(np.full((50, 150, 3), 90, np.uint8))
        screen = rig.sees(lambda screen: close_to(screen[350, 210], (90, 90, 90)))
        assert not screen[155:240, 210:790].any()

    rig.play(script)
    assert not pygame.display.get_init()


def test_overlay_and_help_come_and_go(rig: Person) -> None:
    def script() -> None:
        clean = rig.sees(clean_picture)
        assert rig.window is not None
        rig.window.show(WindowCommand.OVERLAY)
        board = rig.sees(lambda board: (board != clean)[400:550, 220:780].mean() > 0.3)
        assert (board != clean)[:300].sum() == 0
        rig.overlay = Overlay(
            error="no camera", error_at_s=time.monotonic() + 60, recording=True, prompt="a sunrise"
        )
        badge, error = np.s_[150:300, 600:800], np.s_[350:450, 200:500]
        rig.sees(lambda told: (told != board)[badge].any() and (told != board)[error].any())
        rig.window.show(WindowCommand.OVERLAY)
        rig.window.show(WindowCommand.HELP)
        rig.sees(lambda keys: (keys != clean)[280:420, 420:580].mean() > 0.5)
        rig.window.show(WindowCommand.HELP)
        rig.sees(lambda screen: (screen == clean).all())

    rig.play(script)


def test_fullscreen_fills_the_display_and_goes_back(rig: Person) -> None:
    def script() -> None:
        rig.sees(clean_picture)
        assert rig.window is not None
        rig.window.show(WindowCommand.FULLSCREEN)
        # 700x700 in the middle of 1000x700
        rig.sees(lambda screen: close_to(screen[5, 155], RED) and not screen[:, :149].any())
        screen = rig.sees(lambda screen: close_to(screen[695, 155], BLUE))
        assert close_to(screen[5, 845], GREEN)
        rig.window.show(WindowCommand.FULLSCREEN)
        rig.sees(lambda screen: close_to(screen[160, 310], RED) and not screen[:140].any())

    rig.play(script)


def test_a_fullscreen_show_starts_clean(rig: Person) -> None:
    def script() -> None:
        rig.sees(
            lambda screen: (
                close_to(screen[5, 155], RED)
                and close_to(screen[695, 155], BLUE)
                and close_to(screen[650, 845], WHITE)
            )
        )

    rig.play(script, fullscreen=True, board=True)


def test_nothing_new_is_not_drawn_again(rig: Person) -> None:
    def script() -> None:
        def rests() -> bool:
            before = rig.presented()
            time.sleep(0.5)
            return rig.presented() == before

        rig.settle()
        rig.until(rests)
        before = rig.presented()
        assert rig.window is not None
        assert rig.window.present_ms > 0
        # pictures at 300 a second are shown as often as the screen can
        start_s = time.monotonic()
        while time.monotonic() - start_s < 0.5:
            rig.show(quarters())
            time.sleep(1 / 300)
        assert rig.presented() - before <= (time.monotonic() - start_s) * 60 + 3

    rig.play(script)


def test_the_desk_shows_both_pictures_and_the_audience_stays_clean(rig: Person) -> None:
    def script() -> None:
        window = rig.handle(desk=True)

        def halves(desk: Array) -> tuple[Array, Array]:
            height, width, _ = desk.shape
            return desk[: height // 2, : width // 2], desk[: height // 2, width // 2 :]

        def both(desk: Array) -> bool:
            return all(_share(half, RED) + _share(half, BLUE) > 0.1 for half in halves(desk))

        desk = rig.sees(both, rig.look_at_desk)
        width = desk.shape[1]
        source, shown = halves(desk)
        # the input is upside down: blue above
        assert _share(source, BLUE) > 2 * _share(source, RED)
        assert _share(shown, RED) > 2 * _share(shown, BLUE)
        # a stroke on either picture
        left = np.argwhere(np.abs(desk[:, : width // 2].astype(int) - BLUE).max(2) <= 3)
        right = np.argwhere(np.abs(desk[:, width // 2 :].astype(int) - RED).max(2) <= 3)
        for corner in (left.min(0), right.min(0) + np.array([0, width // 2])):
            x, y = rig.origin(window)
            rig.xdotool("mousemove", x + corner[1] + 4, y + corner[0] + 4, "click", 1)
        # and none beside them
        rig.xdotool("mousemove", x + 3, y + 3, "click", 1, "key", "q")
        rig.until(lambda: KeyPressed("q") in rig.events)
        strokes = [event for event in rig.events if isinstance(event, Pointer) and event.pressed]
        assert len(strokes) == 2
        for stroke in strokes:
            assert stroke.x == pytest.approx(0.01, abs=0.02)
            assert stroke.y == pytest.approx(0.01, abs=0.02)
        rig.input.put(Frame(np.full((64, 64, 3), 77, np.uint8), 2, 0))
        rig.sees(lambda desk: _share(halves(desk)[0], (77, 77, 77)) > 0.3, rig.look_at_desk)
        # the audience's, uncovered: nothing but the picture
        rig.xdotool("windowraise", rig.handle())
        rig.sees(clean_picture)

    rig.play(script, desk=True, board=True)


def clean_picture(screen: Array) -> bool:
    """The quarters in the window, with nothing on top."""
    corners = {(160, 310): RED, (160, 690): GREEN, (540, 310): BLUE, (540, 690): WHITE}
    lit = all(close_to(screen[place], color) for place, color in corners.items())
    return lit and not screen[150:550, 200:299].any() and not screen[150:550, 701:800].any()


def _share(area: Array, color: tuple[int, int, int]) -> float:
    return float((np.abs(area.astype(int) - color).max(2) <= 3).mean())
