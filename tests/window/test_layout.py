from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.grading import turned
from engine.layout import Area, letterboxed, unturned

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
