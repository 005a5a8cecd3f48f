from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.parameters import SHAPES
from engine.waves import WAVES, chance

PLACES = st.floats(-1e5, 1e5)
SEEDS = st.integers(0, 1000)


def test_every_shape_of_the_table_has_its_wave() -> None:
    assert set(WAVES) == set(SHAPES)


@pytest.mark.parametrize("shape", SHAPES)
@given(place=PLACES, seed=SEEDS)
def test_a_wave_stays_within_its_bounds_and_says_the_same_again(
    shape: str, place: float, seed: int
) -> None:
    value = WAVES[shape](place, seed)
    assert -1 <= value <= 1
    assert WAVES[shape](place, seed) == value


@pytest.mark.parametrize(
    ("shape", "quarters"),
    [
        ("sine", (0, 1, 0, -1)),
        ("triangle", (0, 1, 0, -1)),
        ("saw", (-1, -0.5, 0, 0.5)),
        ("square", (1, 1, -1, -1)),
    ],
)
def test_the_quarters_of_a_cycle(shape: str, quarters: tuple[float, ...]) -> None:
    for cycle in (-2, 0, 7):
        told = [WAVES[shape](cycle + quarter / 4, 1) for quarter in range(4)]
        assert told == pytest.approx(quarters, abs=1e-12)


def test_sample_and_hold_holds_for_a_cycle() -> None:
    held = [{WAVES["random"](cycle + share / 10, 3) for share in range(10)} for cycle in range(50)]
    assert all(len(values) == 1 for values in held)
    assert len(set.union(*held)) == 50


@given(cycle=st.integers(-1000, 1000), seed=SEEDS)
def test_smooth_random_meets_the_held_values_and_has_no_steps(cycle: int, seed: int) -> None:
    smooth = WAVES["smooth-random"]
    assert smooth(cycle, seed) == chance(seed, cycle)
    way = abs(chance(seed, cycle + 1) - chance(seed, cycle))
    told = [smooth(cycle + step / 100, seed) for step in range(101)]
    # the steepest of a smoothstep is 1.5 times the straight line
    steps = [abs(after - before) for before, after in pairwise(told)]
    assert max(steps) <= 1.5 * way / 100 + 1e-9


def test_chance_is_evenly_spread_and_seeds_differ() -> None:
    values = [chance(seed, cycle) for seed in range(1, 9) for cycle in range(-500, 500)]
    assert sum(values) / len(values) == pytest.approx(0, abs=0.03)
    assert sum(value**2 for value in values) / len(values) == pytest.approx(1 / 3, abs=0.02)
    beside = [
        chance(seed, cycle) * chance(seed + 1, cycle)
        for seed in range(1, 8)
        for cycle in range(500)
    ]
    assert sum(beside) / len(beside) == pytest.approx(0, abs=0.03)
