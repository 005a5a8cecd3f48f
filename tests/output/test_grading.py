"""Every function against the formulas in plain float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from engine.grading import LUMA, Smoother, graded, mixed, turned
from engine.latest import Picture

PICTURES = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
    elements=st.integers(0, 255),
)
AMOUNT = st.floats(0, 1)
KNOB = st.floats(0, 2)


def noise(height: int = 40, width: int = 30, seed: int = 1) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def farthest(one: NDArray[Any], other: NDArray[Any] | float) -> float:
    return float(np.abs(one.astype(np.float64) - other).max())


def reference(
    picture: Picture, brightness: float, contrast: float, saturation: float, fade: float
) -> NDArray[np.float64]:
    value = (picture.astype(np.float64) * brightness - 127.5) * contrast + 127.5
    luma = (value @ np.array(LUMA))[..., None]
    graded_value: NDArray[np.float64] = np.clip(luma + (value - luma) * saturation, 0, 255) * fade
    return graded_value


@given(PICTURES, KNOB, KNOB, KNOB, AMOUNT)
@example(noise(), 2.0, 2.0, 2.0, 1.0)
@example(noise(), 1.0, 2.0, 1.0, 0.3)
@settings(max_examples=150, deadline=None)
def test_grading_is_its_formula(
    picture: Picture, brightness: float, contrast: float, saturation: float, fade: float
) -> None:
    before = picture.copy()
    out = graded(picture, brightness, contrast, saturation, fade)
    assert out.dtype == np.uint8
    assert out.shape == picture.shape
    assert farthest(out, reference(picture, brightness, contrast, saturation, fade)) <= 1
    assert (picture == before).all()


def test_large_pictures_go_through_in_blocks() -> None:
    picture = noise(300, 301)
    out = graded(picture, 0.8, 1.3, 1.7, 0.9)
    assert farthest(out, reference(picture, 0.8, 1.3, 1.7, 0.9)) <= 1
    assert (
        farthest(graded(picture[:, ::-1], saturation=0.0), reference(picture, 1, 1, 0, 1)[:, ::-1])
        <= 1
    )


def test_neutral_settings_pass_the_same_array() -> None:
    picture = noise()
    assert graded(picture) is picture
    assert mixed(picture, noise(seed=2), 1.0) is picture
    assert turned(picture) is picture
    assert Smoother().step(picture, 1.0, 0.0) is picture


def test_fade_to_zero_is_black_and_grey_stays_without_saturation() -> None:
    assert not graded(noise(), fade=0.0).any()
    grey = graded(noise(), saturation=0.0)
    assert (grey[..., 0] == grey[..., 1]).all()
    assert (grey[..., 1] == grey[..., 2]).all()


@given(PICTURES, AMOUNT, st.integers(0, 255))
@settings(max_examples=100, deadline=None)
def test_mixing_is_linear(painted: Picture, amount: float, level: int) -> None:
    source = np.full(painted.shape, level, np.uint8)
    expected = painted.astype(np.float64) * amount + level * (1 - amount)
    assert farthest(mixed(painted, source, amount), expected) <= 1


def test_mixing_ends_at_the_very_pictures() -> None:
    painted, source = noise(), noise(seed=2)
    assert mixed(painted, source, 0.0) is source


@pytest.mark.parametrize("flip", ["none", "horizontal", "vertical", "both"])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_flip_then_a_clockwise_turn(flip: str, rotate: int) -> None:
    picture = noise(5, 7)
    expected = picture
    if flip in ("horizontal", "both"):
        expected = np.fliplr(expected)
    if flip in ("vertical", "both"):
        expected = np.flipud(expected)
    expected = np.rot90(expected, k=rotate // 90, axes=(1, 0))  # from columns to rows: clockwise
    out = turned(picture, flip, rotate)
    assert out.flags.c_contiguous
    assert (out == expected).all()
    assert (
        turned(picture[:, ::-1], flip, rotate) == turned(picture[:, ::-1].copy(), flip, rotate)
    ).all()


def test_a_quarter_turn_brings_the_left_edge_to_the_top() -> None:
    picture = np.zeros((4, 6, 3), np.uint8)
    picture[:, 0] = 200
    assert (turned(picture, "none", 90)[0] == 200).all()


def smoothed(rate_hz: float, constant_s: float, seconds: float) -> Picture:
    """A step from 0 to 255, looked at after `seconds` at this frame rate."""
    smoother = Smoother()
    dark, light = np.zeros((4, 5, 3), np.uint8), np.full((4, 5, 3), 255, np.uint8)
    smoother.step(dark, 0.0, constant_s)
    out = dark
    for frame in range(1, round(seconds * rate_hz) + 1):
        out = smoother.step(light.copy(), frame / rate_hz, constant_s)
    return out


@pytest.mark.parametrize("rate_hz", [5, 24, 60, 300])
def test_smoothing_goes_by_time_whatever_the_frame_rate(rate_hz: int) -> None:
    expected = 255 * (1 - np.exp(-1.0 / 0.5))
    assert farthest(smoothed(rate_hz, 0.5, 1.0), expected) <= 1


def test_slow_smoothing_at_a_high_rate_still_arrives() -> None:
    smoother = Smoother()
    picture = np.full((4, 5, 3), 100, np.uint8)
    smoother.step(np.zeros((4, 5, 3), np.uint8), 0.0, 2.0)
    now_s = 0.0
    while now_s < 15.9:
        now_s += 1 / 100
        out = smoother.step(picture, now_s, 2.0)
        assert not smoother.settled
    assert farthest(out, 100.0) <= 1
    assert smoother.step(picture, 17.0, 2.0) is picture
    assert smoother.settled
    # and goes on from there
    other = np.full((4, 5, 3), 200, np.uint8)
    out = smoother.step(other, 17.0 + 2 * np.log(2), 2.0)
    assert farthest(out, 150.0) <= 1


def test_smoothing_starts_over_on_another_size_and_after_a_reset() -> None:
    smoother = Smoother()
    smoother.step(np.zeros((4, 5, 3), np.uint8), 0.0, 1.0)
    large = noise(8, 8)
    assert smoother.step(large, 0.1, 1.0) is large
    smoother.reset()
    small = noise(3, 3)
    assert smoother.step(small, 0.2, 1.0) is small
    assert smoother.settled
