"""Events that no tool here can make: fingers, odd keyboards."""

from __future__ import annotations

from collections.abc import Iterator

import pygame
import pytest
from pygame._sdl2 import touch

from engine.events import CloseRequested, KeyPressed, Pointer, WindowEvent
from engine.window.translate import Translator, key_name


@pytest.fixture(autouse=True)
def dummy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.display.init()
    yield
    pygame.display.quit()


class Hand:
    """A translator over a window whose picture is its middle half."""

    def __init__(self) -> None:
        self.window = pygame.Window("", (400, 200))
        self.located: set[int] = set()
        self.blind = False
        self.translator = Translator(self._locate, lambda: self.window)

    def _locate(
        self, window: object, pointer: int, x: float, y: float, anywhere: bool
    ) -> tuple[float, float] | None:
        assert window is self.window
        self.located.add(pointer)
        if self.blind:
            return None
        if not anywhere and not 100 <= x < 300:
            return None
        return (x - 100) / 200, y / 200

    def events(self, kind: int, **values: object) -> list[WindowEvent]:
        return list(self.translator.events(pygame.Event(kind, values)))

    def finger(self, kind: int, x: float, y: float, finger: int = 70) -> list[WindowEvent]:
        values = {"touch_id": 5, "finger_id": finger, "x": x, "y": y, "dx": 0.0, "dy": 0.0}
        return self.events(kind, **values, pressure=-0.3)


@pytest.fixture
def hand() -> Hand:
    return Hand()


