from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.supervision import BACK_OFF_S, GIVE_UP_AFTER, PHASE_LIMITS_S, Life, Restarts


def test_loading_may_take_long_but_must_move() -> None:
    life = Life(started=100.0)
    assert life.verdict(100 + PHASE_LIMITS_S["loading"] - 1) == "well"  # cannot beat yet
    assert "hung" in life.verdict(100 + PHASE_LIMITS_S["loading"] + 1)
    life.beat("loading", 1, 101.0)
    assert life.verdict(101 + PHASE_LIMITS_S["loading"] - 1) == "well"
    assert life.verdict(101 + PHASE_LIMITS_S["loading"] + 1) == "hung for 180 s while loading"


def test_a_painter_whose_beats_go_on_but_whose_mark_stands_still_hangs() -> None:
    life = Life(started=0.0)
    for tenth in range(100):
        life.beat("painting", 7, tenth / 10, painted=3)
    assert life.painting_since == 0.0
    assert life.verdict(1.0) == "well"
    assert life.verdict(4.0) == "stalled"
    assert life.verdict(5.5) == "hung for 5 s while painting"
    life.beat("painting", 8, 5.6, painted=4)
    assert life.verdict(5.7) == "well"


def test_a_slow_model_is_given_the_time_its_frames_take() -> None:
    life = Life(started=0.0)
    life.beat("painting", 1, 0.0, frame_s=8.0)
    assert life.verdict(60.0) == "well"
    assert life.verdict(120.0) == "stalled"
    assert life.verdict(321.0) == "hung for 320 s while painting"


def test_back_off_then_giving_up() -> None:
    restarts = Restarts()
    waits = [restarts.after(Life(0.0), 1.0) for _ in range(GIVE_UP_AFTER)]
    assert waits == [0.0, 1.0, 2.0, 5.0, None]
    restarts.forgive()
    assert restarts.after(Life(0.0), 1.0) == 0.0
    assert restarts.total == 5


def test_a_painter_that_dies_in_its_first_frame_never_painted() -> None:
    restarts = Restarts()
    life = Life(0.0)
    life.beat("painting", 1, 1.0, painted=0)
    assert [restarts.after(life, 9.0) for _ in range(5)][-1] is None


def test_a_painter_that_paints_briefly_backs_off_but_is_never_given_up() -> None:
    restarts = Restarts()
    life = Life(0.0)
    life.beat("painting", 1, 1.0, painted=1)
    waits = [restarts.after(life, 1.5) for _ in range(8)]
    assert waits == [*BACK_OFF_S, 10.0, 10.0, 10.0]


def test_one_that_painted_steadily_comes_back_at_once() -> None:
    restarts = Restarts(in_a_row=4)
    life = Life(0.0)
    life.beat("painting", 1, 1.0, painted=1)
    assert restarts.after(life, 10.0) == 0.0


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=40))
def test_a_wait_is_always_one_of_the_table_or_none_after_five(
    lives: list[tuple[bool, float]],
) -> None:
    restarts = Restarts()
    unpainted = 0
    for painted, seconds in lives:
        life = Life(0.0)
        if painted:
            life.beat("painting", 1, 0.0, painted=1)
        unpainted = 0 if painted else unpainted + 1
        wait = restarts.after(life, seconds)
        assert (wait is None) == (unpainted >= GIVE_UP_AFTER)
        assert wait is None or wait in BACK_OFF_S
