"""Declarations: what a control is called, what it takes and what it means; and reading it.

Everything here is a value. Who holds what they say now is `engine.controls`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from engine.errors import ArtflowError, ControlError

Value = float | int | str
"""A parameter's value: float for kind "f", int for "i", str for "s"."""

MAX_TEXT_BYTES: Final = 1000

FORMS: Final = MappingProxyType({"#rrggbb": re.compile("#[0-9a-fA-F]{6}")})
"""What a text may have to look like, by how that is written down."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named value.

    `kind` is the OSC type letter: "f", "i" or "s". `low`/`high` bound numbers (inclusive);
    `choices` lists the allowed values of an enumerated parameter (strings or ints), `form` names
    the one of `FORMS` that a text must have. `slew` is the
    time in seconds that a change takes to arrive (0 = at once). `wrap` marks angles, whose travel
    takes the short way round. A `read_only` parameter reports; only the engine sets it. What is
    `deliberate` costs much: no number outside its list means the nearest, and no pattern of names
    should set it. `lines`: the text is a list, a line for each; on a wire they are texts of their
    own. What is of the `moment` belongs to the evening or the house rather than to a look: a saved
    scene names it only where it is not as at the start. `check` is given a text that is otherwise
    right and raises `ArtflowError` where it cannot be.

    In a fade numbers and colours travel (by equal ratios where `log`); whatever else there is, and
    all with `turns`, takes its new value at once: at the fade's "start" ("" too), or "mid" way.
    """

    name: str
    kind: str
    default: Value
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str | int, ...] | None = None
    form: str = ""
    unit: str = ""
    slew: float = 0.0
    wrap: bool = False
    read_only: bool = False
    log: bool = False
    turns: Literal["", "start", "mid"] = ""
    deliberate: bool = False
    lines: bool = False
    moment: bool = False
    check: Callable[[str], object] | None = field(default=None, compare=False, repr=False)

    @property
    def types(self) -> str:
        """The OSC types of its value, as one reads them."""
        return f"{self.kind}..." if self.lines else self.kind

    @property
    def bounded(self) -> bool:
        """Whether the value has a range that 0..1 can be mapped onto."""
        return self.choices is not None or (self.low is not None and self.high is not None)

    def coerce(self, raw: object) -> Value:
        """The value that `raw` asks for, clamped to the range.

        Numbers are read generously (an integral float for an int, a bool for 0/1, half and more of
        1 for a switch that is on, a number as an index into `choices` of an enumerated string).
        Raises `ControlError` on a wrong type, NaN, infinity, an unlisted choice, text of another
        form, one that `check` refuses, or one over 1,000 bytes.
        """
        if self.kind == "s":
            return self._coerce_text(raw)
        number = _number(self.name, raw)
        if self.kind == "i" and not isinstance(number, int):
            if (self.low, self.high) == (0, 1):
                number = number >= 0.5  # a switch, on a fader
            elif number != int(number):
                raise ControlError(f"{self.name} takes a whole number, not {number:g}")
            number = int(number)
        if self.choices is not None:
            if number not in self.choices:
                # a switch position between the listed ones means the nearest
                return min((int(c) for c in self.choices), key=lambda c: abs(c - number))
            return int(number)
        if self.low is not None:
            number = max(number, self.low)
        if self.high is not None:
            number = min(number, self.high)
        return float(number) if self.kind == "f" else int(number)

    def _coerce_text(self, raw: object) -> str:
        if self.choices is not None and isinstance(raw, (int, float)):
            number = _number(self.name, raw)
            if self.deliberate and number not in range(len(self.choices)):
                allowed = ", ".join(f"{at} {choice}" for at, choice in enumerate(self.choices))
                raise ControlError(f"{self.name} has no number {number:g}; allowed: {allowed}")
            index = round(max(0, min(number, len(self.choices) - 1)))
            return str(self.choices[index])
        if not isinstance(raw, str):
            raise ControlError(f"{self.name} takes text, not {_described(raw)}")
        try:
            size = len(raw.encode())
        except UnicodeEncodeError:
            # half a surrogate pair, from JSON's \ud83d: no wire could carry it further
            raise ControlError(f"{self.name} takes text that has a UTF-8 form") from None
        if size > MAX_TEXT_BYTES:
            raise ControlError(f"{self.name} takes at most {MAX_TEXT_BYTES} bytes of text")
        if self.choices is not None and raw not in self.choices:
            allowed = ", ".join(str(choice) for choice in self.choices)
            raise ControlError(f"{self.name} cannot be {raw!r}; allowed: {allowed}")
        if self.form and not FORMS[self.form].fullmatch(raw):
            raise ControlError(f"{self.name} takes {self.form}, not {raw[:40]!r}")
        if self.check is not None:
            try:
                self.check(raw)
            except ArtflowError as error:
                raise ControlError(str(error)) from None
        return raw

    def normalized(self, value: Value) -> float:
        """`value` as 0..1 over the range (index over the choices where enumerated)."""
        if self.choices is not None:
            return self.choices.index(value) / max(1, len(self.choices) - 1)
        if self.low is None or self.high is None or isinstance(value, str):
            raise ControlError(f"{self.name} has no range to normalize over")
        return (value - self.low) / (self.high - self.low)

    def ridden(self, base: Value, offset: float) -> Value:
        """`base` with `offset` (in the parameter's unit) on it: angles go round, others stop."""
        if self.low is None or self.high is None or isinstance(base, str):
            return base
        place = base + offset
        if self.wrap and not self.low <= place <= self.high:
            return self.low + (place - self.low) % (self.high - self.low)
        return min(self.high, max(self.low, place))

    def denormalized(self, raw: object) -> Value:
        """The value at 0..1 of the range; the inverse of `normalized`."""
        amount = _number(self.name, raw)
        amount = max(0.0, min(1.0, amount))
        if self.choices is not None:
            return self.choices[round(amount * (len(self.choices) - 1))]
        if self.low is None or self.high is None:
            raise ControlError(f"{self.name} has no range to normalize over")
        value = self.low + amount * (self.high - self.low)
        return float(value) if self.kind == "f" else round(value)


