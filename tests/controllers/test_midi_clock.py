"""MIDI clock from a sender that jitters, changes its mind and is unplugged; on simulated time."""

from __future__ import annotations

import random
from collections.abc import Callable

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.midi_clock import CLOCK_TYPES, MidiClock
from engine.beats import BEATS_PER_BAR
from engine.controls import Controls
from engine.parameters import PARAMETERS, TRIGGERS
from engine.tempo import Tempo

JITTER_S = 0.001


class Studio:
    """A sender with a clock of its own and a tempo that follows it; `now` runs with the messages.

    Ticks arrive up to `jitter_s` too early or too late, but never before those sent earlier.
    """

    def __init__(self, *, jitter_s: float = 0.0, seed: int = 0) -> None:
        self.now = self.sent_s = 500.0
        self.controls = Controls()
        self.controls.declare(*PARAMETERS, *TRIGGERS)
        self.controls.set("tempo/source", "midi")
        self.tempo = Tempo(self.controls, clock=lambda: self.now)
        self.clock = MidiClock(self.tempo)
        self._jitter_s = jitter_s
        self._random = random.Random(seed)

    def send(self, kind: str, device: str = "one", **fields: int) -> None:
        self.clock.take(mido.Message(kind, **fields), self.now, device)

    def tick(
        self,
        bpm: float,
        beats: float,
        device: str = "one",
        each: Callable[[], None] = lambda: None,
    ) -> None:
        """Send the ticks of so many beats."""
        for _ in range(round(beats * 24)):
            self.sent_s += 60 / 24 / bpm
            came_s = self.sent_s + self._random.uniform(-self._jitter_s, self._jitter_s)
            self.now = max(self.now, came_s)
            self.send("clock", device)
            each()

    def rest(self, seconds: float) -> None:
        self.now += seconds
        self.sent_s = self.now

    @property
    def beat(self) -> float:
        return self.tempo.beat_at(self.now)

    def plays(self) -> bool:
        return self.tempo.line.playing


@pytest.mark.parametrize("bpm", [20.0, 60.0, 97.3, 120.0])
def test_jitter_of_1_ms_shows_less_than_a_tenth_of_a_beat_a_minute(bpm: float) -> None:
    for seed in range(4):
        studio = Studio(jitter_s=JITTER_S, seed=seed)
        studio.tick(bpm, bpm / 60 * 4)
        worst: list[float] = []
        studio.tick(bpm, 30, each=lambda: worst.append(abs(studio.tempo.line.bpm - bpm)))  # noqa: B023
        assert max(worst) < 0.1


@pytest.mark.parametrize("bpm", [180.0, 300.0])
def test_fast_clocks_jitter_hardly_more(bpm: float) -> None:
    # a millisecond is more of a shorter tick
    studio = Studio(jitter_s=JITTER_S)
    studio.tick(bpm, bpm / 60 * 4)
    worst: list[float] = []
    studio.tick(bpm, 60, each=lambda: worst.append(abs(studio.tempo.line.bpm - bpm)))
    assert max(worst) < 0.2
    assert sum(worst) / len(worst) < 0.05


@pytest.mark.parametrize(
    ("before", "after"), [(120, 140), (120, 60), (60, 120), (120, 124), (60, 63), (200, 210)]
)
def test_a_step_is_settled_in_a_second(before: float, after: float) -> None:
    for jitter_s, allowed in ((0.0, 0.01), (JITTER_S, 0.2)):
        studio = Studio(jitter_s=jitter_s, seed=3)
        studio.tick(before, before / 60 * 5)
        studio.tick(after, after / 60 * 1.05)
        assert studio.tempo.line.bpm == pytest.approx(after, abs=allowed)


def test_a_great_step_is_followed_after_a_few_ticks() -> None:
    studio = Studio()
    studio.tick(120, 8)
    studio.tick(150, 8 / 24)
    assert studio.tempo.line.bpm == pytest.approx(150, abs=0.01)


def test_a_short_hiccup_changes_nothing() -> None:
    studio = Studio()
    studio.tick(120, 8)
    studio.now += 0.11  # five ticks are handed over together, and late
    worst: list[float] = []
    for _ in range(5):
        studio.sent_s += 0.5 / 24
        studio.send("clock")
        worst.append(abs(studio.tempo.line.bpm - 120))
    studio.tick(120, 4, each=lambda: worst.append(abs(studio.tempo.line.bpm - 120)))
    assert max(worst) < 0.5
    assert worst[-1] < 0.001


def test_the_first_tick_after_a_start_is_beat_0() -> None:
    studio = Studio()
    studio.tick(120, 2.3)
    studio.send("start")
    assert studio.beat != 0
    studio.tick(120, 1 / 24)
    assert studio.beat == 0
    studio.tick(120, 3)
    assert studio.beat == pytest.approx(3)


def test_a_clock_that_ticks_only_from_its_start() -> None:
    studio = Studio()
    studio.send("start")
    studio.tick(90, 12 + 1 / 24)
    assert studio.tempo.line.bpm == pytest.approx(90)
    assert studio.beat == pytest.approx(12, abs=0.02)


