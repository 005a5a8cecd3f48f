"""However a stream is cut, the same packets come out of it."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pythonosc import slip

from controllers.osc_framing import MAX_STREAMED_BYTES, Deframer, Framing, framed
from controllers.osc_wire import pack_message

PACKETS = st.lists(
    st.builds(
        lambda address, words: b"/" + address + bytes(-(len(address) + 1) % 4) + words,
        st.binary(max_size=12),
        st.lists(st.sampled_from([b"\xc0" * 4, b"\xdb\xdc\xdd\xdb", b"abcd"])).map(b"".join),
    ),
    max_size=8,
)
CUTS = st.lists(st.integers(0, 300), max_size=20)


def deframed(stream: bytes, cuts: list[int]) -> tuple[list[bytes], str]:
    """What comes of a stream cut at these places, and what was wrong with it."""
    deframer = Deframer()
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    packets = [
        packet
        for begin, stop in itertools.pairwise(edges)
        for packet in deframer.feed(stream[begin:stop])
    ]
    deframer.end()
    return packets, deframer.broken


@given(PACKETS, CUTS, st.sampled_from(Framing))
@example([b"/\xdb\xdc\xc0"], list(range(20)), Framing.SLIP)
def test_any_cutting_gives_the_same_packets(
    packets: list[bytes], cuts: list[int], framing: Framing
) -> None:
    stream = b"".join(framed(packet, framing) for packet in packets)
    assert deframed(stream, cuts) == (packets, "")
    assert deframed(stream, list(range(len(stream)))) == (packets, "")


@given(st.binary(max_size=80), CUTS, st.sampled_from([b"", b"\xc0", b"/", b"\0\0\0\x04"]))
def test_any_bytes_end_the_same_way_however_they_are_cut(
    stream: bytes, cuts: list[int], start: bytes
) -> None:
    whole = deframed(start + stream, [])
    packets, broken = deframed(start + stream, cuts)
    assert packets == whole[0]
    assert broken == whole[1]


@given(PACKETS)
def test_python_osc_reads_and_writes_the_same_slip(packets: list[bytes]) -> None:
    for packet in packets:
        assert framed(packet, Framing.SLIP) == slip.encode(packet)
        assert slip.decode(framed(packet, Framing.SLIP)) == packet


def test_the_first_byte_tells_the_framing() -> None:
    for first, framing in ((b"\0", Framing.LENGTH), (b"\xc0", Framing.SLIP), (b"/", Framing.SLIP)):
        deframer = Deframer()
        assert deframer.framing is None
        assert deframer.feed(first) == []
        assert deframer.framing is framing


def test_slip_with_one_end_or_many() -> None:
    """RFC 1055 sends END after a packet; a double END around it, or idle ones, change nothing."""
    one, two = pack_message("/one", 1), pack_message("/two", 2)
    assert deframed(one + b"\xc0" + two + b"\xc0", [])[0] == [one, two]
    assert deframed(b"\xc0\xc0\xc0" + one + b"\xc0\xc0\xc0" + two + b"\xc0", [])[0] == [one, two]


@pytest.mark.parametrize("size", [0, -1, -(2**31), 2**31 - 1, 3, 7, MAX_STREAMED_BYTES + 4])
def test_a_length_that_cannot_be_ends_the_stream_once(size: int) -> None:
    good = framed(pack_message("/a", 1), Framing.LENGTH)
    deframer = Deframer()
    packets = deframer.feed(good + struct.pack(">i", size) + good)
    # as a stream's first byte 0x80 and above would be no SLIP either
    assert packets == [pack_message("/a", 1)]
    assert deframer.broken.startswith(f"a packet of {size} bytes in a stream; allowed: multiples")
    said = deframer.broken
    assert deframer.feed(good) == []
    deframer.end()
    assert deframer.broken == said


def test_another_protocol_is_no_osc() -> None:
    deframer = Deframer()
    assert deframer.feed(b"GET / HTTP/1.1\r\n\r\n") == []
    assert deframer.broken.startswith("a packet of 1195725856 bytes")


@pytest.mark.parametrize("framing", Framing)
def test_the_longest_packet_and_one_more(framing: Framing) -> None:
    longest = b"/" + b"\xc0" * (MAX_STREAMED_BYTES - 1)
    assert deframed(framed(longest, framing), [5, 70_000]) == ([longest], "")
    packets, broken = deframed(framed(longest + b"\xc0" * 4, framing), [5])
    assert packets == []
    assert str(MAX_STREAMED_BYTES) in broken


def test_a_packet_without_an_end_takes_no_more_memory_than_the_longest() -> None:
    deframer = Deframer()
    fed = 0
    while not deframer.broken:
        deframer.feed(b"/" * 1000)
        fed += 1000
        assert fed <= 2 * MAX_STREAMED_BYTES + 2000
    assert deframer._kept == b""


def test_a_wrong_escape_ends_the_stream() -> None:
    for wrong in (b"/a\xdb\xc0", b"/a\xdbx\xc0", b"/a\xdb\xdb\xdc\xc0"):
        packets, broken = deframed(b"/ok\0\xc0" + wrong + b"/no\0\xc0", [])
        assert packets == [b"/ok\0"]
        assert "escape" in broken


def test_an_end_inside_a_packet_is_said() -> None:
    assert deframed(b"\0\0\0\x08/a\0\0", [])[1] == "the stream ended 8 bytes into a packet"
    assert deframed(b"\xc0/a", [])[1] == "the stream ended 2 bytes into a packet"
