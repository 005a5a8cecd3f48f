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


def lines_of(monkeypatch: pytest.MonkeyPatch, text: str, width: int, most: int) -> list[str]:
    """What stands in each line."""
    face, drawn = Typeface(20), dict[int, str]()
    plain = face.text

    def noting(text: str, *args: object) -> pygame.Surface:
        surface = plain(text, *args)  # type: ignore[arg-type]
        drawn[id(surface)] = text
        return surface

    monkeypatch.setattr(face, "text", noting)
    lines = face.wrapped(text, width, most)
    assert all(line.width <= width for line in lines)
    return [drawn[id(line)] for line in lines]


def test_long_text_is_wrapped_and_cut_only_beyond_its_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = [f"word{number}" for number in range(20)]
    assert lines_of(monkeypatch, "short", 400, 3) == ["short"]
    whole = lines_of(monkeypatch, " ".join(words), 480, 3)
    assert len(whole) == 3
    assert " ".join(whole).split() == words, "nothing is lost, no word broken"
    cut = lines_of(monkeypatch, " ".join(words * 2), 480, 3)
    assert len(cut) == 3
    assert [line.endswith("…") for line in cut] == [False, False, True]
    path = "/a/long/path/" + "folder/" * 20
    broken = lines_of(monkeypatch, f"no {path}", 400, 9)
    assert "".join(broken).replace(" ", "") == f"no{path}"
    assert lines_of(monkeypatch, "", 400, 3) == [""]
    assert len(lines_of(monkeypatch, "wwww", 20, 3)) == 3


def test_any_text_can_be_rendered() -> None:
    face = Typeface(20)
    for text in ("", "a\0b", "two\nlines", "日本", "\udc80"):
        assert face.text(text).height > 5
        # on the board and in messages it is measured first
        for width in (5, 40, 1000):
            assert face.fitted(text * 9, width).height > 5
            assert len(face.wrapped(text * 9, width, 3)) <= 3
    assert face.text("same") is face.text("same")
    for number in range(600):
        face.text(str(number))
    assert len(face._texts) <= 256


def test_a_knob_and_learning_have_a_row_of_their_own() -> None:
    face = Typeface(20)
    plain = panels.board(PLAYING, 900, face)
    knob = panels.board(replace(PLAYING, strength=0, knob="paint/strength 0.31 < 0.50"), 900, face)
    learning = panels.board(replace(PLAYING, knob="x", learning="x: move a knob"), 900, face)
    assert plain.height < knob.height == learning.height
    assert has(over(knob), BLUE)
    assert has(over(learning), AMBER)


def test_a_scene_has_a_row_of_its_own() -> None:
    face = Typeface(20)
    plain = panels.board(PLAYING, 900, face)
    scene = panels.board(replace(PLAYING, scene="sunrise 40 %, then moonrise"), 900, face)
    assert plain.height < scene.height


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


def test_what_is_in_the_mix_shows_with_its_weight() -> None:
    face = Typeface(28)

    def words(*playing: tuple[str, float], width: int = 900) -> Array:
        return over(panels.board(replace(PLAYING, strength=0, playing=playing), width, face))

    none, anime = words(), words(("Anime", 0.8))
    assert not has(none, BLUE)
    assert has(anime, BLUE)
    assert (words(("Anime", 0.75)) != anime).any()
    assert (words(("Anime", 0.8), ("Ink", 0.2)) != anime).any()
    assert none.shape == anime.shape, "the board keeps its size"
    # of many, as many as there is room for, and how many more
    many = [(f"Style {number}", 0.5) for number in range(12)]
    assert (words(*many) != words(*many[:-1])).any()
    for width in (60, 200, 480):
        assert words(*many, width=width).shape[1] == width
        assert words(("A very long name of a preset", 0.5), width=width).shape[1] == width


def test_a_long_error_takes_up_to_three_lines() -> None:
    view = OverlayView(KEYS)

    def error(text: str) -> Placed:
        told = replace(PLAYING, error=text, error_at_s=100, notice="saved", notice_at_s=100)
        placed = {
            panel.slot: panel for panel in view.placed(told, AREA, 100, board=True, help=False)
        }
        board, error, notice = (placed[slot] for slot in ("board", "error", "notice"))
        assert error.surface.width <= 960
        assert error.top + error.surface.height <= board.top
        beside = notice.left >= error.left + error.surface.width
        assert beside or notice.top + notice.surface.height <= error.top
        return error

    one, two, three, more = (error("no mirror " * count) for count in (2, 15, 25, 90))
    height = one.surface.height
    assert height < two.surface.height < three.surface.height == more.surface.height


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
