"""The header of a safetensors file, read strictly and from as few bytes as there are.

8 bytes say how long the header is (little-endian), then comes its JSON, then the tensors' bytes.
Whatever the bytes are, only `LoraError` leaves this room, and nothing is allocated on the word of a
file: a length is believed only up to the cap, and a header is read once it is all there.
"""

from __future__ import annotations

import json
import math
import reprlib
import stat
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Never

from engine.errors import LoraError
from engine.logs import one_line
from engine.painter.model_files import MAX_JSON_BYTES

MAX_HEADER_BYTES: Final = MAX_JSON_BYTES
MAX_DIMENSIONS: Final = 8

BITS_OF_DTYPE: Final[Mapping[str, int]] = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "F32": 32, "I32": 32, "U32": 32,
    "F64": 64, "I64": 64, "U64": 64, "C64": 64,
}  # fmt: skip
"""Number formats that a safetensors file may name, and the bits of one number."""

_PICKLE: Final = "pickles can run code and are never loaded; get the .safetensors file"
_PAGE: Final = "the mirror answered with something else; fetch it from another"
_OTHERS: Final = (
    (b"PK\x03\x04", f"a zip archive, as PyTorch's .pt, .bin and .ckpt files are: {_PICKLE}"),
    (b"\x80\x02", f"a pickle (a .ckpt, .pt or .bin file): {_PICKLE}"),
    (b"\x80\x03", f"a pickle (a .ckpt, .pt or .bin file): {_PICKLE}"),
    (b"\x80\x04", f"a pickle (a .ckpt, .pt or .bin file): {_PICKLE}"),
    (b"\x80\x05", f"a pickle (a .ckpt, .pt or .bin file): {_PICKLE}"),
    (b"version ", "a Git LFS pointer, not the weights; fetch the file itself ('git lfs pull')"),
    (b"<", f"a web page, not the weights: {_PAGE}"),
    (b"\xef\xbb\xbf<", f"a web page, not the weights: {_PAGE}"),
    (b"{", f"a JSON text, not the weights: {_PAGE}"),
    (b"GGUF", "a GGUF file; get the .safetensors file"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
)
"""What is met in the place of a safetensors file, by its first bytes."""


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor: `begin` and `end` in bytes from the beginning of the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """A whole and valid header. `name` is what errors call the file.

    `tensors` are in the order of their bytes, which fill the file from the header to `file_bytes`.
    """

    name: str
    tensors: Mapping[str, TensorEntry]
    metadata: Mapping[str, str]
    file_bytes: int


class Misfit(ValueError):
    """What is wrong, for the one who knows the file's name."""


def header_size(prefix: bytes, name: str) -> int | None:
    """How many bytes of the file are its header, the 8 bytes of the length included.

    None while `prefix`, the file's first bytes, is too short to tell; `LoraError` as soon as it can
    be no safetensors file.
    """
    if len(prefix) < 8:
        return None
    length = int.from_bytes(prefix[:8], "little")
    if not 2 <= length <= MAX_HEADER_BYTES:
        for magic, what in _OTHERS:
            if prefix.lstrip().startswith(magic):
                _refuse(name, f"is {what}")
        _refuse(
            name,
            f"is not a safetensors file (a header of {length} bytes; allowed: 2 to "
            f"{MAX_HEADER_BYTES}); fetch it again",
        )
    if len(prefix) == 8:
        return None
    if prefix[8:9] != b"{":
        for magic, what in _OTHERS:
            if prefix.startswith(magic):
                _refuse(name, f"is {what}")
        _refuse(name, "is not a safetensors file (its header is no JSON object); fetch it again")
    return 8 + length


def parse_header(prefix: bytes, name: str, file_bytes: int | None = None) -> Header | None:
    """The header from the first bytes of a file; None while they are too few.

    `file_bytes` is the size of the whole file where it is known: it must be what the header says.
    Raises `LoraError`.
    """
    size = header_size(prefix, name)
    if file_bytes is not None and file_bytes < (size or 9):
        _refuse(name, f"is cut short at {file_bytes} bytes; fetch it again")
    if size is None or len(prefix) < size:
        return None
    try:
        header = _parse(prefix[8:size], name, size)
    except (ValueError, RecursionError) as error:
        _refuse(name, f"is not a valid safetensors file ({_told(error)}); fetch it again")
    if file_bytes is not None and file_bytes != header.file_bytes:
        _refuse(name, f"has {file_bytes} of {header.file_bytes} bytes; fetch it again")
    return header


def read_header(path: Path, name: str | None = None) -> Header:
    """The header of a file on the disk, whose size must be what it says; raises `LoraError`."""
    name = path.name if name is None else name
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its writer
            _refuse(name, "is no file; give a .safetensors file")
        with path.open("rb") as file:
            file_bytes = file.seek(0, 2)
            file.seek(0)
            prefix = file.read(64)
            size = header_size(prefix, name) or 0
            if len(prefix) < size <= file_bytes:
                prefix += file.read(size - len(prefix))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LoraError(one_line(f"'{name}' cannot be read: {reason}")) from error
    header = parse_header(prefix, name, file_bytes)
    if header is None:  # it shrank while it was read
        _refuse(name, f"is cut short at {len(prefix)} bytes; fetch it again")
    return header


def load_json(text: str | bytes) -> Any:
    """`text` as JSON of finite numbers; ValueError or RecursionError where it is none.

    A name that stands twice in one object is refused: readers would differ in which they take.
    """
    decoded = text.decode() if isinstance(text, bytes) else text
    return json.loads(decoded, object_pairs_hook=_unique, parse_constant=_no_constant)


def _parse(text: bytes, name: str, data_begin: int) -> Header:
    value = load_json(text)
    if not isinstance(value, dict):
        raise Misfit("its header is no JSON object")
    metadata = value.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(type(each) is str for each in metadata.values()):
        raise Misfit("its metadata are not all text")
    for said in (*metadata, *metadata.values(), *value):
        said.encode()  # half of a surrogate pair is no text: a ValueError
    tensors = {key: _entry(key, each) for key, each in value.items()}
    end = 0
    in_order = dict(sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)))
    for key, tensor in in_order.items():
        if tensor.begin != end:
            raise Misfit(f"{key} begins at byte {tensor.begin} of the data, not at {end}")
        end = tensor.end
    if not tensors:
        raise Misfit("it holds no tensors")
    placed = {
        key: TensorEntry(each.dtype, each.shape, data_begin + each.begin, data_begin + each.end)
        for key, each in in_order.items()
    }
    return Header(name, placed, metadata, data_begin + end)


