"""What moved most, and what sort of thing it is."""

from __future__ import annotations

from collections.abc import Iterable

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.midi_candidates import MOST_VALUES, Candidate, Moves, relative_of
from controllers.midi_map import Aftertouch, Cc, Cc14, Note, Nrpn, Pitch, Program, Relative

BOX = "Box MIDI 1"


def moved(texts: Iterable[str], apart_s: float = 0.002) -> list[Candidate]:
    moves = Moves()
    for number, text in enumerate(texts):
        moves.take(BOX, mido.Message.from_str(text), number * apart_s)
    return moves.candidates()


def cc(number: int, *values: int, channel: int = 0) -> list[str]:
    return [f"control_change channel={channel} control={number} value={value}" for value in values]


def test_of_two_knobs_the_one_that_moved_further() -> None:
    found = moved([*cc(20, 60, 61, 62), *cc(21, 10, 30, 50)])
    assert [one.source for one in found] == [Cc(21, 1), Cc(20, 1)]
    assert (found[0].sort, found[0].moved, found[0].port) == ("knob", 40, BOX)
    assert found[0].text == "Box MIDI 1: cc 21 channel 1 (knob)"


def test_a_trembling_knob_does_not_win_by_the_number_of_its_messages() -> None:
    found = moved([*cc(20, *[63, 65, 66] * 30), *cc(21, 10, 13, 17)])
    assert found[0].source == Cc(21, 1)


@pytest.mark.parametrize(
    "text",
    [
        "clock",
        "active_sensing",
        "start",
        "sysex data=(1,2,3)",
        "note_off note=3",
        "note_on note=3 velocity=0",
        "songpos pos=4",
        *(cc(number, 64)[0] for number in range(120, 128)),
    ],
)
def test_what_is_no_knob_is_ignored(text: str) -> None:
    moves = Moves()
    assert not moves.take(BOX, mido.Message.from_str(text), 0.0)
    assert not moves
    assert moves.candidates() == []


@pytest.mark.parametrize("number", [0, 32])
def test_a_bank_select_is_no_knob(number: int) -> None:
    assert moved(cc(number, 3)) == []
    assert moved(cc(number, 127)) == []
    assert moved([*cc(number, 0, 90, 3), *cc(40, 3, 4)])[0].source == Cc(40, 1)
    found = moved([*cc(0, 1, 2), *cc(32, 4, 6), "program_change program=9"])
    assert [one.source for one in found] == [Program(9, 1)]


def test_the_first_fader_of_a_nanokontrol_is_controller_0_nonetheless() -> None:
    assert moved(cc(0, 3, 5, 8, 12))[0].source == Cc(0, 1)


@pytest.mark.parametrize("values", [(127,), (127, 0), (127, 0, 127, 0), (0, 127)])
def test_a_button_among_controllers(values: tuple[int, ...]) -> None:
    found = moved([*cc(20, 5, 6), *cc(41, *values)])
    assert (found[0].source, found[0].sort) == (Cc(41, 1), "button")
    assert found[0].sure == (len(values) > 1)


def test_a_pad_and_its_pressure() -> None:
    texts = ["note_on channel=9 note=36 velocity=90"]
    texts += [f"polytouch channel=9 note=36 value={value}" for value in range(0, 120, 9)]
    texts += [f"aftertouch channel=9 value={value}" for value in range(0, 120, 9)]
    assert [one.source for one in moved(texts)] == [Note(36, 10)]
    assert moved(texts[1:])[0].source == Aftertouch(36, 10), "pressed on a pad that is down"
    assert moved(texts[15:])[0].source == Aftertouch(None, 10)


def test_a_touched_fader_is_a_fader() -> None:
    texts = ["note_on note=104 velocity=127"]
    texts += [f"pitchwheel pitch={pitch}" for pitch in range(-8000, 2000, 500)]
    found = moved(texts)
    assert (found[0].source, found[0].sort) == (Pitch(1), "knob")


def test_two_halves_make_one_knob() -> None:
    texts = []
    for value in range(2000, 2600, 50):
        texts += [*cc(4, value >> 7), *cc(36, value & 127)]
    found = moved(texts, apart_s=0.001)
    assert [one.source for one in found] == [Cc14(4, 36, 1)]


