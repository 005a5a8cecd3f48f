"""Scenes that are drawings: strokes on even ground, and painted as such."""

from __future__ import annotations

import numpy as np
import pytest

from presets.rehearsal.canvas import DRAWN, SIDE
from presets.rehearsal.drawing import as_drawing
from presets.rehearsal.scene import draw, paint, spec_of
from presets.rehearsal.styles import BASE_STYLES

DRAWINGS = [number for number in range(400) if spec_of(number).drawn]
STYLE = {style.name: style for style in BASE_STYLES}


def test_some_twins_are_drawings_and_differ_in_what_is_drawn() -> None:
    assert len(DRAWINGS) / 400 == pytest.approx(0.12, abs=0.05)
    for number in DRAWINGS[::2]:
        one, other = spec_of(number), spec_of(number + 1)
        assert one.drawn
        assert other.drawn
        assert one.subject != other.subject
        assert one.seed == other.seed


def test_nothing_is_said_that_a_drawing_does_not_show() -> None:
    for number in DRAWINGS[:20]:
        scene = draw(spec_of(number))
        assert scene.words == ()
        assert (scene.spec.mood, scene.spec.material) == ("", "")
        assert not scene.spec.look.night


@pytest.mark.parametrize("number", DRAWINGS[:12])
def test_a_drawing_is_strokes_on_even_ground(number: int) -> None:
    scene = draw(spec_of(number)).buffers
    assert scene.colour.shape == (SIDE, SIDE, 3)
    assert scene.number.shape == (DRAWN, DRAWN)
    assert 0 <= scene.colour.min() <= scene.colour.max() <= 1
    assert not scene.shade.any()
    ground = scene.number == 0
    assert 0.1 < ground.mean() < 0.99
    assert 0.002 < (scene.number == 1).mean() < 0.5
    # between the strokes the ground is of one colour
    inside = ground.reshape(SIDE, 2, SIDE, 2).all((1, 3))
    assert np.ptp(scene.colour[inside], 0).max() < 1e-5


def test_white_paper_stays_white_paper() -> None:
    seen = {"paper": 0, "slate": 0}
    for number in DRAWINGS[::2]:
        scene = draw(spec_of(number))
        inside = (scene.buffers.number == 0).reshape(SIDE, 2, SIDE, 2).all((1, 3))
        inside[:40] = inside[-40:] = inside[:, :40] = inside[:, -40:] = False
        if not inside.any():
            continue
        ground = float(scene.buffers.colour[inside].mean())
        if ground > 0.9:
            seen["paper"] += 1
            for name in ("flat", "photo", "oil", "anime", "ink", "watercolour"):
                assert paint(scene, STYLE[name])[inside].mean() > 130, (number, name)
        if ground < 0.1:
            seen["slate"] += 1
            for name in ("flat", "photo", "oil", "anime"):
                assert paint(scene, STYLE[name])[inside].mean() < 90, (number, name)
    assert min(seen.values()) > 2, seen


def test_the_same_chance_draws_the_same() -> None:
    scene = draw(next(spec for spec in map(spec_of, range(9)) if not spec.drawn)).buffers
    one, same, other = (as_drawing(scene, np.random.default_rng(seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.colour, same.colour)
    assert np.abs(one.colour - other.colour).mean() > 0.01
