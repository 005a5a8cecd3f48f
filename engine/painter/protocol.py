"""The typed messages between the conductor and the painter process.

Each message is msgpack (msgspec tagged structs) behind a 4-byte little-endian length. This file,
`settings` and `model_files` are what the conductor's end knows of this room; none imports torch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

import msgspec

MAX_MESSAGE_BYTES: Final = 1 << 20
_LENGTH: Final = struct.Struct("<I")


class Launch(msgspec.Struct, frozen=True, tag="launch"):
    """What to paint with; the first message. `painter` is "diffusion" or "copy" (copies its input).

    `input` and `output` are `MailboxHandle` texts. `values` are the controls at the start.
    """

    painter: str
    input: str
    output: str
    model: str = ""
    tiny_autoencoder: str = ""
    default_prompt: str = ""
    device: str = ""
    values: dict[str, float | int | str] = {}
    snapshot_seq: int = 0


class Settings(msgspec.Struct, frozen=True, tag="settings"):
    """Control values by name, all those the painter reads. `traced` asks for an `Applied`."""

    snapshot_seq: int
    values: dict[str, float | int | str]
    traced: bool = False


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Finish the frame and leave."""


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    """The painter lives. `mark` grows whenever it got anywhere; a mark that stands still is a hang.

    `phase` is loading, compiling or painting; `progress` 0..1 and `text` tell how far loading is.
    `frame_s` is about what one frame takes, 0 while unknown; `painted` counts pictures.
    """

    phase: str
    mark: int
    progress: float = 0.0
    text: str = ""
    frame_s: float = 0.0
    painted: int = 0


class Stats(msgspec.Struct, frozen=True, tag="stats"):
    """How painting goes, twice a second. `painted` counts since the start."""

    fps: float
    frame_ms: float
    latency_ms: float
    memory_mb: float
    painted: int
    skipped: int


class Applied(msgspec.Struct, frozen=True, tag="applied"):
    """A traced `Settings` was taken between frames at `at_ns` (monotonic): the next uses it."""

    snapshot_seq: int
    at_ns: int


class Trouble(msgspec.Struct, frozen=True, tag="trouble"):
    """Something the performer should read. `fatal`: the painter leaves, trying again is no use."""

    text: str
    fatal: bool = False


ToPainter = Launch | Settings | Stop
FromPainter = Beat | Stats | Applied | Trouble

_encoder: Final = msgspec.msgpack.Encoder()


def pack(message: ToPainter | FromPainter) -> bytes:
    """One message as it goes into the pipe."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class Unpacker:
    """Cuts a byte stream into messages of the given kinds (`ToPainter` or `FromPainter`).

    Raises `msgspec.DecodeError` on a message that is none of them, or longer than 1 MiB.
    """

    def __init__(self, kinds: Any) -> None:
        self._decoder: msgspec.msgpack.Decoder[ToPainter | FromPainter]
        self._decoder = msgspec.msgpack.Decoder(kinds)
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[ToPainter | FromPainter]:
        self._rest += data
        while len(self._rest) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._rest)
            if length > MAX_MESSAGE_BYTES:
                raise msgspec.DecodeError(f"a message of {length} bytes")
            end = _LENGTH.size + length
            if len(self._rest) < end:
                return
            body = bytes(self._rest[_LENGTH.size : end])
            del self._rest[:end]
            yield self._decoder.decode(body)
