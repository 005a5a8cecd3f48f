from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.hearing import APART_S, Heard, Hearing, Samples

RATE = 48000
Signal = NDArray[np.float64]


def seconds(length_s: float, rate: int = RATE) -> Signal:
    return np.arange(round(length_s * rate)) / rate


def tone(hz: float, time: Signal, amplitude: float = 0.3) -> Signal:
    return amplitude * np.sin(2 * np.pi * hz * time)


def kicks(time: Signal, every_s: float = 0.5) -> Signal:
    """A bass drum at every whole multiple but 0: a falling 50 Hz that dies away."""
    since = np.where(time < every_s, np.inf, time % every_s)
    sound = np.sin(2 * np.pi * (50 * time + 3 * np.exp(-30 * since))) * np.exp(-12 * since)
    return np.asarray(sound)


def noise(length: int, amplitude: float = 0.1, seed: int = 1) -> Signal:
    return np.random.default_rng(seed).normal(0, amplitude, length)


def hear(signal: Signal, rate: int = RATE, block: int = 480) -> list[Heard]:
    hearing = Hearing(rate)
    samples: Samples = signal.astype(np.float32)
    return [hearing.feed(samples[at : at + block]) for at in range(0, len(samples), block)]


def strikes(heard: list[Heard], block_s: float = 0.01) -> list[float]:
    """When it struck, in seconds."""
    before, found = 0.0, []
    for number, now in enumerate(heard):
        if now.onset > before:
            found.append(number * block_s)
        before = now.onset
    return found


@pytest.mark.parametrize(("hz", "band"), [(80, "low"), (1000, "mid"), (8000, "high")])
@pytest.mark.parametrize("amplitude", [0.9, 0.01])
def test_a_tone_is_heard_in_its_band_however_loud_it_is(
    hz: float, band: str, amplitude: float
) -> None:
    last = hear(tone(hz, seconds(1), amplitude))[-1]
    assert last.level == pytest.approx(1, abs=0.05)
    for name in ("low", "mid", "high"):
        value = getattr(last, name)
        assert value > 0.9 if name == band else value < 0.15, name


def test_silence_is_nothing_and_no_gain_makes_hiss_of_it() -> None:
    assert hear(np.zeros(RATE))[-1] == Heard()
    assert hear(noise(20 * RATE, 0.0002))[-1] == Heard()


def test_it_rises_fast_and_falls_slowly() -> None:
    time = seconds(1)
    levels = [each.level for each in hear(np.where(time < 0.5, tone(440, time), 0))]
    assert levels[8] > 0.9
    assert levels[58] > 0.4
    assert levels[-1] < 0.15


def test_after_a_loud_passage_a_soft_one_comes_up_again() -> None:
    time = seconds(40)
    levels = [each.level for each in hear(tone(440, time) * np.where(time < 2, 1, 0.1), block=4800)]
    assert levels[25] < 0.2  # half a second into the soft one
    assert levels[-1] > 0.9


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 192000])
@pytest.mark.parametrize("amplitude", [0.8, 0.01])
def test_every_strike_is_heard_once_and_soon(rate: int, amplitude: float) -> None:
    block = rate // 100
    found = strikes(hear(amplitude * kicks(seconds(5.3, rate)), rate, block))
    beats = np.arange(0.5, 5.3, 0.5)
    assert len(found) == len(beats)
    assert np.abs(np.array(found) - beats).max() < 0.06


@pytest.mark.parametrize("seed", range(4))
def test_strikes_are_heard_over_noise_and_noise_is_none(seed: int) -> None:
    time = seconds(5.3)
    hiss = noise(len(time), seed=seed)
    for share in (0.1, 0.3, 0.5):
        found = [at for at in strikes(hear(0.8 * kicks(time) + share * hiss)) if at > 0.3]
        assert len(found) == 10
        assert np.abs(np.array(found) - np.arange(0.5, 5.3, 0.5)).max() < 0.06
    # what begins strikes; what goes on does not
    for steady in (hiss, tone(440, time)):
        assert all(at < 0.1 for at in strikes(hear(steady)))


def test_a_strike_goes_down_to_nothing() -> None:
    onsets = [each.onset for each in hear(0.8 * kicks(seconds(0.9)))]
    top = onsets.index(max(onsets))
    assert onsets[top] == 1
    assert onsets[top:] == sorted(onsets[top:], reverse=True)
    assert onsets[-1] == 0


@given(
    cuts=st.lists(st.integers(0, 5000), max_size=20),
    seed=st.integers(0, 9),
)
def test_how_it_is_cut_into_blocks_does_not_matter(cuts: list[int], seed: int) -> None:
    samples = np.random.default_rng(seed).normal(0, 0.3, 5000).astype(np.float32)
    whole, cut = Hearing(RATE), Hearing(RATE)
    whole.feed(samples)
    for part in np.split(samples, sorted(cuts)):
        cut.feed(part)
    assert cut.heard == whole.heard


@given(st.lists(st.floats(width=32), max_size=3000), st.sampled_from([8000, 48000]))
def test_whatever_comes_it_tells_shares(samples: list[float], rate: int) -> None:
    hearing = Hearing(rate)
    hearing.feed(np.array(samples, np.float32))
    told = hearing.feed(np.ones(4096, np.float32) * 0.1)
    for value in (told.level, told.low, told.mid, told.high, told.onset):
        assert 0 <= value <= 1


def test_a_roll_strikes_no_faster_than_can_be_told_apart() -> None:
    found = strikes(hear(0.8 * kicks(seconds(3), 0.03)))
    assert all(after - before >= APART_S - 0.011 for before, after in pairwise(found))
