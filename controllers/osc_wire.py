"""OSC 1.0 packets: bytes to messages and messages to bytes, strictly and without I/O.

Sources: the OSC 1.0 specification (types i f s b, bundles) with its optional types h t d S c r m
T F N I [ ]. A message that does not follow it to the byte is refused whole, so that a damaged one
never sets anything; so is a packet whose sizes are wrong, for then nobody knows where one begins.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from engine.errors import ArtflowError

MAX_PACKET_BYTES: Final = 1400
"""Every packet that we send is smaller: it fits one Ethernet frame, tunnels included."""

MAX_DEPTH: Final = 8
"""Bundles within bundles, and arrays within arrays; real ones nest once or twice."""

IMMEDIATELY: Final = 1
"""The timetag that means "at once"."""

NTP_EPOCH_S: Final = 2_208_988_800
"""Seconds from 1900, where timetags start, to 1970."""


class OscFormatError(ArtflowError):
    """Bytes that are not OSC. `position` is the byte offset at which that was noticed.

    `address` is that of the message, "" where there is none to be read.
    """

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"malformed OSC at byte {position}: {reason}")
        self.position = position
        self.reason = reason
        self.address = ""


@dataclass(frozen=True, slots=True)
class TimeTag:
    """An argument of type t: 32.32 fixed-point seconds since 1900."""

    ntp: int

    @property
    def in_words(self) -> str:
        """What it is, for an error's text."""
        return "a time tag"


@dataclass(frozen=True, slots=True)
class Color:
    """An argument of type r: 0xRRGGBBAA."""

    rgba: int

    @property
    def in_words(self) -> str:
        return "a colour"


@dataclass(frozen=True, slots=True)
class Midi:
    """An argument of type m: port, status and two data bytes."""

    octets: bytes

    @property
    def in_words(self) -> str:
        return "a MIDI message"


@dataclass(frozen=True, slots=True)
class Impulse:
    """An argument of type I ("infinitum", the bang of OSC 1.1)."""

    @property
    def in_words(self) -> str:
        return "a bang"


Arg = float | int | str | bytes | bool | TimeTag | Color | Midi | Impulse | tuple["Arg", ...] | None
"""One argument. Types f and d are float; i and h int; s, S and c str; b bytes; T and F bool;
N None; an array is a tuple."""


class OscMessage(NamedTuple):
    """A message; `timetag` is its bundle's (innermost), None outside any bundle."""

    address: str
    args: tuple[Arg, ...]
    timetag: int | None = None


# reading


def read_packet(data: bytes, bad: list[OscFormatError] | None = None) -> list[OscMessage]:
    """The messages of one packet in their order. Raises `OscFormatError`.

    With `bad` given, a malformed message in a bundle of sound sizes is left out and its fault is
    appended there; without it, it is raised.
    """
    messages: list[OscMessage] = []
    first = data[:1]
    if first == b"#":
        _read_bundle(data, 0, len(data), 0, messages, bad)
    else:
        messages.append(_read_single(data, 0, len(data), first, None))
    return messages


def _read_single(data: bytes, at: int, end: int, first: bytes, timetag: int | None) -> OscMessage:
    if first == b"/":
        return _read_message(data, at, end, timetag)
    if at == end:
        raise OscFormatError(at, "nothing there; a packet starts with / or #bundle")
    raise OscFormatError(at, f"a packet starts with / or #bundle, not {_shown(first)}")


def _read_bundle(
    data: bytes,
    at: int,
    end: int,
    depth: int,
    into: list[OscMessage],
    bad: list[OscFormatError] | None,
) -> None:
    if data[at : at + 8] != b"#bundle\0" or at + 16 > end:
        raise OscFormatError(at, "not a bundle's header of 16 bytes")
    if depth == MAX_DEPTH:
        raise OscFormatError(at, f"bundles nested deeper than {MAX_DEPTH}")
    (timetag,) = _UINT64.unpack_from(data, at + 8)
    at += 16
    while at < end:
        if at + 4 > end:
            raise OscFormatError(at, "a bundle's element without its size")
        (size,) = _INT32.unpack_from(data, at)
        at += 4
        if size <= 0 or size % 4 or at + size > end:
            raise OscFormatError(at - 4, f"a bundle's element of {size} bytes, {end - at} are left")
        first = data[at : at + 1]
        if first == b"#":
            _read_bundle(data, at, at + size, depth + 1, into, bad)
        else:
            try:
                into.append(_read_single(data, at, at + size, first, timetag))
            except OscFormatError as error:
                if bad is None:
                    raise
                error.address = _address_at(data, at, at + size)
                bad.append(error)
        at += size


