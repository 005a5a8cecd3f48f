from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.grading import turned
from engine.layout import Area, letterboxed, paired, shared, unturned

SIDE = st.integers(1, 4000)


def test_letterboxes() -> None:
    assert letterboxed(Area(0, 0, 1920, 1080), 512, 512) == Area(420, 0, 1080, 1080)
    assert letterboxed(Area(0, 0, 600, 1000), 512, 256) == Area(0, 350, 600, 300)
    assert letterboxed(Area(10, 20, 100, 100), 8, 8) == Area(10, 20, 100, 100)
    assert letterboxed(Area(10, 20, 0, 100), 8, 8).width == 0
    assert letterboxed(Area(10, 20, 30, 100), 0, 8).width == 0


@given(SIDE, SIDE, SIDE, SIDE)
def test_a_letterboxed_picture_fills_its_area_one_way_and_stays_inside(
    width: int, height: int, own_width: int, own_height: int
) -> None:
    area = Area(7, 9, width, height)
    inner = letterboxed(area, own_width, own_height)
    assert inner.width == width or inner.height == height
    assert 7 <= inner.left <= inner.left + inner.width <= 7 + width
    assert 9 <= inner.top <= inner.top + inner.height <= 9 + height
    assert abs(
        inner.width * own_height - inner.height * own_width
    ) <= own_width + own_height + 1 or (1 in (inner.width, inner.height))


def test_points_in_an_area() -> None:
    area = Area(100, 50, 200, 100)
    assert area.holds(100, 50)
    assert not area.holds(300, 50)
    assert area.share(200, 75) == (0.5, 0.25)
    assert area.share(0, 500) == (0.0, 1.0)


@pytest.mark.parametrize("flip", ["none", "horizontal", "vertical", "both"])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_point_of_the_shown_picture_is_found_on_the_picture_before(
    flip: str, rotate: int
) -> None:
    picture = np.zeros((30, 50, 3), np.uint8)
    picture[6, 41] = 255
    shown = turned(picture, flip, rotate)
    row, column = np.argwhere(shown[..., 0])[0]
    height, width = shown.shape[:2]
    x, y = unturned((column + 0.5) / width, (row + 0.5) / height, flip, rotate)
    assert (x * 50, y * 30) == pytest.approx((41.5, 6.5))


RATIOS = st.sampled_from([0.4, 0.5625, 1.0, 1.5, 16 / 9, 3.0])
ROOMS = st.builds(Area, st.just(7), st.just(9), st.integers(0, 3000), st.integers(0, 3000))


def inside(area: Area, room: Area) -> bool:
    return (
        area.width >= 0
        and area.height >= 0
        and room.left <= area.left
        and area.left + area.width <= room.left + room.width
        and room.top <= area.top
        and area.top + area.height <= room.top + room.height
    )


def apart(one: Area, other: Area) -> bool:
    return one.left + one.width <= other.left or one.top + one.height <= other.top


@given(ROOMS, RATIOS)
def test_a_pair_of_pictures_is_as_large_as_it_can_be(room: Area, ratio: float) -> None:
    first, second = paired(room, ratio, 0, 0)
    assert (first.width, first.height) == (second.width, second.height)
    assert inside(first, room)
    assert inside(second, room)
    assert apart(first, second)
    shown = letterboxed(first, round(ratio * 1000), 1000)
    for places in ((room.width // 2, room.height), (room.width, room.height // 2)):
        other = letterboxed(Area(0, 0, *places), round(ratio * 1000), 1000)
        assert shown.width >= other.width - 2


@given(ROOMS.filter(lambda room: min(room.width, room.height) >= 100), RATIOS)
def test_a_list_takes_nothing_from_pictures_beside_it(room: Area, ratio: float) -> None:
    pictures, rest = shared(room, ratio, 10, 20)
    assert inside(pictures, room)
    assert inside(rest, room)
    assert apart(pictures, rest)
    assert rest.width * rest.height >= 0.5 * room.width * room.height
    if min(room.width, room.height) >= 400:
        first, _ = paired(pictures, ratio, 10, 20)
        shown = letterboxed(Area(0, 0, first.width, first.height - 20), round(ratio * 1000), 1000)
        assert max(shown.width, shown.height) >= 100, "and they can be read"