def _number(name: str, raw: object) -> float | int:
    if isinstance(raw, bool):
        return int(raw)
    if not isinstance(raw, (int, float)):
        raise ControlError(f"{name} takes a number, not {_described(raw)}")
    if isinstance(raw, float) and not math.isfinite(raw):
        raise ControlError(f"{name} takes a finite number, not {raw}")
    return raw


def _described(raw: object) -> str:
    if isinstance(raw, str):
        return f"the text {raw[:40]!r}"
    if raw is None:
        return "nothing"
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, (int, float)):
        return f"the number {raw:g}" if isinstance(raw, float) else f"the number {raw}"
    for kind, words in _IN_WORDS:
        if isinstance(raw, kind):
            return words
    return str(getattr(raw, "in_words", "something else"))


_IN_WORDS: Final[tuple[tuple[type, str], ...]] = (
    (bytes, "raw bytes"),
    (tuple, "a list"),
    (list, "a list"),
    (dict, "a mapping"),
)
"""What may come from outside, for performers; other kinds of value bring their own `in_words`."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something that happens. `arguments` is the OSC type string, with "[" before optional ones.

    Examples: "" takes nothing, "s[f" takes text and perhaps a number, "*" takes one or more floats;
    "a" is a number or a text, whichever comes.
    """

    name: str
    help: str
    arguments: str = ""

    def coerce(self, raw: tuple[object, ...]) -> tuple[Value, ...] | None:
        """The arguments as declared; None for a button's release (a single 0)."""
        required, _, optional = self.arguments.partition("[")
        if self.arguments == "*":
            if not raw:
                raise ControlError(f"{self.name} takes one or more numbers, not none")
            return self._numbers(raw)
        if not required and len(raw) == 1 and isinstance(raw[0], (int, float)):
            return () if _number(self.name, raw[0]) else None
        if not len(required) <= len(raw) <= len(required) + len(optional):
            takes = (
                len(required) if not optional else f"{len(required)} to {len(required + optional)}"
            )
            raise ControlError(f"{self.name} takes {takes} arguments, not {len(raw)}")
        return tuple(map(self._argument, required + optional, raw))

    def doubt(self, arguments: tuple[Value, ...]) -> str:  # noqa: ARG002
        """Why arguments that it takes may do nothing when it is fired; "" where nothing says so."""
        return ""

    def _numbers(self, raw: tuple[object, ...]) -> tuple[Value, ...]:
        # a stroke has hundreds; where all are floats and their sum is finite, so is each
        if set(map(type, raw)) == {float} and math.isfinite(sum(raw)):  # type: ignore[arg-type]
            return raw  # type: ignore[return-value]
        return tuple(self._argument("f", value) for value in raw)

    def _argument(self, kind: str, raw: object) -> Value:
        if kind == "a":
            kind = {str: "s", int: "i", bool: "i"}.get(type(raw), "f")
        slot = Parameter(self.name, kind, 0, "")
        return slot.coerce(raw)
