from __future__ import annotations

import math
from typing import Any

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.midi_decode import (
    HALF_S,
    Chosen,
    Decoder,
    Gesture,
    Moved,
    Pressed,
    Released,
    Turned,
    ticks_of,
)
from controllers.midi_map import (
    Aftertouch,
    Cc,
    Cc14,
    Note,
    Nrpn,
    Pitch,
    Program,
    Relative,
    Source,
)


def cc(control: int, value: int, channel: int = 1) -> mido.Message:
    return mido.Message("control_change", control=control, value=value, channel=channel - 1)


def note(number: int, velocity: int, channel: int = 1) -> mido.Message:
    return mido.Message("note_on", note=number, velocity=velocity, channel=channel - 1)


def told(source: Source, *messages: mido.Message, at_s: float = 0.0) -> list[Gesture]:
    decoder = Decoder([source])
    return [gesture for message in messages for gesture in decoder.take(message, at_s)]


def positions(gestures: list[Gesture]) -> list[float]:
    return [gesture.position for gesture in gestures if isinstance(gesture, Moved)]


def test_a_knob_of_7_bits() -> None:
    assert positions(told(Cc(16), cc(16, 0), cc(16, 127), cc(17, 5))) == [0.0, 1.0]


def test_any_channel_or_just_one() -> None:
    assert len(told(Cc(16), cc(16, 1, 1), cc(16, 1, 16))) == 2
    assert told(Cc(16, channel=3), cc(16, 1, 2)) == []
    assert len(told(Cc(16, channel=3), cc(16, 1, 3))) == 1


def test_a_switch_rises_at_64() -> None:
    moves = told(Cc(64), *[cc(64, value) for value in (0, 63, 64, 127, 64, 63, 0, 127)])
    rose = [move.rose for move in moves if isinstance(move, Moved)]
    assert rose == [None, None, True, None, None, False, None, True]


def test_switches_of_two_channels_are_two() -> None:
    moves = told(Cc(64), cc(64, 127, 1), cc(64, 127, 2), cc(64, 0, 1), cc(64, 0, 2))
    rose = [move.rose for move in moves if isinstance(move, Moved)]
    assert rose == [True, True, False, False]


@pytest.mark.parametrize(
    ("coding", "ticks"),
    [
        ("twos-complement", {1: 1, 2: 2, 63: 63, 64: 64, 127: -1, 126: -2, 65: -63, 0: 0}),
        ("offset-binary", {65: 1, 66: 2, 127: 63, 63: -1, 62: -2, 0: -64, 64: 0}),
        ("signed-bit", {1: 1, 2: 2, 64: 64, 65: -1, 66: -2, 127: -63, 0: 0}),
    ],
)
def test_three_ways_to_say_a_direction(coding: Relative, ticks: dict[int, int]) -> None:
    assert {value: ticks_of(coding, value) for value in ticks} == ticks
    turned = told(Cc(20, relative=coding), *(cc(20, value) for value in ticks))
    assert [t.ticks for t in turned if isinstance(t, Turned)] == [t for t in ticks.values() if t]


def test_ticks_tell_how_fast_they_came_the_same_way() -> None:
    decoder = Decoder([Cc(20, relative="offset-binary")])
    intervals = []
    for value, at_s in [(65, 1.0), (65, 1.02), (63, 1.03), (63, 1.04), (64, 1.05), (63, 1.06)]:
        intervals += [
            g.interval_s for g in decoder.take(cc(20, value), at_s) if isinstance(g, Turned)
        ]
    assert intervals == [
        math.inf,
        pytest.approx(0.02),
        math.inf,
        pytest.approx(0.01),
        pytest.approx(0.02),
    ]


