"""The window's logic on SDL's dummy driver: no screen, but everything else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pygame
import pytest

from engine.events import CloseRequested, KeyPressed, WindowEvent
from engine.latest import Frame, Latest
from engine.layout import Area
from engine.overlay import Overlay
from engine.window import Window, WindowOptions
from engine.window.screen import Screen, close_displays, open_displays
from engine.window.stages import Audience, Desk

PATIENCE_S = 20.0
GREY = Frame(np.full((40, 60, 3), 120, np.uint8), 1, 0)


@pytest.fixture(autouse=True)
def dummy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


def window(shown: Latest[Frame], desk: bool = False) -> Window:
    events: list[WindowEvent] = []
    return Window(WindowOptions(desk=desk), shown, Latest(), events.append, Overlay)


def run_until(window: Window, condition: Callable[[], object]) -> None:
    """Run the window until this holds; it is looked at whenever the overlay is asked for."""

    def overlay() -> Overlay:
        if condition():
            window.close()
        return Overlay()

    window._ask_overlay = overlay
    hang = threading.Timer(PATIENCE_S, window.close)
    hang.start()
    window.run()
    hang.cancel()
    hang.join()
    assert condition()


def run_until_presented(window: Window) -> None:
    run_until(window, lambda: window.presented > 0)


def test_a_window_opens_before_there_is_a_picture() -> None:
    shown: Latest[Frame] = Latest()
    run_until_presented(window(shown, desk=True))


@pytest.mark.parametrize("rate", [0, 60])
def test_a_real_screen_is_waited_for_without_the_gil(
    monkeypatch: pytest.MonkeyPatch, rate: int
) -> None:
    monkeypatch.setattr(pygame.display, "get_desktop_refresh_rates", lambda: [rate])
    shown: Latest[Frame] = Latest(GREY)
    opened = window(shown)
    assert opened._audience.screen.vsync == (rate > 0)
    run_until_presented(opened)


def test_a_window_never_opens_larger_than_its_desktop() -> None:
    open_displays()
    desktop = pygame.display.get_desktop_sizes()[0]
    screen = Screen("large", (desktop[0] * 2, desktop[1] * 2), vsync=False)
    assert screen.window.size == (round(desktop[0] * 0.9), round(desktop[1] * 0.9))
    screen.close()
    close_displays()


def test_the_desk_goes_to_another_display_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from engine.window.window import _another_display

    monkeypatch.setattr(pygame.display, "get_num_displays", lambda: 3)
    assert [_another_display(than) for than in range(3)] == [1, 0, 0]


def test_places_on_the_stages() -> None:
    open_displays()
    screen = Screen("stages", (600, 400), vsync=False)
    overlay = Overlay(rotate=180)
    audience = Audience(screen, ())
    assert audience.locate(0, 300, 200, overlay, anywhere=True) is None  # nothing shown yet
    audience.draw(GREY, None)
    assert audience.locate(0, 150, 100, overlay, anywhere=False) == (0.75, 0.75)
    desk = Desk(screen, ())
    desk.draw(None, None)
    assert desk.locate(0, 10, 10, overlay, anywhere=False) is None
    assert desk.locate(0, 10, 10, overlay, anywhere=True) is None
    desk.arrange(overlay, time.monotonic(), board=True, help=False)
    desk.draw(GREY, GREY)
    source, shown = desk._source_area, desk._shown_area
    assert source.left < shown.left
    assert desk.locate(1, *_corner(source), overlay, anywhere=False) == (0.0, 0.0)
    assert desk.locate(2, *_corner(shown), overlay, anywhere=False) == (1.0, 1.0)
    # each stroke stays on the picture it began on, whatever other fingers do
    assert desk.locate(2, 0, 0, overlay, anywhere=True) == (1.0, 1.0)
    assert desk.locate(1, 0, 0, overlay, anywhere=True) == (0.0, 0.0)
    assert desk.locate(3, 10, 10, overlay, anywhere=False) is None
    assert desk.locate(1, 0, 0, overlay, anywhere=True) == (0.0, 0.0)
    # a window too small for anything
    screen.picture("none", GREY.picture, Area(0, 0, 0, 5))
    screen.close()
    close_displays()


def test_panels_that_show_no_more_are_forgotten() -> None:
    open_displays()
    screen = Screen("panels", (100, 100), vsync=False)
    surface = pygame.Surface((10, 10))
    for slots in (("one", "two"), ("two",), ("one", "three")):
        screen.clear()
        for slot in slots:
            screen.panel(slot, surface, 0, 0)
        screen.present()
        assert set(screen._panels) == set(slots)
    screen.close()
    close_displays()


def _corner(area: Area) -> tuple[int, int]:
    return area.left, area.top


def test_fingers_are_on_the_desk_when_it_has_the_focus() -> None:
    opened = window(Latest(GREY), desk=True)
    assert opened._desk is not None
    windows = [stage.screen.window for stage in (opened._audience, opened._desk)]
    for one in windows:
        one.focus()
        pygame.event.pump()
        focused = [two for two in windows if two.focused]
        assert opened._touched() is (windows[1] if windows[1] in focused else windows[0])
    opened.close()
    opened.run()


def test_no_window_means_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.errors import OutputError

    def refused(_: Screen) -> None:
        raise pygame.error("no renderer")

    monkeypatch.setattr(Screen, "_open", refused)
    with pytest.raises(OutputError, match="cannot open a window: no renderer"):
        window(Latest())


STEPS = ("_pump", "_hear", "_obey", "_look", "_arrange", "_refresh", "_set_cursor", "_rest")


@pytest.mark.parametrize("step", STEPS)
def test_no_step_that_fails_ends_the_show(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: str
) -> None:
    shown = Latest(GREY)
    opened = window(shown, desk=True)
    whole = getattr(opened, step)
    failed: list[str] = []

    def failing(*arguments: object) -> None:
        if len(failed) < 3:
            failed.append(step)
            raise ValueError(f"no {step} now")
        whole(*arguments)

    monkeypatch.setattr(opened, step, failing)
    pygame.event.post(pygame.Event(pygame.WINDOWEXPOSED))
    for _ in range(3):
        pygame.event.post(pygame.Event(pygame.MOUSEWHEEL))

    def went_on() -> bool:
        shown.put(GREY)
        return len(failed) == 3 and opened.presented > 1

    run_until(opened, went_on)
    assert f"no {step} now" in caplog.text
    assert not pygame.display.get_init()


def test_an_event_that_fails_takes_no_other_with_it() -> None:
    heard: list[WindowEvent] = []

    def post(event: WindowEvent) -> None:
        if isinstance(event, KeyPressed):
            raise TypeError("the keyboard is broken")
        heard.append(event)

    opened = Window(WindowOptions(), Latest(GREY), Latest(), post, Overlay)
    key = {"key": pygame.K_f, "unicode": "f", "mod": 0, "scancode": pygame.KSCAN_F}
    pygame.event.post(pygame.Event(pygame.KEYDOWN, key))
    pygame.event.post(pygame.Event(pygame.QUIT))
    run_until(opened, lambda: heard)
    assert heard == [CloseRequested()]


def test_what_cannot_be_closed_does_not_keep_the_rest_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = window(Latest(GREY))
    whole = Screen.close

    def failing(screen: Screen) -> None:
        whole(screen)
        raise pygame.error("gone already")

    monkeypatch.setattr(Screen, "close", failing)
    run_until_presented(opened)
    assert not pygame.display.get_init()


def test_a_picture_that_no_renderer_draws_leaves_the_window_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draws = []

    def refused(*_: object) -> None:
        draws.append(time.monotonic())
        raise pygame.error("texture dimensions are limited")

    opened = window(Latest(GREY))
    monkeypatch.setattr(opened._audience, "draw", refused)
    begun = time.monotonic()
    run_until(opened, lambda: len(draws) >= 4)
    # no renderer was made anew more often than the loop rests
    assert len(draws) <= (time.monotonic() - begun) / 0.05 + 2
