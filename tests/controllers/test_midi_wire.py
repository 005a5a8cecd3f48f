"""Bytes become messages however they are cut, mixed and broken."""

from __future__ import annotations

import mido
from hypothesis import given
from hypothesis import strategies as st

from controllers.midi_wire import MAX_SYSEX_BYTES, Wire

CHANNEL = st.one_of(
    st.builds(
        lambda kind, channel, a, b: mido.Message.from_bytes([kind | channel, a, b]),
        st.sampled_from([0x80, 0x90, 0xA0, 0xB0, 0xE0]),
        st.integers(0, 15),
        st.integers(0, 127),
        st.integers(0, 127),
    ),
    st.builds(
        lambda kind, channel, a: mido.Message.from_bytes([kind | channel, a]),
        st.sampled_from([0xC0, 0xD0]),
        st.integers(0, 15),
        st.integers(0, 127),
    ),
)
OTHER = st.one_of(
    st.builds(lambda data: mido.Message("sysex", data=data), st.lists(st.integers(0, 127))),
    st.builds(lambda pos: mido.Message("songpos", pos=pos), st.integers(0, 16383)),
    st.sampled_from([mido.Message("tune_request"), mido.Message("song_select", song=3)]),
)
REALTIME = st.sampled_from(["clock", "start", "continue", "stop", "active_sensing", "reset"])


def read(*data: int) -> list[mido.Message]:
    return Wire().feed(data)


@given(st.lists(st.one_of(CHANNEL, OTHER)), st.data())
def test_messages_cut_anywhere_come_out_whole_and_in_order(
    messages: list[mido.Message], data: st.DataObject
) -> None:
    wire, found = Wire(), []
    left = [byte for message in messages for byte in message.bytes()]
    while left:
        size = data.draw(st.integers(1, len(left)))
        found += wire.feed(left[:size])
        left = left[size:]
    assert found == messages


@given(st.lists(CHANNEL))
def test_running_status_leaves_out_what_the_message_before_said(
    messages: list[mido.Message],
) -> None:
    sent: list[int] = []
    status = 0
    for message in messages:
        first, *rest = message.bytes()
        sent += rest if first == status else [first, *rest]
        status = first
    assert read(*sent) == messages


@given(st.lists(CHANNEL), REALTIME, st.data())
def test_realtime_may_stand_inside_another_message(
    messages: list[mido.Message], kind: str, data: st.DataObject
) -> None:
    sent = [byte for message in messages for byte in message.bytes()]
    at = data.draw(st.integers(0, len(sent)))
    beat = mido.Message(kind)
    found = read(*sent[:at], *beat.bytes(), *sent[at:])
    assert [message for message in found if message != beat] == messages
    assert found.count(beat) == 1


@given(st.lists(st.integers(0, 255), max_size=300))
def test_any_bytes_at_all_give_valid_messages_or_nothing(data: list[int]) -> None:
    for message in read(*data):
        assert mido.Message.from_bytes(message.bytes()) == message


def test_a_message_cut_short_is_dropped_and_the_next_one_counts() -> None:
    assert read(0xB0, 16, 0xB0, 17, 5) == [mido.Message("control_change", control=17, value=5)]


def test_system_common_ends_running_status() -> None:
    assert read(0xB0, 16, 1, 0xF6, 17, 2)[1:] == [mido.Message("tune_request")]


def test_a_sysex_that_never_ends_is_not_kept() -> None:
    wire = Wire()
    wire.feed([0xF0])
    for _ in range(40):
        assert wire.feed([1] * 4096) == []
    assert len(wire._data) <= MAX_SYSEX_BYTES + 1
    assert wire.feed([0xF7, 0xB0, 1, 2]) == [mido.Message("control_change", control=1, value=2)]
