from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage as TheirMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

from controllers.osc_wire import (
    IMMEDIATELY,
    MAX_DEPTH,
    NTP_EPOCH_S,
    Arg,
    Color,
    Impulse,
    Midi,
    OscFormatError,
    OscMessage,
    TimeTag,
    clip,
    pack_message,
    read_packet,
    seconds_ahead,
    timetag_at,
)
from tests.helpers.osc import bundle

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
addresses = texts.map(lambda text: "/" + text)
floats = st.floats(width=32, allow_nan=False)
simple: st.SearchStrategy[Arg] = st.one_of(
    floats,
    st.integers(-(2**63), 2**63 - 1),
    texts,
    st.binary(max_size=20),
    st.booleans(),
    st.none(),
)
exotic: st.SearchStrategy[Arg] = st.one_of(
    st.builds(TimeTag, st.integers(0, 2**64 - 1)),
    st.builds(Color, st.integers(0, 2**32 - 1)),
    st.builds(Midi, st.binary(min_size=4, max_size=4)),
    st.just(Impulse()),
)


def _arrays(inner: st.SearchStrategy[Arg]) -> st.SearchStrategy[Arg]:
    return st.lists(inner, max_size=4).map(lambda found: tuple(found))


arguments: st.SearchStrategy[Arg] = st.recursive(st.one_of(simple, exotic), _arrays, max_leaves=6)
packets = st.builds(
    lambda address, args: pack_message(address, *args), addresses, st.lists(arguments, max_size=6)
)
bundles: st.SearchStrategy[bytes] = st.recursive(
    packets,
    lambda inner: st.builds(
        lambda tag, found: bundle(tag, *found),
        st.integers(0, 2**64 - 1),
        st.lists(inner, max_size=3),
    ),
    max_leaves=5,
)


def raw(address: str, tags: str, body: bytes = b"") -> bytes:
    return pack_message(address)[:-4] + pack_message(tags)[:-4] + body


@given(addresses, st.lists(arguments, max_size=6))
def test_what_is_packed_reads_the_same(address: str, args: list[Arg]) -> None:
    assert read_packet(pack_message(address, *args)) == [OscMessage(address, tuple(args), None)]


@given(addresses, st.lists(simple, max_size=6))
def test_python_osc_reads_what_we_pack(address: str, args: list[Arg]) -> None:
    packet = pack_message(address, *args)
    theirs = TheirMessage(packet)
    assert (theirs.address, theirs.params) == (address, args)
    assert all(type(one) is type(other) for one, other in zip(theirs.params, args, strict=True))


@given(addresses, st.lists(st.tuples(st.sampled_from("ihfdsbTFN[rm"), st.data()), max_size=5))
def test_we_read_what_python_osc_packs(
    address: str, kinds: list[tuple[str, st.DataObject]]
) -> None:
    values: dict[str, st.SearchStrategy[object]] = {
        "i": st.integers(-(2**31), 2**31 - 1),
        "h": st.integers(-(2**63), 2**63 - 1),
        "f": floats,
        "d": st.floats(allow_nan=False),
        "s": texts,
        "b": st.binary(min_size=1, max_size=9),
        "T": st.just(True),
        "F": st.just(False),
        "N": st.none(),
        "r": st.integers(0, 2**32 - 1),
        "m": st.tuples(*[st.integers(0, 255)] * 4),
        "[": st.lists(texts, min_size=1, max_size=3),
    }
    builder = OscMessageBuilder(address)
    expected: list[object] = []
    for kind, data in kinds:
        value = data.draw(values[kind])
        if kind == "[":
            assert isinstance(value, list)
            builder.add_arg(value, ["s"] * len(value))
            expected.append(tuple(value))
            continue
        builder.add_arg(value, kind)  # type: ignore[arg-type]
        if kind == "r":
            assert isinstance(value, int)
            value = Color(value)
        elif kind == "m":
            assert isinstance(value, tuple)
            value = Midi(bytes(value))
        expected.append(value)
    assert read_packet(builder.build().dgram) == [OscMessage(address, tuple(expected), None)]  # type: ignore[arg-type]


@given(st.lists(packets, min_size=1, max_size=3), st.integers(2**63, 2**63 + 2**62))
def test_bundles_agree_with_python_osc(inside: list[bytes], tag: int) -> None:
    packet = bundle(tag, *inside)
    ours = read_packet(packet)
    theirs = [timed.message for timed in OscPacket(packet).messages]
    assert [message.address for message in ours] == [message.address for message in theirs]
    assert {message.timetag for message in ours} == {tag}


def test_nested_bundles_keep_their_own_timetags() -> None:
    inner = bundle(7, pack_message("/b"))
    packet = bundle(IMMEDIATELY, pack_message("/a"), inner, pack_message("/c"))
    assert [(m.address, m.timetag) for m in read_packet(packet)] == [
        ("/a", 1),
        ("/b", 7),
        ("/c", 1),
    ]
    assert read_packet(bundle(5)) == []


@given(bundles, st.data())
def test_damage_is_noticed_or_harmless(packet: bytes, data: st.DataObject) -> None:
    """Any packet with bytes changed, cut or added either reads or raises our own error."""
    damaged = bytearray(packet)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(0, len(damaged) - 1)))
        match data.draw(st.sampled_from(("change", "cut", "add"))):
            case "change" if damaged:
                damaged[at] = data.draw(st.integers(0, 255))
            case "cut":
                del damaged[at:]
            case _:
                damaged[at:at] = data.draw(st.binary(max_size=5))
    try:
        read_packet(bytes(damaged))
    except OscFormatError as error:
        complaint = error
    else:
        return
    assert 0 <= complaint.position <= len(damaged)
    assert complaint.reason in str(complaint)


