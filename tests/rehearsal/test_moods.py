from __future__ import annotations

import numpy as np
import pytest

from presets.rehearsal.canvas import Buffers
from presets.rehearsal.moods import MATERIALS, MOODS, apply, fog
from presets.rehearsal.scene import Spec, draw
from presets.rehearsal.subjects.common import Look

# from near to far and of many colours
SCENES = [draw(Spec(seed, seed, Look("day", "clear"), "", "")).buffers for seed in (0, 8, 15)]
GEOMETRY = ("depth", "glow", "edge", "number")


def same(one: Buffers, other: Buffers, names: tuple[str, ...]) -> None:
    for name in names:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("name", MOODS)
def test_a_mood_changes_the_colours_and_nothing_else(name: str) -> None:
    for scene in SCENES:
        changed = apply(name, MOODS, scene)
        same(scene, changed, (*GEOMETRY, "shade"))
        assert changed.colour.dtype == np.float32
        assert 0 <= changed.colour.min() <= changed.colour.max() <= 1
        assert np.abs(changed.colour - scene.colour).mean() > 0.015


def test_moods_differ_from_one_another() -> None:
    scene = SCENES[0]
    moods = {name: apply(name, MOODS, scene).colour for name in MOODS}
    near = [
        (one, other)
        for one in moods
        for other in moods
        if one < other and np.abs(moods[one] - moods[other]).mean() < 0.02
    ]
    assert not near


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("warm", (0, 2)), ("cold", (2, 0)), ("red", (0, 1)), ("red", (0, 2)), ("green", (1, 0)),
        ("green", (1, 2)), ("blue", (2, 0)), ("blue", (2, 1)), ("yellow", (1, 2)),
        ("cyan", (2, 0)), ("purple", (2, 1)), ("pink", (0, 1)), ("orange", (1, 2)),
    ],
)  # fmt: skip
def test_a_mood_moves_the_colours_where_its_name_says(name: str, order: tuple[int, int]) -> None:
    more, less = order
    for scene in SCENES:
        before, after = scene.colour.mean((0, 1)), apply(name, MOODS, scene).colour.mean((0, 1))
        assert after[more] - after[less] > before[more] - before[less]


def test_light_and_dark_are_what_they_say() -> None:
    for scene in SCENES:
        mean = {name: apply(name, MOODS, scene).colour.mean() for name in ("dark", "bright")}
        assert mean["dark"] < scene.colour.mean() < mean["bright"]
        grey = apply("monochrome", MOODS, scene).colour
        assert np.ptp(grey, axis=2).max() == 0
        spot = apply("spotlight", MOODS, scene).colour
        assert (spot[:20, :20] <= scene.colour[:20, :20]).all()


@pytest.mark.parametrize("name", MATERIALS)
def test_a_material_changes_what_is_near(name: str) -> None:
    for scene in SCENES:
        changed = apply(name, MATERIALS, scene)
        same(scene, changed, GEOMETRY)
        far, near = scene.depth >= 0.72, scene.depth < 0.6
        assert far.any()
        assert near.any()
        np.testing.assert_array_equal(changed.colour[far], scene.colour[far])
        assert np.abs(changed.colour - scene.colour)[near].mean() > 0.03
        assert np.isfinite(changed.shade).all()
        assert 0 <= changed.colour.min() <= changed.colour.max() <= 1


@pytest.mark.parametrize("night", [False, True])
def test_fog_takes_what_is_far(night: bool) -> None:
    for scene in SCENES:
        foggy = fog(scene, night)
        air = np.array([0.2, 0.22, 0.3] if night else [0.82, 0.84, 0.86], np.float32)
        before, after = np.abs(scene.colour - air), np.abs(foggy.colour - air)
        assert (after <= before + 1e-6).all()
        far = scene.depth == 1
        np.testing.assert_allclose(after[far], before[far] * (1 - 0.95 * 0.85), atol=1e-5)
        assert (foggy.edge[far] <= scene.edge[far]).all()


def test_no_mood_leaves_the_scene() -> None:
    assert apply("", MOODS, SCENES[0]) is SCENES[0]