def _address_at(data: bytes, at: int, end: int) -> str:
    """The address of a malformed message, as far as it has one."""
    stop = data.find(b"\0", at, end)
    try:
        return data[at:stop].decode() if stop > at and data[at : at + 1] == b"/" else ""
    except UnicodeDecodeError:
        return ""


def _shown(text: bytes | str) -> str:
    """A character for an error's text: as itself where it can be seen, else by its number."""
    if not text:
        return "nothing"
    code = ord(text)
    return repr(chr(code)) if 32 < code < 127 else f"byte {code}"


_KNOWN: Final[dict[bytes, tuple[str, Callable[[bytes, int], tuple[Arg, ...]]]]] = {}
"""Messages of one f or i that were read strictly once, by all but their last four bytes: with any
others in their place they are well-formed, too. Nearly all of a large bundle is such."""
_MAX_KNOWN: Final = 1024
_ONE: Final = {",f": struct.Struct(">f").unpack_from, ",i": struct.Struct(">i").unpack_from}


def _read_message(data: bytes, at: int, end: int, timetag: int | None) -> OscMessage:
    head = data[at : end - 4]
    known = _KNOWN.get(head)
    if known is not None:
        return OscMessage(known[0], known[1](data, end - 4), timetag)
    address, at = _read_string(data, at, end)
    if at == end:
        # the specification asks to bear with old senders that leave the type tags out
        return OscMessage(address, (), timetag)
    tags, tags_at = _read_string(data, at, end)
    if tags[:1] != ",":
        raise OscFormatError(at, f"type tags start with a comma, not {_shown(tags[:1])}")
    at = tags_at
    numbers = len(tags) - 1
    if numbers > 1 and at + 4 * numbers == end and tags.count("f") == numbers:
        # a stroke: hundreds of numbers, which struct reads a hundred times faster at once
        return OscMessage(address, struct.unpack_from(f">{numbers}f", data, at), timetag)
    args: list[Arg] = []
    if "[" in tags or "]" in tags:
        at = _read_arrays(data, at, end, tags, args)
    else:
        for tag in tags[1:]:
            value, at = _reader(tag, at)(data, at, end)
            args.append(value)
    if at == end and tags in _ONE:
        if len(_KNOWN) >= _MAX_KNOWN:
            _KNOWN.clear()
        _KNOWN[head] = address, _ONE[tags]
    if at != end:
        raise OscFormatError(at, f"{end - at} bytes more than the type tags {tags!r} account for")
    return OscMessage(address, tuple(args), timetag)


def _read_arrays(data: bytes, at: int, end: int, tags: str, args: list[Arg]) -> int:
    levels = [args]
    for tag in tags[1:]:
        if tag == "[":
            if len(levels) > MAX_DEPTH:
                raise OscFormatError(at, f"arrays nested deeper than {MAX_DEPTH}")
            levels.append([])
        elif tag == "]":
            if len(levels) == 1:
                raise OscFormatError(at, "an array's ] without its [")
            array = tuple(levels.pop())
            levels[-1].append(array)
        else:
            value, at = _reader(tag, at)(data, at, end)
            levels[-1].append(value)
    if len(levels) > 1:
        raise OscFormatError(at, "an array's [ without its ]")
    return at


def _read_string(data: bytes, at: int, end: int) -> tuple[str, int]:
    stop = data.find(b"\0", at, end)
    if stop < 0:
        raise OscFormatError(at, "a string without its ending zero")
    after = (stop + 4) & ~3
    if after > end or any(data[stop:after]):
        raise OscFormatError(stop, "a string that is not padded with zeros to 4 bytes")
    try:
        return data[at:stop].decode(), after
    except UnicodeDecodeError as error:
        raise OscFormatError(at + error.start, "text that is not UTF-8") from None


