"""The beat as a value: no change makes it jump, and when it will be somewhere, it is there."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.beats import BEATS_PER_BAR, MOST_BEND, BeatLine, bar_of, phase_of

BPM = st.floats(20, 300)
LATER_S = st.floats(0, 30)

LINES = st.builds(
    lambda at_s, beat, bpm, bend: BeatLine(at_s, beat, bpm).bent(at_s, bend),
    st.floats(-1e5, 1e5),
    st.floats(-100, 1e5),
    BPM,
    st.floats(-2, 2),
)


@given(LINES, LATER_S, LATER_S)
def test_it_runs_forwards_within_a_quarter_of_its_tempo(
    line: BeatLine, one_s: float, other_s: float
) -> None:
    earlier, later = sorted((line.at_s + one_s, line.at_s + other_s))
    ran = line.beat_at(later) - line.beat_at(earlier)
    plain = (later - earlier) * line.bpm / 60
    assert plain * (1 - MOST_BEND) - 1e-6 <= ran <= plain * (1 + MOST_BEND) + 1e-6


@given(LINES, st.floats(-30, 30))
def test_where_it_will_be_is_when_it_is_there(line: BeatLine, later_s: float) -> None:
    time_s = line.at_s + later_s
    assert line.time_at(line.beat_at(time_s)) == pytest.approx(time_s, abs=1e-6)


@given(LINES, LATER_S, BPM, st.floats(-2, 2), st.floats(-1e4, 1e4))
def test_no_change_jumps(
    line: BeatLine, later_s: float, bpm: float, bend: float, other: float
) -> None:
    now = line.at_s + later_s
    beat = line.beat_at(now)
    for changed in (line.at_tempo(now, bpm), line.bent(now, bend), line.plays(now, False)):
        assert changed.beat_at(now) == pytest.approx(beat, abs=1e-6)
    towards = line.towards(now, other)
    off = (towards.beat_at(now) - beat) / BEATS_PER_BAR
    assert off == pytest.approx(round(off), abs=1e-6)
    # ... and then it gets there
    arrived = towards.at_s + towards.bend_s
    there = other + towards.bend_s * towards.bpm / 60
    assert towards.beat_at(arrived) == pytest.approx(there, abs=1e-6)


@given(LINES, LATER_S, BPM)
def test_a_bend_is_finished_whatever_the_tempo_does(
    line: BeatLine, later_s: float, bpm: float
) -> None:
    now = line.at_s + later_s
    changed = line.at_tempo(now, bpm)
    left = line.beat_at(now + 1000) - line.beat_at(now) - 1000 * line.bpm / 60
    assert changed.beat_at(now + 1000) - changed.beat_at(now) == pytest.approx(
        1000 * bpm / 60 + left, abs=1e-6
    )
    # and in no greater hurry than any other
    ran = changed.beat_at(now + 0.5) - changed.beat_at(now)
    assert abs(ran - 0.5 * bpm / 60) <= MOST_BEND * 0.5 * bpm / 60 + 1e-6


@given(LINES, LATER_S, st.sampled_from([1.0, 4.0, 0.5]))
def test_the_next_whole_beat_is_not_past_and_not_far(
    line: BeatLine, later_s: float, beats: float
) -> None:
    now = line.at_s + later_s
    at_s = line.next_at(now, beats)
    assert now <= at_s <= now + beats * 60 / line.bpm / (1 - MOST_BEND) + 1e-6
    whole = line.beat_at(at_s) / beats
    assert whole == pytest.approx(round(whole), abs=1e-5)
    assert line.next_at(at_s, beats) == pytest.approx(at_s, abs=1e-6)


def test_standing_still() -> None:
    line = BeatLine(0.0, 0.0, 120).bent(0.0, 1.0).plays(1.0, False)
    assert line.beat_at(1.0) == line.beat_at(50.0) == pytest.approx(2.5)
    assert line.time_at(8.0) == line.next_at(3.0) == math.inf
    # what was left of the bend comes afterwards
    assert line.plays(60.0, True).beat_at(160.0) == pytest.approx(3 + 200)


def test_a_jump_is_made_only_on_purpose() -> None:
    line = BeatLine(0.0, 0.0, 60).placed(10.0, 0.0)
    assert (line.beat_at(10.0), line.beat_at(11.0)) == (0.0, 1.0)


def test_bars_and_phases() -> None:
    assert [bar_of(beat) for beat in (-0.5, 0, 3.9, 4, 9)] == [0, 1, 1, 2, 3]
    assert (phase_of(2.25), phase_of(-0.25), phase_of(5, 4)) == (0.25, 0.75, 0.25)
    assert phase_of(-1e-20) == 0.0
