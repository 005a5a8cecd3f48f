from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mixing import LoraFile
from engine.painter import protocol

LORAS = st.dictionaries(st.text(max_size=8), st.floats(-2, 2))
FILES = st.dictionaries(
    st.text(max_size=8),
    st.builds(LoraFile, st.text(max_size=20), st.sampled_from(["", "sd15"]), st.integers(0, 2**31)),
)
MESSAGES = st.one_of(
    st.builds(
        protocol.Launch,
        painter=st.sampled_from(["copy", "diffusion"]),
        input=st.text(max_size=20),
        output=st.text(max_size=20),
        values=st.dictionaries(st.text(max_size=8), st.floats(allow_nan=False) | st.text()),
        loras=LORAS,
        files=FILES,
    ),
    st.builds(
        protocol.Settings,
        snapshot_seq=st.integers(0, 2**63),
        values=st.dictionaries(st.text(max_size=8), st.integers(0, 2**31) | st.text()),
        traced=st.booleans(),
        loras=LORAS,
    ),
    st.builds(protocol.Files, FILES),
    st.just(protocol.Stop()),
)


@given(st.lists(MESSAGES, max_size=8), st.data())
def test_any_cutting_of_the_stream_gives_the_same_messages(
    messages: list[protocol.ToPainter], data: st.DataObject
) -> None:
    stream = b"".join(map(protocol.pack, messages))
    unpacker = protocol.Unpacker(protocol.ToPainter)
    received: list[object] = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        received += unpacker.feed(stream[:cut])
        stream = stream[cut:]
    assert received == messages


def test_files_keep_their_order_and_their_kind() -> None:
    files = {id: LoraFile(f"/{id}", "sd15") for id in ("neon", "anime", "lcm")}
    (received,) = protocol.Unpacker(protocol.ToPainter).feed(protocol.pack(protocol.Files(files)))
    assert isinstance(received, protocol.Files)
    assert list(received.files.items()) == list(files.items())
    assert isinstance(received.files["neon"], LoraFile)


def test_a_message_of_the_other_direction_is_refused() -> None:
    unpacker = protocol.Unpacker(protocol.ToPainter)
    with pytest.raises(msgspec.DecodeError):
        list(unpacker.feed(protocol.pack(protocol.Beat("painting", 1))))


def test_a_length_that_cannot_be_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError, match="4294967295 bytes"):
        list(protocol.Unpacker(protocol.FromPainter).feed(b"\xff\xff\xff\xff"))
