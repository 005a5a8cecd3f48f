"""The tempo and its controls: whoever plays it, the phase goes on."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from engine.beats import BEATS_PER_BAR
from engine.controls import Change, Controls
from engine.parameters import PARAMETERS, TRIGGERS
from engine.tempo import GONE_S, TOLD_PER_S, Reading, Tempo


class Hall:
    """A tempo on a clock that the test moves by hand, and what was said."""

    def __init__(self, *, refusals: dict[str, str] | None = None, source: str = "internal") -> None:
        self.now = 100.0
        self.controls = Controls()
        self.controls.declare(*PARAMETERS, *TRIGGERS)
        self.controls.set("tempo/source", source)
        self.reported: list[tuple[str, str, object]] = []
        self.notices: list[str] = []
        self.controls.on_report(lambda *report: self.reported.append(report))
        self.tempo = Tempo(
            self.controls, clock=lambda: self.now, refusals=refusals, notice=self.notices.append
        )

    @property
    def beat(self) -> float:
        return self.tempo.beat_at(self.now)

    def number(self, name: str) -> float:
        value = self.controls.get(name)
        assert not isinstance(value, str)
        return value

    def tap(self, *waits_s: float) -> None:
        for wait_s in waits_s:
            self.now += wait_s
            self.controls.fire("tempo/tap", (), "pad")

    def hear(
        self,
        bpm: float | None,
        beat: float | None = None,
        *,
        playing: bool = True,
        placed: bool = False,
    ) -> None:
        self.tempo.hear("midi", Reading(self.now, bpm, beat, playing, placed))


def apart(one: float, other: float, beats: float) -> float:
    """How far two beats are from one another in a cycle of so many beats."""
    off = (one - other) % beats
    return min(off, beats - off)


WAYS = st.one_of(
    st.tuples(st.just("wait"), st.floats(0, 5)),
    st.tuples(st.just("bpm"), st.floats(20, 300)),
    st.tuples(st.just("tap"), st.just(0.0)),
    st.tuples(st.just("source"), st.sampled_from(["internal", "midi", "link"])),
    st.tuples(st.just("tempo"), st.floats(10, 400)),
    st.tuples(st.just("beat"), st.floats(-10, 1000)),
    st.tuples(st.just("late beat"), st.floats(0, 1000)),
)


@given(st.lists(WAYS, max_size=60))
def test_the_phase_goes_on_whatever_happens(ways: list[tuple[str, float | str]]) -> None:
    hall = Hall()
    for way, value in ways:
        before = hall.beat
        if way == "wait":
            assert not isinstance(value, str)
            hall.now += value
            ran = hall.beat - before
            assert 0.749 * value / 3 <= ran + 1e-9
            assert ran <= value * 5 * 1.251 + 1e-9
            continue
        if way in ("bpm", "source"):
            hall.controls.set(f"tempo/{way}", value, "knob")
        elif way == "tap":
            hall.tap(0.0)
        else:
            assert not isinstance(value, str)
            late_s = 0.05 if way == "late beat" else 0.0
            bpm, beat = (value, None) if way == "tempo" else (None, value)
            for source in ("midi", "link"):
                hall.tempo.hear(source, Reading(hall.now - late_s, bpm, beat))
        assert apart(hall.beat, before, BEATS_PER_BAR) < 1e-6


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(20, 300)), max_size=30), st.floats(0, 10))
def test_the_next_bar_is_asked_again_after_a_change(
    changes: list[tuple[float, float]], ask_s: float
) -> None:
    hall = Hall()
    for wait_s, bpm in changes:
        hall.now += wait_s
        hall.controls.set("tempo/bpm", bpm)
    for next_one, beats in ((hall.tempo.next_beat, 1), (hall.tempo.next_bar, BEATS_PER_BAR)):
        at_s = next_one(hall.now + ask_s)
        assert at_s >= hall.now + ask_s
        assert apart(hall.tempo.beat_at(at_s), 0, beats) < 1e-5


def test_it_begins_with_beat_0_at_the_tempo_that_is_set() -> None:
    hall = Hall()
    assert hall.beat == 0
    hall.now += 3
    assert hall.beat == pytest.approx(6)
    hall.controls.set("tempo/bpm", 60)
    hall.now += 3
    assert hall.beat == pytest.approx(9)


def test_taps_set_the_tempo_and_draw_the_beat_to_them() -> None:
    hall = Hall()
    heard: list[Change] = []
    hall.controls.listen(heard.append)
    hall.tap(0.2)
    assert not heard
    hall.tap(*[0.6] * 8)
    assert hall.number("tempo/bpm") == pytest.approx(100)
    assert all(change.origin is None for change in heard)  # whoever tapped hears it, too
    hall.now += 6
    assert apart(hall.beat, 0, 1) < 1e-6


def test_taps_faster_than_any_tempo_are_clamped() -> None:
    hall = Hall()
    hall.tap(0, *[0.15] * 6)
    assert hall.number("tempo/bpm") == 300


def test_a_source_that_cannot_be_is_refused_with_what_to_do() -> None:
    hall = Hall(refusals={"link": "Link needs one more package: pip install it"})
    hall.controls.set("tempo/source", "midi")
    hall.controls.set("tempo/source", "link", "client")
    assert hall.controls.get("tempo/source") == hall.tempo.source == "midi"
    assert hall.reported == [
        ("tempo/source", "Link needs one more package: pip install it", "client")
    ]


def test_a_show_that_starts_with_a_refused_source_runs_by_itself() -> None:
    hall = Hall(refusals={"link": "no"}, source="link")
    assert hall.controls.get("tempo/source") == hall.tempo.source == "internal"
    assert Hall(source="midi").tempo.source == "midi"


def test_another_clock_counts_only_where_it_was_chosen() -> None:
    hall = Hall()
    hall.hear(90)
    assert (hall.tempo.line.bpm, hall.tempo.locked) == (120, False)
    hall.controls.set("tempo/source", "midi")
    hall.hear(90)
    assert (hall.tempo.line.bpm, hall.tempo.locked) == (90, True)
    assert hall.notices == ["tempo: MIDI clock is heard, 90.0 bpm"]


def test_a_start_puts_the_beat_to_0_and_a_stop_holds_it() -> None:
    hall = Hall(source="midi")
    hall.now += 1.3
    hall.hear(120, 0.0, placed=True)
    assert hall.beat == 0
    hall.now += 2
    hall.hear(120, playing=False)
    hall.now += 5
    assert hall.beat == pytest.approx(4)
    assert hall.tempo.next_bar(hall.now) == math.inf
    hall.hear(120, 64.0, playing=False, placed=True)
    assert hall.beat == 64
    hall.hear(120, 64.0)
    hall.now += 1
    assert hall.beat == pytest.approx(66)


def test_a_reading_that_was_held_up_is_of_its_own_time() -> None:
    hall = Hall(source="midi")
    hall.tempo.hear("midi", Reading(hall.now - 0.25, 120, 8.0, placed=True))
    assert hall.beat == pytest.approx(8.5)


def test_going_over_to_another_clock_arrives_without_a_jump() -> None:
    hall = Hall()
    hall.now += 0.8  # beat 1.6
    hall.controls.set("tempo/source", "midi")
    began = hall.now
    places = []
    for _ in range(24 * 12):
        hall.hear(120, 17.0 + (hall.now - began) * 2)
        places.append(hall.beat)
        hall.now += 0.5 / 24
    steps = [later - earlier for earlier, later in pairwise(places)]
    assert min(steps) > 0.74 / 24
    assert max(steps) < 1.26 / 24
    assert hall.beat == pytest.approx(17.0 + (hall.now - began) * 2, abs=0.01)


def test_while_a_clock_is_followed_hands_do_not_change_it() -> None:
    hall = Hall(source="midi")
    hall.controls.set("tempo/bpm", 100, "knob")  # nothing is heard yet
    assert hall.tempo.line.bpm == 100
    hall.hear(125.5)
    for bpm in (60, 61):
        hall.controls.set("tempo/bpm", bpm, "knob")
    hall.tap(0.1)
    text = "the MIDI clock gives the tempo, 125.5 bpm; to {} it, first set tempo/source internal"
    assert hall.reported == [
        ("tempo/bpm", text.format("set"), "knob"),
        ("tempo/tap", text.format("tap"), "pad"),
    ]
    assert hall.tempo.line.bpm == 125.5
    hall.controls.set("tempo/source", "internal")
    hall.controls.set("tempo/bpm", 70, "knob")
    assert hall.tempo.line.bpm == 70


async def test_it_reports_at_most_30_times_a_second(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001
) -> None:
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    notices: list[str] = []
    tempo = Tempo(controls, clock=trio.current_time, notice=notices.append)
    changes: list[Change] = []
    controls.listen(changes.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tempo.run)
        await trio.sleep(4.1)
        told = [change.value for change in changes if change.parameter.name == "tempo/beat"]
        assert TOLD_PER_S * 4.1 - 1 <= len(told) <= TOLD_PER_S * 4.1 + 1
        assert told == sorted(told)
        bars = [change.value for change in changes if change.parameter.name == "tempo/bar"]
        assert bars == [2, 3]
        assert controls.get("tempo/phase") == pytest.approx(0.2, abs=0.07)
        assert controls.get("tempo/bar-phase") == pytest.approx(0.05, abs=0.02)
        assert (controls.get("tempo/playing"), controls.get("tempo/locked")) == (1, 0)

        controls.set("tempo/source", "midi")
        tempo.hear("midi", Reading(trio.current_time(), 99.996, None, playing=False))
        await trio.sleep(0.1)
        assert controls.get("tempo/bpm") == 100.0
        assert (controls.get("tempo/playing"), controls.get("tempo/locked")) == (0, 1)
        # a knob that was turned meanwhile is told how it is
        controls.set("tempo/bpm", 50)
        await trio.sleep(0.1)
        assert controls.get("tempo/bpm") == 100.0
        # jitter is not told
        changes.clear()
        for bpm in (99.99, 100.01, 99.995):
            tempo.hear("midi", Reading(trio.current_time(), bpm, None))
            await trio.sleep(0.1)
        assert not [change for change in changes if change.parameter.name == "tempo/bpm"]

        assert notices == [
            "tempo: MIDI clock is heard, 100.0 bpm",
            "tempo: MIDI clock is stopped; the beat stands",
            "tempo: MIDI clock plays",
        ]
        notices.clear()
        await trio.sleep(GONE_S + 0.1)
        assert notices == ["tempo: MIDI clock is gone; the beat goes on at 100.0 bpm"]
        assert controls.get("tempo/locked") == 0
        beat = tempo.beat_at(trio.current_time())
        await trio.sleep(6)
        assert tempo.beat_at(trio.current_time()) == pytest.approx(beat + 10, abs=0.01)
        nursery.cancel_scope.cancel()


async def test_a_clock_that_is_stopped_is_not_gone(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001
) -> None:
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    controls.set("tempo/source", "midi")
    notices: list[str] = []
    tempo = Tempo(controls, clock=trio.current_time, notice=notices.append)

    async def ticks(seconds: float, *, playing: bool) -> None:
        for _ in range(int(seconds * 10)):
            tempo.hear("midi", Reading(trio.current_time(), 120.0, None, playing))
            await trio.sleep(0.1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tempo.run)
        await ticks(1, playing=True)
        notices.clear()
        await ticks(3, playing=False)  # it ticks on
        assert notices == ["tempo: MIDI clock is stopped; the beat stands"]
        assert controls.get("tempo/locked") == 1
        await trio.sleep(3)  # and no longer, as many do when they are stopped
        assert notices[1:] == ["tempo: MIDI clock is stopped and silent; the beat stands"]
        assert controls.get("tempo/locked") == 0
        nursery.cancel_scope.cancel()
