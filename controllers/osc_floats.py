"""Numbers that came as 32 bits, as they were meant: 0.7, and not 0.699999988079071.

Values are doubles here, and files and screens show all of one. What leaves is 32 bits again, and
the same ones.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from controllers.osc_wire import Arg

MOST_ARGUMENTS: Final = 8
"""Of more arguments, those of a stroke, nothing is kept that anybody reads."""

_FLOAT: Final = Struct(">f")
_pack, _unpack = _FLOAT.pack, _FLOAT.unpack


def meant(value: float) -> float:
    """The shortest decimal of 7 to 9 digits that has the 32 bits of `value`.

    Nine tell every float from its neighbours. A value that no 32 bits have stays as it is.
    """
    try:
        octets = _pack(value)
    except OverflowError:
        return value
    if _unpack(octets)[0] != value:
        return value
    short = float(f"{value:.7g}")
    if _pack(short) == octets:
        return short
    short = float(f"{value:.8g}")
    return short if _pack(short) == octets else float(f"{value:.9g}")


def all_meant(arguments: tuple[Arg, ...]) -> tuple[Arg, ...]:
    """The arguments of a message, its floats as they were meant; a stroke as it is."""
    if len(arguments) > MOST_ARGUMENTS:
        return arguments
    return tuple(meant(each) if isinstance(each, float) else each for each in arguments)
