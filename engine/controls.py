"""Controls: the one address space that everything plays and everything reads.

A *parameter* holds a value, a *trigger* happens. Both are declared once, in a table; OSC addresses,
MIDI targets, scene keys and the printed reference derive from the declaration.

One task owns a `Controls` (the conductor's trio thread): only it sets and fires. Other threads read
`committed`, an immutable snapshot that is replaced whole between the conductor's turns, so that a
bundle of changes is never seen half done.
"""

from __future__ import annotations

import difflib
import math
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from engine.errors import ArtflowError, ControlError, UnknownControl

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
    should set it. `check` is given a text that is otherwise right and raises `ArtflowError` where
    it cannot be.
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
    deliberate: bool = False
    check: Callable[[str], object] | None = field(default=None, compare=False, repr=False)

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

    Examples: "" takes nothing, "s[f" takes text and perhaps a number, "*" takes one or more floats.
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

    def _numbers(self, raw: tuple[object, ...]) -> tuple[Value, ...]:
        # a stroke has hundreds; where all are floats and their sum is finite, so is each
        if set(map(type, raw)) == {float} and math.isfinite(sum(raw)):  # type: ignore[arg-type]
            return raw  # type: ignore[return-value]
        return tuple(self._argument("f", value) for value in raw)

    def _argument(self, kind: str, raw: object) -> Value:
        slot = Parameter(self.name, kind, 0, "")
        return slot.coerce(raw)


class Change(NamedTuple):
    """A parameter has a new value. `origin` is whoever asked; `clamped` if it got another value."""

    parameter: Parameter
    value: Value
    origin: object
    clamped: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every parameter's value at one moment; `seq` grows with each change."""

    seq: int
    values: Mapping[str, Value]

    def number(self, name: str) -> float:
        value = self.values[name]
        assert not isinstance(value, str), name
        return value

    def text(self, name: str) -> str:
        return str(self.values[name])


ChangeListener = Callable[[Change], None]
TriggerHandler = Callable[[tuple[Value, ...], object], None]
Report = Callable[[str, str, object], None]
"""(address, one line of text, origin): something was refused or went wrong."""


