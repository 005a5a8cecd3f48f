"""The operator's desk, drawn on a screen that only notes what goes where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np
import pygame
import pytest

from engine.latest import Frame, Picture
from engine.layout import Area
from engine.overlay import Overlay
from engine.window.screen import Screen
from engine.window.stages import Desk
from tests.window.menu_picture import MENU, PLAYING

LONG = "no mirror gives it: " + "Hugging Face cannot be found; " * 12


@pytest.fixture(autouse=True)
def fonts() -> Iterator[None]:
    pygame.font.init()
    yield
    pygame.font.quit()


class Noting:
    """A screen of so many pixels; where its pictures and panels were put."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels = Area(0, 0, width, height)
        self.places: dict[str, Area] = {}

    def clear(self, *_: object) -> None:
        self.places.clear()

    def picture(self, slot: str, _: Picture, area: Area) -> None:
        self.places[slot] = area

    def panel(self, slot: str, surface: pygame.Surface, left: int, top: int) -> None:
        # pictures and their titles have names in common
        self.places.setdefault(slot, Area(left, top, surface.width, surface.height))

    def present(self) -> None: ...


def seen(
    screen: Noting, desk: Desk, overlay: Overlay, picture: tuple[int, int] = (64, 64)
) -> dict[str, Area]:
    """Where everything is, once it has found its place."""
    frame = Frame(np.zeros((picture[1], picture[0], 3), np.uint8), 1, 0)
    for _ in range(2):  # the pictures' shape is known when they have been drawn
        desk.arrange(overlay, 100, board=True, help=False, menu=overlay.menu is not None)
        desk.draw(frame, frame)
    return screen.places


def on(width: int, height: int) -> tuple[Noting, Desk]:
    screen = Noting(width, height)
    return screen, Desk(cast(Screen, screen), ())


def apart(one: Area, other: Area) -> bool:
    return (
        one.left + one.width <= other.left
        or other.left + other.width <= one.left
        or one.top + one.height <= other.top
        or other.top + other.height <= one.top
    )


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (800, 600), (700, 1000)])
@pytest.mark.parametrize("picture", [(64, 64), (128, 72), (72, 128)])
@pytest.mark.parametrize("error", ["", LONG])
def test_the_open_menu_covers_neither_picture_and_no_message_covers_the_menu(
    size: tuple[int, int], picture: tuple[int, int], error: str
) -> None:
    screen, desk = on(*size)
    told = replace(PLAYING, error=error, error_at_s=100, recording=True)
    places = seen(screen, desk, told, picture)
    for slot in ("input", "output", "board", "badges"):
        assert apart(places["menu"], places[slot]), slot
    if error:
        assert apart(places["menu"], places["error"])
        assert apart(places["input"], places["error"])
    for slot in ("input", "output"):
        assert max(places[slot].width, places[slot].height) >= min(size) / 4, "readable"
        assert places[slot].width * picture[1] == pytest.approx(
            places[slot].height * picture[0], rel=0.03
        )


def test_without_the_menu_the_pictures_have_all_the_room_again() -> None:
    screen, desk = on(1280, 800)
    closed = replace(PLAYING, menu=None)
    before = dict(seen(screen, desk, closed))
    assert seen(screen, desk, PLAYING)["input"].width < before["input"].width / 2
    assert dict(seen(screen, desk, closed)) == before
    assert desk.arrange(replace(PLAYING, menu=MENU), 100, board=True, help=False, menu=True)


def test_a_stroke_lands_where_the_pictures_are_beside_the_menu() -> None:
    screen, desk = on(1280, 800)
    place = seen(screen, desk, PLAYING)["input"]
    middle = (place.left + place.width / 2, place.top + place.height / 2)
    found = desk.locate(0, *middle, PLAYING, anywhere=False)
    assert found == pytest.approx((0.5, 0.5))