def test_a_fader_and_a_button_32_above_are_two_things() -> None:
    found = moved([*cc(4, 10, 12, 14), *cc(36, 127), *cc(4, 16, 18), *cc(36, 0)], apart_s=0.001)
    assert {one.source for one in found} == {Cc(4, 1), Cc(36, 1)}


@pytest.mark.parametrize(("msb", "lsb", "registered"), [(99, 98, False), (101, 100, True)])
def test_a_parameter_number(msb: int, lsb: int, registered: bool) -> None:
    texts = []
    for value in (10, 20, 40):
        texts += [*cc(msb, 2), *cc(lsb, 44), *cc(6, value), *cc(38, 0)]
    found = moved(texts)
    assert [one.source for one in found] == [Nrpn(300, 1, registered)]
    assert found[0].moved >= 30


def test_data_entry_for_no_parameter_is_a_plain_controller() -> None:
    assert moved(cc(6, 1, 5, 9))[0].source == Cc(6, 1)
    null = [*cc(101, 127), *cc(100, 127)]
    assert moved([*null, *cc(6, 1, 5, 9)])[0].source == Cc(6, 1)


def test_a_program() -> None:
    found = moved([*cc(20, 3, 9), "program_change channel=2 program=5"])
    assert (found[0].source, found[0].sort) == (Program(5, 3), "program")


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        ((1, 1, 1), "twos-complement"),
        ((127, 127), "twos-complement"),
        ((1, 2, 2, 1, 127, 126), "twos-complement"),
        ((1, 127), "twos-complement"),
        ((65, 65, 66), "offset-binary"),
        ((63, 63), "offset-binary"),
        ((65, 65, 63, 62, 63), "offset-binary"),
        ((1, 1, 65, 66), "signed-bit"),
        ((1, 65), "signed-bit"),
        ((1, 2, 3, 4, 5), None),
        ((127, 126, 125), None),
        ((62, 63, 65, 66), None),
        ((63, 64, 65, 64), None),
        ((127, 0, 127), None),
        ((127,), None),
        ((30, 30), None),
        ((5, 70, 127), None),
    ],
)
def test_the_coding_of_an_encoder(values: tuple[int, ...], coding: Relative | None) -> None:
    assert relative_of(list(values)) == coding
    if coding is not None:
        found = moved(cc(20, *values))
        assert (found[0].source, found[0].sort) == (Cc(20, 1, coding), "encoder")


@given(st.integers(0, 127), st.integers(0, 127), st.integers(1, 20))
def test_a_knob_turned_steadily_is_never_taken_for_an_encoder(
    start: int, end: int, step: int
) -> None:
    way = range(start, end + 1, step) if start <= end else range(start, end - 1, -step)
    assert relative_of(list(way)) is None


_MESSAGES = st.one_of(
    st.builds(
        lambda control, value, channel: mido.Message(
            "control_change", control=control, value=value, channel=channel
        ),
        st.integers(0, 127),
        st.integers(0, 127),
        st.integers(0, 1),
    ),
    st.builds(lambda note: mido.Message("note_on", note=note), st.integers(0, 127)),
    st.builds(lambda pitch: mido.Message("pitchwheel", pitch=pitch), st.integers(-8192, 8191)),
    st.builds(lambda value: mido.Message("polytouch", value=value), st.integers(0, 127)),
    st.just(mido.Message("clock")),
)


@given(st.lists(_MESSAGES, max_size=60))
def test_any_messages_give_candidates_in_order(messages: list[mido.Message]) -> None:
    moves = Moves()
    for number, message in enumerate(messages):
        moves.take(BOX, message, number * 0.001)
    found = moves.candidates()
    assert [one.moved for one in found] == sorted((one.moved for one in found), reverse=True)
    assert len({one.source for one in found}) == len(found)


def test_of_a_flood_no_more_is_kept_than_a_cable_carries() -> None:
    moves = Moves()
    for number in range(5 * MOST_VALUES):
        message = mido.Message("control_change", control=20, value=number % 128)
        moves.take(BOX, message, number * 0.0001)
    (trace,) = moves._traces.values()
    assert len(trace.values) == len(trace.times_s) == MOST_VALUES
    assert moves.candidates()[0].source == Cc(20, 1)