class Test14Bits:
    source = Cc14(16, 48)

    def test_the_low_half_commits(self) -> None:
        assert positions(told(self.source, cc(16, 127), cc(48, 127))) == [1.0]
        assert positions(told(self.source, cc(16, 64), cc(48, 1))) == [(64 * 128 + 1) / 16383]

    def test_a_low_half_alone_moves_on_from_the_high_one(self) -> None:
        moves = positions(told(self.source, cc(16, 64), cc(48, 1), cc(48, 2)))
        assert moves[-1] == (64 * 128 + 2) / 16383

    def test_a_low_half_without_any_high_one_says_nothing(self) -> None:
        assert told(self.source, cc(48, 5)) == []

    def test_a_high_half_waits_so_long_and_no_longer(self) -> None:
        decoder = Decoder([self.source])
        dues = [decoder.due_s]
        assert decoder.take(cc(16, 127), 2.0) == []
        dues.append(decoder.due_s)
        assert dues == [None, 2.0 + HALF_S]
        assert decoder.due(2.004) == []
        # from a device that never sends another half, 127 is all of it
        assert positions(decoder.due(2.0 + HALF_S)) == [1.0]
        assert decoder.due_s is None
        assert decoder.due(9.0) == []

    def test_a_late_low_half_counts_still(self) -> None:
        decoder = Decoder([self.source])
        decoder.take(cc(16, 64), 0.0)
        decoder.take(cc(48, 64), 0.001)
        decoder.take(cc(16, 65), 1.0)
        assert positions(decoder.due(1.006)) == [65 * 128 / 16383]
        assert positions(decoder.take(cc(48, 3), 1.007)) == [(65 * 128 + 3) / 16383]

    def test_what_comes_after_its_time_commits_it_first(self) -> None:
        decoder = Decoder([self.source, Cc(1)])
        decoder.take(cc(16, 127), 0.0)
        assert positions(decoder.take(cc(1, 0), 1.0)) == [1.0, 0.0]

    def test_halves_of_two_channels_are_not_mixed(self) -> None:
        moves = told(self.source, cc(16, 10, 1), cc(16, 20, 2), cc(48, 1, 1), cc(48, 2, 2))
        assert positions(moves) == [(10 * 128 + 1) / 16383, (20 * 128 + 2) / 16383]

    def test_a_device_that_is_gone_has_nothing_half_said(self) -> None:
        decoder = Decoder([self.source])
        decoder.take(cc(16, 64), 0.0)
        decoder.forget()
        assert decoder.due_s is None
        assert decoder.take(cc(48, 5), 0.001) == []


def selected(number: int, *, registered: bool = False) -> list[mido.Message]:
    high, low = (101, 100) if registered else (99, 98)
    return [cc(high, number >> 7), cc(low, number & 127)]


class TestNumberedParameters:
    source = Nrpn(300)

    def test_select_and_data(self) -> None:
        moves = told(self.source, *selected(300), cc(6, 64), cc(38, 1))
        assert positions(moves) == [(64 * 128 + 1) / 16383]

    def test_it_stays_selected(self) -> None:
        data = [cc(6, 1), cc(38, 0), cc(6, 2), cc(38, 0)]
        assert len(told(self.source, *selected(300), *data)) == 2

    def test_another_number_and_a_registered_one_are_not_it(self) -> None:
        assert told(self.source, *selected(301), cc(6, 64), cc(38, 1)) == []
        assert told(self.source, *selected(300, registered=True), cc(6, 64), cc(38, 1)) == []
        registered = Nrpn(0, registered=True)
        assert len(told(registered, *selected(0, registered=True), cc(6, 2), cc(38, 0))) == 1
        assert told(registered, *selected(0), cc(6, 2), cc(38, 0)) == []

    def test_half_a_number_of_the_other_kind_is_none(self) -> None:
        assert told(Nrpn(300), cc(101, 2), cc(98, 44), cc(6, 1), cc(38, 1)) == []

    def test_nothing_is_selected_after_127_127(self) -> None:
        assert told(self.source, *selected(300), *selected(16383), cc(6, 64), cc(38, 1)) == []

    def test_data_alone_of_7_bits(self) -> None:
        decoder = Decoder([self.source])
        for message in [*selected(300), cc(6, 127)]:
            assert decoder.take(message, 0.0) == []
        assert positions(decoder.due(0.01)) == [1.0]

    def test_a_channel_without_one_has_its_controllers_for_knobs(self) -> None:
        knobs = [Cc(number) for number in (6, 98, 99)]
        decoder = Decoder([Nrpn(300, channel=2), *knobs])

        def sources(*messages: mido.Message) -> list[Source]:
            return [g.source for message in messages for g in decoder.take(message, 0.0)]

        assert sources(cc(99, 2, 1), cc(98, 44, 1), cc(6, 5, 1)) == [knobs[2], knobs[1], knobs[0]]
        assert sources(cc(6, 5, 2)) == [knobs[0]], "nothing is selected yet"
        assert sources(cc(99, 2, 2), cc(98, 44, 2), cc(6, 5, 2), cc(38, 5, 2)) == [
            Nrpn(300, channel=2)
        ]

    def test_steps(self) -> None:
        turned = told(self.source, *selected(300), cc(96, 0), cc(97, 0), cc(97, 127))
        assert [t.ticks for t in turned if isinstance(t, Turned)] == [1, -1, -1]

    def test_channels_select_for_themselves(self) -> None:
        messages = [cc(99, 2, 1), cc(98, 44, 1), cc(6, 1, 2), cc(38, 1, 2)]
        assert told(self.source, *messages) == []

    def test_a_plain_data_controller_is_a_knob_until_something_is_selected(self) -> None:
        decoder = Decoder([self.source, Cc(6)])
        assert positions(decoder.take(cc(6, 127), 0.0)) == [1.0]
        for message in selected(5):
            decoder.take(message, 0.0)
        assert decoder.take(cc(6, 127), 0.0) == []


