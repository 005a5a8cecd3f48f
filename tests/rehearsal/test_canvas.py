from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presets.rehearsal.canvas import DRAWN, SIDE, Buffers, Canvas, Colour, blend, dim, hsv

GROUND: Colour = (10, 20, 30)
PAINT: Colour = (200, 100, 50)

unit = st.floats(0, 1)
anywhere = st.floats(-3, 3)
colour = st.tuples(*[st.integers(0, 255)] * 3)


def canvas(light: float = -1.0) -> Canvas:
    made = Canvas(np.random.default_rng(1), light)
    made.background(GROUND)
    return made


def covered(scene: Buffers) -> float:
    """The share of the picture that is not background."""
    return float((scene.number > 0).mean())


@pytest.mark.parametrize(
    ("hue", "expected"),
    [(0, (255, 0, 0)), (1 / 3, (0, 255, 0)), (2 / 3, (0, 0, 255)), (-1 / 3, (0, 0, 255))],
)
def test_hues_go_round(hue: float, expected: Colour) -> None:
    assert hsv(hue, 1, 1) == expected
    assert hsv(hue + 1, 5, 5) == expected


@given(colour, colour, unit)
def test_blends_lie_between(one: Colour, other: Colour, share: float) -> None:
    between = blend(one, other, share)
    assert all(min(a, b) <= c <= max(a, b) for a, b, c in zip(one, other, between, strict=True))
    assert (blend(one, other, 0), blend(one, other, 1)) == (one, other)


@given(colour, st.floats(0, 10))
def test_dimmed_colours_stay_colours(one: Colour, by: float) -> None:
    assert all(0 <= part <= 255 for part in dim(one, by))
    assert dim(one, 1) == one


def test_a_rectangle_covers_its_area_with_its_colour() -> None:
    made = canvas()
    made.rectangle(0.25, 0.5, 0.5, 0.25, PAINT, depth=0.3, relief=0, glow=True)
    scene = made.finish()
    inside, outside = np.s_[140:180, 80:180], np.s_[20:110, 20:240]
    assert covered(scene) == pytest.approx(0.125, rel=0.02)
    np.testing.assert_allclose(scene.colour[inside] * 255, np.full((40, 100, 3), PAINT), atol=1e-3)
    np.testing.assert_allclose(scene.colour[outside][0, 0] * 255, GROUND, atol=1e-3)
    assert np.ptp(scene.depth[inside]) == 0
    assert scene.depth[inside][0, 0] == pytest.approx(0.3)
    assert scene.depth[outside].min() == 1
    assert scene.glow[inside].min() == 1
    assert scene.glow[outside].max() == 0
    assert scene.shade[inside].any() == 0
    # outlines are where one shape's number ends and another's begins, and nowhere else
    assert scene.edge[inside].max() == scene.edge[outside].max() == 0
    assert scene.edge[124:132, 100].max() > 0.4


@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_an_ellipse_has_an_ellipses_area(turn: float) -> None:
    made = canvas()
    made.ellipse(0.5, 0.5, 0.3, 0.2, PAINT, turn=turn)
    assert covered(made.finish()) == pytest.approx(np.pi * 0.3 * 0.2, rel=0.02)


def test_a_line_is_as_long_and_wide_as_said() -> None:
    even, tapered = canvas(), canvas()
    even.line([(0.2, 0.5), (0.8, 0.5)], 0.1, PAINT)
    tapered.line([(0.5, 0.2), (0.5, 0.8)], (0.1, 0.0), PAINT)
    assert covered(even.finish()) == pytest.approx(0.06, rel=0.05)
    assert covered(tapered.finish()) == pytest.approx(0.03, rel=0.08)


def test_light_falls_from_where_it_comes() -> None:
    made = canvas(light=0.0)  # from the right
    made.ellipse(0.5, 0.5, 0.4, 0.4, PAINT)
    shade = made.finish().shade
    assert shade[128, 200] > shade[128, 128] > shade[128, 56]
    assert shade[128 - 60, 128] == pytest.approx(shade[128 + 59, 128], abs=0.02)


def test_what_is_drawn_later_covers_what_was_drawn_before() -> None:
    made = canvas()
    made.rectangle(0, 0, 1, 1, PAINT, depth=0.1)
    made.rectangle(0, 0, 1, 1, (1, 2, 3), depth=0.9)
    scene = made.finish()
    np.testing.assert_allclose(scene.colour[100, 100] * 255, (1, 2, 3), atol=1e-3)
    assert set(np.unique(scene.number)) == {2}


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(anywhere, anywhere), min_size=3, max_size=8),
    st.sampled_from(["flat", "ball", "ground"]),
    st.booleans(),
)
def test_any_polygon_leaves_sound_buffers(
    points: list[tuple[float, float]], form: str, glow: bool
) -> None:
    made = canvas()
    made.polygon(points, PAINT, form=form, glow=glow, depth=0.5)
    scene = made.finish()
    drawn = scene.number > 0
    touched = covered(scene) > 0
    for buffer in (scene.colour, scene.shade, scene.depth, scene.glow, scene.edge):
        assert buffer.dtype == np.float32
        assert buffer.shape[:2] == (SIDE, SIDE)
        assert np.isfinite(buffer).all()
    assert scene.number.shape == (DRAWN, DRAWN)
    assert np.abs(scene.shade).max() < 2
    assert bool((scene.glow > 0).any()) == (glow and touched)
    assert bool((scene.depth < 1).any()) == touched
    if drawn.all():
        assert scene.edge.max() == 0


@given(st.tuples(st.floats(1.1, 3), st.floats(-3, 3)), st.floats(0.01, 0.5))
@settings(deadline=None, max_examples=20)
def test_what_stands_outside_leaves_no_trace(corner: tuple[float, float], size: float) -> None:
    made, empty = canvas(), canvas()
    made.rectangle(*corner, size, size, PAINT, glow=True)
    here, there = made.finish(), empty.finish()
    for name in Buffers.__slots__:
        np.testing.assert_array_equal(getattr(here, name), getattr(there, name))
