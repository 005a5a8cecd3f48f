"""What somebody wrote as an option's value, made a value: one small reader for each kind.

A reader raises ValueError or msgspec.ValidationError; the option's row says what is allowed.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import msgspec

from engine.controls import MAX_TEXT_BYTES
from engine.errors import SettingError

MAX_SIDE: Final = 16384
MAX_PAINTED_SIDE: Final = 4096
"""Six frames of this size lie in shared memory: 300 MB at the most."""

Size = tuple[int, int]
"""(width, height) in pixels."""

Reader = Callable[[object], object]
"""Makes a value of what was written; raises ValueError or msgspec.ValidationError."""


def integer(low: int, high: int) -> Reader:
    kind = Annotated[int, msgspec.Meta(ge=low, le=high)]
    return lambda raw: msgspec.convert(raw, kind, strict=False)


def flag(raw: object) -> bool:
    words = {"yes": True, "on": True, "no": False, "off": False}
    return msgspec.convert(words.get(str(raw).lower(), raw), bool, strict=False)


def seconds(raw: object) -> float:
    time_s = msgspec.convert(raw, float, strict=False)
    if not (math.isfinite(time_s) and time_s > 0):
        raise ValueError(raw)
    return time_s


def word(raw: object) -> str:
    text = msgspec.convert(raw, str)
    if not text.strip() or any(not character.isprintable() for character in text):
        raise ValueError(text)
    return text.strip()


def path(raw: object) -> Path:
    # pathlib's own expanduser raises where a user is unknown
    return Path(os.path.expanduser(word(raw)))


def recording(raw: object) -> Path:
    file = path(raw)
    if file.suffix.lower() != ".mp4":
        raise ValueError(raw)
    return file


def prompt(raw: object) -> str:
    text = msgspec.convert(raw, str)
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise ValueError(raw)
    return text


def choice(*choices: str) -> Reader:
    def read(raw: object) -> str:
        text = word(raw)
        if text not in choices:
            raise ValueError(raw)
        return text

    return read


def size(multiple: int, most: int = MAX_SIDE) -> Reader:
    """WxH, both multiples of `multiple` and at most `most`."""

    def read(raw: object) -> Size:
        match = re.fullmatch(r"([0-9]{1,5}) ?[xX×] ?([0-9]{1,5})", word(raw))
        if not match:
            raise ValueError(raw)
        width, height = map(int, match.groups())
        if any(side % multiple or not 0 < side <= most for side in (width, height)):
            raise ValueError(raw)
        return width, height

    return read


def host_port(raw: object) -> tuple[str, int]:
    # an IPv6 address stands in brackets
    match = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)):([0-9]{1,5})", word(raw))
    if not match or not 0 < int(match[3]) < 65536:
        raise ValueError(raw)
    return match[1] or match[2], int(match[3])


def network(raw: object) -> str:
    import ipaddress

    return str(ipaddress.ip_network(word(raw), strict=False))


def device(raw: object) -> str:
    text = word(raw)
    if not re.fullmatch(r"cuda(:[0-9]{1,3})?|mps|cpu", text):
        raise ValueError(raw)
    return text


def source(raw: object) -> str:
    # the sources bring numpy along, which would keep `artflow --help` waiting
    from engine.sources.spec import FILES, parse_source

    text = word(raw)
    try:
        spec = parse_source(text)
    except SettingError as error:
        raise ValueError(raw) from error
    if spec.kind in FILES and not spec.argument:
        raise ValueError(raw)
    return text


def sound(raw: object) -> str:
    text = str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else word(raw)
    if text == "file:":
        raise ValueError(raw)
    return text


def several(read: Reader, split: str | None = None) -> Reader:
    def read_all(raw: object) -> tuple[object, ...]:
        if split and isinstance(raw, str):
            raw = raw.split(split)
        return tuple(read(item) for item in (raw if isinstance(raw, (list, tuple)) else [raw]))

    return read_all


def shown(raw: object) -> str:
    """What was found, short enough for one line."""
    if raw is None:
        return "nothing"
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, str):
        return repr(raw if len(raw) <= 60 else f"{raw[:60]}...")
    if isinstance(raw, (int, float)):
        return f"{raw:.12g}"
    if isinstance(raw, dict):
        return "a mapping"
    if isinstance(raw, (list, tuple)):
        if len(raw) == 1 and not isinstance(raw[0], (dict, list, tuple)):
            return shown(raw[0])
        return "a list" if not all(isinstance(item, str) for item in raw) else shown(", ".join(raw))
    return type(raw).__name__