def test_a_map_without_numbers_leaves_their_controllers_alone() -> None:
    assert len(told(Cc(98), *selected(300))) == 1


def test_keys() -> None:
    gestures = told(Note(36), note(36, 127), note(36, 0), note(37, 100), note(36, 1))
    assert gestures == [Pressed(Note(36), 1.0), Released(Note(36)), Pressed(Note(36), 1 / 127)]
    assert told(Note(36), mido.Message("note_off", note=36, velocity=64)) == [Released(Note(36))]


def test_pitch_wheel() -> None:
    moves = told(Pitch(), *[mido.Message("pitchwheel", pitch=p) for p in (-8192, 0, 8191)])
    assert positions(moves) == [0.0, 8192 / 16383, 1.0]


def test_pressure_of_channel_and_of_key() -> None:
    whole = mido.Message("aftertouch", value=127)
    key = mido.Message("polytouch", note=36, value=127)
    assert positions(told(Aftertouch(), whole, key)) == [1.0]
    assert positions(told(Aftertouch(36), whole, key)) == [1.0]
    assert told(Aftertouch(37), whole, key) == []


def test_programs() -> None:
    change = mido.Message("program_change", program=5)
    assert told(Program(), change) == [Chosen(Program(), 5)]
    assert told(Program(5), change) == [Chosen(Program(5), 5)]
    assert told(Program(6), change) == []


def test_what_is_none_of_these_says_nothing() -> None:
    kinds = [
        "clock",
        "active_sensing",
        "start",
        "stop",
        "reset",
        "songpos",
        "sysex",
        "tune_request",
    ]
    everything: list[Source] = [Note(0), Pitch(), Program(), Aftertouch(0)]
    everything += [Cc(number) for number in range(128)]
    decoder = Decoder(everything)
    assert [decoder.take(mido.Message(kind), 0.0) for kind in kinds] == [[]] * len(kinds)


CHANNELS = st.none() | st.integers(1, 16)
SEVEN = st.integers(0, 127)
SOURCES: st.SearchStrategy[Source] = st.one_of(
    st.builds(Cc, SEVEN, CHANNELS, st.sampled_from([None, "twos-complement", "signed-bit"])),
    st.integers(0, 31).map(lambda high: Cc14(high, high + 32)),
    st.builds(Nrpn, st.integers(0, 300), CHANNELS, st.booleans()),
    st.builds(Pitch, CHANNELS),
    st.builds(Aftertouch, st.none() | SEVEN, CHANNELS),
    st.builds(Note, SEVEN, CHANNELS),
    st.builds(Program, st.none() | SEVEN, CHANNELS),
)


def parsed(data: bytes) -> list[Any]:
    parser = mido.Parser()
    parser.feed(data)
    return list(parser)


@settings(max_examples=100)
@given(st.lists(SOURCES, max_size=12), st.binary(max_size=400), st.integers(1, 20))
def test_any_bytes_give_gestures_within_bounds(
    sources: list[Source], data: bytes, every_ms: int
) -> None:
    decoder = Decoder(sources)
    for index, message in enumerate(parsed(data)):
        for gesture in decoder.take(message, index * every_ms / 1000):
            assert gesture.source in sources
            match gesture:
                case Moved(_, position):
                    assert 0 <= position <= 1
                case Turned(_, ticks, interval_s):
                    assert -64 <= ticks <= 64
                    assert ticks != 0
                    assert interval_s >= 0
                case Pressed(_, velocity):
                    assert 0 < velocity <= 1
                case Chosen(_, number):
                    assert 0 <= number <= 127
    decoder.due(math.inf)
    assert decoder.due_s is None