def test_stop_and_continue() -> None:
    studio = Studio()
    studio.send("start")
    studio.tick(120, 4)
    studio.send("stop")
    studio.tick(120, 3)  # it goes on ticking
    assert not studio.plays()
    assert studio.beat == pytest.approx(4, abs=0.05)
    studio.send("continue")
    studio.tick(120, 2)
    assert studio.plays()
    assert studio.beat == pytest.approx(6, abs=0.05)


def test_a_song_position_counts_sixteenths() -> None:
    studio = Studio()
    studio.send("start")
    studio.tick(120, 4)
    studio.send("stop")
    studio.send("songpos", pos=32)
    assert studio.beat == 8
    studio.send("continue")
    studio.tick(120, 1 + 1 / 24)
    assert studio.beat == pytest.approx(9)
    studio.send("songpos", pos=0)  # while it plays
    studio.tick(120, 1 / 24)
    assert studio.beat == 0


def test_without_a_start_only_the_tempo_is_known() -> None:
    studio = Studio()
    studio.rest(0.1)
    beat = studio.beat
    studio.tick(120, 20)
    assert studio.tempo.line.bpm == pytest.approx(120)
    assert studio.beat == pytest.approx(beat + 20, abs=0.2)


def test_the_phase_stays_with_the_sender_over_minutes() -> None:
    studio = Studio(jitter_s=JITTER_S)
    studio.send("start")
    off: list[float] = []
    sent = -1

    def compare() -> None:
        nonlocal sent
        sent += 1
        off.append(studio.beat - sent / 24)

    studio.tick(127.3, 400, each=compare)
    assert max(map(abs, off[48:])) < 0.01


def test_a_pulled_cable_finds_the_song_again_where_it_has_gone_on() -> None:
    studio = Studio()
    studio.send("start")
    studio.tick(120, 8)
    for seconds in (1.5, 6.0):
        missed = round(seconds * 120 / 60 * 24)
        studio.sent_s += missed * 0.5 / 24
        studio.now = studio.sent_s
        studio.tick(120, 8)
    # 8 + 3 + 8 + 12 + 8, and the first tick was 0
    assert studio.beat == pytest.approx(39 - 1 / 24, abs=0.01)


def test_after_a_long_pause_only_the_tempo_is_known_until_a_start() -> None:
    studio = Studio()
    studio.send("start")
    studio.tick(120, 8)
    studio.rest(60)
    beat = studio.beat
    studio.tick(90, 9)
    assert studio.tempo.line.bpm == pytest.approx(90)
    assert studio.beat == pytest.approx(beat + 9, abs=0.3)
    studio.send("start")
    studio.tick(90, 1 / 24)
    assert studio.beat == 0


def test_a_second_clock_is_heard_when_the_first_is_gone() -> None:
    studio = Studio()
    studio.tick(120, 4, each=lambda: studio.send("clock", "two"))
    studio.send("stop", "two")
    assert studio.plays()
    assert studio.tempo.line.bpm == pytest.approx(120)
    studio.rest(1.5)
    studio.tick(90, 4, "two")
    assert studio.tempo.line.bpm == pytest.approx(90)


def test_a_clock_of_no_possible_tempo_is_not_followed() -> None:
    studio = Studio()
    studio.tick(700, 100)
    assert not studio.tempo.locked
    assert studio.tempo.line.bpm == 120


def test_who_chooses_midi_later_finds_the_song_where_it_is() -> None:
    studio = Studio()
    studio.controls.set("tempo/source", "internal")
    studio.send("start")
    studio.tick(100, 5)
    studio.controls.set("tempo/source", "midi")
    studio.tick(100, 16)
    off = (studio.beat - (21 - 1 / 24)) / BEATS_PER_BAR
    assert off == pytest.approx(round(off), abs=0.01)


def test_other_messages_are_not_a_clocks() -> None:
    studio = Studio()
    for message in (mido.Message("note_on"), mido.Message("active_sensing"), mido.Message("reset")):
        assert not studio.clock.take(message, 0.0)
    assert all(studio.clock.take(mido.Message(kind), 0.0) for kind in CLOCK_TYPES)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["clock"] * 6 + sorted(CLOCK_TYPES)),
            st.one_of(st.floats(0, 0.05), st.floats(0, 30)),
            st.integers(0, 16383),
            st.sampled_from(["one", "one", "two"]),
        ),
        max_size=120,
    )
)
def test_any_messages(sent: list[tuple[str, float, int, str]]) -> None:
    studio = Studio()
    for kind, wait_s, position, device in sent:
        studio.now += wait_s
        fields = {"pos": position} if kind == "songpos" else {}
        studio.send(kind, device, **fields)
        line = studio.tempo.line
        assert 20 <= line.bpm <= 300
        assert abs(studio.beat) < 1e6
        assert studio.tempo.next_bar(studio.now) >= studio.now
