"""The overlay's panels, drawn without a screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pygame
import pytest

from engine.layout import Area
from engine.overlay import Overlay
from engine.window import panels
from engine.window.placing import Placed
from engine.window.typeface import AMBER, BLUE, GREEN, RED, Color, Typeface, bar, plate
from engine.window.view import OverlayView
from tests.helpers.pictures import Array

PLAYING = Overlay(
    painter_state="painting",
    model="rehearsal",
    painted_fps=23.7,
    latency_ms=84.2,
    source="camera:0",
    prompt="oil painting of a sunrise over the crowd, thick brush strokes, warm light",
    strength=0.56,
    osc="127.0.0.1:9000",
)
AREA = Area(0, 0, 960, 960)
KEYS = (("f", "fullscreen"), ("up down", "strength"))


@pytest.fixture(autouse=True)
def fonts() -> Iterator[None]:
    pygame.font.init()
    yield
    pygame.font.quit()


def over(surface: pygame.Surface, background: Color = (0, 0, 0)) -> Array:
    """The panel as seen over a plain picture: (height, width, 3)."""
    canvas = pygame.Surface(surface.size)
    canvas.fill(background)
    canvas.blit(surface, (0, 0))
    return pygame.surfarray.array3d(canvas).swapaxes(0, 1)


def has(seen: Array, color: Color) -> bool:
    return bool((np.abs(seen.astype(int) - color).max(2) <= 12).any())


def test_text_is_cut_with_an_ellipsis_and_never_too_wide() -> None:
    face = Typeface(20)
    whole = face.text("a long prompt")
    assert face.fitted("a long prompt", 1000) is whole
    for width in (150, 80, 40, 15):
        assert face.fitted("a long prompt of many words", width).width <= max(width, 20)


def test_any_text_can_be_rendered() -> None:
    face = Typeface(20)
    for text in ("", "a\0b", "two\nlines", "日本", "\udc80"):
        assert face.text(text).height > 5
        # on the board and in messages it is measured first
        for width in (5, 40, 1000):
            assert face.fitted(text * 9, width).height > 5
    assert face.text("same") is face.text("same")
    for number in range(600):
        face.text(str(number))
    assert len(face._texts) <= 256


def test_plates_have_smooth_round_corners() -> None:
    seen = over(plate(60, 40, 12, (255, 255, 255, 255)))
    assert seen[0, 0, 0] < 30
    assert seen[20, 0, 0] == 255
    assert 0 < seen[3, 3, 0] < 255 or 0 < seen[4, 3, 0] < 255
    assert (over(plate(10, 10, 0, (9, 9, 9, 255))) == 9).all()


@pytest.mark.parametrize(("share", "filled"), [(-1, 0), (0, 0), (0.5, 50), (1, 100), (3, 100)])
def test_bars(share: float, filled: int) -> None:
    seen = over(bar(100, 6, share, BLUE))
    blue = np.abs(seen[3].astype(int) - BLUE).max(1) <= 12
    assert blue.sum() == pytest.approx(filled, abs=3)
    assert has(over(bar(100, 6, 0.02, BLUE)), BLUE)


@pytest.mark.parametrize("size", [(480, 480), (960, 960), (1920, 1080), (3840, 2160), (200, 120)])
def test_the_board_fits_any_window(size: tuple[int, int]) -> None:
    face = Typeface(panels.unit_for(*size))
    board = panels.board(PLAYING, size[0] - 20, face)
    assert board.width == size[0] - 20
    assert board.height < max(140, size[1] / 4)


def test_the_board_shows_state_and_progress_by_colour() -> None:
    face = Typeface(28)
    painting = over(panels.board(PLAYING, 900, face))
    assert has(painting, GREEN)
    assert has(painting, BLUE)
    loading = replace(
        PLAYING, painter_state="loading", painter_progress=0.4, painter_text="reading"
    )
    seen = over(panels.board(loading, 900, face))
    assert len(seen) > len(painting)
    assert has(seen, AMBER)
    assert has(over(panels.board(replace(loading, painter_state="failed"), 900, face)), RED)
    lost = replace(PLAYING, source_state="lost", painted_fps=3.0)
    assert (over(panels.board(lost, 900, face)) != painting).any()


def test_both_prompts_show_while_they_are_mixed() -> None:
    face = Typeface(28)
    one = over(panels.board(replace(PLAYING, prompt_b="neon city"), 900, face))
    two = over(panels.board(replace(PLAYING, prompt_b="neon city", prompt_mix=0.3), 900, face))
    assert not has(one, AMBER)
    assert has(two, AMBER)
    assert (over(panels.board(replace(PLAYING, prompt=""), 900, face)) != one).any()


def test_badges() -> None:
    face = Typeface(28)
    seen = over(panels.badges(Overlay(recording=True, frozen=True, blackout=True), face))
    assert has(seen, RED)
    assert has(seen, BLUE)
    assert has(seen, AMBER)
    assert not panels.flagged(PLAYING)


def slots(placed: tuple[Placed, ...]) -> list[str]:
    return [panel.slot for panel in placed]


def test_panels_come_when_they_are_needed_and_stay_inside() -> None:
    view = OverlayView(KEYS)
    overlay = replace(
        PLAYING, error="no camera 3", error_at_s=100, notice="saved", notice_at_s=100, frozen=True
    )
    assert slots(view.placed(overlay, AREA, 100, board=False, help=False)) == []
    assert slots(view.placed(overlay, AREA, 100, board=False, help=True)) == ["help"]
    placed = view.placed(overlay, AREA, 100, board=True, help=True)
    assert slots(placed) == ["board", "error", "notice", "badges", "help"]
    for panel in placed:
        assert panel.left >= 0
        assert panel.top >= 0
        assert panel.left + panel.surface.width <= 960
        assert panel.top + panel.surface.height <= 960
    assert slots(view.placed(overlay, AREA, 200, board=True, help=False)) == ["board", "badges"]
    # two long messages: one above the other
    long = replace(overlay, error="x" * 60, notice="y" * 60)
    _, error, notice, _ = view.placed(long, AREA, 100, board=True, help=False)
    assert notice.top + notice.surface.height <= error.top
    # a help larger than the room above the board lies over it
    tall = OverlayView(KEYS * 14)
    board, *_, help = tall.placed(PLAYING, AREA, 0, board=True, help=True)
    assert help.top + help.surface.height > board.top


def test_a_panel_is_drawn_again_only_when_it_looks_different() -> None:
    view = OverlayView(KEYS)

    def board(overlay: Overlay) -> pygame.Surface:
        return view.placed(overlay, AREA, 0, board=True, help=False)[0].surface

    first = board(PLAYING)
    assert board(replace(PLAYING, latency_ms=84.4, painted_fps=23.9, record_s=3)) is first
    assert board(replace(PLAYING, latency_ms=90)) is not first
    second = board(PLAYING)
    larger = view.placed(PLAYING, Area(0, 0, 1920, 1080), 0, board=True, help=False)[0].surface
    assert larger.height > second.height


def test_without_keys_there_is_no_help() -> None:
    assert OverlayView(()).placed(PLAYING, AREA, 0, board=False, help=True) == ()
