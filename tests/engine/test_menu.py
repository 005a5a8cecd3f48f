from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.menu import Cursor, Menu, MenuRow, first_shown

IDS = st.lists(st.sampled_from("abcdefgh"), unique=True)


def test_a_group_is_named_before_its_rows() -> None:
    lcm, anime, ink = (MenuRow(id, id, group) for id, group in (("l", "A"), ("a", "S"), ("i", "S")))
    assert Menu(rows=(lcm, anime, ink)).lines == ("A", lcm, "S", anime, ink)
    assert Menu().lines == ()


@given(st.lists(st.tuples(IDS, st.integers(-3, 3)), max_size=12))
def test_a_cursor_is_never_out_of_range_and_follows_its_id(
    script: list[tuple[list[str], int]],
) -> None:
    cursor = Cursor()
    for ids, by in script:
        now = cursor.among(ids)
        if cursor.id in ids:
            assert now.id == cursor.id
        assert now.id == (ids[now.place] if ids else "")
        moved = cursor.moved(by, ids)
        assert moved == Cursor() if not ids else ids[moved.place] == moved.id
        assert abs(moved.place - now.place) <= abs(by)
        if ids and 0 <= now.place + by < len(ids):
            assert moved.place == now.place + by
        cursor = moved


def test_what_has_gone_leaves_its_place_to_the_next() -> None:
    assert Cursor("b", 1).among(["a", "c", "d"]) == Cursor("c", 1)
    assert Cursor("d", 3).among(["a"]) == Cursor("a", 0)


@given(st.integers(1, 60), st.integers(0, 59), st.integers(1, 30))
def test_the_selected_line_always_shows(count: int, selected: int, room: int) -> None:
    selected = min(selected, count - 1)
    first = first_shown(count, selected, room)
    assert 0 <= first <= selected < first + room
    assert first + min(room, count) <= count  # no room is left empty below