def test_fingers_draw_each_on_its_own(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    def finger(touch: int, index: int) -> dict[str, object]:
        assert touch == 5
        return {"id": (70, 71)[index], "x": 0.0, "y": 0.0, "pressure": (0.5, 0.0)[index]}

    monkeypatch.setattr(touch, "get_num_fingers", lambda _: 2)
    monkeypatch.setattr(touch, "get_finger", finger)
    assert hand.finger(pygame.FINGERDOWN, 0.5, 0.5) == [Pointer(1, 0.5, 0.5, True, 0.5)]
    assert hand.finger(pygame.FINGERDOWN, 0.25, 0.0, 71) == [Pointer(2, 0.0, 0.0, True, 1.0)]
    assert hand.finger(pygame.FINGERMOTION, 0.75, 0.5) == [Pointer(1, 1.0, 0.5, True, 0.5)]
    assert hand.finger(pygame.FINGERUP, 0.75, 0.5) == [Pointer(1, 1.0, 0.5, False, 0.5)]
    assert hand.finger(pygame.FINGERDOWN, 0.5, 0.5, 72) == [Pointer(1, 0.5, 0.5, True, 1.0)]
    assert hand.located == {1, 2}, "each finger is located by its own number"


def test_a_finger_whose_release_was_lost_begins_another_stroke(hand: Hand) -> None:
    assert hand.finger(pygame.FINGERDOWN, 0.5, 0.5) == [Pointer(1, 0.5, 0.5, True)]
    assert hand.finger(pygame.FINGERMOTION, 0.625, 0.5) == [Pointer(1, 0.75, 0.5, True)]
    assert hand.finger(pygame.FINGERDOWN, 0.375, 0.0) == [
        Pointer(1, 0.75, 0.5, False),
        Pointer(1, 0.25, 0.0, True),
    ]
    # also where the next one is beside the picture
    assert hand.finger(pygame.FINGERDOWN, 0.1, 0.0) == [Pointer(1, 0.25, 0.0, False)]
    assert hand.finger(pygame.FINGERMOTION, 0.5, 0.5) == []


def test_a_release_that_cannot_be_placed_is_where_the_pointer_was(hand: Hand) -> None:
    mouse = {"button": 1, "window": hand.window, "touch": False, "buttons": (1, 0, 0)}
    hand.events(pygame.MOUSEBUTTONDOWN, pos=(200, 100), **mouse)
    hand.finger(pygame.FINGERDOWN, 0.375, 0.5)
    hand.blind = True
    assert hand.events(pygame.MOUSEMOTION, pos=(220, 100), **mouse) == []
    assert hand.events(pygame.MOUSEBUTTONUP, pos=(220, 100), **mouse) == [
        Pointer(0, 0.5, 0.5, False)
    ]
    assert hand.finger(pygame.FINGERUP, 0.5, 0.5) == [Pointer(1, 0.25, 0.5, False)]


def test_a_stroke_is_not_dragged_onto_another_window(hand: Hand) -> None:
    other = pygame.Window("other", (100, 100))
    mouse = {"button": 1, "touch": False, "buttons": (1, 0, 0)}
    hand.events(pygame.MOUSEBUTTONDOWN, pos=(200, 100), window=hand.window, **mouse)
    assert hand.events(pygame.MOUSEMOTION, pos=(50, 50), window=other, **mouse) == []
    assert hand.events(pygame.MOUSEMOTION, pos=(300, 100), window=None, **mouse) == [
        Pointer(0, 1.0, 0.5, True)
    ]
    assert hand.events(pygame.MOUSEBUTTONUP, pos=(50, 50), window=other, **mouse) == [
        Pointer(0, 1.0, 0.5, False)
    ]
    other.destroy()


def test_a_mouse_whose_release_was_lost_draws_no_more(hand: Hand) -> None:
    mouse = {"button": 1, "window": hand.window, "touch": False}
    hand.events(pygame.MOUSEBUTTONDOWN, pos=(200, 100), **mouse)
    released = hand.events(pygame.MOUSEMOTION, pos=(280, 100), buttons=(0, 0, 0), **mouse)
    assert released == [Pointer(0, 0.5, 0.5, False)]
    assert hand.events(pygame.MOUSEMOTION, pos=(200, 100), buttons=(1, 0, 0), **mouse) == []
    hand.events(pygame.MOUSEBUTTONDOWN, pos=(200, 100), **mouse)
    # neither motion nor release came: the next press is another stroke
    assert hand.events(pygame.MOUSEBUTTONDOWN, pos=(220, 100), **mouse) == [
        Pointer(0, 0.5, 0.5, False),
        Pointer(0, 0.6, 0.5, True),
    ]


def test_a_finger_beside_the_picture_draws_nothing(hand: Hand) -> None:
    assert hand.finger(pygame.FINGERDOWN, 0.1, 0.5) == []
    assert hand.finger(pygame.FINGERMOTION, 0.5, 0.5) == []
    assert hand.finger(pygame.FINGERUP, 0.5, 0.5) == []


def test_the_pressure_of_an_unplugged_screen_is_full(hand: Hand) -> None:
    (event,) = hand.finger(pygame.FINGERDOWN, 0.5, 0.5)
    assert isinstance(event, Pointer)
    assert event.pressure == 1.0


def test_fingers_on_a_mac_are_on_its_trackpad(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert hand.finger(pygame.FINGERDOWN, 0.5, 0.5) == []


def test_a_mouse_made_from_touch_is_not_heard(hand: Hand) -> None:
    window = hand.window
    values = {"pos": (200, 100), "button": 1, "window": window}
    assert hand.events(pygame.MOUSEBUTTONDOWN, **values, touch=True) == []
    assert hand.events(pygame.MOUSEBUTTONDOWN, **values, touch=False) == [
        Pointer(0, 0.5, 0.5, True)
    ]
    # another button in mid-stroke changes nothing
    values["button"] = 3
    assert hand.events(pygame.MOUSEBUTTONUP, **values, touch=False) == []


def test_held_keys_are_forgotten_with_the_focus(hand: Hand) -> None:
    key = {"key": pygame.K_f, "unicode": "f", "mod": 0, "scancode": pygame.KSCAN_F}
    assert hand.events(pygame.KEYDOWN, **key) == [KeyPressed("f")]
    assert hand.events(pygame.KEYDOWN, **key) == [KeyPressed("f", repeat=True)]
    hand.events(pygame.WINDOWFOCUSLOST)
    assert hand.events(pygame.KEYDOWN, **key) == [KeyPressed("f")]
    hand.events(pygame.KEYUP, **key)
    assert hand.events(pygame.KEYDOWN, **key) == [KeyPressed("f")]


def test_a_shift_is_told(hand: Hand) -> None:
    key = {"key": pygame.K_p, "unicode": "P", "scancode": pygame.KSCAN_P}
    assert hand.events(pygame.KEYDOWN, **key, mod=pygame.KMOD_RSHIFT) == [
        KeyPressed("p", shift=True)
    ]
    arrow = {"key": pygame.K_LEFT, "unicode": "", "scancode": pygame.KSCAN_LEFT}
    assert hand.events(pygame.KEYDOWN, **arrow, mod=pygame.KMOD_LSHIFT) == [
        KeyPressed("left", shift=True)
    ]
    # typed with caps lock it is no other key
    locked = key | {"scancode": pygame.KSCAN_Q}
    assert hand.events(pygame.KEYDOWN, **locked, mod=pygame.KMOD_CAPS) == [KeyPressed("p")]


def test_closing(hand: Hand) -> None:
    assert hand.events(pygame.QUIT) == [CloseRequested()]
    assert hand.events(pygame.WINDOWCLOSE) == [CloseRequested()]
    assert hand.events(pygame.MOUSEWHEEL) == []


@pytest.mark.parametrize(
    ("key", "typed", "modifiers", "scancode", "name"),
    [
        (pygame.K_f, "F", pygame.KMOD_SHIFT, pygame.KSCAN_F, "f"),
        (pygame.K_SPACE, " ", 0, 0, "space"),
        (pygame.K_TAB, "\t", 0, 0, "tab"),
        (pygame.K_KP_ENTER, "\r", 0, 0, "return"),
        (pygame.K_KP1, "1", 0, 0, "1"),
        (pygame.K_KP1, "", 0, 0, "1"),
        (pygame.K_SLASH, "?", pygame.KMOD_SHIFT, 0, "?"),
        (pygame.K_SLASH, "", pygame.KMOD_SHIFT, 0, "?"),
        (pygame.K_MINUS, "?", pygame.KMOD_SHIFT, 0, "?"),  # German
        (pygame.K_AMPERSAND, "&", 0, pygame.KSCAN_1, "1"),  # French
        (0, "é", 0, 0, "é"),
        (pygame.K_q, "\x11", pygame.KMOD_CTRL, 0, ""),
        (pygame.K_q, "q", pygame.KMOD_META, 0, ""),
        (pygame.K_LSHIFT, "", pygame.KMOD_SHIFT, 0, ""),
        (pygame.K_q, "@", pygame.KMOD_CTRL | pygame.KMOD_ALT, 0, "@"),  # AltGr on Windows
    ],
)
def test_plain_names(key: int, typed: str, modifiers: int, scancode: int, name: str) -> None:
    assert key_name(key, typed, modifiers, scancode) == name