def _entry(key: str, value: object) -> TensorEntry:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise Misfit(f"{key} has no dtype, shape and data_offsets, or more than these")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    bits = BITS_OF_DTYPE.get(dtype) if isinstance(dtype, str) else None
    if bits is None:
        raise Misfit(f"{key} has the unknown dtype {reprlib.repr(dtype)}")
    if not _counts(shape) or len(shape) > MAX_DIMENSIONS:
        raise Misfit(f"{key} has the shape {reprlib.repr(shape)}")
    if not _counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise Misfit(f"{key} has the data_offsets {reprlib.repr(offsets)}")
    begin, end = offsets
    if math.prod(shape) * bits != (end - begin) * 8:
        raise Misfit(f"{key} has {end - begin} bytes for {reprlib.repr(shape)} of {dtype}")
    return TensorEntry(dtype, tuple(shape), begin, end)


def _counts(value: object) -> bool:
    # no file has 2**63 bytes; longer numbers would only be slow
    return isinstance(value, list) and all(
        type(each) is int and 0 <= each < 2**63 for each in value
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise Misfit(f"it names {reprlib.repr(twice)} twice")
    return value


def _no_constant(text: str) -> Never:
    raise Misfit(f"{text} is no number of JSON")


def _told(error: Exception) -> str:
    if isinstance(error, Misfit):
        said = str(error)
        return said if len(said) <= 300 else said[:300] + "..."
    return "its header cannot be read as JSON"


def _refuse(name: str, what: str) -> Never:
    raise LoraError(one_line(f"'{name}' {what}"))
