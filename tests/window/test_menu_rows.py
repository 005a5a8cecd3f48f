"""The menu's lines, drawn without a screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pygame
import pytest

from engine.layout import Area
from engine.menu import MenuRow
from engine.window.menu_rows import VIOLET, Columns, columns, row_line, weight_bar
from engine.window.menu_view import MenuView
from engine.window.typeface import AMBER, BLUE, GREEN, RED, WHITE, Color, Typeface
from engine.window.view import OverlayView
from tests.helpers.pictures import Array
from tests.window.menu_picture import MENU, PLAYING, ROWS
from tests.window.test_panels import has, over

FACE_UNIT = 20
ACTIVE = next(row for row in ROWS if row.id == "anime")
COMING = next(row for row in ROWS if row.id == "pixel-art")
FAILED = next(row for row in ROWS if row.id == "watercolor")
MISFIT = next(row for row in ROWS if row.id == "oil-painting")
FULL_HD = Area(0, 0, 1920, 1080)


@pytest.fixture(autouse=True)
def fonts() -> Iterator[None]:
    pygame.font.init()
    yield
    pygame.font.quit()


def drawn(row: MenuRow, selected: bool = False, question: str = "") -> tuple[Array, Columns]:
    at = columns(900, FACE_UNIT)
    line = row_line(row, at, Typeface(FACE_UNIT), selected=selected, question=question)
    return over(line), at


def share_of(seen: Array, color: Color, place: tuple[int, int]) -> float:
    """How much of the middle of a bar at `place` has this colour."""
    left, right = place
    row = seen[len(seen) // 2, left:right].astype(int)
    return float((np.abs(row - color).max(1) <= 12).mean())


@pytest.mark.parametrize("weight", [0.0, 0.1, 0.5, 0.8, 1.0])
def test_a_weight_fills_its_share_of_the_bar(weight: float) -> None:
    seen, at = drawn(replace(ACTIVE, weight=weight))
    assert share_of(seen, BLUE, at.level) == pytest.approx(weight, abs=0.06)


@pytest.mark.parametrize("progress", [0.0, 0.42, 0.99])
def test_progress_fills_its_share_of_the_bar(progress: float) -> None:
    seen, at = drawn(replace(COMING, progress=progress))
    assert share_of(seen, AMBER, at.level) == pytest.approx(progress, abs=0.06)


@pytest.mark.parametrize(
    ("weight", "blue", "violet", "white"),
    [(1.5, 0.5, 0, 0.5), (2, 0, 0, 1), (-0.4, 0, 0.4, 0), (-1.25, 0, 0.75, 0.25)],
)
def test_weights_beyond_the_track_run_over_it(
    weight: float, blue: float, violet: float, white: float
) -> None:
    seen = over(weight_bar(200, 8, weight))
    shares = [share_of(seen, color, (0, 200)) for color in (BLUE, VIOLET, WHITE)]
    assert shares == pytest.approx([blue, violet, white], abs=0.06)
    if -1 < weight < 0:  # from the right
        assert not share_of(seen, VIOLET, (0, 40))


def test_states_have_their_colours() -> None:
    for row, color in ((ACTIVE, GREEN), (COMING, AMBER), (FAILED, RED)):
        assert has(drawn(row)[0], color)
    assert not has(drawn(FAILED)[0], GREEN)


def test_what_does_not_fit_is_dimmed() -> None:
    seen, at = drawn(MISFIT)
    assert seen.max() < 150
    assert seen[:, at.state[0] : at.width].any()  # and says why
    assert drawn(replace(MISFIT, fits=True, note=""))[0].max() > 150


def test_how_much_has_arrived_is_told_where_there_is_room() -> None:
    wide, _ = drawn(COMING)
    assert (drawn(replace(COMING, received_mb=80.1))[0] != wide).any()
    line = row_line(COMING, columns(560, FACE_UNIT), Typeface(FACE_UNIT), selected=False)
    later = replace(COMING, received_mb=80.1)
    same = row_line(later, columns(560, FACE_UNIT), Typeface(FACE_UNIT), selected=False)
    assert (over(line) == over(same)).all(), "what is needed least is left out first"


def test_what_is_selected_is_told_in_full_below() -> None:
    def foot(about: str, detail: str) -> pygame.Surface:
        menu = replace(MENU, about=about, detail=detail)
        placed = MenuView().placed(menu, Area(0, 0, 960, 900), 20)
        return next(panel.surface for panel in placed if panel.slot == "menu foot")

    usual = foot("Anime: clear lines", "anime: active")
    assert foot("", "anime: active").height == usual.height, "rows stay where they are"
    trouble = "anime: " + "no mirror gives it; " * 12
    longer = foot("Anime: clear lines", trouble)
    assert longer.height > usual.height
    assert foot("Anime: clear lines", trouble * 3).height == longer.height
    assert (over(foot("", trouble * 3)) == over(foot("Anime: clear", trouble * 3))).all()


def test_a_question_stands_in_place_of_the_row() -> None:
    plain, at = drawn(FAILED, selected=True)
    asking, _ = drawn(FAILED, selected=True, question="delete watercolor?")
    red = asking[3, at.width // 2].astype(int)
    assert red[0] > red[1] + 40
    assert (plain != asking).mean() > 0.5
    assert not has(asking, RED)


@pytest.mark.parametrize("width", [0, 1, 40, 100, 200, 300, 450, 700, 900, 1400])
def test_columns_stand_in_their_order_and_inside(width: int) -> None:
    at = columns(width, FACE_UNIT)
    places = [at.name, at.size, at.state, at.level, at.figure]
    ends = [end for place in places if place[1] > place[0] for end in place]
    assert ends == sorted(ends)
    assert all(end <= max(width, at.name[0]) for end in ends)
    for row in ROWS:
        line = row_line(row, at, Typeface(FACE_UNIT), selected=True, question="")
        assert line.width == width


def test_what_is_needed_least_goes_first() -> None:
    def there(width: int) -> list[str]:
        at = columns(width, FACE_UNIT)
        places = {"size": at.size, "level": at.level, "state": at.state, "figure": at.figure}
        return [name for name, (left, right) in places.items() if right > left]

    assert there(900) == ["size", "level", "state", "figure"]
    assert there(560) == ["level", "state", "figure"]
    assert there(400) == ["state", "figure"]
    assert there(240) == ["figure"]


@pytest.mark.parametrize(
    "size", [(960, 960), (960, 600), (480, 480), (1920, 1080), (3840, 2160), (300, 900)]
)
def test_the_menu_stays_inside_any_window_and_the_selected_row_shows(
    size: tuple[int, int],
) -> None:
    rows = tuple(replace(ROWS[1], id=f"r{n}") for n in range(80))
    for selected in ("r0", "r17", "r79"):
        overlay = replace(PLAYING, menu=replace(MENU, rows=rows, selected=selected))
        view = OverlayView(())
        placed = view.placed(overlay, Area(0, 0, *size), 0, board=True, help=False, menu=True)
        slots = [panel.slot for panel in placed]
        assert f"menu row {selected}" in slots
        assert slots.index("board") < slots.index("menu")
        assert {"menu", "menu head", "menu thumb", "menu foot"} <= set(slots)
        for panel in placed:
            assert panel.left >= 0
            assert panel.top >= 0
            assert panel.left + panel.surface.width <= size[0]
            assert panel.top + panel.surface.height <= size[1]
        board = next(panel for panel in placed if panel.slot == "board")
        menu = next(panel for panel in placed if panel.slot == "menu")
        assert menu.top + menu.surface.height <= board.top


@pytest.mark.parametrize("size", [(1, 1), (40, 30), (120, 500), (500, 60)])
def test_a_window_too_small_for_anything_is_no_trouble(size: tuple[int, int]) -> None:
    for menu in (MENU, replace(MENU, rows=(), selected="")):
        view = MenuView()
        assert view.placed(menu, Area(0, 0, *size), 15)


def test_only_what_changed_is_drawn_again() -> None:
    view = MenuView()

    def surfaces(**changes: object) -> dict[str, pygame.Surface]:
        menu = replace(MENU, **changes)  # type: ignore[arg-type]
        return {panel.slot: panel.surface for panel in view.placed(menu, FULL_HD, 30)}

    first = surfaces()
    assert all(surfaces()[slot] is surface for slot, surface in first.items())
    riding = tuple(replace(row, weight=0.85) if row.id == "anime" else row for row in ROWS)
    second = surfaces(rows=riding)
    assert [slot for slot in first if second[slot] is not first[slot]] == ["menu row anime"]
    third = surfaces(rows=riding, selected="chalk", detail="chalk")
    changed = [slot for slot in first if third[slot] is not second[slot]]
    assert changed == ["menu row pixel-art", "menu row chalk", "menu foot"]


def test_the_menu_shows_only_where_it_is_asked_for() -> None:
    view = OverlayView(())
    for menu, overlay in ((False, PLAYING), (True, replace(PLAYING, menu=None))):
        placed = view.placed(overlay, FULL_HD, 0, board=False, help=False, menu=menu)
        assert placed == ()


def test_messages_come_with_the_menu_but_not_to_the_audience() -> None:
    view = OverlayView(())
    told = replace(PLAYING, error="no room", error_at_s=100)

    def slots(everywhere: bool) -> set[str]:
        overlay = replace(told, menu=replace(MENU, everywhere=everywhere))
        placed = view.placed(overlay, FULL_HD, 100, board=False, help=False, menu=True)
        return {panel.slot for panel in placed}

    assert "error" in slots(everywhere=False)
    assert "error" not in slots(everywhere=True)


def test_where_there_is_no_room_above_the_board_it_lies_over_it() -> None:
    view = OverlayView(())
    placed = view.placed(PLAYING, Area(0, 0, 320, 220), 0, board=True, help=False, menu=True)
    board, menu = (next(p for p in placed if p.slot == slot) for slot in ("board", "menu"))
    assert menu.top + menu.surface.height > board.top
    assert menu.top >= 0
