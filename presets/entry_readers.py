"""What somebody wrote in a catalogue's entry, made a value: one small reader for each kind.

A reader raises ValueError or msgspec.ValidationError; the key's row says what is allowed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Final, NamedTuple

import msgspec

from engine.lora_base import NAME_OF_BASE
from presets.catalogue import ID_PATTERN, RESERVED_IDS

MAX_TEXT: Final = 1000
MAX_WEIGHT: Final = 2.0
MAX_BYTES: Final = 1 << 40
MAX_NAME_BYTES: Final = 180
"""Room is left for what a download puts behind it."""
SUFFIX: Final = ".safetensors"
ALLOWED_ID: Final = (
    f"a to z, 0 to 9 and -, up to 64 of them, but not {', '.join(sorted(RESERVED_IDS))}"
)
ALLOWED_FILE: Final = f"a name without folders that ends in {SUFFIX}"

_ODD: Final = frozenset('/\\:<>|?*"')
"""What is no part of a file's name on one of the systems."""
_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([kmgt]?i?b)?", re.IGNORECASE)
_UNITS: Final = {
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}
_SAID: Final = {
    # how older lists name bases, in small letters and digits only; repositories by their names
    "rehearsal": "rehearsal",
    "sd15": "sd15", "sd14": "sd15", "sd1": "sd15", "sd1x": "sd15", "sdv15": "sd15", "sdv1": "sd15",
    "stablediffusion15": "sd15", "stablediffusionv15": "sd15", "stablediffusionv14": "sd15",
    "sd21": "sd21", "sd20": "sd21", "sd2": "sd21", "sd2x": "sd21", "sdv21": "sd21", "sdv2": "sd21",
    "stablediffusion21": "sd21", "stablediffusionv21": "sd21", "stablediffusion21base": "sd21",
    "stablediffusion2": "sd21", "sdturbo": "sd21",
    "sdxl": "sdxl", "sdxl10": "sdxl", "xl": "sdxl", "sdxlturbo": "sdxl", "sdxlbase": "sdxl",
    "stablediffusionxl": "sdxl", "stablediffusionxlbase10": "sdxl", "sdxllightning": "sdxl",
    "sd15lcm": "sd15",
}  # fmt: skip
_KINDS_OF_FILE: Final = frozenset({"lora", "locon", "lycoris", "loha", "lokr"})
"""What `model_type` says in lists that mean the file, not the model that it is for."""


class Size(NamedTuple):
    """A size in bytes; not `exact` where it was rounded, such as "50MB"."""

    number: int
    exact: bool


def id(raw: object) -> str:
    text = msgspec.convert(raw, str)
    if not re.fullmatch(ID_PATTERN, text) or text in RESERVED_IDS:
        raise ValueError(text)
    return text


def text(raw: object) -> str:
    said = msgspec.convert(raw, str).strip()
    if len(said) > MAX_TEXT:
        raise ValueError(said)
    return said


def line(raw: object) -> str:
    said = text(raw)
    if not said or not said.isprintable():
        raise ValueError(said)
    return said


def words(raw: object) -> tuple[str, ...]:
    """A list of words; a single one may stand alone."""
    listed = [raw] if isinstance(raw, str) else msgspec.convert(raw, list[str])
    return tuple(line(word) for word in listed)


def choice(choices: Sequence[str]) -> Callable[[object], str]:
    def read(raw: object) -> str:
        if raw not in choices:
            raise ValueError(raw)
        return str(raw)

    return read


def flag(raw: object) -> bool:
    return msgspec.convert(raw, bool)


def weight(raw: object) -> float:
    value = msgspec.convert(raw, float)
    if not (math.isfinite(value) and 0 <= value <= MAX_WEIGHT):
        raise ValueError(value)
    return value


def size(raw: object) -> Size:
    written = "" if isinstance(raw, (bool, float)) else str(raw)
    match = _SIZE.fullmatch(written.strip())
    if not match:
        raise ValueError(raw)
    number, unit = match.groups()
    count = round(float(number) * _UNITS[(unit or "b").lower()])
    exact = "." not in number and (unit or "b").lower() == "b"
    if not 0 < count <= MAX_BYTES:
        raise ValueError(raw)
    return Size(count, exact)


def sha256(raw: object) -> str:
    digest = msgspec.convert(raw, str).lower()
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(raw)
    return digest


def file(raw: object) -> str:
    name = msgspec.convert(raw, str)
    if not name.endswith(SUFFIX) or not is_file_name(name):
        raise ValueError(name)
    return name


def is_file_name(name: str) -> bool:
    """Whether every system takes it as a file's name, and none as more than that."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:  # half of a pair
        return False
    return (
        name.isprintable()
        and not _ODD & set(name)
        and not name.startswith((".", " "))
        and not name.endswith((".", " "))
        and 0 < length <= MAX_NAME_BYTES
    )


def bundled(raw: object) -> str:
    path = msgspec.convert(raw, str)
    folder, _, name = path.rpartition("/")
    if folder != "loras" or str(PurePosixPath(path)) != path:
        raise ValueError(path)
    return f"{folder}/{file(name)}"


def base(raw: object) -> str:
    named = _base(raw)
    if named is None:
        raise ValueError(raw)
    return named


def model_type(raw: object) -> str | None:
    """The base; None where it says what sort of file this is."""
    if isinstance(raw, str) and raw.strip().lower() in _KINDS_OF_FILE:
        return None
    return base(raw)


def bases(raw: object) -> frozenset[str]:
    return frozenset(base(word) for word in words(raw))


def _base(raw: object) -> str | None:
    if isinstance(raw, float):
        raw = str(raw)  # model_type: 1.5
    if not isinstance(raw, str):
        return None
    if raw in NAME_OF_BASE:
        return raw
    said = re.sub("[^a-z0-9]", "", raw.rpartition("/")[2].lower())
    return _SAID.get(said) or _SAID.get(f"sd{said}")
