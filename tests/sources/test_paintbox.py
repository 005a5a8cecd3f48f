from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.latest import Picture
from engine.sources.paintbox import Sprite, disc, line, polygon

WHITE = np.array((255, 255, 255), np.float32)
LIGHT = np.ones(3, np.float32)
places = st.floats(-80, 160)


def black(w: int = 80, h: int = 60) -> Picture:
    return np.zeros((h, w, 3), np.uint8)


def area(picture: Picture) -> float:
    return float(picture[..., 0].sum() / 255)


@pytest.mark.parametrize("radius", [2.0, 3.3, 12.0, 25.0])
def test_a_disc_covers_its_area(radius: float) -> None:
    out = black()
    disc(out, 40.3, 30.7, radius, WHITE)
    assert area(out) == pytest.approx(math.pi * radius**2, rel=0.03)


def test_a_line_covers_its_area_whichever_way_it_runs() -> None:
    for end in ((70.0, 30.0), (40.0, 8.0), (62.0, 50.0)):
        out = black()
        line(out, (30.0, 30.0, 4.0), (*end, 4.0), WHITE)
        length = math.hypot(end[0] - 30, end[1] - 30)
        assert area(out) == pytest.approx(8 * length + math.pi * 16, rel=0.03)


def test_a_polygon_covers_its_area_whichever_way_its_points_run() -> None:
    corners = [(10.2, 12.0), (60.0, 15.5), (50.0, 48.0), (18.0, 40.0)]
    inside = 0.5 * abs(
        sum(
            a[0] * b[1] - b[0] * a[1]
            for a, b in zip(corners, corners[1:] + corners[:1], strict=True)
        )
    )
    for points in (corners, corners[::-1]):
        out = black()
        polygon(out, points, WHITE)
        assert area(out) == pytest.approx(inside, rel=0.02)


@settings(max_examples=80, deadline=None)
@given(places, places, places, places, st.floats(0, 60), st.floats(0, 60))
def test_a_line_anywhere_stays_in_its_bounds(
    x0: float, y0: float, x1: float, y1: float, r0: float, r1: float
) -> None:
    out = black()
    line(out, (x0, y0, r0), (x1, y1, r1), WHITE)
    rows, columns = np.nonzero(out[..., 0])
    reach = 1.0
    for found, low, high in (
        (columns, min(x0 - r0, x1 - r1), max(x0 + r0, x1 + r1)),
        (rows, min(y0 - r0, y1 - r1), max(y0 + r0, y1 + r1)),
    ):
        if len(found):
            assert found.min() + 0.5 >= low - reach
            assert found.max() + 0.5 <= high + reach


def test_shapes_off_the_picture_change_nothing() -> None:
    out = black()
    assert line(out, (-50, -50, 5), (-40, -90, 5), WHITE) == 0
    polygon(out, [(200, 10), (220, 10), (210, 30)], WHITE)
    Sprite(np.ones((4, 4)), np.full((4, 4, 3), 255.0)).draw(out, 300, 0, LIGHT)
    assert not out.any()


def test_a_sprite_lies_between_pixels_and_over_edges() -> None:
    sprite = Sprite(np.ones((4, 4)), np.full((4, 4, 3), 255.0))
    out = black()
    sprite.draw(out, 10.25, 20.5, LIGHT)
    covered = np.outer((0, 0.5, 1, 1, 1, 0.5, 0), (0, 0.75, 1, 1, 1, 0.25, 0))
    assert out[19:26, 9:16, 0] == pytest.approx(255 * covered, abs=2)
    assert area(out) == pytest.approx(16, abs=0.2), "and nothing elsewhere"
    for x, y in ((-2.25, -2.5), (78.5, 57.75), (-10, 5), (5, 200)):
        out, wide = black(), black(100, 80)
        sprite.draw(out, x, y, LIGHT)
        sprite.draw(wide, x + 10, y + 10, LIGHT)
        assert (out == wide[10:70, 10:90]).all(), "an edge only cuts"
    dim = black()
    sprite.draw(dim, 10, 10, np.array((1.0, 0.5, 0.0), np.float32))
    assert dim[12, 12].tolist() == [255, 127, 0]
