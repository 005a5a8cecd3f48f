from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sources.pace import Pace
from engine.sources.test_card import BARS, BEAT_S, DAY_S, TestCard, picture


def digest(moment: float, w: int, h: int) -> str:
    return hashlib.sha256(picture(moment, w, h).tobytes()).hexdigest()


def test_the_card_is_the_same_for_the_same_moment() -> None:
    assert digest(3.2, 128, 96) == digest(3.2, 128, 96)
    assert digest(3.2, 128, 96) != digest(3.2 + 1 / 30, 128, 96)
    assert digest(0.0, 64, 64) != digest(DAY_S / 2, 64, 64)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0, 1e6),
    st.integers(1, 24).map(lambda n: n * 8),
    st.integers(1, 24).map(lambda n: n * 8),
)
def test_a_card_of_any_size_at_any_time(moment: float, w: int, h: int) -> None:
    made = picture(moment, w, h)
    assert made.shape == (h, w, 3)
    assert made.dtype == np.uint8
    assert made.flags.c_contiguous


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 3)])
def test_absurd_sizes_do_no_harm(size: tuple[int, int]) -> None:
    assert picture(12.3, *size).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("hour", [0.0, 0.25, 0.5, 0.75, 0.9])
def test_the_bars_have_their_colours_at_every_hour(hour: float) -> None:
    moment = round(hour * DAY_S / BEAT_S) * BEAT_S + 0.25  # the ball is high
    card = picture(moment, 512, 512)
    for index, colour in enumerate(BARS):
        x = int(512 * (0.06 + 0.88 * (index + 0.5) / len(BARS)))
        assert tuple(card[int(512 * 0.925), x]) == colour


def test_the_ball_strikes_the_next_bar_on_every_beat() -> None:
    struck = []
    for beat in range(15):
        row = picture(beat * BEAT_S, 512, 512)[440].astype(int)
        red = np.nonzero((row[:, 0] > 195) & (row[:, 1] < 110) & (row[:, 2] < 90))[0]
        struck.append(int((red.mean() / 512 - 0.06) / 0.88 * len(BARS)))
    assert struck == [0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1, 0]


def test_much_of_it_moves_from_frame_to_frame() -> None:
    moved = [
        (picture(n / 30, 256, 256) != picture((n + 1) / 30, 256, 256)).any(2).mean()
        for n in range(0, 60, 7)
    ]
    assert min(moved) > 0.01


def test_the_card_as_a_source() -> None:
    card = TestCard((64, 48))
    first = card.read()
    assert (first == picture(0.0, 64, 48)).all()
    taken = card.captured_ns
    card.size = (32, 32)
    second = card.read()
    assert second.shape == (32, 32, 3)
    assert taken < card.captured_ns <= time.monotonic_ns()
    card.close()


def test_who_comes_late_finds_the_newest_tick() -> None:
    pace = Pace(0.01)
    assert [pace.wait(), pace.wait()] == [0, 1]
    time.sleep(0.1)
    late = pace.wait()
    assert late >= 10
    assert pace.wait() > late
