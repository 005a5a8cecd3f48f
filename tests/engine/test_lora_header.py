from __future__ import annotations

import io
import json
import math
import os
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
import safetensors
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import LoraError
from engine.lora_header import (
    MAX_HEADER_BYTES,
    Header,
    TensorEntry,
    header_size,
    parse_header,
    read_header,
)
from tests.helpers.loras import header_json, packed, safetensors_file

reference_reader: Any = safetensors.deserialize
GOOD = safetensors_file({"a": (2, 3), "b": (), "c": (0, 4)}, {"title": "Ä"})

shapes = st.dictionaries(
    st.text(min_size=1, max_size=8).filter(lambda key: key != "__metadata__"),
    st.lists(st.integers(0, 4), max_size=4).map(tuple),
    min_size=1,
    max_size=6,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def refused(prefix: bytes, file_bytes: int | None = None) -> str:
    with pytest.raises(LoraError) as caught:
        parse_header(prefix, "x", file_bytes)
    told = str(caught.value)
    assert told.startswith("'x' ")
    assert told.isprintable()
    assert len(told) < 500
    return told


def header_or_refusal(prefix: bytes, file_bytes: int | None = None) -> Header | str | None:
    """Anything else that is raised fails the test."""
    try:
        return parse_header(prefix, "x", file_bytes)
    except LoraError as error:
        told = str(error)
    assert told.isprintable()
    return told


def changed(**entry: object) -> bytes:
    value = header_json({"a": (2, 3)})
    value["a"].update(entry)
    return packed(value, 12)


def test_a_header_and_where_its_tensors_lie() -> None:
    header = parse_header(GOOD, "x", len(GOOD))
    assert header is not None
    data = len(GOOD) - 14
    assert header.tensors == {
        "a": TensorEntry("F16", (2, 3), data, data + 12),
        "b": TensorEntry("F16", (), data + 12, data + 14),
        "c": TensorEntry("F16", (0, 4), data + 14, data + 14),
    }
    assert header.metadata == {"title": "Ä"}
    assert header.file_bytes == len(GOOD)


@given(shapes, st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_what_safetensors_itself_reads_is_read_alike(
    wanted: dict[str, tuple[int, ...]], metadata: dict[str, str]
) -> None:
    file = safetensors_file(wanted, metadata)
    header = parse_header(file, "x", len(file))
    assert header is not None
    theirs = {key: (each["dtype"], each["shape"]) for key, each in reference_reader(file)}
    assert {key: ("F16", list(each.shape)) for key, each in header.tensors.items()} == theirs
    assert header.metadata == metadata


@given(shapes, st.data())
def test_a_growing_prefix_is_too_short_until_the_header_is_whole(
    wanted: dict[str, tuple[int, ...]], data: st.DataObject
) -> None:
    file = safetensors_file(wanted)
    size = header_size(file, "x")
    assert size is not None
    here = data.draw(st.integers(0, len(file)))
    header = parse_header(file[:here], "x", len(file))
    assert (header is None) == (here < size)
    assert here < size or header == parse_header(file, "x")


@given(st.binary(max_size=200), st.none() | st.integers(0, 300))
@example(b"", 0)
@example(bytes(8), None)
@example(b"\x02" + bytes(7) + b"{}", 10)
def test_any_bytes_are_a_header_or_refused(prefix: bytes, file_bytes: int | None) -> None:
    header_or_refusal(prefix, file_bytes)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4))