@dataclass
class Controls:
    """The address space: values, their listeners, triggers and their handlers.

    `set` stores the *target* of a parameter. Where a parameter slews, `moving` is asked to bring
    the snapshot's value there in time; without it every change arrives at once.
    """

    _parameters: dict[str, Parameter] = field(default_factory=dict)
    _triggers: dict[str, Trigger] = field(default_factory=dict)
    _values: dict[str, Value] = field(default_factory=dict)
    _live: dict[str, Value] = field(default_factory=dict)
    _handlers: dict[str, TriggerHandler] = field(default_factory=dict)
    _listeners: list[ChangeListener] = field(default_factory=list)
    _reporters: list[Report] = field(default_factory=list)
    _snapshot: Snapshot = field(default_factory=lambda: Snapshot(0, MappingProxyType({})))
    _stale: bool = False
    _untold: deque[Change] = field(default_factory=deque)
    _telling: bool = False
    _seq: int = 0
    moving: Callable[[Parameter, Value, Value], bool] | None = None
    wake: Callable[[], None] = lambda: None
    """Called when something changed since the last `commit`."""
    committed: Snapshot = field(default_factory=lambda: Snapshot(0, MappingProxyType({})))
    """The newest whole snapshot. Safe to read from any thread."""

    # declaring

    def declare(self, *entries: Parameter | Trigger) -> None:
        """Add rows to the address space. A name can be declared once."""
        for entry in entries:
            if entry.name in self._parameters or entry.name in self._triggers:
                raise ValueError(f"{entry.name} is declared twice")
            if isinstance(entry, Trigger):
                self._triggers[entry.name] = entry
                continue
            self._parameters[entry.name] = entry
            self._values[entry.name] = self._live[entry.name] = entry.default
        self._touch()

    def on(self, trigger: str, handler: TriggerHandler) -> None:
        """Let `handler(arguments, origin)` answer a declared trigger; one handler each."""
        if trigger not in self._triggers:
            raise ValueError(f"{trigger} is not a declared trigger")
        if trigger in self._handlers:
            raise ValueError(f"{trigger} already has a handler")
        self._handlers[trigger] = handler

    def listen(self, listener: ChangeListener) -> Callable[[], None]:
        """Call `listener(change)` after every change; returns a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def on_report(self, reporter: Report) -> Callable[[], None]:
        """Call `reporter(address, text, origin)` when something went wrong; returns an end."""
        self._reporters.append(reporter)
        return lambda: self._reporters.remove(reporter)

    def report(self, address: str, text: str, origin: object = None) -> None:
        """Tell the performer, in one line, that something was refused or went wrong."""
        for reporter in tuple(self._reporters):
            reporter(address, text, origin)

    # reading

    def parameter(self, name: str) -> Parameter:
        """The declaration of `name`; raises `UnknownControl` with the nearest names."""
        try:
            return self._parameters[name]
        except KeyError:
            raise self._unknown(name) from None

    def trigger(self, name: str) -> Trigger:
        try:
            return self._triggers[name]
        except KeyError:
            raise self._unknown(name) from None

    def parameters(self) -> Iterator[Parameter]:
        return iter(tuple(self._parameters.values()))

    def triggers(self) -> Iterator[Trigger]:
        return iter(tuple(self._triggers.values()))

    def is_parameter(self, name: str) -> bool:
        return name in self._parameters

    def is_trigger(self, name: str) -> bool:
        return name in self._triggers

    def get(self, name: str) -> Value:
        """The value last set (where a slewing value is heading)."""
        self.parameter(name)
        return self._values[name]

    @property
    def snapshot(self) -> Snapshot:
        """Every value as it is now, slewing ones half-way; for the owner's task."""
        if self._stale:
            self._stale = False
            self._snapshot = Snapshot(self._seq, MappingProxyType(dict(self._live)))
        return self._snapshot

    def commit(self) -> Snapshot:
        """Show the world every change made so far, at once."""
        self.committed = self.snapshot
        return self.committed

    # playing

    def set(self, name: str, raw: object, origin: object = None) -> Value:
        """Store what `raw` asks for, clamped, and tell the listeners; returns the stored value."""
        parameter = self._parameters.get(name) or self.parameter(name)
        if parameter.read_only:
            raise ControlError(f"{name} is a reported value and cannot be set")
        value = parameter.coerce(raw)
        clamped = raw != value and _differs(parameter, raw, value)
        self._store(parameter, value, origin, clamped)
        return value

    def set_normalized(self, name: str, raw: object, origin: object = None) -> Value:
        """Set from 0..1 over the range."""
        return self.set(name, self.parameter(name).denormalized(raw), origin)

    def reset(self, name: str, origin: object = None) -> Value:
        """Back to the default."""
        return self.set(name, self.parameter(name).default, origin)

    def publish(self, name: str, value: Value) -> None:
        """Set a read-only parameter: what the engine reports."""
        parameter = self.parameter(name)
        if value != self._values[name]:
            self._store(parameter, value, None, False)

    def fire(self, name: str, raw: tuple[object, ...] = (), origin: object = None) -> bool:
        """Let a trigger happen now; False where a button's release asked for nothing.

        Raises `ControlError` on wrong arguments, or where the part that answers it is not running.
        """
        trigger = self.trigger(name)
        arguments = trigger.coerce(raw)
        if arguments is None:
            return False
        handler = self._handlers.get(name)
        if handler is None:
            raise ControlError(f"{name} has no part of this show to answer it")
        handler(arguments, origin)
        return True

    def travel(self, values: Mapping[str, Value]) -> None:
        """Put moving parameters where motion has brought them; targets stay as they are."""
        self._live.update(values)
        self._touch()

    def _store(self, parameter: Parameter, value: Value, origin: object, clamped: bool) -> None:
        name = parameter.name
        self._values[name] = value
        # asked even where the value is there already: it may be on its way elsewhere
        travels = (
            self.moving is not None
            and parameter.slew > 0
            and self.moving(parameter, self._live[name], value)
        )
        if not travels:
            self._live[name] = value
        self._touch()
        change = Change(parameter, value, origin, clamped)
        self._untold.append(change)
        if self._telling:
            return  # a listener made this one: it is told after the one under way
        self._telling = True
        try:
            while self._untold:
                change = self._untold.popleft()
                for listener in tuple(self._listeners):
                    listener(change)
        finally:
            self._telling = False

    def _touch(self) -> None:
        self._seq += 1
        self._stale = True
        self.wake()

    def _unknown(self, name: str) -> UnknownControl:
        near = difflib.get_close_matches(name, [*self._parameters, *self._triggers], n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; see artflow controls"
        return UnknownControl(f"unknown control {name!r}{hint}")


def _differs(parameter: Parameter, raw: object, value: Value) -> bool:
    """Whether `raw` asked for another value than it got; an index within its list did not."""
    if isinstance(value, str):
        if parameter.choices is not None and isinstance(raw, (int, float)):
            return not 0 <= raw <= len(parameter.choices) - 1
        return raw != value
    return isinstance(raw, (int, float)) and float(raw) != float(value)
