"""Tapping: people are uneven, miss one, stop, and change their minds."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.taps import Taps


def tapped(*intervals_s: float) -> Taps:
    """A tap at 10 s, and then one after each interval."""
    taps = Taps()
    for at_s in accumulate(intervals_s, initial=10.0):
        taps = taps.tapped(at_s)
    return taps


def test_one_tap_is_no_tempo() -> None:
    assert Taps().bpm is tapped().bpm is None


@given(st.floats(20, 300), st.integers(1, 30))
def test_even_taps(bpm: float, times: int) -> None:
    assert tapped(*[60 / bpm] * times).bpm == pytest.approx(bpm)


@given(st.floats(60, 180), st.lists(st.floats(-0.02, 0.02), min_size=8, max_size=20))
def test_uneven_taps_come_near(bpm: float, off_s: list[float]) -> None:
    found = tapped(*(60 / bpm + each for each in off_s)).bpm
    assert found is not None
    assert abs(60 / found - 60 / bpm) <= 0.02 + 1e-9


@pytest.mark.parametrize(
    ("intervals_s", "bpm"),
    [
        ((0.5, 0.5, 1.0, 0.5), 120),  # one beat left out
        ((0.5, 0.5, 0.3, 0.7, 0.5), 120),  # one far too early
        ((0.5, 0.5, 0.02, 0.48, 0.5), 120),  # the pad bounced
        ((0.5, 0.5, 0.5, 5.0, 0.75), 80),  # a pause: anew
        ((0.4, 0.4, 0.4, 1.1, 0.6), 100),  # a shorter one
        ((3.0, 3.0), 20),
        ((0.5, 0.5, 0.5, 0.5, 0.5, 0.75, 0.75, 0.75), 80),  # another tempo, without a pause
    ],
)
def test_what_people_do(intervals_s: tuple[float, ...], bpm: float) -> None:
    assert tapped(*intervals_s).bpm == pytest.approx(bpm)


@given(st.lists(st.floats(0, 20), max_size=60))
def test_any_taps(intervals_s: list[float]) -> None:
    taps = tapped(*intervals_s)
    assert 1 <= len(taps.at_s) <= 9
    assert taps.bpm is None or taps.bpm > 0