def test_a_valid_file_with_some_bytes_changed(changes: list[tuple[int, int]]) -> None:
    file = bytearray(GOOD)
    for place, value in changes:
        file[place] = value
    if isinstance(header_or_refusal(bytes(file), len(file)), Header):
        reference_reader(bytes(file))  # what we take, the reference takes


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "__metadata__"]),
        json_values
        | st.fixed_dictionaries(
            {},
            optional={
                "dtype": st.sampled_from(["F16", "F4", "X"]) | json_values,
                "shape": st.lists(st.integers(-1, 3), max_size=3) | json_values,
                "data_offsets": st.lists(st.integers(-1, 20), max_size=3) | json_values,
                "more": json_values,
            },
        ),
        max_size=3,
    )
)
def test_any_json_as_a_header(value: dict[str, Any]) -> None:
    file = packed(value, 12)
    header = header_or_refusal(file, len(file))
    assert header is not None
    assert isinstance(header, str) or header.file_bytes == len(file)


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (changed(dtype="F12"), "unknown dtype 'F12'"),
        (changed(dtype=["F16"]), "unknown dtype"),
        (changed(shape=[2, 4]), "12 bytes for [2, 4] of F16"),
        (changed(shape=[-2, -3]), "shape [-2, -3]"),
        (changed(shape=[True, 6]), "shape [True, 6]"),
        (changed(shape=[2.0, 3]), "shape [2.0, 3]"),
        (changed(shape=[1] * 9), "the shape"),
        (changed(shape=[0, 10**4000]), "the shape"),
        (changed(data_offsets=[12, 0]), "data_offsets [12, 0]"),
        (changed(data_offsets=[0]), "data_offsets [0]"),
        (changed(data_offsets=[4, 16]), "begins at byte 4 of the data, not at 0"),
        (changed(more=1), "or more than these"),
        (packed({"a": {}}), "no dtype, shape and data_offsets"),
        (packed({"a": 1}), "no dtype, shape and data_offsets"),
        (packed({}), "no tensors"),
        (packed({"__metadata__": {"a": 1}}), "not all text"),
        (packed({"__metadata__": []}), "not all text"),
        (packed(b'{"a": NaN}'), "NaN is no number"),
        (packed(b'{"a": 1e999, "a": 2}'), "names 'a' twice"),
        (packed(b'{"a": ' + b"1" * 5000 + b"}"), "cannot be read as JSON"),
        (packed(b'{"\\ud800": 1}'), "cannot be read as JSON"),
        (packed(b'{"\xff": 1}'), "cannot be read as JSON"),
        (packed(b"{" + b" " * 20), "cannot be read as JSON"),
        (packed(b"[1, 2]"), "no JSON object"),
        (packed(b'{"a":' * 100_000), "cannot be read as JSON"),
        (packed(b'{"a":' + b"[" * 100_000), "cannot be read as JSON"),
    ],
)
def test_what_is_wrong_with_a_header_is_said(file: bytes, told: str) -> None:
    assert told in refused(file)


def test_tensors_must_not_overlap_nor_leave_gaps() -> None:
    value = header_json({"a": (2,), "b": (2,)})
    for begin, end in ((2, 6), (5, 9), (0, 4)):
        value["b"]["data_offsets"] = [begin, end]
        assert "of the data, not at 4" in refused(packed(value, 9))


@pytest.mark.parametrize("change", [-1, 1])
def test_the_size_must_be_what_the_header_says(change: int) -> None:
    told = refused(GOOD, len(GOOD) + change)
    assert f"has {len(GOOD) + change} of {len(GOOD)} bytes" in told


def test_a_file_shorter_than_its_header_is_cut_short_not_waited_for() -> None:
    assert "cut short at 20 bytes" in refused(GOOD[:20], 20)
    assert "cut short at 3 bytes" in refused(GOOD[:3], 3)
    assert "cut short at 0 bytes" in refused(b"", 0)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"...")
    return file.getvalue()


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (zipped(), "zip archive"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "pickle"),
        (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94", "pickle"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\r\n  <html><body>404", "web page"),
        (b"\xef\xbb\xbf<html>", "web page"),
        (b'{"error":"Invalid credentials"}', "JSON text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "Git LFS pointer"),
        (b"GGUF\x03\x00\x00\x00\x01\x02", "GGUF"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "gzip"),
        (b"\x1f\x8b\x08\x08\x9d\x3e\x65\x61\x00\x03", "gzip"),
        (bytes(20), "a header of 0 bytes"),
        (b"\xff" * 20, "a header of 18446744073709551615 bytes"),
        ((MAX_HEADER_BYTES + 1).to_bytes(8, "little") + b"{", "a header of 8388609 bytes"),
    ],
)
def test_other_files_are_known_by_name_and_early(file: bytes, told: str) -> None:
    assert told in refused(file)
    assert header_size(file[:7], "x") is None
    assert told in refused(file[:10])


def test_nothing_is_allocated_on_the_word_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(MAX_HEADER_BYTES.to_bytes(8, "little") + b"{" + b" " * 100)
    tracemalloc.start()
    try:
        with pytest.raises(LoraError, match="cut short at 109 bytes"):
            read_header(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_a_header_of_the_full_size_is_read() -> None:
    value = json.dumps(header_json({"a": (1,)})).encode()
    padded = value[:-1] + b" " * (MAX_HEADER_BYTES - len(value)) + b"}"
    assert len(padded) == MAX_HEADER_BYTES
    assert parse_header(packed(padded), "x") is not None


def test_a_file_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "anime.safetensors"
    path.write_bytes(GOOD)
    header = read_header(path)
    assert header.name == "anime.safetensors"
    assert math.prod(header.tensors["a"].shape) == 6
    assert read_header(path, "anime").name == "anime"


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(LoraError, match=r"'x' cannot be read: No such file"):
        read_header(tmp_path / "x")
    with pytest.raises(LoraError, match="is no file"):
        read_header(tmp_path, "x")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(LoraError, match="is no file"):
        read_header(pipe)
