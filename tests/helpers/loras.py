"""Safetensors files made by hand, without torch: any header, zeros as data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from engine.lora_header import BITS_OF_DTYPE, Header, parse_header

Shape = tuple[int, ...]


def header_json(
    shapes: Mapping[str, Shape], metadata: Mapping[str, str] | None = None, dtype: str = "F16"
) -> dict[str, Any]:
    """The header's object for tensors of these shapes, one after the other."""
    value: dict[str, Any] = {} if metadata is None else {"__metadata__": dict(metadata)}
    end = 0
    for key, shape in shapes.items():
        begin, end = end, end + math.prod(shape) * BITS_OF_DTYPE[dtype] // 8
        value[key] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    return value


def packed(header: object, data_bytes: int = 0) -> bytes:
    """A file with this header, whether it is right or wrong."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data_bytes)


def safetensors_file(
    shapes: Mapping[str, Shape], metadata: Mapping[str, str] | None = None, dtype: str = "F16"
) -> bytes:
    """A whole and valid file."""
    value = header_json(shapes, metadata, dtype)
    ends = [each["data_offsets"][1] for key, each in value.items() if key != "__metadata__"]
    return packed(value, max(ends, default=0))


def header_of(
    shapes: Mapping[str, Shape], metadata: Mapping[str, str] | None = None, *, name: str = "x"
) -> Header:
    """The header of such a file, parsed; its data are never made."""
    header = parse_header(packed(header_json(shapes, metadata)), name)
    assert header is not None
    return header


def kohya(
    path: str, out: int, into: int, rank: int = 4, kernel: int | None = None, prefix: str = "unet"
) -> dict[str, Shape]:
    """The three tensors of one layer in kohya's form; a convolution where `kernel` is given."""
    key = f"lora_{prefix}_{path}"
    down, up = ((kernel, kernel), (1, 1)) if kernel is not None else ((), ())
    return {
        f"{key}.lora_down.weight": (rank, into, *down),
        f"{key}.lora_up.weight": (out, rank, *up),
        f"{key}.alpha": (),
    }