@given(st.binary(max_size=80))
def test_noise_raises_our_error_only(noise: bytes) -> None:
    for packet in (noise, b"/" + noise, b"/a\0\0," + noise, b"#bundle\0" + noise):
        try:
            read_packet(packet)
        except OscFormatError:
            continue


@given(packets, st.integers(1, 3))
def test_no_packet_of_an_odd_length_reads(packet: bytes, extra: int) -> None:
    with pytest.raises(OscFormatError):
        read_packet(packet + b"\0" * extra)


@pytest.mark.parametrize(
    ("packet", "position", "reason"),
    [
        (b"", 0, "nothing there"),
        (b"hello\0\0\0", 0, "a packet starts with"),
        (b"/abc", 0, "without its ending zero"),
        (b"/a\0", 2, "not padded"),
        (b"/a\0x", 2, "not padded"),
        (b"/\xff\0\0", 1, "not UTF-8"),
        (raw("/a", "f", struct.pack(">f", 1)), 4, "start with a comma"),
        (raw("/a", ",f"), 8, "an argument of 4 bytes, 0 are left"),
        (raw("/a", ",f", b"\0\0"), 8, "an argument of 4 bytes, 2 are left"),
        (raw("/a", ",Q"), 8, "unknown type tag 'Q'"),
        (raw("/a", ",b", struct.pack(">i", -1)), 8, "a blob of -1 bytes"),
        (raw("/a", ",b", struct.pack(">i", 4)), 8, "a blob of 4 bytes, 0 are left"),
        (raw("/a", ",b", struct.pack(">i", 1) + b"a\0\0x"), 13, "a blob that is not padded"),
        (raw("/a", ",b", b"\0"), 8, "a number of 4 bytes"),
        (raw("/a", ",s", b"\xe2\x82\0\0"), 8, "not UTF-8"),
        (raw("/a", ",c", struct.pack(">i", 200)), 8, "a character of code 200"),
        (raw("/a", ",i", bytes(8)), 12, "4 bytes more"),
        (raw("/a", ",[i", bytes(4)), 12, "an array's [ without"),
        (raw("/a", ",i]", bytes(4)), 12, "an array's ] without"),
        (raw("/a", "," + "[" * 9 + "]" * 9), 24, "arrays nested deeper than 8"),
        (b"#bundle\0" + bytes(4), 0, "not a bundle's header"),
        (b"#bundlE\0" + bytes(8), 0, "not a bundle's header"),
        (bundle(1) + b"\0\0", 16, "without its size"),
        (bundle(1) + struct.pack(">i", 0), 16, "an element of 0 bytes"),
        (bundle(1) + struct.pack(">i", -4), 16, "an element of -4 bytes"),
        (bundle(1) + struct.pack(">i", 8) + bytes(4), 16, "an element of 8 bytes, 4 are left"),
        (bundle(1, b"/a\0\0" + b",f\0\0") + b"", 28, "an argument of 4 bytes"),
        (bundle(1, b"nope"), 20, "a packet starts with"),
    ],
)
def test_each_fault_is_named_with_its_place(packet: bytes, position: int, reason: str) -> None:
    with pytest.raises(OscFormatError) as caught:
        read_packet(packet)
    assert caught.value.position == position
    assert reason.replace("an element", "a bundle's element") in caught.value.reason


def test_bundles_nest_to_a_limit() -> None:
    packet = pack_message("/deep")
    for _ in range(MAX_DEPTH):
        packet = bundle(1, packet)
    assert read_packet(packet)[0].address == "/deep"
    with pytest.raises(OscFormatError, match="nested deeper than 8"):
        read_packet(bundle(1, packet))


def test_types_that_we_only_read() -> None:
    body = struct.pack(">d", 1e300) + b"sym\0" + struct.pack(">i", ord("x"))
    assert read_packet(raw("/a", ",dSc", body))[0].args == (1e300, "sym", "x")
    # old senders leave the type tags out
    assert read_packet(b"/a\0\0") == [OscMessage("/a", (), None)]


def test_packing_is_never_at_a_loss() -> None:
    assert read_packet(pack_message("/a", 1e300))[0].args == (1e300,)
    assert read_packet(pack_message("/a", "a\0b\ud83d"))[0].args == ("ab?",)


def test_text_is_cut_at_a_whole_character() -> None:
    assert clip("short", 10) == "short"
    assert clip("ää" * 10, 10) == "äää..."
    assert len(clip("€" * 99, 50).encode()) <= 50


def test_timetags() -> None:
    now = 1_700_000_000.0
    assert seconds_ahead(IMMEDIATELY, now) == 0
    assert seconds_ahead(0, now) == 0
    assert seconds_ahead(timetag_at(now + 2.5), now) == pytest.approx(2.5, abs=1e-6)
    assert seconds_ahead(timetag_at(now - 2.5), now) == 0
    assert seconds_ahead(timetag_at(now + 90_000), now) == pytest.approx(90_000, abs=1e-3)
    # a sender that counts from its own start
    assert seconds_ahead(60 << 32, now) == 0
    # across the wrap of 2036
    wrap = 2**32 - NTP_EPOCH_S
    assert seconds_ahead(timetag_at(wrap + 1), wrap - 1.0) == pytest.approx(2, abs=1e-6)