def _read_blob(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    size, at = _read_int(data, at, end)
    if size < 0 or at + size > end:
        raise OscFormatError(at - 4, f"a blob of {size} bytes, {end - at} are left")
    after = (at + size + 3) & ~3
    if after > end or any(data[at + size : after]):
        raise OscFormatError(at + size, "a blob that is not padded with zeros to 4 bytes")
    return data[at : at + size], after


def _read_char(data: bytes, at: int, end: int) -> tuple[str, int]:
    code, after = _read_int(data, at, end)
    if not 0 < code < 128:
        raise OscFormatError(at, f"a character of code {code}; allowed: 1 to 127")
    return chr(code), after


_INT32: Final = struct.Struct(">i")
_UINT64: Final = struct.Struct(">Q")


def _fixed(code: str, convert: Callable[..., Arg] | None = None) -> _Reader:
    layout = struct.Struct(">" + code)

    def read(data: bytes, at: int, end: int) -> tuple[Arg, int]:
        after = at + layout.size
        if after > end:
            raise OscFormatError(at, f"an argument of {layout.size} bytes, {end - at} are left")
        (value,) = layout.unpack_from(data, at)
        return (value if convert is None else convert(value)), after

    return read


def _constant(value: Arg) -> _Reader:
    return lambda _data, at, _end: (value, at)


def _read_int(data: bytes, at: int, end: int) -> tuple[int, int]:
    if at + 4 > end:
        raise OscFormatError(at, f"a number of 4 bytes, {end - at} are left")
    return _INT32.unpack_from(data, at)[0], at + 4


_Reader = Callable[[bytes, int, int], tuple[Arg, int]]

_READERS: Final[dict[str, _Reader]] = {
    "i": _fixed("i"),
    "f": _fixed("f"),
    "s": _read_string,
    "b": _read_blob,
    "h": _fixed("q"),
    "d": _fixed("d"),
    "t": _fixed("Q", TimeTag),
    "S": _read_string,
    "c": _read_char,
    "r": _fixed("I", Color),
    "m": _fixed("4s", Midi),
    "T": _constant(True),
    "F": _constant(False),
    "N": _constant(None),
    "I": _constant(Impulse()),
}


def _reader(tag: str, at: int) -> _Reader:
    reader = _READERS.get(tag)
    if reader is None:
        raise OscFormatError(at, f"unknown type tag {tag!r}; allowed: {' '.join(_READERS)} [ ]")
    return reader


# building


def pack_message(address: str, *args: Arg) -> bytes:
    """A message as bytes. A float leaves as f (d where f is too small), an int as i (or h)."""
    tags: list[str] = [","]
    body: list[bytes] = []
    _pack_args(args, tags, body)
    return b"".join((_packed_string(address), _packed_string("".join(tags)), *body))


def _pack_args(args: tuple[Arg, ...], tags: list[str], body: list[bytes]) -> None:
    for arg in args:
        if isinstance(arg, tuple):
            tags.append("[")
            _pack_args(arg, tags, body)
            tags.append("]")
        else:
            tag, octets = _packed(arg)
            tags.append(tag)
            body.append(octets)


def _packed(arg: Arg) -> tuple[str, bytes]:
    match arg:
        case bool():
            return ("T" if arg else "F"), b""
        case float():
            try:
                return "f", struct.pack(">f", arg)
            except OverflowError:
                return "d", struct.pack(">d", arg)
        case int():
            if -(2**31) <= arg < 2**31:
                return "i", struct.pack(">i", arg)
            return "h", struct.pack(">q", arg)
        case str():
            return "s", _packed_string(arg)
        case bytes():
            return "b", struct.pack(">i", len(arg)) + arg + b"\0" * (-len(arg) % 4)
        case TimeTag():
            return "t", struct.pack(">Q", arg.ntp)
        case Color():
            return "r", struct.pack(">I", arg.rgba)
        case Midi():
            return "m", arg.octets
        case Impulse():
            return "I", b""
    return "N", b""


def _packed_string(text: str) -> bytes:
    # a zero would end the string early; a lone surrogate has no UTF-8
    octets = text.encode("utf-8", "replace").replace(b"\0", b"")
    return octets + b"\0" * (4 - len(octets) % 4)


def clip(text: str, most_bytes: int) -> str:
    """`text`, cut at a whole character to at most `most_bytes` of UTF-8."""
    octets = text.encode("utf-8", "replace")
    if len(octets) <= most_bytes:
        return text
    return octets[: most_bytes - 3].decode("utf-8", "ignore") + "..."


# time


def timetag_at(wall_s: float) -> int:
    """The timetag of a moment in seconds since 1970."""
    return round((wall_s + NTP_EPOCH_S) * 2**32) % 2**64


def seconds_ahead(timetag: int, wall_s: float) -> float:
    """How far `timetag` lies after `wall_s` (seconds since 1970); 0 where it asks for at once.

    The count wraps in 2036: a tag just behind the wrap is near. One of long ago (a sender without
    a calendar counts from its start) is past, not a century ahead.
    """
    if timetag <= IMMEDIATELY:
        return 0.0
    now = timetag_at(wall_s)
    near = (timetag - now) % 2**64 / 2**32
    if near <= 3600:
        return near
    return max(0.0, (timetag - now) / 2**32)
