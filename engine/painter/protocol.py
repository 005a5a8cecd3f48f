"""The typed messages between the conductor and the painter process.

Each message is msgpack (msgspec tagged structs) behind a 4-byte little-endian length. This file,
`settings` and `model_files` are what the conductor's end knows of this room; none imports torch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from engine.mixing import LoraFile

MAX_MESSAGE_BYTES: Final = 1 << 20
_LENGTH: Final = struct.Struct("<I")


class Launch(msgspec.Struct, frozen=True, tag="launch"):
    """What to paint with; the first message. `painter` is "diffusion" or "copy" (copies its input).

    `input` and `output` are `MailboxHandle` texts; `model_id` is what refusals call the model.
    `values` are the controls at the start, `loras` and `files` the mix, as in `Settings`, `Files`.
    `compile` is auto, on or off, `cache` the folder that keeps what was compiled; `lowvram` spares
    the device's memory.
    """

    painter: str
    input: str
    output: str
    model: str = ""
    model_id: str = ""
    tiny_autoencoder: str = ""
    default_prompt: str = ""
    device: str = ""
    compile: str = "off"
    cache: str = ""
    lowvram: bool = False
    values: dict[str, float | int | str] = {}
    snapshot_seq: int = 0
    loras: dict[str, float] = {}
    files: dict[str, LoraFile] = {}


class Settings(msgspec.Struct, frozen=True, tag="settings"):
    """Control values by name, all those the painter reads. `traced` asks for an `Applied`.

    `loras` is the whole mix: finite weights by the ids of `Files`, those that are not 0.
    """

    snapshot_seq: int
    values: dict[str, float | int | str]
    traced: bool = False
    loras: dict[str, float] = {}


class Files(msgspec.Struct, frozen=True, tag="files"):
    """The LoRAs that shall be ready, by id, all of them; what is new comes before what still waits.

    Each that was not there before is answered with `Staged` or `Unfit`. One that is not there any
    more is forgotten once its weight is 0.
    """

    files: dict[str, LoraFile]


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


class Staged(msgspec.Struct, frozen=True, tag="staged"):
    """The LoRA of this id is ready: its weight counts from the next frame."""

    id: str


class Unfit(msgspec.Struct, frozen=True, tag="unfit"):
    """The LoRA of this id cannot be mixed; it is asked for again by leaving `Files` once."""

    id: str
    text: str


class Dropped(msgspec.Struct, frozen=True, tag="dropped"):
    """The LoRA of this id made room for others; it is staged anew when it has a weight again."""

    id: str


class Trouble(msgspec.Struct, frozen=True, tag="trouble"):
    """Something the performer should read. `fatal`: the painter leaves, trying again is no use."""

    text: str
    fatal: bool = False


class Note(msgspec.Struct, frozen=True, tag="note"):
    """Something the performer should read; painting goes on."""

    text: str


ToPainter = Launch | Settings | Files | Stop
FromPainter = Beat | Stats | Applied | Staged | Unfit | Dropped | Trouble | Note

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
