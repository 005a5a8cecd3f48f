"""What a MIDI map may say: every key, its type, what is allowed in words, and what it means.

docs/MIDI.md tells these rows, and `midi_map_file` reads by them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import mido
from msgspec import Meta

from controllers.midi_map import (
    BANKS,
    Aftertouch,
    Cc,
    Cc14,
    ClockUse,
    Curve,
    Mode,
    Note,
    Nrpn,
    Pitch,
    Program,
    Relative,
    Source,
    TakeoverMode,
)

_Seven = Annotated[int, Meta(ge=0, le=127)]
_High = Annotated[int, Meta(ge=0, le=31)]
_Fourteen = Annotated[int, Meta(ge=0, le=16383)]
_Positive = Annotated[float, Meta(gt=0, le=1e9)]
_NUMBER: Final = "0 to 127"


def _as_it_is(raw: Any) -> Any:
    return raw


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a map.

    `read` makes of a value of that type what the map holds; a `ValueError` refuses it.
    """

    type: Any
    allowed: str
    help: str
    read: Callable[[Any], Any] = _as_it_is


def _channel(raw: int | str) -> int | None:
    return raw if isinstance(raw, int) else None


def _messages(raw: str | list[str]) -> tuple[bytes, ...]:
    """Whole messages from hex; raises `ValueError` on any other."""
    texts = raw if isinstance(raw, list) else [raw]
    return tuple(bytes(mido.Message.from_bytes(bytes.fromhex(text)).bytes()) for text in texts)


def _halves(raw: int | list[int]) -> tuple[int, int]:
    if isinstance(raw, int):
        return raw, raw + 32
    high, low = raw
    if high > 31:
        raise ValueError
    return high, low


def _all_of_it(raw: bool | int | str) -> int | None:
    """A number; None for "*" or true, which are all there is of it."""
    if raw is False:
        raise ValueError
    return None if isinstance(raw, (bool, str)) else raw


_Scalar = str | int | float
_CHANNEL: Final = Field(
    Annotated[int, Meta(ge=1, le=16)] | Literal["any", "*"],
    "1 to 16, or any",
    "the MIDI channel as the device's manual counts it",
    _channel,
)

SOURCES: Final[dict[str, tuple[Field, Callable[[Any], Source]]]] = {
    "cc": (
        Field(_Seven, _NUMBER, "a controller: knob, fader, switch; an encoder with relative:"),
        Cc,
    ),
    "cc14": (
        Field(
            # not tuple[_High, _Seven]: beside a bounded int, msgspec 0.22 crashes on that
            _High | Annotated[list[_Seven], Meta(min_length=2, max_length=2)],
            "[high, low] with high 0 to 31, such as [16, 48], or high alone for low = high + 32",
            "a controller of 14 bits, sent as two controllers",
            _halves,
        ),
        lambda raw: Cc14(*raw),
    ),
    "nrpn": (Field(_Fourteen, "0 to 16383", "a non-registered parameter number"), Nrpn),
    "rpn": (
        Field(_Fourteen, "0 to 16383", "a registered parameter number"),
        lambda raw: Nrpn(raw, registered=True),
    ),
    "pitch": (
        Field(
            Literal["*"] | bool,
            '"*"',
            "the pitch wheel, or a touch fader that speaks like one",
            _all_of_it,
        ),
        lambda _: Pitch(),
    ),
    "aftertouch": (
        Field(
            _Seven | Literal["*"] | bool,
            f'"*" for the channel\'s, or a note {_NUMBER}',
            "pressure after the key is down",
            _all_of_it,
        ),
        Aftertouch,
    ),
    "note": (Field(_Seven, _NUMBER, "a key or a pad"), Note),
    "program": (
        Field(_Seven | Literal["*"], f'{_NUMBER}, or "*" for any', "a program change", _all_of_it),
        Program,
    ),
}
"""What `on:` can name, one of them; and the source that it is."""

BESIDE_SOURCE: Final[dict[str, Field]] = {
    "channel": _CHANNEL,
    "relative": Field(
        Relative,
        "twos-complement, offset-binary or signed-bit",
        "cc is an encoder without ends, and this is how it says up and down",
    ),
}

FEEDBACK: Final[dict[str, Field]] = {
    "cc": Field(_Seven, _NUMBER, "the controller the light listens to"),
    "note": Field(_Seven, _NUMBER, "the note the light listens to"),
    "channel": Field(
        Annotated[int, Meta(ge=1, le=16)],
        "1 to 16",
        "the light's channel (default: that of on:, or 1)",
    ),
    "show": Field(
        Literal["state", "value"],
        "state or value",
        "on and off, or the value as 0 to 127 (a ring); default: value for cc of a knob",
    ),
    "on": Field(_Seven, _NUMBER, "what is sent for on (a colour, on many boxes); default 127"),
    "off": Field(_Seven, _NUMBER, "what is sent for off; default 0"),
    "busy": Field(
        _Seven | Literal["blink", "none"],
        f"blink, none, or {_NUMBER}",
        "what is sent while a preset downloads; default blink",
        lambda raw: None if raw == "none" else raw,
    ),
}

MAPPING: Final[dict[str, Field]] = {
    "range": Field(
        tuple[_Scalar, _Scalar],
        "[at the low end, at the high end]",
        "in the control's own values; default: all of it",
    ),
    "curve": Field(Curve, "lin, exp, log or s", "how the value follows the knob; default lin"),
    "invert": Field(bool, "true or false", "turn the knob round"),
    "takeover": Field(
        TakeoverMode,
        "pickup, scale or jump",
        "what a knob does that stands elsewhere than its value; default pickup",
    ),
    "mode": Field(
        Mode,
        "knob, trigger, toggle, momentary, velocity or set",
        "how a key or switch is played; default: what suits source and target",
    ),
    "value": Field(_Scalar, "a value of the control", "what mode set sets"),
    "arguments": Field(
        list[_Scalar],
        "a list, such as [anime]",
        "what a trigger is given; default: the velocity or the program's number",
        tuple,
    ),
    "step": Field(
        _Positive,
        "a number above 0",
        "what one tick of an encoder changes, in the control's own values; default: 1 of whole "
        "numbers, else 1/128 of the range",
    ),
    "acceleration": Field(
        Annotated[float, Meta(ge=0, le=100)],
        "0 to 100",
        "a fast turn of an encoder goes up to 1 + so many times as far; default 0",
    ),
    "bank": Field(
        Annotated[int, Meta(ge=1, le=BANKS)],
        f"1 to {BANKS}",
        "the page on which this counts; default: on all",
    ),
}

MATCH: Final[dict[str, Field]] = {
    "input": Field(str, 'a name such as "nanoKONTROL2*"', "the port it plays from"),
    "output": Field(
        str, 'a name such as "nanoKONTROL2*", or ""', "the port of its lights; default: as input"
    ),
}

DEVICE: Final[dict[str, Field]] = {
    "clock": Field(
        ClockUse, "in, out or none", "whether its clock may drive the tempo, or follows it"
    ),
    "setup": Field(
        list[str] | str,
        'whole MIDI messages in hex, such as "F0 00 20 29 02 0C 0E 01 F7"',
        "sent when the device appears",
        _messages,
    ),
    "farewell": Field(
        list[str] | str,
        'whole MIDI messages in hex, such as "F0 00 20 29 02 0C 0E 00 F7"',
        "sent when the show ends",
        _messages,
    ),
}
